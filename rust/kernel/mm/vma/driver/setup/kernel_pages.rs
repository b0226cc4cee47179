// SPDX-License-Identifier: GPL-2.0

//! Many pages that are mapped at once, when the VMA is set up.
//!
//! The pages are counted, so the VMA needs no share of what the driver keeps them in. C takes an
//! array of them. In `.mmap` it reads the array during the call. In `.mmap_prepare` it reads the
//! array after the hook has returned, when the VMA exists (`map_kernel_pages_complete()`). There
//! the array is borrowed for as long as the data is: until `mmap()` is done.

use super::{
    super::{
        kind::{
            InsertsPages,
            PageKind,
            SamePageKind, //
        },
        OperationsTable,
        SharedBuffer,
        SharedPage, //
    },
    EndsDesc,
    Prepared,
    SetupFlags,
    VmaDesc,
    VmaSetup, //
};
use crate::{
    bindings,
    error::to_result,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};
use core::ops::Range;

/// Returns `EINVAL` unless `pages` pages at `addr` are at least one, and all in the VMA.
#[inline]
fn check_room(vma: Range<usize>, addr: usize, pages: usize) -> Result {
    let is_page = addr & (PAGE_SIZE - 1) == 0;
    if pages == 0 || !is_page || !vma.contains(&addr) || pages > (vma.end - addr) >> PAGE_SHIFT {
        return Err(EINVAL);
    }
    Ok(())
}

impl<K: PageKind> VmaSetup<'_, K> {
    /// Maps pages now, one after the other from `addr` on (C: `vm_insert_pages()`,
    /// `vm_map_pages()`).
    ///
    /// Faults map the rest of the VMA, if any. The mapping gets references to the pages, and drops
    /// them when they are unmapped. May sleep, for memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are no pages, if `addr` is not the address of a page, or if the pages are
    /// not all in the VMA. Nothing is mapped then. `EBUSY` if something is mapped there, `ENOMEM`:
    /// the pages before that one are mapped then. If the hook fails the kernel unmaps them.
    #[doc(alias = "vm_insert_pages")]
    #[doc(alias = "vm_map_pages")]
    pub fn map_kernel_pages(&mut self, addr: usize, pages: &[SharedPage]) -> Result
    where
        K: InsertsPages,
    {
        check_room(self.start()..self.end(), addr, pages.len())?;

        let array = pages.as_ptr().cast_mut().cast();
        let mut left = pages.len();
        // SAFETY: The mmap lock is held for writing, and by the type invariants the VMA is
        // `VM_MIXEDMAP`. The range is in the VMA. A `SharedPage` is a pointer to a page that may be
        // mapped, and C only reads the array.
        to_result(unsafe { bindings::vm_insert_pages(self.vma.as_raw(), addr, array, &mut left) })
    }

    /// Maps the whole VMA now: the pages of `buffer` from page `first` on (C:
    /// `remap_vmalloc_range()`).
    ///
    /// Also sets DONTEXPAND and DONTDUMP. May sleep, for memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the buffer has fewer pages from `first` on than the VMA. As
    /// [`map_kernel_pages()`](Self::map_kernel_pages) otherwise.
    ///
    /// # Examples
    ///
    /// See [`SharedBuffer`].
    #[doc(alias = "remap_vmalloc_range")]
    pub fn map_buffer(&mut self, buffer: &SharedBuffer, first: usize) -> Result
    where
        K: InsertsPages,
    {
        let (start, pages) = (self.start(), self.page_count());
        let end = first.checked_add(pages).ok_or(EINVAL)?;
        let pages = buffer.pages().get(first..end).ok_or(EINVAL)?;

        self.map_kernel_pages(start, pages)?;

        let flags = SetupFlags::DONTEXPAND | SetupFlags::DONTDUMP;
        self.write_flags(self.flags() | flags.flags());
        Ok(())
    }
}

impl<'a, K: PageKind> VmaDesc<'a, K> {
    /// Ends the description; `pages` will be mapped, one after the other from `addr` on (C:
    /// `mmap_action_map_kernel_pages()`).
    ///
    /// Faults map the rest of the VMA, if any. The mapping gets references to the pages, and drops
    /// them when they are unmapped.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there are no pages, if `addr` is not the address of a page, or if the pages are
    /// not all in the VMA.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     mm::vma::driver::{
    ///         MixedMap, Prepared, SharedBuffer, ViaMmapPrepare, VmaDesc, VmaOperations, //
    ///     },
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// struct Ops;
    /// kernel::vm_operations!(Ops);
    ///
    /// #[vtable]
    /// impl VmaOperations for Ops {
    ///     type Data = Arc<SharedBuffer>;
    ///     type PageKind = MixedMap;
    ///     type Hook = ViaMmapPrepare;
    /// }
    ///
    /// fn mmap_prepare<'a>(
    ///     buffer: &'a Arc<SharedBuffer>,
    ///     desc: VmaDesc<'a>,
    /// ) -> Result<Prepared<'a>> {
    ///     let addr = desc.start();
    ///     let pages = buffer.pages().get(desc.pgoffs()?).ok_or(EINVAL)?;
    ///
    ///     desc.mixedmap().map_kernel_pages::<Ops>(buffer, addr, pages)
    /// }
    /// # let _ = mmap_prepare;
    /// ```
    #[doc(alias = "mmap_action_map_kernel_pages")]
    #[doc(alias = "mmap_action_map_kernel_pages_full")]
    #[doc(alias = "MMAP_MAP_KERNEL_PAGES")]
    pub fn map_kernel_pages<T>(
        mut self,
        data: &'a T::Data,
        addr: usize,
        pages: &'a [SharedPage],
    ) -> Result<Prepared<'a>>
    where
        K: InsertsPages,
        T: OperationsTable,
        T::PageKind: SamePageKind<K>,
        T::Hook: EndsDesc,
    {
        check_room(self.start()..self.end(), addr, pages.len())?;

        // The VMA is `VM_MIXEDMAP`, so it is not merged with its neighbours, and this is done. C
        // only reads the array, which is borrowed until then.
        let pgoff = self.pgoff();
        let action = &mut self.raw_mut().action;
        action.type_ = bindings::mmap_action_type_MMAP_MAP_KERNEL_PAGES;
        action.__bindgen_anon_1.map_kernel = bindings::mmap_action__bindgen_ty_1__bindgen_ty_3 {
            start: addr,
            pages: pages.as_ptr().cast_mut().cast(),
            nr_pages: pages.len(),
            pgoff,
        };
        Ok(self.with_ops::<T>(data))
    }
}
