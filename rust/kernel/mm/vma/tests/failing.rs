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

/// How often each number of allocations is tried.
///
/// The slab allocator has allocations of its own, and copes if they fail. It makes them when it has
/// to, so the number of one of the caller's allocations is not the same in two calls.
const TRIES: usize = 8;

/// Calls `call` with what `prepare` makes, so that its first allocation fails, then its second one,
/// until all have succeeded. Returns the result, and for how many numbers `call` has failed.
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
        let (mut is_failure, mut is_reached, mut last) = (false, false, None);
        for _ in 0..TRIES {
            // A result of before gives back what it has.
            last = None;
            let prepared = prepare()?;
            set_fail_nth(nth);
            let result = call(prepared);
            let failed = set_fail_nth(0) == 0;

            is_reached |= failed;
            match result {
                Err(ENOMEM) if failed => is_failure = true,
                Err(e) => return Err(e),
                Ok(result) => last = Some(result),
            }
        }
        failures += u32::from(is_failure);
        match last {
            Some(result) if !is_reached => return Ok((result, failures)),
            _ => {}
        }
    }
    Err(EIO)
}
