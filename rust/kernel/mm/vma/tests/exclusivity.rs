// SPDX-License-Identifier: GPL-2.0

//! The table "Lock exclusivity" of `Documentation/mm/process_addrs.rst`: which modes of the mmap
//! lock keep which others out.
//!
//! Two tasks. One holds a mode while the other takes one, and then the other way round: two modes
//! exclude each other if the second task has to wait both times. A downgraded lock starts as a
//! write lock, which is why the order matters.

use super::{
    address_space::AddressSpace,
    second_task::{
        wait_until,
        SecondTask, //
    }, //
};
use crate::{
    mm::vma::{
        MmapGuard,
        MmapRead,
        MmapWrite,
        VmaLocks, //
    },
    prelude::*, //
};

/// A way to hold the mmap lock: read, downgraded, write. Also the order of the table.
#[derive(Clone, Copy)]
enum Mode {
    R,
    D,
    W,
}

const MODES: [Mode; 3] = [Mode::R, Mode::D, Mode::W];

/// True if the mode of the row and the mode of the column exclude each other.
const EXCLUDES: [[bool; 3]; 3] = [
    [false, false, true],
    [false, true, true],
    [true, true, true],
];

enum Guard<'s> {
    Read(MmapGuard<'s, MmapRead>),
    Write(MmapGuard<'s, MmapWrite>),
}

impl Mode {
    fn hold<'s>(self, locks: &'s mut VmaLocks<'_>) -> Guard<'s> {
        match self {
            Mode::R => Guard::Read(locks.read()),
            Mode::D => Guard::Read(locks.write().downgrade()),
            Mode::W => Guard::Write(locks.write()),
        }
    }
}

impl Guard<'_> {
    fn release(self) {
        match self {
            Guard::Read(guard) => drop(guard),
            Guard::Write(guard) => drop(guard),
        }
    }
}

/// Returns true if a second task gets the lock in mode `second` while this one holds it in `first`.
fn both(mm: &AddressSpace, first: Mode, second: Mode) -> Result<bool> {
    let mut locks = mm.vma_locks();
    let held = first.hold(&mut locks);

    let other = {
        let mm = mm.clone();
        SecondTask::spawn(move || second.hold(&mut mm.vma_locks()).release())?
    };
    // It has the lock, or the lock shows that it waits.
    let seen = wait_until(|| other.is_done() || mm.mmap_lock_is_contended());
    let got = !other.stays_blocked();

    held.release();
    other.join()?;
    if !seen {
        return Err(ETIMEDOUT);
    }
    Ok(got)
}

fn row(first: Mode) -> Result<[bool; 3]> {
    let mm = AddressSpace::of_this_case()?;
    let mut row = [false; 3];

    for second in MODES {
        row[second as usize] = !both(&mm, first, second)? && !both(&mm, second, first)?;
    }
    Ok(row)
}

#[kunit_tests(rust_vma_exclusivity)]
mod tests {
    use super::*;

    #[test]
    fn read() -> Result {
        assert_eq!(row(Mode::R)?, EXCLUDES[Mode::R as usize]);
        Ok(())
    }

    #[test]
    fn downgraded() -> Result {
        assert_eq!(row(Mode::D)?, EXCLUDES[Mode::D as usize]);
        Ok(())
    }

    #[test]
    fn write() -> Result {
        assert_eq!(row(Mode::W)?, EXCLUDES[Mode::W as usize]);
        Ok(())
    }

    #[test]
    fn downgrade_admits_readers_not_writers() -> Result {
        let mm = AddressSpace::of_this_case()?;

        assert!(both(&mm, Mode::D, Mode::R)?);
        assert!(!both(&mm, Mode::R, Mode::D)?);
        Ok(())
    }
}
