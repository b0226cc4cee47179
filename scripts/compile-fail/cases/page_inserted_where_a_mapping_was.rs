// SPDX-License-Identifier: GPL-2.0
//! A remembered address is not a mapping: CVE-2026-43434 inserted pages into what had been mapped
//! there since. Only a view that is known to be the driver's own inserts.

use kernel::mm::{
    vma::driver::{MixedMap, OperationsTable, SharedPage},
    MmWithUser,
};
use kernel::prelude::*;

fn insert<T>(mm: &MmWithUser, remembered: usize, page: &SharedPage) -> Result
where
    T: OperationsTable<PageKind = MixedMap>,
{
    let mut locks = mm.vma_locks();
    let mut vma = locks.lock_vma(remembered).ok_or(ENXIO)?;
    let (vma, mut order) = vma.nest();
    #[cfg(not(misuse))]
    let vma = vma.downcast::<T>().ok_or(ENXIO)?;
    vma.insert_page(&mut order, remembered, page) //~ E0277 "it is not known whose VMA this is"
}
