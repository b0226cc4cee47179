// SPDX-License-Identifier: GPL-2.0

//! Several VMAs read-locked at once.

use super::{
    address_space::AddressSpace,
    second_task::{
        mmap_writer,
        wait_until,
        SecondTask, //
    }, //
};
use crate::{
    mm::vma::{
        AdviceFlags,
        HeldLock,
        LockVmasError,
        ReadLockError,
        VmaFlag, //
    },
    prelude::*, //
};

const LOCKED: u32 = if cfg!(CONFIG_PER_VMA_LOCK) { 1 } else { 0 };

#[kunit_tests(rust_vma_locked_vmas)]
mod tests {
    use super::*;

    #[test]
    fn all_are_locked_at_once_and_given_in_order() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let maps = [mm.map(1)?, mm.map(2)?, mm.map(3)?];
        let mut locks = mm.vma_locks();

        let locked = locks.lock_vmas([maps[2].start, maps[0].start, maps[1].end() - 1])?;
        let extents = locked.views().map(|vma| (vma.start(), vma.end()));
        let expected = [2, 0, 1].map(|i| (maps[i].start, maps[i].end()));
        assert!(extents == expected);
        assert_eq!(locked.get(1).map(|vma| vma.start()), Some(maps[0].start));
        assert!(locked.get(3).is_none());
        for mapping in maps {
            assert_eq!(mm.readers(mapping), LOCKED);
        }
        drop(locked);
        for mapping in maps {
            assert_eq!(mm.readers(mapping), 0);
        }
        assert!(locks.lock_vmas([]).is_ok());
        Ok(())
    }

    #[test]
    fn the_same_vma_is_locked_once() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (twice, once) = (mm.map(2)?, mm.map(1)?);
        let mut locks = mm.vma_locks();

        let locked = locks.lock_vmas([twice.start, once.start, twice.end() - 1, twice.start])?;
        assert_eq!((mm.readers(twice), mm.readers(once)), (LOCKED, LOCKED));
        let [first, other, again, and_again] = locked.views();
        assert_eq!(first.start(), twice.start);
        assert_eq!(other.start(), once.start);
        assert!(core::ptr::eq(first, again) && core::ptr::eq(first, and_again));
        drop(locked);
        assert_eq!((mm.readers(twice), mm.readers(once)), (0, 0));
        mmap_writer(&mm)?.join()
    }

    #[test]
    fn an_address_without_a_vma_is_named() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();

        for index in 0..3 {
            let mut addrs = [one.start, other.start, one.start];
            addrs[index] = other.end();
            let error = locks.lock_vmas(addrs).err().ok_or(EINVAL)?;
            let reason = ReadLockError::NoVma;
            assert_eq!(error, LockVmasError { index, reason });
            assert_eq!(Error::from(error), ENOENT);
            assert_eq!((mm.readers(one), mm.readers(other)), (0, 0));
        }
        mmap_writer(&mm)?.join()
    }

    /// Of the mmap lock and the VMA locks, only the latter are kept.
    #[test]
    fn mmap_lock_is_kept_without_vma_locks() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();

        let locked = locks.lock_vmas([one.start, other.start])?;
        let writer = mmap_writer(&mm)?;
        match locked.held() {
            HeldLock::Vma => writer.join(),
            HeldLock::Mmap => {
                assert!(wait_until(|| mm.mmap_lock_is_contended()));
                assert!(writer.stays_blocked());
                drop(locked);
                writer.join()
            }
        }
    }

    /// The deadlock that the protocol is there to avoid: a writer has one VMA and wants the other,
    /// which the reader would still hold while it waits for the writer.
    #[test]
    fn locks_are_released_before_waiting() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();
        let mmap = locks.write();
        let second = mmap.lookup(other.start).ok_or(ENOENT)?.start_write();

        let task = {
            let mm = mm.clone();
            SecondTask::spawn(move || -> Result<bool> {
                let mut locks = mm.vma_locks();
                let locked = locks.lock_vmas([one.start, other.start])?;
                let changed =
                    |vma: &crate::mm::vma::Vma<_>| vma.flags().contains(VmaFlag::DONTDUMP);
                let seen = locked.views().iter().all(|vma| changed(vma));

                // The mmap lock was dropped.
                let writer = mmap_writer(&mm)?;
                if locked.held() == HeldLock::Vma {
                    writer.join()?;
                }
                Ok(seen)
            })?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(task.stays_blocked());
        assert_eq!(mm.readers(one), 0);

        let first = mmap.lookup(one.start).ok_or(ENOENT)?.start_write();
        first.set_flags(AdviceFlags::DONTDUMP);
        second.set_flags(AdviceFlags::DONTDUMP);
        drop(mmap);
        assert!(task.join()??);
        assert_eq!((mm.readers(one), mm.readers(other)), (0, 0));
        Ok(())
    }

    #[test]
    fn a_fatal_signal_ends_the_wait() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();
        assert!(locks.lock_vmas_killable([one.start, other.start])?.is_ok());
        let error = locks.lock_vmas_killable([one.start, 0])?.err();
        assert_eq!(error.map(|e| e.index), Some(1));

        let mmap = locks.write();
        mmap.lookup(other.start).ok_or(ENOENT)?.start_write();
        let task = {
            let mm = mm.clone();
            SecondTask::spawn(move || {
                let mut locks = mm.vma_locks();
                locks.lock_vmas_killable([one.start, other.start]).err()
            })?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(task.stays_blocked());
        task.kill();
        assert_eq!(task.join()?, Some(EINTR));
        assert_eq!(mm.readers(one), 0);
        drop(mmap);
        mmap_writer(&mm)?.join()
    }
}
