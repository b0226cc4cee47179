// SPDX-License-Identifier: GPL-2.0
//! A reference to an address space, which may be the last one, is dropped under its mmap lock.

use kernel::mm::{Mm, MmapReadGuard};

fn drop_under(_mmap: &MmapReadGuard<'_>, mm: &Mm) {
    drop(mm.mmget_not_zero());
}
