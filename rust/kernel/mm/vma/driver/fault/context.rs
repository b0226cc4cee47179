// SPDX-License-Identifier: GPL-2.0

//! The C fault behind every kind of fault, and the methods that all kinds have.

use super::{
    super::{
        brand::Brand,
        DriverVma,
        VmaOperations, //
    },
    FaultFlags, //
};
use crate::{
    bindings,
    error::Error,
    mm::vma::Read,
    prelude::*,
    types::NotThreadSafe, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// The `struct vm_fault` that a fault stands for.
///
/// # Invariants
///
/// `vmf` is valid, and its VMA is one of `T`'s at the level [`Read`], until the context is
/// consumed.
pub(super) struct Context<'a, T: VmaOperations> {
    pub(super) vmf: NonNull<bindings::vm_fault>,
    _brand: Brand<'a>,
    // Invariant in `T`, as `DriverVma`; and so are all faults.
    _ops: PhantomData<fn(T) -> T>,
    _nts: NotThreadSafe,
}

impl<'a, T: VmaOperations> Context<'a, T> {
    /// # Safety
    ///
    /// The invariants must hold, and `'a` must be a lifetime that stands for nothing else.
    #[inline]
    pub(super) unsafe fn new(vmf: *mut bindings::vm_fault) -> Self {
        // INVARIANT: Guaranteed by the caller: `vmf` is valid until the fault is answered.
        Self {
            // SAFETY: The caller passes a valid pointer.
            vmf: unsafe { NonNull::new_unchecked(vmf) },
            _brand: PhantomData,
            _ops: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    #[inline]
    pub(super) fn vma(&self) -> &DriverVma<T, Read> {
        // SAFETY: By the type invariants. The view borrows `self`.
        unsafe { DriverVma::from_raw((*self.vmf.as_ptr()).__bindgen_anon_1.vma) }
    }

    #[inline]
    pub(super) fn pgoff(&self) -> usize {
        // SAFETY: By the type invariants.
        unsafe { (*self.vmf.as_ptr()).__bindgen_anon_1.pgoff }
    }

    #[inline]
    pub(super) fn address(&self) -> usize {
        // SAFETY: By the type invariants.
        unsafe { (*self.vmf.as_ptr()).__bindgen_anon_1.address }
    }

    #[inline]
    pub(super) fn flags(&self) -> FaultFlags {
        // SAFETY: By the type invariants.
        FaultFlags(unsafe { (*self.vmf.as_ptr()).flags })
    }
}

/// Converts an error into the answer to a fault (C: `vmf_error()`).
#[inline]
pub(super) fn code_of(error: Error) -> bindings::vm_fault_t {
    if error == ENOMEM {
        bindings::vm_fault_reason_VM_FAULT_OOM
    } else {
        bindings::vm_fault_reason_VM_FAULT_SIGBUS
    }
}

/// Implements the methods that all faults have.
macro_rules! fault {
    ($fault:ident $(, $more:ident: $ty:ty)?; $outcome:ident) => {
        impl<'a, T: VmaOperations> $fault<'a, T> {
            /// # Safety
            ///
            /// `vmf` must be valid and its VMA be one of `T`'s, with the mmap lock or the VMA lock
            /// held for reading, until the answer is given. `'a` must stand for nothing else.
            #[inline]
            pub(in super::super) unsafe fn new(
                vmf: *mut bindings::vm_fault
                $(, $more: $ty)?
            ) -> Self {
                // SAFETY: Guaranteed by the caller: `vmf` is valid and its VMA one of `T`'s.
                Self(unsafe { Context::new(vmf) } $(, $more)?)
            }

            /// Returns the VMA.
            #[inline]
            pub fn vma(&self) -> &DriverVma<T, Read> {
                self.0.vma()
            }

            /// Returns the private data of the VMA.
            #[inline]
            pub fn data(&self) -> Borrowed<'_, T> {
                self.0.vma().data()
            }

            /// Returns the page of the file that was accessed (C: `vmf->pgoff`).
            #[inline]
            pub fn pgoff(&self) -> usize {
                self.0.pgoff()
            }

            /// Returns the address of the page that was accessed (C: `vmf->address`).
            #[inline]
            pub fn address(&self) -> usize {
                self.0.address()
            }

            /// Returns how the page was accessed.
            #[inline]
            pub fn flags(&self) -> FaultFlags {
                self.0.flags()
            }

            #[inline]
            fn answer(self, code: bindings::vm_fault_t) -> $outcome<'a> {
                $outcome(code, PhantomData)
            }

            /// Sends the task a SIGBUS, because there is no such page (C: `VM_FAULT_SIGBUS`).
            #[inline]
            pub fn sigbus(self) -> $outcome<'a> {
                self.answer(bindings::vm_fault_reason_VM_FAULT_SIGBUS)
            }

            /// Reports that there is no memory (C: `VM_FAULT_OOM`).
            #[inline]
            pub fn oom(self) -> $outcome<'a> {
                self.answer(bindings::vm_fault_reason_VM_FAULT_OOM)
            }

            /// Answers with [`oom()`](Self::oom) for `ENOMEM`, and with
            /// [`sigbus()`](Self::sigbus) for any other error (C: `vmf_error()`).
            #[doc(alias = "vmf_error")]
            #[inline]
            pub fn error(self, error: Error) -> $outcome<'a> {
                self.answer(code_of(error))
            }

            /// Retries the access, because the page was inserted (C: `VM_FAULT_NOPAGE`).
            ///
            /// If nothing is mapped there, the access faults again, without end. A signal ends that
            /// loop for an access from user space, but not for one from the kernel, such as
            /// `copy_to_user()` (C: `do_user_addr_fault()`).
            #[inline]
            pub fn no_page(self) -> $outcome<'a> {
                self.answer(bindings::vm_fault_reason_VM_FAULT_NOPAGE)
            }
        }

        impl $outcome<'_> {
            #[inline]
            pub(in super::super) fn into_raw(self) -> bindings::vm_fault_t {
                self.0
            }
        }
    };
}

pub(super) use fault;
