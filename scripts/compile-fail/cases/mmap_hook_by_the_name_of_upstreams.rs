// SPDX-License-Identifier: GPL-2.0
//! A misc device has no hook `mmap`, which would be handed a VMA that takes no operations.

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

#[vtable] //~ E0438 "const `HAS_MMAP` is not a member of trait `MiscDevice`"
impl MiscDevice for Device {
    type Ptr = KBox<Self>;

    fn open(_: &File, _: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        Err(ENODEV)
    }

    #[cfg(misuse)]
    fn mmap<'a>(_: &'a Self, _: &'a File, vma: VmaSetup<'a>) -> Result<Mapped<'a>> {
        //~^ E0407 "method `mmap` is not a member of trait `MiscDevice`"
        Ok(vma.with_ops::<Ops>(()))
    }

    #[cfg(not(misuse))]
    fn mmap_setup<'a>(_: &'a Self, _: &'a File, vma: VmaSetup<'a>) -> Result<Mapped<'a>> {
        Ok(vma.with_ops::<Ops>(()))
    }
}
