// SPDX-License-Identifier: GPL-2.0

//! The memory of a GEM object whose VMAs map page frames.

use super::{
    device_memory::DeviceMemory,
    found_frame::FoundFrame,
    frame_slots::FrameSlots,
    mappings::InSection,
    pfn_pieces::Pieces,
    pfn_region::Frames, //
};
use crate::{
    bindings,
    prelude::*, //
};
use core::ops::Deref;

mod sealed {
    pub trait Sealed {}
}

/// Memory that GEM objects can map by page frame number: [`Pieces`]; [`DeviceMemory`] and
/// [`FrameSlots`], which have to be attached to the DRM device of the object
/// ([`DeviceMemory::attach_drm()`]). This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not memory that a GEM object can map",
    label = "has no page frames that are found or taken away with the object",
    note = "return a reference to `Pieces`, `DeviceMemory<..>` or `FrameSlots<..>`"
)]
pub trait LendsFrames: sealed::Sealed {
    /// Finds a frame for a VMA that is in `mappings`, those by the files of a DRM device that is
    /// there. It has a memory type of its own.
    ///
    /// The frame stays for as long as what is returned. An entry that was made meanwhile may stay
    /// until `self` is dropped, or unmaps all of `mappings`.
    #[doc(hidden)]
    fn lend(
        &self,
        frame: usize,
        mappings: *mut bindings::address_space,
    ) -> Result<FoundFrame<Lent<'_>>>;
}

/// Frames that are lent to a fault. Drivers do not see it.
pub struct Lent<'a>(Source<'a>);

enum Source<'a> {
    /// They stay for as long as their owner.
    Owned(&'a Frames),
    /// They are there for as long as the section.
    InSection(InSection<'a>),
}

impl Deref for Lent<'_> {
    type Target = Frames;

    #[inline]
    fn deref(&self) -> &Frames {
        match &self.0 {
            Source::Owned(frames) => frames,
            Source::InSection(frames) => frames,
        }
    }
}

impl sealed::Sealed for Pieces {}
impl<R: Send + Sync + 'static> sealed::Sealed for DeviceMemory<R> {}
impl<U> sealed::Sealed for FrameSlots<U> {}

impl LendsFrames for Pieces {
    fn lend(
        &self,
        frame: usize,
        _mappings: *mut bindings::address_space,
    ) -> Result<FoundFrame<Lent<'_>>> {
        let (frames, index) = self.piece_of(frame).ok_or(EINVAL)?;
        FoundFrame::of_own_type(Lent(Source::Owned(frames)), index)
    }
}

impl<R: Send + Sync + 'static> LendsFrames for DeviceMemory<R> {
    fn lend(
        &self,
        frame: usize,
        mappings: *mut bindings::address_space,
    ) -> Result<FoundFrame<Lent<'_>>> {
        let frames = self.in_section()?;
        // Within the section.
        self.mappings().attached().check(mappings)?;
        FoundFrame::of_own_type(Lent(Source::InSection(frames)), frame)
    }
}

impl<U> LendsFrames for FrameSlots<U> {
    fn lend(
        &self,
        frame: usize,
        mappings: *mut bindings::address_space,
    ) -> Result<FoundFrame<Lent<'_>>> {
        let (frames, index) = self.in_section(frame)?;
        // Within the section.
        self.mappings().attached().check(mappings)?;
        FoundFrame::of_own_type(Lent(Source::InSection(frames)), index)
    }
}
