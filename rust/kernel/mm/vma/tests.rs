// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of the VMA lock guards, on a real address space and with real second tasks.
//!
//! A second task that blocks proves that a lock excludes it: a test waits until the lock itself
//! shows the waiter (`vm_refcnt`, `mmap_lock_is_contended()`), checks that the waiter has not got
//! through, lets it through, and checks that it has.

mod address_space;
mod attacks;
mod cursor;
mod data_race;
mod driver;
mod exclusivity;
mod failing;
mod fields;
mod hmm;
mod holds;
mod iter;
mod killed;
mod levels;
mod locked_vmas;
mod misorder;
mod mm_handle;
mod mmap_guard;
mod name;
mod no_vma_lock;
mod notifier;
mod order;
mod page_table;
mod reader_limit;
mod refcnt;
mod rmap;
mod second_task;
mod setup;
mod skip;
mod speculation;
mod structure;
mod unstable;
mod vma_guard;
mod vma_write;
