// SPDX-License-Identifier: GPL-2.0
//! The kernel calls `.mmap_prepare` alone where a file has both hooks, so a device has one.

use kernel::fs::File;
use kernel::miscdevice::{MiscDevice, MiscDeviceOptions, MiscDeviceRegistration};
#[cfg(misuse)]
use kernel::mm::vma::driver::{Mapped, VmaSetup};
use kernel::mm::vma::driver::{Prepared, VmaDesc};
use kernel::prelude::*;

include!("support/module.rs");

struct Device;

#[vtable]
impl MiscDevice for Device {
    type Ptr = KBox<Self>;

    fn open(_: &File, _: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        Err(ENODEV)
    }

    #[cfg(misuse)]
    fn mmap_setup<'a>(_: &'a Self, _: &'a File, _: VmaSetup<'a>) -> Result<Mapped<'a>> {
        Err(ENODEV)
    }

    fn mmap_prepare<'a>(_: &'a Self, _: &'a File, _: VmaDesc<'a>) -> Result<Prepared<'a>> {
        Err(ENODEV)
    }
}

const _: () = {
    let options = MiscDeviceOptions { name: c"case" };
    let _ = options.into_raw::<Device>(); //~ E0080 "a file has one mmap hook at most"
};
