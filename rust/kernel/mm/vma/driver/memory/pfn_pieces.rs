// SPDX-License-Identifier: GPL-2.0

//! Memory of several pieces that is mapped by page frame number.
//!
//! A device's memory can be scattered: a buffer of many small blocks, registers that are followed
//! by ordinary pages, a dummy page where nothing is. [`Pieces`] puts such [`Frames`] one after the
//! other, so that the frames of all have one numbering. As private data of VMAs, an
//! [`Arc<PfnPieces<U>>`](Arc) takes the place of a region.
//!
//! # Several memory types in one VMA
//!
//! If all pieces have one memory type, the VMA has it, as that of a region. Otherwise the VMA has
//! the protection of normal memory, and each entry gets the memory type of its piece in addition.
//! These change entries afterwards:
//!
//! - Fork, `mremap()`, and the fault of a write that the driver is asked for keep the memory type:
//!   `copy_present_ptes()`, `move_ptes()`, `wp_page_reuse()`. To split a huge entry is to lose it.
//! - `mprotect()` gives each entry that of the VMA on arm64 and riscv (`pte_modify()`). So it is
//!   refused, by `EACCES`, as `sgx_vma_mprotect()` does. No callback follows the change of the
//!   entries, by which they could be corrected.
//! - The other callers of `pte_modify()` refuse `VM_PFNMAP`: NUMA hinting (`vma_migratable()`),
//!   userfaultfd (`vma_can_userfault()`). So do khugepaged, migration, and all of `madvise()` that
//!   touches entries.
//! - `vma_set_page_prot()`, to track writes, changes the protection of the VMA alone.

use super::{
    super::AccessBuffer,
    found_frame::FoundFrame,
    Frames,
    HasFrames,
    PfnBacked, //
};
use crate::{
    alloc::Flags,
    mm::vma::PageProt,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc, //
};
use core::ops::Deref;

/// Pieces of memory, one after the other.
///
/// May sleep when it is dropped.
///
/// # Invariants
///
/// `after` of each piece is the number of frames of it and of all pieces before it.
pub struct Pieces(KVVec<Piece>);

struct Piece {
    frames: Frames,
    after: usize,
}

impl Pieces {
    /// Has no pieces.
    #[inline]
    pub const fn new() -> Self {
        // INVARIANT: There are none.
        Self(KVVec::new())
    }

    /// Appends a piece.
    ///
    /// May sleep, if `flags` permit it.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are more frames than numbers; `ENOMEM`. The piece is dropped then.
    pub fn push(&mut self, frames: Frames, flags: Flags) -> Result {
        let after = self.count().checked_add(frames.count()).ok_or(EINVAL)?;

        // INVARIANT: All pieces before it have `count()` frames.
        self.0.push(Piece { frames, after }, flags)?;
        Ok(())
    }

    /// Returns the number of frames.
    #[inline]
    pub fn count(&self) -> usize {
        self.0.last().map_or(0, |piece| piece.after)
    }

    /// Returns the number of pieces.
    pub(super) fn piece_count(&self) -> usize {
        self.0.len()
    }

    /// Drops all but the first pieces.
    pub(super) fn truncate(&mut self, pieces: usize) {
        // INVARIANT: Those that stay are the first ones.
        self.0.truncate(pieces);
    }

    /// Returns a piece: the first one, the second one, and so on.
    #[inline]
    pub fn get(&self, piece: usize) -> Option<&Frames> {
        Some(&self.0.get(piece)?.frames)
    }

    /// Returns the piece that has a frame, and the number of the frame in that.
    #[inline]
    pub fn piece_of(&self, frame: usize) -> Option<(&Frames, usize)> {
        let piece = self.0.partition_point(|piece| piece.after <= frame);
        let Piece { frames, after } = self.0.get(piece)?;
        // This does not wrap: the pieces before it end at or before `frame`.
        let first = after.wrapping_sub(frames.count());

        Some((frames, frame.wrapping_sub(first)))
    }

    /// Serves the access of another process, at an offset in bytes, for
    /// [`VmaOperations::access()`](super::super::VmaOperations::access).
    ///
    /// As far as the piece goes, or the page if it is a dummy page: the kernel asks for the rest.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end, or if the piece was not allocated ([`Frames::alloc()`],
    /// [`Frames::alloc_dummy()`]). Nothing is read or written then.
    pub fn access(&self, offset: usize, buffer: &mut AccessBuffer<'_>) -> Result {
        let (frames, frame) = self.piece_of(offset >> PAGE_SHIFT).ok_or(EINVAL)?;
        frames.access_from(frame, offset & (PAGE_SIZE - 1), buffer)
    }

    /// Returns whether not all pieces have one memory type.
    fn types_differ(&self) -> bool {
        let mut rest = self.0.iter();
        let first = rest.next();

        first.is_some_and(|first| rest.any(|piece| !piece.frames.has_type_of(&first.frames)))
    }
}

impl Default for Pieces {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

/// Pieces of memory that are mapped, and what else a driver keeps with them.
///
/// As an [`Arc<PfnPieces<U>>`](Arc) it is the private data of VMAs that map the frames. It derefs
/// to `U`. See [`PfnRegion`](super::PfnRegion), which has one piece. May sleep when it is dropped.
///
/// # Examples
///
/// Blocks of a buffer, and after them a page that swallows what is written beyond its end:
///
/// ```
/// use kernel::{
///     mm::vma::driver::{Frames, PfnPieces, Pieces},
///     prelude::*,
///     sync::Arc, //
/// };
///
/// fn buffer(blocks: usize) -> Result<Arc<PfnPieces<()>>> {
///     let mut pieces = Pieces::new();
///     for _ in 0..blocks {
///         pieces.push(Frames::alloc(4, GFP_KERNEL_ACCOUNT)?, GFP_KERNEL)?;
///     }
///     pieces.push(Frames::alloc_dummy(4, GFP_KERNEL_ACCOUNT)?, GFP_KERNEL)?;
///     Arc::pin_init(PfnPieces::new(pieces, ()), GFP_KERNEL)
/// }
/// # assert_eq!(buffer(3)?.pieces().count(), 16);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `types_differ` is that of the pieces.
#[pin_data]
pub struct PfnPieces<U> {
    pieces: Pieces,
    types_differ: bool,
    #[pin]
    data: U,
}

impl<U> PfnPieces<U> {
    /// Has these pieces from now on, and keeps `data` with them.
    pub fn new<E>(pieces: Pieces, data: impl PinInit<U, E>) -> impl PinInit<Self, Error>
    where
        Error: From<E>,
    {
        // INVARIANT: Pieces that are owned here are not changed.
        try_pin_init!(Self {
            types_differ: pieces.types_differ(),
            pieces,
            data <- data,
        })
    }

    /// The pieces.
    #[inline]
    pub fn pieces(&self) -> &Pieces {
        &self.pieces
    }

    #[inline]
    fn find(&self, frame: usize) -> Result<FoundFrame<&Frames>> {
        let (frames, index) = self.pieces.piece_of(frame).ok_or(EINVAL)?;

        if self.types_differ {
            FoundFrame::of_own_type(frames, index)
        } else {
            FoundFrame::of_vma_type(frames, index)
        }
    }
}

impl<U> Deref for PfnPieces<U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        &self.data
    }
}

// SAFETY: The pieces are set when this is made, and own their frames, or their makers have promised
// that they stay. Whether they have one memory type does not change.
unsafe impl<U: Send + Sync + 'static> HasFrames for Arc<PfnPieces<U>> {
    const STAY: bool = true;
    const MAY_DIFFER: bool = true;

    #[inline]
    fn find<'a>(
        data: Self::Borrowed<'a>,
        frame: usize,
    ) -> Result<FoundFrame<impl Deref<Target = Frames> + 'a>> {
        // SAFETY: The pieces live for 'a, which the borrow says.
        let pieces: &'a PfnPieces<U> = unsafe { &*core::ptr::from_ref(&*data) };
        pieces.find(frame)
    }

    #[inline]
    fn types_differ(data: Self::Borrowed<'_>) -> bool {
        data.types_differ
    }

    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        match self.pieces.get(0) {
            Some(frames) if !self.types_differ => frames.vma_prot(prot),
            _ => prot,
        }
    }
}

// SAFETY: As above; the pieces are found by the same function, and have one numbering.
unsafe impl<U: Send + Sync + 'static> PfnBacked for Arc<PfnPieces<U>> {
    #[inline]
    fn piece(&self, frame: usize) -> Result<FoundFrame<&Frames>> {
        self.find(frame)
    }
}
