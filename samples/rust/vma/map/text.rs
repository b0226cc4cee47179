// SPDX-License-Identifier: GPL-2.0

//! Text in preallocated memory, so that it can be written where nothing may sleep.

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

/// Whole lines, which are copied to users in pieces.
pub(crate) struct Text {
    bytes: KVVec<u8>,
    // The number of bytes copied to users, and of all bytes.
    given: usize,
    written: usize,
}

/// A line that is being appended.
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

    /// Returns whether all of it was copied to users.
    pub(crate) fn is_empty(&self) -> bool {
        self.given == self.written
    }

    /// Removes all text.
    pub(crate) fn clear(&mut self) {
        (self.given, self.written) = (0, 0);
    }

    /// Doubles the room. May sleep.
    pub(crate) fn grow(&mut self) -> Result {
        let len = self.bytes.len().checked_mul(2).ok_or(ENOMEM)?;
        self.bytes.resize(len, 0, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Appends the line that `write` writes, or nothing if that fails.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Line<'_>) -> Result) -> Result {
        let mut line = Line {
            room: &mut self.bytes[self.written..],
            len: 0,
        };
        write(&mut line)?;

        self.written += line.len;
        Ok(())
    }

    /// Copies as much as there is room for to a user; returns the number of bytes.
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

    /// Returns the room that can be written, and then be added by [`advance()`](Self::advance).
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.room[self.len..]
    }

    /// Adds `len` bytes that were written to the start of the room.
    pub(crate) fn advance(&mut self, len: usize) {
        self.len = self.room.len().min(self.len + len);
    }

    /// Removes all but the first `len` bytes.
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
