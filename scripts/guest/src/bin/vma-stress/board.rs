// SPDX-License-Identifier: GPL-2.0

//! Where all processes write down what they have done: words in shared memory, of which each has one
//! writer.

use std::io::Result;
use vma_guest::device::map::Histogram;
use vma_guest::sys::memory::{self, place, set_word, word};

macro_rules! kinds {
    ($($kind:ident $name:literal,)*) => {
        /// A kind of operation: system calls, and page faults.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Returns the name in the table.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    Map "mmap",
    Unmap "munmap",
    Protect "mprotect",
    Move "mremap",
    Advise "madvise",
    Fault "page fault",
    Fork "fork",
    Exec "exec",
    Select "rust-vma-map SELECT",
    ReadMap "rust-vma-map read",
    Snapshot "rust-vma-map SNAPSHOT",
    Describe "rust-vma DESCRIBE",
    List "rust-vma read",
    Buffer "rust-vma-buffer",
    Pfn "rust-vma-pfn",
    Userptr "rust-vma-userptr",
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

/// The number of operations of a kind, and of those that failed as they may.
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

    /// Returns the tally of a kind, of all workers.
    pub fn tally(self, kind: Kind) -> Tally {
        Tally {
            done: self.sum(2 * kind as usize),
            failed: self.sum(2 * kind as usize + 1),
        }
    }

    /// Returns the number of all operations.
    pub fn all(self) -> u64 {
        Kind::ALL.iter().map(|&kind| self.tally(kind).done).sum()
    }

    /// Returns the counts of the readers of maps.
    pub fn histogram(self) -> Histogram {
        Histogram {
            rcu: self.sum(HISTOGRAM_AT),
            retried: self.sum(HISTOGRAM_AT + 1),
            mmap_lock: self.sum(HISTOGRAM_AT + 2),
        }
    }
}

impl Row {
    /// Returns true until the end.
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
    fn returns_the_counts() {
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
        let [rcu, retried, mmap_lock] = [1, 2, 3];
        let histogram = Histogram {
            rcu,
            retried,
            mmap_lock,
        };
        one.locked(histogram);
        assert_eq!(board.histogram(), histogram);
        assert!(other.goes_on());
        board.stop();
        assert!(!other.goes_on());
        let other_error = std::panic::catch_unwind(|| one.must(Kind::Map, failure()));
        assert!(other_error.is_err());
    }
}
