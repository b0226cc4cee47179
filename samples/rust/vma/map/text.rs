// SPDX-License-Identifier: GPL-2.0

//! Text in memory that was allocated before, so that it can be written where nothing may sleep.

use kernel::{
    alloc::{
        flags::GFP_KERNEL_ACCOUNT,
        KVVec, //
    },
    fmt,
    iov::IovIterDest,
    page::PAGE_SIZE,
    prelude::*, //
};

/// Whole lines, which users get in pieces.
pub(crate) struct Text {
    bytes: KVVec<u8>,
    // What users have got already, and all that there is.
    given: usize,
    written: usize,
}

/// A line that is being written behind the others.
pub(crate) struct Line<'a> {
    room: &'a mut [u8],
    len: usize,
}

impl Text {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            bytes: KVVec::from_elem(0, PAGE_SIZE, GFP_KERNEL_ACCOUNT)?,
            given: 0,
            written: 0,
        })
    }

    /// Whether users have got all of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.given == self.written
    }

    /// Forgets what users have not got.
    pub(crate) fn clear(&mut self) {
        (self.given, self.written) = (0, 0);
    }

    /// Makes twice as much room. Sleeps.
    pub(crate) fn grow(&mut self) -> Result {
        let len = self.bytes.len().checked_mul(2).ok_or(ENOMEM)?;
        self.bytes.resize(len, 0, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Adds the line that `write` writes; if that fails nothing is added.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Line<'_>) -> Result) -> Result {
        let mut line = Line {
            room: &mut self.bytes[self.written..],
            len: 0,
        };
        write(&mut line)?;

        self.written += line.len;
        Ok(())
    }

    /// Gives a user as much as there is room for; returns how much that was.
    pub(crate) fn give(&mut self, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let given = iov.copy_to_iter(&self.bytes[self.given..self.written]);
        self.given += given;

        if given == 0 && !self.is_empty() && !iov.is_empty() {
            return Err(EFAULT);
        }
        Ok(given)
    }
}

impl Line<'_> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds spaces up to a column.
    pub(crate) fn pad_to(&mut self, column: usize) -> fmt::Result {
        while self.len < column {
            fmt::Write::write_char(self, ' ')?;
        }
        Ok(())
    }

    /// What can be written to, and be added by [`advance()`](Self::advance).
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.room[self.len..]
    }

    /// Adds what was written to the start of the room.
    pub(crate) fn advance(&mut self, len: usize) {
        self.len = self.room.len().min(self.len + len);
    }

    /// Takes away all but the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

impl fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.room.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
