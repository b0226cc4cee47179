// SPDX-License-Identifier: GPL-2.0

//! The kinds of pages that a driver's VMA can have.
//!
//! The flags `VM_MIXEDMAP` and `VM_PFNMAP` tell pages that the kernel counts from page frames that
//! it does not. A VMA has at most one of them, from its setup to its end. Here the kind is a type,
//! and decides what can be inserted, so the `BUG_ON()`s of `vmf_insert_pfn_prot()` and
//! `vm_insert_page()` cannot be reached.
//!
//! | kind         | flag          | `fault` gives a page | `insert_page()` | page frames   |
//! |--------------|---------------|----------------------|-----------------|---------------|
//! | [`Plain`]    | none          | yes                  | no              | no            |
//! | [`MixedMap`] | `VM_MIXEDMAP` | yes                  | yes             | normal memory |
//! | [`PfnMap`]   | `VM_PFNMAP`   | no                   | no              | yes, and huge |
//! | [`DeviceMap`]| `VM_PFNMAP`   | no                   | no              | by faults     |
//! | [`DmaMap`]   | either        | no                   | no              | no            |
//!
//! Frames have memory types. Those of a [`PfnMap`] or a [`DeviceMap`] are as its data says. The
//! pages of the other two kinds are normal memory, so a [`MixedMap`] maps only frames that are, and
//! that stay. Huge pages of frames are for `VM_PFNMAP` alone, which is never a copy-on-write
//! mapping. A [`DmaMap`] is mapped by the DMA API alone, which also chooses the flag.
//!
//! A VMA of the kind [`Plain`] without [`DONTEXPAND`] or [`IO`] can be merged with a neighbour:
//! an adjacent new mapping of the same file then enlarges it, and no callback is called. The other
//! two are never merged.
//!
//! [`DONTEXPAND`]: super::SetupFlags::DONTEXPAND
//! [`IO`]: super::SetupFlags::IO

use crate::mm::vma::{
    VmaFlag,
    VmaFlags, //
};

mod sealed {
    pub trait Sealed {}
}

/// A kind of mapping. See the [module](self) for the list; this trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of mapping",
    label = "not a kind of mapping",
    note = "the kinds are `Plain`, `MixedMap`, `PfnMap`, `DeviceMap` and `DmaMap`"
)]
pub trait PageKind: sealed::Sealed + 'static {
    /// The flags that a VMA of this kind is set up with, out of MIXEDMAP and PFNMAP.
    const FLAGS: VmaFlags;
}

/// Pages that the kernel counts may be mapped.
#[diagnostic::on_unimplemented(
    message = "pages with a `struct page` cannot be mapped into a VMA of the kind `{Self}`",
    label = "needs a VMA of the kind `Plain` or `MixedMap`",
    note = "a `PfnMap` VMA has page frames only, which `insert_pfn()` inserts"
)]
pub trait MapsPages: PageKind {}

/// Pages may be inserted at any time, not only as the answer to a fault.
#[diagnostic::on_unimplemented(
    message = "pages cannot be inserted into a VMA of the kind `{Self}`",
    label = "needs a VMA of the kind `MixedMap`",
    note = "call `mixedmap()` in the mmap hook, and say `type PageKind = MixedMap` in the \
            operations"
)]
pub trait InsertsPages: MapsPages {}

/// Page frames may be inserted.
#[diagnostic::on_unimplemented(
    message = "page frames cannot be inserted into a VMA of the kind `{Self}`",
    label = "needs a VMA of the kind `PfnMap` or `MixedMap`",
    note = "call `pfnmap()` in the mmap hook, and say `type PageKind = PfnMap` in the operations"
)]
pub trait InsertsFrames: PageKind {}

/// Only page frames may be mapped, so a whole range of them can be at once: by
/// `remap_pfn_range()`, or as a huge page.
#[diagnostic::on_unimplemented(
    message = "a range of page frames cannot be mapped into a VMA of the kind `{Self}`",
    label = "needs a VMA of the kind `PfnMap`",
    note = "call `pfnmap()` before, and say `type PageKind = PfnMap` in the operations"
)]
pub trait OnlyFrames: InsertsFrames {}

/// The mmap hook has not chosen another kind yet.
#[diagnostic::on_unimplemented(
    message = "the VMA has the kind `{Self}` already",
    label = "to be called before the kind is chosen",
    note = "a VMA has one kind: call `mixedmap()` or `pfnmap()` once, after permissions were taken \
            away, or neither for `Plain`"
)]
pub trait Undecided: PageKind {}

/// The kind that the operations are for is the kind `K` that the mmap hook has chosen.
///
/// Implemented by each kind for itself alone.
#[diagnostic::on_unimplemented(
    message = "operations with `type PageKind = {Self}` cannot be given to a VMA of the kind `{K}`",
    label = "the mmap hook has made this a VMA of the kind `{K}`",
    note = "call `mixedmap()` in the mmap hook for a `MixedMap`, `pfnmap()` for a `PfnMap`, \
            neither for `Plain`; or say `type PageKind = {K}` in the operations. Operations with \
            `type PageKind = DeviceMap` are given by `map_device()`, those with `DmaMap` by \
            `map_dma()`"
)]
pub trait SamePageKind<K: PageKind>: PageKind {}

impl<K: PageKind> SamePageKind<K> for K {}

/// Neither `VM_MIXEDMAP` nor `VM_PFNMAP`: pages are mapped as the answer to a fault.
pub enum Plain {}

/// `VM_MIXEDMAP`: pages and page frames.
pub enum MixedMap {}

/// `VM_PFNMAP`: page frames only, which the kernel does not count.
pub enum PfnMap {}

/// `VM_PFNMAP`: page frames that can be taken away: of a device, only for as long as it is there
/// ([`DeviceMemory`](super::DeviceMemory)), or replaced ([`FrameSlots`](super::FrameSlots)).
pub enum DeviceMap {}

/// `VM_PFNMAP` or `VM_MIXEDMAP`: memory of the DMA API, all of it mapped from the beginning
/// ([`DmaMemory`](super::DmaMemory), [`NoncoherentMemory`](super::NoncoherentMemory)).
pub enum DmaMap {}

impl sealed::Sealed for Plain {}
impl sealed::Sealed for MixedMap {}
impl sealed::Sealed for PfnMap {}
impl sealed::Sealed for DeviceMap {}
impl sealed::Sealed for DmaMap {}

impl PageKind for Plain {
    const FLAGS: VmaFlags = VmaFlags::EMPTY;
}

impl PageKind for MixedMap {
    const FLAGS: VmaFlags = VmaFlags::of(&[VmaFlag::MIXEDMAP]);
}

impl PageKind for PfnMap {
    const FLAGS: VmaFlags = VmaFlags::of(&[VmaFlag::PFNMAP]);
}

impl PageKind for DeviceMap {
    const FLAGS: VmaFlags = PfnMap::FLAGS;
}

impl PageKind for DmaMap {
    // The DMA API sets the flag.
    const FLAGS: VmaFlags = VmaFlags::EMPTY;
}

impl MapsPages for Plain {}
impl MapsPages for MixedMap {}
impl InsertsPages for MixedMap {}
impl InsertsFrames for MixedMap {}
impl InsertsFrames for PfnMap {}
impl InsertsFrames for DeviceMap {}
impl OnlyFrames for PfnMap {}
impl OnlyFrames for DeviceMap {}
impl Undecided for Plain {}
