// SPDX-License-Identifier: GPL-2.0

//! The same API on a kernel without VMA locks: everything goes by the mmap lock.
#![cfg(not(CONFIG_PER_VMA_LOCK))]

use super::{
    address_space::{
        unmap,
        AddressSpace, //
    },
    second_task::{
        mmap_writer,
        wait_until,
        SecondTask, //
    }, //
};
use crate::{
    error::code::EOPNOTSUPP,
    mm::vma::{
        HeldLock,
        LockSubclass,
        ReadLockError, //
    },
    prelude::*, //
};

#[kunit_tests(rust_vma_no_vma_lock)]
mod tests {
    use super::*;

    #[test]
    fn a_vma_cannot_be_locked_by_itself() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        assert!(locks.lock_vma_under_rcu(mapping.start).is_none());
        let mmap = locks.read();
        let error = mmap.lock_vma(mapping.start).err().ok_or(EINVAL)?;
        assert_eq!(error, ReadLockError::NotSupported);
        assert_eq!(Error::from(error), EOPNOTSUPP);
        assert_eq!(
            mmap.lock_vma_nested(mapping.start, LockSubclass::SINGLE_DEPTH_NESTING)
                .err(),
            Some(ReadLockError::NotSupported)
        );
        // Where there is no VMA, that is the reason.
        assert_eq!(
            mmap.lock_vma(mapping.end()).err(),
            Some(ReadLockError::NoVma)
        );
        assert!(mmap.lookup(mapping.start).ok_or(ENOENT)?.refcnt().is_none());
        Ok(())
    }

    #[test]
    fn lock_vma_holds_the_mmap_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        assert_eq!(vma.held(), HeldLock::Mmap);
        assert_eq!(vma.start(), mapping.start);
        let writer = mmap_writer(&mm)?;
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(writer.stays_blocked());
        drop(vma);
        writer.join()?;

        assert!(locks.lock_vma(mapping.end()).is_none());
        // Nothing is left behind by the failure.
        drop(locks.write());
        Ok(())
    }

    #[test]
    fn a_reader_blocks_munmap() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let unmapper = {
            let mm = mm.clone();
            SecondTask::spawn(move || mm.enter(|| unmap(mapping.start, mapping.len)))?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(unmapper.stays_blocked());
        assert_eq!(vma.end(), mapping.end());
        drop(vma);
        unmapper.join()??;
        assert!(locks.lock_vma(mapping.start).is_none());
        Ok(())
    }

    #[test]
    fn start_write_keeps_nobody_waiting() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let mmap = locks.write();
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        assert_eq!(vma.start_write().end(), mapping.end());
        assert_eq!(vma.start_write_killable()?.start(), mapping.start);
        Ok(())
    }
}
