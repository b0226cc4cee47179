// SPDX-License-Identifier: GPL-2.0
//! The proof that `page_table_lock` is held cannot be taken out of the closure.

use kernel::mm::vma::{MmapRead, Vma};

fn keep(vma: &Vma<MmapRead>) -> bool {
    #[cfg(misuse)]
    let held = vma.with_page_table_lock(|lock| lock); //~ error "lifetime may not live long enough"
    #[cfg(misuse)]
    let held = held.is_of(vma.mm_id());
    #[cfg(not(misuse))]
    let held = vma.with_page_table_lock(|lock| lock.is_of(vma.mm_id()));
    held
}
