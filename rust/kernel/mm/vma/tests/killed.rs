// SPDX-License-Identifier: GPL-2.0

//! Killable waits: a fatal signal ends them, with the right error, and leaves held what was held.

use super::{
    address_space::AddressSpace,
    second_task::{
        mmap_writer as writer,
        wait_until,
        SecondTask, //
    }, //
};
use crate::prelude::*;

#[cfg(CONFIG_PER_VMA_LOCK)]
use crate::{
    mm::vma::VmRefcnt,
    sync::{
        Arc,
        Completion, //
    }, //
};

#[kunit_tests(rust_vma_killed)]
mod tests {
    use super::*;

    #[test]
    fn waiting_to_read() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut locks = mm.vma_locks();

        let write = locks.write();
        let reader = {
            let mm = mm.clone();
            SecondTask::spawn(move || mm.vma_locks().read_killable().map(drop))?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(reader.stays_blocked());
        reader.kill();
        assert_eq!(reader.join()?, Err(EINTR));

        // Nothing was left behind: the next writer gets in.
        drop(write);
        writer(&mm)?.join()
    }

    #[test]
    fn waiting_to_read_one_vma() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let mut locks = mm.vma_locks();
        assert!(locks.lock_vma_killable(mapping.start)?.is_some());
        assert!(locks.lock_vma_killable(mapping.end())?.is_none());

        let write = locks.write();
        write.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        let reader = {
            let mm = mm.clone();
            SecondTask::spawn(move || {
                let mut locks = mm.vma_locks();
                locks.lock_vma_killable(mapping.start).err()
            })?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(reader.stays_blocked());
        reader.kill();
        assert_eq!(reader.join()?, Some(EINTR));

        drop(write);
        writer(&mm)?.join()
    }

    #[test]
    fn waiting_to_write() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut locks = mm.vma_locks();

        let read = locks.read();
        let killed = {
            let mm = mm.clone();
            SecondTask::spawn(move || mm.vma_locks().write_killable().map(drop))?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(killed.stays_blocked());
        killed.kill();
        assert_eq!(killed.join()?, Err(EINTR));

        drop(read);
        writer(&mm)?.join()
    }

    /// The wait for a VMA's readers ends; the mmap lock and the VMA write lock taken before are
    /// kept.
    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn waiting_for_readers_of_a_vma() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (written, read) = (mm.map(1)?, mm.map(1)?);
        let checked = Arc::pin_init(Completion::new(), GFP_KERNEL)?;

        let locks = mm.vma_locks();
        let vma = locks.lock_vma_under_rcu(read.start).ok_or(EAGAIN)?;
        let task = {
            let (mm, checked) = (mm.clone(), checked.clone());
            SecondTask::spawn(move || {
                let mut locks = mm.vma_locks();
                let mmap = locks.write();
                let first = mmap.lookup(written.start).ok_or(ENOENT)?.start_write();
                let second = mmap.lookup(read.start).ok_or(ENOENT)?;

                let error = second.start_write_killable().err();
                // The main task looks at the locks now.
                checked.wait_for_completion();
                Ok::<_, Error>((error, first.refcnt(), second.refcnt()))
            })?
        };
        let waited_for = Some(VmRefcnt::ExcludingReaders { readers: 1 });
        assert!(wait_until(|| vma.refcnt() == waited_for));
        assert!(task.stays_blocked());

        task.kill();
        // The writer has given up on this VMA: its only reader is left, and new ones get in.
        let one_reader = Some(VmRefcnt::Readers {
            readers: 1,
            write_locked: false,
        });
        assert!(wait_until(|| vma.refcnt() == one_reader));
        assert!(locks.lock_vma_under_rcu(read.start).is_some());
        // It still holds its other locks: that of the other VMA, and the mmap lock.
        assert!(locks.lock_vma_under_rcu(written.start).is_none());
        drop(vma);
        let mut locks = mm.vma_locks();
        assert!(locks.read_trylock().is_none());

        checked.complete_all();
        let (error, first, second) = task.join()??;
        assert_eq!(error, Some(EINTR));
        assert_eq!(first, Some(VmRefcnt::Attached { write_locked: true }));
        assert_eq!(
            second,
            Some(VmRefcnt::Attached {
                write_locked: false
            })
        );
        assert!(locks.lock_vma_under_rcu(written.start).is_some());
        writer(&mm)?.join()
    }
}
