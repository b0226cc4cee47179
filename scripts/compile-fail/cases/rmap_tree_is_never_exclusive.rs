// SPDX-License-Identifier: GPL-2.0
//! Objects of C are seen behind shared references only, so two of them cannot be swapped.

use kernel::mm::vma::rmap::{AnonVma, IMmap};

#[cfg(misuse)]
fn swap(files: [&IMmap; 2], anonymous: [&AnonVma; 2]) {
    let [a, b] = files;
    core::mem::swap(&mut *a, &mut *b); //~ E0596 "cannot borrow `*a` as mutable"
    //~^ E0596 "cannot borrow `*b` as mutable"
    let [c, d] = anonymous;
    core::mem::swap(&mut *c, &mut *d); //~ E0596 "cannot borrow `*c` as mutable"
    //~^ E0596 "cannot borrow `*d` as mutable"
}

#[cfg(not(misuse))]
fn swap(mut files: [&IMmap; 2], mut anonymous: [&AnonVma; 2]) -> bool {
    files.swap(0, 1);
    anonymous.swap(0, 1);
    core::ptr::eq(files[0], files[1]) && core::ptr::eq(anonymous[0], anonymous[1])
}
