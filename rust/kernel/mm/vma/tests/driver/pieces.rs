// SPDX-License-Identifier: GPL-2.0

//! Frames of several pieces, of which some have another memory type.

use super::{
    super::address_space::{
        peek,
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
    pfn::Live,
};
use crate::{
    bindings,
    mm::vma::driver::{
        AccessBuffer,
        DriverVma,
        Fault,
        FaultOutcome,
        Frames,
        MemoryType,
        PfnMap,
        PfnPieces,
        Pieces,
        ViaMmap,
        ViaMmapPrepare,
        VmaOperations, //
    },
    mm::vma::MmapRead,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

pub(super) type Scattered = Arc<PfnPieces<Live>>;

/// A block of three pages, a dummy page in place of two, and a block of one.
const PAGES: usize = 6;

/// The first byte of each page: its number and 50, and that of the dummy page.
const BYTES: [u8; PAGES] = [50, 51, 52, 90, 90, 55];

/// Frames where nothing is.
const NOWHERE: usize = (200 << 30) / PAGE_SIZE;

fn pieces() -> Result<Pieces> {
    let mut pieces = Pieces::new();
    for (pages, first) in [(3, 50), (0, 90), (1, 55)] {
        let frames = match pages {
            0 => Frames::alloc_dummy(2, GFP_KERNEL)?,
            _ => Frames::alloc(pages, GFP_KERNEL)?,
        };
        for page in 0..pages.max(1) {
            frames.write(page * PAGE_SIZE, &[first + page as u8])?;
        }
        pieces.push(frames, GFP_KERNEL)?;
    }
    Ok(pieces)
}

pub(super) fn scattered(pieces: Pieces, shared: &Arc<Shared>) -> Result<Scattered> {
    Arc::pin_init(PfnPieces::new(pieces, Live(shared.clone())), GFP_KERNEL)
}

macro_rules! ops {
    ($ops:ident, $hook:ty) => {
        pub(super) struct $ops;

        crate::vm_operations!($ops);

        #[vtable]
        impl VmaOperations for $ops {
            type Data = Scattered;
            type PageKind = PfnMap;
            type Hook = $hook;

            fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
                fault.data().0.faults.fetch_add(1, Relaxed);
                let frame = fault.pgoff();
                fault.insert_pfn(frame)
            }

            fn access(
                vma: &DriverVma<Self, MmapRead>,
                addr: usize,
                buffer: &mut AccessBuffer<'_>,
            ) -> Result {
                let offset = addr - vma.start() + (vma.pgoff() << PAGE_SHIFT);
                vma.data().pieces().access(offset, buffer)
            }
        }
    };
}

ops!(Ops, ViaMmap);
ops!(PreparedOps, ViaMmapPrepare);

fn device_of(
    pieces: Pieces,
    hook: Hook<Scattered>,
) -> Result<(AddressSpace, Arc<Shared>, KBox<Device<Scattered>>)> {
    let mm = AddressSpace::of_this_case()?;
    let shared = Shared::new(0)?;
    let device = Device::new(scattered(pieces, &shared)?, hook)?;
    Ok((mm, shared, device))
}

fn by_faults() -> Hook<Scattered> {
    Hook::Mmap(|data, setup| Ok(setup.pfnmap()?.with_ops::<Ops>(data.clone())))
}

fn map(
    mm: &AddressSpace,
    device: &Device<Scattered>,
    pgoff: usize,
    pages: usize,
) -> Result<Mapping> {
    let rw = bindings::PROT_READ | bindings::PROT_WRITE;
    mm.map_file_as(&*device.open()?, pgoff, pages, rw, bindings::MAP_SHARED, 0)
}

/// Reads or writes the memory of another process.
#[cfg(CONFIG_HAVE_IOREMAP_PROT)]
fn access(mm: &AddressSpace, addr: usize, bytes: &mut [u8], flags: u32) -> c_int {
    // SAFETY: The mm has users, and the buffer is as long as it says.
    unsafe {
        bindings::access_remote_vm(
            mm.as_raw(),
            addr,
            bytes.as_mut_ptr().cast(),
            bytes.len() as c_int,
            flags,
        )
    }
}

#[kunit_tests(rust_vma_pieces)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_one_numbering() -> Result {
        let mut pieces = pieces()?;
        assert_eq!(pieces.count(), PAGES);

        let place = |pieces: &Pieces, frame: usize| {
            let (frames, index) = pieces.piece_of(frame)?;
            Some((frames.count(), index, frames.pfn(index)?))
        };
        let found: [_; PAGES] = core::array::from_fn(|frame| place(&pieces, frame));
        assert_eq!(
            found.map(|found| found.map(|(count, index, _)| (count, index))),
            [(3, 0), (3, 1), (3, 2), (2, 0), (2, 1), (1, 0)].map(Some)
        );
        let pfns = found.map(|found| found.map_or(0, |(_, _, pfn)| pfn));
        assert_eq!((pfns[1], pfns[2]), (pfns[0] + 1, pfns[0] + 2));
        assert_eq!(pfns[3], pfns[4]);
        for beyond in [PAGES, PAGES + 1, usize::MAX] {
            assert!(place(&pieces, beyond).is_none());
        }
        assert!(pieces.get(2).is_some() && pieces.get(3).is_none());

        // One without frames, and one with too many.
        let existing = |count| {
            // SAFETY: They are not mapped.
            unsafe { Frames::from_frames(NOWHERE, count, MemoryType::Cached) }
        };
        pieces.push(existing(0), GFP_KERNEL)?;
        assert_eq!(pieces.push(existing(usize::MAX), GFP_KERNEL), Err(EINVAL));
        pieces.push(existing(usize::MAX - PAGES), GFP_KERNEL)?;
        assert_eq!(pieces.count(), usize::MAX);
        assert!(place(&pieces, usize::MAX).is_none());
        let last = place(&pieces, usize::MAX - 1);
        assert!(last.is_some_and(|(_, index, _)| index == usize::MAX - PAGES - 1));
        Ok(())
    }

    #[test]
    fn nothing_is_no_piece() -> Result {
        assert_eq!(Frames::alloc(0, GFP_KERNEL).err(), Some(EINVAL));
        assert_eq!(Frames::alloc_dummy(0, GFP_KERNEL).err(), Some(EINVAL));
        assert_eq!(Frames::alloc(usize::MAX, GFP_KERNEL).err(), Some(ENOMEM));

        let (mm, _shared, device) = device_of(Pieces::new(), by_faults())?;
        let mapping = map(&mm, &device, 0, 1)?;
        assert_eq!(peek(mapping.start), Err(EFAULT));
        Ok(())
    }

    #[test]
    fn faults_map_frames_of_all_pieces() -> Result {
        let (mm, shared, device) = device_of(pieces()?, by_faults())?;
        let mapping = map(&mm, &device, 0, PAGES + 1)?;
        drop(device);

        let see = |page: usize| peek(mapping.start + page * PAGE_SIZE);
        for (page, byte) in BYTES.into_iter().enumerate() {
            assert_eq!(see(page), Ok(byte));
        }
        // There is one dummy page.
        poke(mapping.start + 4 * PAGE_SIZE, 7)?;
        assert_eq!((see(3)?, see(5)?), (7, 55));
        assert_eq!(see(PAGES), Err(EFAULT));

        assert_eq!(shared.events.load(Relaxed), 0);
        unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn a_range_across_pieces_is_mapped_in_the_hook() -> Result {
        // From the second page of the mapping on, but for the last one.
        let (mm, shared, device) = device_of(
            pieces()?,
            Hook::Mmap(|data, setup| {
                let addr = setup.start() + PAGE_SIZE;
                let setup = setup.pfnmap()?;
                setup.remap_pfn_range::<Ops>(data.clone(), addr, 1, PAGES - 1)
            }),
        )?;
        let mapping = map(&mm, &device, 0, PAGES + 1)?;
        let see = |page: usize| peek(mapping.start + page * PAGE_SIZE);

        for (page, byte) in BYTES.into_iter().enumerate().skip(1) {
            assert_eq!(see(page), Ok(byte));
        }
        assert_eq!(shared.faults.load(Relaxed), 0);
        assert_eq!(see(0), Ok(50));
        assert_eq!((see(PAGES), shared.faults.load(Relaxed)), (Err(EFAULT), 2));

        unmap(mapping.start, mapping.len)?;
        drop(device);
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn a_range_beyond_the_last_piece_is_refused() -> Result {
        /// The first frame, and the number of pages.
        const CASES: [(usize, usize); 6] = [
            (0, 0),
            (0, PAGES + 1),
            (5, 2),
            (PAGES, 1),
            (usize::MAX, 2),
            (1, usize::MAX),
        ];
        let (mm, shared, device) = device_of(
            pieces()?,
            Hook::Mmap(|data, setup| {
                let (frame, pages) = CASES[setup.pgoff()];
                let addr = setup.start();
                let setup = setup.pfnmap()?;
                setup.remap_pfn_range::<Ops>(data.clone(), addr, frame, pages)
            }),
        )?;

        for case in 0..CASES.len() {
            assert_eq!(map(&mm, &device, case, PAGES + 2).err(), Some(EINVAL));
        }
        drop(device);
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn mmap_prepare_maps_a_range_of_one_piece() -> Result {
        let (mm, shared, device) = device_of(
            pieces()?,
            Hook::MmapPrepare(|data, desc| {
                let (addr, frame) = (desc.start(), desc.pgoff());
                let pages = (desc.end() - addr) >> PAGE_SHIFT;
                desc.pfnmap()?
                    .remap_pfn_range::<PreparedOps>(data, addr, frame, pages)
            }),
        )?;

        let mapping = map(&mm, &device, 1, 2)?;
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 52);
        assert_eq!(shared.faults.load(Relaxed), 0);
        // Nor is a dummy page one range.
        for (frame, pages) in [(2, 2), (3, 2), (4, 2)] {
            assert_eq!(map(&mm, &device, frame, pages).err(), Some(EINVAL));
        }
        let mapping = map(&mm, &device, 4, 1)?;
        assert_eq!(peek(mapping.start)?, 90);
        Ok(())
    }

    #[cfg(CONFIG_HAVE_IOREMAP_PROT)]
    #[test]
    fn another_process_accesses_all_pieces() -> Result {
        let (mm, _shared, device) = device_of(pieces()?, by_faults())?;
        let mapping = map(&mm, &device, 0, PAGES + 1)?;
        let force = bindings::FOLL_FORCE;

        // From the last page of a piece to the first of the next one.
        let mut bytes = KVec::from_elem(0, 3 * PAGE_SIZE, GFP_KERNEL)?;
        let at = mapping.start + 2 * PAGE_SIZE;
        assert_eq!(access(&mm, at, &mut bytes, force), bytes.len() as c_int);
        assert_eq!([0, 1, 2].map(|page| bytes[page * PAGE_SIZE]), [52, 90, 90]);

        let mut bytes = [1, 2, 3, 4];
        let at = mapping.start + 5 * PAGE_SIZE - 2;
        assert_eq!(access(&mm, at, &mut bytes, force | bindings::FOLL_WRITE), 4);
        assert_eq!((peek(at)?, peek(at + 1)?, peek(at + 2)?), (1, 2, 3));
        // The dummy page shows it everywhere.
        assert_eq!(peek(at - PAGE_SIZE)?, 1);

        // As far as there is memory.
        let at = mapping.start + PAGES * PAGE_SIZE;
        assert_eq!(access(&mm, at - 1, &mut bytes, force), 1);
        assert_eq!(access(&mm, at, &mut bytes, force), 0);
        Ok(())
    }

    #[test]
    fn types_are_in_the_vma_if_there_is_one() -> Result {
        use crate::mm::vma::{
            driver::{
                DataOf,
                PfnBacked, //
            },
            PageProt, //
        };

        let shared = Shared::new(0)?;
        let base = PageProt::from_raw(Default::default());
        let io = |memory_type| {
            // SAFETY: There is nothing that could be accessed.
            unsafe { Frames::from_io_frames(NOWHERE, 1, memory_type) }
        };
        let of = |types: [MemoryType; 2]| -> Result<Scattered> {
            let mut pieces = Pieces::new();
            for memory_type in types {
                pieces.push(io(memory_type), GFP_KERNEL)?;
            }
            scattered(pieces, &shared)
        };
        let vma_prot = |data: &Scattered| DataOf::<PfnMap>::vma_prot(data, base);
        let entry = |data: &Scattered, frame, prot| -> Result<PageProt> {
            Ok(data.piece(frame)?.entry_prot(prot))
        };

        let same = of([MemoryType::Noncached; 2])?;
        let prot = vma_prot(&same);
        assert_eq!(prot, base.noncached().decrypted());
        assert_eq!(entry(&same, 1, prot), Ok(prot));

        let differ = of([MemoryType::Noncached, MemoryType::WriteCombine])?;
        assert_eq!(vma_prot(&differ), base);
        let noncached = base.noncached().decrypted();
        assert_eq!(entry(&differ, 0, base), Ok(noncached));
        let writecombine = base.writecombine().decrypted();
        assert_eq!(entry(&differ, 1, base), Ok(writecombine));

        // Not a device's, and cached as its memory is.
        let mut pieces = Pieces::new();
        pieces.push(io(MemoryType::Cached), GFP_KERNEL)?;
        pieces.push(Frames::alloc(1, GFP_KERNEL)?, GFP_KERNEL)?;
        let mixed = scattered(pieces, &shared)?;
        assert!(<Scattered as DataOf<PfnMap>>::types_differ(
            mixed.as_arc_borrow()
        ));
        assert_eq!(entry(&mixed, 1, base), Ok(base));
        Ok(())
    }

    #[cfg(not(CONFIG_UML))]
    #[test]
    fn mprotect_is_refused_if_types_differ() -> Result {
        use super::super::syscalls::{
            mprotect,
            mremap_to, //
        };

        // One type.
        let (mm, shared, device) = device_of(pieces()?, by_faults())?;
        let mapping = map(&mm, &device, 0, PAGES)?;
        mprotect(mapping.start, PAGE_SIZE, bindings::PROT_READ)?;
        assert_eq!(poke(mapping.start, 1), Err(EFAULT));
        unmap(mapping.start, mapping.len)?;

        let mut pieces = pieces()?;
        let first = super::super::nowhere::first()?;
        // SAFETY: There is nothing, or memory that nobody else has.
        let io = unsafe { Frames::from_io_frames(first, 1, MemoryType::Noncached) };
        pieces.push(io, GFP_KERNEL)?;
        let device = Device::new(scattered(pieces, &shared)?, by_faults())?;
        let mapping = map(&mm, &device, 0, PAGES + 1)?;
        peek(mapping.start)?;
        for prot in [bindings::PROT_NONE, bindings::PROT_READ] {
            for len in [PAGE_SIZE, mapping.len] {
                assert_eq!(mprotect(mapping.start, len, prot), Err(EACCES));
            }
        }
        poke(mapping.start, 1)?;

        // Moved in part, which is a split.
        let room = mm.map(2)?;
        unmap(room.start, room.len)?;
        let tail = Mapping {
            start: mapping.start + (PAGES - 1) * PAGE_SIZE,
            len: 2 * PAGE_SIZE,
        };
        peek(tail.start)?;
        let moved = mremap_to(tail, room.start)?;
        assert_eq!(peek(moved.start)?, 55);
        assert_eq!(
            mprotect(moved.start, PAGE_SIZE, bindings::PROT_READ),
            Err(EACCES)
        );
        unmap(moved.start, moved.len)?;
        unmap(mapping.start, tail.start - mapping.start)
    }

    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    #[test]
    fn a_huge_page_is_of_one_piece() -> Result {
        use super::super::{
            super::holds::holds,
            pfn::huge::{
                is_huge,
                map_aligned,
                HUGE, //
            }, //
        };
        use crate::mm::vma::{
            driver::{
                HugeFault,
                HugeFaultOutcome, //
            },
            page_table::Pmd, //
        };

        struct HugeOps;

        crate::vm_operations!(HugeOps);

        #[vtable]
        impl VmaOperations for HugeOps {
            type Data = Scattered;
            type PageKind = PfnMap;
            type Hook = ViaMmap;

            fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
                let frame = fault.pgoff();
                fault.insert_pfn(frame)
            }

            fn huge_fault<'a>(fault: HugeFault<'a, Self>) -> HugeFaultOutcome<'a> {
                let frame = fault.pgoff();
                fault.insert_pfn_pmd(frame)
            }
        }

        let (mm, shared) = (AddressSpace::of_this_case()?, Shared::new(0)?);
        // Writes to each of as many huge pages as expected, which are huge or not.
        let check = |pieces: Pieces, expected: &[bool]| -> Result {
            let device = Device::new(
                scattered(pieces, &shared)?,
                Hook::Mmap(|data, setup| Ok(setup.pfnmap()?.with_ops::<HugeOps>(data.clone()))),
            )?;
            let mapping = map_aligned(&mm, &device, expected.len())?;
            for (number, huge) in expected.iter().enumerate() {
                let addr = mapping.start + number * Pmd::SIZE;
                poke(addr + 3 * PAGE_SIZE, 1)?;
                holds(is_huge(&mm, addr)? == *huge)?;
            }
            unmap(mapping.start, mapping.len)
        };

        // A whole one, one of two halves, a dummy page in place of one.
        let mut pieces = Pieces::new();
        for pages in [HUGE, HUGE / 2, HUGE / 2] {
            pieces.push(Frames::alloc(pages, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        pieces.push(Frames::alloc_dummy(HUGE, GFP_KERNEL)?, GFP_KERNEL)?;
        check(pieces, &[true, false, false])?;

        // One with a memory type that is not the mapping's.
        let mut pieces = Pieces::new();
        pieces.push(Frames::alloc(HUGE, GFP_KERNEL)?, GFP_KERNEL)?;
        let first = super::super::nowhere::first()?;
        // SAFETY: There is nothing, or memory that nobody else has.
        let io = unsafe { Frames::from_io_frames(first, HUGE, MemoryType::Noncached) };
        pieces.push(io, GFP_KERNEL)?;
        check(pieces, &[true, false])
    }
}
