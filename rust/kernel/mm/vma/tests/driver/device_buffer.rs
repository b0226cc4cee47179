// SPDX-License-Identifier: GPL-2.0
#![cfg(CONFIG_HAS_DMA)]

//! Buffers that are mapped for a device and into user space. The device is a faux device, which
//! accesses nothing, and does DMA without an IOMMU.

#[cfg(all(CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS))]
use super::super::failing;
use super::{
    super::address_space::{
        peek,
        peek_if_mapped,
        poke,
        unmap,
        AddressSpace,
        Mapping, //
    },
    bound::bound_device,
    device::{
        Device,
        Hook, //
    },
    dma_memory::{
        device,
        device_without_dma, //
    },
};
use crate::{
    bindings,
    fs::File,
    mm::vma::{
        driver::{
            DeviceBuffer,
            MixedMap,
            SharedBuffer,
            SharedPage,
            ViaMmap,
            VmaOperations, //
        },
        pin::{
            Bidirectional,
            FromDevice,
            ToDevice, //
        }, //
    },
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};

const PAGES: usize = 4;
const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;

/// A buffer, each of whose pages begins with its number and 60.
fn buffer() -> Result<SharedBuffer> {
    let buffer = SharedBuffer::new(PAGES)?;
    for page in 0..PAGES {
        buffer.write(page * PAGE_SIZE, &[60 + page as u8])?;
    }
    Ok(buffer)
}

/// The physical addresses of the pages of a buffer.
fn pages_of(buffer: &SharedBuffer) -> impl Iterator<Item = usize> + '_ {
    buffer.pages().iter().map(phys_of)
}

fn phys_of(page: &SharedPage) -> usize {
    // SAFETY: The page is there.
    unsafe { bindings::vma_kunit_page_to_phys(page.as_raw()) as usize }
}

/// The addresses of the pages of a buffer, as the device has them.
fn pages_for_the_device(buffer: &DeviceBuffer) -> Result<KVec<usize>> {
    let table = buffer.table().ok_or(ENXIO)?;
    let mut pages = KVec::new();
    for segment in table.iter() {
        let (start, len) = (segment.dma_address() as usize, segment.dma_len() as usize);
        for page in (0..len).step_by(PAGE_SIZE) {
            // The table is an RCU read-side critical section.
            pages.push(start + page, GFP_ATOMIC)?;
        }
    }
    Ok(pages)
}

/// A buffer that can be taken away from the files.
type Slot = Pin<KBox<Mutex<Option<DeviceBuffer>>>>;

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<DeviceBuffer>;
    type PageKind = MixedMap;
    type Hook = ViaMmap;
}

/// Operations of VMAs that keep nothing.
struct NoDataOps;

crate::vm_operations!(NoDataOps);

#[vtable]
impl VmaOperations for NoDataOps {
    type Data = ();
    type PageKind = MixedMap;
    type Hook = ViaMmap;
}

/// Files that map a buffer.
fn files(buffer: DeviceBuffer) -> Result<KBox<Device<Arc<DeviceBuffer>>>> {
    Device::new(
        Arc::new(buffer, GFP_KERNEL)?,
        Hook::Mmap(|buffer, setup| {
            let mut setup = setup.mixedmap();
            let first = setup.pgoff();
            setup.map_buffer(buffer, first)?;
            Ok(setup.with_ops::<Ops>(buffer.clone()))
        }),
    )
}

fn map(mm: &AddressSpace, file: &File, first: usize) -> Result<Mapping> {
    mm.map_file_as(file, first, PAGES - first, RW, bindings::MAP_SHARED, 0)
}

#[kunit_tests(rust_vma_device_buffer)]
mod tests {
    use super::*;

    #[test]
    fn device_and_user_space_have_the_same_pages() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let bound = device()?;
        let buffer = buffer()?.map_for_device::<Bidirectional>(bound_device(&bound))?;
        let pages = pages_for_the_device(&buffer)?;
        assert!(pages.iter().copied().eq(pages_of(&buffer)));

        let files = files(buffer)?;
        let mapping = map(&mm, &*files.open()?, 1)?;
        for page in 0..3 {
            let addr = mapping.start + page * PAGE_SIZE;
            assert_eq!(peek_if_mapped(addr), Some(61 + page as u8));
        }

        poke(mapping.start + 1, 9)?;
        files.data.sync_for_device();
        files.data.sync_for_cpu();
        let mut bytes = [0; 2];
        files.data.read(PAGE_SIZE, &mut bytes)?;
        assert_eq!(bytes, [61, 9]);
        files.data.write(PAGE_SIZE, &[8])?;
        assert_eq!(peek(mapping.start)?, 8);
        Ok(())
    }

    #[test]
    fn segments_are_within_the_limits_of_the_device() -> Result {
        let bound = device()?;
        let dev = bound_device(&bound).as_raw();
        let mut limits: bindings::device_dma_parameters = pin_init::zeroed();
        // SAFETY: The device is the test's own. The limits are there until the last buffer is gone.
        unsafe { (*dev).dma_parms = &raw mut limits };
        let set_limit = |len| {
            // SAFETY: The device has its limits.
            unsafe { (*(*dev).dma_parms).max_segment_size = len };
        };

        set_limit(PAGE_SIZE as u32);
        let buffer = buffer()?.map_for_device::<FromDevice>(bound_device(&bound))?;
        let count = buffer.table().ok_or(ENXIO)?.iter().count();
        assert_eq!(count, PAGES);
        drop(buffer);

        set_limit(PAGE_SIZE as u32 / 2);
        let refused = self::buffer()?.map_for_device::<FromDevice>(bound_device(&bound));
        // SAFETY: As above.
        unsafe { (*dev).dma_parms = core::ptr::null_mut() };
        assert_eq!(refused.err(), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn unbinding_leaves_the_pages_to_user_space() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let bound = device()?;
        let files = files(buffer()?.map_for_device::<Bidirectional>(bound_device(&bound))?)?;
        let buffer = &files.data;
        let mapping = map(&mm, &*files.open()?, 0)?;
        assert!(buffer.table().is_some());

        drop(bound);
        assert!(buffer.table().is_none());
        // There is nothing to hand over.
        buffer.sync_for_cpu();
        buffer.sync_for_device();
        poke(mapping.start, 5)?;
        let mut byte = [0];
        buffer.read(0, &mut byte)?;
        assert_eq!(byte, [5]);

        // User space has the last share.
        drop(files);
        assert_eq!(peek(mapping.start)?, 5);
        unmap(mapping.start, mapping.len)
    }

    #[test]
    fn mapping_outlives_the_buffer_of_a_device() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let bound = device()?;
        let buffer = buffer()?.map_for_device::<FromDevice>(bound_device(&bound))?;
        let slot = KBox::pin_init(new_mutex!(Some(buffer)), GFP_KERNEL)?;
        let files = Device::<Slot>::new(
            slot,
            Hook::Mmap(|slot, setup| {
                let mut setup = setup.mixedmap();
                setup.map_buffer(slot.lock().as_ref().ok_or(ENODEV)?, 0)?;
                Ok(setup.with_ops::<NoDataOps>(()))
            }),
        )?;
        let mapping = map(&mm, &*files.open()?, 0)?;

        let buffer = files.data.lock().take();
        drop(buffer);
        // The device has nothing mapped: that would be reported.
        drop(bound);
        let others = [self::buffer()?, self::buffer()?];
        poke(mapping.start + 1, 7)?;
        assert_eq!((peek(mapping.start)?, peek(mapping.start + 1)?), (60, 7));
        for other in &others {
            let mut bytes = [0; 2];
            other.read(0, &mut bytes)?;
            assert_eq!(bytes, [60, 0]);
        }
        Ok(())
    }

    #[test]
    fn unmapped_buffer_is_mapped_for_another_device() -> Result {
        let (bound, other) = (device()?, device()?);
        let buffer = buffer()?.map_for_device::<ToDevice>(bound_device(&bound))?;
        let buffer = buffer.unmap();
        drop(bound);

        let buffer = buffer.map_for_device::<FromDevice>(bound_device(&other))?;
        let pages = pages_for_the_device(&buffer)?;
        assert!(pages.iter().copied().eq(pages_of(&buffer)));
        let mut byte = [0];
        buffer.read(PAGE_SIZE, &mut byte)?;
        assert_eq!(byte, [61]);
        Ok(())
    }

    #[test]
    fn device_without_dma_is_refused() -> Result {
        let bound = device_without_dma()?;
        let refused = buffer()?.map_for_device::<ToDevice>(bound_device(&bound));
        assert_eq!(refused.err(), Some(EINVAL));
        Ok(())
    }

    /// A mapping that is left is reported when the device is unbound.
    #[cfg(all(CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS))]
    #[test]
    fn failing_allocations_leave_nothing_mapped() -> Result {
        let bound = device()?;
        let (buffer, failed) = failing::each_allocation(buffer, |buffer| {
            buffer.map_for_device::<FromDevice>(bound_device(&bound))
        })?;
        // A table and its owner, both for each of the two mappings.
        assert!(failed >= 4);
        assert_eq!(pages_for_the_device(&buffer)?.len(), PAGES);
        drop(buffer);
        drop(bound);
        Ok(())
    }

    #[test]
    fn buffer_of_a_32_bit_device_is_below_4_gib() -> Result {
        let buffer = SharedBuffer::new_dma32(PAGES)?;
        assert!(!cfg!(CONFIG_ZONE_DMA32) || pages_of(&buffer).all(|page| page as u64 >> 32 == 0));
        let mut bytes = [1; 8];
        for offset in (0..PAGES * PAGE_SIZE).step_by(bytes.len()) {
            buffer.read(offset, &mut bytes)?;
            assert_eq!(bytes, [0; 8]);
        }
        assert_eq!(SharedBuffer::new_dma32(0).err(), Some(EINVAL));
        Ok(())
    }
}
