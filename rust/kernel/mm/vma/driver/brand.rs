// SPDX-License-Identifier: GPL-2.0

//! A lifetime that stands for one call of a driver.

use core::marker::PhantomData;

/// Marks what belongs to one call.
///
/// It is invariant: the lifetime can be neither shortened nor extended. So what is made of the
/// argument of a call can be returned from that call only, and not from another one that goes on at
/// the same time.
pub(super) type Brand<'a> = PhantomData<fn(&'a ()) -> &'a ()>;
