// SPDX-License-Identifier: GPL-2.0
#![cfg(CONFIG_HAS_DMA)]

//! Coherent DMA memory that is mapped when its device goes away.

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
        second_task::{
            wait_until,
            SecondTask, //
        }, //
    },
    bound::{
        bind,
        bound_device, //
    },
    device::{
        Device,
        Hook, //
    },
};
use crate::{
    bindings,
    device::{
        Bound,
        Device as AnyDevice, //
    },
    dma::{
        Coherent,
        CoherentBox, //
    },
    faux::Registration,
    fs::File,
    io::{
        io_read,
        io_write, //
    },
    mm::vma::{
        driver::{
            DmaBacked,
            DmaMap,
            DmaMemory,
            OperationsTable,
            ViaMmapPrepare,
            VmaOperations, //
        },
        VmaFlag, //
    },
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    }, //
};

const PAGES: usize = 4;
const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;

static DEVICES: Atomic<u32> = Atomic::new(0);

type Memory = Arc<DmaMemory<[u8]>>;

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Memory;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;
}

/// Makes a device that cannot do DMA yet. What is still mapped for it when it is unbound is
/// reported.
pub(super) fn device_without_dma() -> Result<Registration> {
    let bound = bind()?;

    if DEVICES.fetch_add(1, Relaxed) == 0 {
        // SAFETY: The device is bound, so it has a bus.
        unsafe { bindings::vma_kunit_watch_dma(bound_device(&bound).as_raw()) };
    }
    Ok(bound)
}

/// Makes a device that can do DMA.
pub(super) fn device() -> Result<Registration> {
    let bound = device_without_dma()?;
    let raw = bound_device(&bound).as_raw();
    // SAFETY: The device is new, so nothing uses its masks.
    unsafe {
        (*raw).coherent_dma_mask = u64::MAX;
        (*raw).dma_mask = &raw mut (*raw).coherent_dma_mask;
    }
    Ok(bound)
}

/// Makes memory of a device, each of whose pages begins with its number and 90.
fn memory_of(device: &AnyDevice<Bound>) -> Result<Memory> {
    let mut coherent = CoherentBox::<[u8]>::zeroed_slice(device, PAGES * PAGE_SIZE, GFP_KERNEL)?;
    for page in 0..PAGES {
        coherent[page * PAGE_SIZE] = 90 + page as u8;
    }
    DmaMemory::new(device, coherent)
}

/// Reads a byte as the driver does.
fn load(memory: &Memory, index: usize) -> Result<u8> {
    let coherent = memory.try_access().ok_or(ENODEV)?;
    Ok(io_read!(coherent, [try: index]))
}

/// Writes a byte as the driver does.
fn store(memory: &Memory, index: usize, byte: u8) -> Result {
    let coherent = memory.try_access().ok_or(ENODEV)?;
    io_write!(coherent, [try: index], byte);
    Ok(())
}

fn map_as(mm: &AddressSpace, files: &Device<Memory>, pgoff: usize, flags: u32) -> Result<Mapping> {
    mm.map_file_as(&*files.open()?, pgoff, PAGES - pgoff, RW, flags, 0)
}

fn map(mm: &AddressSpace, files: &Device<Memory>) -> Result<Mapping> {
    map_as(mm, files, 0, bindings::MAP_SHARED)
}

/// A device that is bound, and files that map its memory.
fn files() -> Result<(Registration, KBox<Device<Memory>>)> {
    let bound = device()?;
    let memory = memory_of(bound_device(&bound))?;
    let files = Device::new(
        memory,
        Hook::MmapPrepare(|memory, desc| {
            let first = desc.pgoff();
            desc.map_dma::<Ops>(memory, first)
        }),
    )?;
    Ok((bound, files))
}

/// An address space, and what [`files()`] makes.
fn bench() -> Result<(AddressSpace, Registration, KBox<Device<Memory>>)> {
    let mm = AddressSpace::of_this_case()?;
    let (bound, files) = files()?;
    Ok((mm, bound, files))
}

/// Memory whose device is unbound by the hook.
#[pin_data]
pub(super) struct Vanishing<M> {
    memory: M,
    #[pin]
    bound: Mutex<Option<Registration>>,
}

/// Files of such memory.
type VanishingFiles<M> = KBox<Device<Pin<KBox<Vanishing<M>>>>>;

/// Files that map memory of a device, which the hook unbinds.
pub(super) fn files_that_unbind<O>(
    bound: Registration,
    memory: O::Data,
) -> Result<VanishingFiles<O::Data>>
where
    O: OperationsTable<PageKind = DmaMap, Hook = ViaMmapPrepare>,
    O::Data: DmaBacked,
{
    let data = KBox::pin_init::<Error>(
        try_pin_init!(Vanishing {
            memory,
            bound <- new_mutex!(Some(bound)),
        }),
        GFP_KERNEL,
    )?;
    Device::new(
        data,
        Hook::MmapPrepare(|data, desc| {
            let first = desc.pgoff();
            let prepared = desc.map_dma::<O>(&data.memory, first)?;
            let bound = data.bound.lock().take();
            drop(bound);
            Ok(prepared)
        }),
    )
}

/// Maps these numbers of pages from a first page on with which each wraps around.
pub(super) fn errors_of_wrapping<O>(
    memory: O::Data,
    pages: [usize; 2],
) -> Result<[Option<Error>; 2]>
where
    O: OperationsTable<PageKind = DmaMap, Hook = ViaMmapPrepare>,
    O::Data: DmaBacked,
{
    let mm = AddressSpace::of_this_case()?;
    let hook = Hook::MmapPrepare(|memory, desc| desc.map_dma::<O>(memory, usize::MAX));
    let files = Device::new(memory, hook)?;
    let file = files.open()?;
    Ok(pages.map(|pages| mm.map_file(&file, 0, pages).err()))
}

/// Unbinds a device whose memory a second task maps all the time. Returns the error that this got,
/// and the address of the last mapping.
pub(super) fn unbind_while_mapping(
    mm: &AddressSpace,
    bound: Registration,
    file: ARef<File>,
    pages: usize,
) -> Result<(Error, usize)> {
    let last = Arc::new(Atomic::new(0usize), GFP_KERNEL)?;
    let (reported, mapper) = (last.clone(), mm.clone());
    let second = SecondTask::spawn(move || {
        mapper.enter(|| {
            let mut before: Option<Mapping> = None;
            loop {
                let mapping = match mapper.map_file(&file, 0, pages) {
                    Ok(mapping) => mapping,
                    Err(e) => return e,
                };
                reported.store(mapping.start, Relaxed);
                if let Some(before) = before.replace(mapping) {
                    let _ = unmap(before.start, before.len);
                }
                // SAFETY: Nothing is held.
                unsafe { bindings::schedule() };
            }
        })
    })?;
    if !wait_until(|| last.load(Relaxed) != 0) {
        return Err(ETIMEDOUT);
    }

    drop(bound);
    Ok((second.join()?, last.load(Relaxed)))
}

#[kunit_tests(rust_vma_dma_memory)]
mod tests {
    use super::*;

    #[test]
    fn mapping_is_the_memory_of_the_device() -> Result {
        let (mm, _bound, files) = bench()?;
        let memory = &files.data;
        let mapping = map(&mm, &files)?;

        for page in 0..PAGES {
            let addr = mapping.start + page * PAGE_SIZE;
            assert_eq!(peek_if_mapped(addr), Some(90 + page as u8));
        }
        poke(mapping.start + 1, 9)?;
        assert_eq!(load(memory, 1), Ok(9));
        store(memory, 2 * PAGE_SIZE + 1, 8)?;
        assert_eq!(peek(mapping.start + 2 * PAGE_SIZE + 1)?, 8);

        // From a page of it on.
        let second = map_as(&mm, &files, 2, bindings::MAP_SHARED)?;
        assert_eq!((peek(second.start)?, peek(second.start + 1)?), (92, 8));

        // The parts that are left have it, too.
        unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)?;
        assert_eq!(peek(mapping.start + PAGE_SIZE), Err(EFAULT));
        assert_eq!(peek(mapping.start + 3 * PAGE_SIZE)?, 93);
        Ok(())
    }

    #[test]
    fn mapping_has_flags_and_a_file_of_its_own() -> Result {
        let (mm, _bound, files) = bench()?;
        let file = files.open()?;
        let mapping = mm.map_file_as(&file, 1, 1, RW, bindings::MAP_SHARED, 0)?;
        let mut locks = mm.vma_locks();
        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let flags = vma.flags();

        assert!(vma.file().is_some_and(|own| own.as_ptr() != file.as_ptr()));
        assert!(flags.contains_all(VmaFlag::IO | VmaFlag::DONTEXPAND | VmaFlag::DONTDUMP));
        assert!(flags.contains_any(VmaFlag::PFNMAP | VmaFlag::MIXEDMAP));
        assert_eq!(vma.pgoff(), 1);
        assert!(vma.downcast::<Ops>().is_some());
        Ok(())
    }

    #[test]
    fn wrong_ranges_and_copies_are_refused() -> Result {
        let (mm, _bound, files) = bench()?;
        let file = files.open()?;
        for (pgoff, pages) in [(0, PAGES + 1), (PAGES - 1, 2), (PAGES, 1)] {
            assert_eq!(mm.map_file(&file, pgoff, pages).err(), Some(EINVAL));
        }
        let private = map_as(&mm, &files, 0, bindings::MAP_PRIVATE);
        assert_eq!(private.err(), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn memory_is_whole_pages_of_its_device() -> Result {
        let (bound, other) = (device()?, device()?);
        let (device, other) = (bound_device(&bound), bound_device(&other));

        let coherent = Coherent::<u8>::zeroed_slice(other, PAGE_SIZE, GFP_KERNEL)?;
        assert_eq!(DmaMemory::<[u8]>::new(device, coherent).err(), Some(EINVAL));
        for size in [1, PAGE_SIZE - 1, PAGE_SIZE + 8] {
            let coherent = Coherent::<u8>::zeroed_slice(device, size, GFP_KERNEL)?;
            assert_eq!(DmaMemory::<[u8]>::new(device, coherent).err(), Some(EINVAL));
        }

        let memory = memory_of(device)?;
        assert_eq!(memory.count(), PAGES);
        assert!(memory.try_access().is_some());
        Ok(())
    }

    #[test]
    fn memory_is_lent_while_its_device_is_bound() -> Result {
        let (bound, other) = (device()?, device()?);
        let memory = memory_of(bound_device(&bound))?;
        let coherent = memory.access(bound_device(&bound))?;
        assert_eq!(io_read!(coherent, [try: 0]), 90);
        assert_eq!(memory.access(bound_device(&other)).err(), Some(EINVAL));

        let device: ARef<AnyDevice> = (&**bound_device(&bound)).into();
        drop(bound);
        // As if it was bound again.
        // SAFETY: Nothing uses what the device had for its driver.
        let again = unsafe { device.as_bound() };
        assert_eq!(memory.access(again).err(), Some(ENODEV));
        Ok(())
    }

    #[test]
    fn first_page_does_not_wrap() -> Result {
        let bound = device()?;
        let errors = errors_of_wrapping::<Ops>(memory_of(bound_device(&bound))?, [1, PAGES])?;
        assert_eq!(errors, [Some(EINVAL); 2]);
        Ok(())
    }

    /// As if the driver of the bus had given the device operations without `mmap`.
    #[cfg(CONFIG_ARCH_HAS_DMA_OPS)]
    #[test]
    fn device_that_cannot_map_is_refused() -> Result {
        let (mm, bound, files) = bench()?;
        let device = bound_device(&bound).as_raw();
        // SAFETY: Nothing is allocated or freed meanwhile.
        unsafe { bindings::vma_kunit_set_dma_ops(device, true) };
        let refused = map(&mm, &files).err();
        // SAFETY: Undoes the above.
        unsafe { bindings::vma_kunit_set_dma_ops(device, false) };
        assert_eq!(refused, Some(ENXIO));
        map(&mm, &files).map(drop)
    }

    #[test]
    fn unbound_device_takes_its_mappings_away() -> Result {
        let (mm, bound, files) = bench()?;
        // Two files, so no reverse mapping of a device node finds both.
        let (mapping, second) = (map(&mm, &files)?, map(&mm, &files)?);
        unmap(second.start + PAGE_SIZE, PAGE_SIZE)?;
        poke(mapping.start, 9)?;
        assert_eq!(peek(second.start)?, 9);

        drop(bound);
        for addr in [
            mapping.start,
            mapping.end() - PAGE_SIZE,
            second.start,
            second.end() - PAGE_SIZE,
        ] {
            assert_eq!(peek_if_mapped(addr), None);
            assert_eq!(peek(addr), Err(EFAULT));
            assert_eq!(poke(addr, 1), Err(EFAULT));
        }
        assert_eq!(load(&files.data, 0), Err(ENODEV));
        assert_eq!(map(&mm, &files).err(), Some(ENODEV));
        Ok(())
    }

    #[test]
    fn memory_goes_with_its_last_share() -> Result {
        let (mm, bound, files) = bench()?;
        let mapping = map(&mm, &files)?;
        let memory = files.data.clone();
        drop(files);
        assert_eq!(peek(mapping.start)?, 90);

        // The one that is here and the one of the VMA. The device has none.
        unmap(mapping.start, mapping.len)?;
        assert!(Arc::into_unique_or_drop(memory).is_some());
        drop(bound);
        Ok(())
    }

    #[test]
    fn device_gone_during_mmap_maps_nothing() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let bound = device()?;
        let memory = memory_of(bound_device(&bound))?;
        let files = files_that_unbind::<Ops>(bound, memory)?;
        let room = mm.map(PAGES)?;
        let fixed = bindings::MAP_SHARED | bindings::MAP_FIXED;

        let mapped = mm.map_file_as(&*files.open()?, 0, PAGES, RW, fixed, room.start);
        assert_eq!(mapped.err(), Some(ENODEV));
        let mut locks = mm.vma_locks();
        assert!(locks.lock_vma(room.start).is_none());
        Ok(())
    }

    /// A second task maps all the time. When the device is unbound, nothing is mapped.
    #[test]
    fn nothing_is_mapped_after_unbind() -> Result {
        const ROUNDS: usize = 30;
        let mm = AddressSpace::of_this_case()?;

        for _ in 0..ROUNDS {
            let (bound, files) = files()?;
            let (error, addr) = unbind_while_mapping(&mm, bound, files.open()?, PAGES)?;
            assert_eq!(error, ENODEV);
            assert_eq!(peek_if_mapped(addr), None);
            assert_eq!(peek(addr), Err(EFAULT));
        }
        Ok(())
    }
}
