// SPDX-License-Identifier: GPL-2.0
//! Safe code cannot claim that it owns a VMA: only a comparison of its operations shows that.

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
