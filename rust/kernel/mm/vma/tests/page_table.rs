// SPDX-License-Identifier: GPL-2.0

//! Page tables: walking, populating, zapping and moving, on pages that were really faulted in.

use super::address_space::{
    peek,
    poke,
    AddressSpace,
    Mapping, //
};
use crate::{
    mm::vma::{
        page_table::{
            NoPte,
            Pmd, //
        },
        rmap::IMmap,
        Stable,
        Vma, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

/// A mapping without huge pages that is alone below at least two tables of PTEs, and the first
/// address of each.
fn sparse(mm: &AddressSpace) -> Result<(Mapping, usize, usize)> {
    let mapping = mm.map(4 * Pmd::SIZE / PAGE_SIZE)?;
    let first = mapping.start.next_multiple_of(Pmd::SIZE) + Pmd::SIZE;

    #[cfg(CONFIG_TRANSPARENT_HUGEPAGE)]
    advise(mm, mapping, crate::bindings::MADV_NOHUGEPAGE)?;

    Ok((mapping, first, first + Pmd::SIZE))
}

/// Gives advice about a mapping of the current task's address space.
#[cfg(any(CONFIG_TRANSPARENT_HUGEPAGE, CONFIG_PT_RECLAIM))]
fn advise(mm: &AddressSpace, mapping: Mapping, advice: u32) -> Result {
    // SAFETY: The mm is alive, and none of its locks is held. The memory is this test's.
    crate::error::to_result(unsafe {
        crate::bindings::do_madvise(mm.as_raw(), mapping.start, mapping.len, advice as c_int)
    })
}

fn is_present<L: Stable>(vma: &Vma<L>, addr: usize) -> Result<bool, NoPte> {
    vma.with_pte(addr, |entry| entry.get().is_present())
}

#[kunit_tests(rust_vma_page_table)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_there_once_the_page_was_touched() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_, addr, other) = sparse(&mm)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
        assert_eq!(is_present(&vma, addr), Err(NoPte::Missing));
        drop(vma);

        poke(addr, 1)?;
        let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
        let (first, second) = (
            vma.with_pte(addr, |entry| entry.get())
                .map_err(|_| ENOENT)?,
            vma.with_pte(addr + PAGE_SIZE, |entry| entry.get())
                .map_err(|_| ENOENT)?,
        );
        assert!(first.is_present() && first.is_writable() && first.is_dirty());
        assert!(!first.is_none() && first.pfn().is_some());
        assert!(second.is_none() && !second.is_present() && second.pfn().is_none());
        assert!(!second.is_writable() && !second.is_dirty());
        let again = vma
            .with_pte(addr, |entry| entry.get())
            .map_err(|_| ENOENT)?;
        assert!(first == again && first != second);
        assert_eq!(vma.with_pmd(addr, |pmd| pmd.is_table()), Ok(true));
        assert_eq!(is_present(&vma, other), Err(NoPte::Missing));
        Ok(())
    }

    #[test]
    fn addresses_outside_are_refused() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        for addr in [0, mapping.start - 1, mapping.end(), usize::MAX] {
            assert_eq!(is_present(&vma, addr), Err(NoPte::OutOfRange));
            assert_eq!(vma.with_pmd(addr, |_| ()), Err(NoPte::OutOfRange));
            assert_eq!(vma.with_pte_alloc(addr, |_| ()), Err(NoPte::OutOfRange));
        }
        let (start, end) = (mapping.start, mapping.end());
        #[allow(clippy::reversed_empty_ranges)]
        for range in [
            start..start,
            start..end + 1,
            start - 1..end,
            end..start,
            0..usize::MAX,
        ] {
            // SAFETY: Nothing is zapped.
            assert_eq!(unsafe { vma.zap(range) }, Err(NoPte::OutOfRange));
        }
        Ok(())
    }

    #[test]
    fn tables_are_made_where_there_are_none() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_, addr, _) = sparse(&mm)?;
        let mut locks = mm.vma_locks();

        let mmap = locks.read();
        let vma = mmap.lookup(addr).ok_or(ENOENT)?;
        assert_eq!(is_present(vma, addr), Err(NoPte::Missing));
        assert_eq!(
            vma.with_pte_alloc(addr, |entry| entry.get().is_none()),
            Ok(true)
        );
        assert_eq!(is_present(vma, addr), Ok(false));
        // Again, with the table in place.
        assert_eq!(
            vma.with_pte_alloc(addr, |entry| entry.get().is_none()),
            Ok(true)
        );
        drop(mmap);

        poke(addr, 5)?;
        assert_eq!(peek(addr)?, 5);
        Ok(())
    }

    #[test]
    fn an_entry_is_taken_out_and_put_back() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        poke(mapping.start, 7)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let ok = vma.with_pte(mapping.start, |entry| {
            let before = entry.get();
            // SAFETY: What the entry stood for is kept, and put back.
            let taken = unsafe { entry.clear() };
            let none = entry.get().is_none();
            // SAFETY: As above.
            unsafe { entry.set(taken) };
            before.pfn() == taken.pfn() && none && entry.get() == taken
        });
        assert_eq!(ok, Ok(true));
        drop(vma);
        assert_eq!(peek(mapping.start)?, 7);
        Ok(())
    }

    #[test]
    fn zapped_anonymous_memory_is_gone() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        poke(mapping.start, 3)?;
        poke(mapping.start + PAGE_SIZE, 4)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let first = mapping.start..mapping.start + PAGE_SIZE;
        // SAFETY: The memory is this test's.
        assert_eq!(unsafe { vma.zap(first) }, Ok(()));
        assert_eq!(is_present(&vma, mapping.start), Ok(false));
        assert_eq!(is_present(&vma, mapping.start + PAGE_SIZE), Ok(true));
        drop(vma);
        assert_eq!(peek(mapping.start)?, 0);
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 4);
        Ok(())
    }

    #[test]
    fn an_rmap_lock_is_enough_to_walk_and_to_zap() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        poke(mapping.start, 9)?;
        let mut locks = mm.vma_locks();

        let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        {
            let (vma, mut order) = vma.order();
            let i_mmap = vma
                .file()
                .map(IMmap::of)
                .ok_or(ENOENT)?
                .lock_read(&mut order);
            let vma = i_mmap.vmas(0..=usize::MAX).next().ok_or(ENOENT)?;
            assert_eq!(is_present(vma, mapping.start), Ok(true));
            // SAFETY: The memory is this test's, and in the page cache.
            assert_eq!(unsafe { vma.zap(mapping.start..mapping.end()) }, Ok(()));
            assert_eq!(is_present(vma, mapping.start), Ok(false));
        }
        drop(vma);
        assert_eq!(peek(mapping.start)?, 9);
        Ok(())
    }

    #[test]
    fn a_table_is_moved_under_all_locks_and_back() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mapping, from, to) = sparse(&mm)?;
        poke(from, 11)?;
        let mut locks = mm.vma_locks();

        let mut guard = locks.write();
        let (mmap, mut order) = guard.order();
        let vma = mmap.lookup(from).ok_or(ENOENT)?.start_write();
        let all = vma.lock_rmap(&mut order);
        let pfn = all
            .with_pte(from, |entry| entry.get().pfn())
            .map_err(|_| ENOENT)?;
        assert!(pfn.is_some());

        let refused = [
            (from + PAGE_SIZE, to, NoPte::OutOfRange),
            (from, to + PAGE_SIZE, NoPte::OutOfRange),
            (
                from,
                mapping.end().next_multiple_of(Pmd::SIZE),
                NoPte::OutOfRange,
            ),
            (usize::MAX - (Pmd::SIZE - 1), to, NoPte::OutOfRange),
            (to, from, NoPte::Missing),
            (from, from, NoPte::Occupied),
        ];
        if cfg!(CONFIG_HAVE_MOVE_PMD) {
            for (from, to, why) in refused {
                // SAFETY: Nothing is moved.
                assert_eq!(unsafe { all.move_pte_table(from, vma, to) }, Err(why));
            }
            // SAFETY: Nobody can look until it is back.
            assert_eq!(unsafe { all.move_pte_table(from, vma, to) }, Ok(()));
            assert_eq!(is_present(&all, from), Err(NoPte::Missing));
            assert_eq!(all.with_pte(to, |entry| entry.get().pfn()), Ok(pfn));
            // SAFETY: This is where it was.
            assert_eq!(unsafe { all.move_pte_table(to, vma, from) }, Ok(()));
        } else {
            // SAFETY: Nothing is moved.
            let result = unsafe { all.move_pte_table(from, vma, to) };
            assert_eq!(result, Err(NoPte::NotSupported));
        }
        assert_eq!(all.with_pte(from, |entry| entry.get().pfn()), Ok(pfn));
        drop(all);
        drop(guard);
        assert_eq!(peek(from)?, 11);
        Ok(())
    }

    #[test]
    fn a_table_is_not_moved_to_where_other_locks_protect() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_, from, _) = sparse(&mm)?;
        let (_, _, elsewhere) = sparse(&mm)?;
        poke(from, 1)?;
        poke(elsewhere, 1)?;
        let mut locks = mm.vma_locks();

        let mut guard = locks.write();
        let (mmap, mut order) = guard.order();
        let vma = mmap.lookup(from).ok_or(ENOENT)?.start_write();
        let other = mmap.lookup(elsewhere).ok_or(ENOENT)?.start_write();
        if core::ptr::eq(vma, other) {
            // They were merged.
            return Ok(());
        }
        let all = vma.lock_rmap(&mut order);
        // SAFETY: Nothing is moved.
        let result = unsafe { all.move_pte_table(from, other, elsewhere - Pmd::SIZE) };
        let expected = if cfg!(CONFIG_HAVE_MOVE_PMD) {
            NoPte::OutOfRange
        } else {
            NoPte::NotSupported
        };
        assert_eq!(result, Err(expected));
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_TRANSPARENT_HUGEPAGE)]
    fn a_huge_page_has_no_entries() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(4 * Pmd::SIZE / PAGE_SIZE)?;
        let addr = mapping.start.next_multiple_of(Pmd::SIZE) + Pmd::SIZE;
        advise(&mm, mapping, crate::bindings::MADV_HUGEPAGE)?;
        poke(addr, 13)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
        assert_eq!(vma.with_pmd(addr, |pmd| pmd.is_leaf()), Ok(true));
        assert_eq!(is_present(&vma, addr), Err(NoPte::Huge));
        assert_eq!(vma.with_pte_alloc(addr, |_| ()), Err(NoPte::Huge));
        drop(vma);

        let mut guard = locks.write();
        let (mmap, mut order) = guard.order();
        let vma = mmap.lookup(addr).ok_or(ENOENT)?.start_write();
        let all = vma.lock_rmap(&mut order);
        // SAFETY: Nothing is moved.
        let result = unsafe { all.move_pte_table(addr, vma, addr + Pmd::SIZE) };
        assert_eq!(result, Err(NoPte::Huge));
        drop(all);
        drop(guard);
        assert_eq!(peek(addr)?, 13);
        Ok(())
    }

    /// Walks while a second task makes the table and has it freed, over and over.
    #[test]
    #[cfg(CONFIG_PT_RECLAIM)]
    fn a_table_that_goes_away_is_looked_up_again() -> Result {
        use super::super::second_task::SecondTask;
        use crate::{
            bindings,
            sync::{
                atomic::{
                    Atomic,
                    Relaxed, //
                },
                Arc, //
            },
            time::{
                delay::fsleep,
                Delta, //
            }, //
        };

        const ROUNDS: i32 = 500;

        let mm = AddressSpace::of_this_case()?;
        let (_, addr, _) = sparse(&mm)?;
        // There may be one CPU only.
        let let_it_be_seen = |round| {
            if round % 50 == 0 {
                fsleep(Delta::from_millis(1));
            }
        };
        let table = Mapping {
            start: addr,
            len: Pmd::SIZE,
        };
        let left = Arc::new(Atomic::new(ROUNDS), GFP_KERNEL)?;
        let churn = {
            let (mm, left) = (mm.clone(), left.clone());
            SecondTask::spawn(move || {
                let result: Result = mm.enter(|| {
                    for round in (0..ROUNDS).rev() {
                        poke(addr, 1)?;
                        let_it_be_seen(round);
                        advise(&mm, table, bindings::MADV_DONTNEED)?;
                        let_it_be_seen(round);
                        left.store(round, Relaxed);
                    }
                    Ok(())
                });
                left.store(0, Relaxed);
                result
            })?
        };

        let mut seen = (0, 0);
        let mut locks = mm.vma_locks();
        while left.load(Relaxed) > 0 {
            let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
            match is_present(&vma, addr) {
                Ok(_) => seen.0 += 1,
                Err(NoPte::Missing) => seen.1 += 1,
                Err(_) => return Err(EINVAL),
            }
        }
        churn.join()??;
        pr_info!(
            "the table was there {} times, and gone {}\n",
            seen.0,
            seen.1
        );
        assert!(seen.0 > 0 && seen.1 > 0);

        let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
        assert_eq!(is_present(&vma, addr), Err(NoPte::Missing));
        Ok(())
    }
}
