// SPDX-License-Identifier: GPL-2.0
//! The hook `mmap` of a misc device is upstream's, whose signature rustc asks for. The documentation
//! of that method names the hook that is handed a `VmaSetup`.

use kernel::fs::File;
use kernel::miscdevice::{MiscDevice, MiscDeviceRegistration};
use kernel::mm::vma::driver::{Mapped, Plain, ViaMmap, VmaOperations, VmaSetup};
use kernel::prelude::*;

include!("support/module.rs");

struct Ops;
kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmap;
}

struct Device;

#[vtable]
impl MiscDevice for Device {
    type Ptr = KBox<Self>;

    fn open(_: &File, _: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        Err(ENODEV)
    }

    #[cfg(misuse)]
    fn mmap<'a>(_: &'a Self, _: &'a File, vma: VmaSetup<'a>) -> Result<Mapped<'a>> {
        //~^ E0053 "expected `&VmaNew`, found `VmaSetup<'_>`"
        Ok(vma.with_ops::<Ops>(()))
    }

    #[cfg(not(misuse))]
    fn mmap_setup<'a>(_: &'a Self, _: &'a File, vma: VmaSetup<'a>) -> Result<Mapped<'a>> {
        Ok(vma.with_ops::<Ops>(()))
    }
}
