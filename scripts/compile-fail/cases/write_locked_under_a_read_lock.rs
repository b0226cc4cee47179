// SPDX-License-Identifier: GPL-2.0
//! Whether a VMA is write-locked can be asked by who could have locked it: the sequence numbers are
//! in nobody else's hands then.

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
