// SPDX-License-Identifier: GPL-2.0

//! Pages of a memfd that a driver pins, and maps by page frame number.
//!
//! User space makes the memory, and the driver hands it on: to a device, and to those who map a
//! file of the driver (C: `drivers/dma-buf/udmabuf.c`). Each folio is a piece of [`Pieces`], which
//! owns one pin of it. So the frames of ranges of several files have one numbering, and an
//! [`Arc<PfnPieces<U>>`](crate::sync::Arc) of them is the private data of VMAs, as for any pieces.
//!
//! # Protocol
//!
//! 1. The file must be open for reading and writing. What maps the frames later does not ask for
//!    the file's mode, so it must not give more than `mmap()` of the file would. (udmabuf accepts a
//!    file that is open for reading.)
//! 2. With the lock of the inode held, the seals are checked, and the folios pinned. Whoever adds a
//!    seal, shrinks the file or makes a hole has that lock for writing (`memfd_add_seals()`,
//!    `do_truncate()`, `shmem_fallocate()`). So the seals are those that the file has when all is
//!    pinned.
//! 3. `F_SEAL_SHRINK` is required. Only a file of `memfd_create()` can have it: every inode of
//!    shmem is made with `F_SEAL_SEAL`, which only `memfd_alloc_file()` takes away. So this never
//!    gets at the shmem files that the kernel has for itself, those of graphics objects for
//!    example.
//! 4. `F_SEAL_WRITE` and `F_SEAL_FUTURE_WRITE` are refused: others trust that the contents do not
//!    change.
//! 5. A folio is marked as dirty when it is unpinned, because nothing else records what was written
//!    by way of the frames: without that, one that was never written by the file could be
//!    reclaimed as if it were a hole. (udmabuf does not.)
//!
//! # What happens to the file afterwards
//!
//! - `F_SEAL_WRITE` fails with `EBUSY` for as long as a folio of the file is pinned
//!   (`memfd_wait_for_pins()`), and so for as long as a VMA maps the frames: the VMA has a share of
//!   the pieces, which is dropped after its entries are gone.
//! - `F_SEAL_FUTURE_WRITE` succeeds. It permits what was mapped before to be written, and these
//!   pieces count as such, also if they are mapped into a VMA only later.
//! - The file does not shrink. A hole can be made in it, or its last reference be dropped: the
//!   folios leave the file then, and stay pinned until the pieces are dropped. What the file has
//!   there later is other memory. This is a surprise for the one who does it, and for nobody else:
//!   a pinned folio is neither freed, reclaimed, migrated, nor split, so the frames are the same
//!   memory.
//!
//! # Who accesses the memory
//!
//! User space writes to it at any time, by the file, by its mappings of the file, and by the VMAs
//! of the driver. So the kernel never borrows it, and [`Frames::read()`] and the like refuse it. It
//! is normal memory of the kernel's, which all map cached ([`MemoryType::Cached`]).
//!
//! A VMA that maps the frames does not belong to the file. A private one that could become writable
//! cannot have frames alone (`VmaSetup::pfnmap()`), and in a `MixedMap` a write goes to a copy.
//!
//! The entries must be special. Otherwise a `MixedMap` would count them as mappings of the folio,
//! which are not found when the folio leaves the file, and that is a bug for the page cache
//! (`filemap_unaccount_folio()`). So there are no such pieces on an architecture without
//! `CONFIG_ARCH_HAS_PTE_SPECIAL`.
//!
//! # Files of hugetlb
//!
//! They are refused. `memfd_pin_folios()` has a path of its own for them, which reserves huge pages
//! of a pool, and is not tested here.
//!
//! C header: [`include/linux/memfd.h`](srctree/include/linux/memfd.h)
//!
//! [`MemoryType::Cached`]: super::MemoryType::Cached

use super::{
    Frames,
    Pieces, //
};
use crate::{
    bindings,
    error::to_result,
    fs::LocalFile,
    mm::vma::{
        order::{
            After,
            LockClass,
            MmapLock, //
        },
        LockOrder, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};
use core::{
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    }, //
};

/// The number of folios that one call pins, whose pointers are on the stack.
const BATCH: usize = 16;

impl Pieces {
    /// Pins `pages` pages of a memfd, from its page `first` on, and appends them (C:
    /// `memfd_pin_folios()`).
    ///
    /// Pages that the file does not have yet are allocated, zeroed. They are pinned until the
    /// pieces are dropped, and not charged to the pinned memory of a task (`RLIMIT_MEMLOCK`), so
    /// the driver has to limit them.
    ///
    /// The file must be sealed by `F_SEAL_SHRINK`, and neither by `F_SEAL_WRITE` nor by
    /// `F_SEAL_FUTURE_WRITE` (see `fcntl(2)`). Until the pieces are dropped, user space cannot add
    /// `F_SEAL_WRITE`.
    ///
    /// Sleeps: takes the lock of the inode, which is outside of the mmap lock.
    ///
    /// # Errors
    ///
    /// The pieces are as before on an error, which is:
    ///
    /// - `EACCES` if the file is not open for reading and writing;
    /// - `EBADFD` if it has no seals, because it is no memfd;
    /// - `EINVAL` if its seals are not as they must be, if `pages` is zero, or if the range is not
    ///   in the file;
    /// - `EOPNOTSUPP` for a memfd of huge pages (`MFD_HUGETLB`), and on architectures without
    ///   special page table entries;
    /// - `ENOMEM`, `ENOSPC`; `EIO` if memory was lost, in swap for example.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     fs::LocalFile,
    ///     mm::vma::{
    ///         driver::{PfnPieces, Pieces},
    ///         LockOrder, //
    ///     },
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// /// The first page of each of these files, one after the other.
    /// fn first_pages(fds: &[u32]) -> Result<Arc<PfnPieces<()>>> {
    ///     let mut order = LockOrder::new();
    ///     let mut pieces = Pieces::new();
    ///     for fd in fds {
    ///         pieces.push_memfd(&mut order, &*LocalFile::fget(*fd)?, 0, 1)?;
    ///     }
    ///     Arc::pin_init(PfnPieces::new(pieces, ()), GFP_KERNEL)
    /// }
    /// ```
    #[doc(alias = "memfd_pin_folios")]
    #[inline]
    pub fn push_memfd<H: LockClass>(
        &mut self,
        _order: &mut LockOrder<'_, H>,
        file: &LocalFile,
        first: usize,
        pages: usize,
    ) -> Result
    where
        MmapLock: After<H>,
    {
        self.push_pages(file, first, pages)
    }

    // Not inlined: the seals are for the crate.
    #[inline(never)]
    fn push_pages(&mut self, file: &LocalFile, first: usize, pages: usize) -> Result {
        if !cfg!(CONFIG_ARCH_HAS_PTE_SPECIAL) {
            return Err(EOPNOTSUPP);
        }
        let end = first.checked_add(pages).ok_or(EINVAL)?;
        if pages == 0 {
            return Err(EINVAL);
        }
        // The last byte of all has an offset, too.
        i64::try_from(end)?
            .checked_mul(PAGE_SIZE as i64)
            .ok_or(EINVAL)?;
        check_mode(file)?;

        let before = self.piece_count();
        let result = {
            let locked = LockedInode::of(file);
            locked.check_seals().and_then(|()| {
                let mut next = first;
                while next < end {
                    next = self.push_batch(&locked, next, end)?;
                }
                Ok(())
            })
        };
        if result.is_err() {
            self.truncate(before);
        }
        result
    }

    /// Pins some of the pages from `first` to `end`; returns the next page, which is another one.
    fn push_batch(&mut self, file: &LockedInode<'_>, first: usize, end: usize) -> Result<usize> {
        let mut folios = [ptr::null_mut(); BATCH];
        let mut offset = 0;
        // Neither is beyond the last offset that a file can have, which was checked.
        let start = (first as i64) << PAGE_SHIFT;
        let last = ((end as i64) << PAGE_SHIFT).wrapping_sub(1);

        // SAFETY: The file is open, and there is room for `BATCH` folios.
        let count = unsafe {
            bindings::memfd_pin_folios(
                file.file.as_ptr(),
                start,
                last,
                folios.as_mut_ptr(),
                BATCH as u32,
                &mut offset,
            )
        };
        to_result(count.min(0) as c_int)?;

        let mut skip = offset >> PAGE_SHIFT;
        let mut next = first;
        let mut result = Ok(());
        for folio in folios.into_iter().take(count as usize) {
            // SAFETY: `memfd_pin_folios()` has pinned it, once for this entry.
            let folio = unsafe { PinnedFolio::new(NonNull::new_unchecked(folio)) };
            // Those that are not needed are unpinned.
            if result.is_err() || next >= end {
                continue;
            }
            let frames = Frames::of_folio(folio, skip, end.saturating_sub(next));
            next = next.saturating_add(frames.count());
            skip = 0;
            result = self.push(frames, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
        }
        result?;
        if next == first {
            return Err(EINVAL);
        }
        Ok(next)
    }
}

/// Refuses a file that is not open for reading and writing.
fn check_mode(file: &LocalFile) -> Result {
    // SAFETY: The file is open, and its mode does not change.
    if unsafe { bindings::vma_file_is_read_write(file.as_ptr()) } {
        Ok(())
    } else {
        Err(EACCES)
    }
}

/// A file whose inode is locked for reading, so that its seals do not change.
///
/// # Invariants
///
/// The lock is held, and was taken by this task.
struct LockedInode<'f> {
    file: &'f LocalFile,
    // The task that has taken the lock releases it.
    _not_send: PhantomData<*mut ()>,
}

impl<'f> LockedInode<'f> {
    fn of(file: &'f LocalFile) -> Self {
        // SAFETY: The file is open, so it has an inode.
        unsafe { bindings::inode_lock_shared((*file.as_ptr()).f_inode) };

        // INVARIANT: It was just taken.
        Self {
            file,
            _not_send: PhantomData,
        }
    }

    /// Checks that this is a memfd whose seals permit to share its pages.
    // Not inlined: `memfd_get_seals()` is not exported.
    #[inline(never)]
    fn check_seals(&self) -> Result {
        const WANTED: u32 = bindings::F_SEAL_SHRINK;
        const DENIED: u32 = bindings::F_SEAL_WRITE | bindings::F_SEAL_FUTURE_WRITE;

        // SAFETY: The file is open.
        let seals = unsafe { bindings::memfd_get_seals(self.file.as_ptr()) };
        let seals = u32::try_from(seals).map_err(|_| EBADFD)?;
        // SAFETY: The file is open.
        if unsafe { bindings::is_file_hugepages(self.file.as_ptr()) } {
            return Err(EOPNOTSUPP);
        }
        if seals & (WANTED | DENIED) != WANTED {
            return Err(EINVAL);
        }
        Ok(())
    }
}

impl Drop for LockedInode<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this task holds the lock.
        unsafe { bindings::inode_unlock_shared((*self.file.as_ptr()).f_inode) };
    }
}

/// A pin of a folio of a memfd.
///
/// # Invariants
///
/// The folio is pinned (C: `FOLL_PIN`), and this owns one pin of it.
pub(super) struct PinnedFolio(NonNull<bindings::folio>);

// SAFETY: Pins belong to no task.
unsafe impl Send for PinnedFolio {}
// SAFETY: A reference permits nothing but to read what does not change while it is pinned.
unsafe impl Sync for PinnedFolio {}

impl PinnedFolio {
    /// # Safety
    ///
    /// The folio must be pinned, and the pin be given to this. It must be one of a file.
    unsafe fn new(folio: NonNull<bindings::folio>) -> Self {
        // INVARIANT: Guaranteed by the caller.
        Self(folio)
    }

    /// Returns the first page, which has the address of the folio.
    fn first_page(&self) -> *mut bindings::page {
        self.0.as_ptr().cast()
    }

    /// Returns the number of its first frame.
    pub(super) fn first_pfn(&self) -> usize {
        // SAFETY: The page is valid.
        unsafe { bindings::page_to_pfn(self.first_page()) }
    }

    /// Returns the number of its pages.
    pub(super) fn count(&self) -> usize {
        // SAFETY: By the type invariants the folio is pinned, so it is not split.
        unsafe { bindings::folio_nr_pages(self.0.as_ptr()) as usize }
    }
}

impl Drop for PinnedFolio {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this owns a pin. One page stands for one pin, of its
        // folio.
        unsafe { bindings::unpin_user_page_range_dirty_lock(self.first_page(), 1, true) };
    }
}
