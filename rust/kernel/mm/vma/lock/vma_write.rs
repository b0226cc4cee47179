// SPDX-License-Identifier: GPL-2.0

//! The VMA write lock.
//!
//! The lock is taken for one VMA and released for all: `vm_lock_seq` of the VMA is set to
//! `mm_lock_seq` of its address space, and releasing or downgrading the mmap write lock bumps the
//! latter. So there is no guard and no unlock call. Taking it returns a view at the level
//! [`VmaWrite`], which lives as long as the view it was made from: until the mmap write guard is
//! dropped or downgraded.
//!
//! C source: [`include/linux/mmap_lock.h`](srctree/include/linux/mmap_lock.h)

use super::super::{
    level::{
        Level,
        MmapWriteHeld,
        VmaWrite, //
    },
    Vma, //
};
use crate::{
    bindings,
    error::{
        to_result,
        Result, //
    }, //
};

impl<L: Level> Vma<L> {
    /// Write-locks this VMA (C: `vma_start_write()`).
    ///
    /// Sleeps, uninterruptibly, until the readers of this VMA have left; new ones are kept out
    /// until the mmap write lock is dropped or downgraded. On a VMA that is write-locked already,
    /// nothing happens. Without `CONFIG_PER_VMA_LOCK` the mmap write lock keeps readers out, and
    /// this is free.
    #[doc(alias = "vma_start_write")]
    #[inline]
    pub fn start_write(&self) -> &Vma<VmaWrite>
    where
        L: MmapWriteHeld,
    {
        // SAFETY: By `L: MmapWriteHeld` and the type invariants the VMA is attached and the mmap
        // write lock is held by this task.
        unsafe { bindings::vma_start_write(self.as_raw()) };

        // SAFETY: The VMA write lock was just taken, and lasts as long as the mmap write lock does.
        unsafe { Vma::from_raw(self.as_raw()) }
    }

    /// Write-locks this VMA, or fails when the task is being killed (C:
    /// `vma_start_write_killable()`).
    ///
    /// # Errors
    ///
    /// `EINTR` if a fatal signal arrived while waiting for the readers. This VMA is not
    /// write-locked then. The mmap lock and the VMA write locks that were taken before are still
    /// held.
    #[doc(alias = "vma_start_write_killable")]
    #[inline]
    pub fn start_write_killable(&self) -> Result<&Vma<VmaWrite>>
    where
        L: MmapWriteHeld,
    {
        // SAFETY: As in `start_write()`.
        to_result(unsafe { bindings::vma_start_write_killable(self.as_raw()) })?;

        // SAFETY: The VMA write lock was just taken, and lasts as long as the mmap write lock does.
        Ok(unsafe { Vma::from_raw(self.as_raw()) })
    }

    /// Returns whether the calling task has write-locked this VMA (C: `__is_vma_write_locked()`).
    ///
    /// Always true without `CONFIG_PER_VMA_LOCK`, where the mmap write lock is the only lock.
    #[doc(alias = "__is_vma_write_locked")]
    #[inline]
    pub fn is_write_locked(&self) -> bool
    where
        L: MmapWriteHeld,
    {
        #[cfg(CONFIG_PER_VMA_LOCK)]
        // SAFETY: The VMA and its mm are alive. By `L: MmapWriteHeld` nobody else changes one of
        // the two numbers.
        unsafe {
            let vma = self.as_raw();
            (*vma).vm_lock_seq == (*(*vma).vm_mm).__bindgen_anon_1.mm_lock_seq.sequence
        }

        #[cfg(not(CONFIG_PER_VMA_LOCK))]
        true
    }

    /// Returns this VMA at the level [`VmaWrite`], if it is already write-locked.
    ///
    /// Takes no lock, unlike [`start_write()`](Self::start_write), so it never waits for readers.
    #[inline]
    pub fn as_write_locked(&self) -> Option<&Vma<VmaWrite>>
    where
        L: MmapWriteHeld,
    {
        // SAFETY: The VMA write lock is held, and lasts as long as the mmap write lock does.
        self.is_write_locked()
            .then(|| unsafe { Vma::from_raw(self.as_raw()) })
    }
}
