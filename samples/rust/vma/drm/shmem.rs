// SPDX-License-Identifier: GPL-2.0

//! A DRM driver whose objects are shmem objects with write-combined pages. C maps them.

use crate::{
    ioctls::*,
    Counted,
    Device,
    Number,
    INFO,
    OBJECTS, //
};
use kernel::{
    device,
    drm::{
        self,
        gem::{
            self,
            shmem,
            BaseObject, //
        },
        ioctl, //
    },
    faux,
    prelude::*,
    uapi, //
};

pub(crate) struct ShmemDriver;

#[vtable]
impl drm::Driver for ShmemDriver {
    type Data = Number;
    type RegistrationData<'a> = ();
    type File = ShmemFile;
    type Object = shmem::Object<ShmemObject>;
    type ParentDevice<Ctx: device::DeviceContext> = faux::Device<Ctx>;

    const INFO: drm::DriverInfo = INFO;
    const FEAT_RENDER: bool = true;

    kernel::declare_drm_ioctls! {
        (RUST_VMA_CREATE, drm_mode_map_dumb, ioctl::RENDER_ALLOW, ShmemFile::create),
        (RUST_VMA_UNMAP, drm_mode_map_dumb, ioctl::RENDER_ALLOW, ShmemFile::unmap),
        (RUST_VMA_GET_ID, drm_mode_map_dumb, ioctl::RENDER_ALLOW, ShmemFile::get_id),
    }
}

pub(crate) struct ShmemFile;

impl drm::file::DriverFile for ShmemFile {
    type Driver = ShmemDriver;

    fn open(_device: &drm::Device<ShmemDriver>) -> Result<Pin<KBox<Self>>> {
        Ok(KBox::new(Self, GFP_KERNEL_ACCOUNT)?.into())
    }
}

impl ShmemFile {
    fn create(
        device: &Device<ShmemDriver>,
        _data: &(),
        arg: &mut uapi::drm_mode_map_dumb,
        file: &drm::File<Self>,
    ) -> Result<u32> {
        let config = shmem::ObjectConfig {
            map_wc: true,
            ..Default::default()
        };
        let object = shmem::Object::<ShmemObject>::new(device, crate::size(arg.pad)?, config, ())?;

        arg.offset = object.create_mmap_offset()?;
        arg.handle = object.create_handle(file)?;
        Ok(0)
    }

    fn unmap(
        _device: &Device<ShmemDriver>,
        _data: &(),
        _arg: &mut uapi::drm_mode_map_dumb,
        _file: &drm::File<Self>,
    ) -> Result<u32> {
        Err(EOPNOTSUPP)
    }

    fn get_id(
        device: &Device<ShmemDriver>,
        _data: &(),
        arg: &mut uapi::drm_mode_map_dumb,
        _file: &drm::File<Self>,
    ) -> Result<u32> {
        arg.offset = device.id;
        Ok(0)
    }
}

/// The driver's part of an object: it is counted.
#[pin_data]
pub(crate) struct ShmemObject {
    _counted: Counted,
}

impl gem::DriverObject for ShmemObject {
    type Driver = ShmemDriver;
    type Args = ();

    fn new(
        _device: &drm::Device<ShmemDriver>,
        _size: usize,
        _args: (),
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _counted: Counted::new(&OBJECTS),
        })
    }
}
