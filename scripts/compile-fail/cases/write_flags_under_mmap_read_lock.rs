// SPDX-License-Identifier: GPL-2.0
//! Flags are written under the write locks, not under the mmap read lock.

#[cfg(misuse)]
use kernel::mm::vma::MmapRead as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;
use kernel::mm::vma::{AdviceFlags, Vma};

fn dont_dump(vma: &Vma<Held>) {
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "cannot be written at lock level `MmapRead`"
}
