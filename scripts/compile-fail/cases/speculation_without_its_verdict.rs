// SPDX-License-Identifier: GPL-2.0
//! A speculative read is valid only if the sequence count says so afterwards, so its verdict must
//! be used.
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
