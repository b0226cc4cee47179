// SPDX-License-Identifier: GPL-2.0

//! What a driver keeps in a VMA, typed and counted.
//!
//! Each VMA of a driver owns its private data (C: `vm_private_data`). It gets the first in the mmap
//! hook. When the kernel makes another VMA of one (fork, split, `mremap()`), that one gets a share
//! of the same data; when a VMA goes away its share is dropped, after its pages were unmapped.

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
/// Faults of several tasks use it at the same time ([`Sync`]), and the task that unmaps is not
/// always the one that mapped ([`Send`]).
///
/// To make a share cannot fail: `vm_operations_struct::open()` has no way to say so. So it is a
/// count that goes up, as that of an [`Arc`], and not a copy.
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

/// For drivers that keep nothing in a VMA.
impl PrivateData for () {
    #[inline]
    fn share((): ()) {}
}
