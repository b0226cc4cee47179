// SPDX-License-Identifier: GPL-2.0

//! Checks in functions that cases call. KUnit's `assert!` is that of the cases alone: any other
//! panics, and with it the kernel.

use crate::prelude::*;
use core::panic::Location;

/// Returns `EINVAL` unless the condition holds, and says where.
#[track_caller]
pub(super) fn holds(condition: bool) -> Result {
    if condition {
        return Ok(());
    }
    let caller = Location::caller();
    pr_err!("{}:{}: does not hold\n", caller.file(), caller.line());
    Err(EINVAL)
}
