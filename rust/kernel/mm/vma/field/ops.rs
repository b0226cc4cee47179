// SPDX-License-Identifier: GPL-2.0

//! The operations table of a VMA, which identifies the VMAs of a driver.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::{
    bindings,
    types::Opaque, //
};

/// The callbacks of the driver or file system that set a VMA up (C: `struct vm_operations_struct`).
///
/// Two are equal if they are the same table.
#[repr(transparent)]
pub struct VmOps(Opaque<bindings::vm_operations_struct>);

impl VmOps {
    /// Wraps the C type; `None` is the table of anonymous memory, which has none.
    ///
    /// # Safety
    ///
    /// `ops` must be NULL or point to a table that lives for `'a`.
    #[inline]
    pub unsafe fn from_raw<'a>(ops: *const bindings::vm_operations_struct) -> Option<&'a Self> {
        // SAFETY: The caller keeps the table alive; the types have the same layout by
        // `repr(transparent)`.
        unsafe { ops.cast::<Self>().as_ref() }
    }

    /// Returns the C type, for other abstractions.
    #[inline]
    pub fn as_raw(&self) -> *const bindings::vm_operations_struct {
        self.0.get()
    }
}

impl PartialEq for VmOps {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Eq for VmOps {}
