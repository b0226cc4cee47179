// SPDX-License-Identifier: GPL-2.0
//! A fault is used up by its answer: who called the handler may release the lock then.

use kernel::mm::vma::driver::{Fault, FaultOutcome, HugeFault, MkWrite, VmaOperations};

fn fault<'a, T: VmaOperations>(fault: Fault<'a, T>, pages: usize) -> FaultOutcome<'a> {
    #[cfg(not(misuse))]
    let is_there = fault.pgoff() < pages;
    let answer = fault.no_page();
    #[cfg(misuse)]
    let is_there = fault.pgoff() < pages; //~ E0382 "borrow of moved value: `fault`"
    assert!(is_there);
    answer
}

fn huge_fault<T: VmaOperations>(fault: HugeFault<'_, T>) -> usize {
    #[cfg(not(misuse))]
    let start = fault.vma().start();
    drop(fault.fallback());
    #[cfg(misuse)]
    let start = fault.vma().start(); //~ E0382 "borrow of moved value: `fault`"
    start
}

fn page_mkwrite<T: VmaOperations>(fault: MkWrite<'_, T>) -> bool {
    #[cfg(not(misuse))]
    let is_write = fault.flags().is_write();
    drop(fault.allow());
    #[cfg(misuse)]
    let is_write = fault.flags().is_write(); //~ E0382 "borrow of moved value: `fault`"
    is_write
}
