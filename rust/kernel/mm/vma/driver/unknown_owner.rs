// SPDX-License-Identifier: GPL-2.0

//! What a driver author reads who inserts pages into whatever VMA is at an address.
//!
//! A view of a VMA of unknown owner has the methods of a [`DriverVma`](super::DriverVma), and a
//! bound that it does not meet. Without them the compiler would only say that there is no such
//! method.

use crate::{
    mm::vma::{
        Level,
        Vma, //
    },
    page::Page,
    prelude::*, //
};
use core::ops::Range;

/// A view of a VMA that is known to be the driver's own. Implemented for no view: a
/// [`DriverVma`](super::DriverVma) has methods of its own, which come first.
#[diagnostic::on_unimplemented(
    message = "it is not known whose VMA this is",
    label = "needs a VMA that is known to be the driver's own",
    note = "call `downcast::<Ops>()` on it: that gives a `DriverVma` if the VMA has these \
            operations, and `None` if something else is mapped there by now (CVE-2026-43434)"
)]
pub trait KnownOwner {}

#[doc(hidden)]
impl<L: Level> Vma<L> {
    pub fn insert_page(&self, _addr: usize, _page: &Page) -> Result
    where
        Self: KnownOwner,
    {
        Err(EINVAL)
    }

    pub fn insert_pages(&self, _addr: usize, _pages: &[&Page]) -> (usize, Result)
    where
        Self: KnownOwner,
    {
        (0, Err(EINVAL))
    }

    pub fn insert_pfn(&self, _addr: usize, _frame: usize) -> Result
    where
        Self: KnownOwner,
    {
        Err(EINVAL)
    }

    pub fn zap_pages(&self, _range: Range<usize>) -> Result
    where
        Self: KnownOwner,
    {
        Err(EINVAL)
    }
}
