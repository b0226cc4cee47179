// SPDX-License-Identifier: GPL-2.0
#![cfg(all(CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS))]

//! Slab allocations that fail, one after the other (C: `fault-injection.rst`, `fail-nth`).

use crate::{
    bindings,
    prelude::*, //
};
use core::ptr::NonNull;

/// Returns the value of a file of `failslab` in debugfs.
fn setting<T>(name: &CStr) -> Result<NonNull<T>> {
    // SAFETY: The names are strings. A directory and a file of debugfs have inodes, and that of
    // such a file the address of its value, which is static. The references are dropped.
    unsafe {
        let failslab = bindings::debugfs_lookup(c"failslab".as_char_ptr(), core::ptr::null_mut());
        if failslab.is_null() {
            return Err(ENOENT);
        }
        let file = bindings::debugfs_lookup(name.as_char_ptr(), failslab);
        bindings::dput(failslab);
        if file.is_null() {
            return Err(ENOENT);
        }
        let value = (*(*file).d_inode).i_private;
        bindings::dput(file);
        NonNull::new(value.cast()).ok_or(EINVAL)
    }
}

fn set_fail_nth(nth: u32) -> u32 {
    // SAFETY: A task reads and writes its own.
    unsafe {
        let task = bindings::get_current();
        let before = (&raw const (*task).fail_nth).read_volatile();
        (&raw mut (*task).fail_nth).write_volatile(nth);
        before
    }
}

/// Calls `call` with what `prepare` makes, so that its first allocation fails, then its second one,
/// until it succeeds although none fails. Returns the result, and how often `call` has failed.
pub(super) fn each_allocation<P, R>(
    mut prepare: impl FnMut() -> Result<P>,
    mut call: impl FnMut(P) -> Result<R>,
) -> Result<(R, u32)> {
    // SAFETY: C reads these by plain loads at any time, for other tasks too, none of which has a
    // number of allocations until one fails.
    unsafe {
        // dma-debug has a tree of what is mapped. If it gets no node, it reports nothing from then
        // on, and a leak would not be seen.
        bindings::vma_kunit_spare_radix_trees();
        setting::<bool>(c"cache-filter")?.write_volatile(true);
        setting::<bool>(c"ignore-gfp-wait")?.write_volatile(false);
        setting::<c_ulong>(c"verbose")?.write_volatile(0);
    }

    let mut failures = 0;
    for nth in 1.. {
        let prepared = prepare()?;
        set_fail_nth(nth);
        let result = call(prepared);
        let is_reached = set_fail_nth(0) == 0;
        match result {
            Err(ENOMEM) if is_reached => failures += 1,
            Err(e) => return Err(e),
            // A failed allocation that C copes with.
            Ok(_) if is_reached => {}
            Ok(result) => return Ok((result, failures)),
        }
    }
    Err(EIO)
}
