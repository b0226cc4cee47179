// SPDX-License-Identifier: GPL-2.0
//! The data of a VMA has the type that its own operations say, so a VMA of one driver is not one of
//! another.

use kernel::mm::vma::{
    driver::{DriverVma, OperationsTable},
    MmapRead,
};
use kernel::prelude::*;

fn serve<T: OperationsTable>(_: &DriverVma<T, MmapRead>) {}

fn pass_on<T: OperationsTable, U: OperationsTable>(vma: &DriverVma<T, MmapRead>) -> Result {
    #[cfg(not(misuse))]
    let vma = vma.downcast::<U>().ok_or(ENXIO)?;
    serve::<U>(vma); //~ E0308 "expected `&DriverVma<U, MmapRead>`, found `&DriverVma<T, MmapRead>`"
    Ok(())
}
