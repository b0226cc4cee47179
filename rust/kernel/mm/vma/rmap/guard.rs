// SPDX-License-Identifier: GPL-2.0

//! The two modes of a reverse-mapping lock.

mod sealed {
    pub trait Sealed {}
}

/// A mode in which a reverse-mapping lock is held: [`ForRead`] or [`ForWrite`].
///
/// This trait is sealed.
pub trait Mode: sealed::Sealed + 'static {
    /// Whether others are kept from holding the lock at all.
    #[doc(hidden)]
    const WRITE: bool;
}

/// Held for reading, together with other readers.
pub enum ForRead {}

/// Held for writing, alone.
pub enum ForWrite {}

impl sealed::Sealed for ForRead {}
impl sealed::Sealed for ForWrite {}

impl Mode for ForRead {
    const WRITE: bool = false;
}

impl Mode for ForWrite {
    const WRITE: bool = true;
}
