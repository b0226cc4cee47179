// SPDX-License-Identifier: GPL-2.0

//! Compile-time diagnostics for inserting pages into a VMA of unknown owner.
//!
//! A view of a VMA of unknown owner has the methods of a [`DriverVma`](super::DriverVma), as
//! `decoys`.
//!
//! They are methods of a trait object that the view dereferences to. If they were methods of the
//! view, the compiler would propose to call them by their full path whenever a bound of the
//! [`DriverVma`](super::DriverVma)'s own method is not met.

use super::SharedPage;
use crate::{
    error::Result,
    mm::vma::{
        decoys::decoys,
        order::LockClass,
        Level,
        LockOrder,
        Vma, //
    }, //
};
use core::ops::{
    Deref,
    Range, //
};

decoys! {
    /// A view of a VMA that is known to be the driver's own. Implemented for no view: a
    /// [`DriverVma`](super::DriverVma) has methods of its own, which come first.
    #[diagnostic::on_unimplemented(
        message = "it is not known whose VMA this is",
        label = "needs a VMA that is known to be the driver's own",
        note = "call `downcast::<Ops>()` on it: that gives a `DriverVma` if the VMA has these \
                operations, and `None` if something else is mapped there by now (CVE-2026-43434)"
    )]
    trait KnownOwner;

    impl[L: Level] dyn NotOfAnyVma<L> as Vma<L> {
        fn insert_page[O: LockClass](&mut LockOrder<'_, O>, usize, &SharedPage) -> Result;
        fn insert_pages[O: LockClass](
            &mut LockOrder<'_, O>,
            usize,
            &[&SharedPage]
        ) -> (usize, Result);
        fn insert_pfn[O: LockClass](&mut LockOrder<'_, O>, usize, usize) -> Result;
        fn zap_pages(Range<usize>) -> Result;
    }
}

/// Has the decoys of views.
#[doc(hidden)]
pub trait NotOfAnyVma<L: Level> {}

struct Nothing;

impl<L: Level> NotOfAnyVma<L> for Nothing {}

#[doc(hidden)]
impl<L: Level> Deref for Vma<L> {
    type Target = dyn NotOfAnyVma<L>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &Nothing
    }
}
