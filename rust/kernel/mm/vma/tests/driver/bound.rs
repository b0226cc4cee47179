// SPDX-License-Identifier: GPL-2.0

//! Devices that are bound.

use crate::{
    device::{
        Bound,
        Device, //
    },
    faux::Registration,
    prelude::*,
    str::CString,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

static DEVICES: Atomic<u32> = Atomic::new(0);

/// Makes a device that is bound until the registration is dropped.
pub(super) fn bind() -> Result<Registration> {
    // A test that fails leaves its device behind.
    let number = DEVICES.fetch_add(1, Relaxed);
    let name = CString::try_from_fmt(fmt!("rust_vma_kunit.{number}"))?;
    Registration::new(&name, None)
}

pub(super) fn bound_device(bound: &Registration) -> &Device<Bound> {
    let faux: &crate::faux::Device<Bound> = bound.as_ref();
    faux.as_ref()
}
