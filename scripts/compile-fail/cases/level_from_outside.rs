// SPDX-License-Identifier: GPL-2.0
//! The set of levels is closed.

use kernel::mm::vma::{level::LockState, Level, MmapRead, Vma};

#[cfg(misuse)]
enum Everything {}

#[cfg(misuse)]
impl Level for Everything {
    //~^ E0277 "`Level` is a \"sealed trait\""
    const NAME: &'static str = "Everything";
    const HELD: &'static [LockState] = MmapRead::HELD;
}

fn name<L: Level>(_: &Vma<L>) -> (&'static str, &'static [LockState]) {
    (L::NAME, L::HELD)
}

fn names(vma: &Vma<MmapRead>) -> &'static str {
    name(vma).0
}
