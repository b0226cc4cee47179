// SPDX-License-Identifier: GPL-2.0

//! Compile-time diagnostics for asking the wrong type: an address space that may have no users, a
//! lock scope that holds no lock, a view of a single VMA.
//!
//! Each method has the name of one that is right elsewhere, and a bound that is never met. Without
//! them the compiler would only say that there is no such method, or propose one of a similar name.

use super::{
    driver::NotOfAnyVma,
    pin::{
        Access,
        PinFor,
        PinnedPages, //
    },
    GrabbedMm,
    Level,
    MmapRead,
    MmapWriteGuard,
    Vma,
    VmaLocks, //
};
use crate::{
    error::{
        code::EINVAL,
        Result, //
    },
    mm::Mm, //
};
use core::ops::Range;

/// An address space that has users. [`MmWithUser`](crate::mm::MmWithUser) has methods of its own,
/// which come first.
#[diagnostic::on_unimplemented(
    message = "the address space may have no users, and its locks are taken only while it has some",
    label = "needs an `MmWithUser`",
    note = "call `mmget_not_zero()` on an `Mm`, or `get_user()` on a `GrabbedMm`, when no lock is \
            held; it returns `None` if the process has exited"
)]
pub trait HasUsers<'a> {
    #[doc(hidden)]
    fn locks(&'a self) -> VmaLocks<'a>;
}

/// Something that holds the mmap lock. Its guard has methods of its own.
#[diagnostic::on_unimplemented(
    message = "VMAs are looked up under the mmap lock, and no lock is held here",
    label = "needs a guard of the mmap lock",
    note = "take the lock with `read()` or `write()` of the lock scope (`vma_locks()` of an \
            `MmWithUser`) and look the VMA up by its guard; `lock_vma()` of the scope looks one \
            VMA up and locks only that"
)]
pub trait MmapLocked<'a> {
    #[doc(hidden)]
    fn find(&'a self) -> Option<&'a Vma<MmapRead>>;
}

/// Something that holds the mmap read lock. Its guard has methods of its own.
#[diagnostic::on_unimplemented(
    message = "user pages are pinned under the mmap read lock, which `{Self}` does not hold",
    label = "needs an `MmapReadGuard`, or a lock scope of which no lock is held",
    note = "call `pin_user_pages()` on the guard that `read()` of the lock scope returns, or \
            `pin_user_pages_fast()` on the lock scope; under a VMA lock or the mmap write lock, \
            pinning would wait for what is held"
)]
pub trait MmapReadLocked<'a> {}

#[doc(hidden)]
impl Mm {
    #[inline]
    pub fn vma_locks<'a>(&'a self) -> VmaLocks<'a>
    where
        Self: HasUsers<'a>,
    {
        self.locks()
    }

    #[inline]
    pub fn lookup<'a>(&'a self, _addr: usize) -> Option<&'a Vma<MmapRead>>
    where
        Self: MmapLocked<'a>,
    {
        self.find()
    }

    #[inline]
    pub fn find_vma<'a>(&'a self, _addr: usize) -> Option<&'a Vma<MmapRead>>
    where
        Self: MmapLocked<'a>,
    {
        self.find()
    }
}

#[doc(hidden)]
impl GrabbedMm {
    #[inline]
    pub fn vma_locks<'a>(&'a self) -> VmaLocks<'a>
    where
        Self: HasUsers<'a>,
    {
        self.locks()
    }
}

#[doc(hidden)]
impl<'mm> VmaLocks<'mm> {
    #[inline]
    pub fn lookup<'a>(&'a self, _addr: usize) -> Option<&'a Vma<MmapRead>>
    where
        Self: MmapLocked<'a>,
    {
        self.find()
    }

    #[inline]
    pub fn find_vma<'a>(&'a self, _addr: usize) -> Option<&'a Vma<MmapRead>>
    where
        Self: MmapLocked<'a>,
    {
        self.find()
    }

    #[inline]
    pub fn pin_user_pages<'a, A: Access>(
        &'a self,
        _range: Range<usize>,
        _pin_for: PinFor,
    ) -> Result<PinnedPages<A>>
    where
        Self: MmapReadLocked<'a>,
    {
        Err(EINVAL)
    }
}

#[doc(hidden)]
impl<'s> MmapWriteGuard<'s> {
    #[inline]
    pub fn pin_user_pages<'a, A: Access>(
        &'a self,
        _range: Range<usize>,
        _pin_for: PinFor,
    ) -> Result<PinnedPages<A>>
    where
        Self: MmapReadLocked<'a>,
    {
        Err(EINVAL)
    }
}

#[doc(hidden)]
impl<L: Level> dyn NotOfAnyVma<L> {
    #[inline]
    pub fn pin_user_pages<'a, A: Access>(
        &'a self,
        _range: Range<usize>,
        _pin_for: PinFor,
    ) -> Result<PinnedPages<A>>
    where
        Vma<L>: MmapReadLocked<'a>,
    {
        Err(EINVAL)
    }
}
