// SPDX-License-Identifier: GPL-2.0

//! Many pages that are mapped at once: those of a buffer, and others.

use super::{
    super::address_space::{
        peek,
        peek_if_mapped,
        poke,
        unmap,
        AddressSpace, //
    },
    device::{
        Device,
        Hook, //
    },
};
use crate::{
    bindings,
    mm::vma::{
        driver::{
            Fault,
            FaultOutcome,
            MixedMap,
            PfnMap,
            PfnRegion,
            SharedBuffer,
            SharedPage,
            ViaMmap,
            ViaMmapPrepare,
            VmaOperations, //
        },
        VmaFlag, //
    },
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc,
        Mutex, //
    }, //
};

const PAGES: usize = 4;
const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;
const SHARED: u32 = bindings::MAP_SHARED;

/// A buffer, each of whose pages begins with its number and 30.
fn buffer() -> Result<SharedBuffer> {
    let buffer = SharedBuffer::new(PAGES)?;
    for page in 0..PAGES {
        buffer.write(page * PAGE_SIZE, &[30 + page as u8])?;
    }
    Ok(buffer)
}

/// The data of VMAs.
struct Counting {
    buffer: SharedBuffer,
    faults: Atomic<i32>,
}

impl Counting {
    fn new() -> Result<Arc<Self>> {
        let faults = Atomic::new(0);
        Ok(Arc::new(
            Self {
                buffer: buffer()?,
                faults,
            },
            GFP_KERNEL,
        )?)
    }
}

fn give_page<'a, T>(fault: Fault<'a, T>) -> FaultOutcome<'a>
where
    T: VmaOperations<Data = Arc<Counting>, PageKind = MixedMap>,
{
    fault.data().faults.fetch_add(1, Relaxed);
    let page = fault.pgoff();
    if page < PAGES {
        fault.page_of(|data| &data.buffer.pages()[page])
    } else {
        fault.sigbus()
    }
}

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<Counting>;
    type PageKind = MixedMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }
}

struct PreparedOps;

crate::vm_operations!(PreparedOps);

#[vtable]
impl VmaOperations for PreparedOps {
    type Data = Arc<Counting>;
    type PageKind = MixedMap;
    type Hook = ViaMmapPrepare;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }
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

macro_rules! region_ops {
    ($ops:ident, $hook:ty) => {
        struct $ops;

        crate::vm_operations!($ops);

        #[vtable]
        impl VmaOperations for $ops {
            type Data = Arc<PfnRegion<()>>;
            type PageKind = PfnMap;
            type Hook = $hook;
        }
    };
}

region_ops!(RegionOps, ViaMmap);
region_ops!(PreparedRegionOps, ViaMmapPrepare);

/// A buffer that can be taken away from the device.
type Slot = Pin<KBox<Mutex<Option<SharedBuffer>>>>;

#[kunit_tests(rust_vma_shared_buffer)]
mod tests {
    use super::*;

    /// Also if the allocator hands out what was just freed.
    #[test]
    fn a_buffer_is_zero_at_first() -> Result {
        for _ in 0..3 {
            let buffer = SharedBuffer::new(PAGES)?;
            assert_eq!((buffer.count(), buffer.pages().len()), (PAGES, PAGES));
            for offset in (0..PAGES * PAGE_SIZE).step_by(size_of::<usize>()) {
                assert_eq!(buffer.load::<usize>(offset, Relaxed), Ok(0));
                buffer.store(offset, usize::MAX, Relaxed)?;
            }
        }
        assert_eq!(SharedBuffer::new(0).err(), Some(EINVAL));
        for pages in [usize::MAX, usize::MAX / PAGE_SIZE + 1] {
            assert_eq!(SharedBuffer::new(pages).err(), Some(EINVAL));
        }
        Ok(())
    }

    #[test]
    fn accesses_are_in_bounds() -> Result {
        let buffer = buffer()?;
        let end = PAGES * PAGE_SIZE;

        // Over the end of a page, and in both views of it.
        buffer.write(2 * PAGE_SIZE - 2, b"abcd")?;
        let mut bytes = [0; 2];
        buffer.pages()[1].read(PAGE_SIZE - 2, &mut bytes)?;
        assert_eq!(&bytes, b"ab");
        buffer.pages()[2].store(8, 0x0102_0304_u32, Release)?;
        assert_eq!(buffer.load(2 * PAGE_SIZE + 8, Acquire), Ok(0x0102_0304_u32));

        buffer.write(end - 1, &[7])?;
        buffer.read(end - 2, &mut bytes)?;
        assert_eq!(bytes, [0, 7]);
        for offset in [end - 1, end, usize::MAX, usize::MAX - 1] {
            assert_eq!(buffer.read(offset, &mut bytes), Err(EINVAL));
            assert_eq!(buffer.write(offset, &bytes), Err(EINVAL));
            assert_eq!(buffer.load::<u32>(offset, Relaxed), Err(EINVAL));
            assert_eq!(buffer.store(offset, 0u32, Relaxed), Err(EINVAL));
        }
        assert_eq!(buffer.load::<u32>(2, Relaxed), Err(EINVAL));
        assert_eq!(buffer.store(end - 2, 0u32, Relaxed), Err(EINVAL));
        Ok(())
    }

    #[test]
    fn buffer_is_mapped_from_a_page_on() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            Counting::new()?,
            Hook::Mmap(|data, setup| {
                let mut setup = setup.mixedmap();
                let first = setup.pgoff();
                setup.map_buffer(&data.buffer, first)?;
                Ok(setup.with_ops::<Ops>(data.clone()))
            }),
        )?;
        let file = device.open()?;
        let mapping = mm.map_file_as(&file, 1, 2, RW, SHARED, 0)?;

        assert_eq!(peek_if_mapped(mapping.start), Some(31));
        assert_eq!(peek_if_mapped(mapping.start + PAGE_SIZE), Some(32));
        poke(mapping.start + 1, 9)?;
        device.data.buffer.write(PAGE_SIZE + 2, &[8])?;
        let mut bytes = [0; 3];
        device.data.buffer.read(PAGE_SIZE, &mut bytes)?;
        assert_eq!(bytes, [31, 9, 8]);
        assert_eq!(peek(mapping.start + 2)?, 8);
        {
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let flags = VmaFlag::MIXEDMAP | VmaFlag::DONTEXPAND | VmaFlag::DONTDUMP;
            assert!(vma.flags().contains_all(flags));
        }

        // Copies are the process's own.
        let private = mm.map_file_as(&file, 0, 1, RW, bindings::MAP_PRIVATE, 0)?;
        poke(private.start, 5)?;
        device.data.buffer.read(0, &mut bytes)?;
        assert_eq!((peek(private.start)?, bytes[0]), (5, 30));

        for (pgoff, pages) in [(0, PAGES + 1), (PAGES - 1, 2), (PAGES, 1)] {
            let mapped = mm.map_file(&file, pgoff, pages);
            assert_eq!(mapped.err(), Some(EINVAL));
        }
        assert_eq!(device.data.faults.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn mapping_outlives_its_buffer() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let slot: Slot = KBox::pin_init(new_mutex!(Some(buffer()?)), GFP_KERNEL)?;
        let device = Device::new(
            slot,
            Hook::Mmap(|slot, setup| {
                let mut setup = setup.mixedmap();
                setup.map_buffer(slot.lock().as_ref().ok_or(ENODEV)?, 0)?;
                Ok(setup.with_ops::<NoDataOps>(()))
            }),
        )?;
        let file = device.open()?;
        let mapping = mm.map_file_as(&file, 0, PAGES, RW, SHARED, 0)?;
        poke(mapping.start, 9)?;

        let buffer = device.data.lock().take();
        drop(buffer);
        // The pages that are still mapped are not allocated again.
        let others = [self::buffer()?, self::buffer()?];
        poke(mapping.start + PAGE_SIZE + 1, 8)?;
        assert_eq!(peek(mapping.start)?, 9);
        assert_eq!(peek(mapping.start + (PAGES - 1) * PAGE_SIZE)?, 33);
        for other in &others {
            let mut bytes = [0; 2];
            other.read(PAGE_SIZE, &mut bytes)?;
            assert_eq!(bytes, [31, 0]);
        }
        unmap(mapping.start, mapping.len)
    }

    #[test]
    fn failed_hook_leaves_no_pages() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            Counting::new()?,
            Hook::Mmap(|data, setup| {
                let mut setup = setup.mixedmap();
                let (start, pages) = (setup.start(), data.buffer.pages());
                setup.map_kernel_pages(start + PAGE_SIZE, &pages[..1])?;
                // The page before is mapped when the one that is there already stops it.
                assert_eq!(setup.map_kernel_pages(start, pages), Err(EBUSY));
                assert_eq!(peek_if_mapped(start), Some(30));
                assert_eq!(peek_if_mapped(start + PAGE_SIZE), Some(30));
                Err(ENOTTY)
            }),
        )?;
        let room = mm.map(PAGES)?;
        let fixed = SHARED | bindings::MAP_FIXED;
        let mapped = mm.map_file_as(&*device.open()?, 0, PAGES, RW, fixed, room.start);

        assert_eq!(mapped.err(), Some(ENOTTY));
        for page in 0..PAGES {
            assert_eq!(peek_if_mapped(room.start + page * PAGE_SIZE), None);
        }
        Ok(())
    }

    #[test]
    fn pages_are_mapped_inside_of_the_vma() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            Counting::new()?,
            Hook::Mmap(|data, setup| {
                let mut setup = setup.mixedmap();
                let (start, end) = (setup.start(), setup.end());
                let pages = data.buffer.pages();

                for addr in [
                    start - PAGE_SIZE,
                    start + 1,
                    start + PAGE_SIZE,
                    end,
                    usize::MAX - PAGE_SIZE + 1,
                ] {
                    assert_eq!(setup.map_kernel_pages(addr, pages), Err(EINVAL));
                }
                assert_eq!(setup.map_kernel_pages(start, &[]), Err(EINVAL));
                assert_eq!(setup.map_buffer(&data.buffer, usize::MAX), Err(EINVAL));

                // Pages that are no buffer.
                let page = SharedPage::new(GFP_KERNEL)?;
                page.write(0, &[77])?;
                setup.map_kernel_pages(end - PAGE_SIZE, &[page])?;
                Ok(setup.with_ops::<Ops>(data.clone()))
            }),
        )?;
        let mapping = mm.map_file_as(&*device.open()?, 0, PAGES, RW, SHARED, 0)?;

        for page in 0..PAGES - 1 {
            assert_eq!(peek_if_mapped(mapping.start + page * PAGE_SIZE), None);
        }
        assert_eq!(peek(mapping.end() - PAGE_SIZE)?, 77);
        assert_eq!(peek(mapping.start)?, 30);
        assert_eq!(device.data.faults.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn described_pages_are_mapped_before_faults() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            Counting::new()?,
            Hook::MmapPrepare(|data, desc| {
                // All but the last one.
                let addr = desc.start();
                let pages = data.buffer.pages().get(desc.pgoffs()?).ok_or(EINVAL)?;
                let pages = &pages[..pages.len() - 1];
                desc.mixedmap()
                    .map_kernel_pages::<PreparedOps>(data, addr, pages)
            }),
        )?;
        let file = device.open()?;
        let mapping = mm.map_file_as(&file, 1, 3, RW, SHARED, 0)?;

        assert_eq!(peek_if_mapped(mapping.start), Some(31));
        assert_eq!(peek_if_mapped(mapping.start + PAGE_SIZE), Some(32));
        assert_eq!(peek_if_mapped(mapping.start + 2 * PAGE_SIZE), None);
        poke(mapping.start + 1, 9)?;
        assert_eq!(peek(mapping.start + 2 * PAGE_SIZE)?, 33);
        assert_eq!(device.data.faults.load(Relaxed), 1);
        let mut bytes = [0; 2];
        device.data.buffer.read(PAGE_SIZE, &mut bytes)?;
        assert_eq!(bytes, [31, 9]);

        {
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            assert!(vma.downcast::<PreparedOps>().is_some());
        }
        // No page is left.
        assert_eq!(mm.map_file(&file, 0, 1).err(), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn described_pages_are_inside_of_the_vma() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            Counting::new()?,
            Hook::MmapPrepare(|data, desc| {
                let (start, end) = (desc.start(), desc.end());
                let addr = match desc.pgoff() {
                    0 => start - PAGE_SIZE,
                    1 => start + 1,
                    2 => start + PAGE_SIZE,
                    3 => end,
                    4 => usize::MAX - PAGE_SIZE + 1,
                    _ => start,
                };
                let pages = match desc.pgoff() {
                    5 => &[],
                    _ => data.buffer.pages(),
                };
                desc.mixedmap()
                    .map_kernel_pages::<PreparedOps>(data, addr, pages)
            }),
        )?;
        let file = device.open()?;

        for pgoff in 0..6 {
            assert_eq!(mm.map_file(&file, pgoff, PAGES).err(), Some(EINVAL));
        }
        assert!(mm.map_file(&file, 6, PAGES).is_ok());
        Ok(())
    }

    #[test]
    fn frames_are_mapped_from_the_page_offset_on() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let region = || -> Result<Arc<PfnRegion<()>>> {
            let region = Arc::pin_init(PfnRegion::alloc(PAGES, GFP_KERNEL, ()), GFP_KERNEL)?;
            for page in 0..PAGES {
                region
                    .frames()
                    .write(page * PAGE_SIZE, &[50 + page as u8])?;
            }
            Ok(region)
        };
        let devices = [
            Device::new(
                region()?,
                Hook::Mmap(|region, setup| {
                    setup
                        .pfnmap()?
                        .remap_from_pgoff::<RegionOps>(region.clone())
                }),
            )?,
            Device::new(
                region()?,
                Hook::MmapPrepare(|region, desc| {
                    desc.pfnmap()?.remap_from_pgoff::<PreparedRegionOps>(region)
                }),
            )?,
        ];

        for device in &devices {
            let file = device.open()?;
            let mapping = mm.map_file_as(&file, 1, 3, RW, SHARED, 0)?;
            for page in 0..3 {
                let addr = mapping.start + page * PAGE_SIZE;
                assert_eq!(peek_if_mapped(addr), Some(51 + page as u8));
            }
            for (pgoff, pages) in [(0, PAGES + 1), (PAGES - 1, 2), (PAGES, 1)] {
                assert_eq!(mm.map_file(&file, pgoff, pages).err(), Some(EINVAL));
            }
        }
        Ok(())
    }
}
