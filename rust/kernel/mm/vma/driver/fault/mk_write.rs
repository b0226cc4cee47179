// SPDX-License-Identifier: GPL-2.0

//! A write fault of a page that is mapped read-only, and its answers.

use super::{
    super::{
        brand::Brand,
        operations::Borrowed,
        DriverVma,
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
    mm::vma::Read, //
};
use core::marker::PhantomData;

/// A write fault of a page that is mapped read-only.
#[must_use = "a fault has to be answered"]
pub struct MkWrite<'a, T: VmaOperations>(Context<'a, T>);

/// The answer to a [`MkWrite`].
#[must_use = "the answer to a fault has to be returned"]
pub struct MkWriteOutcome<'a>(bindings::vm_fault_t, Brand<'a>);

fault!(MkWrite; MkWriteOutcome);

impl<'a, T: VmaOperations> MkWrite<'a, T> {
    /// Makes the page writable.
    ///
    /// Sleeps for the lock of a page.
    #[inline]
    pub fn allow(self) -> MkWriteOutcome<'a> {
        // SAFETY: By the type invariants of the context.
        let page = unsafe { (*self.0.vmf.as_ptr()).page };

        // There is no page for `pfn_mkwrite()`, so there is nothing to lock.
        if page.is_null() {
            return self.answer(0);
        }

        // SAFETY: `do_page_mkwrite()` has a reference to the page. With this answer it expects the
        // page locked, and unlocks it. It would retry for an unlocked page without a file.
        unsafe { bindings::vma_lock_page(page) };
        self.answer(bindings::vm_fault_reason_VM_FAULT_LOCKED)
    }
}
