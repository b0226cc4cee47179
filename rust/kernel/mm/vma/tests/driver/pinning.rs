// SPDX-License-Identifier: GPL-2.0

//! User memory that is pinned, and unpinned.

use super::super::address_space::{
    peek,
    poke,
    unmap,
    AddressSpace, //
};
use crate::{
    bindings,
    mm::vma::pin::{
        PinFor,
        PinnedPages,
        ReadOnly,
        Writable, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

/// Whether a page is pinned by somebody.
fn is_pinned(page: *mut bindings::page) -> bool {
    // SAFETY: The tests ask for pages that are still mapped.
    unsafe { bindings::page_maybe_dma_pinned(page) }
}

#[kunit_tests(rust_vma_pinning)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_and_written_while_it_is_pinned() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(3)?;
        let start = mapping.start + PAGE_SIZE - 2;
        for (i, byte) in [1, 2, 3, 4].into_iter().enumerate() {
            poke(start + i, byte)?;
        }

        let mut locks = mm.vma_locks();
        let mut pages: PinnedPages<Writable> =
            locks.pin_user_pages_fast(start..start + 4, PinFor::Short)?;
        assert_eq!((pages.len(), pages.page_count()), (4, 2));
        let parts = pages.iter().map(|page| (page.offset(), page.len()));
        assert!(parts.eq([(PAGE_SIZE - 2, 2), (0, 2)]));

        let mut bytes = [0; 4];
        pages.read(0, &mut bytes)?;
        assert_eq!(bytes, [1, 2, 3, 4]);
        pages.write(1, &[9, 8])?;
        assert_eq!(
            (peek(start)?, peek(start + 1)?, peek(start + 2)?),
            (1, 9, 8)
        );
        assert_eq!(pages.read(1, &mut bytes), Err(EINVAL));
        assert_eq!(pages.write(usize::MAX, &[1]), Err(EINVAL));

        let raw = pages.iter().next().ok_or(EIO)?.as_raw();
        assert!(is_pinned(raw));
        drop(pages);
        assert!(!is_pinned(raw));
        Ok(())
    }

    #[test]
    fn pinned_memory_stays_when_it_is_unmapped() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        poke(mapping.start, 3)?;

        let range = mapping.start..mapping.end();
        let pages: PinnedPages<ReadOnly> = mm
            .vma_locks()
            .pin_user_pages_fast(range, PinFor::LongTerm)?;
        unmap(mapping.start, mapping.len)?;
        let mut byte = [0];
        pages.read(0, &mut byte)?;
        assert_eq!(byte, [3]);
        Ok(())
    }

    #[test]
    fn memory_is_pinned_under_the_lock_that_it_was_looked_at_under() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let range = mapping.start..mapping.end();

        let mut locks = mm.vma_locks();
        let mmap = locks.read();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        let pages: PinnedPages<Writable> = mmap.pin_user_pages(range.clone(), PinFor::Short)?;
        // It is still there.
        assert_eq!((vma.end(), pages.page_count()), (mapping.end(), 2));

        let (more, mmap) = mmap.pin_user_pages_unlocking::<ReadOnly>(range, PinFor::LongTerm);
        assert_eq!(more?.page_count(), 2);
        // Nothing had to be waited for.
        let mmap = mmap.ok_or(EIO)?;
        assert!(mmap.lookup(mapping.start).is_some());
        Ok(())
    }

    #[test]
    fn memory_of_another_process_is_pinned_under_its_lock() -> Result {
        const ADDR: usize = 1 << 20;
        let mm = AddressSpace::of_this_case()?;
        let other = AddressSpace::unused()?;
        {
            // A case has an address space already, so somebody else maps.
            let other = other.clone();
            super::super::super::second_task::SecondTask::spawn(move || {
                other.enter(|| -> Result {
                    other.map_anonymous_at(ADDR)?;
                    poke(ADDR, 4)
                })
            })?
            .join()??;
        }
        let range = ADDR..ADDR + PAGE_SIZE;

        let mut locks = other.vma_locks();
        let fast = locks.pin_user_pages_fast::<ReadOnly>(range.clone(), PinFor::Short);
        assert_eq!(fast.err(), Some(EINVAL));
        let mmap = locks.read();
        let pages = mmap.pin_user_pages::<ReadOnly>(range, PinFor::Short)?;
        let mut byte = [0];
        pages.read(0, &mut byte)?;
        assert_eq!(byte, [4]);
        drop(mm);
        Ok(())
    }

    #[test]
    fn what_is_not_all_there_is_not_pinned() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(3)?;
        poke(mapping.start, 1)?;
        unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)?;
        let (start, end) = (mapping.start, mapping.end());

        let mut locks = mm.vma_locks();
        let first: PinnedPages<ReadOnly> =
            locks.pin_user_pages_fast(start..start + 1, PinFor::Short)?;
        let raw = first.iter().next().ok_or(EIO)?.as_raw();
        drop(first);

        for range in [start..end, start..start + PAGE_SIZE + 1, end - 1..end + 1] {
            let fast = locks.pin_user_pages_fast::<Writable>(range.clone(), PinFor::Short);
            assert_eq!(fast.err(), Some(EFAULT));
            let mmap = locks.read();
            let locked = mmap.pin_user_pages::<Writable>(range.clone(), PinFor::Short);
            assert_eq!(locked.err(), Some(EFAULT));
            let (result, mmap) = mmap.pin_user_pages_unlocking::<Writable>(range, PinFor::Short);
            assert_eq!(result.err(), Some(EFAULT));
            drop(mmap);
        }
        // What was pinned of it is unpinned.
        assert!(!is_pinned(raw));

        #[allow(clippy::reversed_empty_ranges)]
        for range in [start..start, end..start, 0..usize::MAX] {
            let fast = locks.pin_user_pages_fast::<ReadOnly>(range, PinFor::Short);
            assert!(matches!(fast.err(), Some(e) if e == EINVAL || e == EFAULT || e == ENOMEM));
        }
        Ok(())
    }

    #[test]
    fn memory_that_is_read_only_is_not_pinned_for_writing() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        poke(mapping.start, 1)?;
        let range = mapping.start..mapping.end();
        let file = {
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            crate::sync::aref::ARef::from(vma.file().ok_or(ENOENT)?)
        };
        let read_only = mm.map_file(&file, 0, 1)?;
        let read_only = read_only.start..read_only.end();

        let mut locks = mm.vma_locks();
        let refused = locks.pin_user_pages_fast::<Writable>(read_only.clone(), PinFor::Short);
        assert_eq!(refused.err(), Some(EFAULT));
        assert!(locks
            .pin_user_pages_fast::<ReadOnly>(read_only, PinFor::Short)
            .is_ok());
        assert!(locks
            .pin_user_pages_fast::<Writable>(range, PinFor::Short)
            .is_ok());
        Ok(())
    }
}
