// SPDX-License-Identifier: GPL-2.0

//! The map of a process, read in address order.
//!
//! VMAs are locked one at a time, so writers and faults in that process are hardly delayed. The
//! result is not a consistent snapshot. It is guaranteed that:
//!
//! - addresses increase, and no two lines overlap;
//! - what is mapped all the time is shown.

use crate::{
    abi::Histogram,
    line,
    text::Text, //
};
use kernel::{
    iov::IovIterDest,
    mm::{
        vma::{
            ForeignMm,
            ForeignMmRef,
            LockCounts,
            ReadAccess, //
        }, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

static READERS: Atomic<u64> = Atomic::new(0);

/// Returns the number of readers.
pub(crate) fn count() -> u64 {
    READERS.load(Relaxed)
}

/// A map that is being read.
pub(crate) struct Reader {
    // Not `ForeignMm`: an open file must not keep the memory of a dead process. `None` for a
    // process without an address space.
    mm: Option<ForeignMmRef<ReadAccess>>,
    // The lowest address at which the next line can begin.
    addr: usize,
    // The lines before that address.
    text: Text,
    // The end position of the last read, if there was one.
    pos: Option<i64>,
    counts: LockCounts,
}

impl Reader {
    pub(crate) fn new(mm: Option<&ForeignMm<ReadAccess>>) -> Result<Self> {
        let text = Text::new()?;
        READERS.fetch_add(1, Relaxed);
        Ok(Self {
            mm: mm.map(ForeignMm::to_ref),
            addr: 0,
            text,
            pos: None,
            counts: LockCounts::default(),
        })
    }

    pub(crate) fn histogram(&self) -> Histogram {
        let LockCounts {
            rcu,
            retried,
            mmap_lock,
        } = self.counts;
        Histogram {
            rcu,
            retried,
            mmap_lock,
            reserved: 0,
        }
    }

    /// Continues to read.
    ///
    /// # Errors
    ///
    /// - `EINVAL` if `pos` is neither 0 nor the end of the last read.
    /// - `EFAULT` if the user's memory cannot be written.
    /// - `EINTR` if the task is being killed, `ENOMEM`.
    pub(crate) fn read(&mut self, pos: &mut i64, iov: &mut IovIterDest<'_>) -> Result<usize> {
        if *pos == 0 {
            self.addr = 0;
            self.text.clear();
        } else if self.pos.is_some_and(|end| end != *pos) {
            return Err(EINVAL);
        }

        let read = self.give(iov)?;
        *pos += read as i64;
        self.pos = Some(*pos);
        Ok(read)
    }

    fn give(&mut self, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let mut read = 0;

        while !iov.is_empty() {
            match self.give_some(iov) {
                Ok(0) => break,
                Ok(given) => read += given,
                // This read returns what was copied; the next one returns the error.
                Err(_) if read > 0 => break,
                Err(e) => return Err(e),
            }
        }
        Ok(read)
    }

    /// Copies fetched lines to the user, and fetches some first if there are none. Returns 0 at the
    /// end.
    fn give_some(&mut self, iov: &mut IovIterDest<'_>) -> Result<usize> {
        if self.text.is_empty() {
            self.refill()?;
        }
        self.text.give(iov)
    }

    /// Fetches as many lines as there is room for; none at the end.
    fn refill(&mut self) -> Result {
        // A process that has ended has no VMAs.
        let Some(mut mm) = self.mm.as_ref().and_then(|mm| mm.get()) else {
            return Ok(());
        };

        while self.lines_of(&mut mm)? == Room::None {
            self.text.grow()?;
        }
        Ok(())
    }

    /// Locks VMAs one after the other, and writes their lines. Does not touch user memory.
    fn lines_of(&mut self, mm: &mut ForeignMm<ReadAccess>) -> Result<Room> {
        self.text.clear();

        let mut cursor = mm.cursor(self.addr);
        loop {
            let (from, mut counts) = (self.addr, self.counts);
            let Some(vma) = cursor.lock_next_counted(&mut counts)? else {
                return Ok(Room::Enough);
            };
            match self.text.add(|line| line::write(&vma, from, line)) {
                // The VMA is the first of the next lines.
                Err(e) if e == ENAMETOOLONG && !self.text.is_empty() => return Ok(Room::Enough),
                Err(e) if e == ENAMETOOLONG => return Ok(Room::None),
                other => other?,
            }
            (self.addr, self.counts) = (cursor.addr(), counts);
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        READERS.fetch_sub(1, Relaxed);
    }
}

/// The result of adding lines: room for at least one, or for none.
#[derive(PartialEq)]
enum Room {
    Enough,
    None,
}
