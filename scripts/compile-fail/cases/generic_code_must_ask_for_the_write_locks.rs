// SPDX-License-Identifier: GPL-2.0
//! Code for several levels says what it needs of them: reading does not include writing.

#[cfg(misuse)]
use kernel::mm::vma::ReadFields as Needed;
#[cfg(not(misuse))]
use kernel::mm::vma::WriteMost as Needed;
use kernel::mm::vma::{AdviceFlags, Vma};

fn dont_dump<L: Needed>(vma: &Vma<L>) {
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "needs the mmap write lock and the VMA write lock"
}
