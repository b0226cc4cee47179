// SPDX-License-Identifier: GPL-2.0
//! The mmap lock of the current task is taken by a function that may be called with locks held.

use kernel::current;
use kernel::prelude::*;

fn anywhere() -> Result {
    let task = current!();
    let mm = task.mm().ok_or(EINVAL)?;
    drop(mm.mmap_read_lock());
    Ok(())
}
