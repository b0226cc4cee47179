// SPDX-License-Identifier: GPL-2.0
//! The mmap lock is taken of an address space that may have no users.

use kernel::mm::Mm;

fn lock(mm: &Mm) {
    drop(mm.mmap_read_lock()); //~ E0599 "no method named `mmap_read_lock` found for reference `&Mm`"
}
