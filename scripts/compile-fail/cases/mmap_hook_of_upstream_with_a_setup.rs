// SPDX-License-Identifier: GPL-2.0
//! The hook `mmap` is upstream's. rustc asks for its `VmaNew` there, and the methods of a `VmaSetup`
//! that are called on that name the hook to implement.

use kernel::fs::File;
use kernel::miscdevice::{MiscDevice, MiscDeviceRegistration};
#[cfg(misuse)]
use kernel::mm::virt::VmaNew;
#[cfg(not(misuse))]
use kernel::mm::vma::driver::{Mapped, VmaSetup};
use kernel::mm::vma::driver::{Plain, ViaMmap, VmaOperations};
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
    fn mmap(_: &Self, _: &File, vma: &VmaNew) -> Result {
        vma.require_shared()?; //~ E0277 "needs a `VmaSetup`, which the hook `mmap_setup()` is handed"
        vma.mixedmap(); //~ E0277 "a `VmaNew` takes no operations and no private data"
        vma.pfnmap()?; //~ E0277 "implement `mmap_setup()` in place of `mmap()`"
        Ok(vma.with_ops::<Ops>(())) //~ E0277 "implement `mmap_setup()` in place of `mmap()`"
    }

    #[cfg(not(misuse))]
    fn mmap_setup<'a>(_: &'a Self, _: &'a File, vma: VmaSetup<'a>) -> Result<Mapped<'a>> {
        vma.require_shared()?;
        Ok(vma.with_ops::<Ops>(()))
    }
}
