// SPDX-License-Identifier: GPL-2.0
//! `close` counts down what `open` has not counted up.

use kernel::mm::vma::{
    driver::{DriverVma, Plain, ViaMmap, VmaOperations},
    Closing, Opening,
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc,
    },
};

include!("../../compile-fail/cases/support/module.rs");

struct Ops;
kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<Atomic<usize>>;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn open(_: &DriverVma<Self, Opening>) {}

    fn close(vma: &DriverVma<Self, Closing>) {
        vma.data().fetch_sub(1, Relaxed);
    }
}
