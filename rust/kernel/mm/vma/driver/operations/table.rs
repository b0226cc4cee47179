// SPDX-License-Identifier: GPL-2.0

//! The table of a driver's operations, which identifies its VMAs.
//!
//! Two VMAs belong to the same driver if they have the same table, at the same address. So a table
//! must be one object: the compiler may duplicate a constant, so that the owner is not recognised,
//! or merge two equal ones, so that the private data of another driver is taken for its own. A
//! `static` is neither duplicated nor merged, and [`vm_operations!`](crate::vm_operations) makes
//! one.

use super::{
    super::Hook,
    callbacks::Callbacks,
    VmaOperations, //
};
use crate::bindings;
use core::marker::PhantomData;

/// Operations that have a table.
///
/// # Safety
///
/// `table()` must return the same address every time, that of a `static` which is the table of no
/// other operations. Implemented by [`vm_operations!`](crate::vm_operations).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no table of operations",
    label = "nothing to recognise its VMAs by",
    note = "make one with `kernel::vm_operations!({Self});`"
)]
pub unsafe trait OperationsTable: VmaOperations {
    /// Returns the table.
    fn table() -> &'static VmOpsTable<Self>;
}

/// A `struct vm_operations_struct` with the callbacks of `T`.
pub struct VmOpsTable<T: VmaOperations> {
    table: bindings::vm_operations_struct,
    // Invariant in `T`: the table is the identity of `T`, not of its subtypes.
    _ops: PhantomData<fn(T) -> T>,
}

// SAFETY: It is not written, and has pointers to functions only.
unsafe impl<T: VmaOperations> Sync for VmOpsTable<T> {}

impl<T: VmaOperations> VmOpsTable<T> {
    /// Makes the table of `T`, for a `static`.
    #[doc(hidden)]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        // In C, one macro would make an entry of a callback that is there.
        macro_rules! entry {
            ($has:ident, $callback:ident) => {
                if T::$has {
                    Some(Callbacks::<T>::$callback)
                } else {
                    None
                }
            };
        }

        assert!(
            T::HAS_OPEN || !T::HAS_CLOSE,
            "operations with `close` need `open`: the VMAs that fork(), a split and mremap() make \
             are closed, too, so what `close` counts down must be counted up in `open`; implement \
             it, with an empty body if nothing is counted"
        );

        Self {
            table: bindings::vm_operations_struct {
                open: Some(Callbacks::<T>::open),
                close: Some(Callbacks::<T>::close),
                mapped: if T::Hook::HAS_MAPPED {
                    Some(Callbacks::<T>::mapped)
                } else {
                    None
                },
                may_split: entry!(HAS_MAY_SPLIT, may_split),
                mremap: entry!(HAS_MREMAP, mremap),
                mprotect: if T::HAS_MPROTECT || Callbacks::<T>::MAY_DIFFER {
                    Some(Callbacks::<T>::mprotect)
                } else {
                    None
                },
                fault: entry!(HAS_FAULT, fault),
                huge_fault: entry!(HAS_HUGE_FAULT, huge_fault),
                map_pages: entry!(HAS_MAP_PAGES, map_pages),
                page_mkwrite: entry!(HAS_PAGE_MKWRITE, page_mkwrite),
                pfn_mkwrite: entry!(HAS_PFN_MKWRITE, pfn_mkwrite),
                access: entry!(HAS_ACCESS, access),
                name: entry!(HAS_NAME, name),
                ..pin_init::zeroed()
            },
            _ops: PhantomData,
        }
    }

    /// Returns the C type.
    #[inline]
    pub fn as_raw(&self) -> *const bindings::vm_operations_struct {
        &self.table
    }
}

/// Makes the table of operations (C: `static const struct vm_operations_struct`).
///
/// Once for each type that implements [`VmaOperations`](crate::mm::vma::driver::VmaOperations).
///
/// # Examples
///
/// See [`VmaOperations`](crate::mm::vma::driver::VmaOperations).
#[macro_export]
macro_rules! vm_operations {
    ($ops:ty) => {
        // SAFETY: The static is made here, for these operations only: a second use of the macro for
        // them would be a second implementation of the trait.
        unsafe impl $crate::mm::vma::driver::OperationsTable for $ops {
            fn table() -> &'static $crate::mm::vma::driver::VmOpsTable<Self> {
                static TABLE: $crate::mm::vma::driver::VmOpsTable<$ops> =
                    $crate::mm::vma::driver::VmOpsTable::new();
                &TABLE
            }
        }
    };
}
