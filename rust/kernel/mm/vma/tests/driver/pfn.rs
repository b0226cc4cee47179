// SPDX-License-Identifier: GPL-2.0

//! Page frames, which stay for as long as something maps them.

use super::{
    super::address_space::{
        peek,
        peek_if_mapped,
        poke,
        unmap,
        AddressSpace,
        Mapping, //
    },
    device::{
        Device,
        Hook,
        Shared, //
    },
};
use crate::{
    bindings,
    mm::vma::driver::{
        Fault,
        FaultOutcome,
        MemoryType,
        MixedMap,
        MkWrite,
        MkWriteOutcome,
        PfnMap,
        PfnRegion,
        ViaMmap,
        ViaMmapPrepare,
        VmaOperations, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

/// Tells when the region goes.
pub(super) struct Live(pub(super) Arc<Shared>);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.has_happened();
    }
}

pub(super) type Region = Arc<PfnRegion<Live>>;

const PAGES: usize = 8;

/// A region of pages, each of which begins with its number and 50.
fn region(shared: &Arc<Shared>) -> Result<Region> {
    let live = Live(shared.clone());
    let region: Region = Arc::pin_init(PfnRegion::alloc(PAGES, GFP_KERNEL, live), GFP_KERNEL)?;

    for page in 0..PAGES {
        region
            .frames()
            .write(page * PAGE_SIZE, &[50 + page as u8])?;
    }
    Ok(region)
}

macro_rules! ops {
    ($ops:ident, $kind:ty, $hook:ty) => {
        pub(super) struct $ops;

        crate::vm_operations!($ops);

        #[vtable]
        impl VmaOperations for $ops {
            type Data = Region;
            type PageKind = $kind;
            type Hook = $hook;

            fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
                fault.data().0.faults.fetch_add(1, Relaxed);
                let frame = fault.pgoff();
                fault.insert_pfn(frame)
            }
        }
    };
}

ops!(PfnOps, PfnMap, ViaMmap);
ops!(MixedOps, MixedMap, ViaMmap);
ops!(PreparedOps, PfnMap, ViaMmapPrepare);

/// Is asked before a frame becomes writable.
struct AskedOps;

crate::vm_operations!(AskedOps);

#[vtable]
impl VmaOperations for AskedOps {
    type Data = Region;
    type PageKind = PfnMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }

    fn pfn_mkwrite<'a>(fault: MkWrite<'a, Self>) -> MkWriteOutcome<'a> {
        fault.data().0.faults.fetch_add(1, Relaxed);
        if fault.pgoff() == 0 {
            fault.allow()
        } else {
            fault.sigbus()
        }
    }
}

/// A device with a region, whose files are mapped by `hook`.
fn device(hook: Hook<Region>) -> Result<(AddressSpace, Arc<Shared>, KBox<Device<Region>>)> {
    let mm = AddressSpace::of_this_case()?;
    let shared = Shared::new(0)?;
    let device = Device::new(region(&shared)?, hook)?;
    Ok((mm, shared, device))
}

pub(super) fn map(
    mm: &AddressSpace,
    device: &Device<Region>,
    pgoff: usize,
    pages: usize,
) -> Result<Mapping> {
    let rw = bindings::PROT_READ | bindings::PROT_WRITE;
    mm.map_file_as(&*device.open()?, pgoff, pages, rw, bindings::MAP_SHARED, 0)
}

#[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
pub(super) mod huge {
    use super::{
        super::super::holds::holds,
        *, //
    };
    use crate::mm::vma::{
        driver::{
            HugeFault,
            HugeFaultOutcome, //
        },
        page_table::Pmd, //
    };

    pub(in super::super) const HUGE: usize = Pmd::SIZE / PAGE_SIZE;

    pub(in super::super) struct HugeOps;

    crate::vm_operations!(HugeOps);

    #[vtable]
    impl VmaOperations for HugeOps {
        type Data = Region;
        type PageKind = PfnMap;
        type Hook = ViaMmap;

        fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
            fault.data().0.faults.fetch_add(1, Relaxed);
            let frame = fault.pgoff();
            fault.insert_pfn(frame)
        }

        fn huge_fault<'a>(fault: HugeFault<'a, Self>) -> HugeFaultOutcome<'a> {
            let frame = fault.pgoff();
            fault.insert_pfn_pmd(frame)
        }
    }

    /// Gives each kind of access a huge page of its own, and is asked before a frame becomes
    /// writable.
    pub(in super::super) struct AskedOps;

    crate::vm_operations!(AskedOps);

    #[vtable]
    impl VmaOperations for AskedOps {
        type Data = Region;
        type PageKind = PfnMap;
        type Hook = ViaMmap;

        fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
            let frame = fault.pgoff();
            fault.insert_pfn(frame)
        }

        fn huge_fault<'a>(fault: HugeFault<'a, Self>) -> HugeFaultOutcome<'a> {
            let frame = fault.pgoff();
            if fault.flags().is_write() {
                fault.insert_pfn_pmd(frame + HUGE)
            } else {
                fault.insert_pfn_pmd(frame)
            }
        }

        fn pfn_mkwrite<'a>(fault: MkWrite<'a, Self>) -> MkWriteOutcome<'a> {
            fault.data().0.faults.fetch_add(1, Relaxed);
            fault.allow()
        }
    }

    /// Maps as much as this number of huge pages has, where they can be.
    pub(in super::super) fn map_aligned<D>(
        mm: &AddressSpace,
        device: &Device<D>,
        huge_pages: usize,
    ) -> Result<Mapping> {
        let pages = huge_pages * HUGE;
        let room = mm.map(pages + HUGE)?;
        unmap(room.start, room.len)?;
        let aligned = room.start.next_multiple_of(Pmd::SIZE);
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let fixed = bindings::MAP_SHARED | bindings::MAP_FIXED;
        mm.map_file_as(&*device.open()?, 0, pages, rw, fixed, aligned)
    }

    /// An aligned mapping of a region with room for two huge pages, the first of which is
    /// mapped.
    pub(in super::super) fn with_room<T>(
        mm: &AddressSpace,
        shared: &Arc<Shared>,
    ) -> Result<(KBox<Device<Region>>, Mapping)>
    where
        T: crate::mm::vma::driver::OperationsTable<
            Data = Region,
            PageKind = PfnMap,
            Hook = ViaMmap,
        >,
    {
        let live = Live(shared.clone());
        let region: Region =
            Arc::pin_init(PfnRegion::alloc(2 * HUGE, GFP_KERNEL, live), GFP_KERNEL)?;
        for page in 0..2 * HUGE {
            region
                .frames()
                .write(page * PAGE_SIZE, &[(page % 251) as u8])?;
        }
        let device = Device::new(
            region,
            Hook::Mmap(|region, setup| Ok(setup.pfnmap()?.with_ops::<T>(region.clone()))),
        )?;
        let mapping = map_aligned(mm, &device, 1)?;
        holds(peek(mapping.start + 9 * PAGE_SIZE)? == 9)?;
        holds(is_huge(mm, mapping.start)?)?;
        Ok((device, mapping))
    }

    pub(in super::super) fn is_huge(mm: &AddressSpace, addr: usize) -> Result<bool> {
        let mut locks = mm.vma_locks();
        let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
        vma.with_pmd(addr, Pmd::is_leaf).map_err(|_| ENXIO)
    }
}

#[kunit_tests(rust_vma_pfn)]
mod tests {
    use super::*;

    #[test]
    fn frames_outlive_the_device_that_has_them() -> Result {
        let (mm, shared, device) = device(Hook::Mmap(|region, setup| {
            Ok(setup.pfnmap()?.with_ops::<PfnOps>(region.clone()))
        }))?;
        let mapping = map(&mm, &device, 2, 4)?;
        drop(device);

        assert_eq!(peek(mapping.start)?, 52);
        unmap(mapping.start, 2 * PAGE_SIZE)?;
        assert_eq!(peek(mapping.end() - PAGE_SIZE)?, 55);
        assert_eq!(shared.events.load(Relaxed), 0);
        assert_eq!(shared.faults.load(Relaxed), 2);
        unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn mixed_map_maps_frames_of_its_region_only() -> Result {
        let (mm, shared, device) = device(Hook::Mmap(|region, setup| {
            Ok(setup.mixedmap().with_ops::<MixedOps>(region.clone()))
        }))?;
        let mapping = map(&mm, &device, PAGES - 1, 2)?;

        assert_eq!(peek(mapping.start)?, 57);
        poke(mapping.start, 1)?;
        let mut byte = [0];
        device
            .data
            .frames()
            .read((PAGES - 1) * PAGE_SIZE, &mut byte)?;
        assert_eq!(byte, [1]);
        // There is no further one.
        assert_eq!(peek(mapping.start + PAGE_SIZE), Err(EFAULT));
        unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.events.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn only_frames_of_the_region_are_inserted() -> Result {
        let (mm, _shared, device) = device(Hook::Mmap(|region, setup| {
            Ok(setup.pfnmap()?.with_ops::<PfnOps>(region.clone()))
        }))?;
        let mapping = map(&mm, &device, 0, 2)?;
        let mut locks = mm.vma_locks();
        {
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma = vma.downcast::<PfnOps>().ok_or(ENXIO)?;

            for frame in [PAGES, PAGES + 1, usize::MAX] {
                assert_eq!(
                    vma.insert_pfn(&mut order, mapping.start, frame),
                    Err(EINVAL)
                );
            }
            assert_eq!(
                vma.insert_pfn(&mut order, mapping.start + 1, 0),
                Err(EINVAL)
            );
            assert_eq!(vma.insert_pfn(&mut order, mapping.end(), 0), Err(EFAULT));
            // Any frame at any place, and the first one stays.
            vma.insert_pfn(&mut order, mapping.start, 5)?;
            vma.insert_pfn(&mut order, mapping.start, 6)?;
        }
        assert_eq!(peek(mapping.start)?, 55);
        Ok(())
    }

    #[test]
    fn a_range_is_mapped_in_the_hook() -> Result {
        let (mm, shared, device) = device(Hook::Mmap(|region, setup| {
            let addr = setup.start() + PAGE_SIZE;
            setup
                .pfnmap()?
                .remap_pfn_range::<PfnOps>(region.clone(), addr, 4, 2)
        }))?;
        let mapping = map(&mm, &device, 0, 4)?;
        let see = |index: usize| peek(mapping.start + index * PAGE_SIZE);

        assert_eq!((see(1)?, see(2)?), (54, 55));
        assert_eq!(shared.faults.load(Relaxed), 0);
        assert_eq!((see(0)?, see(3)?), (50, 53));
        assert_eq!(shared.faults.load(Relaxed), 2);
        unmap(mapping.start, mapping.len)?;
        drop(device);
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn a_range_that_does_not_fit_is_refused() -> Result {
        /// The address in the VMA, the first frame, the number of pages.
        const CASES: [(usize, usize, usize); 9] = [
            (0, 0, 0),
            (0, 0, 3),
            (PAGE_SIZE, 0, 2),
            (2 * PAGE_SIZE, 0, 1),
            (1, 0, 1),
            (0, PAGES, 1),
            (0, PAGES - 1, 2),
            (0, usize::MAX, 2),
            (0, 0, usize::MAX),
        ];
        let (mm, shared, device) = device(Hook::Mmap(|region, setup| {
            let (offset, frame, pages) = CASES[setup.pgoff()];
            let addr = setup.start() + offset;
            let setup = setup.pfnmap()?;
            setup.remap_pfn_range::<PfnOps>(region.clone(), addr, frame, pages)
        }))?;

        for case in 0..CASES.len() {
            assert_eq!(map(&mm, &device, case, 2).err(), Some(EINVAL));
        }
        drop(device);
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn range_outside_of_the_mapping_is_refused() -> Result {
        /// The address and the number of pages, for a mapping that starts here.
        fn case(number: usize, start: usize) -> (usize, usize) {
            let last_page = PAGE_SIZE.wrapping_neg();
            [
                (start - PAGE_SIZE, 1),
                (start - PAGE_SIZE, 2),
                (last_page, 1),
                (last_page, 2),
            ][number]
        }

        let (mm, shared, other) = device(Hook::Mmap(|region, setup| {
            let (addr, pages) = case(setup.pgoff(), setup.start());
            setup
                .pfnmap()?
                .remap_pfn_range::<PfnOps>(region.clone(), addr, 0, pages)
        }))?;
        let hook = Hook::MmapPrepare(|region, desc| {
            let (addr, pages) = case(desc.pgoff(), desc.start());
            desc.pfnmap()?
                .remap_pfn_range::<PreparedOps>(region, addr, 0, pages)
        });
        let prepared = Device::new(region(&shared)?, hook)?;
        for number in 0..4 {
            for device in [&other, &prepared] {
                assert_eq!(map(&mm, device, number, 2).err(), Some(EINVAL));
            }
        }
        Ok(())
    }

    #[test]
    fn range_that_may_not_be_written_is_not() -> Result {
        let (mm, shared, other) = device(Hook::Mmap(|region, mut setup| {
            setup.clear_write();
            let addr = setup.start();
            setup
                .pfnmap()?
                .remap_pfn_range::<PfnOps>(region.clone(), addr, 0, 2)
        }))?;
        let hook = Hook::MmapPrepare(|region, mut desc| {
            desc.clear_write();
            let addr = desc.start();
            desc.pfnmap()?
                .remap_pfn_range::<PreparedOps>(region, addr, 0, 2)
        });
        let prepared = Device::new(region(&shared)?, hook)?;
        for device in [other, prepared] {
            let mapping = map(&mm, &device, 0, 2)?;
            assert_eq!(peek(mapping.start)?, 50);
            assert_eq!(poke(mapping.start, 1), Err(EFAULT));
            let mut byte = [0];
            device.data.frames().read(0, &mut byte)?;
            assert_eq!(byte, [50]);
        }
        Ok(())
    }

    #[test]
    fn failing_hook_unmaps_before_frames_go() -> Result {
        let (mm, shared, device) = device(Hook::Mmap(|other, setup| {
            // A region of the hook's own, which goes with the mapping.
            let shared: Arc<Shared> = other.0.clone();
            let own = region(&shared)?;
            let addr = setup.start();
            let mapped = setup.pfnmap()?.remap_pfn_range::<PfnOps>(own, addr, 0, 2)?;
            assert_eq!(peek_if_mapped(addr), Some(50));
            drop(mapped);
            assert_eq!(peek_if_mapped(addr), None);
            assert_eq!(shared.events.load(Relaxed), 1);
            Err(ENOTTY)
        }))?;

        assert_eq!(map(&mm, &device, 0, 2).err(), Some(ENOTTY));
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn mmap_prepare_has_a_range_mapped() -> Result {
        let (mm, shared, device) = device(Hook::MmapPrepare(|region, desc| {
            let (addr, frame) = (desc.start(), desc.pgoff());
            desc.pfnmap()?
                .remap_pfn_range::<PreparedOps>(region, addr, frame, 2)
        }))?;
        let mapping = map(&mm, &device, 3, 3)?;
        let see = |index: usize| peek(mapping.start + index * PAGE_SIZE);

        assert_eq!((see(0)?, see(1)?), (53, 54));
        assert_eq!(shared.faults.load(Relaxed), 0);
        assert_eq!(see(2)?, 55);
        assert_eq!(shared.faults.load(Relaxed), 1);
        assert_eq!(map(&mm, &device, PAGES - 1, 3).err(), Some(EINVAL));

        drop(device);
        assert_eq!(shared.events.load(Relaxed), 0);
        unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn pfn_mkwrite_precedes_the_write() -> Result {
        let (mm, shared, device) = device(Hook::Mmap(|region, setup| {
            Ok(setup.pfnmap()?.with_ops::<AskedOps>(region.clone()))
        }))?;
        let mapping = map(&mm, &device, 0, 2)?;
        let other = mapping.start + PAGE_SIZE;

        assert_eq!((peek(mapping.start)?, peek(other)?), (50, 51));
        poke(mapping.start, 1)?;
        poke(mapping.start, 2)?;
        assert_eq!((peek(mapping.start)?, shared.faults.load(Relaxed)), (2, 1));
        assert_eq!(poke(other, 1), Err(EFAULT));
        assert_eq!(peek(other)?, 51);
        Ok(())
    }

    #[test]
    fn region_access_is_bounded_by_its_pages() -> Result {
        let shared = Shared::new(0)?;
        let region = region(&shared)?;
        let frames = region.frames();
        let mut bytes = [1; 5];

        assert_eq!(frames.count(), PAGES);
        // Across pages.
        frames.write(2 * PAGE_SIZE - 2, &[9, 8, 7, 6, 5])?;
        frames.read(2 * PAGE_SIZE - 2, &mut bytes)?;
        assert_eq!(bytes, [9, 8, 7, 6, 5]);
        // It was zero.
        frames.read(2 * PAGE_SIZE + 3, &mut bytes)?;
        assert_eq!(bytes, [0; 5]);

        let end = PAGES * PAGE_SIZE;
        frames.read(end - 5, &mut bytes)?;
        assert_eq!(frames.read(end - 4, &mut bytes), Err(EINVAL));
        assert_eq!(frames.write(usize::MAX, &bytes), Err(EINVAL));
        assert!(frames.pfn(PAGES - 1).is_some() && frames.pfn(PAGES).is_none());

        let alloc = |pages| {
            let live = Live(shared.clone());
            let region: Result<Region> =
                Arc::pin_init(PfnRegion::alloc(pages, GFP_KERNEL, live), GFP_KERNEL);
            region.map(|region| region.frames().count())
        };
        assert_eq!(alloc(3), Ok(3));
        assert_eq!(alloc(0), Err(EINVAL));
        assert_eq!(alloc(usize::MAX), Err(ENOMEM));
        assert_eq!(alloc(1 << 30), Err(ENOMEM));
        Ok(())
    }

    // `alloc_pages_exact()` would warn.
    #[test]
    fn flags_that_do_not_fit_are_ignored() -> Result {
        for flags in [GFP_KERNEL | __GFP_HIGHMEM, !__GFP_ZERO, !GFP_KERNEL] {
            let live = Live(Shared::new(0)?);
            let region: Region = Arc::pin_init(PfnRegion::alloc(3, flags, live), GFP_KERNEL)?;
            let mut byte = [1];
            region.frames().read(3 * PAGE_SIZE - 1, &mut byte)?;
            assert_eq!(byte, [0]);
        }
        Ok(())
    }

    /// Frames of another region, as those of a device that is not to be cached.
    fn not_cached(of: &Region, shared: &Arc<Shared>) -> Result<Region> {
        let live = Live(shared.clone());
        let first = of.frames().pfn(0).ok_or(EIO)?;

        // SAFETY: The other region outlives the mappings of the test. Nobody accesses its memory
        // but through them.
        let region =
            unsafe { PfnRegion::from_frames(first, PAGES, MemoryType::WriteCombine, live) };
        Arc::pin_init(region, GFP_KERNEL)
    }

    #[test]
    fn noncached_memory_needs_page_frames() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(0)?;
        let backing = region(&shared)?;
        let pfn = Device::new(
            not_cached(&backing, &shared)?,
            Hook::Mmap(|region, setup| Ok(setup.pfnmap()?.with_ops::<PfnOps>(region.clone()))),
        )?;
        let mixed = Device::new(
            not_cached(&backing, &shared)?,
            Hook::Mmap(|region, setup| Ok(setup.mixedmap().with_ops::<MixedOps>(region.clone()))),
        )?;
        let (pfn, mixed) = (map(&mm, &pfn, 0, 1)?, map(&mm, &mixed, 0, 1)?);

        assert_eq!(peek(pfn.start)?, 50);
        let mut locks = mm.vma_locks();
        {
            let mut vma = locks.lock_vma(mixed.start).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma = vma.downcast::<MixedOps>().ok_or(ENXIO)?;
            assert_eq!(vma.insert_pfn(&mut order, mixed.start, 0), Err(EINVAL));
        }
        // There is no way to get at the memory in the kernel.
        assert_eq!(
            not_cached(&backing, &shared)?.frames().read(0, &mut [0]),
            Err(EINVAL)
        );
        // Before the memory goes.
        unmap(mixed.start, mixed.len)?;
        unmap(pfn.start, pfn.len)
    }

    // `walk_to_pmd()` would end in `VM_BUG_ON()`.
    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    #[test]
    fn small_frame_does_not_replace_a_huge_page() -> Result {
        use huge::HugeOps;

        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(0)?;
        let (_device, mapping) = huge::with_room::<HugeOps>(&mm, &shared)?;
        let addr = mapping.start + 5 * PAGE_SIZE;
        {
            let mut locks = mm.vma_locks();
            let mut vma = locks.lock_vma(addr).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma = vma.downcast::<HugeOps>().ok_or(ENXIO)?;

            // As where a small page is mapped.
            assert_eq!(vma.insert_pfn(&mut order, addr, 6), Ok(()));
            assert_eq!(vma.insert_pfn(&mut order, mapping.end(), 6), Err(EFAULT));
            assert_eq!(
                vma.insert_pfn(&mut order, mapping.start - PAGE_SIZE, 6),
                Err(EFAULT)
            );
        }
        assert!(huge::is_huge(&mm, addr)?);
        assert_eq!(peek(addr)?, 5);
        poke(addr, 7)?;
        assert!(huge::is_huge(&mm, addr)?);

        // Without the huge page it is inserted, and then keeps that away.
        {
            let mut locks = mm.vma_locks();
            let mut vma = locks.lock_vma(addr).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma = vma.downcast::<HugeOps>().ok_or(ENXIO)?;
            vma.zap_pages(mapping.start..mapping.end())?;
            vma.insert_pfn(&mut order, addr, 6)?;
        }
        assert_eq!((peek(addr)?, peek(mapping.start)?), (6, 0));
        assert!(!huge::is_huge(&mm, addr)?);
        unmap(mapping.start, mapping.len)
    }

    // `insert_pmd()` would warn of the other frame, or make the huge page writable.
    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    #[test]
    fn write_to_a_huge_page_is_asked_for() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(0)?;
        let (_device, mapping) = huge::with_room::<huge::AskedOps>(&mm, &shared)?;
        assert_eq!(shared.faults.load(Relaxed), 0);

        poke(mapping.start, 1)?;
        assert_eq!(shared.faults.load(Relaxed), 1);
        assert!(!huge::is_huge(&mm, mapping.start)?);
        poke(mapping.start, 2)?;
        assert_eq!(shared.faults.load(Relaxed), 1);
        assert_eq!(peek(mapping.start + 9 * PAGE_SIZE)?, 9);
        unmap(mapping.start, mapping.len)
    }

    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    #[test]
    fn a_huge_page_is_mapped_where_it_fits() -> Result {
        use crate::mm::vma::page_table::Pmd;
        use huge::{
            HugeOps,
            HUGE, //
        };

        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(0)?;
        let live = Live(shared.clone());
        let region: Region =
            Arc::pin_init(PfnRegion::alloc(2 * HUGE, GFP_KERNEL, live), GFP_KERNEL)?;
        for page in [1, HUGE + 2] {
            region.frames().write(page * PAGE_SIZE, &[7])?;
        }
        let device = Device::new(
            region,
            Hook::Mmap(|region, setup| Ok(setup.pfnmap()?.with_ops::<HugeOps>(region.clone()))),
        )?;
        let room = mm.map(4 * HUGE)?;
        unmap(room.start, room.len)?;
        let aligned = room.start.next_multiple_of(Pmd::SIZE);
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let fixed = bindings::MAP_SHARED | bindings::MAP_FIXED;
        let file = device.open()?;

        // One and a half: the half comes in small pages.
        let pages = HUGE + HUGE / 2;
        let mapping = mm.map_file_as(&file, 0, pages, rw, fixed, aligned)?;
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 7);
        assert_eq!(peek(mapping.start + 2 * PAGE_SIZE)?, 0);
        assert_eq!(shared.faults.load(Relaxed), 0);
        assert_eq!(peek(mapping.start + (HUGE + 2) * PAGE_SIZE)?, 7);
        assert_eq!(shared.faults.load(Relaxed), 1);
        {
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(aligned).ok_or(ENOENT)?;
            let is_huge = |addr| vma.with_pmd(addr, |pmd| !pmd.is_table());
            assert_eq!(is_huge(aligned), Ok(true));
            assert_eq!(is_huge(aligned + Pmd::SIZE), Ok(false));
        }
        unmap(mapping.start, mapping.len)?;

        // Frames and addresses are not aligned alike.
        let mapping = mm.map_file_as(&file, 1, HUGE, rw, fixed, aligned)?;
        assert_eq!(peek(mapping.start)?, 7);
        assert_eq!(shared.faults.load(Relaxed), 2);
        unmap(mapping.start, mapping.len)?;

        // The mapping begins in the middle of what a huge page would cover.
        let middle = aligned + Pmd::SIZE / 2;
        let mapping = mm.map_file_as(&file, HUGE / 2, HUGE / 2, rw, fixed, middle)?;
        peek(mapping.start)?;
        assert_eq!(shared.faults.load(Relaxed), 3);
        assert!(!huge::is_huge(&mm, mapping.start)?);
        Ok(())
    }
}
