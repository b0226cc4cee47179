// SPDX-License-Identifier: GPL-2.0
//! Code for several levels says what it needs of them.

#[cfg(misuse)]
use kernel::mm::vma::Level as Needed;
#[cfg(not(misuse))]
use kernel::mm::vma::ReadFields as Needed;
use kernel::mm::vma::Vma;

fn len<L: Needed>(vma: &Vma<L>) -> usize {
    vma.end() //~ E0277 "needs the mmap lock, the VMA lock or an rmap lock"
        - vma.start() //~ E0277 "cannot be read at lock level `L`"
}

fn everything_else<L: Needed>(vma: &Vma<L>) -> bool {
    vma.pgoff(); //~ E0277 "needs the mmap lock, the VMA lock or an rmap lock"
    vma.flags(); //~ E0277 "needs the mmap lock or the VMA read lock"
    vma.page_prot(); //~ E0277 "needs the mmap lock or the VMA read lock"
    vma.mm_id(); //~ E0277 "nothing keeps a VMA stable at lock level `L`"
    vma.file().is_some() //~ E0277 "needs the mmap lock or the VMA read lock"
}
