// SPDX-License-Identifier: GPL-2.0

//! A VMA with as many readers as `vm_refcnt` can count.
#![cfg(CONFIG_PER_VMA_LOCK)]

use super::{
    address_space::{
        AddressSpace,
        Mapping, //
    },
    second_task::{
        mmap_writer,
        wait_until, //
    }, //
};
use crate::{
    bindings,
    error::code::EAGAIN,
    mm::vma::{
        HeldLock,
        LockCounts,
        LockSubclass,
        LockVmasError,
        ReadLockError,
        VmRefcnt, //
    },
    prelude::*, //
};

const LIMIT: i32 = bindings::VM_REFCNT_LIMIT as i32;

/// Stands in for very many readers.
///
/// Their counts are written into `vm_refcnt` and taken back by `drop()`. Nobody else may use the
/// VMA meanwhile, except through the calls that are tested.
pub(super) struct ManyReaders<'a> {
    mm: &'a AddressSpace,
    mapping: Mapping,
}

impl<'a> ManyReaders<'a> {
    pub(super) fn of(mm: &'a AddressSpace, mapping: Mapping) -> Result<Self> {
        set_refcnt(mm, mapping, 1, LIMIT)?;
        Ok(Self { mm, mapping })
    }
}

impl Drop for ManyReaders<'_> {
    fn drop(&mut self) {
        // Fails, and so leaves the count for the test to find, if it is not what it was.
        let _ = set_refcnt(self.mm, self.mapping, LIMIT, 1);
    }
}

/// Exchanges the count, which must be `from`.
fn set_refcnt(mm: &AddressSpace, mapping: Mapping, from: i32, to: i32) -> Result {
    let mut locks = mm.vma_locks();
    let mmap = locks.write();
    let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?.as_raw();

    // SAFETY: The VMA is stable under the mmap write lock. `AtomicI32` has the layout of the
    // counter.
    let counter =
        unsafe { core::sync::atomic::AtomicI32::from_ptr(&raw mut (*vma).vm_refcnt.refs.counter) };
    let order = core::sync::atomic::Ordering::SeqCst;
    counter
        .compare_exchange(from, to, order, order)
        .map_err(|_| EBUSY)?;
    Ok(())
}

fn refcnt(mm: &AddressSpace, mapping: Mapping) -> Option<VmRefcnt> {
    mm.vma_locks().read().lookup(mapping.start)?.refcnt()
}

#[kunit_tests(rust_vma_reader_limit)]
mod tests {
    use super::*;

    const FULL: Option<VmRefcnt> = Some(VmRefcnt::Readers {
        readers: LIMIT as u32 - 1,
        write_locked: false,
    });

    const UNLOCKED: Option<VmRefcnt> = Some(VmRefcnt::Attached {
        write_locked: false,
    });

    #[test]
    fn failed_locking_counts_nothing() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let many = ManyReaders::of(&mm, mapping)?;

        let mut locks = mm.vma_locks();
        assert!(locks.lock_vma_under_rcu(mapping.start).is_none());
        let mmap = locks.read();
        let error = mmap.lock_vma(mapping.start).err().ok_or(EINVAL)?;
        assert_eq!(error, ReadLockError::ReadersAtLimit);
        assert_eq!(Error::from(error), EAGAIN);
        let error = mmap
            .lock_vma_nested(mapping.start, LockSubclass::SINGLE_DEPTH_NESTING)
            .err();
        assert_eq!(error, Some(ReadLockError::ReadersAtLimit));
        drop(mmap);
        assert_eq!(refcnt(&mm, mapping), FULL);

        drop(many);
        assert_eq!(refcnt(&mm, mapping), UNLOCKED);
        Ok(())
    }

    #[test]
    fn one_below_the_limit_is_granted() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        set_refcnt(&mm, mapping, 1, LIMIT - 1)?;

        let mut locks = mm.vma_locks();
        let mmap = locks.read();
        let last = mmap.lock_vma(mapping.start)?;
        assert_eq!(last.refcnt(), FULL);
        assert!(mmap.lock_vma(mapping.start).is_err());
        drop(last);
        drop(mmap);
        set_refcnt(&mm, mapping, LIMIT - 1, 1)
    }

    #[test]
    fn lock_vma_keeps_the_mmap_lock_instead() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let many = ManyReaders::of(&mm, mapping)?;

        let mut locks = mm.vma_locks();
        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        assert_eq!(vma.held(), HeldLock::Mmap);
        assert_eq!(vma.start(), mapping.start);
        assert_eq!(vma.end(), mapping.end());
        assert_eq!(vma.refcnt(), FULL);

        let writer = mmap_writer(&mm)?;
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(writer.stays_blocked());
        drop(vma);
        writer.join()?;

        // An address without a VMA is still told apart, with nothing held.
        assert!(locks.lock_vma(mapping.end()).is_none());
        drop(many);
        assert_eq!(refcnt(&mm, mapping), UNLOCKED);
        Ok(())
    }

    #[test]
    fn a_cursor_keeps_the_mmap_lock_instead() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mapping, next) = mm.map_in_order()?;
        let many = ManyReaders::of(&mm, mapping)?;
        let mut counts = LockCounts::default();

        let mut locks = mm.vma_locks();
        let mut cursor = locks.cursor(mapping.start);
        let vma = cursor.lock_next_counted(&mut counts)?.ok_or(ENOENT)?;
        let first = (vma.start(), vma.refcnt());
        let is_held = mm.mmap_lock_is_held();
        // It goes on by VMA locks.
        let second = cursor
            .lock_next_counted(&mut counts)?
            .map(|vma| vma.start());
        // A failing assertion sleeps.
        drop(cursor);

        assert_eq!(first, (mapping.start, FULL));
        assert!(is_held);
        assert_eq!(second, Some(next.start));
        assert_eq!(
            counts,
            LockCounts {
                rcu: 1,
                retried: 0,
                mmap_lock: 1
            }
        );
        drop(many);
        assert_eq!(refcnt(&mm, mapping), UNLOCKED);
        mmap_writer(&mm)?.join()
    }

    #[test]
    fn several_vmas_are_locked_or_none() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mapping, other) = (mm.map(1)?, mm.map(1)?);
        let many = ManyReaders::of(&mm, mapping)?;

        let mut locks = mm.vma_locks();
        let error = locks.lock_vmas([other.start, mapping.start]).err();
        assert_eq!(
            error,
            Some(LockVmasError {
                index: 1,
                reason: ReadLockError::ReadersAtLimit
            })
        );
        assert_eq!(error.map(Error::from), Some(EAGAIN));
        assert_eq!(refcnt(&mm, other), UNLOCKED);
        assert_eq!(refcnt(&mm, mapping), FULL);
        drop(many);
        assert_eq!(refcnt(&mm, mapping), UNLOCKED);
        mmap_writer(&mm)?.join()
    }
}
