// SPDX-License-Identifier: GPL-2.0
//! Taking an rmap lock needs the token of the locks already held.

#[cfg(not(misuse))]
use kernel::mm::vma::LockOrder;
use kernel::{fs::LocalFile, mm::vma::rmap::IMmap};

fn count(file: &LocalFile) -> usize {
    #[cfg(not(misuse))]
    let mut order = LockOrder::new();
    #[cfg(misuse)]
    let i_mmap = IMmap::of(file).lock_read(); //~ E0061 "takes 1 argument but 0 arguments were supplied"
    #[cfg(not(misuse))]
    let i_mmap = IMmap::of(file).lock_read(&mut order);
    i_mmap.vmas(0..=usize::MAX).count()
}
