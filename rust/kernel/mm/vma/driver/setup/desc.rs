// SPDX-License-Identifier: GPL-2.0

//! The description of a VMA before it exists, in the driver's `.mmap_prepare` hook.
//!
//! C is moving to this hook. It describes the VMA before it exists, and cannot touch any VMA. Its
//! steps go one way, as those of [`VmaSetup`](super::VmaSetup).
//!
//! The kernel then makes a VMA, enlarges an existing one, or runs out of memory. No callback
//! reports the latter two, so a share of the data that was taken here would leak (CVE-2026-46100).
//! Therefore the data is only borrowed here, and shared in
//! [`mapped`](super::super::VmaOperations::mapped), when the VMA exists.
//!
//! C callers: `call_mmap_prepare()` and `compat_vma_mmap()`, by `vfs_mmap_prepare()`

use super::{
    super::{
        brand::Brand,
        kind::{
            MixedMap,
            OnlyFrames,
            PageKind,
            PfnMap,
            Plain,
            SamePageKind,
            Undecided, //
        },
        memory::Remap,
        operations::callbacks,
        DataOf,
        OperationsTable,
        PfnBacked, //
    },
    flags,
    hook::EndsDesc,
    steps::setup_steps, //
};
use crate::{
    bindings,
    fs::File,
    mm::vma::{
        PageProt,
        VmaFlags, //
    },
    prelude::*,
    sync::aref::ARef,
    types::NotThreadSafe, //
};
use core::{
    marker::PhantomData,
    ops::Range,
    ptr::NonNull, //
};

/// The description of a VMA with pages of the kind `K` (C: `struct vm_area_desc`).
///
/// # Invariants
///
/// `desc` is that of a call of `file_operations::mmap_prepare()`, and this is the only means by
/// which it is written. It has the flags of `K`, and no operations.
#[must_use = "a description does nothing until it ends with the operations of the VMA"]
pub struct VmaDesc<'a, K: PageKind = Plain> {
    desc: NonNull<bindings::vm_area_desc>,
    _brand: Brand<'a>,
    // Covariant, which says nothing: kinds have no subtypes.
    _kind: PhantomData<K>,
    _nts: NotThreadSafe,
}

/// A complete description, which a `.mmap_prepare` hook returns.
#[must_use = "the hook has to return it"]
pub struct Prepared<'a> {
    /// The file that the VMA gets in place of the one that is mapped.
    pub(super) file: Option<ARef<File>>,
    _brand: Brand<'a>,
}

impl<'a> VmaDesc<'a> {
    /// Runs a `.mmap_prepare` hook, for the file operations of a subsystem, and returns its C
    /// result.
    ///
    /// # Safety
    ///
    /// Must be called once in `file_operations::mmap_prepare()`, with the description that it got,
    /// and its result must be returned. Everything borrowed for `'a` must live until `mmap()` is
    /// done: `'a` may be as long as the file.
    #[inline]
    pub unsafe fn run_hook(
        raw: *mut bindings::vm_area_desc,
        hook: impl FnOnce(VmaDesc<'a>) -> Result<Prepared<'a>>,
    ) -> c_int {
        // INVARIANT: The description is new.
        let desc = VmaDesc {
            // SAFETY: The caller passes a valid one.
            desc: unsafe { NonNull::new_unchecked(raw) },
            _brand: PhantomData,
            _kind: PhantomData,
            _nts: NotThreadSafe,
        };

        match hook(desc) {
            Ok(Prepared { file, .. }) => {
                if let Some(file) = file {
                    // `compat_vma_mmap()` takes another reference, so this one stays then: for a
                    // file that is below a stacked file system.
                    // SAFETY: The hook has not returned. `mmap()` takes the reference over, also if
                    // it fails.
                    unsafe { (*raw).vm_file = file.as_ptr() };
                    core::mem::forget(file);
                }
                0
            }
            Err(e) => e.to_errno(),
        }
    }
}

setup_steps!(VmaDesc);

impl<'a, K: PageKind> VmaDesc<'a, K> {
    #[inline]
    pub(super) fn into_kind<N: PageKind>(mut self) -> VmaDesc<'a, N>
    where
        K: Undecided,
    {
        self.write_flags(self.flags() | N::FLAGS);

        // INVARIANT: The flags were just set.
        VmaDesc {
            desc: self.desc,
            _brand: PhantomData,
            _kind: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    #[inline]
    fn raw(&self) -> &bindings::vm_area_desc {
        // SAFETY: By the type invariants it is valid, and not written but by `self`.
        unsafe { self.desc.as_ref() }
    }

    #[inline]
    pub(super) fn raw_mut(&mut self) -> &mut bindings::vm_area_desc {
        // SAFETY: By the type invariants it is valid, and not used but by `self`.
        unsafe { self.desc.as_mut() }
    }

    /// Returns the first address of the VMA.
    #[inline]
    pub fn start(&self) -> usize {
        self.raw().start
    }

    /// Returns the first address after the VMA.
    #[inline]
    pub fn end(&self) -> usize {
        self.raw().end
    }

    /// Returns the offset of the VMA in its file, in pages.
    #[inline]
    pub fn pgoff(&self) -> usize {
        self.raw().pgoff
    }

    /// Returns the pages of the file that the VMA maps, or `EINVAL` on overflow.
    #[inline]
    pub fn pgoffs(&self) -> Result<Range<usize>> {
        let pages = self.page_count();
        let end = self.pgoff().checked_add(pages).ok_or(EINVAL)?;

        Ok(self.pgoff()..end)
    }

    /// Returns the flags set so far.
    #[inline]
    pub fn flags(&self) -> VmaFlags {
        VmaFlags::from_word(self.raw().vma_flags.__vma_flags[0])
    }

    #[inline]
    fn write_flags(&mut self, flags: VmaFlags) {
        self.raw_mut().vma_flags.__vma_flags[0] = flags.word();
    }

    #[inline]
    fn prot(&self) -> PageProt {
        PageProt::from_raw(self.raw().page_prot)
    }

    #[inline]
    fn write_prot(&mut self, prot: PageProt) {
        self.raw_mut().page_prot = prot.into_raw();
    }

    #[inline]
    fn write_pgoff(&mut self, pgoff: usize) {
        self.raw_mut().pgoff = pgoff;
    }

    /// Ends the description: the VMA will have these operations, and a share of `data`.
    ///
    /// If it is a [`PfnMap`], it will also have the memory type of the frames that `data` has (C:
    /// `desc->page_prot`).
    #[doc(alias = "vm_ops")]
    #[doc(alias = "page_prot")]
    #[inline]
    pub fn with_ops<T>(mut self, data: &'a T::Data) -> Prepared<'a>
    where
        T: OperationsTable,
        T::PageKind: SamePageKind<K>,
        T::Hook: EndsDesc,
    {
        let prot = DataOf::<T::PageKind>::vma_prot(data, self.prot());
        let desc = self.raw_mut();

        desc.page_prot = prot.into_raw();
        desc.vm_ops = T::table().as_raw();
        desc.private_data = callbacks::seed(data);
        Prepared {
            file: None,
            _brand: PhantomData,
        }
    }

    /// Ends the description; `pages` frames from `frame` on will be mapped at `addr` (C:
    /// `mmap_action_remap()`; `mmap_action_ioremap()` if they are those of a device).
    ///
    /// Faults map the rest of the VMA, if any. Also sets IO, DONTEXPAND and DONTDUMP. The memory
    /// type is set as by [`with_ops()`](Self::with_ops).
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero, if the range is not one of whole pages in the VMA, if the
    /// region has no such frames, or if they are not of one piece: C remaps one range.
    #[doc(alias = "mmap_action_remap")]
    #[doc(alias = "mmap_action_ioremap")]
    pub fn remap_pfn_range<T>(
        self,
        data: &'a T::Data,
        addr: usize,
        frame: usize,
        pages: usize,
    ) -> Result<Prepared<'a>>
    where
        K: OnlyFrames,
        T: OperationsTable,
        T::PageKind: SamePageKind<K>,
        T::Hook: EndsDesc,
        T::Data: PfnBacked,
    {
        let vma_addrs = self.start()..self.end();
        let prot = DataOf::<T::PageKind>::vma_prot(data, self.prot());
        let run = Remap::new(data, vma_addrs, addr, frame, pages)?.only(prot)?;

        let mut desc = self.desc;
        let prepared = self.with_ops::<T>(data);

        // SAFETY: By the type invariants it was valid and written by nothing else, and the hook has
        // not returned.
        let desc = unsafe { desc.as_mut() };
        desc.action.type_ = if run.is_decrypted {
            bindings::mmap_action_type_MMAP_IO_REMAP_PFN
        } else {
            bindings::mmap_action_type_MMAP_REMAP_PFN
        };
        desc.action.__bindgen_anon_1.remap = bindings::mmap_action__bindgen_ty_1__bindgen_ty_1 {
            start: addr,
            start_pfn: run.pfn,
            size: run.len,
            pgprot: run.prot.into_raw(),
        };
        Ok(prepared)
    }
}
