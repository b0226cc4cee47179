// SPDX-License-Identifier: GPL-2.0

//! Attacks on guards of the mmap lock, on lock scopes, and with views of another address space.

use super::{
    super::{
        address_space::{
            AddressSpace,
            Mapping, //
        },
        driver::pinning::map_in,
        holds::holds,
        order::file_of,
        second_task::{
            mmap_writer,
            wait_until,
            SecondTask, //
        }, //
    },
    ADDR,
};
use crate::{
    bindings,
    mm::{
        vma::{
            pin::{
                PinFor,
                ReadOnly, //
            },
            rmap::IMmap,
            GrabbedMm,
            LockOrder,
            LockSubclass,
            LockVmasError,
            MmapGuard,
            MmapRead,
            MmapWrite,
            ReadLockError,
            SpeculationError, //
        },
        MmWithUser, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};
use core::mem::{
    forget,
    swap, //
};

/// Releases the mmap lock of a guard that was forgotten: lockdep reports a task that exits with a
/// lock.
macro_rules! release {
    ($level:ty, $mm:expr) => {
        // SAFETY: The task holds the lock at this level, and no guard stands for it: the one that
        // did was forgotten.
        drop(unsafe { MmapGuard::<$level>::from_held($mm) })
    };
}

/// A task that waits for the mmap write lock until it is killed.
fn killable_writer(mm: &AddressSpace) -> Result<SecondTask<Result>> {
    let mm = mm.clone();
    SecondTask::spawn(move || mm.vma_locks().write_killable().map(drop))
}

/// Returns whether a second task gets the mmap read lock without waiting.
fn reads(mm: &AddressSpace) -> Result<bool> {
    let mm = mm.clone();
    SecondTask::spawn(move || mm.vma_locks().read_trylock().is_some())?.join()
}

/// Checks that a task waits for the mmap lock, and kills it; returns what it has got.
fn kill_waiting<T: Send + Unpin>(mm: &MmWithUser, task: SecondTask<T>) -> Result<T> {
    // SAFETY: The mm is alive.
    let is_contended = || unsafe { bindings::mmap_lock_is_contended(mm.as_raw()) != 0 };
    holds(wait_until(is_contended))?;
    holds(task.stays_blocked())?;
    task.kill();
    task.join()
}

/// The address space of the case, with a mapping, and another one, with a mapping at [`ADDR`].
fn two_spaces() -> Result<(AddressSpace, Mapping, AddressSpace)> {
    let mm = AddressSpace::of_this_case()?;
    let mapping = mm.map(1)?;
    let other = AddressSpace::unused()?;
    map_in(&other, |other| other.map_anonymous_at(ADDR))?;
    Ok((mm, mapping, other))
}

#[kunit_tests(rust_vma_attacks)]
mod tests {
    use super::*;

    #[test]
    fn forgotten_mmap_read_guard_blocks_writers() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        forget(mm.vma_locks().read());

        for _ in 0..2 {
            assert_eq!(kill_waiting(&mm, killable_writer(&mm)?)?, Err(EINTR));
        }
        // Readers are let in, and the VMA is there.
        assert!(reads(&mm)?);
        let mut locks = mm.vma_locks();
        let mmap = locks.read_trylock().ok_or(EAGAIN)?;
        assert!(mmap.lookup(mapping.start).is_some());
        assert!(mmap.lookup(mapping.end()).is_none());
        drop(mmap);

        release!(MmapRead, &mm);
        mmap_writer(&mm)?.join()
    }

    #[test]
    fn forgotten_mmap_write_guard_blocks_all() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let grabbed = GrabbedMm::from(&**mm);
        forget(mm.vma_locks().write());

        assert_eq!(kill_waiting(&mm, killable_writer(&mm)?)?, Err(EINTR));
        let reader = {
            let mm = mm.clone();
            SecondTask::spawn(move || mm.vma_locks().read_killable().map(drop))?
        };
        assert_eq!(kill_waiting(&mm, reader)?, Err(EINTR));
        assert!(!reads(&mm)?);
        let user = grabbed.try_get_user(&mut LockOrder::new());
        assert_eq!(user.err(), Some(EAGAIN));

        release!(MmapWrite, &mm);
        assert!(mm.vma_locks().read().lookup(mapping.start).is_some());
        mmap_writer(&mm)?.join()
    }

    #[test]
    fn exit_waits_for_a_forgotten_mmap_guard() -> Result {
        let mm = AddressSpace::unused()?;
        map_in(&mm, |mm| mm.map_anonymous_at(ADDR))?;
        let grabbed = GrabbedMm::from(&**mm);
        let raw = mm.as_raw();
        forget(mm.vma_locks().read());

        // The last user.
        let exit = SecondTask::spawn(move || drop(mm))?;
        // SAFETY: The `mm_struct` is kept by `grabbed`.
        assert!(wait_until(|| unsafe {
            bindings::mmap_lock_is_contended(raw) != 0
        }));
        // Not even a kill ends this wait.
        exit.kill();
        assert!(exit.stays_blocked());
        assert!(grabbed.get_user(&mut LockOrder::new()).is_none());

        // SAFETY: As above. This task holds the lock, and no guard stands for it.
        unsafe { bindings::mmap_read_unlock(raw) };
        exit.join()
    }

    #[test]
    fn forgotten_i_mmap_guard_keeps_writers_out() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let file = file_of(&mm, mm.map_shared(1)?)?;
        // SAFETY: The file is alive, and this field of it is not written.
        let i_mmap = unsafe { (*file.as_ptr()).f_mapping };
        forget(IMmap::of(&file).lock_read(&mut LockOrder::new()));

        let mut order = LockOrder::new();
        assert!(IMmap::of(&file).trylock_write(&mut order).is_none());
        let readers = IMmap::of(&file).trylock_read(&mut order);
        let count = readers.map(|i_mmap| i_mmap.vmas(0..=usize::MAX).count());
        assert_eq!(count, Some(1));

        // SAFETY: This task holds the lock, and no guard stands for it.
        unsafe { bindings::i_mmap_unlock_read(i_mmap) };
        assert!(IMmap::of(&file).trylock_write(&mut order).is_some());
        Ok(())
    }

    #[test]
    fn swapped_mmap_write_guards() -> Result {
        let (mm, other) = (AddressSpace::of_this_case()?, AddressSpace::unused()?);
        let (mut locks, mut other_locks) = (mm.vma_locks(), other.vma_locks());
        let mut first = locks.write();
        let mut second = other_locks.write_nested(LockSubclass::SINGLE_DEPTH_NESTING);
        assert_eq!((reads(&mm)?, reads(&other)?), (false, false));

        swap(&mut first, &mut second);
        assert!(first.mm().id() == other.id() && second.mm().id() == mm.id());
        drop(first);
        assert_eq!((reads(&mm)?, reads(&other)?), (false, true));
        drop(second);
        assert_eq!((reads(&mm)?, reads(&other)?), (true, true));
        Ok(())
    }

    #[test]
    fn swapped_mmap_read_guards() -> Result {
        let (mm, other) = (AddressSpace::of_this_case()?, AddressSpace::unused()?);
        let (mut locks, mut other_locks) = (mm.vma_locks(), other.vma_locks());
        let mut first = locks.read();
        let mut second = other_locks.read_trylock().ok_or(EAGAIN)?;

        swap(&mut first, &mut second);
        drop(first);
        mmap_writer(&other)?.join()?;
        assert_eq!(kill_waiting(&mm, killable_writer(&mm)?)?, Err(EINTR));
        drop(second);
        mmap_writer(&mm)?.join()
    }

    /// An address means something only in the address space of the guard that it is given to.
    #[test]
    fn guard_finds_no_vma_of_another_mm() -> Result {
        let (mm, mapping, other) = two_spaces()?;
        let mut locks = mm.vma_locks();

        let error = locks.lock_vmas([mapping.start, ADDR]).err();
        let no_vma = LockVmasError {
            index: 1,
            reason: ReadLockError::NoVma,
        };
        assert_eq!(error, Some(no_vma));
        assert!(locks.lock_vma(ADDR).is_none());
        let mut cursor = locks.cursor(ADDR);
        let mut count = 0;
        while let Some(vma) = cursor.lock_next()? {
            assert!(vma.mm_id() == mm.id() && vma.start() > ADDR);
            count += 1;
        }
        assert!(count > 0);
        drop(cursor);

        let page = ADDR..ADDR + PAGE_SIZE;
        {
            let mut mmap = locks.read();
            assert!(mmap.lookup(ADDR).is_none());
            let pages = mmap.pin_user_pages::<ReadOnly>(page.clone(), PinFor::Short);
            assert_eq!(pages.err(), Some(EFAULT));
        }
        let mut mmap = locks.write();
        assert_eq!(mmap.split(ADDR), Err(ENOENT));
        // Not an error, as for munmap(2): nothing is mapped there.
        assert_eq!(mmap.munmap(page), Ok(()));
        drop(mmap);

        let mut other_locks = other.vma_locks();
        let vma = other_locks.lock_vma(ADDR).ok_or(ENOENT)?;
        assert!(vma.mm_id() == other.id() && vma.mm_id() != mm.id());
        assert_eq!((vma.start(), vma.end()), (ADDR, ADDR + PAGE_SIZE));
        Ok(())
    }

    /// To wait through a second scope is what the suite `rust_vma_misorder` does.
    #[test]
    fn second_scope_respects_the_first() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        let (mut one, mut two) = (mm.vma_locks(), mm.vma_locks());

        let write = one.write();
        assert!(two.read_trylock().is_none());
        let looked = two.speculate(|_| ());
        assert_eq!(looked, Err(SpeculationError::WriteLocked));
        // The VMA has a lock of its own, if there are such locks.
        let vma = two.lock_vma_under_rcu(mapping.start);
        assert_eq!(vma.is_some(), cfg!(CONFIG_PER_VMA_LOCK));
        drop(vma);
        write.lookup(mapping.start).ok_or(ENOENT)?.start_write();
        assert!(two.lock_vma_under_rcu(mapping.start).is_none());
        drop(write);
        assert!(two.read_trylock().is_some());
        Ok(())
    }

    #[test]
    fn locks_of_two_scopes_are_counted() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (mut one, mut two) = (mm.vma_locks(), mm.vma_locks());

        let first = one.read();
        let second = two.read_trylock().ok_or(EAGAIN)?;
        drop(first);
        assert_eq!(kill_waiting(&mm, killable_writer(&mm)?)?, Err(EINTR));
        drop(second);
        mmap_writer(&mm)?.join()
    }

    #[test]
    fn second_order_respects_the_first() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let file = file_of(&mm, mm.map_shared(1)?)?;
        let (mut one, mut two) = (LockOrder::new(), LockOrder::new());

        let write = IMmap::of(&file).lock_write(&mut one);
        assert!(IMmap::of(&file).trylock_read(&mut two).is_none());
        assert!(IMmap::of(&file).trylock_write(&mut two).is_none());
        drop(write);
        let read = IMmap::of(&file).lock_read(&mut one);
        assert!(IMmap::of(&file).trylock_write(&mut two).is_none());
        drop(read);
        assert!(IMmap::of(&file).trylock_write(&mut two).is_some());
        Ok(())
    }
}
