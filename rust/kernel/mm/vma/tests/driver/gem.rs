// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_DRM = "y")]

//! GEM objects: mapped by the files of their device, by their DMA buffers, and by other files.

use super::{
    super::{
        address_space::{
            peek,
            peek_if_mapped,
            poke,
            unmap,
            AddressSpace, //
        },
        second_task::wait_until, //
    },
    bound::bind,
    device::{
        Counted,
        Device,
        Hook,
        PlainOps,
        Shared, //
    },
};
use crate::{
    bindings,
    device,
    drm::{
        self,
        gem::{
            self,
            IntoGEMObject, //
        },
        mmap::FileMapping,
        UnregisteredDevice, //
    },
    error::{
        from_err_ptr,
        to_result, //
    },
    faux,
    fs::file::FileDescriptorReservation,
    mm::vma::{
        driver::{
            DmaBuf,
            Fault,
            FaultOutcome,
            MappableObject,
            Mapped,
            ObjectFile,
            Plain,
            ShmemFile,
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
        atomic::Relaxed,
        Arc, //
    }, //
};
use core::ptr::NonNull;

const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;
const SHARED: u32 = bindings::MAP_SHARED;
const RDWR: u32 = bindings::O_RDWR;

struct Driver;
struct File;
type Object = gem::Object<Part>;

/// The memory of an object.
enum Memory {
    /// Those that all objects share.
    Pages,
    Shmem(ShmemFile),
    Imported(DmaBuf),
}

/// The driver's part of an object.
struct Part {
    memory: Memory,
    shared: Counted,
    keeps_file: bool,
}

impl drm::file::DriverFile for File {
    type Driver = Driver;

    fn open(_device: &drm::Device<Driver>) -> Result<Pin<KBox<Self>>> {
        Ok(KBox::new(Self, GFP_KERNEL)?.into())
    }
}

#[vtable]
impl drm::Driver for Driver {
    type Data = Arc<Shared>;
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

    fn mmap_setup<'a>(
        device: &'a drm::Device<Self>,
        _file: &'a drm::File<File>,
        vma: VmaSetup<'a>,
    ) -> Result<FileMapping<'a>> {
        let shared: &Arc<Shared> = device;
        shared.has_happened();

        // No object has this offset.
        Ok(if vma.pgoff() == 0 {
            FileMapping::Own(vma.with_ops::<PlainOps>(Counted::new(shared)))
        } else {
            FileMapping::Object(vma)
        })
    }
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

    fn mmap_file(object: &Object) -> Option<ObjectFile<'_>> {
        match &object.memory {
            Memory::Pages => None,
            Memory::Shmem(file) => Some(ObjectFile::Shmem(file)),
            Memory::Imported(buf) => Some(ObjectFile::DmaBuf(buf)),
        }
    }

    fn keeps_file(object: &Object) -> bool {
        object.keeps_file
    }
}

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = ARef<Object>;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let object: ARef<Object> = fault.data().into();
        let pages = object.shared.shared().pages.lock();
        match object.page_index(fault.pgoff()).and_then(|n| pages.get(n)) {
            Some(page) => fault.page(page),
            None => fault.sigbus(),
        }
    }
}

/// A DRM device without a driver's bus.
struct Bench {
    mm: AddressSpace,
    shared: Arc<Shared>,
    drm: UnregisteredDevice<Driver>,
    _parent: faux::Registration,
}

impl Bench {
    fn new() -> Result<Self> {
        let parent = bind()?;
        let shared = Shared::new(2)?;
        Ok(Self {
            mm: AddressSpace::of_this_case()?,
            drm: UnregisteredDevice::new(parent.as_ref(), Ok(shared.clone()))?,
            shared,
            _parent: parent,
        })
    }

    fn object(&self, memory: Memory) -> Result<ARef<Object>> {
        self.object_that(memory, true)
    }

    fn object_that(&self, memory: Memory, keeps_file: bool) -> Result<ARef<Object>> {
        let part = self.part(memory, keeps_file);
        Object::new_mappable(&self.drm, 2 * PAGE_SIZE, part)
    }

    fn part(&self, memory: Memory, keeps_file: bool) -> Part {
        Part {
            memory,
            shared: Counted::new(&self.shared),
            keeps_file,
        }
    }

    /// The buffer of an object with the two pages.
    fn buffer(&self, flags: u32) -> Result<DmaBuf> {
        export(&*self.object(Memory::Pages)?, flags)
    }

    /// How many objects there are.
    fn objects(&self) -> i32 {
        let (made, dropped) = self.shared.counts();
        made - dropped
    }

    fn byte_of_page(&self, page: usize) -> Result<u8> {
        let mut byte = [0];
        self.shared.pages.lock()[page].read(0, &mut byte)?;
        Ok(byte[0])
    }
}

/// Exports an object, as `DRM_IOCTL_PRIME_HANDLE_TO_FD` does.
pub(super) fn export<T: gem::DriverObject>(object: &gem::Object<T>, flags: u32) -> Result<DmaBuf> {
    // SAFETY: The object is valid. The buffer gets a reference to it, and to its device.
    let buf = unsafe { bindings::drm_gem_prime_export(object.as_raw(), flags as c_int) };
    let buf = NonNull::new(from_err_ptr(buf)?).ok_or(ENOMEM)?;
    // SAFETY: The reference is given to this.
    Ok(unsafe { DmaBuf::from_raw(buf) })
}

/// A device that maps a buffer, from the page offset on.
pub(super) fn importer(buf: DmaBuf) -> Result<KBox<Device<DmaBuf>>> {
    Device::new(
        buf,
        Hook::Mmap(|buf, setup| {
            let first = setup.pgoff();
            setup.map_dma_buf(buf, first)
        }),
    )
}

/// A file of the DRM device, by hand: a real one has a device node.
struct DrmFile {
    object: ARef<Object>,
    file: KBox<bindings::file>,
    drm: KBox<bindings::drm_file>,
}

impl DrmFile {
    /// Opens one that may map the object. One that `drm_gem_prime_mmap()` makes up is not opened.
    fn new(object: ARef<Object>, is_open: bool) -> Result<Self> {
        let mut file = KBox::new(bindings::file::default(), GFP_KERNEL)?;
        let mut drm = KBox::new(bindings::drm_file::default(), GFP_KERNEL)?;
        let gem = IntoGEMObject::as_raw(&*object);

        file.private_data = (&raw mut *drm).cast();
        if is_open {
            drm.driver_priv = NonNull::<File>::dangling().as_ptr().cast();
        }
        // SAFETY: The object is valid, and so is its device. The file is valid, too.
        to_result(unsafe {
            drm.minor = (*(*gem).dev).primary;
            bindings::drm_vma_node_allow(&raw mut (*gem).vma_node, &raw mut *drm)
        })?;
        Ok(Self { object, file, drm })
    }

    /// Calls the mmap function of the device's files.
    fn mmap<'a>(&'a self, setup: VmaSetup<'a>) -> Result<Mapped<'a>> {
        let file = (&raw const *self.file).cast_mut();
        let gem = IntoGEMObject::as_raw(&*self.object);

        // SAFETY: This is a mmap function, and the operations that it leaves are in the kernel. The
        // function does not write to the file.
        unsafe {
            let mmap = (*(*(*(*gem).dev).driver).fops).mmap.ok_or(ENODEV)?;
            setup.finish_in_c(|vma| mmap(file, vma))
        }
    }

    /// Returns the page offset of the object.
    fn offset(&self) -> usize {
        // SAFETY: `new_mappable()` has written it.
        unsafe {
            (*IntoGEMObject::as_raw(&*self.object))
                .vma_node
                .vm_node
                .start as usize
        }
    }
}

impl Drop for DrmFile {
    fn drop(&mut self) {
        let gem = IntoGEMObject::as_raw(&*self.object);
        // SAFETY: It was allowed for this file.
        unsafe { bindings::drm_vma_node_revoke(&raw mut (*gem).vma_node, &raw mut *self.drm) };
    }
}

/// A device that maps an object, as the file of its DRM device does.
fn file_of_object(object: ARef<Object>) -> Result<KBox<Device<DrmFile>>> {
    Device::new(
        DrmFile::new(object, true)?,
        Hook::Mmap(|file, mut setup| {
            setup.set_pgoff(file.offset())?;
            file.mmap(setup)
        }),
    )
}

/// A device that maps what has the page offset that user space gives, less `BASE`.
const BASE: usize = 1 << 20;

fn file_of_device(object: ARef<Object>, is_open: bool) -> Result<KBox<Device<DrmFile>>> {
    Device::new(
        DrmFile::new(object, is_open)?,
        Hook::Mmap(|file, mut setup| {
            let pgoff = setup.pgoff() - BASE;
            setup.set_pgoff(pgoff)?;
            file.mmap(setup)
        }),
    )
}

#[kunit_tests(rust_vma_gem)]
mod tests {
    use super::*;

    #[test]
    fn exporter_maps_the_buffer() -> Result {
        let bench = Bench::new()?;
        let device = importer(bench.buffer(RDWR)?)?;
        let mapping = bench
            .mm
            .map_file_as(&*device.open()?, 1, 1, RW, SHARED, 0)?;

        assert_eq!(peek(mapping.start)?, 101);
        poke(mapping.start, 7)?;
        assert_eq!(bench.byte_of_page(1)?, 7);
        {
            let mut locks = bench.mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let file = vma.file().map(|file| file.as_ptr());
            assert_eq!(file, Some(device.data.file()));
            // The object gave it its own operations, and is their data.
            assert!(vma.downcast::<Ops>().is_some());
        }

        // The mapping keeps the buffer, and the buffer the object.
        drop(device);
        assert_eq!(peek(mapping.start)?, 7);
        assert_eq!(bench.objects(), 1);
        unmap(mapping.start, mapping.len)?;
        assert!(wait_until(|| bench.objects() == 0));
        Ok(())
    }

    #[test]
    fn objects_are_of_whole_pages() -> Result {
        let bench = Bench::new()?;
        let object = |size| {
            let part = bench.part(Memory::Pages, true);
            Object::new_mappable(&bench.drm, size, part)
        };
        for size in [0, 1, PAGE_SIZE - 1, PAGE_SIZE + 8] {
            assert_eq!(object(size).err(), Some(EINVAL));
        }
        object(PAGE_SIZE)?;
        assert_eq!(bench.objects(), 0);
        Ok(())
    }

    #[test]
    fn range_beyond_the_buffer_is_refused() -> Result {
        let bench = Bench::new()?;
        let device = importer(bench.buffer(RDWR)?)?;
        assert_eq!(device.data.size(), 2 * PAGE_SIZE);
        let map = |first, pages| bench.mm.map_file(&*device.open()?, first, pages);

        assert_eq!(map(1, 2).err(), Some(EINVAL));
        assert_eq!(map(2, 1).err(), Some(EINVAL));
        assert_eq!(map(0, 2).err(), None);

        let beyond = Device::new(
            bench.buffer(RDWR)?,
            Hook::Mmap(|buf, setup| setup.map_dma_buf(buf, usize::MAX)),
        )?;
        let mapping = bench.mm.map_file(&*beyond.open()?, 0, 1);
        assert_eq!(mapping.err(), Some(EOVERFLOW));
        Ok(())
    }

    #[test]
    fn buffer_for_reading_is_not_written() -> Result {
        let bench = Bench::new()?;
        let device = importer(bench.buffer(0)?)?;
        let file = device.open()?;

        let writable = bench.mm.map_file_as(&file, 0, 1, RW, SHARED, 0);
        assert_eq!(writable.err(), Some(EACCES));
        let mapping = bench.mm.map_file(&file, 0, 1)?;
        assert_eq!(peek(mapping.start)?, 100);
        {
            let mut locks = bench.mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            assert!(!vma
                .flags()
                .contains_any(VmaFlag::MAYWRITE | VmaFlag::SHARED));
        }

        // Its writes go to copies.
        let private = bench
            .mm
            .map_file_as(&file, 0, 1, RW, bindings::MAP_PRIVATE, 0)?;
        poke(private.start, 9)?;
        assert_eq!(peek(mapping.start)?, 100);
        Ok(())
    }

    #[test]
    fn exporter_that_does_not_map_is_refused() -> Result {
        let bench = Bench::new()?;
        let device = importer(bench.buffer(RDWR)?)?;
        let buf = device.data.as_raw();
        // SAFETY: The buffer is open, and nobody else has it. It gets its own operations back.
        let refused = unsafe {
            let ops = (*buf).ops;
            let without = bindings::dma_buf_ops { mmap: None, ..*ops };
            (*buf).ops = &raw const without;
            let refused = bench.mm.map_file(&*device.open()?, 0, 1).err();
            (*buf).ops = ops;
            refused
        };
        assert_eq!(refused, Some(EINVAL));
        bench.mm.map_file(&*device.open()?, 0, 1).map(drop)
    }

    #[test]
    fn late_failure_gives_the_buffer_back() -> Result {
        let bench = Bench::new()?;
        let device = Device::new(
            bench.buffer(RDWR)?,
            Hook::Mmap(|buf, setup| {
                drop(setup.map_dma_buf(buf, 0)?);
                Err(ENOTTY)
            }),
        )?;

        let mapped = bench.mm.map_file(&*device.open()?, 0, 1);
        assert_eq!(mapped.err(), Some(ENOTTY));
        assert_eq!(bench.objects(), 1);
        drop(device);
        assert!(wait_until(|| bench.objects() == 0));
        Ok(())
    }

    #[test]
    fn buffer_is_found_by_its_descriptor() -> Result {
        let bench = Bench::new()?;
        let buf = bench.buffer(RDWR)?;
        let reserved = FileDescriptorReservation::get_unused_fd_flags(0)?;
        let fd = reserved.reserved_fd();
        assert_eq!(DmaBuf::get(fd).err(), Some(EBADF));

        let copy = buf.clone();
        // SAFETY: The reference is given away, and there is no section on the file.
        let file = unsafe {
            let file = NonNull::new(copy.file()).ok_or(EIO)?.cast();
            core::mem::forget(copy);
            ARef::<crate::fs::File>::from_raw(file)
        };
        reserved.fd_install(file);
        let found = DmaBuf::get(fd)?;
        assert_eq!(found.as_raw(), buf.as_raw());
        // SAFETY: It is the number of the file above.
        unsafe { bindings::close_fd(fd) };

        drop(found);
        assert_eq!(bench.objects(), 1);
        drop(buf);
        assert!(wait_until(|| bench.objects() == 0));
        Ok(())
    }

    #[test]
    fn object_maps_its_shmem_file() -> Result {
        let bench = Bench::new()?;
        let memory = ShmemFile::new(c"test", 2)?;
        memory.write(&mut LockOrder::new(), PAGE_SIZE, &[55])?;
        let object = bench.object(Memory::Shmem(memory))?;
        let buf = export(&object, RDWR)?;

        // By the file of the device, and by a buffer of the object.
        let device = file_of_object(object)?;
        let mapping = bench.mm.map_file(&*device.open()?, 0, 2)?;
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 55);
        let importer = importer(buf)?;
        let other = bench
            .mm
            .map_file_as(&*importer.open()?, 1, 1, RW, SHARED, 0)?;
        poke(other.start, 56)?;
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 56);

        // The mappings do not keep the object.
        drop((device, importer));
        assert!(wait_until(|| bench.objects() == 0));
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 56);
        unmap(other.start, other.len)?;
        unmap(mapping.start, mapping.len)
    }

    #[test]
    fn object_maps_the_buffer_that_it_imports() -> Result {
        let bench = Bench::new()?;
        let buf = bench.buffer(RDWR)?;
        let object = bench.object(Memory::Imported(buf))?;
        let again = export(&object, RDWR)?;

        let device = file_of_object(object)?;
        let mapping = bench.mm.map_file(&*device.open()?, 0, 2)?;
        assert_eq!(peek(mapping.start)?, 100);

        // C would overwrite the data that the exporter gives the VMA.
        let importer = importer(again)?;
        let mapped = bench.mm.map_file(&*importer.open()?, 0, 2);
        assert_eq!(mapped.err(), Some(EINVAL));

        // The mapping keeps the object of the exporter alone.
        drop((device, importer));
        assert!(wait_until(|| bench.objects() == 1));
        assert_eq!(peek(mapping.start)?, 100);
        unmap(mapping.start, mapping.len)?;
        assert!(wait_until(|| bench.objects() == 0));
        Ok(())
    }

    #[test]
    fn driver_is_asked_before_objects() -> Result {
        let bench = Bench::new()?;
        let device = file_of_device(bench.object(Memory::Pages)?, true)?;
        let map = |pgoff| bench.mm.map_file(&*device.open()?, BASE + pgoff, 2);

        let own = map(0)?;
        let object = map(device.data.offset())?;
        assert_eq!((peek(own.start)?, peek(object.start)?), (100, 100));
        assert_eq!(map(1).err(), Some(EINVAL));
        assert_eq!(bench.shared.events.load(Relaxed), 3);

        let mut locks = bench.mm.vma_locks();
        let guard = locks.read();
        let is_of = |addr| {
            guard.lookup(addr).map(|vma| {
                (
                    vma.downcast::<PlainOps>().is_some(),
                    vma.downcast::<Ops>().is_some(),
                )
            })
        };
        assert_eq!(is_of(own.start), Some((true, false)));
        assert_eq!(is_of(object.start), Some((false, true)));
        Ok(())
    }

    #[test]
    fn driver_is_not_asked_for_an_unopened_file() -> Result {
        let bench = Bench::new()?;
        let device = file_of_device(bench.object(Memory::Pages)?, false)?;
        let map = |pgoff| bench.mm.map_file(&*device.open()?, BASE + pgoff, 2);

        assert_eq!(map(0).err(), Some(EINVAL));
        assert_eq!(peek(map(device.data.offset())?.start)?, 100);
        assert_eq!(bench.shared.events.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn object_is_mapped_by_another_file() -> Result {
        let bench = Bench::new()?;
        let object = bench.object(Memory::Pages)?;
        let device = Device::new(object, Hook::Mmap(|object, setup| object.mmap(setup)))?;
        let map = |first, pages| bench.mm.map_file(&*device.open()?, first, pages);

        let mapping = map(1, 1)?;
        assert_eq!(peek(mapping.start)?, 101);
        assert_eq!(
            (map(1, 2).err(), map(2, 1).err()),
            (Some(EINVAL), Some(EINVAL))
        );

        // The mapping keeps the object, and the object the DRM device.
        drop(device);
        let Bench {
            mm: _mm,
            shared,
            drm,
            _parent,
        } = bench;
        drop((drm, _parent));
        assert_eq!((peek(mapping.start)?, shared.counts()), (101, (1, 0)));
        unmap(mapping.start, mapping.len)?;
        assert!(wait_until(|| shared.counts() == (1, 1)));
        Ok(())
    }

    /// Returns how many references a file has after it was mapped, and the VMA's start.
    fn references_of_a_mapped_file(bench: &Bench, keeps_file: bool) -> Result<(usize, usize)> {
        let object = bench.object_that(Memory::Pages, keeps_file)?;
        let device = Device::new(object, Hook::Mmap(|object, setup| object.mmap(setup)))?;
        let file = device.open()?;
        let mapping = bench.mm.map_file(&file, 0, 2)?;

        // SAFETY: The file is open.
        let count = unsafe { bindings::vma_kunit_file_count(file.as_ptr()) };
        Ok((count, mapping.start))
    }

    #[test]
    fn mapping_leaves_the_file_that_it_was_made_by() -> Result {
        let bench = Bench::new()?;
        assert_eq!(references_of_a_mapped_file(&bench, true)?.0, 2);
        let (count, addr) = references_of_a_mapped_file(&bench, false)?;
        assert_eq!(count, 1);

        let object = {
            let mut locks = bench.mm.vma_locks();
            let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
            let vma = vma.downcast::<Ops>().ok_or(ENXIO)?;
            ARef::<Object>::from(vma.data())
        };
        assert_eq!(peek(addr + PAGE_SIZE)?, 101);
        // It is one of the device's.
        object.unmap_mappings(&mut LockOrder::new());
        assert_eq!(peek_if_mapped(addr + PAGE_SIZE), None);
        assert_eq!(peek(addr + PAGE_SIZE)?, 101);
        drop(object);

        // The file keeps the device, and gives it back.
        let Bench {
            mm: _mm,
            shared,
            drm,
            _parent,
        } = bench;
        drop((drm, _parent));
        assert_eq!(shared.counts().1, 0);
        unmap(addr, 2 * PAGE_SIZE)?;
        assert!(wait_until(|| shared.counts().1 == 1));
        Ok(())
    }

    #[test]
    fn object_without_a_device_is_not_mapped() -> Result {
        let bench = Bench::new()?;
        let part = Part {
            memory: Memory::Pages,
            shared: Counted::new(&bench.shared),
            keeps_file: true,
        };
        let object = Object::new(&bench.drm, 2 * PAGE_SIZE, part)?;
        let device = Device::new(object, Hook::Mmap(|object, setup| object.mmap(setup)))?;

        let mapped = bench.mm.map_file(&*device.open()?, 0, 1);
        assert_eq!(mapped.err(), Some(EINVAL));
        Ok(())
    }
}
