// SPDX-License-Identifier: GPL-2.0

//! The mmap lock: what its guards exclude, downgrading, lookup.

use super::{
    address_space::AddressSpace,
    second_task::{
        mmap_writer as writer,
        wait_until,
        SecondTask, //
    }, //
};
use crate::{
    mm::vma::LockSubclass,
    prelude::*, //
};

/// Returns true if another task gets the mmap read lock without waiting.
fn reader_gets_in(mm: &AddressSpace) -> Result<bool> {
    let mm = mm.clone();
    SecondTask::spawn(move || mm.vma_locks().read_trylock().is_some())?.join()
}

#[kunit_tests(rust_vma_mmap_guard)]
mod tests {
    use super::*;

    #[test]
    fn read_lets_readers_in_and_keeps_writers_out() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut locks = mm.vma_locks();

        let read = locks.read();
        assert!(reader_gets_in(&mm)?);
        let writer = writer(&mm)?;
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(writer.stays_blocked());

        drop(read);
        writer.join()
    }

    #[test]
    fn write_keeps_readers_and_writers_out() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut locks = mm.vma_locks();

        let write = locks.write();
        assert!(!reader_gets_in(&mm)?);
        let writer = writer(&mm)?;
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(writer.stays_blocked());

        drop(write);
        writer.join()?;
        assert!(reader_gets_in(&mm)?);
        Ok(())
    }

    #[test]
    fn downgrade_lets_readers_in_but_no_writer() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut locks = mm.vma_locks();

        let write = locks.write();
        assert!(!reader_gets_in(&mm)?);
        let read = write.downgrade();
        assert!(reader_gets_in(&mm)?);
        let writer = writer(&mm)?;
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(writer.stays_blocked());

        drop(read);
        writer.join()
    }

    #[test]
    fn downgrade_does_not_let_a_waiting_writer_in() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut locks = mm.vma_locks();

        let write = locks.write();
        let writer = writer(&mm)?;
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        let read = write.downgrade();
        assert!(writer.stays_blocked());

        drop(read);
        writer.join()
    }

    #[test]
    fn trylock_fails_under_a_writer() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut locks = mm.vma_locks();

        assert!(locks.read_trylock().is_some());
        let write = locks.write();
        assert!(!reader_gets_in(&mm)?);
        drop(write);

        // Had the failed attempt left a count behind, this would never be granted.
        writer(&mm)?.join()
    }

    #[test]
    fn killable_locks_are_locks() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut locks = mm.vma_locks();

        let read = locks.read_killable()?;
        let waiting = writer(&mm)?;
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(waiting.stays_blocked());
        drop(read);
        waiting.join()?;

        let write = locks.write_killable()?;
        assert!(!reader_gets_in(&mm)?);
        drop(write);
        writer(&mm)?.join()
    }

    #[test]
    fn two_address_spaces_nest() -> Result {
        let outer = AddressSpace::of_this_case()?;
        let inner = AddressSpace::unused()?;
        let mut outer_locks = outer.vma_locks();
        let mut inner_locks = inner.vma_locks();

        let outer_write = outer_locks.write();
        let inner_write = inner_locks.write_nested(LockSubclass::SINGLE_DEPTH_NESTING);
        assert!(!reader_gets_in(&outer)?);
        assert!(!reader_gets_in(&inner)?);
        drop(inner_write);
        assert!(reader_gets_in(&inner)?);
        assert!(!reader_gets_in(&outer)?);
        drop(outer_write);
        assert!(reader_gets_in(&outer)?);
        Ok(())
    }

    #[test]
    fn lookup_finds_what_contains_the_address() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        let mut locks = mm.vma_locks();

        let read = locks.read();
        assert!(read.lookup(mapping.start - 1).is_none());
        assert_eq!(
            read.lookup(mapping.start).ok_or(ENOENT)?.start(),
            mapping.start
        );
        assert_eq!(
            read.lookup(mapping.end() - 1).ok_or(ENOENT)?.end(),
            mapping.end()
        );
        assert!(read.lookup(mapping.end()).is_none());
        drop(read);

        let write = locks.write();
        assert_eq!(
            write.lookup(mapping.start).ok_or(ENOENT)?.end(),
            mapping.end()
        );
        assert!(write.lookup(mapping.end()).is_none());
        Ok(())
    }

    #[test]
    fn find_vma_walks_the_address_space_in_order() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mut mappings = [mm.map(1)?, mm.map(3)?, mm.map(2)?];
        mappings.sort_unstable_by_key(|mapping| mapping.start);

        let mut locks = mm.vma_locks();
        let read = locks.read();
        let mut addr = 0;
        for mapping in mappings {
            let vma = read.find_vma(addr).ok_or(ENOENT)?;
            assert_eq!(vma.start(), mapping.start);
            assert_eq!(vma.end(), mapping.end());
            addr = vma.end();
        }
        assert!(read.find_vma(addr).is_none());
        Ok(())
    }
}
