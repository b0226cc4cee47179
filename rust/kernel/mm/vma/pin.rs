// SPDX-License-Identifier: GPL-2.0

//! User memory that a driver works on, by pinning its pages.
//!
//! Pinned pages are neither moved nor freed until they are unpinned, whatever happens to the
//! mapping. There are three ways to pin:
//!
//! - [`MmapGuard::pin_user_pages()`] keeps the mmap lock, so the VMAs do not change.
//! - [`VmaLocks::pin_user_pages_unlocked()`] takes the lock itself, and drops it while a page is
//!   read in.
//! - [`VmaLocks::pin_user_pages_fast()`] needs no lock and takes one only if it has to.
//!
//! [`PinnedPages::map_for_device()`] lets a device access them.
//!
//! For the use of pinning see
//! [`pin_user_pages.rst`](srctree/Documentation/core-api/pin_user_pages.rst).
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

mod dma;
mod locked_vm;
mod pinned_vm;
mod words;

pub use self::dma::{
    Bidirectional,
    CpuPages,
    DmaDirection,
    DmaPages,
    DmaTable,
    FromDevice,
    ToDevice, //
};
pub use self::locked_vm::LockedVm;

use self::pinned_vm::PinnedVm;
use super::{
    shared_memory::{
        copy_from_shared,
        copy_to_shared,
        with_mapped, //
    },
    MmapGuard,
    MmapRead,
    VmaLocks, //
};
use crate::{
    bindings,
    mm::{
        Mm,
        MmWithUser, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};
use core::{
    hint::assert_unchecked,
    marker::PhantomData,
    mem::MaybeUninit,
    ops::Range,
    ptr, //
};

mod sealed {
    pub trait Sealed {}
}

/// An access to pinned pages. This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an access to pinned pages",
    label = "not an access to pinned pages",
    note = "the accesses are `ReadOnly` and `Writable`"
)]
pub trait PinAccess: sealed::Sealed {
    #[doc(hidden)]
    const FLAGS: u32;

    /// True if the pages are marked as dirty when they are unpinned.
    #[doc(hidden)]
    const DIRTY: bool;
}

/// Pinned pages may be written to.
#[diagnostic::on_unimplemented(
    message = "pages that were pinned as `{Self}` cannot be written to",
    label = "needs pages that were pinned as `Writable`",
    note = "writing to pages that were pinned for reading would write to what others share; pin \
            them with `PinnedPages<Writable>`"
)]
pub trait PinWriteAccess: PinAccess {}

/// Permits to read the pages.
pub enum ReadOnly {}

/// Permits the kernel or a device to read and write the pages (C: `FOLL_WRITE`).
///
/// They are marked as dirty when they are unpinned, because nothing else records that a device has
/// written to them.
pub enum Writable {}

impl sealed::Sealed for ReadOnly {}
impl sealed::Sealed for Writable {}

impl PinAccess for ReadOnly {
    const FLAGS: u32 = 0;
    const DIRTY: bool = false;
}

impl PinAccess for Writable {
    const FLAGS: u32 = bindings::FOLL_WRITE;
    const DIRTY: bool = true;
}

impl PinWriteAccess for Writable {}

/// The time for which pages will be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinFor {
    /// Until an operation of the kernel ends.
    Short,

    /// As long as user space decides (C: `FOLL_LONGTERM`).
    ///
    /// Pages are first moved out of movable memory. Pages of files that are written back are
    /// refused. The pages are charged to their address space (C: `pinned_vm`), within
    /// `RLIMIT_MEMLOCK` of the current task, until they are unpinned.
    LongTerm,
}

/// The number of pages that can be pinned at once: `kvmalloc()` must have room for them.
const MAX_PAGES: usize = i32::MAX as usize / size_of::<*mut bindings::page>();

/// Pages of user memory that are pinned, and unpinned when this is dropped.
///
/// Dropping it sleeps if the pages are [`Writable`], because they are marked as dirty. If it is
/// leaked ([`core::mem::forget`]) the pages stay pinned, and charged if they are.
///
/// # Examples
///
/// ```
/// use kernel::{
///     mm::{
///         vma::pin::{PinFor, PinnedPages, ReadOnly},
///         MmWithUser, //
///     },
///     prelude::*, //
/// };
///
/// /// Adds up the bytes of user memory.
/// fn sum(mm: &MmWithUser, memory: core::ops::Range<usize>) -> Result<u64> {
///     let mut locks = mm.vma_locks();
///     let pages: PinnedPages<ReadOnly> = locks.pin_user_pages_fast(memory, PinFor::Short)?;
///
///     let mut bytes = KVec::from_elem(0u8, 4096, GFP_KERNEL)?;
///     let mut sum = 0;
///     for page in pages.iter() {
///         let bytes = &mut bytes[..page.len()];
///         page.read(0, bytes)?;
///         sum += bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
///     }
///     Ok(sum)
/// }
/// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
/// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
/// # assert!(sum(current!().mm().ok_or(EINVAL)?, 0x1000..0x2000).is_err());
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// Each page is pinned, with `A::FLAGS`, and this owns the pin. `offset` is less than a page, and
/// `offset + len` bytes are in as many pages as there are.
pub struct PinnedPages<A: PinAccess> {
    pages: KVVec<*mut bindings::page>,
    offset: usize,
    len: usize,
    // Given up after `drop()` has unpinned the pages.
    _charge: Option<PinnedVm>,
    _access: PhantomData<fn() -> A>,
}

// SAFETY: Pins belong to no task.
unsafe impl<A: PinAccess> Send for PinnedPages<A> {}
// SAFETY: A shared reference permits to read, by copying.
unsafe impl<A: PinAccess> Sync for PinnedPages<A> {}

impl<'s> MmapGuard<'s, MmapRead> {
    /// Pins the pages of a range of user memory, and keeps the mmap lock (C: `pin_user_pages()`,
    /// `pin_user_pages_remote()`).
    ///
    /// Reads pages in as a fault does, and sleeps for that. `range` is in bytes, of any alignment.
    ///
    /// Pinning allocates memory, and reclaim could wait for a reverse-mapping lock, so none may be
    /// held: the guard is borrowed mutably, and lends no [`nest()`](Self::nest) during the call.
    /// VMAs do not change, but must be looked up again afterwards.
    ///
    /// # Errors
    ///
    /// No page stays pinned on an error, which is:
    ///
    /// - `EINVAL` if the range is empty;
    /// - `EFAULT` if not all of it is memory that userspace could access in this way and that can
    ///   be pinned;
    /// - `EEXIST` if something is mapped there that has no `struct page`;
    /// - `EOPNOTSUPP` for pages of a file on persistent memory (DAX) that are pinned for a long
    ///   term;
    /// - `ENOMEM`, also if that many pages exceed `RLIMIT_MEMLOCK`;
    /// - `EINTR` if a fatal signal arrived.
    #[doc(alias = "pin_user_pages_remote")]
    pub fn pin_user_pages<A: PinAccess>(
        &mut self,
        range: Range<usize>,
        pin_for: PinFor,
    ) -> Result<PinnedPages<A>> {
        let mm = self.mm();

        PinnedPages::pin(mm, range, pin_for, |start, flags, room| {
            let (nr, pages) = (room.len(), room.as_mut_ptr().cast());

            // SAFETY: `pages` has room for `nr`. The guard holds the mmap read lock.
            unsafe {
                if is_current(mm) {
                    // Protection keys count, as for the task's own accesses.
                    bindings::pin_user_pages(start, nr, flags, pages)
                } else {
                    let locked = ptr::null_mut();
                    bindings::pin_user_pages_remote(mm.as_raw(), start, nr, flags, pages, locked)
                }
            }
        })
    }
}

impl VmaLocks<'_> {
    /// Like [`MmapGuard::pin_user_pages()`], but takes the mmap lock itself, and drops it while it
    /// waits for a page to be read in (C: `pin_user_pages_unlocked()`, `pin_user_pages_remote()`
    /// with `locked`).
    ///
    /// The lock may be taken again after that, so no VMA may be locked: a task that waits for the
    /// mmap lock with a VMA read lock waits for a writer, which waits for that VMA. Therefore the
    /// scope is borrowed mutably.
    ///
    /// # Errors
    ///
    /// As [`MmapGuard::pin_user_pages()`]; `EINTR` or `EAGAIN` if a signal ended the wait.
    #[doc(alias = "pin_user_pages_remote")]
    pub fn pin_user_pages_unlocked<A: PinAccess>(
        &mut self,
        range: Range<usize>,
        pin_for: PinFor,
    ) -> Result<PinnedPages<A>> {
        let mm = self.mm();

        // `pin_user_pages_remote()` would not check the task's protection keys.
        if is_current(mm) {
            return PinnedPages::pin(mm, range, pin_for, |start, flags, room| {
                let (nr, pages) = (room.len(), room.as_mut_ptr().cast());

                // SAFETY: `pages` has room for `nr`. The mutable borrow of the scope says that the
                // task holds no lock of this address space.
                unsafe { bindings::pin_user_pages_unlocked(start, nr, pages, flags) }
            });
        }

        PinnedPages::pin(mm, range, pin_for, |start, flags, room| {
            // SAFETY: `mm_users` is not zero while the scope lives.
            match unsafe { bindings::mmap_read_lock_killable(mm.as_raw()) } {
                0 => {}
                e => return e as isize,
            }
            let (nr, pages) = (room.len(), room.as_mut_ptr().cast());
            let mut locked = 1;

            // SAFETY: `pages` has room for `nr`. The mmap read lock is held, and `locked` says so;
            // whether it still is comes back there.
            let pinned = unsafe {
                bindings::pin_user_pages_remote(mm.as_raw(), start, nr, flags, pages, &mut locked)
            };
            if locked != 0 {
                // SAFETY: The lock is held, or was taken again, and no guard stands for it.
                unsafe { bindings::mmap_read_unlock(mm.as_raw()) };
            }
            pinned
        })
    }

    /// Pins the pages of a range of the current task's memory, without the mmap lock where that is
    /// possible (C: `pin_user_pages_fast()`).
    ///
    /// `range` is in bytes, of any alignment. Sleeps for the mmap lock and for pages to be read in.
    ///
    /// # Errors
    ///
    /// As [`MmapGuard::pin_user_pages()`]; and `EINVAL` if the scope is not that of the current
    /// task's address space.
    pub fn pin_user_pages_fast<A: PinAccess>(
        &mut self,
        range: Range<usize>,
        pin_for: PinFor,
    ) -> Result<PinnedPages<A>> {
        if !is_current(self.mm()) {
            return Err(EINVAL);
        }

        PinnedPages::pin(self.mm(), range, pin_for, |start, flags, room| {
            let (nr, pages) = (room.len() as i32, room.as_mut_ptr().cast());

            // SAFETY: `pages` has room for `nr`, which is less than `MAX_PAGES`. The mutable
            // borrow of the scope says that the task holds no lock of this address space.
            unsafe { bindings::pin_user_pages_fast(start, nr, flags, pages) as isize }
        })
    }
}

/// Returns whether an address space is that of the current task.
fn is_current(mm: &MmWithUser) -> bool {
    current!()
        .mm()
        .is_some_and(|current| ptr::eq(mm.as_raw(), current.as_raw()))
}

impl<A: PinAccess> PinnedPages<A> {
    /// Pins by `pin(start, flags, room)`, which returns for how many pages it has filled the room,
    /// or an error number, and is called again for the rest.
    fn pin(
        mm: &Mm,
        range: Range<usize>,
        pin_for: PinFor,
        mut pin: impl FnMut(usize, u32, &mut [MaybeUninit<*mut bindings::page>]) -> isize,
    ) -> Result<Self> {
        let len = range.end.checked_sub(range.start).ok_or(EINVAL)?;
        if len == 0 {
            return Err(EINVAL);
        }
        let offset = range.start % PAGE_SIZE;
        let start = range.start - offset;
        // Not empty, so its last byte is not before its start.
        let count = (range.end.wrapping_sub(1).wrapping_sub(start) >> PAGE_SHIFT) + 1;
        if count > MAX_PAGES {
            return Err(ENOMEM);
        }
        let (flags, charge) = match pin_for {
            PinFor::Short => (A::FLAGS, None),
            PinFor::LongTerm => (
                A::FLAGS | bindings::FOLL_LONGTERM,
                Some(PinnedVm::charge(mm, count)?),
            ),
        };

        // INVARIANT: No page is pinned so far; `len` is set when all are.
        let mut this = Self {
            pages: KVVec::with_capacity(count, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?,
            offset,
            len: 0,
            _charge: charge,
            _access: PhantomData,
        };
        while let Some(left) = count.checked_sub(this.pages.len()).filter(|left| *left > 0) {
            // The next of these pages, of which no address wraps.
            let next = start.wrapping_add(this.pages.len() << PAGE_SHIFT);
            // SAFETY: By the type invariants of `Vec` it has no more elements than room.
            unsafe { assert_unchecked(this.pages.len() <= this.pages.capacity()) };
            let room = this
                .pages
                .spare_capacity_mut()
                .get_mut(..left)
                .ok_or(ENOMEM)?;
            let pinned = pin(next, flags, room);

            match usize::try_from(pinned) {
                Ok(0) => return Err(EFAULT),
                // SAFETY: All callers pin by functions that write that number of pages to the room.
                // INVARIANT: They are pinned.
                Ok(pinned) => unsafe { this.pages.inc_len(pinned) },
                // `drop()` unpins the pages pinned so far.
                Err(_) => return Err(Error::from_errno(pinned as i32)),
            }
        }
        this.len = len;
        Ok(this)
    }

    /// Returns the size of the memory, in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns false, because an empty range cannot be pinned.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the number of pages.
    #[inline]
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// Iterates over the pages in the order of their addresses, each with the requested part.
    pub fn iter(&self) -> impl Iterator<Item = PinnedPage<'_>> {
        let pages = self.pages.iter().enumerate();
        // SAFETY: This is the page at the index.
        pages.map(|(index, page)| unsafe { self.part_of(index, *page) })
    }

    fn page(&self, index: usize) -> Option<PinnedPage<'_>> {
        let page = *self.pages.get(index)?;
        // SAFETY: This is the page at the index.
        Some(unsafe { self.part_of(index, page) })
    }

    /// Lends the requested part of a page.
    ///
    /// # Safety
    ///
    /// `page` must be the one at `index`.
    unsafe fn part_of(&self, index: usize, page: *mut bindings::page) -> PinnedPage<'_> {
        let start = if index == 0 { self.offset } else { 0 };
        // By the type invariants, so much is in this page and those behind it.
        let left = self
            .offset
            .wrapping_add(self.len)
            .wrapping_sub(index.wrapping_mul(PAGE_SIZE));

        // INVARIANT: The page is one of these, which are pinned while `self` is borrowed. `start`
        // and `len` are in it.
        PinnedPage {
            page,
            start,
            len: left.min(PAGE_SIZE).wrapping_sub(start),
            _pin: PhantomData,
        }
    }

    /// Copies from the memory, at an offset in bytes from its start.
    ///
    /// User space may write concurrently. The result is then a mix of old and new data.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let mut done = 0;
        self.pieces(offset, to.len(), |page, at, len| {
            page.read(at, &mut to[done..done + len])?;
            done += len;
            Ok(())
        })
    }

    /// Copies to the memory, at an offset in bytes from its start.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end.
    pub fn write(&mut self, offset: usize, from: &[u8]) -> Result
    where
        A: PinWriteAccess,
    {
        let mut done = 0;
        self.pieces(offset, from.len(), |page, at, len| {
            page.with_mapped(|memory| {
                // SAFETY: `at + len` bytes of the page are mapped, and the page was pinned to be
                // written to.
                unsafe { copy_to_shared(memory.add(at), &from[done..done + len]) }
            });
            done += len;
            Ok(())
        })
    }

    /// Calls `f` for each piece within a page, with the piece's offset there and its length.
    fn pieces(
        &self,
        offset: usize,
        len: usize,
        mut f: impl FnMut(PinnedPage<'_>, usize, usize) -> Result,
    ) -> Result {
        let end = offset.checked_add(len).ok_or(EINVAL)?;
        if end > self.len {
            return Err(EINVAL);
        }

        let mut at = offset;
        while at < end {
            let in_pages = self.offset + at;
            let page = self.page(in_pages / PAGE_SIZE).ok_or(EINVAL)?;
            let start = in_pages % PAGE_SIZE - page.start;
            let piece = (page.len - start).min(end - at);
            f(page, start, piece)?;
            at += piece;
        }
        Ok(())
    }
}

impl<A: PinAccess> Drop for PinnedPages<A> {
    fn drop(&mut self) {
        let count = self.pages.len();

        // SAFETY: By the type invariants these pages are pinned, and this owns the pins.
        unsafe {
            if A::DIRTY {
                bindings::unpin_user_pages_dirty_lock(self.pages.as_mut_ptr(), count, true);
            } else {
                bindings::unpin_user_pages(self.pages.as_mut_ptr(), count);
            }
        }
    }
}

/// A page that is pinned, and the requested part of it.
///
/// # Invariants
///
/// `page` is pinned for `'a`, and `len` bytes from `start` on are in it.
pub struct PinnedPage<'a> {
    page: *mut bindings::page,
    start: usize,
    len: usize,
    _pin: PhantomData<&'a ()>,
}

impl PinnedPage<'_> {
    /// Returns the offset of the memory in the page, in bytes.
    #[inline]
    pub fn offset(&self) -> usize {
        self.start
    }

    /// Returns the size of the memory in this page, in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns false, because each page has a part of the memory.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the C type, for a driver that programs a device with it. The page is pinned for as
    /// long as the [`PinnedPages`] live.
    ///
    /// The device may write to it only if it was pinned as [`Writable`].
    #[inline]
    pub fn as_raw(&self) -> *mut bindings::page {
        self.page
    }

    /// Returns the number of the page frame, for a hypervisor or an IOMMU (C: `page_to_pfn()`).
    ///
    /// As with [`as_raw()`](Self::as_raw), the frame is this page for as long as the
    /// [`PinnedPages`] live. They must not be dropped before it is taken away from what was told
    /// the number.
    #[doc(alias = "page_to_pfn")]
    #[inline]
    pub fn pfn(&self) -> usize {
        // SAFETY: The page is valid.
        unsafe { bindings::page_to_pfn(self.page) }
    }

    /// Copies from the memory in this page, at an offset in bytes from its start.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let end = offset.checked_add(to.len()).ok_or(EINVAL)?;
        if end > self.len {
            return Err(EINVAL);
        }

        self.with_mapped(|memory| {
            // SAFETY: The range was checked.
            unsafe { copy_from_shared(memory.add(offset), to) }
        });
        Ok(())
    }

    /// Calls `f` with the address of the memory in this page.
    fn with_mapped(&self, f: impl FnOnce(*mut u8)) {
        // SAFETY: The page is pinned, and the start is in it.
        unsafe { with_mapped(self.page, |memory| f(memory.add(self.start))) };
    }
}
