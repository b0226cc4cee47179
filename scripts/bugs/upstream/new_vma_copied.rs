// SPDX-License-Identifier: GPL-2.0
//! A VMA that is being set up is copied to the stack.

use kernel::mm::virt::{VmaMixedMap, VmaNew};

fn copy(vma: &VmaNew) -> VmaNew {
    *vma //~ E0507 "cannot move out of `*vma` which is behind a shared reference"
}

fn copy_mixed(vma: &VmaNew) -> VmaMixedMap {
    *vma.set_mixedmap() //~ E0507 "cannot move out of a shared reference"
}
