// SPDX-License-Identifier: GPL-2.0
//! The pages that a driver unmaps are its own: CVE-2026-43434 unmapped those of whatever was mapped
//! at a remembered address.

use core::ops::Range;
use kernel::mm::{vma::driver::OperationsTable, MmWithUser};
use kernel::prelude::*;

fn take_back<T: OperationsTable>(mm: &MmWithUser, pages: Range<usize>) -> Result {
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(pages.start).ok_or(ENXIO)?;
    #[cfg(not(misuse))]
    let vma = vma.downcast::<T>().ok_or(ENXIO)?;
    vma.zap_pages(pages) //~ E0277 "it is not known whose VMA this is"
}
