// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_DRM = "y")]

//! GEM objects whose VMAs map page frames: their own, those of a device, and such that are
//! replaced.

#[cfg(not(CONFIG_UML))]
use super::syscalls::mprotect;
use super::{
    super::{
        address_space::{
            peek,
            peek_if_mapped,
            poke,
            unmap,
            AddressSpace,
            Mapping, //
        },
        second_task::wait_until, //
    },
    bound::bind,
    device::{
        Counted,
        Device,
        Hook,
        Shared, //
    },
    device_memory,
    gem::{
        export,
        importer, //
    },
};
use crate::{
    bindings,
    device,
    drm::{
        self,
        gem,
        UnregisteredDevice, //
    },
    faux,
    mm::vma::{
        driver::{
            DeviceMap,
            Fault,
            FaultOutcome,
            FrameSlots,
            Frames,
            FramesObject,
            LendsFrames,
            MappableObject,
            Pieces,
            ViaMmap,
            VmaOperations,
            VmaSetup, //
        },
        LockOrder,
        VmaFlag, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};

const PAGES: usize = 3;
const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;
const RDWR: u32 = bindings::O_RDWR;

struct Driver;
struct File;
type Object = gem::Object<Part>;

/// The driver's part of an object.
struct Part {
    memory: Memory,
    _counted: Counted,
}

/// The memory of an object.
enum Memory {
    Own(Pieces),
    /// From a frame of it on.
    Device(device_memory::Memory, usize),
    Slots(Arc<FrameSlots<()>>),
}

impl drm::file::DriverFile for File {
    type Driver = Driver;

    fn open(_device: &drm::Device<Driver>) -> Result<Pin<KBox<Self>>> {
        Ok(KBox::new(Self, GFP_KERNEL)?.into())
    }
}

#[vtable]
impl drm::Driver for Driver {
    type Data = Counted;
    type RegistrationData<'a> = ();
    type File = File;
    type Object = Object;
    type ParentDevice<Ctx: device::DeviceContext> = faux::Device<Ctx>;

    const INFO: drm::DriverInfo = drm::DriverInfo {
        major: 0,
        minor: 0,
        patchlevel: 0,
        name: c"kunit",
        desc: c"KUnit",
    };
    const IOCTLS: &'static [drm::ioctl::DrmIoctlDescriptor] = &[];
}

impl gem::DriverObject for Part {
    type Driver = Driver;
    type Args = Part;

    fn new(_device: &drm::Device<Driver>, _size: usize, part: Part) -> impl PinInit<Self, Error> {
        Ok(part)
    }
}

impl MappableObject for Part {
    type Ops = Ops;

    fn mmap_setup<'a>(_object: &'a Object, vma: VmaSetup<'a>) -> Result<VmaSetup<'a>> {
        Ok(vma)
    }
}

impl FramesObject for Part {
    fn frames(object: &Object) -> &dyn LendsFrames {
        match &object.memory {
            Memory::Own(pieces) => pieces,
            Memory::Device(memory, _) => &**memory,
            Memory::Slots(slots) => &**slots,
        }
    }
}

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = ARef<Object>;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let object = fault.data();
        let first = match &object.memory {
            Memory::Device(_, first) => *first,
            _ => 0,
        };
        match object.page_index(fault.pgoff()) {
            Some(page) => fault.insert_pfn(first + page),
            None => fault.sigbus(),
        }
    }
}

/// DRM devices, whose data and objects are counted.
struct Bench {
    mm: AddressSpace,
    shared: Arc<Shared>,
    _parent: faux::Registration,
}

impl Bench {
    fn new() -> Result<Self> {
        Ok(Self {
            mm: AddressSpace::of_this_case()?,
            shared: Shared::new(0)?,
            _parent: bind()?,
        })
    }

    fn device(&self) -> Result<UnregisteredDevice<Driver>> {
        UnregisteredDevice::new(self._parent.as_ref(), Ok(Counted::new(&self.shared)))
    }

    fn object(&self, drm: &drm::Device<Driver>, memory: Memory) -> Result<ARef<Object>> {
        let part = Part {
            memory,
            _counted: Counted::new(&self.shared),
        };
        Object::new_mappable(drm, PAGES * PAGE_SIZE, part)
    }

    /// Returns how many devices and objects there are.
    fn live(&self) -> i32 {
        let (made, dropped) = self.shared.counts();
        made - dropped
    }

    /// Maps an object through another file, and through a DMA buffer.
    fn map_twice(&self, object: &ARef<Object>) -> Result<[Mapping; 2]> {
        let file = file_of(object.clone())?;
        let buf = importer(export(object, RDWR)?)?;

        Ok([
            self.mm
                .map_file_as(&*file.open()?, 0, PAGES, RW, bindings::MAP_SHARED, 0)?,
            self.mm
                .map_file_as(&*buf.open()?, 0, PAGES, RW, bindings::MAP_SHARED, 0)?,
        ])
    }
}

/// A device that maps an object as a driver does for another file.
fn file_of(object: ARef<Object>) -> Result<KBox<Device<ARef<Object>>>> {
    Device::new(object, Hook::Mmap(|object, setup| object.mmap(setup)))
}

/// A page, and two that are one, which begin with 1 and 2.
fn pieces() -> Result<Pieces> {
    let mut pieces = Pieces::new();
    for (byte, frames) in [
        (1, Frames::alloc(1, GFP_KERNEL)?),
        (2, Frames::alloc_dummy(2, GFP_KERNEL)?),
    ] {
        frames.write(0, &[byte])?;
        pieces.push(frames, GFP_KERNEL)?;
    }
    Ok(pieces)
}

/// Returns the first bytes of the pages of a mapping.
fn bytes(mapping: Mapping) -> [Result<u8>; PAGES] {
    core::array::from_fn(|page| peek(mapping.start + page * PAGE_SIZE))
}

fn is_mapped(mapping: Mapping) -> bool {
    (0..PAGES).any(|page| peek_if_mapped(mapping.start + page * PAGE_SIZE).is_some())
}

const NOTHING: [Result<u8>; PAGES] = [Err(EFAULT); PAGES];

#[kunit_tests(rust_vma_gem_frames)]
mod tests {
    use super::*;

    #[test]
    fn object_maps_its_own_frames() -> Result {
        let bench = Bench::new()?;
        let drm = bench.device()?;
        let object = bench.object(&drm, Memory::Own(pieces()?))?;
        let [by_file, by_buffer] = bench.map_twice(&object)?;

        assert_eq!(bytes(by_file), [Ok(1), Ok(2), Ok(2)]);
        poke(by_buffer.start + PAGE_SIZE, 3)?;
        assert_eq!(bytes(by_file), [Ok(1), Ok(3), Ok(3)]);

        // Both are mappings of the DRM device.
        assert!(is_mapped(by_file) && is_mapped(by_buffer));
        object.unmap_mappings(&mut LockOrder::new());
        assert!(!is_mapped(by_file) && !is_mapped(by_buffer));
        assert_eq!(bytes(by_buffer), [Ok(1), Ok(3), Ok(3)]);

        // They keep the object, and that the frames.
        drop((object, drm));
        assert_eq!(bytes(by_file), [Ok(1), Ok(3), Ok(3)]);
        assert_eq!(bench.live(), 2);
        unmap(by_file.start, by_file.len)?;
        unmap(by_buffer.start, by_buffer.len)?;
        assert!(wait_until(|| bench.live() == 0));
        Ok(())
    }

    #[test]
    fn objects_of_device_memory_end_with_it() -> Result {
        let vram = device_memory::Bench::new()?;
        let bench = Bench::new()?;
        let drm = bench.device()?;
        vram.memory().attach_drm(&drm)?;
        let object = bench.object(&drm, Memory::Device(vram.memory().clone(), 1))?;
        let [by_file, by_buffer] = bench.map_twice(&object)?;
        let whole = vram.map()?;

        let all = [Ok(71), Ok(72), Ok(73)];
        assert_eq!((bytes(by_file), bytes(by_buffer)), (all, all));
        assert_eq!(peek(whole.start + PAGE_SIZE)?, 71);
        object.unmap_mappings(&mut LockOrder::new());
        assert!(!is_mapped(by_file) && !is_mapped(by_buffer) && is_mapped(whole));
        assert_eq!((bytes(by_file), bytes(by_buffer)), (all, all));

        vram.memory().suspend(&mut LockOrder::new());
        assert!(!is_mapped(by_file) && !is_mapped(by_buffer) && !is_mapped(whole));
        assert_eq!((bytes(by_file), bytes(by_buffer)), (NOTHING, NOTHING));
        vram.memory().resume(&mut LockOrder::new());
        assert_eq!((bytes(by_file), bytes(by_buffer)), (all, all));

        // The memory is unmapped before it is released.
        vram.watch(by_buffer.start);
        assert!(vram.unbind_unmapped());
        assert!(!is_mapped(by_file) && !is_mapped(by_buffer));
        assert_eq!((bytes(by_file), bytes(by_buffer)), (NOTHING, NOTHING));
        Ok(())
    }

    #[test]
    fn unbound_memory_gives_the_drm_device_back() -> Result {
        let vram = device_memory::Bench::new()?;
        let bench = Bench::new()?;
        let drm = bench.device()?;
        vram.memory().attach_drm(&drm)?;

        drop(drm);
        assert_eq!(bench.live(), 1);
        let memory = vram.memory().clone();
        assert!(vram.unbind_unmapped());
        assert!(wait_until(|| bench.live() == 0));

        let drm = bench.device()?;
        assert_eq!(memory.attach_drm(&drm), Err(ENODEV));
        Ok(())
    }

    #[test]
    fn memory_is_for_objects_of_its_drm_device_only() -> Result {
        let vram = device_memory::Bench::new()?;
        let bench = Bench::new()?;
        let (drm, other) = (bench.device()?, bench.device()?);
        let object = bench.object(&drm, Memory::Device(vram.memory().clone(), 0))?;
        let [by_file, by_buffer] = bench.map_twice(&object)?;

        assert_eq!((bytes(by_file), bytes(by_buffer)), (NOTHING, NOTHING));
        vram.memory().attach_drm(&other)?;
        assert_eq!((bytes(by_file), bytes(by_buffer)), (NOTHING, NOTHING));
        assert_eq!(vram.memory().attach_drm(&drm), Err(EBUSY));
        assert_eq!(vram.memory().attach_drm(&other), Ok(()));

        let object = bench.object(&other, Memory::Device(vram.memory().clone(), 0))?;
        let [by_file, _by_buffer] = bench.map_twice(&object)?;
        assert_eq!(bytes(by_file), [Ok(70), Ok(71), Ok(72)]);
        Ok(())
    }

    #[test]
    fn frames_beyond_the_memory_are_none() -> Result {
        let vram = device_memory::Bench::new()?;
        let bench = Bench::new()?;
        let drm = bench.device()?;
        vram.memory().attach_drm(&drm)?;
        let object = bench.object(&drm, Memory::Device(vram.memory().clone(), 2))?;
        let [by_file, _] = bench.map_twice(&object)?;
        assert_eq!(bytes(by_file), [Ok(72), Ok(73), Err(EFAULT)]);

        let mut pieces = Pieces::new();
        pieces.push(Frames::alloc(2, GFP_KERNEL)?, GFP_KERNEL)?;
        let object = bench.object(&drm, Memory::Own(pieces))?;
        let [by_file, _] = bench.map_twice(&object)?;
        assert_eq!(bytes(by_file), [Ok(0), Ok(0), Err(EFAULT)]);
        Ok(())
    }

    #[test]
    fn slots_are_replaced_under_an_object() -> Result {
        let bench = Bench::new()?;
        let drm = bench.device()?;
        let slots = FrameSlots::new(PAGES, 1, GFP_KERNEL, ());
        let slots = Arc::pin_init(slots, GFP_KERNEL)?;
        let put = |slot, byte| -> Result {
            let frames = Frames::alloc(1, GFP_KERNEL)?;
            frames.write(0, &[byte])?;
            let frames = KBox::new(frames, GFP_KERNEL)?;
            slots.replace(&mut LockOrder::new(), slot, Some(frames))?;
            Ok(())
        };
        put(0, 5)?;
        let object = bench.object(&drm, Memory::Slots(slots.clone()))?;
        let [by_file, by_buffer] = bench.map_twice(&object)?;
        assert_eq!((bytes(by_file), bytes(by_buffer)), (NOTHING, NOTHING));

        slots.attach_drm(&drm)?;
        let first = [Ok(5), Err(EFAULT), Err(EFAULT)];
        assert_eq!((bytes(by_file), bytes(by_buffer)), (first, first));
        put(0, 6)?;
        assert!(!is_mapped(by_file) && !is_mapped(by_buffer));
        put(2, 7)?;
        let both = [Ok(6), Err(EFAULT), Ok(7)];
        assert_eq!((bytes(by_file), bytes(by_buffer)), (both, both));
        slots.replace(&mut LockOrder::new(), 0, None)?;
        assert_eq!(bytes(by_buffer), [Err(EFAULT), Err(EFAULT), Ok(7)]);

        // The slots keep the device.
        unmap(by_file.start, by_file.len)?;
        unmap(by_buffer.start, by_buffer.len)?;
        drop((object, drm));
        assert!(wait_until(|| bench.live() == 1));
        drop(slots);
        assert!(wait_until(|| bench.live() == 0));
        Ok(())
    }

    #[test]
    fn vma_of_frames_has_a_file_of_the_device() -> Result {
        let bench = Bench::new()?;
        let drm = bench.device()?;
        let device = file_of(bench.object(&drm, Memory::Own(pieces()?))?)?;
        let file = device.open()?;
        let map = |flags| bench.mm.map_file_as(&file, 0, PAGES, RW, flags, 0);

        assert_eq!(map(bindings::MAP_PRIVATE).err(), Some(EINVAL));
        let mapping = map(bindings::MAP_SHARED)?;
        let mut locks = bench.mm.vma_locks();
        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        assert!(vma.file().is_some_and(|own| own.as_ptr() != file.as_ptr()));
        assert!(vma.flags().contains(VmaFlag::PFNMAP));
        assert!(vma.flags().contains(VmaFlag::IO));
        assert!(vma.flags().contains(VmaFlag::DONTEXPAND));
        Ok(())
    }

    #[test]
    fn object_is_mapped_as_device_memory() -> Result {
        let bench = Bench::new()?;
        let drm = bench.device()?;
        let object = bench.object(&drm, Memory::Own(pieces()?))?;
        // Not at the offsets of the object, so faults do not find a page.
        let device = Device::new(
            object,
            Hook::Mmap(|object, setup| setup.map_device::<Ops>(object.clone())),
        )?;
        let mapping = bench.mm.map_file(&*device.open()?, 0, PAGES)?;
        assert_eq!(bytes(mapping), NOTHING);
        Ok(())
    }

    #[test]
    fn object_without_a_device_is_not_mapped() -> Result {
        let bench = Bench::new()?;
        let drm = bench.device()?;
        let part = Part {
            memory: Memory::Own(pieces()?),
            _counted: Counted::new(&bench.shared),
        };
        let object = Object::new(&drm, PAGES * PAGE_SIZE, part)?;
        let device = Device::new(
            object,
            Hook::Mmap(|object, setup| setup.map_device::<Ops>(object.clone())),
        )?;
        let mapped = bench.mm.map_file(&*device.open()?, 0, PAGES);
        assert_eq!(mapped.err(), Some(EINVAL));
        Ok(())
    }

    #[cfg(not(CONFIG_UML))]
    #[test]
    fn protection_of_frames_stays() -> Result {
        let bench = Bench::new()?;
        let drm = bench.device()?;
        let object = bench.object(&drm, Memory::Own(pieces()?))?;
        for mapping in bench.map_twice(&object)? {
            let protect = mprotect(mapping.start, PAGE_SIZE, bindings::PROT_READ);
            assert_eq!(protect, Err(EACCES));
        }
        Ok(())
    }
}
