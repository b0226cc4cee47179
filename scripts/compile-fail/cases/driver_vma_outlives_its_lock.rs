// SPDX-License-Identifier: GPL-2.0
//! A VMA is known to be the driver's own only while its lock is held: after that another one may
//! take its place.

use kernel::mm::{
    vma::driver::{MixedMap, OperationsTable, SharedPage},
    MmWithUser,
};
use kernel::prelude::*;

fn insert<T>(mm: &MmWithUser, addr: usize, page: &SharedPage) -> Result
where
    T: OperationsTable<PageKind = MixedMap>,
{
    let mut locks = mm.vma_locks();
    let mut guard = locks.lock_vma(addr).ok_or(ENXIO)?;
    let (vma, mut order) = guard.nest();
    let vma = vma.downcast::<T>().ok_or(ENXIO)?;
    #[cfg(misuse)]
    drop(guard); //~ E0505 "cannot move out of `guard` because it is borrowed"
    vma.insert_page(&mut order, addr, page)?;
    #[cfg(not(misuse))]
    drop(guard);
    Ok(())
}
