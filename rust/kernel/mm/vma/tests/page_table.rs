// SPDX-License-Identifier: GPL-2.0

//! Page tables: walking, populating and zapping, on pages that were really faulted in.

use super::address_space::{
    peek,
    poke,
    AddressSpace,
    Mapping, //
};
use crate::{
    mm::vma::{
        page_table::{
            Pmd, //
            PteError,
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

fn is_present<L: Stable>(vma: &Vma<L>, addr: usize) -> Result<bool, PteError> {
    vma.with_pte(addr, |entry| entry.get().is_present())
}

#[kunit_tests(rust_vma_page_table)]
mod tests {
    use super::*;

    #[test]
    fn entry_exists_after_first_touch() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_, addr, other) = sparse(&mm)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
        assert_eq!(is_present(&vma, addr), Err(PteError::Missing));
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
        assert_eq!(is_present(&vma, other), Err(PteError::Missing));
        Ok(())
    }

    #[test]
    fn addresses_outside_are_refused() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let (vma, mut order) = vma.nest();
        for addr in [0, mapping.start - 1, mapping.end(), usize::MAX] {
            assert_eq!(is_present(vma, addr), Err(PteError::OutOfRange));
            assert_eq!(vma.with_pmd(addr, |_| ()), Err(PteError::OutOfRange));
            assert_eq!(
                vma.with_pte_alloc(&mut order, addr, |_| ()),
                Err(PteError::OutOfRange)
            );
        }
        let (start, end) = (mapping.start, mapping.end());
        #[allow(clippy::reversed_empty_ranges)]
        for range in [
            start..start,
            start..end + 1,
            start - 1..end,
            end..start,
            0..usize::MAX,
            // Inside, but not whole pages.
            start..start + 1,
            start + 1..end,
            start + 8..end - 8,
        ] {
            // SAFETY: Nothing is zapped.
            assert_eq!(unsafe { vma.zap(range) }, Err(PteError::OutOfRange));
        }
        Ok(())
    }

    #[test]
    fn tables_are_made_where_there_are_none() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_, addr, _) = sparse(&mm)?;
        let mut locks = mm.vma_locks();

        let mut guard = locks.read();
        let (mmap, mut order) = guard.nest();
        let vma = mmap.lookup(addr).ok_or(ENOENT)?;
        assert_eq!(is_present(vma, addr), Err(PteError::Missing));
        assert_eq!(
            vma.with_pte_alloc(&mut order, addr, |entry| entry.get().is_none()),
            Ok(true)
        );
        assert_eq!(is_present(vma, addr), Ok(false));
        // Again, with the table in place.
        assert_eq!(
            vma.with_pte_alloc(&mut order, addr, |entry| entry.get().is_none()),
            Ok(true)
        );
        drop(guard);

        poke(addr, 5)?;
        assert_eq!(peek(addr)?, 5);
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
            let (vma, mut order) = vma.nest();
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
    #[cfg(CONFIG_TRANSPARENT_HUGEPAGE)]
    fn a_huge_page_has_no_entries() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(4 * Pmd::SIZE / PAGE_SIZE)?;
        let addr = mapping.start.next_multiple_of(Pmd::SIZE) + Pmd::SIZE;
        advise(&mm, mapping, crate::bindings::MADV_HUGEPAGE)?;
        poke(addr, 13)?;
        let mut locks = mm.vma_locks();

        let mut vma = locks.lock_vma(addr).ok_or(ENOENT)?;
        let (view, mut order) = vma.nest();
        assert_eq!(view.with_pmd(addr, |pmd| pmd.is_leaf()), Ok(true));
        assert_eq!(is_present(view, addr), Err(PteError::Huge));
        assert_eq!(
            view.with_pte_alloc(&mut order, addr, |_| ()),
            Err(PteError::Huge)
        );
        drop(vma);
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
                Err(PteError::Missing) => seen.1 += 1,
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
        assert_eq!(is_present(&vma, addr), Err(PteError::Missing));
        Ok(())
    }
}
