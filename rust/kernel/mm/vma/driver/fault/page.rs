// SPDX-License-Identifier: GPL-2.0

//! A fault of one page, and its answers.

use super::{
    super::{
        brand::Brand,
        kind::{
            InsertsFrames,
            InsertsPages,
            MapsPages, //
        },
        operations::Borrowed,
        DriverVma,
        HasFrames,
        SharedPage,
        VmaOperations, //
    },
    context::{
        code_of,
        fault,
        Context, //
    },
    FaultFlags, //
};
use crate::{
    bindings,
    error::Error,
    mm::vma::Read,
    prelude::*, //
};
use core::marker::PhantomData;

/// A fault of a page that is not mapped (C: `struct vm_fault`).
#[must_use = "a fault has to be answered"]
pub struct Fault<'a, T: VmaOperations>(pub(super) Context<'a, T>);

/// The answer to a [`Fault`] (C: `vm_fault_t`).
#[must_use = "the answer to a fault has to be returned"]
pub struct FaultOutcome<'a>(pub(super) bindings::vm_fault_t, pub(super) Brand<'a>);

fault!(Fault; FaultOutcome);

impl<'a, T: VmaOperations> Fault<'a, T> {
    /// Sends the task a SIGSEGV (C: `VM_FAULT_SIGSEGV`).
    #[inline]
    pub fn sigsegv(self) -> FaultOutcome<'a> {
        self.answer(bindings::vm_fault_reason_VM_FAULT_SIGSEGV)
    }

    /// Answers with the page to map (C: `vmf->page`).
    ///
    /// The mapping gets a reference to the page. In a private mapping a write gets a copy.
    #[inline]
    pub fn page(self, page: &SharedPage) -> FaultOutcome<'a>
    where
        T::PageKind: MapsPages,
    {
        self.set_page(page);
        self.answer(0)
    }

    /// Like [`page()`](Self::page), with a page that lives as long as the data.
    ///
    /// The data is borrowed for the call, so the page needs no reference and no lock of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     mm::vma::driver::{Fault, FaultOutcome, Plain, SharedPage, ViaMmap, VmaOperations},
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// /// The same page everywhere.
    /// struct OnePage;
    /// kernel::vm_operations!(OnePage);
    ///
    /// #[vtable]
    /// impl VmaOperations for OnePage {
    ///     type Data = Arc<SharedPage>;
    ///     type PageKind = Plain;
    ///     type Hook = ViaMmap;
    ///
    ///     fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
    ///         fault.page_of(|data| data)
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn page_of(
        self,
        find: impl for<'d, 'f> FnOnce(&'d Borrowed<'f, T>) -> &'d SharedPage,
    ) -> FaultOutcome<'a>
    where
        T::PageKind: MapsPages,
    {
        let data = self.data();
        self.set_page(find(&data));
        drop(data);

        self.answer(0)
    }

    /// Takes a reference to the page for the mapping.
    #[inline]
    fn set_page(&self, page: &SharedPage) {
        // SAFETY: The page is valid and one to be mapped, by the type invariants of `SharedPage`,
        // and `vmf` is valid by those of the context. The caller of the handler drops the reference
        // or gives it to the entry.
        unsafe {
            bindings::vma_get_page(page.as_raw());
            (*self.0.vmf.as_ptr()).page = page.as_raw();
        }
    }

    /// Maps a page, and answers with the outcome (C: `vmf_insert_page()`).
    ///
    /// May sleep, for memory.
    #[doc(alias = "vmf_insert_page")]
    #[inline]
    pub fn insert_page(self, page: &SharedPage) -> FaultOutcome<'a>
    where
        T::PageKind: InsertsPages,
    {
        let result = self.try_insert_page(page);
        self.inserted(result)
    }

    /// Maps a page (C: `vm_insert_page()`).
    ///
    /// For handlers that do something else, such as releasing a lock, before they answer by
    /// [`inserted()`](Self::inserted). May sleep, for memory.
    ///
    /// # Errors
    ///
    /// `EBUSY` if something is already mapped at the address; `ENOMEM`.
    #[doc(alias = "vm_insert_page")]
    #[inline]
    pub fn try_insert_page(&self, page: &SharedPage) -> Result
    where
        T::PageKind: InsertsPages,
    {
        self.vma().insert_page_aligned(self.address(), page)
    }

    /// Converts the result of an insertion into an outcome.
    ///
    /// It is [`no_page()`](Self::no_page) if the page is mapped, also if another task mapped it
    /// first (`EBUSY`).
    #[inline]
    pub fn inserted(self, result: Result) -> FaultOutcome<'a> {
        match result {
            Ok(()) | Err(EBUSY) => self.no_page(),
            Err(e) => self.error(e),
        }
    }

    /// Maps a frame of the region that the VMA's data has, and answers with the outcome
    /// (C: `vmf_insert_pfn()`, `vmf_insert_mixed()`).
    ///
    /// May sleep, for memory.
    #[doc(alias = "vmf_insert_pfn")]
    #[doc(alias = "vmf_insert_mixed")]
    #[inline]
    pub fn insert_pfn(self, frame: usize) -> FaultOutcome<'a>
    where
        T::PageKind: InsertsFrames,
        T::Data: HasFrames,
    {
        let result = self.vma().insert_pfn_aligned(self.address(), frame);
        self.inserted(result)
    }
}
