// SPDX-License-Identifier: GPL-2.0
//! Whose a VMA is cannot be claimed: only a look at its operations says so.

use kernel::mm::vma::{
    driver::{DriverVma, OperationsTable},
    MmapRead, Vma,
};

fn claim<T: OperationsTable>(vma: &Vma<MmapRead>) -> Option<&DriverVma<T, MmapRead>> {
    #[cfg(misuse)]
    return Some(unsafe { DriverVma::from_raw(vma.as_raw()) }); //~ E0624 "associated function `from_raw` is private"
    #[cfg(not(misuse))]
    return vma.downcast();
}
