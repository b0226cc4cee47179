// SPDX-License-Identifier: GPL-2.0

//! The buffer of an access by another process, such as a debugger.
//!
//! C lends the callback a buffer and a length, and trusts the number that it returns. A handler
//! that returns more than it filled would leak stale memory of the allocator. So the handler
//! appends bytes, and the number is counted here.
//!
//! C callers: `__access_remote_vm()`

use crate::prelude::*;
use core::mem::MaybeUninit;

/// The buffer of a [`VmaOperations::access()`](super::VmaOperations::access).
pub enum AccessBuffer<'a> {
    /// The memory is read: append its contents.
    Read(AccessReply<'a>),
    /// The memory is written: take the bytes from here.
    Write(AccessBytes<'a>),
}

impl<'a> AccessBuffer<'a> {
    /// # Safety
    ///
    /// `buf` must be valid for writes of `len` bytes during `'a`, and not accessed in any other
    /// way.
    #[inline]
    pub(in super::super) unsafe fn for_read(buf: *mut u8, len: usize) -> Self {
        Self::Read(AccessReply {
            // SAFETY: Guaranteed by the caller: `len` bytes may be written, by this alone. They
            // may be uninitialised, as `MaybeUninit` says.
            buffer: unsafe { core::slice::from_raw_parts_mut(buf.cast(), len) },
            filled: 0,
        })
    }

    /// # Safety
    ///
    /// `buf` must be valid for reads of `len` bytes during `'a`, initialised, and not written to.
    #[inline]
    pub(in super::super) unsafe fn for_write(buf: *const u8, len: usize) -> Self {
        Self::Write(AccessBytes {
            // SAFETY: Guaranteed by the caller: `len` bytes are initialised, readable, and not
            // written to during `'a`.
            bytes: unsafe { core::slice::from_raw_parts(buf, len) },
            taken: 0,
        })
    }

    /// Returns how many bytes are still to be appended or taken.
    #[inline]
    pub(in super::super) fn wanted(&self) -> usize {
        match self {
            Self::Read(reply) => reply.room(),
            Self::Write(bytes) => bytes.remaining().len(),
        }
    }

    /// Returns how many bytes were appended or taken.
    #[inline]
    pub(in super::super) fn done(&self) -> usize {
        match self {
            Self::Read(reply) => reply.filled,
            Self::Write(bytes) => bytes.taken,
        }
    }
}

/// The reply to an access that reads. It is append-only, because C's buffer has stale contents.
///
/// # Invariants
///
/// The first `filled` bytes of `buffer` are initialised, by the handler.
pub struct AccessReply<'a> {
    buffer: &'a mut [MaybeUninit<u8>],
    filled: usize,
}

impl AccessReply<'_> {
    /// Returns the number of bytes that are still wanted.
    #[inline]
    pub fn room(&self) -> usize {
        self.buffer.len().saturating_sub(self.filled)
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they are more than there is [room](Self::room) for. None is appended then.
    pub fn append(&mut self, bytes: &[u8]) -> Result {
        // SAFETY: The closure initialises all that it is lent.
        unsafe {
            self.append_with(bytes.len(), |to| {
                for (to, byte) in to.iter_mut().zip(bytes) {
                    to.write(*byte);
                }
            })
        }
    }

    /// Appends `len` bytes, which `fill` initialises.
    ///
    /// # Safety
    ///
    /// `fill` must initialise all that it is lent.
    pub(in super::super) unsafe fn append_with(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [MaybeUninit<u8>]),
    ) -> Result {
        let room = self.buffer.get_mut(self.filled..).ok_or(EINVAL)?;
        fill(room.get_mut(..len).ok_or(EINVAL)?);
        // INVARIANT: Guaranteed by the caller: `len` more bytes are initialised. They are in the
        // buffer, so this does not wrap.
        self.filled = self.filled.wrapping_add(len);
        Ok(())
    }
}

/// The bytes of an access that writes.
///
/// All of them are initialised: C copies them into a page where it finds one
/// (`copy_to_user_page()`), and each of its callers has filled them from user space or from a
/// variable before.
pub struct AccessBytes<'a> {
    bytes: &'a [u8],
    taken: usize,
}

impl<'a> AccessBytes<'a> {
    /// Returns the bytes that were not taken yet.
    #[inline]
    pub fn remaining(&self) -> &'a [u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Takes `len` bytes, to be written to the memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are fewer. None is taken then.
    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let taken = self.remaining().get(..len).ok_or(EINVAL)?;
        self.taken = self.taken.wrapping_add(len);
        Ok(taken)
    }

    /// Takes all bytes that are left.
    #[inline]
    pub fn take_all(&mut self) -> &'a [u8] {
        let taken = self.remaining();
        self.taken = self.bytes.len();
        taken
    }
}
