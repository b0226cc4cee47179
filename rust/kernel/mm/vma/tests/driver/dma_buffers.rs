// SPDX-License-Identifier: GPL-2.0
#![cfg(CONFIG_HAS_DMA)]

//! Several buffers of coherent DMA memory in one VMA.

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
        unbind_while_mapping, //
    },
};
use crate::{
    bindings,
    device::{
        Bound,
        Device as AnyDevice, //
    },
    dma::{
        attrs,
        Coherent,
        CoherentBox, //
    },
    faux::Registration,
    io::io_read,
    mm::vma::driver::{
        DmaBuffers,
        DmaMap,
        ViaMmapPrepare,
        VmaOperations, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

/// The pages of each buffer, and of all.
const PAGES_OF: [usize; 3] = [1, 3, 2];
const PAGES: usize = 6;
const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;

type Buffers = Arc<DmaBuffers<[u8]>>;

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Buffers;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;
}

/// Makes buffers, each of whose pages begins with its number among all pages and 110.
fn coherent(device: &AnyDevice<Bound>) -> Result<KVec<Coherent<[u8]>>> {
    let mut buffers = KVec::new();
    let mut byte = 110;
    for pages in PAGES_OF {
        let mut buffer = CoherentBox::<[u8]>::zeroed_slice(device, pages * PAGE_SIZE, GFP_KERNEL)?;
        for page in 0..pages {
            buffer[page * PAGE_SIZE] = byte;
            byte += 1;
        }
        buffers.push(buffer.into(), GFP_KERNEL)?;
    }
    Ok(buffers)
}

fn buffers_of(device: &AnyDevice<Bound>) -> Result<Buffers> {
    DmaBuffers::new(device, coherent(device)?)
}

/// A device that is bound, and files that map its buffers.
fn bench() -> Result<(AddressSpace, Registration, KBox<Device<Buffers>>)> {
    let mm = AddressSpace::of_this_case()?;
    let bound = device()?;
    let files = files_of(buffers_of(bound_device(&bound))?)?;
    Ok((mm, bound, files))
}

fn files_of(buffers: Buffers) -> Result<KBox<Device<Buffers>>> {
    Device::new(
        buffers,
        Hook::MmapPrepare(|buffers, desc| {
            let first = desc.pgoff();
            desc.map_dma::<Ops>(buffers, first)
        }),
    )
}

fn map(mm: &AddressSpace, files: &Device<Buffers>, first: usize, pages: usize) -> Result<Mapping> {
    mm.map_file_as(&*files.open()?, first, pages, RW, bindings::MAP_SHARED, 0)
}

/// Maps all buffers while something is set for their device, and then without. Returns the error of
/// the former.
#[cfg(any(CONFIG_ARCH_HAS_DMA_OPS, CONFIG_DMA_DECLARE_COHERENT))]
fn map_while(set: fn(*mut bindings::device, bool)) -> Result<Option<Error>> {
    let (mm, bound, files) = bench()?;
    let device = bound_device(&bound).as_raw();
    set(device, true);
    let refused = map(&mm, &files, 0, PAGES).err();
    set(device, false);
    map(&mm, &files, 0, PAGES)?;
    Ok(refused)
}

#[kunit_tests(rust_vma_dma_buffers)]
mod tests {
    use super::*;

    /// Every range of them, so each begins and ends everywhere in and between the buffers.
    #[test]
    fn buffers_follow_one_another() -> Result {
        let (mm, _bound, files) = bench()?;
        assert_eq!(files.data.count(), PAGES);

        for first in 0..PAGES {
            for pages in 1..=PAGES - first {
                let mapping = map(&mm, &files, first, pages)?;
                for page in 0..pages {
                    let byte = peek_if_mapped(mapping.start + page * PAGE_SIZE);
                    assert_eq!(byte, Some(110 + (first + page) as u8));
                }
            }
        }

        // The last page of the second buffer, as the driver and user space see it.
        let mapping = map(&mm, &files, 2, 3)?;
        poke(mapping.start + PAGE_SIZE + 1, 9)?;
        let buffers = files.data.try_access().ok_or(ENODEV)?;
        let buffer = buffers.get(1).ok_or(EINVAL)?;
        assert_eq!(io_read!(buffer, [try: 2 * PAGE_SIZE + 1]), 9);
        drop(buffers);

        // The parts that are left have them, too.
        unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)?;
        assert_eq!(peek(mapping.start + PAGE_SIZE), Err(EFAULT));
        assert_eq!(peek(mapping.start + 2 * PAGE_SIZE)?, 114);
        Ok(())
    }

    #[test]
    fn ranges_beyond_the_buffers_are_refused() -> Result {
        let (mm, _bound, files) = bench()?;
        for (first, pages) in [(0, PAGES + 1), (PAGES - 1, 2), (PAGES, 1)] {
            assert_eq!(map(&mm, &files, first, pages).err(), Some(EINVAL));
        }
        let private = bindings::MAP_PRIVATE;
        let copies = mm.map_file_as(&*files.open()?, 0, 1, RW, private, 0);
        assert_eq!(copies.err(), Some(EINVAL));
        Ok(())
    }

    #[cfg(CONFIG_ARCH_HAS_DMA_OPS)]
    #[test]
    fn device_that_cannot_map_is_refused() -> Result {
        // SAFETY: Nothing is allocated or freed meanwhile.
        let refused = map_while(|dev, on| unsafe { bindings::vma_kunit_set_dma_ops(dev, on) })?;
        assert_eq!(refused, Some(ENXIO));
        Ok(())
    }

    /// A pool can have memory without pages.
    #[cfg(CONFIG_DMA_DECLARE_COHERENT)]
    #[test]
    fn memory_of_a_pool_is_refused() -> Result {
        // SAFETY: Nothing is allocated or freed meanwhile.
        let refused = map_while(|dev, on| unsafe { bindings::vma_kunit_set_dma_pool(dev, on) })?;
        assert_eq!(refused, Some(ENXIO));
        Ok(())
    }

    #[test]
    fn buffers_are_whole_pages_of_one_device() -> Result {
        let (bound, other) = (device()?, device()?);
        let (device, other) = (bound_device(&bound), bound_device(&other));
        let refused = |buffer: Coherent<[u8]>| -> Result<_> {
            let mut buffers = coherent(device)?;
            buffers.push(buffer, GFP_KERNEL)?;
            Ok(DmaBuffers::new(device, buffers).err())
        };

        let of_other = Coherent::<u8>::zeroed_slice(other, PAGE_SIZE, GFP_KERNEL)?;
        assert_eq!(refused(of_other)?, Some(EINVAL));
        let part = Coherent::<u8>::zeroed_slice(device, PAGE_SIZE + 8, GFP_KERNEL)?;
        assert_eq!(refused(part)?, Some(EINVAL));
        let combined = Coherent::<u8>::zeroed_slice_with_attrs(
            device,
            PAGE_SIZE,
            GFP_KERNEL,
            attrs::DMA_ATTR_WRITE_COMBINE,
        )?;
        assert_eq!(refused(combined)?, Some(EINVAL));
        assert_eq!(
            refused(Coherent::<u8>::zeroed_slice(device, PAGE_SIZE, GFP_KERNEL)?)?,
            None
        );

        let none = DmaBuffers::<[u8]>::new(device, KVec::new());
        assert_eq!(none.err(), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn unbound_device_takes_its_buffers_away() -> Result {
        let (mm, bound, files) = bench()?;
        let (mapping, second) = (map(&mm, &files, 0, PAGES)?, map(&mm, &files, 3, 2)?);
        unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)?;

        drop(bound);
        for addr in [mapping.start, mapping.end() - PAGE_SIZE, second.start] {
            assert_eq!(peek_if_mapped(addr), None);
            assert_eq!(peek(addr), Err(EFAULT));
            assert_eq!(poke(addr, 1), Err(EFAULT));
        }
        assert!(files.data.try_access().is_none());
        assert_eq!(map(&mm, &files, 0, 1).err(), Some(ENODEV));
        Ok(())
    }

    /// A second task maps all the time. When the device is unbound, nothing is mapped.
    #[test]
    fn no_buffer_is_mapped_after_unbind() -> Result {
        const ROUNDS: usize = 10;

        for _ in 0..ROUNDS {
            let (mm, bound, files) = bench()?;
            let (error, addr) = unbind_while_mapping(&mm, bound, files.open()?, PAGES)?;
            assert_eq!(error, ENODEV);
            assert_eq!(peek_if_mapped(addr), None);
        }
        Ok(())
    }

    /// A buffer that is left is reported when the device is unbound.
    #[cfg(all(CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS))]
    #[test]
    fn failing_allocations_map_no_buffer() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let bound = device()?;
        let device = bound_device(&bound);
        let (buffers, failed) = failing::each_allocation(
            || coherent(device),
            |buffers| DmaBuffers::new(device, buffers),
        )?;
        assert!(failed >= 3);

        let files = files_of(buffers)?;
        let room = mm.map(PAGES)?;
        let fixed = bindings::MAP_SHARED | bindings::MAP_FIXED;
        let file = files.open()?;
        let is_mapped = |page| peek_if_mapped(room.start + page * PAGE_SIZE).is_some();
        let ((), failed) = failing::each_allocation(
            || {
                assert!(!(0..PAGES).any(is_mapped));
                Ok(())
            },
            |()| {
                let mapping = mm.map_file_as(&file, 0, PAGES, RW, fixed, room.start)?;
                if !(0..PAGES).all(is_mapped) {
                    return Err(EIO);
                }
                unmap(mapping.start, mapping.len)
            },
        )?;
        // A table of pages for each buffer.
        assert!(failed >= PAGES_OF.len() as u32);
        drop(bound);
        Ok(())
    }
}
