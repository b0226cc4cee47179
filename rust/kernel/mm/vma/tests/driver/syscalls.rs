// SPDX-License-Identifier: GPL-2.0

#![cfg(not(CONFIG_UML))]

//! System calls on the current task's address space that nothing else in the kernel can make.

use super::super::address_space::Mapping;
use crate::{
    bindings,
    prelude::*, //
};

fn call(nr: u32, args: [usize; 5]) -> Result<usize> {
    let [a, b, c, d, e] = args;

    // SAFETY: These system calls take numbers only, and check them as those of user space.
    let result = unsafe { bindings::vma_kunit_syscall(nr, a, b, c, d, e) };
    if (-(bindings::MAX_ERRNO as isize)..0).contains(&result) {
        return Err(Error::from_errno(result as i32));
    }
    Ok(result as usize)
}

pub(super) fn mprotect(start: usize, len: usize, prot: u32) -> Result {
    call(bindings::__NR_mprotect, [start, len, prot as usize, 0, 0]).map(drop)
}

/// Maps a page of a mapping's file in its place, as it is mapped.
pub(super) fn remap_file_pages(start: usize, len: usize, pgoff: usize) -> Result {
    call(bindings::__NR_remap_file_pages, [start, len, 0, pgoff, 0]).map(drop)
}

/// Moves a mapping to an address.
pub(super) fn mremap_to(old: Mapping, addr: usize) -> Result<Mapping> {
    let flags = bindings::MREMAP_MAYMOVE | bindings::MREMAP_FIXED;
    let start = call(
        bindings::__NR_mremap,
        [old.start, old.len, old.len, flags as usize, addr],
    )?;
    Ok(Mapping {
        start,
        len: old.len,
    })
}
