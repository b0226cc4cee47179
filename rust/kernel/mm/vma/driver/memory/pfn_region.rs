// SPDX-License-Identifier: GPL-2.0

//! Memory that is mapped by page frame number, and stays for as long as it is mapped.
//!
//! The kernel does not count the mappings of page frames. So the frames that a VMA maps belong to a
//! [`PfnRegion`], of which the VMA has a share as its private data. The share is dropped after the
//! VMA's pages were unmapped, and the VMAs of forks and splits have their own shares.
//!
//! # Memory types
//!
//! A [`PfnMap`](super::super::PfnMap) VMA has one memory type, that of its region. The step that
//! ends the setup puts it into the protection of the VMA (C: `vma->vm_page_prot`), and all entries
//! get the protection of the VMA. It must not be in the entries alone: on arm64 and riscv
//! `mprotect()` gives each entry the memory type of `vm_page_prot`, and `vm_pgprot_modify()` keeps
//! only what that has. On x86-64 the type that was reserved for the frames has the last word
//! (`pfnmap_setup_cachemode()`).
//!
//! A [`MixedMap`](super::super::MixedMap) VMA is cached, as its pages are. The frames of another
//! region are not mapped there.

use super::super::{
    AccessBuffer,
    PrivateData, //
};
use crate::{
    alloc::Flags,
    bindings,
    mm::vma::{
        shared_memory::{
            checked_word,
            copy_from_shared,
            copy_to_shared,
            init_from_shared,
            SharedWord, //
        },
        PageProt, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        atomic::ordering::{
            AcquireOrRelaxed,
            ReleaseOrRelaxed, //
        },
        Arc, //
    }, //
};
use core::{
    ops::{
        Deref,
        Range, //
    },
    ptr::NonNull, //
};

/// The memory type of a mapping of page frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryType {
    /// Normal memory.
    Cached,
    /// Not cached, with writes combined where the architecture can (C: `pgprot_writecombine()`).
    WriteCombine,
    /// Not cached (C: `pgprot_noncached()`).
    Noncached,
}

impl MemoryType {
    #[inline]
    fn page_prot(self, prot: PageProt) -> PageProt {
        match self {
            Self::Cached => prot,
            Self::WriteCombine => prot.writecombine(),
            Self::Noncached => prot.noncached(),
        }
    }
}

/// Physically contiguous page frames, and what else a driver keeps with them.
///
/// As an [`Arc<PfnRegion<U>>`](Arc) it is the private data of VMAs that map the frames. It derefs
/// to `U`.
///
/// Some C code looks up page frames in page tables and keeps using them (`follow_pfnmap_start()`).
/// It has to exclude unmapping, as for every such mapping.
#[pin_data]
pub struct PfnRegion<U> {
    frames: Frames,
    #[pin]
    data: U,
}

/// The frames of a region.
///
/// # Invariants
///
/// `first_pfn` and the `count - 1` frames after it may be mapped into user space with the memory
/// type `memory_type`: not encrypted if `is_io`, else as the kernel's memory is. That is so for as
/// long as this lives, unless it belongs to a [`DeviceMemory`](super::DeviceMemory), which says
/// when.
pub struct Frames {
    first_pfn: usize,
    count: usize,
    memory_type: MemoryType,
    is_io: bool,
    // If they are pages of the kernel's memory, which are freed with this.
    pages: Option<PageBlock>,
}

impl<U> PfnRegion<U> {
    /// Allocates `pages` contiguous zeroed pages to be mapped, and keeps `data` with them.
    ///
    /// The memory is in the kernel's direct mapping. Of `flags`, those that do not fit such an
    /// allocation (`__GFP_HIGHMEM` for example) are ignored.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero; `ENOMEM`, always if they are more than the page allocator has
    /// in one piece; and what `data` fails with.
    pub fn alloc<E>(
        pages: usize,
        flags: Flags,
        data: impl PinInit<U, E>,
    ) -> impl PinInit<Self, Error>
    where
        Error: From<E>,
    {
        try_pin_init!(Self {
            frames: Frames::alloc(pages, flags)?,
            data <- data,
        })
    }

    /// Makes a region of memory that is not allocated here, and not memory of a device.
    ///
    /// It is mapped as the kernel's own memory, so it is encrypted where that is.
    ///
    /// # Safety
    ///
    /// For as long as the region lives, user space may be given access to the `count` frames from
    /// `first_pfn` on, by mappings of the type `memory_type`, and that must not conflict with other
    /// mappings of them. They must all have one memory type.
    pub unsafe fn from_frames<E>(
        first_pfn: usize,
        count: usize,
        memory_type: MemoryType,
        data: impl PinInit<U, E>,
    ) -> impl PinInit<Self, Error>
    where
        Error: From<E>,
    {
        // SAFETY: Guaranteed by the caller: the frames may be mapped, with that memory type.
        let frames = unsafe { Frames::existing(first_pfn, count, memory_type, false) };
        try_pin_init!(Self { frames, data <- data })
    }

    /// Makes a region of device memory.
    ///
    /// Its mappings are not encrypted (C: `pgprot_decrypted()`, as in `io_remap_pfn_range()`).
    ///
    /// # Safety
    ///
    /// As for [`from_frames()`](Self::from_frames).
    #[doc(alias = "pgprot_decrypted")]
    pub unsafe fn from_io_frames<E>(
        first_pfn: usize,
        count: usize,
        memory_type: MemoryType,
        data: impl PinInit<U, E>,
    ) -> impl PinInit<Self, Error>
    where
        Error: From<E>,
    {
        // SAFETY: Guaranteed by the caller: the frames may be mapped, with that memory type.
        let frames = unsafe { Frames::existing(first_pfn, count, memory_type, true) };
        try_pin_init!(Self { frames, data <- data })
    }

    /// The frames.
    #[inline]
    pub fn frames(&self) -> &Frames {
        &self.frames
    }
}

impl<U> Deref for PfnRegion<U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        &self.data
    }
}

impl Frames {
    /// Describes frames that are not allocated here.
    ///
    /// # Safety
    ///
    /// As for [`PfnRegion::from_frames()`], for as long as the invariants say.
    pub(super) unsafe fn existing(
        first_pfn: usize,
        count: usize,
        memory_type: MemoryType,
        is_io: bool,
    ) -> Self {
        // INVARIANT: Guaranteed by the caller: the frames may be mapped, with that memory type.
        Self {
            first_pfn,
            count,
            memory_type,
            is_io,
            pages: None,
        }
    }

    fn alloc(pages: usize, flags: Flags) -> Result<Self> {
        let block = PageBlock::alloc(pages, flags)?;

        // INVARIANT: The pages are owned by this, zeroed, and normal memory, mapped as such.
        Ok(Self {
            first_pfn: block.first_pfn(),
            count: pages,
            memory_type: MemoryType::Cached,
            is_io: false,
            pages: Some(block),
        })
    }

    /// Returns the number of frames.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the number of a frame, or `None` if it is out of bounds.
    #[inline]
    pub fn pfn(&self, frame: usize) -> Option<usize> {
        (frame < self.count).then(|| self.first_pfn.wrapping_add(frame))
    }

    /// Returns the C arguments that map `pages` frames from `frame` on at `addr`, in a VMA with the
    /// addresses `vma`.
    ///
    /// `EINVAL` if `pages` is zero, or if the range is not one of whole pages in the VMA or the
    /// frames are not all there.
    pub(in super::super) fn remap(
        &self,
        vma: Range<usize>,
        addr: usize,
        frame: usize,
        pages: usize,
    ) -> Result<Remap> {
        let len = pages.checked_mul(PAGE_SIZE).ok_or(EINVAL)?;
        let end = addr.checked_add(len).ok_or(EINVAL)?;
        let last = frame.checked_add(pages).ok_or(EINVAL)?;

        let aligned = addr & (PAGE_SIZE - 1) == 0;
        if pages == 0 || !aligned || addr < vma.start || end > vma.end || last > self.count {
            return Err(EINVAL);
        }
        Ok(Remap {
            // The check above found that many frames.
            pfn: self.first_pfn.wrapping_add(frame),
            len,
            is_io: self.is_io,
        })
    }

    /// Returns whether these frames are mapped as the kernel's memory: cached, and encrypted if
    /// that is.
    #[inline]
    pub(in super::super) fn is_normal_memory(&self) -> bool {
        self.memory_type == MemoryType::Cached && !self.is_io
    }

    /// Returns the protection of a VMA that maps these frames, from that of one that maps normal
    /// memory.
    pub(in super::super) fn vma_prot(&self, prot: PageProt) -> PageProt {
        self.entry_prot(self.memory_type.page_prot(prot))
    }

    /// Returns the protection of an entry that maps one of these frames, from that of the VMA.
    ///
    /// The VMA has the memory type. `vm_pgprot_modify()` does not always keep it unencrypted
    /// (arm64).
    #[inline]
    pub(in super::super) fn entry_prot(&self, vma_prot: PageProt) -> PageProt {
        if self.is_io {
            vma_prot.decrypted()
        } else {
            vma_prot
        }
    }

    /// Copies from the memory, at an offset in bytes.
    ///
    /// User space may write concurrently. The result is then a mix of old and new data.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end, or if the frames were not allocated with
    /// [`PfnRegion::alloc()`].
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let from = self.pages.as_ref().ok_or(EINVAL)?.at(offset, to.len())?;
        // SAFETY: So many bytes are there.
        unsafe { copy_from_shared(from, to) };
        Ok(())
    }

    /// Copies to the memory, at an offset in bytes.
    ///
    /// # Errors
    ///
    /// As [`read()`](Self::read).
    pub fn write(&self, offset: usize, from: &[u8]) -> Result {
        let to = self.pages.as_ref().ok_or(EINVAL)?.at(offset, from.len())?;
        // SAFETY: So many bytes are there.
        unsafe { copy_to_shared(to, from) };
        Ok(())
    }

    /// Serves the access of another process to the memory, at an offset in bytes, for
    /// [`VmaOperations::access()`](super::super::VmaOperations::access).
    ///
    /// # Errors
    ///
    /// As [`read()`](Self::read). Nothing is read or written then.
    pub fn access(&self, offset: usize, buffer: &mut AccessBuffer<'_>) -> Result {
        let pages = self.pages.as_ref().ok_or(EINVAL)?;

        match buffer {
            AccessBuffer::Read(reply) => {
                let len = reply.room();
                let from = pages.at(offset, len)?;
                // SAFETY: So many bytes are there, and all that are lent are initialised.
                unsafe { reply.append_with(len, |to| init_from_shared(from, to)) }
            }
            AccessBuffer::Write(bytes) => {
                let to = pages.at(offset, bytes.remaining().len())?;
                // SAFETY: So many bytes are there.
                unsafe { copy_to_shared(to, bytes.take_all()) };
                Ok(())
            }
        }
    }

    /// Loads a word, at an offset in bytes, by one access.
    ///
    /// As [`SharedPage::load()`](super::SharedPage::load).
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds or the offset not aligned to it, or if the frames were
    /// not allocated with [`PfnRegion::alloc()`].
    #[inline]
    pub fn load<W: SharedWord>(&self, offset: usize, order: impl AcquireOrRelaxed) -> Result<W> {
        let at = self.word::<W>(offset)?;
        // SAFETY: The word is there and aligned. The kernel accesses these pages by volatile and
        // atomic accesses only.
        Ok(unsafe { W::load_from(at, order) })
    }

    /// Stores a word, at an offset in bytes, by one access.
    ///
    /// As [`SharedPage::store()`](super::SharedPage::store).
    ///
    /// # Errors
    ///
    /// As [`load()`](Self::load).
    #[inline]
    pub fn store<W: SharedWord>(
        &self,
        offset: usize,
        value: W,
        order: impl ReleaseOrRelaxed,
    ) -> Result {
        let at = self.word::<W>(offset)?;
        // SAFETY: As in `load()`.
        unsafe { value.store_to(at, order) };
        Ok(())
    }

    /// Returns the address of a word of the pages.
    #[inline]
    fn word<W: SharedWord>(&self, offset: usize) -> Result<*mut W> {
        let pages = self.pages.as_ref().ok_or(EINVAL)?;
        let at = checked_word::<W>(offset, pages.pages << PAGE_SHIFT)?;
        Ok(pages.at(at, size_of::<W>())?.cast())
    }
}

/// Frames to be mapped in one go: the first, their size in bytes, and what they are.
pub(in super::super) struct Remap {
    pub(in super::super) pfn: usize,
    pub(in super::super) len: usize,
    pub(in super::super) is_io: bool,
}

/// Contiguous pages, each with a count of its own, as where page frames cannot be told from pages
/// they are counted in spite of all (without `CONFIG_ARCH_HAS_PTE_SPECIAL`).
///
/// # Invariants
///
/// `memory` is the address of `pages` pages that this owns.
struct PageBlock {
    memory: NonNull<u8>,
    pages: usize,
}

// SAFETY: Pages belong to no task.
unsafe impl Send for PageBlock {}
// SAFETY: All that a reference permits is to copy from and to them by volatile accesses.
unsafe impl Sync for PageBlock {}

impl PageBlock {
    fn alloc(pages: usize, flags: Flags) -> Result<Self> {
        if pages == 0 {
            return Err(EINVAL);
        }
        // More than this the page allocator does not have, and warns.
        if pages > 1 << bindings::MAX_PAGE_ORDER {
            return Err(ENOMEM);
        }

        // `alloc_pages_exact()` warns of `__GFP_COMP` and `__GFP_HIGHMEM`, and the negation of
        // flags has bits that have no name here. These are all that fit, in any combination.
        let known = GFP_KERNEL_ACCOUNT | GFP_NOWAIT | GFP_ATOMIC | __GFP_NOWARN;
        let flags = (flags & known) | __GFP_ZERO;

        // SAFETY: Allocates, or returns NULL.
        let memory = unsafe { bindings::alloc_pages_exact(pages << PAGE_SHIFT, flags.as_raw()) };

        // INVARIANT: They were just allocated.
        Ok(Self {
            memory: NonNull::new(memory).ok_or(ENOMEM)?.cast(),
            pages,
        })
    }

    fn first_pfn(&self) -> usize {
        // SAFETY: By the type invariants it is the address of a page, in the direct mapping.
        unsafe { bindings::vma_virt_to_pfn(self.memory.as_ptr().cast()) }
    }

    /// The address of `len` bytes at an offset; `EINVAL` if they are not there.
    fn at(&self, offset: usize, len: usize) -> Result<*mut u8> {
        match offset.checked_add(len) {
            // SAFETY: By the type invariants the region has `len` bytes.
            Some(end) if end <= self.pages << PAGE_SHIFT => unsafe {
                Ok(self.memory.as_ptr().add(offset))
            },
            _ => Err(EINVAL),
        }
    }
}

impl Drop for PageBlock {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the block owns them.
        unsafe {
            bindings::free_pages_exact(self.memory.as_ptr().cast(), self.pages << PAGE_SHIFT)
        };
    }
}

/// Private data that has page frames to map.
///
/// # Safety
///
/// `region()` and `frames()` must return the same frames, which never change, for `data` and for
/// all of its shares and clones. An entry that was made while what `region()` returned lived may
/// stay until it is unmapped.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no page frames",
    label = "no frames that stay for as long as they are mapped",
    note = "say `type Data = Arc<PfnRegion<..>>`, or `Arc<DeviceMemory<..>>`, in the operations"
)]
pub unsafe trait HasFrames: PrivateData {
    /// The frames, for as long as they are mapped into page tables, or `None` if they are gone.
    #[doc(hidden)]
    fn region<'a>(data: Self::Borrowed<'a>) -> Option<impl Deref<Target = Frames> + 'a>;

    /// The frames, of data that no VMA owns yet.
    #[doc(hidden)]
    fn frames(&self) -> &Frames;
}

/// Private data that has page frames which stay for as long as it.
///
/// # Safety
///
/// `region()` must return the frames always, and they may be mapped until the data and all of its
/// shares are dropped. Implemented for [`Arc<PfnRegion<U>>`](Arc).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no page frames that stay for as long as it",
    label = "the frames must stay for as long as the VMA",
    note = "say `type Data = Arc<PfnRegion<..>>` in the operations; for the memory of a device, \
            `type PageKind = DeviceMap`"
)]
pub unsafe trait PfnBacked: HasFrames {}

// SAFETY: The frames of a region are set when it is made.
unsafe impl<U: Send + Sync + 'static> HasFrames for Arc<PfnRegion<U>> {
    #[inline]
    fn region<'a>(data: Self::Borrowed<'a>) -> Option<impl Deref<Target = Frames> + 'a> {
        let frames: *const Frames = data.frames();

        // SAFETY: The region lives for 'a, which the borrow says.
        Some(unsafe { &*frames } as &'a Frames)
    }

    #[inline]
    fn frames(&self) -> &Frames {
        &self.frames
    }
}

// SAFETY: A region owns its frames, or its maker has promised that they stay.
unsafe impl<U: Send + Sync + 'static> PfnBacked for Arc<PfnRegion<U>> {}
