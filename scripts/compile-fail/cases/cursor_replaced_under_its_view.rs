// SPDX-License-Identifier: GPL-2.0
//! Two cursors may change places, but not while a view of one is used.

use core::mem::swap;
use kernel::mm::vma::VmaCursor;
use kernel::prelude::*;

fn swapped<'s>(mut mine: VmaCursor<'s>, mut other: VmaCursor<'s>) -> Result<usize> {
    #[cfg(misuse)]
    let view = mine.lock_next()?;
    swap(&mut mine, &mut other); //~ E0499 "cannot borrow `mine` as mutable more than once at a time"
    #[cfg(not(misuse))]
    let view = mine.lock_next()?;
    Ok(view.map_or(0, |vma| vma.end()))
}
