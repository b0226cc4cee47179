// SPDX-License-Identifier: GPL-2.0
//! Only a task that could have write-locked a VMA can ask whether it is: it holds the mmap write
//! lock, so the sequence numbers do not change.

#[cfg(misuse)]
use kernel::mm::vma::MmapRead as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::MmapWrite as Held;
use kernel::mm::vma::{AdviceFlags, Vma};

fn advise(vma: &Vma<Held>) -> Option<()> {
    if vma.is_write_locked() { //~ E0277 "does not hold the mmap write lock"
        let vma = vma.as_write_locked()?; //~ E0277 "does not hold the mmap write lock"
        vma.set_flags(AdviceFlags::DONTDUMP);
    }
    Some(())
}
