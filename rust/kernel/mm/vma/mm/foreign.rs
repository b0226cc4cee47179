// SPDX-License-Identifier: GPL-2.0

//! Another task's address space, bounded by the access that `mm_access()` permitted.
//!
//! The permission is checked once, and later code can easily exceed it. So it is a parameter of the
//! handle. A handle at [`ReadAccess`] never lends the address space, a guard or a [`Vma`], because
//! each of them leads to the `mm_struct`, and from there to its write lock.

use super::{
    super::{
        level::Read,
        InodeId,
        LockCounts,
        Vma,
        VmaCursor,
        VmaFlags, //
    },
    access::{
        MayAttach,
        MmAccess,
        ReadAccess, //
    }, //
};
use crate::{
    error::Result,
    mm::{
        Mm,
        MmWithUser, //
    },
    sync::aref::ARef, //
};
use core::marker::PhantomData;

/// Another task's address space, kept from being torn down (C: `mmget()`).
///
/// Made by [`MmWithUser::of_pid()`]. To keep it for longer, such as for as long as a file is open,
/// use [`to_ref()`](Self::to_ref).
///
/// Dropping the last reference of this kind tears the address space down and sleeps, so do not drop
/// it while a lock of an address space or of a file's mappings is held.
pub struct ForeignMm<A: MmAccess> {
    mm: ARef<MmWithUser>,
    _access: PhantomData<A>,
}

/// Another task's address space, which may have been torn down (C: `mmgrab()`).
///
/// Does not keep the memory of a process that has ended.
pub struct ForeignMmRef<A: MmAccess> {
    mm: ARef<Mm>,
    _access: PhantomData<A>,
}

impl<A: MmAccess> ForeignMm<A> {
    /// Makes the handle. `A` must be the access that was permitted.
    #[inline]
    pub(super) fn new(mm: ARef<MmWithUser>) -> Self {
        Self {
            mm,
            _access: PhantomData,
        }
    }

    /// Returns a reference that does not keep the address space from being torn down.
    #[inline]
    pub fn to_ref(&self) -> ForeignMmRef<A> {
        ForeignMmRef {
            mm: ARef::from(&**self.mm),
            _access: PhantomData,
        }
    }

    /// Starts at `addr` to visit VMAs, locked one at a time; see
    /// [`VmaLocks::cursor()`](super::super::VmaLocks::cursor).
    ///
    /// The caller should hold no lock of this address space, as for
    /// [`MmWithUser::vma_locks()`].
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{mm::{vma::PtraceMode, MmWithUser}, task::Pid};
    ///
    /// /// How much of a process's address space is mapped, in bytes.
    /// fn mapped(pid: Pid) -> Result<usize> {
    ///     let Some(mut mm) = MmWithUser::of_pid(pid, PtraceMode::READ_REALCREDS)? else {
    ///         return Ok(0);
    ///     };
    ///     let (mut cursor, mut sum) = (mm.cursor(0), 0);
    ///     while let Some(vma) = cursor.lock_next()? {
    ///         sum += vma.end() - vma.start();
    ///     }
    ///     Ok(sum)
    /// }
    /// # assert_eq!(mapped(-1), Err(ESRCH));
    /// # // A kernel thread.
    /// # assert_eq!(mapped(2), Ok(0));
    /// ```
    #[inline]
    pub fn cursor(&mut self, addr: usize) -> ForeignCursor<'_> {
        // The mutable borrow makes this the only lock scope of the handle.
        ForeignCursor(VmaCursor::new(&self.mm, addr))
    }

    /// Returns the address space itself, of which everything may be read and written.
    #[inline]
    pub fn as_mm(&self) -> &MmWithUser
    where
        A: MayAttach,
    {
        &self.mm
    }
}

impl<A: MmAccess> ForeignMmRef<A> {
    /// Keeps the address space from being torn down, unless it was already
    /// (C: `mmget_not_zero()`).
    #[inline]
    pub fn get(&self) -> Option<ForeignMm<A>> {
        self.mm.mmget_not_zero().map(ForeignMm::new)
    }
}

/// Locks the VMAs of another task's address space, one at a time.
///
/// Made by [`ForeignMm::cursor()`]; for everything else see [`VmaCursor`].
pub struct ForeignCursor<'s>(VmaCursor<'s>);

impl ForeignCursor<'_> {
    /// Returns the address from which the next VMA is searched: the end of the last one.
    #[inline]
    pub fn addr(&self) -> usize {
        self.0.addr()
    }

    /// Unlocks the VMA and read-locks the next one; see [`VmaCursor::lock_next()`].
    ///
    /// # Errors
    ///
    /// `EINTR` if a fatal signal arrived while waiting for the mmap lock. No VMA is locked then.
    #[inline]
    pub fn lock_next(&mut self) -> Result<Option<ForeignVma<'_>>> {
        Ok(self.0.lock_next()?.map(ForeignVma))
    }

    /// Like [`lock_next()`](Self::lock_next), and counts how the VMA was locked.
    ///
    /// # Errors
    ///
    /// As for [`lock_next()`](Self::lock_next).
    #[inline]
    pub fn lock_next_counted(&mut self, counts: &mut LockCounts) -> Result<Option<ForeignVma<'_>>> {
        Ok(self.0.lock_next_counted(counts)?.map(ForeignVma))
    }
}

/// A read-locked VMA of another task, of which only the layout can be seen.
#[derive(Clone, Copy)]
pub struct ForeignVma<'a>(&'a Vma<Read>);

impl ForeignVma<'_> {
    /// Returns its first address (C: `vm_start`).
    #[inline]
    pub fn start(&self) -> usize {
        self.0.start()
    }

    /// Returns the address behind its last one (C: `vm_end`).
    #[inline]
    pub fn end(&self) -> usize {
        self.0.end()
    }

    /// Returns its offset in its file, in pages (C: `vm_pgoff`).
    #[inline]
    pub fn pgoff(&self) -> usize {
        self.0.pgoff()
    }

    /// Returns its flags (C: `vm_flags`).
    #[inline]
    pub fn flags(&self) -> VmaFlags {
        self.0.flags()
    }

    /// Returns the inode of the file that is mapped, if any; see [`Vma::inode_id()`].
    #[inline]
    pub fn inode_id(&self) -> Option<InodeId> {
        self.0.inode_id()
    }

    /// Writes the name by which `/proc/PID/maps` shows the VMA to the start of `buffer`, and
    /// returns it; see [`Vma::name()`].
    ///
    /// # Errors
    ///
    /// As for [`Vma::name()`].
    #[inline]
    pub fn name<'b>(&self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>> {
        self.0.name(buffer)
    }
}

const _: () = assert!(size_of::<ForeignMm<ReadAccess>>() == size_of::<usize>());
const _: () = assert!(size_of::<ForeignVma<'_>>() == size_of::<usize>());
