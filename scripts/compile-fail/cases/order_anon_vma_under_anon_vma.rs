// SPDX-License-Identifier: GPL-2.0
//! Two anonymous reverse mappings may have one lock, that of their root.
//@order: anon_vma under anon_vma

use kernel::mm::vma::{rmap::AnonVma, LockOrder};

fn both(one: &AnonVma, other: &AnonVma) -> usize {
    let mut order = LockOrder::new();
    #[cfg(misuse)]
    let mut one = one.lock_read(&mut order);
    #[cfg(misuse)]
    let (_one, mut order) = one.nest();
    #[cfg(not(misuse))]
    drop(one.lock_read(&mut order));
    let other = other.lock_read(&mut order); //~ E0277 "`AnonVmaLock` cannot be taken while `AnonVmaLock` is held"
    other.vmas(0..=usize::MAX).count()
}
