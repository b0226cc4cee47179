// SPDX-License-Identifier: GPL-2.0

//! Memory that is mapped by page frame number, and stays for as long as it is mapped.
//!
//! The kernel does not count the mappings of page frames. So the frames that a VMA maps belong to a
//! [`PfnRegion`], of which the VMA has a share as its private data. The share is dropped after the
//! VMA's pages were unmapped, and the VMAs of forks and splits have their own shares.
//!
//! # Memory types
//!
//! A VMA that maps a region has one memory type, that of the region. The step that ends the setup
//! puts it into the protection of the VMA (C: `vma->vm_page_prot`), and all entries get the
//! protection of the VMA. It must not be in the entries alone: on arm64 and riscv `mprotect()`
//! gives each entry the memory type of `vm_page_prot`, and `vma_pgprot_modify()` keeps only what
//! that has. On x86-64 the type that was reserved for the frames has the last word
//! (`pfnmap_setup_cachemode()`). [`Pieces`](super::Pieces) has VMAs of several memory types.
//!
//! A [`MixedMap`](super::super::MixedMap) VMA is cached, as its pages are. The frames of another
//! region are not mapped there.

use super::{
    super::{
        AccessBuffer,
        PrivateData, //
    },
    found_frame::FoundFrame,
    memfd_pages::PinnedFolio,
    page_block::PageBlock, //
};
#[cfg(CONFIG_DMA_CMA)]
use crate::device::Device;
use crate::{
    alloc::Flags,
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
use core::ops::Deref;

/// The memory type of a mapping of page frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryType {
    /// Normal memory.
    Cached,
    /// Cached for reading, while writes go to the memory at once (C: `pgprot_cached_wthru()`), on
    /// powerpc and x86. On other architectures it is [`Noncached`](Self::Noncached).
    WriteThrough,
    /// Not cached, with writes combined where the architecture can (C: `pgprot_writecombine()`).
    WriteCombine,
    /// Not cached (C: `pgprot_noncached()`).
    Noncached,
    /// Registers, whose writes may be acknowledged before they arrive (C: `pgprot_device()`): for
    /// arm and arm64, which have such a type. On other architectures it is
    /// [`Noncached`](Self::Noncached).
    Device,
}

impl MemoryType {
    #[inline]
    fn page_prot(self, prot: PageProt) -> PageProt {
        match self {
            Self::Cached => prot,
            Self::WriteThrough => prot.writethrough(),
            Self::WriteCombine => prot.writecombine(),
            Self::Noncached => prot.noncached(),
            Self::Device => prot.device(),
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

/// The frames of a region, or of a piece of one.
///
/// May sleep when it is dropped, if it is from
/// [`alloc_from_contiguous()`](Self::alloc_from_contiguous) or
/// [`alloc_decrypted()`](Self::alloc_decrypted).
///
/// # Invariants
///
/// `first_pfn` and the `count - 1` frames after it may be mapped into user space with the memory
/// type `memory_type`: not encrypted if `is_decrypted`, else as the kernel's memory is. If
/// `is_dummy`, only `first_pfn` may be, in place of all of them. That is so for as long as this
/// lives, unless it belongs to a [`DeviceMemory`](super::DeviceMemory), which says when.
pub struct Frames {
    first_pfn: usize,
    count: usize,
    memory_type: MemoryType,
    is_decrypted: bool,
    is_dummy: bool,
    origin: Origin,
}

/// The memory that the frames are part of, which is given back with them.
enum Origin {
    /// Others, who have promised that the frames stay.
    Others,
    /// Pages of the kernel's memory.
    Pages(PageBlock),
    /// Pages of a file.
    File { _folio: PinnedFolio },
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
        let frames = unsafe { Frames::from_frames(first_pfn, count, memory_type) };
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
        let frames = unsafe { Frames::from_io_frames(first_pfn, count, memory_type) };
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
    /// Describes frames that are not allocated here, and are not memory of a device.
    ///
    /// # Safety
    ///
    /// As for [`PfnRegion::from_frames()`], for as long as this lives.
    #[inline]
    pub unsafe fn from_frames(first_pfn: usize, count: usize, memory_type: MemoryType) -> Self {
        // SAFETY: Guaranteed by the caller: the frames may be mapped, with that memory type.
        unsafe { Self::existing(first_pfn, count, memory_type, false) }
    }

    /// Describes frames of a device.
    ///
    /// # Safety
    ///
    /// As for [`PfnRegion::from_frames()`], for as long as this lives.
    #[inline]
    pub unsafe fn from_io_frames(first_pfn: usize, count: usize, memory_type: MemoryType) -> Self {
        // SAFETY: Guaranteed by the caller: the frames may be mapped, with that memory type.
        unsafe { Self::existing(first_pfn, count, memory_type, true) }
    }

    /// Describes frames that are not allocated here.
    ///
    /// # Safety
    ///
    /// As for [`PfnRegion::from_frames()`], for as long as the invariants say.
    pub(super) unsafe fn existing(
        first_pfn: usize,
        count: usize,
        memory_type: MemoryType,
        is_decrypted: bool,
    ) -> Self {
        // INVARIANT: Guaranteed by the caller: the frames may be mapped, with that memory type.
        Self {
            first_pfn,
            count,
            memory_type,
            is_decrypted,
            is_dummy: false,
            origin: Origin::Others,
        }
    }

    /// Takes at most `max` pages of a folio after the first `skip` ones.
    pub(super) fn of_folio(folio: PinnedFolio, skip: usize, max: usize) -> Self {
        let skip = skip.min(folio.count());

        // INVARIANT: They stay while the folio is pinned, which is for as long as this lives.
        // `push_memfd()` says why they may be mapped. They are normal memory, mapped as such.
        Self {
            // It is one of the folio's frames, or the one after them.
            first_pfn: folio.first_pfn().wrapping_add(skip),
            count: folio.count().saturating_sub(skip).min(max),
            memory_type: MemoryType::Cached,
            is_decrypted: false,
            is_dummy: false,
            origin: Origin::File { _folio: folio },
        }
    }

    /// Allocates contiguous zeroed pages. See [`PfnRegion::alloc()`].
    ///
    /// May sleep, if `flags` permit it.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero; `ENOMEM`.
    pub fn alloc(pages: usize, flags: Flags) -> Result<Self> {
        let block = PageBlock::alloc(pages, flags)?;

        // INVARIANT: The pages are as the kernel's memory is.
        Ok(Self::of_block(block, pages, false))
    }

    /// Allocates contiguous zeroed pages from the area that the device tree or the command line has
    /// reserved for large allocations of a device, or of all (C: `dma_alloc_from_contiguous()`).
    ///
    /// They can be more than the page allocator has in one piece, and are not charged to a memory
    /// cgroup. Sleeps: moves pages of others away.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero; `ENOMEM`, always if there is no such area or the kernel does
    /// not map it.
    #[cfg(CONFIG_DMA_CMA)]
    #[doc(alias = "dma_alloc_from_contiguous")]
    #[doc(alias = "cma_alloc")]
    pub fn alloc_from_contiguous(device: &Device, pages: usize) -> Result<Self> {
        let block = PageBlock::alloc_from_contiguous(device, pages)?;

        // INVARIANT: The pages are as the kernel's memory is.
        Ok(Self::of_block(block, pages, false))
    }

    /// Allocates contiguous zeroed pages that the host of a confidential guest can access (C:
    /// `set_memory_decrypted()`), as the guest does.
    ///
    /// Elsewhere they are as those of [`alloc()`](Self::alloc). May sleep, and so may dropping
    /// them. If the host cannot be kept from them when they are dropped, they are leaked.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero; `ENOMEM`; that of `set_memory_decrypted()`, which leaks them.
    #[doc(alias = "set_memory_decrypted")]
    pub fn alloc_decrypted(pages: usize) -> Result<Self> {
        let block = PageBlock::alloc_decrypted(pages)?;

        // INVARIANT: The pages are decrypted for as long as this has them.
        Ok(Self::of_block(block, pages, true))
    }

    /// The `pages` pages of a block, which is encrypted as is said.
    fn of_block(block: PageBlock, pages: usize, is_decrypted: bool) -> Self {
        // INVARIANT: The pages are owned by this, zeroed, and normal memory, mapped as such.
        Self {
            first_pfn: block.first_pfn(),
            count: pages,
            memory_type: MemoryType::Cached,
            is_decrypted,
            is_dummy: false,
            origin: Origin::Pages(block),
        }
    }

    /// The pages, if they are pages of the kernel's memory; else `EINVAL`.
    fn pages(&self) -> Result<&PageBlock> {
        match &self.origin {
            Origin::Pages(pages) => Ok(pages),
            _ => Err(EINVAL),
        }
    }

    /// Allocates one zeroed page, which is mapped in place of `pages` pages: a dummy page.
    ///
    /// A write to one of them shows in all. [`read()`](Self::read) and the like know the
    /// one page only.
    ///
    /// May sleep, if `flags` permit it.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero; `ENOMEM`.
    pub fn alloc_dummy(pages: usize, flags: Flags) -> Result<Self> {
        if pages == 0 {
            return Err(EINVAL);
        }
        let mut frames = Self::alloc(1, flags)?;

        // INVARIANT: Only the first frame is mapped, which is that of the page.
        frames.count = pages;
        frames.is_dummy = true;
        Ok(frames)
    }

    /// Returns the number of frames.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the number of a frame, or `None` if it is out of bounds.
    #[inline]
    pub fn pfn(&self, frame: usize) -> Option<usize> {
        let after = if self.is_dummy { 0 } else { frame };
        (frame < self.count).then(|| self.first_pfn.wrapping_add(after))
    }

    /// Returns how many frames from `frame` on are contiguous, at most `max`.
    #[inline]
    pub(super) fn run(&self, frame: usize, max: usize) -> usize {
        let left = self.count.saturating_sub(frame).min(max);
        if self.is_dummy {
            left.min(1)
        } else {
            left
        }
    }

    /// Returns whether the frames are mapped as memory that is not encrypted.
    #[inline]
    pub(super) fn is_decrypted(&self) -> bool {
        self.is_decrypted
    }

    /// Returns whether entries of both are mapped with one memory type.
    #[inline]
    pub(super) fn has_type_of(&self, other: &Self) -> bool {
        (self.memory_type, self.is_decrypted) == (other.memory_type, other.is_decrypted)
    }

    /// Returns whether huge entries can have the memory type.
    ///
    /// Those of x86 have write-through by another bit, which `vmf_insert_pfn_pmd()` does not set.
    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    #[inline]
    pub(super) fn fits_huge_entries(&self) -> bool {
        self.memory_type != MemoryType::WriteThrough
    }

    /// Returns whether these frames are mapped as the kernel's memory: cached, and encrypted if
    /// that is.
    #[inline]
    pub(in super::super) fn is_normal_memory(&self) -> bool {
        self.memory_type == MemoryType::Cached && !self.is_decrypted
    }

    /// Returns the protection of a VMA that maps these frames, from that of one that maps normal
    /// memory.
    pub(in super::super) fn vma_prot(&self, prot: PageProt) -> PageProt {
        self.entry_prot(self.memory_type.page_prot(prot))
    }

    /// Returns the protection of an entry that maps one of these frames, from that of the VMA.
    ///
    /// The VMA has the memory type. `vma_pgprot_modify()` does not always keep it unencrypted
    /// (arm64).
    #[inline]
    pub(in super::super) fn entry_prot(&self, vma_prot: PageProt) -> PageProt {
        if self.is_decrypted {
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
        let from = self.pages()?.at(offset, to.len())?;
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
        let to = self.pages()?.at(offset, from.len())?;
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
        let all = buffer.wanted();
        self.access_part(offset, all, buffer)
    }

    /// The same from a byte of a frame on that there is, but no farther than to the end: of the
    /// page, if it is a dummy page.
    pub(super) fn access_from(
        &self,
        frame: usize,
        in_page: usize,
        buffer: &mut AccessBuffer<'_>,
    ) -> Result {
        // The run is one page at least, and its size does not overflow.
        let bytes = self.run(frame, usize::MAX >> PAGE_SHIFT) << PAGE_SHIFT;
        let len = buffer.wanted().min(bytes.saturating_sub(in_page));
        let first = if self.is_dummy { 0 } else { frame };
        // Only where no memory is, which is refused, is there such a large number.
        let at = first.checked_mul(PAGE_SIZE).ok_or(EINVAL)? | in_page;

        self.access_part(at, len, buffer)
    }

    /// The same for the first `len` bytes of the buffer.
    fn access_part(&self, offset: usize, len: usize, buffer: &mut AccessBuffer<'_>) -> Result {
        let at = self.pages()?.at(offset, len)?;

        match buffer {
            // SAFETY: So many bytes are there, and all that are lent are initialised.
            AccessBuffer::Read(reply) => unsafe {
                reply.append_with(len, |to| init_from_shared(at, to))
            },
            AccessBuffer::Write(bytes) => {
                // SAFETY: So many bytes are there.
                unsafe { copy_to_shared(at, bytes.take(len)?) };
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
        let pages = self.pages()?;
        let at = checked_word::<W>(offset, pages.size())?;
        Ok(pages.at(at, size_of::<W>())?.cast())
    }
}

/// Private data that has page frames to map.
///
/// # Safety
///
/// - The frame that `find()` returned may be mapped for as long as what it returned lives. An entry
///   that was made meanwhile may stay until it is unmapped: until the data and all of its shares
///   are dropped if `STAY`, else until what the data does in time to all VMAs of its inode.
/// - If `types_differ()`, which is the same for all shares at all times, what is found has a
///   memory type of its own. Otherwise `vma_prot()` has it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no page frames",
    label = "no frames that stay for as long as they are mapped",
    note = "say `type Data = Arc<PfnRegion<..>>`, or `Arc<DeviceMemory<..>>`, in the operations"
)]
pub unsafe trait HasFrames: PrivateData {
    /// True if the frames stay for as long as the data.
    #[doc(hidden)]
    const STAY: bool;

    /// True if `types_differ()` of some data.
    #[doc(hidden)]
    const MAY_DIFFER: bool;

    /// Finds a frame, for as long as it is mapped into page tables: `EINVAL` if there is no such
    /// frame, `ENXIO` if it is gone.
    #[doc(hidden)]
    fn find<'a>(
        data: Self::Borrowed<'a>,
        frame: usize,
    ) -> Result<FoundFrame<impl Deref<Target = Frames> + 'a>>;

    /// Returns true if the entries of one VMA have several memory types.
    #[doc(hidden)]
    fn types_differ(data: Self::Borrowed<'_>) -> bool;

    /// The protection of a VMA, of data that no VMA owns yet, from that of normal memory.
    #[doc(hidden)]
    fn vma_prot(&self, prot: PageProt) -> PageProt;
}

/// Private data that has page frames which stay for as long as it.
///
/// # Safety
///
/// `STAY` must be true, and `piece()` must find what `find()` does, always. The number of a frame
/// is an index: if one is found, so are all before. Implemented for
/// [`Arc<PfnRegion<U>>`](Arc) and [`Arc<PfnPieces<U>>`](super::PfnPieces).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no page frames that stay for as long as it",
    label = "the frames must stay for as long as the VMA",
    note = "say `type Data = Arc<PfnRegion<..>>` in the operations; for the memory of a device, \
            `type PageKind = DeviceMap`"
)]
pub unsafe trait PfnBacked: HasFrames {
    /// Finds a frame.
    #[doc(hidden)]
    fn piece(&self, frame: usize) -> Result<FoundFrame<&Frames>>;
}

// SAFETY: The frames of a region are set when it is made, and it owns them, or its maker has
// promised that they stay. They have one memory type.
unsafe impl<U: Send + Sync + 'static> HasFrames for Arc<PfnRegion<U>> {
    const STAY: bool = true;
    const MAY_DIFFER: bool = false;

    #[inline]
    fn find<'a>(
        data: Self::Borrowed<'a>,
        frame: usize,
    ) -> Result<FoundFrame<impl Deref<Target = Frames> + 'a>> {
        let frames: *const Frames = data.frames();

        // SAFETY: The region lives for 'a, which the borrow says.
        FoundFrame::of_vma_type(unsafe { &*frames } as &'a Frames, frame)
    }

    #[inline]
    fn types_differ(_data: Self::Borrowed<'_>) -> bool {
        false
    }

    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        self.frames.vma_prot(prot)
    }
}

// SAFETY: A region owns its frames, or its maker has promised that they stay.
unsafe impl<U: Send + Sync + 'static> PfnBacked for Arc<PfnRegion<U>> {
    #[inline]
    fn piece(&self, frame: usize) -> Result<FoundFrame<&Frames>> {
        FoundFrame::of_vma_type(&self.frames, frame)
    }
}
