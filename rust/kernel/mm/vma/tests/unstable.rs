// SPDX-License-Identifier: GPL-2.0

//! Looking at a VMA under RCU alone.

use super::address_space::{
    unmap,
    AddressSpace, //
};
use crate::{
    prelude::*,
    sync::rcu, //
};

#[kunit_tests(rust_vma_unstable)]
mod tests {
    use super::*;

    #[test]
    fn finds_only_mapped_vmas_with_their_mm() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let locks = mm.vma_locks();

        let rcu = rcu::read_lock();
        let vma = locks.peek(&rcu, mapping.start).ok_or(ENOENT)?;
        assert_eq!(vma.mm_addr(), mm.as_raw().addr());
        assert!(locks.peek(&rcu, mapping.end()).is_none());
        drop(rcu);

        unmap(mapping.start, mapping.len)?;
        assert!(locks.peek(&rcu::read_lock(), mapping.start).is_none());
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn the_lock_words_can_be_read() -> Result {
        use crate::mm::vma::VmRefcnt;

        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let seq = {
            let rcu = rcu::read_lock();
            let vma = locks.peek(&rcu, mapping.start).ok_or(ENOENT)?;
            assert!(matches!(vma.refcnt(), VmRefcnt::Attached { .. }));
            vma.lock_seq()
        };

        let reader = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let other_scope = mm.vma_locks();
        {
            let rcu = rcu::read_lock();
            let vma = other_scope.peek(&rcu, mapping.start).ok_or(ENOENT)?;
            assert!(matches!(vma.refcnt(), VmRefcnt::Readers { readers: 1, .. }));
        }
        drop(reader);

        // Each write lock gets a number of its own.
        let mmap = locks.write();
        mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        drop(mmap);
        let rcu = rcu::read_lock();
        assert!(locks.peek(&rcu, mapping.start).ok_or(ENOENT)?.lock_seq() != seq);
        Ok(())
    }
}
