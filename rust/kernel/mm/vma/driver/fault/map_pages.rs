// SPDX-License-Identifier: GPL-2.0

//! Fault-around: mapping the pages around a read fault.

use super::{
    super::{
        kind::MapsPages,
        operations::Borrowed,
        SharedPage,
        VmaOperations, //
    },
    context::Context, //
};
use crate::bindings;
use core::{
    ops::Range,
    ptr::NonNull, //
};

/// The pages around a read fault, of which the handler maps those that it has.
///
/// Context: an RCU read-side critical section, so nothing here may sleep. Therefore no view of the
/// VMA is lent, by which pages could be inserted or unmapped.
pub struct MapPages<'a, T: VmaOperations> {
    context: Context<'a, T>,
    pgoffs: Range<usize>,
    has_mapped_it: bool,
}

impl<T: VmaOperations> MapPages<'_, T> {
    /// # Safety
    ///
    /// As for `Fault::new()`, for `vm_operations_struct::map_pages()`.
    #[inline]
    pub(in super::super) unsafe fn new(vmf: *mut bindings::vm_fault, pgoffs: Range<usize>) -> Self {
        Self {
            // SAFETY: Guaranteed by the caller: `vmf` is valid and its VMA one of `T`'s.
            context: unsafe { Context::new(vmf) },
            pgoffs,
            has_mapped_it: false,
        }
    }

    /// Returns the private data of the VMA.
    #[inline]
    pub fn data(&self) -> Borrowed<'_, T> {
        self.context.vma().data()
    }

    /// Returns the pages of the file that can be mapped.
    #[inline]
    pub fn pgoffs(&self) -> Range<usize> {
        self.pgoffs.clone()
    }

    /// Maps a page of the file, read-only or as the VMA permits, if nothing is mapped there
    /// (C: `set_pte_range()`).
    ///
    /// Returns whether the page was mapped. The mapping then has a reference to it.
    #[doc(alias = "set_pte_range")]
    pub fn map(&mut self, pgoff: usize, page: &SharedPage) -> bool
    where
        T::PageKind: MapsPages,
    {
        if !self.pgoffs.contains(&pgoff) {
            return false;
        }
        let Some(addr) = self.context.vma().addr_of(pgoff) else {
            return false;
        };

        // SAFETY: `vmf` is that of this `MapPages`, and the address is that of one of its pages,
        // which are in the VMA.
        let is_mapped = unsafe { map_page_around(self.context.vmf, page, addr) };
        self.has_mapped_it |= is_mapped && addr == self.context.address();
        is_mapped
    }

    #[inline]
    pub(in super::super) fn into_raw(self) -> bindings::vm_fault_t {
        if self.has_mapped_it {
            bindings::vm_fault_reason_VM_FAULT_NOPAGE
        } else {
            0
        }
    }
}

/// Maps a page by `set_pte_range()`, which is not exported: modules reach it through the crate.
///
/// # Safety
///
/// `vmf` must be that of a `MapPages`, and `addr` must be in its VMA and among its pages.
#[inline(never)]
unsafe fn map_page_around(
    vmf: NonNull<bindings::vm_fault>,
    page: &SharedPage,
    addr: usize,
) -> bool {
    // SAFETY: `do_fault_around()` has prepared the page table that all pages of the `MapPages`
    // belong to. Guaranteed by the caller: the address is among these. By its type invariants the
    // page is valid and may be mapped.
    unsafe { bindings::vma_map_page_around(vmf.as_ptr(), page.as_raw(), addr) }
}
