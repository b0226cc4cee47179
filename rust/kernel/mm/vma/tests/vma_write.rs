// SPDX-License-Identifier: GPL-2.0

//! Write transactions: several VMAs are write-locked, changed, and released together.

use super::{
    address_space::AddressSpace,
    second_task::SecondTask, //
};
use crate::{
    mm::vma::{
        AdviceFlags,
        VmRefcnt,
        VmaFlag, //
    },
    prelude::*, //
};

fn write_locked(refcnt: Option<VmRefcnt>) -> bool {
    // Without VMA locks, the mmap write lock is the VMA write lock.
    refcnt.is_none_or(|refcnt| refcnt == VmRefcnt::Attached { write_locked: true })
}

#[kunit_tests(rust_vma_write_lock)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_vmas_and_one_of_them_twice() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();

        let mmap = locks.write();
        let first = mmap.lookup(one.start).ok_or(ENOENT)?.start_write();
        let second = mmap.lookup(other.start).ok_or(ENOENT)?.start_write();
        let first_again = mmap.lookup(one.start).ok_or(ENOENT)?.start_write();
        let first_once_more = first.start_write();
        assert!(write_locked(first.refcnt()));
        assert!(write_locked(second.refcnt()));

        first.set_flags(AdviceFlags::DONTDUMP);
        second.set_flags(AdviceFlags::RAND_READ);
        assert!(first_again.flags().contains(VmaFlag::DONTDUMP));
        assert!(first_once_more.flags().contains(VmaFlag::DONTDUMP));
        assert!(!first_again.flags().contains(VmaFlag::RAND_READ));
        drop(mmap);

        // Both locks have ended, both changes are there.
        let task = {
            let mm = mm.clone();
            SecondTask::spawn(move || {
                let mut locks = mm.vma_locks();
                let flags = |vma: Option<crate::mm::vma::ReadGuard<'_>>| {
                    vma.map(|vma| (vma.held(), vma.flags()))
                };
                let first = flags(locks.lock_vma(one.start));
                let second = flags(locks.lock_vma(other.start));
                (first, second)
            })?
        };
        let (first, second) = task.join()?;
        let (first, second) = (first.ok_or(ENOENT)?, second.ok_or(ENOENT)?);
        assert_eq!(first.0, second.0);
        assert!(first.1.contains(VmaFlag::DONTDUMP));
        assert!(second.1.contains(VmaFlag::RAND_READ));
        Ok(())
    }

    #[test]
    fn a_vma_knows_whether_it_is_write_locked() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (one, other) = (mm.map(1)?, mm.map(1)?);
        let mut locks = mm.vma_locks();

        let mmap = locks.write();
        let (one, other) = (
            mmap.lookup(one.start).ok_or(ENOENT)?,
            mmap.lookup(other.start).ok_or(ENOENT)?,
        );
        one.start_write();
        assert!(one.is_write_locked());
        let locked = one.as_write_locked().ok_or(EIO)?;
        locked.set_flags(AdviceFlags::DONTDUMP);
        assert!(locked.is_write_locked());
        // It is not, where there are such locks.
        let is_locked = !cfg!(CONFIG_PER_VMA_LOCK);
        assert_eq!(other.is_write_locked(), is_locked);
        assert_eq!(other.as_write_locked().is_some(), is_locked);
        drop(mmap);

        let mmap = locks.write();
        for vma in mmap.vmas() {
            assert_eq!(vma.is_write_locked(), is_locked);
        }
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn unlock_and_downgrade_end_all_write_locks() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mappings = [mm.map(1)?, mm.map(1)?, mm.map(1)?];
        let mut locks = mm.vma_locks();
        let unlocked = Some(VmRefcnt::Attached {
            write_locked: false,
        });

        let mmap = locks.write();
        for mapping in mappings {
            let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
            assert_eq!(vma.refcnt(), unlocked);
            vma.start_write_killable()?;
            assert!(write_locked(vma.refcnt()));
        }
        let mmap = mmap.downgrade();
        for mapping in mappings {
            assert_eq!(mmap.lookup(mapping.start).ok_or(ENOENT)?.refcnt(), unlocked);
        }
        drop(mmap);

        let mmap = locks.write();
        for mapping in mappings {
            let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
            assert!(write_locked(vma.start_write().refcnt()));
        }
        drop(mmap);
        let mmap = locks.write();
        for mapping in mappings {
            assert_eq!(mmap.lookup(mapping.start).ok_or(ENOENT)?.refcnt(), unlocked);
        }
        Ok(())
    }
}
