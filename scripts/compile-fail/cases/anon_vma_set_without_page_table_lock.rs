// SPDX-License-Identifier: GPL-2.0
//! To set `anon_vma` takes `page_table_lock`, too.

use kernel::mm::vma::{rmap::AnonVma, MmapRead, Vma};

fn link(vma: &Vma<MmapRead>, anon_vma: &AnonVma) {
    #[cfg(misuse)]
    // SAFETY: This is only compiled.
    let _ = unsafe { vma.set_anon_vma(anon_vma) }; //~ E0061 "argument #2 of type `&PageTableLock<'_>` is missing"
    #[cfg(not(misuse))]
    // SAFETY: This is only compiled.
    let _ = vma.with_page_table_lock(|lock| unsafe { vma.set_anon_vma(anon_vma, lock) });
}
