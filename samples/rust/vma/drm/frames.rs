// SPDX-License-Identifier: GPL-2.0

//! A DRM driver whose objects have page frames, which are replaced while they are mapped.

use crate::{
    ioctls::*,
    Counted,
    Device,
    Number,
    DROPPED,
    FAULTS,
    INFO,
    MADE,
    OBJECTS, //
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
            AccessBuffer,
            DeviceMap,
            DriverVma,
            Fault,
            FaultOutcome,
            FrameSlots,
            Frames,
            FramesObject,
            LendsFrames,
            MappableObject,
            ViaMmap,
            VmaOperations,
            VmaSetup, //
        },
        Closing,
        LockOrder,
        MmapRead,
        Opening, //
    },
    page::{
        PAGE_MASK,
        PAGE_SHIFT, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        atomic::Relaxed, //
    },
    uapi, //
};

pub(crate) struct FramesDriver;

type Object = gem::Object<SlotsObject>;

#[vtable]
impl drm::Driver for FramesDriver {
    type Data = Number;
    type RegistrationData<'a> = ();
    type File = FramesFile;
    type Object = Object;
    type ParentDevice<Ctx: device::DeviceContext> = faux::Device<Ctx>;

    const INFO: drm::DriverInfo = INFO;
    const FEAT_RENDER: bool = true;

    kernel::declare_drm_ioctls! {
        (RUST_VMA_CREATE, drm_mode_map_dumb, ioctl::RENDER_ALLOW, FramesFile::create),
        (RUST_VMA_UNMAP, drm_mode_map_dumb, ioctl::RENDER_ALLOW, FramesFile::unmap),
        (RUST_VMA_GET_ID, drm_mode_map_dumb, ioctl::RENDER_ALLOW, FramesFile::get_id),
        (RUST_VMA_DISCARD, drm_mode_map_dumb, ioctl::RENDER_ALLOW, FramesFile::discard),
    }
}

pub(crate) struct FramesFile;

impl drm::file::DriverFile for FramesFile {
    type Driver = FramesDriver;

    fn open(_device: &drm::Device<FramesDriver>) -> Result<Pin<KBox<Self>>> {
        Ok(KBox::new(Self, GFP_KERNEL_ACCOUNT)?.into())
    }
}

impl FramesFile {
    fn create(
        device: &Device<FramesDriver>,
        _data: &(),
        arg: &mut uapi::drm_mode_map_dumb,
        file: &drm::File<Self>,
    ) -> Result<u32> {
        let object = Object::new_mappable(device, crate::size(arg.pad)?, ())?;
        for slot in 0..object.slots.count() {
            object.put(slot)?;
        }

        arg.offset = object.create_mmap_offset()?;
        arg.handle = object.create_handle(file)?;
        Ok(0)
    }

    fn unmap(
        _device: &Device<FramesDriver>,
        _data: &(),
        arg: &mut uapi::drm_mode_map_dumb,
        file: &drm::File<Self>,
    ) -> Result<u32> {
        let object = Object::lookup_handle(file, arg.handle)?;

        object.unmap_mappings(&mut LockOrder::new());
        Ok(0)
    }

    fn get_id(
        device: &Device<FramesDriver>,
        _data: &(),
        arg: &mut uapi::drm_mode_map_dumb,
        _file: &drm::File<Self>,
    ) -> Result<u32> {
        arg.offset = device.id;
        Ok(0)
    }

    fn discard(
        _device: &Device<FramesDriver>,
        _data: &(),
        arg: &mut uapi::drm_mode_map_dumb,
        file: &drm::File<Self>,
    ) -> Result<u32> {
        let object = Object::lookup_handle(file, arg.handle)?;

        for slot in 0..object.slots.count() {
            object.put(slot)?;
        }
        Ok(0)
    }
}

/// The driver's part of an object: a slot for each page.
#[pin_data]
pub(crate) struct SlotsObject {
    #[pin]
    slots: FrameSlots<()>,
    _counted: Counted,
}

impl SlotsObject {
    /// Gives a slot a new page; the old one is no longer mapped.
    fn put(&self, slot: usize) -> Result {
        let frames = Frames::alloc(1, GFP_KERNEL_ACCOUNT)?;
        let frames = KBox::new(frames, GFP_KERNEL_ACCOUNT)?;
        self.slots
            .replace(&mut LockOrder::new(), slot, Some(frames))?;
        Ok(())
    }
}

impl gem::DriverObject for SlotsObject {
    type Driver = FramesDriver;
    type Args = ();

    fn new(
        device: &drm::Device<FramesDriver>,
        size: usize,
        _args: (),
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            slots <- FrameSlots::new(size >> PAGE_SHIFT, 1, GFP_KERNEL_ACCOUNT, ()),
            _: { slots.attach_drm(device)? },
            _counted: Counted::new(&OBJECTS),
        })
    }
}

impl MappableObject for SlotsObject {
    type Ops = FramesOps;

    fn mmap_setup<'a>(_object: &'a Object, mut vma: VmaSetup<'a>) -> Result<VmaSetup<'a>> {
        vma.require_shared()?;
        vma.try_clear_mayexec()?;
        MADE.fetch_add(1, Relaxed);
        Ok(vma)
    }
}

impl FramesObject for SlotsObject {
    fn frames(object: &Object) -> &dyn LendsFrames {
        &object.slots
    }
}

pub(crate) struct FramesOps;

kernel::vm_operations!(FramesOps);

#[vtable]
impl VmaOperations for FramesOps {
    type Data = ARef<Object>;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn open(_vma: &DriverVma<Self, Opening>) {
        MADE.fetch_add(1, Relaxed);
    }

    fn close(_vma: &DriverVma<Self, Closing>) {
        DROPPED.fetch_add(1, Relaxed);
    }

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        FAULTS.fetch_add(1, Relaxed);
        match fault.data().page_index(fault.pgoff()) {
            Some(page) => fault.insert_pfn(page),
            None => fault.sigbus(),
        }
    }

    fn access(
        vma: &DriverVma<Self, MmapRead>,
        addr: usize,
        buffer: &mut AccessBuffer<'_>,
    ) -> Result {
        let pgoff = vma.pgoff() + ((addr - vma.start()) >> PAGE_SHIFT);
        let page = vma.data().page_index(pgoff).ok_or(EINVAL)?;
        let in_page = addr & !PAGE_MASK;
        vma.data()
            .slots
            .access((page << PAGE_SHIFT) + in_page, buffer)
    }
}
