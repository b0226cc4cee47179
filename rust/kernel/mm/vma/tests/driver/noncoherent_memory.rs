// SPDX-License-Identifier: GPL-2.0
#![cfg(CONFIG_HAS_DMA)]

//! Non-coherent DMA memory that is mapped when its device goes away. The device is a faux device,
//! which accesses nothing, and does DMA without an IOMMU.

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
        device_without_dma,
        errors_of_wrapping,
        files_that_unbind,
        unbind_while_mapping, //
    },
};
use crate::{
    bindings,
    faux::Registration,
    mm::vma::{
        driver::{
            DmaMap,
            NoncoherentMemory,
            ViaMmapPrepare,
            VmaOperations, //
        },
        pin::{
            Bidirectional,
            FromDevice,
            ToDevice, //
        },
        VmaFlag, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Relaxed,
            Release, //
        },
        Arc, //
    }, //
};

const PAGES: usize = 4;
const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;

type Memory = Arc<NoncoherentMemory>;

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Memory;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;
}

/// Makes memory of a device, each of whose pages begins with its number and 30.
fn memory_of(bound: &Registration) -> Result<Memory> {
    let memory = NoncoherentMemory::new::<Bidirectional>(bound_device(bound), PAGES)?;
    let guard = memory.try_access().ok_or(ENODEV)?;
    for page in 0..PAGES {
        guard.write(page * PAGE_SIZE, &[30 + page as u8])?;
    }
    drop(guard);
    Ok(memory)
}

/// A device that is bound, and files that map its memory.
fn files() -> Result<(Registration, KBox<Device<Memory>>)> {
    let bound = device()?;
    let memory = memory_of(&bound)?;
    let files = Device::new(
        memory,
        Hook::MmapPrepare(|memory, desc| {
            let first = desc.pgoff();
            desc.map_dma::<Ops>(memory, first)
        }),
    )?;
    Ok((bound, files))
}

fn map(mm: &AddressSpace, files: &Device<Memory>, first: usize) -> Result<Mapping> {
    let file = files.open()?;
    mm.map_file_as(&file, first, PAGES - first, RW, bindings::MAP_SHARED, 0)
}

#[kunit_tests(rust_vma_dma_noncoherent)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zero_at_first() -> Result {
        let bound = device()?;
        for _ in 0..3 {
            let memory = NoncoherentMemory::new::<FromDevice>(bound_device(&bound), PAGES)?;
            let memory = memory.try_access().ok_or(ENODEV)?;
            for offset in (0..PAGES * PAGE_SIZE).step_by(size_of::<usize>()) {
                assert_eq!(memory.load::<usize>(offset, Relaxed), Ok(0));
                memory.store(offset, usize::MAX, Relaxed)?;
            }
        }
        Ok(())
    }

    #[test]
    fn accesses_are_in_bounds() -> Result {
        let bound = device()?;
        let memory = NoncoherentMemory::new::<ToDevice>(bound_device(&bound), PAGES)?;
        assert_eq!(memory.count(), PAGES);
        let memory = memory.try_access().ok_or(ENODEV)?;
        let end = PAGES * PAGE_SIZE;

        memory.write(2 * PAGE_SIZE - 2, b"abcd")?;
        let mut bytes = [0; 4];
        memory.read(2 * PAGE_SIZE - 2, &mut bytes)?;
        assert_eq!(&bytes, b"abcd");
        memory.store(8, 0x0102_0304_u32, Release)?;
        assert_eq!(memory.load(8, Acquire), Ok(0x0102_0304_u32));

        memory.write(end - 4, &[7; 4])?;
        for offset in [end - 3, end, usize::MAX, usize::MAX - 3] {
            assert_eq!(memory.read(offset, &mut bytes), Err(EINVAL));
            assert_eq!(memory.write(offset, &bytes), Err(EINVAL));
            assert_eq!(memory.load::<u32>(offset, Relaxed), Err(EINVAL));
            assert_eq!(memory.store(offset, 0u32, Relaxed), Err(EINVAL));
        }
        assert_eq!(memory.load::<u32>(2, Relaxed), Err(EINVAL));
        Ok(())
    }

    #[test]
    fn mapping_is_the_memory_of_the_device() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (_bound, files) = files()?;
        let file = files.open()?;
        let mapping = mm.map_file_as(&file, 1, 3, RW, bindings::MAP_SHARED, 0)?;
        for page in 0..3 {
            let addr = mapping.start + page * PAGE_SIZE;
            assert_eq!(peek_if_mapped(addr), Some(31 + page as u8));
        }
        poke(mapping.start + 1, 9)?;
        {
            let memory = files.data.try_access().ok_or(ENODEV)?;
            memory.sync_for_device();
            memory.sync_for_cpu();
            let mut bytes = [0; 2];
            memory.read(PAGE_SIZE, &mut bytes)?;
            assert_eq!(bytes, [31, 9]);
            memory.write(2 * PAGE_SIZE, &[8])?;
        }
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 8);
        {
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let flags = vma.flags();
            assert!(vma.file().is_some_and(|own| own.as_ptr() != file.as_ptr()));
            assert!(flags.contains_all(VmaFlag::IO | VmaFlag::DONTEXPAND | VmaFlag::DONTDUMP));
            assert!(flags.contains_any(VmaFlag::PFNMAP | VmaFlag::MIXEDMAP));
            assert!(vma.downcast::<Ops>().is_some());
        }

        for (pgoff, pages) in [(0, PAGES + 1), (PAGES - 1, 2), (PAGES, 1)] {
            assert_eq!(mm.map_file(&file, pgoff, pages).err(), Some(EINVAL));
        }
        let private = mm.map_file_as(&file, 0, PAGES, RW, bindings::MAP_PRIVATE, 0);
        assert_eq!(private.err(), Some(EINVAL));
        Ok(())
    }

    /// The addresses are physical ones, because there is no IOMMU.
    #[test]
    fn device_has_one_address_for_all_pages() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (bound, files) = files()?;
        let address = {
            let memory = files.data.try_access().ok_or(ENODEV)?;
            memory.dma_address() as usize
        };
        let (other, others) = self::files()?;
        {
            let other = others.data.try_access().ok_or(ENODEV)?;
            let distance = address.abs_diff(other.dma_address() as usize);
            assert!(distance >= PAGES * PAGE_SIZE);
        }
        for first in 0..PAGES {
            let mapping = map(&mm, &files, first)?;
            // SAFETY: The memory is there, and has struct pages, until the device is unbound.
            let byte = unsafe { bindings::vma_kunit_byte_at((address + first * PAGE_SIZE) as u64) };
            assert_eq!(
                (peek(mapping.start)?, byte),
                (30 + first as u8, 30 + first as u8)
            );
        }
        drop((bound, other));
        Ok(())
    }

    #[test]
    fn unbound_device_takes_its_mappings_away() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (bound, files) = files()?;
        let (mapping, second) = (map(&mm, &files, 0)?, map(&mm, &files, 1)?);
        poke(mapping.start + PAGE_SIZE, 9)?;
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
        }
        assert!(files.data.try_access().is_none());
        assert_eq!(map(&mm, &files, 0).err(), Some(ENODEV));
        Ok(())
    }

    #[test]
    fn memory_goes_with_its_last_share() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (bound, files) = files()?;
        let mapping = map(&mm, &files, 0)?;
        let memory = files.data.clone();
        drop(files);
        assert_eq!(peek(mapping.start)?, 30);

        // The one that is here and the one of the VMA. The device has none.
        unmap(mapping.start, mapping.len)?;
        assert!(Arc::into_unique_or_drop(memory).is_some());
        // An allocation that the device still has would be reported.
        drop(bound);
        Ok(())
    }

    #[test]
    fn device_gone_during_mmap_maps_nothing() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let bound = device()?;
        let memory = memory_of(&bound)?;
        let files = files_that_unbind::<Ops>(bound, memory)?;
        let mapped = mm.map_file(&*files.open()?, 0, PAGES);
        assert_eq!(mapped.err(), Some(ENODEV));
        Ok(())
    }

    /// A second task maps all the time. When the device is unbound, nothing is mapped.
    #[test]
    fn nothing_is_mapped_after_unbind() -> Result {
        const ROUNDS: usize = 20;
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

    #[test]
    fn first_page_does_not_wrap() -> Result {
        let bound = device()?;
        let errors = errors_of_wrapping::<Ops>(memory_of(&bound)?, [1, PAGES])?;
        assert_eq!(errors, [Some(EINVAL); 2]);
        Ok(())
    }

    #[test]
    fn wrong_sizes_and_devices_are_refused() -> Result {
        let (bound, without) = (device()?, device_without_dma()?);
        let sizes = [0, 1 << (32 - crate::page::PAGE_SHIFT), usize::MAX];
        for pages in sizes {
            let refused = NoncoherentMemory::new::<ToDevice>(bound_device(&bound), pages);
            assert_eq!(refused.err(), Some(EINVAL));
        }
        // More than the page allocator has in one piece.
        let refused = NoncoherentMemory::new::<ToDevice>(bound_device(&bound), 1 << 18);
        assert_eq!(refused.err(), Some(ENOMEM));

        let refused = NoncoherentMemory::new::<ToDevice>(bound_device(&without), PAGES);
        assert_eq!(refused.err(), Some(EINVAL));
        Ok(())
    }

    /// An allocation that is left is reported when the device is unbound.
    #[cfg(all(CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS))]
    #[test]
    fn failing_allocations_leave_nothing_allocated() -> Result {
        let bound = device()?;
        let (memory, failed) = failing::each_allocation(
            || Ok(()),
            |()| NoncoherentMemory::new::<FromDevice>(bound_device(&bound), PAGES),
        )?;
        // The mappings with their inode, the table, the memory, the revocation, the whole.
        assert!(failed >= 5);
        assert!(memory.try_access().is_some());
        drop(memory);
        drop(bound);
        Ok(())
    }
}
