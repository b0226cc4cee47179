// SPDX-License-Identifier: GPL-2.0
//! A name is counted: a setter may replace the VMA's own while it is in use.

use kernel::mm::vma::LockOrder;
use kernel::{
    error::Result,
    mm::vma::{AnonVmaName, Vma, VmaWrite},
    sync::aref::ARef,
};

#[cfg(misuse)]
fn name(vma: &Vma<VmaWrite>) -> Option<&AnonVmaName> {
    vma.anon_name() //~ E0308 "expected `Option<&AnonVmaName>`, found `Option<ARef<AnonVmaName>>`"
}

#[cfg(not(misuse))]
fn name(vma: &Vma<VmaWrite>) -> Option<ARef<AnonVmaName>> {
    vma.anon_name()
}

fn take_away(vma: &Vma<VmaWrite>) -> Result<bool> {
    let name = name(vma);
    vma.set_anon_name(&mut LockOrder::new(), None)?;
    Ok(name.is_some())
}
