// SPDX-License-Identifier: GPL-2.0
//! The pages of whatever is mapped at a remembered address are unmapped.

use kernel::mm::MmWithUser;
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;

fn zap(mm: &MmWithUser, remembered: usize) -> Result {
    let mmap = mm.mmap_read_lock();
    let vma = mmap.vma_lookup(remembered).ok_or(ENXIO)?;
    vma.zap_vma_range(remembered, PAGE_SIZE);
    Ok(())
}
