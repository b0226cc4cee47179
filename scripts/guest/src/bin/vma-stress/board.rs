// SPDX-License-Identifier: GPL-2.0

//! Where all processes write down what they have done: words in shared memory, of which each has one
//! writer.

use std::io::Result;
use vma_guest::device::map::Histogram;
use vma_guest::sys::memory::{self, place, set_word, word};

/// What is counted: system calls, and page faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Map,
    Unmap,
    Protect,
    Move,
    Advise,
    Fault,
    Fork,
    Exec,
    Select,
    ReadMap,
    Snapshot,
    Describe,
    List,
    Buffer,
    Pfn,
    Userptr,
}

impl Kind {
    pub const ALL: [Self; 16] = [
        Self::Map,
        Self::Unmap,
        Self::Protect,
        Self::Move,
        Self::Advise,
        Self::Fault,
        Self::Fork,
        Self::Exec,
        Self::Select,
        Self::ReadMap,
        Self::Snapshot,
        Self::Describe,
        Self::List,
        Self::Buffer,
        Self::Pfn,
        Self::Userptr,
    ];

    /// As it is called in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Map => "mmap",
            Self::Unmap => "munmap",
            Self::Protect => "mprotect",
            Self::Move => "mremap",
            Self::Advise => "madvise",
            Self::Fault => "page fault",
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Select => "rust-vma-map SELECT",
            Self::ReadMap => "rust-vma-map read",
            Self::Snapshot => "rust-vma-map SNAPSHOT",
            Self::Describe => "rust-vma DESCRIBE",
            Self::List => "rust-vma read",
            Self::Buffer => "rust-vma-buffer",
            Self::Pfn => "rust-vma-pfn",
            Self::Userptr => "rust-vma-userptr",
        }
    }
}

/// Words of a worker: two for each kind, and those of the histogram.
const ROW: usize = 2 * Kind::ALL.len() + 3;
const HISTOGRAM_AT: usize = 2 * Kind::ALL.len();

/// The memory, and how many workers it is for.
#[derive(Clone, Copy)]
pub struct Board {
    at: usize,
    workers: usize,
}

/// The row of one worker.
#[derive(Clone, Copy)]
pub struct Row {
    board: Board,
    at: usize,
}

/// What was done of a kind, and how often it failed as it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub done: u64,
    pub failed: u64,
}

impl Board {
    /// To be made before the processes that share it.
    pub fn new(workers: usize) -> Result<Self> {
        let at = place(900);
        let len = (1 + workers * ROW) * size_of::<u64>();
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        memory::map(at, len, prot, libc::MAP_SHARED, None)?;
        Ok(Self { at, workers })
    }

    pub fn stop(self) {
        set_word(self.at, 1);
    }

    pub fn row(self, worker: usize) -> Row {
        assert!(worker < self.workers, "there is no worker {worker}");
        let at = self.at + (1 + worker * ROW) * size_of::<u64>();
        Row { board: self, at }
    }

    fn sum(self, number: usize) -> u64 {
        (0..self.workers)
            .map(|worker| word(self.row(worker).at + number * size_of::<u64>()))
            .sum()
    }

    /// What all workers have done of a kind.
    pub fn tally(self, kind: Kind) -> Tally {
        Tally {
            done: self.sum(2 * kind as usize),
            failed: self.sum(2 * kind as usize + 1),
        }
    }

    /// What all workers have done.
    pub fn all(self) -> u64 {
        Kind::ALL.iter().map(|&kind| self.tally(kind).done).sum()
    }

    /// How VMAs were locked for those who read maps.
    pub fn histogram(self) -> Histogram {
        Histogram {
            rcu: self.sum(HISTOGRAM_AT),
            retried: self.sum(HISTOGRAM_AT + 1),
            mmap_lock: self.sum(HISTOGRAM_AT + 2),
        }
    }
}

impl Row {
    /// Whether there is more to do.
    pub fn goes_on(self) -> bool {
        word(self.board.at) == 0
    }

    fn add(self, number: usize, more: u64) {
        let at = self.at + number * size_of::<u64>();
        set_word(at, word(at) + more);
    }

    /// Counts one that worked.
    pub fn done(self, kind: Kind) {
        self.add(2 * kind as usize, 1);
    }

    /// Counts one that may have failed with one of these errors.
    ///
    /// # Panics
    ///
    /// If it failed with another one.
    #[track_caller]
    pub fn tried<T>(self, kind: Kind, may_fail: &[i32], got: Result<T>) -> Option<T> {
        self.done(kind);
        match got {
            Ok(value) => Some(value),
            Err(e) if e.raw_os_error().is_some_and(|n| may_fail.contains(&n)) => {
                self.add(2 * kind as usize + 1, 1);
                None
            }
            Err(e) => panic!("{}: {e}", kind.name()),
        }
    }

    /// Counts one that has to work.
    #[track_caller]
    pub fn must<T>(self, kind: Kind, got: Result<T>) -> T {
        self.tried(kind, &[], got).expect("it has not failed")
    }

    /// Counts how VMAs were locked.
    pub fn locked(self, histogram: Histogram) {
        self.add(HISTOGRAM_AT, histogram.rcu);
        self.add(HISTOGRAM_AT + 1, histogram.retried);
        self.add(HISTOGRAM_AT + 2, histogram.mmap_lock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Error;

    #[test]
    fn what_is_counted_is_found_again() {
        let board = Board::new(3).unwrap();
        let (one, other) = (board.row(0), board.row(2));
        one.done(Kind::Map);
        other.done(Kind::Map);
        let failure = || Err::<(), _>(Error::from_raw_os_error(libc::EFAULT));
        assert!(
            other
                .tried(Kind::Userptr, &[libc::EFAULT], failure())
                .is_none()
        );
        assert_eq!(board.tally(Kind::Map), Tally { done: 2, failed: 0 });
        assert_eq!(board.tally(Kind::Userptr), Tally { done: 1, failed: 1 });
        assert_eq!(board.all(), 3);
        let histogram = Histogram {
            rcu: 1,
            retried: 2,
            mmap_lock: 3,
        };
        one.locked(histogram);
        assert_eq!(board.histogram(), histogram);
        assert!(other.goes_on());
        board.stop();
        assert!(!other.goes_on());
        let other_error = std::panic::catch_unwind(|| one.must(Kind::Map, failure()));
        assert!(other_error.is_err());
    }

    #[test]
    fn kinds_stand_where_their_numbers_say() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }
}
