// SPDX-License-Identifier: GPL-2.0

//! User memory that is pinned, and unpinned.

use super::{
    super::{
        address_space::{
            peek,
            poke,
            unmap,
            AddressSpace, //
        },
        order::file_of,
        second_task::SecondTask, //
    },
    device::{
        give_page,
        with_plain,
        Counted, //
    }, //
};
use crate::{
    bindings,
    mm::vma::{
        driver::{
            Fault,
            FaultOutcome,
            Plain,
            ViaMmap,
            VmaOperations, //
        },
        pin::{
            LockedVm,
            PinFor,
            PinnedPages,
            ReadOnly,
            Writable, //
        }, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Relaxed,
            Release, //
        }, //
    }, //
};
use core::ptr;

/// Where tests map in an address space that is not that of the case.
const ADDR: usize = 1 << 20;

/// Returns true if a page may be pinned.
///
/// # Safety
///
/// `page` must be one that is mapped.
pub(in super::super) unsafe fn is_pinned(page: *mut bindings::page) -> bool {
    // SAFETY: Guaranteed by the caller.
    unsafe { bindings::page_maybe_dma_pinned(page) }
}

/// Cleans a page; returns whether it was dirty.
///
/// # Safety
///
/// `page` must be one that is mapped.
pub(in super::super) unsafe fn clean(page: *mut bindings::page) -> bool {
    // SAFETY: Guaranteed by the caller.
    unsafe { bindings::vma_kunit_clean_page(page) }
}

/// How many pages of an address space are pinned for a long term.
pub(in super::super) fn pinned_vm(mm: &AddressSpace) -> i64 {
    // SAFETY: The mm is alive; this is a volatile load of what others change atomically.
    unsafe { (&raw const (*mm.as_raw()).__bindgen_anon_1.pinned_vm.counter).read_volatile() }
}

/// How many pages of an address space are locked.
fn locked_vm(mm: &AddressSpace) -> usize {
    // SAFETY: The mm is alive; no other task locks pages of it.
    unsafe { (&raw const (*mm.as_raw()).__bindgen_anon_1.locked_vm).read_volatile() }
}

/// Runs `f` in another address space, by a second task: a case has one of its own already.
pub(in super::super) fn map_in(
    mm: &AddressSpace,
    f: impl FnOnce(&AddressSpace) -> Result + Send + 'static,
) -> Result {
    let mm = mm.clone();
    SecondTask::spawn(move || mm.enter(|| f(&mm)))?.join()?
}

/// Takes the current task's capabilities.
pub(super) fn drop_capabilities() -> Result {
    // SAFETY: The kthread of the case has credentials of its own. Nobody else can see the new ones
    // before they are committed, which consumes them.
    unsafe {
        let new = bindings::prepare_creds();
        if new.is_null() {
            return Err(ENOMEM);
        }
        (*new).cap_effective = pin_init::zeroed();
        crate::error::to_result(bindings::commit_creds(new))
    }
}

/// Takes the current task's capability to pin what it likes, and sets its limit to some pages.
fn limit_to(pages: usize) -> Result {
    let task = current!().as_ptr();
    // SAFETY: The kthread of the case has a signal struct of its own.
    unsafe {
        let limit = &raw mut (*(*task).signal).rlim[bindings::RLIMIT_MEMLOCK as usize].rlim_cur;
        limit.write_volatile(pages * PAGE_SIZE);
    }
    drop_capabilities()
}

/// Releases the lock before it gives a page, if it may.
struct RetryingOps;

crate::vm_operations!(RetryingOps);

#[vtable]
impl VmaOperations for RetryingOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        match fault.release() {
            Ok(released) => released.retry(),
            Err(fault) => give_page(fault),
        }
    }
}

#[kunit_tests(rust_vma_pinning)]
mod tests {
    use super::*;

    #[test]
    fn pinned_memory_is_read_and_written() -> Result {
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

        let page = pages.iter().next().ok_or(EIO)?;
        let raw = page.as_raw();
        // SAFETY: The page is there.
        assert!(ptr::eq(raw, unsafe { bindings::pfn_to_page(page.pfn()) }));
        // SAFETY: The page is mapped.
        assert!(unsafe { is_pinned(raw) });
        drop(pages);
        // SAFETY: As above.
        assert!(!unsafe { is_pinned(raw) });
        Ok(())
    }

    #[test]
    fn words_of_pinned_memory_are_accessed() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        // The second word is the first one of the second page.
        let start = mapping.start + PAGE_SIZE - 4;
        poke(start + 4, 0x11)?;

        let mut pages: PinnedPages<Writable> = mm
            .vma_locks()
            .pin_user_pages_fast(start..start + 9, PinFor::Short)?;
        assert_eq!(
            pages.load::<u32>(4, Acquire)?.to_ne_bytes(),
            [0x11, 0, 0, 0]
        );
        pages.store(0, u32::from_ne_bytes([1, 2, 3, 4]), Release)?;
        pages.store(4, u32::from_ne_bytes([5, 6, 7, 8]), Relaxed)?;
        for at in 0..8 {
            assert_eq!(usize::from(peek(start + at)?), at + 1);
        }

        // Not aligned, in two pages, and out of bounds by one byte and more.
        for offset in [1, 2, 8, 9, usize::MAX - 3, usize::MAX] {
            assert_eq!(pages.load::<u32>(offset, Relaxed), Err(EINVAL));
            assert_eq!(pages.store(offset, 0u32, Relaxed), Err(EINVAL));
        }
        // Half of it is in each page.
        let offset = 4 - size_of::<usize>() / 2;
        assert_eq!(pages.load::<usize>(offset, Relaxed), Err(EINVAL));
        Ok(())
    }

    #[test]
    fn bits_of_pinned_memory_are_set() -> Result {
        const WORD: usize = size_of::<usize>();
        const LAST: u32 = usize::BITS - 1;
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        // The word in the middle is the last one of the first page, and one byte is left over.
        let start = mapping.start + PAGE_SIZE - 2 * WORD;
        let mut pages: PinnedPages<Writable> = mm
            .vma_locks()
            .pin_user_pages_fast(start..start + 3 * WORD + 1, PinFor::Short)?;
        let words = |pages: &PinnedPages<Writable>| -> Result<[usize; 3]> {
            Ok([
                pages.load(0, Relaxed)?,
                pages.load(WORD, Relaxed)?,
                pages.load(2 * WORD, Relaxed)?,
            ])
        };

        pages.set_bit(WORD, LAST)?;
        assert_eq!(words(&pages)?, [0, 1 << LAST, 0]);
        // A bit that is set stays set, and others are not changed.
        pages.set_bit(WORD, LAST)?;
        pages.set_bit(WORD, 1)?;
        assert_eq!(words(&pages)?, [0, 1 << LAST | 2, 0]);
        // User space has it where C has it.
        for (at, byte) in (1usize << LAST | 2).to_ne_bytes().into_iter().enumerate() {
            assert_eq!(peek(start + WORD + at)?, byte);
        }
        pages.set_bit(2 * WORD, 0)?;
        assert_eq!(words(&pages)?, [0, 1 << LAST | 2, 1]);

        for bit in [usize::BITS, usize::BITS + 1, u32::MAX] {
            assert_eq!(pages.set_bit(0, bit), Err(EINVAL));
        }
        // Not aligned, and out of bounds.
        for offset in [1, WORD - 1, 3 * WORD, 4 * WORD, usize::MAX - WORD + 1] {
            assert_eq!(pages.set_bit(offset, 2), Err(EINVAL));
        }
        assert_eq!(words(&pages)?, [0, 1 << LAST | 2, 1]);
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
    fn pinning_keeps_the_lookup_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let range = mapping.start..mapping.end();

        let mut locks = mm.vma_locks();
        let mut mmap = locks.read();
        assert!(mmap.lookup(mapping.start).is_some());
        let pages: PinnedPages<Writable> = mmap.pin_user_pages(range.clone(), PinFor::Short)?;
        // It is still there.
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        assert_eq!((vma.end(), pages.page_count()), (mapping.end(), 2));

        drop(mmap);

        let more = locks.pin_user_pages_unlocked::<ReadOnly>(range, PinFor::LongTerm)?;
        assert_eq!(more.page_count(), 2);
        // The lock is free.
        drop(locks.write());
        Ok(())
    }

    #[test]
    fn foreign_memory_is_pinned_under_its_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let other = AddressSpace::unused()?;
        map_in(&other, |other| {
            other.map_anonymous_at(ADDR)?;
            poke(ADDR, 4)
        })?;
        let range = ADDR..ADDR + PAGE_SIZE;

        let mut locks = other.vma_locks();
        let fast = locks.pin_user_pages_fast::<ReadOnly>(range.clone(), PinFor::Short);
        assert_eq!(fast.err(), Some(EINVAL));
        let mut mmap = locks.read();
        let pages = mmap.pin_user_pages::<ReadOnly>(range.clone(), PinFor::Short)?;
        let mut byte = [0];
        pages.read(0, &mut byte)?;
        assert_eq!(byte, [4]);

        drop(mmap);

        let more = locks.pin_user_pages_unlocked::<ReadOnly>(range, PinFor::Short)?;
        assert_eq!(more.page_count(), 1);
        drop(locks.write());
        drop(mm);
        Ok(())
    }

    #[test]
    fn pinning_leaves_no_lock_after_a_retry() -> Result {
        let (mm, shared, _device, file) = with_plain::<RetryingOps>(1)?;
        let other = AddressSpace::unused()?;
        map_in(&other, move |other| {
            let flags = bindings::MAP_SHARED | bindings::MAP_FIXED;
            other
                .map_file_as(&file, 0, 1, bindings::PROT_READ, flags, ADDR)
                .map(drop)
        })?;

        // The first page is got by a retry. The second is not there, which is found out under a
        // lock that was taken again.
        let range = ADDR..ADDR + 2 * PAGE_SIZE;
        let mut locks = other.vma_locks();
        let pages = locks.pin_user_pages_unlocked::<ReadOnly>(range, PinFor::Short);
        assert_eq!(pages.err(), Some(EFAULT));
        assert!(shared.faults.load(Relaxed) > 0);
        // The lock is free.
        drop(locks.write());
        drop(mm);
        Ok(())
    }

    #[test]
    fn device_written_pages_are_dirty() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        let range = mapping.start..mapping.end();
        let mut locks = mm.vma_locks();

        let pages: PinnedPages<Writable> =
            locks.pin_user_pages_fast(range.clone(), PinFor::Short)?;
        let raw = pages.iter().next().ok_or(EIO)?.as_raw();
        // SAFETY: The page is mapped until the end of the test.
        unsafe { clean(raw) };
        drop(pages);
        // SAFETY: As above.
        assert!(unsafe { clean(raw) });

        let pages: PinnedPages<ReadOnly> = locks.pin_user_pages_fast(range, PinFor::Short)?;
        drop(pages);
        // SAFETY: As above.
        assert!(!unsafe { clean(raw) });
        Ok(())
    }

    #[test]
    fn long_term_pins_are_charged_and_limited() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(4)?;
        let start = mapping.start;
        let pages = |from: usize, to: usize| start + from * PAGE_SIZE..start + to * PAGE_SIZE;
        let mut locks = mm.vma_locks();
        limit_to(3)?;

        let short = locks.pin_user_pages_fast::<ReadOnly>(pages(0, 4), PinFor::Short)?;
        assert_eq!(pinned_vm(&mm), 0);
        drop(short);
        let first = locks.pin_user_pages_fast::<ReadOnly>(pages(0, 2), PinFor::LongTerm)?;
        assert_eq!(pinned_vm(&mm), 2);
        let refused = locks.pin_user_pages_fast::<ReadOnly>(pages(2, 4), PinFor::LongTerm);
        assert_eq!(refused.err(), Some(ENOMEM));
        assert_eq!(pinned_vm(&mm), 2);
        let second = locks.pin_user_pages_fast::<ReadOnly>(pages(2, 3), PinFor::LongTerm)?;
        assert_eq!(pinned_vm(&mm), 3);
        drop((first, second));
        assert_eq!(pinned_vm(&mm), 0);

        // Pages that cannot be pinned are not charged.
        let nothing = mapping.end()..mapping.end() + PAGE_SIZE;
        let failed = locks.pin_user_pages_fast::<ReadOnly>(nothing, PinFor::LongTerm);
        assert_eq!(failed.err(), Some(EFAULT));
        assert_eq!(pinned_vm(&mm), 0);
        Ok(())
    }

    #[test]
    fn locked_memory_is_charged_and_limited() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut locks = mm.vma_locks();
        limit_to(3)?;

        let first = LockedVm::charge(&mut locks, 2)?;
        assert_eq!((first.pages(), locked_vm(&mm)), (2, 2));
        for pages in [2, usize::MAX, usize::MAX - 1] {
            let refused = LockedVm::charge(&mut locks, pages);
            assert_eq!(refused.err(), Some(ENOMEM));
        }
        assert_eq!(locked_vm(&mm), 2);
        // It is another counter.
        assert_eq!(pinned_vm(&mm), 0);
        let second = LockedVm::charge(&mut locks, 1)?;
        drop(first);
        assert_eq!(locked_vm(&mm), 1);
        drop(second);
        assert_eq!(locked_vm(&mm), 0);
        Ok(())
    }

    #[test]
    fn memory_is_charged_by_the_limit_of_a_task() -> Result {
        let mm = AddressSpace::of_this_case()?;
        limit_to(2)?;
        let (owner, its) = (ARef::from(&**current!()), mm.clone());

        let [within, by_its_own, beyond, no_amount] = SecondTask::spawn(move || {
            limit_to(4)?;
            let mut locks = its.vma_locks();
            let within = LockedVm::charge_by_limit_of(&owner, &mut locks, 2);
            let by_its_own = LockedVm::charge(&mut locks, 1);
            let beyond = LockedVm::charge_by_limit_of(&owner, &mut locks, 1);
            let no_amount = LockedVm::charge_by_limit_of(&owner, &mut locks, usize::MAX);
            Ok::<_, Error>([within, by_its_own, beyond, no_amount])
        })?
        .join()??;
        assert_eq!((within?.pages(), by_its_own?.pages()), (2, 1));
        assert_eq!(
            (beyond.err(), no_amount.err()),
            (Some(ENOMEM), Some(ENOMEM))
        );
        assert_eq!(locked_vm(&mm), 0);
        Ok(())
    }

    #[test]
    fn charge_outlives_the_address_space() -> Result {
        let other = AddressSpace::unused()?;
        let charge = LockedVm::charge(&mut other.vma_locks(), 1)?;
        drop(other);
        drop(charge);
        Ok(())
    }

    #[test]
    fn range_with_a_hole_is_not_pinned() -> Result {
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
            let mut mmap = locks.read();
            let locked = mmap.pin_user_pages::<Writable>(range.clone(), PinFor::Short);
            assert_eq!(locked.err(), Some(EFAULT));
            drop(mmap);
            let unlocked = locks.pin_user_pages_unlocked::<Writable>(range, PinFor::Short);
            assert_eq!(unlocked.err(), Some(EFAULT));
        }
        // The pages pinned so far are unpinned.
        // SAFETY: As above.
        assert!(!unsafe { is_pinned(raw) });

        #[allow(clippy::reversed_empty_ranges)]
        for range in [start..start, end..start, 0..usize::MAX] {
            let fast = locks.pin_user_pages_fast::<ReadOnly>(range, PinFor::Short);
            assert!(matches!(fast.err(), Some(e) if e == EINVAL || e == EFAULT || e == ENOMEM));
        }
        Ok(())
    }

    /// Of a file that only looks like one.
    #[cfg(CONFIG_FS_DAX)]
    #[test]
    fn persistent_memory_is_pinned_for_short() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(2)?;
        let file = file_of(&mm, mapping)?;
        let range = mapping.start..mapping.end();
        let set = |is_dax| {
            // SAFETY: The file is one of shmem, which does not look at the flag.
            unsafe { bindings::vma_kunit_set_dax(file.as_ptr(), is_dax) };
        };
        let mut locks = mm.vma_locks();

        // Nothing is present, so the mapping is looked at.
        set(true);
        let results = [
            locks
                .pin_user_pages_fast::<Writable>(range.clone(), PinFor::LongTerm)
                .err(),
            locks
                .pin_user_pages_unlocked::<Writable>(range.clone(), PinFor::LongTerm)
                .err(),
            locks
                .read()
                .pin_user_pages::<Writable>(range.clone(), PinFor::LongTerm)
                .err(),
        ];
        let short = locks.pin_user_pages_fast::<Writable>(range.clone(), PinFor::Short);
        set(false);

        assert_eq!(results, [Some(EOPNOTSUPP); 3]);
        assert_eq!(pinned_vm(&mm), 0);
        drop(short?);
        let long = locks.pin_user_pages_fast::<Writable>(range, PinFor::LongTerm)?;
        assert_eq!(pinned_vm(&mm), 2);
        drop(long);
        Ok(())
    }

    #[test]
    fn read_only_memory_is_not_pinned_for_write() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        poke(mapping.start, 1)?;
        let range = mapping.start..mapping.end();
        let file = file_of(&mm, mapping)?;
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
