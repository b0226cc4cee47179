// SPDX-License-Identifier: GPL-2.0

//! The userfaultfd that a VMA is registered with.
//!
//! C header: [`include/linux/mm_types.h`](srctree/include/linux/mm_types.h)

use core::num::NonZeroUsize;

/// Tells one userfaultfd from another (C: `struct vm_userfaultfd_ctx`).
///
/// Holds no reference and is not dereferenced: the userfaultfd may be gone when this is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserfaultfdCtx(NonZeroUsize);

impl UserfaultfdCtx {
    #[cfg(CONFIG_USERFAULTFD)]
    #[inline]
    pub(super) fn from_raw(ctx: *mut crate::bindings::userfaultfd_ctx) -> Option<Self> {
        NonZeroUsize::new(ctx.addr()).map(Self)
    }
}
