// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_PER_VMA_LOCK)]

//! Attacks on guards of VMA read locks: forgotten, and swapped.

use super::{
    super::{
        address_space::{
            unmap,
            AddressSpace,
            Mapping, //
        },
        driver::{
            device::{
                with_plain,
                Device,
                PlainOps,
                Shared, //
            },
            pinning::map_in, //
        },
        reader_limit::ManyReaders,
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
    mm::vma::{
        GrabbedMm,
        HeldLock,
        LockOrder,
        VmRefcnt,
        Vma,
        VmaGuard, //
        VmaRead,
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::rcu, //
};
use core::{
    mem::{
        forget,
        swap, //
    },
    ptr::NonNull, //
};

const ONE_READER: Option<VmRefcnt> = Some(VmRefcnt::Readers {
    readers: 1,
    write_locked: false,
});
const WRITER_WAITS: Option<VmRefcnt> = Some(VmRefcnt::ExcludingReaders { readers: 1 });

/// Read-locks the VMA at `addr` and forgets the guard. Returns the VMA, to release it.
fn forget_guard(mm: &AddressSpace, addr: usize) -> Result<NonNull<bindings::vm_area_struct>> {
    let locks = mm.vma_locks();
    let guard = locks.lock_vma_under_rcu(addr).ok_or(EAGAIN)?;
    let vma = guard.as_non_null();
    forget(guard);
    Ok(vma)
}

/// Releases a read lock whose guard was forgotten: lockdep reports a task that exits with a lock.
fn release(_mm: &AddressSpace, vma: NonNull<bindings::vm_area_struct>) {
    // SAFETY: This task holds the read lock, and no guard stands for it. The mm has users.
    drop(unsafe { VmaGuard::from_held(vma) });
}

fn refcnt(mm: &AddressSpace, addr: usize) -> Option<VmRefcnt> {
    let (locks, rcu) = (mm.vma_locks(), rcu::read_lock());
    locks.peek(&rcu, addr).map(|vma| vma.refcnt())
}

/// A task that write-locks a VMA, until it is killed.
fn killable_writer(mm: &AddressSpace, mapping: Mapping) -> Result<SecondTask<Result>> {
    let mm = mm.clone();
    SecondTask::spawn(move || {
        let mut locks = mm.vma_locks();
        let mmap = locks.write_killable()?;
        let vma = mmap.lookup(mapping.start).ok_or(ENOENT)?;
        vma.start_write_killable().map(drop)
    })
}

/// Returns whether a second task read-locks the VMA without waiting.
fn locks(mm: &AddressSpace, addr: usize) -> Result<bool> {
    let mm = mm.clone();
    SecondTask::spawn(move || mm.vma_locks().lock_vma_under_rcu(addr).is_some())?.join()
}

/// The address space of the case, with a mapping, and another one, with a mapping at [`ADDR`].
fn two_spaces() -> Result<(AddressSpace, Mapping, AddressSpace, Mapping)> {
    let mm = AddressSpace::of_this_case()?;
    let mapping = mm.map(1)?;
    let other = AddressSpace::unused()?;
    map_in(&other, |other| other.map_anonymous_at(ADDR))?;
    let at_addr = Mapping {
        start: ADDR,
        len: PAGE_SIZE,
    };
    Ok((mm, mapping, other, at_addr))
}

#[kunit_tests(rust_vma_attacks_vma_lock)]
mod tests {
    use super::*;

    #[test]
    fn forgotten_read_guard_keeps_writers_waiting() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let vma = forget_guard(&mm, mapping.start)?;
        assert_eq!(refcnt(&mm, mapping.start), ONE_READER);

        for _ in 0..2 {
            let writer = killable_writer(&mm, mapping)?;
            assert!(wait_until(|| refcnt(&mm, mapping.start) == WRITER_WAITS));
            assert!(writer.stays_blocked());
            writer.kill();
            assert_eq!(writer.join()?, Err(EINTR));
            assert_eq!(refcnt(&mm, mapping.start), ONE_READER);
        }
        // Other readers are let in, and nobody waits for the mmap lock.
        assert!(locks(&mm, mapping.start)?);
        mmap_writer(&mm)?.join()?;

        release(&mm, vma);
        assert_eq!(killable_writer(&mm, mapping)?.join()?, Ok(()));
        Ok(())
    }

    /// The wait cannot be ended by a kill, and nothing of the VMA is given up before.
    #[test]
    fn munmap_waits_for_a_forgotten_read_guard() -> Result {
        let (mm, shared, _device, file) = with_plain::<PlainOps>(1)?;
        let mapping = mm.map_file(&file, 0, 1)?;
        let vma = forget_guard(&mm, mapping.start)?;
        assert_eq!(shared.counts(), (2, 0));

        let unmapper = {
            let mm = mm.clone();
            SecondTask::spawn(move || mm.enter(|| unmap(mapping.start, mapping.len)))?
        };
        assert!(wait_until(|| refcnt(&mm, mapping.start) == WRITER_WAITS));
        unmapper.kill();
        assert!(unmapper.stays_blocked());
        assert_eq!(refcnt(&mm, mapping.start), WRITER_WAITS);
        assert_eq!(shared.counts(), (2, 0));
        // SAFETY: This task still holds the read lock.
        let view = unsafe { Vma::<VmaRead>::from_raw(vma.as_ptr()) };
        assert_eq!((view.start(), view.end()), (mapping.start, mapping.end()));

        release(&mm, vma);
        assert_eq!(unmapper.join()?, Ok(()));
        assert_eq!(refcnt(&mm, mapping.start), None);
        assert_eq!(shared.counts(), (2, 1));
        Ok(())
    }

    #[test]
    fn exit_waits_for_a_forgotten_read_guard() -> Result {
        let mm = AddressSpace::unused()?;
        let shared = Shared::new(1)?;
        let device = Device::plain::<PlainOps>(&shared)?;
        let file = device.open()?;
        let mapping = mm.enter(|| mm.map_file(&file, 0, 1))?;
        let vma = forget_guard(&mm, mapping.start)?;
        let grabbed = GrabbedMm::from(&**mm);

        // The last user.
        let exit = SecondTask::spawn(move || drop(mm))?;
        // SAFETY: The VMA is read-locked, so it is alive.
        let count =
            || unsafe { (&raw const (*vma.as_ptr()).vm_refcnt.refs.counter).read_volatile() };
        let waits = bindings::VM_REFCNT_EXCLUDE_READERS_FLAG as i32 + 2;
        assert!(wait_until(|| count() == waits));
        exit.kill();
        assert!(exit.stays_blocked());
        assert_eq!(count(), waits);
        assert_eq!(shared.counts(), (2, 0));
        assert!(grabbed.get_user(&mut LockOrder::new()).is_none());

        // SAFETY: This task holds the read lock, and `grabbed` keeps the `mm_struct`.
        unsafe { bindings::vma_end_read(vma.as_ptr()) };
        exit.join()?;
        assert_eq!(shared.counts(), (2, 1));
        Ok(())
    }

    /// A cursor or a set of guards keeps its locks when it is forgotten, each once.
    #[test]
    fn forgotten_cursor_and_locked_vmas() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (first, second) = mm.map_in_order()?;
        let mut vmas = [NonNull::dangling(); 3];
        {
            let mut locks = mm.vma_locks();
            let locked = locks.lock_vmas([first.start, second.start, first.end() - 1])?;
            let views = locked.views();
            vmas[0] = views[0].as_non_null();
            vmas[1] = views[1].as_non_null();
            forget(locked);

            let mut cursor = locks.cursor(second.start);
            vmas[2] = cursor.lock_next()?.ok_or(ENOENT)?.as_non_null();
            forget(cursor);
        }
        assert_eq!((mm.readers(first), mm.readers(second)), (1, 2));
        for vma in vmas {
            release(&mm, vma);
        }
        assert_eq!((mm.readers(first), mm.readers(second)), (0, 0));
        Ok(())
    }

    #[test]
    fn swapped_read_guards() -> Result {
        let (mm, mapping, other, at_addr) = two_spaces()?;
        let (locks, other_locks) = (mm.vma_locks(), other.vma_locks());
        let mut first = locks.lock_vma_under_rcu(mapping.start).ok_or(EAGAIN)?;
        let mut second = other_locks.lock_vma_under_rcu(ADDR).ok_or(EAGAIN)?;
        assert_eq!((mm.readers(mapping), other.readers(at_addr)), (1, 1));

        swap(&mut first, &mut second);
        assert_eq!((first.start(), second.start()), (ADDR, mapping.start));
        drop(first);
        assert_eq!((mm.readers(mapping), other.readers(at_addr)), (1, 0));
        assert_eq!(killable_writer(&other, at_addr)?.join()?, Ok(()));
        let writer = killable_writer(&mm, mapping)?;
        assert!(wait_until(|| refcnt(&mm, mapping.start) == WRITER_WAITS));
        drop(second);
        assert_eq!(writer.join()?, Ok(()));
        Ok(())
    }

    /// One guard holds a VMA lock and the other one an mmap lock; which of the two goes along.
    #[test]
    fn swapped_guards_of_different_locks() -> Result {
        let (mm, mapping, other, at_addr) = two_spaces()?;
        let many = ManyReaders::of(&mm, mapping)?;
        let (mut locks, mut other_locks) = (mm.vma_locks(), other.vma_locks());
        let mut first = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let mut second = other_locks.lock_vma(ADDR).ok_or(ENOENT)?;
        assert_eq!(
            (first.held(), second.held()),
            (HeldLock::Mmap, HeldLock::Vma)
        );

        swap(&mut first, &mut second);
        assert_eq!(
            (first.held(), second.held()),
            (HeldLock::Vma, HeldLock::Mmap)
        );
        assert_eq!((first.start(), second.start()), (ADDR, mapping.start));
        drop(first);
        assert_eq!(other.readers(at_addr), 0);
        mmap_writer(&other)?.join()?;
        let writer = mmap_writer(&mm)?;
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(writer.stays_blocked());
        drop(second);
        writer.join()?;
        drop(many);
        assert_eq!(mm.readers(mapping), 0);
        Ok(())
    }
}
