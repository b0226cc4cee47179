// SPDX-License-Identifier: GPL-2.0

//! Transactions: VMAs that are unmapped, split and changed together.

use super::{
    address_space::{
        AddressSpace,
        Mapping, //
    },
    second_task::SecondTask, //
};
use crate::{
    mm::vma::{
        AdviceFlags,
        MmapGuard,
        MmapWrite,
        VmaFlag, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

/// The pages of a mapping at which VMAs begin and end.
fn pages(mmap: &MmapGuard<'_, MmapWrite>, mapping: Mapping) -> Result<KVec<[usize; 2]>> {
    let mut found = KVec::new();
    let page = |addr: usize| (addr - mapping.start) / PAGE_SIZE;
    for vma in mmap.vmas_in(mapping.start..mapping.end()) {
        found.push([page(vma.start()), page(vma.end())], GFP_KERNEL)?;
    }
    Ok(found)
}

#[kunit_tests(rust_vma_structure)]
mod tests {
    use super::*;

    #[test]
    fn unmapping_splits_at_the_ends() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(6)?;
        let start = mapping.start;
        let mut locks = mm.vma_locks();
        let mut mmap = locks.write();

        mmap.munmap(start + PAGE_SIZE..start + 2 * PAGE_SIZE)?;
        assert_eq!(pages(&mmap, mapping)?[..], [[0, 1], [2, 6]]);
        // The end is rounded up; what is not mapped does not matter.
        mmap.munmap(start..start + 2 * PAGE_SIZE + 1)?;
        assert_eq!(pages(&mmap, mapping)?[..], [[3, 6]]);
        mmap.munmap(start..start + 3 * PAGE_SIZE)?;
        assert_eq!(pages(&mmap, mapping)?[..], [[3, 6]]);

        assert_eq!(mmap.munmap(start + 1..mapping.end()), Err(EINVAL));
        assert_eq!(mmap.munmap(start..start), Err(EINVAL));
        #[allow(clippy::reversed_empty_ranges)]
        {
            assert_eq!(mmap.munmap(mapping.end()..start), Err(EINVAL));
        }
        assert_eq!(mmap.munmap(0..usize::MAX & !(PAGE_SIZE - 1)), Err(EINVAL));
        assert_eq!(pages(&mmap, mapping)?[..], [[3, 6]]);

        // The lock is still held, and can be given up as any other.
        let mmap = mmap.downgrade();
        assert!(mmap.lookup(start).is_none());
        assert!(mmap.lookup(mapping.end() - 1).is_some());
        Ok(())
    }

    /// `do_munmap()` works on `current->mm`, and crashes, or counts wrongly, for any other.
    #[test]
    fn only_the_tasks_own_memory_is_unmapped() -> Result {
        let (mm, other) = (AddressSpace::of_this_case()?, AddressSpace::unused()?);
        let mapping = mm.map(1)?;
        let range = mapping.start..mapping.end();

        assert_eq!(other.vma_locks().write().munmap(range.clone()), Err(EINVAL));
        let without_mm = {
            let (mm, range) = (mm.clone(), range.clone());
            SecondTask::spawn(move || mm.vma_locks().write().munmap(range))?
        };
        assert_eq!(without_mm.join()?, Err(EINVAL));
        let elsewhere = {
            let (mm, range) = (mm.clone(), range.clone());
            SecondTask::spawn(move || other.enter(|| mm.vma_locks().write().munmap(range)))?
        };
        assert_eq!(elsewhere.join()?, Err(EINVAL));

        let mut locks = mm.vma_locks();
        let mut mmap = locks.write();
        assert!(mmap.lookup(mapping.start).is_some());
        mmap.munmap(range)?;
        assert!(mmap.lookup(mapping.start).is_none());
        Ok(())
    }

    #[test]
    fn a_split_changes_nothing_but_the_extent() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mapping, file) = (mm.map(4)?, mm.map_shared(4)?);
        let mut locks = mm.vma_locks();
        let mut mmap = locks.write();

        for mapping in [mapping, file] {
            let at = mapping.start + 3 * PAGE_SIZE;
            let before = mmap.lookup(mapping.start).ok_or(ENOENT)?;
            let (flags, pgoff) = (before.flags(), before.pgoff());
            mmap.split(at)?;
            assert_eq!(pages(&mmap, mapping)?[..], [[0, 3], [3, 4]]);
            let after = mmap.lookup(at).ok_or(ENOENT)?;
            assert_eq!((after.flags(), after.pgoff()), (flags, pgoff + 3));
            // Split there already.
            mmap.split(at)?;
            mmap.split(mapping.start)?;
            assert_eq!(pages(&mmap, mapping)?[..], [[0, 3], [3, 4]]);

            assert_eq!(mmap.split(mapping.start + 1), Err(EINVAL));
            assert_eq!(mmap.split(mapping.end()), Err(ENOENT));
            assert_eq!(pages(&mmap, mapping)?[..], [[0, 3], [3, 4]]);
        }
        Ok(())
    }

    /// As `madvise()` does for a part of a mapping.
    #[test]
    fn a_part_is_split_off_and_changed() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(4)?;
        let part = mapping.start + PAGE_SIZE..mapping.start + 2 * PAGE_SIZE;
        let mut locks = mm.vma_locks();
        {
            let mut mmap = locks.write();
            mmap.split(part.start)?;
            mmap.split(part.end)?;
            for vma in mmap.vmas_in(part.clone()) {
                vma.start_write().set_flags(AdviceFlags::DONTDUMP);
            }
        }

        for page in 0..4 {
            let addr = mapping.start + page * PAGE_SIZE;
            let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
            assert_eq!(vma.flags().contains(VmaFlag::DONTDUMP), page == 1);
        }
        Ok(())
    }

    /// Both halves of a split are write-locked, so nobody sees them before the end.
    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn split_parts_are_write_locked() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let other = mm.map(1)?;
        let mut locks = mm.vma_locks();
        let mut mmap = locks.write();
        mmap.split(mapping.start + PAGE_SIZE)?;

        let can_read = {
            let mm = mm.clone();
            SecondTask::spawn(move || {
                let can = |addr| mm.vma_locks().lock_vma_under_rcu(addr).is_some();
                let last = mapping.end() - 1;
                (can(mapping.start), can(last), can(other.start))
            })?
        };
        assert_eq!(can_read.join()?, (false, false, true));
        for vma in mmap.vmas_in(mapping.start..mapping.end()) {
            assert!(vma.is_write_locked());
        }
        drop(mmap);
        assert!(locks.lock_vma_under_rcu(mapping.start).is_some());
        Ok(())
    }

    /// A reader of a VMA holds up whoever unmaps it, and sees it whole.
    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn unmapping_waits_for_readers() -> Result {
        use super::super::second_task::wait_until;

        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let locks = mm.vma_locks();
        let vma = locks.lock_vma_under_rcu(mapping.start).ok_or(EAGAIN)?;

        let task = {
            let mm = mm.clone();
            SecondTask::spawn(move || {
                mm.enter(|| mm.vma_locks().write().munmap(mapping.start..mapping.end()))
            })?
        };
        let waits = || {
            use crate::mm::vma::VmRefcnt;
            matches!(vma.refcnt(), Some(VmRefcnt::ExcludingReaders { .. }))
        };
        assert!(wait_until(waits));
        assert!(task.stays_blocked());
        assert_eq!((vma.start(), vma.end()), (mapping.start, mapping.end()));
        drop(vma);
        task.join()??;
        assert!(mm.vma_locks().read().lookup(mapping.start).is_none());
        Ok(())
    }
}
