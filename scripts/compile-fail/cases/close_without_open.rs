// SPDX-License-Identifier: GPL-2.0
//! The VMAs that fork, a split and mremap() make are closed as the first one is: what `close` counts
//! down must have been counted up for them (the shape of CVE-2026-23380).

#[cfg(not(misuse))]
use kernel::mm::vma::Opening;
use kernel::mm::vma::{
    driver::{DriverVma, Plain, ViaMmap, VmaOperations},
    Closing,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};

include!("support/module.rs");

struct Ops;
kernel::vm_operations!(Ops); //~ E0080 "operations with `close` need `open`"

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<Atomic<usize>>;
    type PageKind = Plain;
    type Hook = ViaMmap;

    #[cfg(not(misuse))]
    fn open(vma: &DriverVma<Self, Opening>) {
        vma.data().fetch_add(1, Relaxed);
    }

    fn close(vma: &DriverVma<Self, Closing>) {
        vma.data().fetch_sub(1, Relaxed);
    }
}
