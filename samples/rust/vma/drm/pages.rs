// SPDX-License-Identifier: GPL-2.0

//! A DRM driver whose objects have pages of its own, which page faults map.

use crate::{
    ioctls::*,
    Counted,
    Device,
    Number,
    DROPPED,
    FAULTS,
    INFO,
    MADE,
    OBJECTS,
    PAGES, //
};
use kernel::{
    device,
    drm::{
        self,
        gem::{
            self,
            BaseObject, //
        },
        ioctl, //
    },
    faux,
    mm::vma::{
        driver::{
            DriverVma,
            Fault,
            FaultOutcome,
            MappableObject,
            Plain,
            SharedPage,
            ViaMmap,
            VmaOperations,
            VmaSetup, //
        },
        Closing,
        LockOrder,
        Opening, //
    },
    new_mutex,
    page::PAGE_SHIFT,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::Relaxed,
        Mutex, //
    },
    uapi, //
};

pub(crate) struct PagesDriver;

type Object = gem::Object<PagesObject>;

#[vtable]
impl drm::Driver for PagesDriver {
    type Data = Number;
    type RegistrationData<'a> = ();
    type File = PagesFile;
    type Object = Object;
    type ParentDevice<Ctx: device::DeviceContext> = faux::Device<Ctx>;

    const INFO: drm::DriverInfo = INFO;
    const FEAT_RENDER: bool = true;

    kernel::declare_drm_ioctls! {
        (RUST_VMA_CREATE, drm_mode_map_dumb, ioctl::RENDER_ALLOW, PagesFile::create),
        (RUST_VMA_UNMAP, drm_mode_map_dumb, ioctl::RENDER_ALLOW, PagesFile::unmap),
        (RUST_VMA_GET_ID, drm_mode_map_dumb, ioctl::RENDER_ALLOW, PagesFile::get_id),
    }
}

pub(crate) struct PagesFile;

impl drm::file::DriverFile for PagesFile {
    type Driver = PagesDriver;

    fn open(_device: &drm::Device<PagesDriver>) -> Result<Pin<KBox<Self>>> {
        Ok(KBox::new(Self, GFP_KERNEL_ACCOUNT)?.into())
    }
}

impl PagesFile {
    fn create(
        device: &Device<PagesDriver>,
        _data: &(),
        arg: &mut uapi::drm_mode_map_dumb,
        file: &drm::File<Self>,
    ) -> Result<u32> {
        let object = Object::new_mappable(device, crate::size(arg.pad)?, ())?;

        arg.offset = object.create_mmap_offset()?;
        arg.handle = object.create_handle(file)?;
        Ok(0)
    }

    fn unmap(
        _device: &Device<PagesDriver>,
        _data: &(),
        arg: &mut uapi::drm_mode_map_dumb,
        file: &drm::File<Self>,
    ) -> Result<u32> {
        let object = Object::lookup_handle(file, arg.handle)?;

        object.unmap_mappings(&mut LockOrder::new());
        Ok(0)
    }

    fn get_id(
        device: &Device<PagesDriver>,
        _data: &(),
        arg: &mut uapi::drm_mode_map_dumb,
        _file: &drm::File<Self>,
    ) -> Result<u32> {
        arg.offset = device.id;
        Ok(0)
    }
}

/// The driver's part of an object: pages, which are made when they are first accessed.
#[pin_data]
pub(crate) struct PagesObject {
    #[pin]
    pages: Mutex<KVVec<Option<Page>>>,
    _counted: Counted,
}

/// A page, and that it is counted.
struct Page {
    memory: SharedPage,
    _counted: Counted,
}

impl gem::DriverObject for PagesObject {
    type Driver = PagesDriver;
    type Args = ();

    fn new(
        _device: &drm::Device<PagesDriver>,
        size: usize,
        _args: (),
    ) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(move || {
            let mut pages = KVVec::with_capacity(size >> PAGE_SHIFT, GFP_KERNEL_ACCOUNT)?;
            for _ in 0..size >> PAGE_SHIFT {
                pages.push(None, GFP_KERNEL_ACCOUNT)?;
            }

            Ok(try_pin_init!(Self {
                pages <- new_mutex!(pages),
                _counted: Counted::new(&OBJECTS),
            }))
        })
    }
}

impl MappableObject for PagesObject {
    type Ops = PagesOps;

    fn mmap_setup<'a>(_object: &'a Object, mut vma: VmaSetup<'a>) -> Result<VmaSetup<'a>> {
        vma.try_clear_mayexec()?;
        MADE.fetch_add(1, Relaxed);
        Ok(vma)
    }
}

pub(crate) struct PagesOps;

kernel::vm_operations!(PagesOps);

#[vtable]
impl VmaOperations for PagesOps {
    type Data = ARef<Object>;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn open(_vma: &DriverVma<Self, Opening>) {
        MADE.fetch_add(1, Relaxed);
    }

    fn close(_vma: &DriverVma<Self, Closing>) {
        DROPPED.fetch_add(1, Relaxed);
    }

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        FAULTS.fetch_add(1, Relaxed);
        let object: ARef<Object> = fault.data().into();
        let Some(index) = object.page_index(fault.pgoff()) else {
            return fault.sigbus();
        };

        let mut pages = object.pages.lock();
        let Some(slot) = pages.get_mut(index) else {
            return fault.sigbus();
        };
        if slot.is_none() {
            match SharedPage::new(GFP_KERNEL_ACCOUNT) {
                Ok(memory) => {
                    *slot = Some(Page {
                        memory,
                        _counted: Counted::new(&PAGES),
                    })
                }
                Err(e) => return fault.error(e.into()),
            }
        }
        match slot {
            Some(page) => fault.page(&page.memory),
            None => fault.sigbus(),
        }
    }
}
