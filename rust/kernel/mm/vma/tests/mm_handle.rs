// SPDX-License-Identifier: GPL-2.0

//! An address space that a VMA names: when it can be used.
//!
//! No fork can be held up half-way from a test. What matters about it is that `dup_mmap()` has the
//! mmap write lock of the child until the child's tree is complete, and that the child's VMAs can
//! be found through the reverse mapping meanwhile; a writer that has just mapped a file stands for
//! it.
//!
//! An assertion that fails ends the task of the case, and leaves held what it holds. So they come
//! after the writer.

use super::{
    address_space::AddressSpace,
    holds::holds,
    second_task::{
        wait_until,
        SecondTask, //
    }, //
};
use crate::{
    fs::LocalFile,
    mm::vma::{
        rmap::IMmap,
        GrabbedMm,
        LockOrder, //
    },
    prelude::*,
    sync::aref::ARef, //
};

/// The address space of a VMA that maps the file, as a walk of the reverse mapping finds it.
fn mapper(file: &LocalFile) -> Result<GrabbedMm> {
    let mut order = LockOrder::new();
    let i_mmap = IMmap::of(file).lock_read(&mut order);
    let vma = i_mmap.vmas(0..=usize::MAX).next().ok_or(ENOENT)?;
    holds(vma.grab_mm().id() == vma.mm_id())?;
    Ok(vma.grab_mm())
}

/// A file that the address space maps.
fn mapped_file(mm: &AddressSpace) -> Result<ARef<LocalFile>> {
    let mapping = mm.map_shared(1)?;
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
    Ok(vma.file().ok_or(ENOENT)?.into())
}

#[kunit_tests(rust_vma_mm_handle)]
mod tests {
    use super::*;

    #[test]
    fn found_mm_is_used_after_its_writer() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let file = mapped_file(&mm)?;
        let mut locks = mm.vma_locks();

        let write = locks.write();
        let found = mapper(&file)?;
        let id = found.id();
        let without_waiting = found
            .try_get_user(&mut LockOrder::new())
            .map(|user| user.is_some());
        let user = SecondTask::spawn(move || {
            let user = found.get_user(&mut LockOrder::new());
            user.map(|user| user.id())
        })?;
        let waited = wait_until(|| mm.mmap_lock_is_contended()) && user.stays_blocked();
        drop(write);
        assert!(waited);
        assert!(user.join()? == Some(mm.id()));
        assert!(id == mm.id() && id != AddressSpace::unused()?.id());
        assert_eq!(without_waiting, Err(EAGAIN));

        // It is not locked when it is given.
        let user = mapper(&file)?.try_get_user(&mut LockOrder::new())?;
        let user = user.ok_or(ESRCH)?;
        assert!(user.vma_locks().write().vmas().count() > 0);
        Ok(())
    }

    #[test]
    fn fatal_signal_ends_the_wait_for_a_writer() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let file = mapped_file(&mm)?;
        let mut locks = mm.vma_locks();

        let write = locks.write();
        let found = mapper(&file)?;
        let user = SecondTask::spawn(move || {
            let user = found.get_user_killable(&mut LockOrder::new());
            user.map(|user| user.is_some())
        })?;
        let waited = wait_until(|| mm.mmap_lock_is_contended()) && user.stays_blocked();
        user.kill();
        let result = user.join();
        drop(write);
        assert!(waited);
        assert_eq!(result?, Err(EINTR));

        let user = mapper(&file)?.get_user_killable(&mut LockOrder::new())?;
        assert!(user.is_some());
        Ok(())
    }

    #[test]
    fn an_address_space_without_users_is_not_used() -> Result {
        let unused = AddressSpace::unused()?;
        let grabbed = GrabbedMm::from(&**unused);
        assert!(grabbed.get_user(&mut LockOrder::new()).is_some());
        drop(unused);

        let mut order = LockOrder::new();
        assert!(grabbed.get_user(&mut order).is_none());
        assert!(grabbed.get_user_killable(&mut order)?.is_none());
        assert!(grabbed.try_get_user(&mut order)?.is_none());
        Ok(())
    }
}
