// SPDX-License-Identifier: GPL-2.0

//! Changes of the tree of VMAs: unmapping a range, and splitting a VMA.
//!
//! Both free or change the VMAs that views point to, so they borrow the guard of the mmap write
//! lock mutably: no view that it gave out exists, and VMAs must be looked up again. The C functions
//! write-lock the VMAs concerned, until the end of the transaction.
//!
//! C source: [`mm/vma.c`](srctree/mm/vma.c)

use super::{
    level::{
        MmapLevel,
        MmapWriteHeld, //
    },
    lock::MmapGuard,
    walk::vma_iterator, //
};
use crate::{
    bindings,
    current,
    error::{
        code::{
            EINVAL,
            ENOENT, //
        },
        to_result,
        Result, //
    },
    mm::MmWithUser,
    page::PAGE_SIZE, //
};
use core::{
    ops::Range,
    ptr, //
};

impl<L: MmapLevel> MmapGuard<'_, L> {
    /// Unmaps what is mapped in `range`, and keeps the lock (C: `do_munmap()`).
    ///
    /// VMAs at the ends of the range are split. The end is rounded up to a page. It is no error if
    /// nothing is mapped.
    ///
    /// The address space must be that of the current task: `vms_complete_munmap_vmas()` counts what
    /// is gone in `current->mm`, whatever mm it is called for. A userfaultfd that watches the range
    /// is not told, as by `shmdt()`: that has to be done without the lock, and `vm_munmap()` does
    /// it.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the address space is another one than the current task's, or if the range is
    /// empty, does not begin at a page, or is not one of user memory;
    /// `ENOMEM`, also if there would be too many VMAs (`max_map_count`); `EPERM` if part of it is
    /// sealed; and what the `may_split` operation of a VMA returns. Nothing is unmapped then, but
    /// VMAs may have been split.
    ///
    /// # Examples
    ///
    /// Two ranges at once. Nobody sees one of them gone and the other one not, but by
    /// [`speculate()`](super::VmaLocks::speculate) or one VMA lock after the other:
    ///
    /// ```
    /// use core::ops::Range;
    /// use kernel::mm::MmWithUser;
    ///
    /// fn unmap_both(mm: &MmWithUser, ranges: [Range<usize>; 2]) -> Result {
    ///     let mut locks = mm.vma_locks();
    ///     let mut mmap = locks.write_killable()?;
    ///     for range in ranges {
    ///         mmap.munmap(range)?;
    ///     }
    ///     Ok(())
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert_eq!(unmap_both(current!().mm().ok_or(EINVAL)?, [0..1, 1..2]), Err(EINVAL));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "do_munmap")]
    #[doc(alias = "do_vmi_munmap")]
    #[inline]
    pub fn munmap(&mut self, range: Range<usize>) -> Result
    where
        L: MmapWriteHeld,
    {
        // SAFETY: By `L: MmapWriteHeld` the mmap write lock is held. The guard is borrowed mutably,
        // so there is no view of a VMA.
        unsafe { munmap(self.mm(), range) }
    }

    /// Splits the VMA that contains `addr` there (C: `split_vma()`).
    ///
    /// After that one VMA ends at `addr` and another one begins, with the same properties. They are
    /// merged again when somebody changes them and finds them equal. If `addr` is the start of a
    /// VMA there is nothing to do.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no VMA at `addr`, `EINVAL` if it is not a multiple of the page size;
    /// `ENOMEM`, also if there would be too many VMAs (`max_map_count`); and what the `may_split`
    /// operation of the VMA returns. Nothing is changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::ops::Range;
    /// use kernel::mm::{vma::AdviceFlags, MmWithUser};
    ///
    /// /// `madvise(MADV_DONTDUMP)` for a part of a mapping.
    /// fn dont_dump(mm: &MmWithUser, range: Range<usize>) -> Result {
    ///     let mut locks = mm.vma_locks();
    ///     let mut mmap = locks.write_killable()?;
    ///     mmap.split(range.start)?;
    ///     mmap.split(range.end)?;
    ///     for vma in mmap.vmas_in(range) {
    ///         vma.start_write_killable()?.set_flags(AdviceFlags::DONTDUMP);
    ///     }
    ///     Ok(())
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert_eq!(dont_dump(current!().mm().ok_or(EINVAL)?, 0..1), Err(ENOENT));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "split_vma")]
    #[inline]
    pub fn split(&mut self, addr: usize) -> Result
    where
        L: MmapWriteHeld,
    {
        let vma = self.lookup(addr).ok_or(ENOENT)?;
        if vma.start() == addr {
            return Ok(());
        }
        if addr % PAGE_SIZE != 0 {
            return Err(EINVAL);
        }

        // SAFETY: By `L: MmapWriteHeld` the mmap write lock is held. `addr` is inside the VMA, and
        // not its start. The guard is borrowed mutably, so this is the only view of a VMA, and it
        // is no longer used.
        unsafe { split(self.mm(), vma.as_raw(), addr) }
    }
}

// The C functions below are not exported, so modules reach them through the crate.

/// # Safety
///
/// The calling task holds the mmap write lock, and must not use a VMA that it has found before.
#[inline(never)]
unsafe fn munmap(mm: &MmWithUser, range: Range<usize>) -> Result {
    let len = range.end.checked_sub(range.start).ok_or(EINVAL)?;
    if !current!().mm().is_some_and(|current| ptr::eq(current, mm)) {
        return Err(EINVAL);
    }

    // SAFETY: As promised by the caller, and `mm` is `current->mm`, which the function relies on.
    // Without a list, no event is made for a userfaultfd.
    to_result(unsafe { bindings::do_munmap(mm.as_raw(), range.start, len, ptr::null_mut()) })
}

/// # Safety
///
/// The calling task holds the mmap write lock of `mm`, to which `vma` belongs. `addr` is the
/// address of a page in `vma`, but not its start.
#[inline(never)]
unsafe fn split(mm: &MmWithUser, vma: *mut bindings::vm_area_struct, addr: usize) -> Result {
    // SAFETY: As promised by the caller. The function sets the iterator to the VMA itself.
    to_result(unsafe { bindings::split_vma(&mut vma_iterator(mm, addr), vma, addr, 1) })
}
