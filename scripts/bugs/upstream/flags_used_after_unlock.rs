// SPDX-License-Identifier: GPL-2.0
//! The flags of a VMA are copied, and used after its lock was released.

use kernel::mm::{virt::flags, MmWithUser};
use kernel::page::Page;
use kernel::prelude::*;

fn insert(mm: &MmWithUser, addr: usize, page: &Page) -> Result {
    let seen = mm.lock_vma_under_rcu(addr).ok_or(ENXIO)?.flags();
    if seen & flags::WRITE == 0 {
        return Err(EACCES);
    }
    let vma = mm.lock_vma_under_rcu(addr).ok_or(ENXIO)?;
    vma.as_mixedmap_vma()
        .ok_or(ENXIO)?
        .vm_insert_page(addr, page)
}
