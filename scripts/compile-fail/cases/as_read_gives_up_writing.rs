// SPDX-License-Identifier: GPL-2.0
//! `as_read()` forgets the write locks.

use kernel::mm::vma::{AdviceFlags, Vma, VmaWrite};

fn dont_dump(vma: &Vma<VmaWrite>) {
    #[cfg(misuse)]
    let vma = vma.as_read();
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "needs the mmap write lock and the VMA write lock"
}
