// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_HAS_DMA)]

//! Pinned memory that is mapped for a device. The device is a faux device, which accesses nothing.

use super::{
    super::address_space::{
        peek,
        poke,
        AddressSpace,
        Mapping, //
    },
    pinning::{
        clean,
        is_pinned, //
    }, //
};
use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    faux::Registration,
    mm::vma::pin::{
        Bidirectional,
        DmaPages,
        FromDevice,
        PinAccess,
        PinFor,
        PinnedPages,
        ReadOnly,
        ToDevice,
        Writable, //
    },
    page::PAGE_SIZE,
    prelude::*,
    str::CString,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};
use core::ops::Range;

static DEVICES: Atomic<u32> = Atomic::new(0);

/// A device that is bound.
fn device() -> Result<Registration> {
    // A test that fails leaves its device behind.
    let number = DEVICES.fetch_add(1, Relaxed);
    let name = CString::try_from_fmt(fmt!("rust_vma_dma.{number}"))?;
    Registration::new(&name, None)
}

fn bound(device: &Registration) -> &Device<Bound> {
    let faux: &crate::faux::Device<Bound> = device.as_ref();
    faux.as_ref()
}

/// Says that a device can do DMA to all memory.
fn enable_dma(device: &Registration) {
    let dev = bound(device).as_raw();
    // SAFETY: The device is the test's own, and nothing is mapped for it.
    unsafe {
        (*dev).coherent_dma_mask = u64::MAX;
        (*dev).dma_mask = &raw mut (*dev).coherent_dma_mask;
    }
}

fn pin<A: PinAccess>(mm: &AddressSpace, range: Range<usize>) -> Result<PinnedPages<A>> {
    mm.vma_locks().pin_user_pages_fast(range, PinFor::LongTerm)
}

fn whole(mapping: Mapping) -> Range<usize> {
    mapping.start..mapping.end()
}

fn first_page<A: PinAccess>(pages: &PinnedPages<A>) -> Result<*mut bindings::page> {
    Ok(pages.iter().next().ok_or(EIO)?.as_raw())
}

/// The offset of the first byte in its page, the number of bytes, and the number of segments.
fn shape<A: PinAccess>(pages: &DmaPages<A>) -> Result<(usize, usize, usize)> {
    let table = pages.table().ok_or(ENXIO)?;
    let first = table.iter().next().ok_or(EIO)?.dma_address();
    let len = table.iter().map(|segment| segment.dma_len() as usize).sum();
    Ok((first as usize % PAGE_SIZE, len, table.iter().count()))
}

#[kunit_tests(rust_vma_dma_pages)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_the_pinned_range() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(4)?;
        let device = device()?;
        enable_dma(&device);

        let range = mapping.start + 100..mapping.end() - 200;
        let pages = pin::<ReadOnly>(&mm, range)?.map_for_device::<ToDevice>(bound(&device))?;
        let (offset, len, count) = shape(&pages)?;
        assert_eq!((offset, len), (100, 4 * PAGE_SIZE - 300));
        assert!((1..=4).contains(&count));

        // In the middle of a page.
        let start = mapping.start + PAGE_SIZE + 7;
        let pages = pin::<Writable>(&mm, start..start + 512)?;
        let pages = pages.map_for_device::<FromDevice>(bound(&device))?;
        assert_eq!(shape(&pages)?, (7, 512, 1));

        // A single byte, which the device may have a copy of (C: `dma_kmalloc_needs_bounce()`).
        let pages = pin::<Writable>(&mm, start..start + 1)?;
        let pages = pages.map_for_device::<FromDevice>(bound(&device))?;
        let (offset, len, count) = shape(&pages)?;
        assert_eq!((len, count), (1, 1));
        assert!(offset == 7 || cfg!(CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC));
        Ok(())
    }

    #[test]
    fn unbinding_unmaps_and_leaves_the_pins() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        poke(mapping.start, 5)?;
        let device = device()?;
        enable_dma(&device);

        let pages = pin::<Writable>(&mm, whole(mapping))?;
        let raw = first_page(&pages)?;
        let mut pages = pages.map_for_device::<Bidirectional>(bound(&device))?;
        assert!(pages.table().is_some());
        drop(device);
        assert!(pages.table().is_none());

        // SAFETY: The page is mapped.
        assert!(unsafe { is_pinned(raw) });
        // There is nothing to hand over.
        let mut byte = [0];
        pages.for_cpu().read(0, &mut byte)?;
        assert_eq!(byte, [5]);
        drop(pages);
        // SAFETY: As above.
        assert!(!unsafe { is_pinned(raw) });
        Ok(())
    }

    #[test]
    fn pages_are_unpinned_after_they_are_unmapped() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(1)?;
        let device = device()?;
        enable_dma(&device);

        let pages = pin::<Writable>(&mm, whole(mapping))?;
        let raw = first_page(&pages)?;
        let pages = pages.map_for_device::<FromDevice>(bound(&device))?;
        // SAFETY: The page is mapped until the end of the test.
        unsafe { clean(raw) };
        let pages = pages.unmap();
        // SAFETY: As above.
        assert!(unsafe { is_pinned(raw) } && !unsafe { clean(raw) });
        drop(pages);
        // SAFETY: As above.
        assert!(!unsafe { is_pinned(raw) } && unsafe { clean(raw) });

        let pages = pin::<ReadOnly>(&mm, whole(mapping))?;
        drop(pages.map_for_device::<ToDevice>(bound(&device))?);
        // SAFETY: As above.
        assert!(!unsafe { is_pinned(raw) } && !unsafe { clean(raw) });
        Ok(())
    }

    #[test]
    fn memory_is_handed_to_the_cpu_and_back() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        poke(mapping.start, 1)?;
        let device = device()?;
        enable_dma(&device);

        let pages = pin::<Writable>(&mm, whole(mapping))?;
        let mut pages = pages.map_for_device::<Bidirectional>(bound(&device))?;
        {
            let mut pages = pages.for_cpu();
            let mut byte = [0];
            pages.read(0, &mut byte)?;
            assert_eq!((byte, pages.page_count()), ([1], 2));
            pages.write(PAGE_SIZE - 1, &[2, 3])?;
        }
        let at = mapping.start + PAGE_SIZE;
        assert_eq!((peek(at - 1)?, peek(at)?), (2, 3));
        assert_eq!(shape(&pages)?.1, 2 * PAGE_SIZE);
        Ok(())
    }

    #[test]
    fn device_that_cannot_do_dma_is_refused() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let device = device()?;
        let dev = bound(&device).as_raw();

        let pages = pin::<ReadOnly>(&mm, whole(mapping))?;
        let raw = first_page(&pages)?;
        let refused = pages.map_for_device::<ToDevice>(bound(&device));
        assert_eq!(refused.err(), Some(EINVAL));
        // SAFETY: The page is mapped.
        assert!(!unsafe { is_pinned(raw) });

        // Segments of less than a page.
        enable_dma(&device);
        let mut limits: bindings::device_dma_parameters = pin_init::zeroed();
        limits.max_segment_size = PAGE_SIZE as u32 / 2;
        // SAFETY: The device is the test's own.
        unsafe { (*dev).dma_parms = &raw mut limits };
        let refused = pin::<ReadOnly>(&mm, whole(mapping))?
            .map_for_device::<ToDevice>(bound(&device))
            .err();
        // SAFETY: As above.
        unsafe { (*dev).dma_parms = core::ptr::null_mut() };
        assert_eq!(refused, Some(EINVAL));
        Ok(())
    }
}
