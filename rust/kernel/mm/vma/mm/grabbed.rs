// SPDX-License-Identifier: GPL-2.0

//! The address space that a VMA belongs to: to compare, to keep, and to use.
//!
//! A VMA names its address space at every level, but not every level permits access to it: a VMA
//! that is found through the reverse mapping, or handed to a driver's `open` or `close`, can belong
//! to a child whose fork is not complete. `dup_mmap()` holds the mmap write lock of the child until
//! then, so a task that first takes the child's mmap lock waits for the fork. [`GrabbedMm`] does
//! that.
//!
//! C header: [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use super::super::{
    level::{
        Level,
        ReachMm,
        Stable, //
    },
    order::{
        LockClass,
        Nothing, //
    },
    LockOrder,
    Vma, //
};
use crate::{
    bindings,
    error::{
        code::EAGAIN,
        Result, //
    },
    mm::{
        Mm,
        MmWithUser,
        MmWithUserAsync, //
    },
    sync::aref::ARef, //
};

/// The class of the innermost lock that is held, if none is: [`Nothing`].
#[diagnostic::on_unimplemented(
    message = "the users of an address space cannot be counted while `{Self}` is held",
    label = "a lock of the class `{Self}` is held",
    note = "to drop the last user tears the address space down, which takes the mmap lock and the \
            locks of reverse mappings: keep the `GrabbedMm`, release the lock, and call this then"
)]
pub trait NothingHeld: LockClass {}

impl NothingHeld for Nothing {}

/// Identifies an address space among those that exist.
///
/// Two are equal if they identify the same address space. It holds no reference: once an address
/// space is freed, a new one can get the same identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmId(usize);

impl MmId {
    #[inline]
    pub(in crate::mm::vma) fn from_raw(mm: *mut bindings::mm_struct) -> Self {
        Self(mm.addr())
    }
}

impl Mm {
    /// Returns the identity of this address space, to compare.
    #[inline]
    pub fn id(&self) -> MmId {
        MmId::from_raw(self.as_raw())
    }
}

/// Keeps the `mm_struct` of an address space allocated (C: `mmgrab()`), and nothing more.
///
/// The address space may have no users, or be the child of a fork that is not complete. So the way
/// to use it is by [`get_user()`](Self::get_user) and its variants, which wait until the fork is
/// complete. These take a reference to its users, which can be the last one to be dropped: that
/// tears the address space down, for which it takes the mmap lock and reverse-mapping locks. So
/// they cannot be called where the reverse mapping is walked, but after that.
///
/// If it is leaked ([`core::mem::forget`]) the `mm_struct` is never freed.
///
/// # Examples
///
/// ```
/// use kernel::{
///     fs::LocalFile,
///     mm::vma::{rmap::IMmap, GrabbedMm, LockOrder}, //
/// };
///
/// /// How many VMAs a process has that maps the first page of a file.
/// fn vmas_of_a_mapper(file: &LocalFile) -> Option<usize> {
///     let mut order = LockOrder::new();
///
///     let mm: GrabbedMm = IMmap::of(file).lock_read(&mut order).vmas(0..=0).next()?.grab_mm();
///     // The lock of the file's mappings is released, or this would not compile.
///     let mm = mm.get_user(&mut order)?;
///     let mut locks = mm.vma_locks();
///     let count = locks.read().vmas().count();
///     Some(count)
/// }
/// ```
pub struct GrabbedMm(ARef<Mm>);

impl From<&Mm> for GrabbedMm {
    #[inline]
    fn from(mm: &Mm) -> Self {
        Self(mm.into())
    }
}

impl GrabbedMm {
    /// Returns the identity of the address space, to compare.
    #[inline]
    pub fn id(&self) -> MmId {
        self.0.id()
    }

    /// Returns the address space as one that has users, once no fork is at work on it
    /// (C: `mmget_not_zero()`, then the mmap read lock).
    ///
    /// Returns `None` if it has no users. If the fork that was making it failed, it has no VMAs.
    ///
    /// Takes the mmap lock for reading and releases it again. Sleeps, uninterruptibly, while there
    /// is a writer, such as for the rest of a fork.
    #[doc(alias = "mmget_not_zero")]
    pub fn get_user<H>(&self, _order: &mut LockOrder<'_, H>) -> Option<ARef<MmWithUser>>
    where
        H: NothingHeld,
    {
        let mm = self.0.mmget_not_zero()?;
        // `dup_mmap()` releases this lock when the tree is complete, or empty. No other fork makes
        // the same child.
        drop(mm.vma_locks().read());
        Some(mm)
    }

    /// Like [`get_user()`](Self::get_user), but fails when the task is being killed.
    ///
    /// # Errors
    ///
    /// `EINTR` if a fatal signal arrived while waiting.
    pub fn get_user_killable<H>(
        &self,
        _order: &mut LockOrder<'_, H>,
    ) -> Result<Option<ARef<MmWithUser>>>
    where
        H: NothingHeld,
    {
        let Some(mm) = self.0.mmget_not_zero() else {
            return Ok(None);
        };
        drop(mm.vma_locks().read_killable()?);
        Ok(Some(mm))
    }

    /// Like [`get_user()`](Self::get_user), but never waits, for reclaim among others.
    ///
    /// If the reference is the last one to be dropped, a work item tears the address space down
    /// (C: `mmput_async()`).
    ///
    /// # Errors
    ///
    /// `EAGAIN` if the mmap lock has a writer or one that waits.
    pub fn try_get_user<H>(
        &self,
        _order: &mut LockOrder<'_, H>,
    ) -> Result<Option<ARef<MmWithUserAsync>>>
    where
        H: NothingHeld,
    {
        let Some(mm) = self.0.mmget_not_zero() else {
            return Ok(None);
        };
        let mm = MmWithUser::into_mmput_async(mm);
        drop(mm.vma_locks().read_trylock().ok_or(EAGAIN)?);
        Ok(Some(mm))
    }
}

impl<L: Level> Vma<L> {
    /// Returns the address space that the VMA belongs to (C: `vm_mm`).
    ///
    /// This is not an [`MmWithUser`], because taking its locks from here would take them in the
    /// wrong order. The guard has the [`MmWithUser`].
    #[doc(alias = "vm_mm")]
    #[inline]
    pub fn mm(&self) -> &Mm
    where
        L: ReachMm,
    {
        // SAFETY: The VMA is alive, so this field is not written. By `L: Stable` the `mm_struct`
        // stays allocated while `self` is borrowed.
        unsafe { Mm::from_raw((*self.as_raw()).vm_mm) }
    }

    /// Keeps the `mm_struct` of the VMA allocated (C: `mmgrab()` of `vm_mm`).
    ///
    /// Works at every level: where the address space must not be used yet, the handle lets the
    /// caller use it later.
    #[doc(alias = "mmgrab")]
    #[inline]
    pub fn grab_mm(&self) -> GrabbedMm
    where
        L: Stable,
    {
        // SAFETY: As in `mm()`. The reference is turned into the handle, and goes nowhere else.
        GrabbedMm::from(unsafe { Mm::from_raw((*self.as_raw()).vm_mm) })
    }
}
