// SPDX-License-Identifier: GPL-2.0

//! The VMA read lock: how it is taken, what it keeps out, and what keeps it out.
#![cfg(CONFIG_PER_VMA_LOCK)]

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
        HeldLock,
        LockSubclass,
        ReadLockError,
        VmRefcnt, //
    },
    prelude::*, //
};

const UNLOCKED: Option<VmRefcnt> = Some(VmRefcnt::Attached {
    write_locked: false,
});

const WAITED_FOR: Option<VmRefcnt> = Some(VmRefcnt::ExcludingReaders { readers: 1 });

fn readers(readers: u32) -> Option<VmRefcnt> {
    Some(VmRefcnt::Readers {
        readers,
        write_locked: false,
    })
}

/// The state of the lock of the VMA at `addr`, seen under the mmap read lock.
fn refcnt(mm: &AddressSpace, addr: usize) -> Option<VmRefcnt> {
    mm.vma_locks().read().lookup(addr)?.refcnt()
}

/// Returns true if another task can read-lock the VMA under RCU.
fn reader_gets_in(mm: &AddressSpace, addr: usize) -> Result<bool> {
    let mm = mm.clone();
    SecondTask::spawn(move || mm.vma_locks().lock_vma_under_rcu(addr).is_some())?.join()
}

/// A task that takes the mmap write lock, write-locks the VMA, and lets go.
fn writer(mm: &AddressSpace, addr: usize) -> Result<SecondTask<bool>> {
    let mm = mm.clone();
    SecondTask::spawn(move || {
        let mut locks = mm.vma_locks();
        let mmap = locks.write();
        mmap.lookup(addr).map(|vma| vma.start_write()).is_some()
    })
}

/// A task that unmaps.
fn unmapper(mm: &AddressSpace, mapping: Mapping) -> Result<SecondTask<Result>> {
    let mm = mm.clone();
    SecondTask::spawn(move || mm.enter(|| unmap(mapping.start, mapping.len)))
}

#[kunit_tests(rust_vma_read_lock)]
mod tests {
    use super::*;

    #[test]
    fn rcu_lookup_locks_the_vma() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let locks = mm.vma_locks();

        let vma = locks.lock_vma_under_rcu(mapping.end() - 1).ok_or(EAGAIN)?;
        assert_eq!(vma.start(), mapping.start);
        assert_eq!(vma.end(), mapping.end());
        assert_eq!(vma.refcnt(), readers(1));
        drop(vma);
        assert_eq!(refcnt(&mm, mapping.start), UNLOCKED);

        assert!(locks.lock_vma_under_rcu(mapping.start - 1).is_none());
        assert!(locks.lock_vma_under_rcu(mapping.end()).is_none());
        Ok(())
    }

    #[test]
    fn readers_add_up() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map(1)?, mm.map(1)?);
        let locks = mm.vma_locks();

        let first = locks.lock_vma_under_rcu(one.start).ok_or(EAGAIN)?;
        let again = locks.lock_vma_under_rcu(one.start).ok_or(EAGAIN)?;
        let another = locks.lock_vma_under_rcu(other.start).ok_or(EAGAIN)?;
        assert_eq!(first.refcnt(), readers(2));
        assert_eq!(another.refcnt(), readers(1));
        drop(again);
        assert_eq!(first.refcnt(), readers(1));
        Ok(())
    }

    #[test]
    fn a_reader_blocks_start_write() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let locks = mm.vma_locks();

        let vma = locks.lock_vma_under_rcu(mapping.start).ok_or(EAGAIN)?;
        let writer = writer(&mm, mapping.start)?;
        assert!(wait_until(|| vma.refcnt() == WAITED_FOR));
        assert!(writer.stays_blocked());
        assert_eq!(vma.start(), mapping.start);
        // New readers do not overtake the writer.
        assert!(!reader_gets_in(&mm, mapping.start)?);

        drop(vma);
        assert!(writer.join()?);
        assert!(reader_gets_in(&mm, mapping.start)?);
        Ok(())
    }

    #[test]
    fn a_reader_blocks_munmap() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let locks = mm.vma_locks();

        let vma = locks.lock_vma_under_rcu(mapping.start).ok_or(EAGAIN)?;
        let unmapper = unmapper(&mm, mapping)?;
        assert!(wait_until(|| vma.refcnt() == WAITED_FOR));
        assert!(unmapper.stays_blocked());
        assert_eq!(vma.end(), mapping.end());

        drop(vma);
        unmapper.join()??;
        assert!(locks.lock_vma_under_rcu(mapping.start).is_none());
        Ok(())
    }

    #[test]
    fn vma_reader_blocks_no_other_writer() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (read, written) = (mm.map(1)?, mm.map(1)?);
        let locks = mm.vma_locks();

        let _vma = locks.lock_vma_under_rcu(read.start).ok_or(EAGAIN)?;
        assert!(writer(&mm, written.start)?.join()?);
        Ok(())
    }

    #[test]
    fn write_lock_excludes_until_unlock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (written, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();

        let mmap = locks.write();
        assert!(reader_gets_in(&mm, written.start)?);
        mmap.lookup(written.start).ok_or(ENOENT)?.start_write();
        assert!(!reader_gets_in(&mm, written.start)?);
        assert!(reader_gets_in(&mm, other.start)?);

        drop(mmap);
        assert!(reader_gets_in(&mm, written.start)?);
        Ok(())
    }

    #[test]
    fn write_lock_excludes_until_downgrade() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let mmap = locks.write();
        mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        assert!(!reader_gets_in(&mm, mapping.start)?);

        let mmap = mmap.downgrade();
        assert!(reader_gets_in(&mm, mapping.start)?);
        // But the mmap lock is still held for reading.
        let writer = writer(&mm, mapping.start)?;
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(writer.stays_blocked());

        drop(mmap);
        assert!(writer.join()?);
        Ok(())
    }

    #[test]
    fn mmap_lock_hands_over_to_vma_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mapping, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();

        let mmap = locks.read();
        let vma = mmap.lock_vma(mapping.start)?;
        assert_eq!(vma.refcnt(), readers(1));
        drop(mmap);

        // The mmap lock is free, the VMA is not.
        assert!(writer(&mm, other.start)?.join()?);
        let writer = writer(&mm, mapping.start)?;
        assert!(wait_until(|| vma.refcnt() == WAITED_FOR));
        assert!(writer.stays_blocked());
        drop(vma);
        assert!(writer.join()?);
        Ok(())
    }

    #[test]
    fn locks_several_vmas_under_one_mmap_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();

        let mmap = locks.read();
        let first = mmap.lock_vma(one.start)?;
        let second = mmap.lock_vma_nested(other.start, LockSubclass::SINGLE_DEPTH_NESTING)?;
        assert_eq!(
            mmap.lock_vma(one.start - 1).err(),
            Some(ReadLockError::NoVma)
        );
        assert_eq!(
            mmap.lock_vma_nested(one.start - 1, LockSubclass::SINGLE_DEPTH_NESTING)
                .err(),
            Some(ReadLockError::NoVma)
        );
        drop(mmap);
        assert_eq!(first.start(), one.start);
        assert_eq!(second.start(), other.start);
        drop((first, second));
        assert_eq!(refcnt(&mm, one.start), UNLOCKED);
        assert_eq!(refcnt(&mm, other.start), UNLOCKED);
        Ok(())
    }

    #[test]
    fn lock_vma_takes_the_vma_lock() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        assert_eq!(vma.held(), HeldLock::Vma);
        assert_eq!(vma.refcnt(), readers(1));
        assert_eq!(vma.start(), mapping.start);
        drop(vma);
        assert_eq!(refcnt(&mm, mapping.start), UNLOCKED);

        assert!(locks.lock_vma(mapping.start - 1).is_none());
        // Nothing is left behind by the failure.
        assert!(writer(&mm, mapping.start)?.join()?);
        Ok(())
    }

    #[test]
    fn lock_vma_waits_for_a_writer() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();

        let mmap = locks.write();
        mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let reader = {
            let mm = mm.clone();
            SecondTask::spawn(move || {
                let mut locks = mm.vma_locks();
                locks
                    .lock_vma(mapping.start)
                    .map(|vma| (vma.held(), vma.refcnt()))
            })?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(reader.stays_blocked());

        drop(mmap);
        assert_eq!(reader.join()?, Some((HeldLock::Vma, readers(1))));
        assert_eq!(refcnt(&mm, mapping.start), UNLOCKED);
        Ok(())
    }
}
