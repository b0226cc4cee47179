// SPDX-License-Identifier: GPL-2.0

//! Compile-time diagnostics for inserting pages into a VMA of unknown owner.
//!
//! A view of a VMA of unknown owner has the methods of a [`DriverVma`](super::DriverVma), and a
//! bound that is never met. Without them the compiler would only say that there is no such method.
//!
//! They are methods of a trait object that the view dereferences to. If they were methods of the
//! view, the compiler would propose to call them by their full path whenever a bound of the
//! [`DriverVma`](super::DriverVma)'s own method is not met.

use super::SharedPage;
use crate::{
    mm::vma::{
        Level,
        Vma, //
    },
    prelude::*, //
};
use core::ops::{
    Deref,
    Range, //
};

/// A view of a VMA that is known to be the driver's own. Implemented for no view: a
/// [`DriverVma`](super::DriverVma) has methods of its own, which come first.
#[diagnostic::on_unimplemented(
    message = "it is not known whose VMA this is",
    label = "needs a VMA that is known to be the driver's own",
    note = "call `downcast::<Ops>()` on it: that gives a `DriverVma` if the VMA has these \
            operations, and `None` if something else is mapped there by now (CVE-2026-43434)"
)]
pub trait KnownOwner {}

/// Has what a view of unknown owner has not, for the diagnostics.
#[doc(hidden)]
pub trait NotOfAnyVma<L: Level> {
    fn insert_page(&self, _addr: usize, _page: &SharedPage) -> Result
    where
        Vma<L>: KnownOwner,
    {
        Err(EINVAL)
    }

    fn insert_pages(&self, _addr: usize, _pages: &[&SharedPage]) -> (usize, Result)
    where
        Vma<L>: KnownOwner,
    {
        (0, Err(EINVAL))
    }

    fn insert_pfn(&self, _addr: usize, _frame: usize) -> Result
    where
        Vma<L>: KnownOwner,
    {
        Err(EINVAL)
    }

    fn zap_pages(&self, _range: Range<usize>) -> Result
    where
        Vma<L>: KnownOwner,
    {
        Err(EINVAL)
    }
}

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
