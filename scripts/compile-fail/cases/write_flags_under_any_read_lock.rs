// SPDX-License-Identifier: GPL-2.0
//! Flags are written under the write locks, not under whichever read lock `lock_vma()` got.

#[cfg(misuse)]
use kernel::mm::vma::Read as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;
use kernel::mm::vma::{AdviceFlags, Vma};

fn dont_dump(vma: &Vma<Held>) {
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "needs the mmap write lock and the VMA write lock"
}
