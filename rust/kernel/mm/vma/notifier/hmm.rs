// SPDX-License-Identifier: GPL-2.0

//! The page frames of mirrored memory.
//!
//! The driver has no reference to the pages: the page tables have one, and drop it only after the
//! notifier's callback has returned. So a frame may be used while the lock of the state is held, if
//! nothing was invalidated since it was looked up, and not for longer.
//!
//! C header: [`include/linux/hmm.h`](srctree/include/linux/hmm.h), see also
//! [`hmm.rst`](srctree/Documentation/mm/hmm.rst)

use super::interval::{
    Attempt,
    IntervalNotifier,
    Mirror, //
};
use crate::{
    bindings,
    error::to_result,
    mm::vma::{
        shared_memory::with_mapped,
        VmaLocks, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    time::msecs_to_jiffies, //
};
use core::{
    ops::Range,
    ptr::null_mut, //
};

/// C: `enum hmm_pfn_flags`, an `unsigned int` on 32-bit kernels.
#[allow(clippy::unnecessary_cast)]
mod flags {
    use crate::bindings::*;

    pub(super) const ALL: usize = hmm_pfn_flags_HMM_PFN_FLAGS as usize;
    pub(super) const WRITE: usize = hmm_pfn_flags_HMM_PFN_WRITE as usize;
    pub(super) const REQ_FAULT: usize = hmm_pfn_flags_HMM_PFN_REQ_FAULT as usize;
    pub(super) const REQ_WRITE: usize = hmm_pfn_flags_HMM_PFN_REQ_WRITE as usize;
}

/// The access for which memory is read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultFor {
    /// The pages are readable. They may be writable, too (C: `HMM_PFN_REQ_FAULT`).
    Read,

    /// The pages are writable (C: `HMM_PFN_REQ_WRITE`).
    Write,
}

/// Room for the page frames of a range, to be used again (C: `hmm_pfns`).
pub struct HmmRoom(KVVec<usize>);

impl HmmRoom {
    /// Allocates room for a number of pages.
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(pages: usize) -> Result<Self> {
        Ok(Self(KVVec::from_elem(0, pages, GFP_KERNEL_ACCOUNT)?))
    }
}

/// A page of mirrored memory, which is present (C: an element of `hmm_pfns`).
///
/// # Invariants
///
/// It is from `hmm_range_fault()`, which has returned success; and while a reference to this lives,
/// the lock of the notifier's state is held, and nothing was invalidated since.
#[repr(transparent)]
pub struct HmmFrame(usize);

impl HmmFrame {
    /// Returns the page frame number.
    ///
    /// A device that gets it may access the page until the range is invalidated.
    #[inline]
    pub fn pfn(&self) -> usize {
        self.0 & !flags::ALL
    }

    /// Returns whether the page may be written to.
    #[inline]
    pub fn is_writable(&self) -> bool {
        self.0 & flags::WRITE != 0
    }

    /// Copies from the page, at an offset in bytes from its start.
    ///
    /// User space may write concurrently. The result is then a mix of old and new data.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end of the page; `EFAULT` if the kernel has no mapping of it, as of
    /// `memfd_secret()`.
    // Not inlined: `copy_from_kernel_nofault()` is not exported.
    #[inline(never)]
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let end = offset.checked_add(to.len()).ok_or(EINVAL)?;
        if end > PAGE_SIZE {
            return Err(EINVAL);
        }
        // SAFETY: Takes any number.
        if !unsafe { bindings::vma_pfn_valid(self.pfn()) } {
            return Err(EFAULT);
        }

        let mut result = 0;
        // SAFETY: By the type invariants the page is mapped in a page table, which keeps it. The
        // range is in it. The copy stops at an address that is not mapped in the kernel.
        unsafe {
            let page = bindings::pfn_to_page(self.pfn());
            with_mapped(page, |memory| {
                let (to, len) = (to.as_mut_ptr().cast(), to.len());
                result = bindings::copy_from_kernel_nofault(to, memory.add(offset).cast(), len);
            });
        }
        if result != 0 {
            return Err(EFAULT);
        }
        Ok(())
    }
}

impl<T: Mirror> IntervalNotifier<T> {
    /// Reads memory in, and lends its page frames together with the state
    /// (C: `hmm_range_fault_unlocked_timeout()`, `mmu_interval_read_retry()`).
    ///
    /// Begins again whenever the range is invalidated meanwhile, so `commit` gets frames that are
    /// valid while it runs. It gets one for each page, and runs under the lock of the state; see
    /// the [module's documentation](super) for what it must not do.
    ///
    /// `range` is in bytes, of whole pages. `locks` are those of the notifier's address space.
    /// Takes the mmap lock, and drops it while it waits for a page to be read in. Sleeps.
    ///
    /// # Errors
    ///
    /// - `EINVAL` if the range is empty, has parts of pages, or is not in that of the notifier; if
    ///   there is no room for it; or if `locks` are those of another address space;
    /// - `EFAULT` if not all of it is memory that userspace could access;
    /// - `EPERM` to write where userspace could not;
    /// - `EBUSY` if it was invalidated all the time;
    /// - `ENOMEM`; `EINTR` if a signal arrived.
    ///
    /// # Examples
    ///
    /// ```
    /// # #![cfg(CONFIG_HMM_MIRROR)]
    /// use core::ops::Range;
    /// use kernel::{
    ///     mm::vma::{
    ///         notifier::{FaultFor, HmmRoom, IntervalNotifier, Mirror},
    ///         VmaLocks, //
    ///     },
    ///     prelude::*, //
    /// };
    ///
    /// /// The page table of a device with one entry.
    /// struct Entry(Option<usize>);
    ///
    /// #[vtable]
    /// impl Mirror for Entry {
    ///     fn invalidate(&mut self, _range: Range<usize>) {
    ///         self.0 = None;
    ///     }
    /// }
    ///
    /// fn map(
    ///     notifier: &IntervalNotifier<Entry>,
    ///     locks: &mut VmaLocks<'_>,
    ///     room: &mut HmmRoom,
    /// ) -> Result {
    ///     let range = notifier.range();
    ///     notifier.fault(locks, range, FaultFor::Read, room, |entry, frames| {
    ///         entry.0 = frames.first().map(|frame| frame.pfn());
    ///     })
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # let current = current!();
    /// # let mut locks = current.mm().ok_or(EINVAL)?.vma_locks();
    /// # let range = 0..kernel::page::PAGE_SIZE;
    /// # let notifier = IntervalNotifier::new(&mut locks, range, Entry(None));
    /// # let notifier = KBox::pin_init(notifier, GFP_KERNEL)?;
    /// # assert_eq!(map(&notifier, &mut locks, &mut HmmRoom::new(1)?), Err(EFAULT));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "hmm_range_fault")]
    #[doc(alias = "hmm_range_fault_unlocked_timeout")]
    pub fn fault<R>(
        &self,
        locks: &mut VmaLocks<'_>,
        range: Range<usize>,
        access: FaultFor,
        room: &mut HmmRoom,
        commit: impl FnOnce(&mut T, &[HmmFrame]) -> R,
    ) -> Result<R> {
        let (whole, mm) = (self.range(), locks.mm());
        let is_inside = whole.start <= range.start && range.end <= whole.end;
        let is_aligned = (range.start | range.end) % PAGE_SIZE == 0;
        if range.is_empty() || !is_inside || !is_aligned || self.mm_id() != mm.id() {
            return Err(EINVAL);
        }
        let count = (range.end - range.start) >> PAGE_SHIFT;
        let frames = room.0.get_mut(..count).ok_or(EINVAL)?;

        loop {
            // SAFETY: The range was checked. The notifier is inserted, in the mm of `locks`, whose
            // mutable borrow says that the task holds no lock of it.
            let seq = unsafe { fault_in(self.as_raw(), &range, access, frames) }?;
            // INVARIANT: The look at the memory began at this number.
            let attempt = Attempt {
                notifier: self,
                seq,
            };
            if let Ok(mut state) = attempt.lock() {
                let frames: *const [usize] = frames;
                // SAFETY: The layout is the same.
                // INVARIANT: The frames are from the call above, and the lock is held until
                // `commit` returns, which cannot keep the reference.
                let frames = unsafe { &*(frames as *const [HmmFrame]) };
                return Ok(commit(&mut state, frames));
            }
            if current!().signal_pending() {
                return Err(EINTR);
            }
        }
    }
}

/// Reads a range in, and returns the sequence number that is to be checked.
///
/// # Safety
///
/// The range must be of whole pages, of which there are as many as frames. The notifier must be
/// inserted. Its mm must have users, and the caller must hold no lock of it.
unsafe fn fault_in(
    notifier: *mut bindings::mmu_interval_notifier,
    range: &Range<usize>,
    access: FaultFor,
    frames: &mut [usize],
) -> Result<usize> {
    let mut request = bindings::hmm_range {
        notifier,
        notifier_seq: 0,
        start: range.start,
        end: range.end,
        hmm_pfns: frames.as_mut_ptr(),
        default_flags: match access {
            FaultFor::Read => flags::REQ_FAULT,
            FaultFor::Write => flags::REQ_FAULT | flags::REQ_WRITE,
        },
        // The flags are the same for all frames, and not taken from them.
        pfn_flags_mask: 0,
        dev_private_owner: null_mut(),
    };
    let timeout = msecs_to_jiffies(bindings::HMM_RANGE_DEFAULT_TIMEOUT);

    // SAFETY: Guaranteed by the caller: the notifier is inserted, the range is one of whole pages,
    // for which there is room, and no lock of its mm is held.
    to_result(unsafe { bindings::hmm_range_fault_unlocked_timeout(&mut request, timeout) })?;
    Ok(request.notifier_seq)
}
