// SPDX-License-Identifier: GPL-2.0
//! Under an rmap lock alone, flags may change at any time; only the layout can be read.

use kernel::mm::vma::{Rmap, Vma, VmaFlag};

fn is_locked_in_memory(vma: &Vma<Rmap>) -> (usize, bool) {
    #[cfg(misuse)]
    let flags = vma.flags(); //~ E0277 "an rmap lock alone permits to read the layout"
    #[cfg(not(misuse))]
    let flags = vma.flags_racy();
    (vma.end() - vma.start(), flags.contains(VmaFlag::LOCKED))
}
