// SPDX-License-Identifier: GPL-2.0

//! Releasing the lock of a fault, so that the handler can wait.
//!
//! [`Released::retry()`] is the only answer that says that the lock is gone. It is reachable only
//! after the lock was released, by a handler that has no view of the VMA.

use super::{
    super::{
        brand::Brand,
        VmaOperations, //
    },
    Fault,
    FaultOutcome, //
};
use crate::bindings;
use core::marker::PhantomData;

impl<'a, T: VmaOperations> Fault<'a, T> {
    /// Releases the lock, so that the handler can wait and have the fault retried
    /// (C: `release_fault_lock()`).
    ///
    /// Consumes the fault, so nothing borrowed from the VMA is left. The handler needs a reference
    /// of its own to what it waits for.
    ///
    /// # Errors
    ///
    /// The fault, unchanged, if it must not be retried
    /// ([`FaultFlags::may_retry()`](super::FaultFlags::may_retry)). The handler then waits with the
    /// lock held, or gives another answer.
    #[doc(alias = "release_fault_lock")]
    #[inline]
    pub fn release(self) -> Result<Released<'a>, Self> {
        let flags = self.flags();

        if !flags.may_retry() {
            return Err(self);
        }
        if !flags.is_nowait() {
            // SAFETY: By the type invariants of the context the lock is held. `self` is consumed,
            // so nothing borrows from it. The caller of the handler learns of the release by the
            // answer, which can only be `VM_FAULT_RETRY`.
            unsafe { bindings::release_fault_lock(self.0.vmf.as_ptr()) };
        }
        Ok(Released {
            may_wait: !flags.is_nowait(),
            _brand: PhantomData,
        })
    }
}

/// A fault whose lock was released, to be retried.
#[must_use = "a fault has to be answered"]
pub struct Released<'a> {
    may_wait: bool,
    _brand: Brand<'a>,
}

impl<'a> Released<'a> {
    /// Returns whether the handler may wait. If not, the caller of the handler still holds the lock
    /// and expects the answer at once (C: `FAULT_FLAG_RETRY_NOWAIT`).
    #[inline]
    pub fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// Requests a retry of the fault (C: `VM_FAULT_RETRY`).
    #[inline]
    pub fn retry(self) -> FaultOutcome<'a> {
        FaultOutcome(bindings::vm_fault_reason_VM_FAULT_RETRY, PhantomData)
    }
}
