// SPDX-License-Identifier: GPL-2.0

//! VMAs one after the other, with and without the gaps.

use super::{
    address_space::{
        unmap,
        AddressSpace,
        Mapping, //
    },
    second_task::{
        wait_until,
        SecondTask, //
    }, //
};
use crate::{
    mm::vma::{
        level::MmapLevel,
        AdviceFlags,
        Area,
        HeldLock,
        MmapGuard,
        VmaFlag,
        VmaFlags, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};
use core::ops::Range;

/// Three pages, of which the one in the middle is a hole.
fn with_a_hole(mm: &AddressSpace) -> Result<Mapping> {
    let mapping = mm.map(3)?;
    unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)?;
    Ok(mapping)
}

/// Where the VMAs are that have an address in a range.
fn extents<L: MmapLevel>(mmap: &MmapGuard<'_, L>, range: Range<usize>) -> Result<KVec<[usize; 2]>> {
    let mut found = KVec::new();
    for vma in mmap.vmas_in(range) {
        found.push([vma.start(), vma.end()], GFP_KERNEL)?;
    }
    Ok(found)
}

#[kunit_tests(rust_vma_iter)]
mod tests {
    use super::*;

    #[test]
    fn all_vmas_are_visited_in_order() -> Result {
        let mm = AddressSpace::of_this_case()?;
        for _ in 0..20 {
            with_a_hole(&mm)?;
        }
        let mut locks = mm.vma_locks();
        let mmap = locks.read();

        let mut expected = KVec::new();
        let mut at = 0;
        while let Some(vma) = mmap.find_vma(at) {
            at = vma.end();
            expected.push([vma.start(), at], GFP_KERNEL)?;
        }
        assert!(expected.len() >= 40);
        let found = extents(&mmap, 0..usize::MAX)?;
        assert!(found[..] == expected[..]);
        assert_eq!(mmap.vmas().count(), expected.len());

        // It stays at its end.
        let mut vmas = mmap.vmas();
        while vmas.next().is_some() {}
        assert!(vmas.next().is_none() && vmas.next().is_none());
        Ok(())
    }

    #[test]
    fn a_range_has_the_vmas_with_an_address_in_it() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = with_a_hole(&mm)?;
        let (start, end) = (mapping.start, mapping.end());
        let first = [start, start + PAGE_SIZE];
        let last = [end - PAGE_SIZE, end];
        let mut locks = mm.vma_locks();
        let mmap = locks.read();
        let see = |range| extents(&mmap, range);

        assert_eq!(see(start..end)?[..], [first, last]);
        assert_eq!(see(start + 1..start + 2)?[..], [first]);
        assert_eq!(see(start..end - PAGE_SIZE)?[..], [first]);
        assert_eq!(see(start + PAGE_SIZE..end - PAGE_SIZE + 1)?[..], [last]);
        let nothing: [[usize; 2]; 0] = [];
        assert_eq!(see(start + PAGE_SIZE..end - PAGE_SIZE)?[..], nothing);
        for at in [0, start, end, usize::MAX] {
            assert_eq!(see(at..at)?[..], nothing);
        }
        #[allow(clippy::reversed_empty_ranges)]
        {
            assert_eq!(see(end..start)?[..], nothing);
        }
        Ok(())
    }

    #[test]
    fn gaps_are_what_no_vma_has() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = with_a_hole(&mm)?;
        let (start, end) = (mapping.start, mapping.end());
        let mut locks = mm.vma_locks();
        let mmap = locks.read();
        // A gap as its extent, a VMA as one that begins at 0.
        let see = |range: Range<usize>| -> Result<KVec<[usize; 2]>> {
            let mut seen = KVec::new();
            for area in mmap.areas_in(range) {
                let area = match area {
                    Area::Vma(vma) => [0, vma.end()],
                    Area::Gap(gap) => [gap.start, gap.end],
                };
                seen.push(area, GFP_KERNEL)?;
            }
            Ok(seen)
        };
        let hole = [start + PAGE_SIZE, end - PAGE_SIZE];

        assert_eq!(see(start..end)?[..], [[0, hole[0]], hole, [0, end]]);
        // Clipped to what was asked for.
        assert_eq!(
            see(start - 1..start + 1)?[..],
            [[start - 1, start], [0, hole[0]]]
        );
        assert_eq!(see(end - 1..end + 1)?[..], [[0, end], [end, end + 1]]);
        assert_eq!(
            see(hole[0] + 1..hole[1] - 1)?[..],
            [[hole[0] + 1, hole[1] - 1]]
        );
        let nothing: [[usize; 2]; 0] = [];
        assert_eq!(see(start..start)?[..], nothing);
        Ok(())
    }

    #[test]
    fn all_vmas_are_locked_one_after_the_other() -> Result {
        let mm = AddressSpace::of_this_case()?;
        for _ in 0..20 {
            with_a_hole(&mm)?;
        }
        let mut locks = mm.vma_locks();
        let expected = extents(&locks.read(), 0..usize::MAX)?;

        let (mut found, mut at) = (KVec::new(), 0);
        while let Some(vma) = locks.lock_next_vma(at)? {
            if cfg!(CONFIG_PER_VMA_LOCK) {
                assert_eq!(vma.held(), HeldLock::Vma);
            }
            at = vma.end();
            found.push([vma.start(), at], GFP_KERNEL)?;
        }
        assert!(found[..] == expected[..]);
        Ok(())
    }

    #[test]
    fn the_next_vma_is_the_first_that_ends_above() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = with_a_hole(&mm)?;
        let (start, end) = (mapping.start, mapping.end());
        let mut locks = mm.vma_locks();
        let mut next = |addr| -> Result<Option<usize>> {
            Ok(locks.lock_next_vma(addr)?.map(|vma| vma.start()))
        };

        for addr in [start, start + PAGE_SIZE - 1] {
            assert_eq!(next(addr)?, Some(start));
        }
        for addr in [start + PAGE_SIZE, end - PAGE_SIZE, end - 1] {
            assert_eq!(next(addr)?, Some(end - PAGE_SIZE));
        }
        assert_eq!(next(usize::MAX)?, None);
        Ok(())
    }

    #[test]
    fn a_vma_that_is_written_is_waited_for() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();
        let mmap = locks.write();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();

        let task = {
            let mm = mm.clone();
            SecondTask::spawn(move || -> Result<Option<VmaFlags>> {
                let mut locks = mm.vma_locks();
                let flags = locks.lock_next_vma(mapping.start)?.map(|vma| vma.flags());
                Ok(flags)
            })?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(task.stays_blocked());
        vma.set_flags(AdviceFlags::DONTDUMP);
        drop(mmap);
        let flags = task.join()??.ok_or(ENOENT)?;
        assert!(flags.contains(VmaFlag::DONTDUMP));
        Ok(())
    }

    #[test]
    fn vmas_are_changed_one_after_the_other() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = with_a_hole(&mm)?;
        let mut locks = mm.vma_locks();
        let mmap = locks.write();

        for vma in mmap.vmas_in(mapping.start..mapping.end()) {
            vma.start_write().set_flags(AdviceFlags::DONTDUMP);
        }
        let mmap = mmap.downgrade();
        let mut changed = 0;
        for vma in mmap.vmas_in(mapping.start..mapping.end()) {
            assert!(vma.flags().contains(VmaFlag::DONTDUMP));
            changed += 1;
        }
        assert_eq!(changed, 2);
        Ok(())
    }
}
