// SPDX-License-Identifier: GPL-2.0

//! Memory whose pieces are added and replaced while it is mapped.
//!
//! A region of [`FrameSlots`] has slots of equal size, each of which has some [`Frames`] or
//! nothing. Replacing them takes the mappings of the old ones away before these are given back, in
//! the order of [`Mappings`]: faults that come later find the new ones. So a page of a device's
//! registers can give way to a dummy page and come back, and a buffer can be mapped before its
//! chunks are there.
//!
//! The memory types of later pieces are not known at `mmap()`. So the VMAs have the protection of
//! normal memory, and entries memory types of their own, as those of [`Pieces`](super::Pieces).

use super::{
    super::AccessBuffer,
    device_memory::{
        sealed,
        DeviceBacked, //
    },
    found_frame::FoundFrame,
    mappings::{
        InSection,
        Mappings, //
    },
    pfn_region::{
        Frames,
        HasFrames, //
    },
};
use crate::{
    alloc::Flags,
    fs::File,
    mm::vma::{
        order::{
            After,
            IMmapLock,
            LockClass, //
        },
        LockOrder,
        PageProt, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Full, //
        },
        Arc, //
    },
    ModuleMetadata, //
};
use core::{
    marker::PhantomData,
    num::NonZeroUsize,
    ops::Deref,
    ptr::null_mut, //
};

/// Slots for frames that are mapped, and what else a driver keeps with them.
///
/// As an [`Arc<FrameSlots<U>>`](Arc) it is the private data of VMAs of the kind
/// [`DeviceMap`](super::super::DeviceMap), which
/// [`map_device()`](super::super::VmaSetup::map_device) sets up. It derefs to `U`. Frames are
/// numbered through all slots, whether there are any or not. An access to an empty slot is a
/// SIGBUS.
///
/// User space cannot change the protection of such a mapping (`mprotect()`: `EACCES`).
///
/// # Examples
///
/// Registers that user space sees only while it may:
///
/// ```
/// use kernel::{
///     mm::vma::{driver::{FrameSlots, Frames}, LockOrder},
///     prelude::*,
///     sync::Arc, //
/// };
///
/// fn take(slots: &FrameSlots<()>) -> Result<Option<KBox<Frames>>> {
///     let dummy = KBox::new(Frames::alloc_dummy(1, GFP_KERNEL)?, GFP_KERNEL)?;
///     slots.replace(&mut LockOrder::new(), 0, Some(dummy))
/// }
/// # let slots = Arc::pin_init(FrameSlots::new(2, 1, GFP_KERNEL, ()), GFP_KERNEL)?;
/// # assert!(take(&slots)?.is_none() && take(&slots)?.is_some());
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// Each of `slots` is null, or has frames from [`KBox::into_raw()`], `pages` of them, which are
/// given back after the pointer was replaced and then the mappings were taken away. All VMAs that
/// map the frames have a file of the inode of `mappings`. `slots.len() * pages` does not overflow.
#[pin_data(PinnedDrop)]
pub struct FrameSlots<U> {
    slots: KVec<Atomic<*mut Frames>>,
    pages: NonZeroUsize,
    #[pin]
    mappings: Mappings,
    _owns: PhantomData<KBox<Frames>>,
    #[pin]
    data: U,
}

impl<U> FrameSlots<U> {
    /// Has this many empty slots of `pages` pages each, and keeps `data` with them.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero, or if there are more frames than numbers; `ENOMEM`, `ENFILE`;
    /// and what `data` fails with.
    pub fn new<E>(
        slots: usize,
        pages: usize,
        flags: Flags,
        data: impl PinInit<U, E>,
    ) -> impl PinInit<Self, Error>
    where
        Error: From<E>,
    {
        // INVARIANT: All slots are empty, and there are no VMAs.
        try_pin_init!(Self {
            slots: Self::empty(slots, pages, flags)?,
            pages: NonZeroUsize::new(pages).ok_or(EINVAL)?,
            mappings <- Mappings::new(),
            _owns: PhantomData,
            data <- data,
        })
    }

    fn empty(count: usize, pages: usize, flags: Flags) -> Result<KVec<Atomic<*mut Frames>>> {
        count.checked_mul(pages).ok_or(EINVAL)?;
        // More than the page allocator can give are an error, and no reason for a warning.
        let mut slots = KVec::with_capacity(count, flags | __GFP_NOWARN)?;
        for _ in 0..count {
            slots.push(Atomic::new(null_mut()), flags)?;
        }
        Ok(slots)
    }

    /// Has the mappings by the files of a DRM device taken away, too, of which `file` is one.
    #[cfg(CONFIG_DRM = "y")]
    pub(in super::super) fn attach(&self, file: ARef<File>) -> Result {
        self.mappings.attached().attach(file, || true)
    }

    #[cfg(CONFIG_DRM = "y")]
    pub(super) fn mappings(&self) -> &Mappings {
        &self.mappings
    }

    /// Begins a section, and returns what the slot of a frame has, and the number of it in that.
    #[inline]
    pub(super) fn in_section(&self, frame: usize) -> Result<(InSection<'_>, usize)> {
        let slot = self.slots.get(frame / self.pages).ok_or(EINVAL)?;
        let section = self.mappings.enter();
        // SAFETY: What is returned has the section.
        let frames = unsafe { frames_in(slot) }.ok_or(ENXIO)?;
        Ok((InSection::new(frames, section), frame % self.pages))
    }

    /// Returns the number of frames that all slots have room for.
    #[inline]
    pub fn count(&self) -> usize {
        // It was checked by `new()`.
        self.slots.len().wrapping_mul(self.pages.get())
    }

    /// Puts frames into a slot, or empties it, and returns those that it had.
    ///
    /// When this returns these are not mapped by any VMA, and no access to them is under way. Two
    /// calls for one slot take place one after the other, in some order, but may return in the
    /// other one.
    ///
    /// May sleep: waits for faults, and takes the reverse-mapping lock of the slots' inode. All
    /// slots are unmapped, so the next access to each page of the others faults as well. Nothing is
    /// waited for if the slot was empty.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such slot, or if the frames are more or fewer than a slot has. They
    /// are dropped then.
    #[doc(alias = "unmap_mapping_range")]
    pub fn replace<H: LockClass>(
        &self,
        _order: &mut LockOrder<'_, H>,
        slot: usize,
        frames: Option<KBox<Frames>>,
    ) -> Result<Option<KBox<Frames>>>
    where
        IMmapLock: After<H>,
    {
        let slot = self.slots.get(slot).ok_or(EINVAL)?;
        if frames
            .as_ref()
            .is_some_and(|frames| frames.count() != self.pages.get())
        {
            return Err(EINVAL);
        }

        // INVARIANT: The frames are in the pointer; the old ones are given back below.
        let old = slot.xchg(frames.map_or(null_mut(), KBox::into_raw), Full);
        if old.is_null() {
            return Ok(None);
        }
        self.mappings.take_away();

        // SAFETY: By the type invariants it was put there by `KBox::into_raw()`, and only this call
        // has replaced it. Sections that began before have ended, and later ones find another one.
        Ok(Some(unsafe { KBox::from_raw(old) }))
    }

    /// Calls `f` with the frames that a slot has, to read or write them.
    ///
    /// They stay in their slot, or are not given back, until `f` returns: it must not call
    /// [`replace()`](Self::replace), which would wait for it.
    pub fn with<T>(&self, slot: usize, f: impl FnOnce(Option<&Frames>) -> T) -> T {
        let _section = self.mappings.enter();
        // SAFETY: The section lasts until `f` returns, which cannot keep what it is lent.
        f(self
            .slots
            .get(slot)
            .and_then(|slot| unsafe { frames_in(slot) }))
    }

    /// Serves the access of another process, at an offset in bytes, for
    /// [`VmaOperations::access()`](super::super::VmaOperations::access).
    ///
    /// As far as the slot goes, or the page if it has a dummy page: the kernel asks for the rest.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the last slot, or if its frames were not allocated ([`Frames::alloc()`],
    /// [`Frames::alloc_dummy()`]); `ENXIO` if it is empty. Nothing is read or written then.
    pub fn access(&self, offset: usize, buffer: &mut AccessBuffer<'_>) -> Result {
        let frame = offset >> PAGE_SHIFT;
        if frame >= self.count() {
            return Err(EINVAL);
        }
        self.with(frame / self.pages, |frames| {
            let in_page = offset & (PAGE_SIZE - 1);
            frames
                .ok_or(ENXIO)?
                .access_from(frame % self.pages, in_page, buffer)
        })
    }
}

/// Returns the frames of a slot.
///
/// # Safety
///
/// The slot must be one of a [`FrameSlots`], and its `mappings` be in a section for `'a`, which
/// began before.
#[inline]
unsafe fn frames_in<'a>(slot: &Atomic<*mut Frames>) -> Option<&'a Frames> {
    // SAFETY: By the type invariants it is null, or frames that are given back after the sections
    // that found them have ended. Guaranteed by the caller: this one lasts for `'a`.
    unsafe { slot.load(Acquire).as_ref() }
}

impl<U> Deref for FrameSlots<U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        &self.data
    }
}

#[pinned_drop]
impl<U> PinnedDrop for FrameSlots<U> {
    fn drop(self: Pin<&mut Self>) {
        for slot in self.slots.iter() {
            let frames = slot.xchg(null_mut(), Full);
            if !frames.is_null() {
                // SAFETY: By the type invariants it was put there by `KBox::into_raw()`. No VMA has
                // a share of this now, so nothing is mapped.
                drop(unsafe { KBox::from_raw(frames) });
            }
        }
    }
}

// SAFETY: `find()` lends frames within a section in which they are in their slot; they are unmapped
// before they are given back, and that waits for the section: the type invariants. What is found
// has a memory type of its own, always.
unsafe impl<U: Send + Sync + 'static> HasFrames for Arc<FrameSlots<U>> {
    const STAY: bool = false;
    const MAY_DIFFER: bool = true;

    #[inline]
    fn find<'a>(
        data: Self::Borrowed<'a>,
        frame: usize,
    ) -> Result<FoundFrame<impl Deref<Target = Frames> + 'a>> {
        // SAFETY: The slots live for 'a, which the borrow says.
        let this: &'a FrameSlots<U> = unsafe { &*core::ptr::from_ref(&*data) };

        let (frames, index) = this.in_section(frame)?;
        FoundFrame::of_own_type(frames, index)
    }

    #[inline]
    fn types_differ(_data: Self::Borrowed<'_>) -> bool {
        true
    }

    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        prot
    }
}

impl<U: Send + Sync + 'static> sealed::Sealed for Arc<FrameSlots<U>> {}

impl<U: Send + Sync + 'static> DeviceBacked for Arc<FrameSlots<U>> {
    fn open_file<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        self.mappings.open::<M>()
    }
}
