// SPDX-License-Identifier: GPL-2.0

//! The private data of a driver's VMAs, typed and counted.
//!
//! Each VMA of a driver owns its private data (C: `vm_private_data`). The mmap hook gives the first
//! one its data. When the kernel copies a VMA (fork, split, `mremap()`), the copy gets a share of
//! the same data. The share of a VMA is dropped after its pages were unmapped.

use crate::{
    sync::{
        aref::{
            ARef,
            AlwaysRefCounted, //
        },
        Arc,
        ArcBorrow, //
    },
    types::ForeignOwnable, //
};

/// Private data of a VMA.
///
/// Faults of several tasks use it concurrently ([`Sync`]), and another task than the one that
/// mapped can unmap ([`Send`]).
///
/// Making a share cannot fail, because `vm_operations_struct::open()` cannot return an error. So it
/// increments a count, as [`Arc`] does, and makes no copy.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the private data of a VMA",
    label = "cannot be shared with the VMA that a fork or a split makes",
    note = "use an `Arc`: the VMAs of a fork or a split count it"
)]
pub trait PrivateData: ForeignOwnable + Clone + Send + Sync + 'static {
    /// Makes a share of data that a VMA owns.
    fn share(data: Self::Borrowed<'_>) -> Self;
}

impl<T: Send + Sync + 'static> PrivateData for Arc<T> {
    #[inline]
    fn share(data: ArcBorrow<'_, T>) -> Self {
        data.into()
    }
}

impl<T: AlwaysRefCounted + Send + Sync + 'static> PrivateData for ARef<T> {
    #[inline]
    fn share(data: &T) -> Self {
        data.into()
    }
}

/// For drivers without private data.
impl PrivateData for () {
    #[inline]
    fn share((): ()) {}
}
