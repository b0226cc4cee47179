// SPDX-License-Identifier: GPL-2.0
//! Whether what was seen can be trusted is known only afterwards, and has to be asked.
#![deny(unused_must_use)]

use kernel::mm::vma::{SpeculationError, VmaLocks};

#[cfg(misuse)]
fn is_mapped(locks: &VmaLocks<'_>, addr: usize) -> bool {
    locks.speculate(|mm| mm.lookup(addr).is_some()) //~ E0308 "expected `bool`, found `Result<bool, SpeculationError>`"
}
#[cfg(not(misuse))]
fn is_mapped(locks: &VmaLocks<'_>, addr: usize) -> Result<bool, SpeculationError> {
    locks.speculate(|mm| mm.lookup(addr).is_some())
}
