// SPDX-License-Identifier: GPL-2.0

//! Pages are inserted into a driver's own VMAs, and into nothing else.

use super::{
    super::address_space::{
        peek,
        poke,
        unmap, //
    },
    device::{
        give_page,
        with_hook,
        with_plain,
        Bench,
        Counted,
        Device,
        Hook,
        PlainOps, //
    },
};
use crate::{
    bindings,
    mm::vma::{
        driver::{
            Fault,
            FaultOutcome,
            FilePages,
            MixedMap,
            SharedPage,
            ViaMmap,
            VmaOperations, //
        },
        LockOrder, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::Relaxed, //
};

pub(in super::super) struct MixedOps;

crate::vm_operations!(MixedOps);

#[vtable]
impl VmaOperations for MixedOps {
    type Data = Counted;
    type PageKind = MixedMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }
}

/// Others, that have the very same callbacks.
struct OtherOps;

crate::vm_operations!(OtherOps);

#[vtable]
impl VmaOperations for OtherOps {
    type Data = Counted;
    type PageKind = MixedMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }
}

pub(in super::super) fn with_mixed(pages: u8) -> Result<Bench> {
    with_hook(
        pages,
        Hook::Mmap(|data, setup| Ok(setup.mixedmap().with_ops::<MixedOps>(data.clone()))),
    )
}

/// A page with this in its first byte.
fn page(byte: u8) -> Result<SharedPage> {
    let page = SharedPage::new(GFP_KERNEL)?;
    page.write(0, &[byte])?;
    Ok(page)
}

#[kunit_tests(rust_vma_inserting)]
mod tests {
    use super::*;

    #[test]
    fn an_inserted_page_is_what_user_space_sees() -> Result {
        let (mm, shared, _device, file) = with_mixed(4)?;
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let mapping = mm.map_file_as(&file, 0, 4, rw, bindings::MAP_SHARED, 0)?;
        let page = page(7)?;

        let mut locks = mm.vma_locks();
        {
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma = vma.downcast::<MixedOps>().ok_or(ENXIO)?;
            vma.insert_page(&mut order, mapping.start, &page)?;
            assert_eq!(
                vma.insert_page(&mut order, mapping.start, &page),
                Err(EBUSY)
            );
        }
        assert_eq!(peek(mapping.start)?, 7);
        assert_eq!(shared.faults.load(Relaxed), 0);

        // In both directions.
        poke(mapping.start + 1, 8)?;
        page.write(0, &[9])?;
        let mut bytes = [0; 2];
        page.read(0, &mut bytes)?;
        assert_eq!(bytes, [9, 8]);
        assert_eq!(peek(mapping.start)?, 9);

        // The mapping has a reference of its own.
        drop(page);
        assert_eq!(peek(mapping.start)?, 9);
        // The next page comes by a fault.
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 101);
        assert_eq!(shared.faults.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn nothing_is_inserted_outside_of_the_vma() -> Result {
        let (mm, _shared, _device, file) = with_mixed(1)?;
        let mapping = mm.map_file(&file, 0, 2)?;
        let page = &page(1)?;

        let mut locks = mm.vma_locks();
        let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let (vma, mut order) = vma.nest();
        let vma = vma.downcast::<MixedOps>().ok_or(ENXIO)?;
        for addr in [mapping.start - PAGE_SIZE, mapping.end(), 0] {
            assert_eq!(vma.insert_page(&mut order, addr, page), Err(EFAULT));
        }
        for addr in [mapping.start + 1, mapping.end() - 1, usize::MAX] {
            assert_eq!(vma.insert_page(&mut order, addr, page), Err(EINVAL));
        }
        // The last of these has no room: none is inserted.
        assert_eq!(
            vma.insert_pages(&mut order, mapping.start, &[page; 3]),
            (0, Err(EFAULT))
        );
        assert_eq!(
            vma.insert_pages(&mut order, usize::MAX - PAGE_SIZE + 1, &[page; 3]),
            (0, Err(EFAULT))
        );
        assert_eq!(vma.addr_of(1), Some(mapping.start + PAGE_SIZE));
        assert_eq!((vma.addr_of(2), vma.addr_of(usize::MAX)), (None, None));

        let end = mapping.end();
        for range in [
            mapping.start..end + PAGE_SIZE,
            mapping.start - PAGE_SIZE..end,
            mapping.start + 1..end,
            mapping.start..usize::MAX,
        ] {
            assert_eq!(vma.zap_pages(range), Err(EINVAL));
        }
        Ok(())
    }

    #[test]
    fn insert_pages_stops_at_a_mapped_page() -> Result {
        const PAGES: usize = 40;
        let (mm, _shared, _device, file) = with_mixed(1)?;
        let mapping = mm.map_file(&file, 0, PAGES)?;
        let at = |index: usize| mapping.start + index * PAGE_SIZE;
        let (one, two) = (page(1)?, page(2)?);

        let mut locks = mm.vma_locks();
        {
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma = vma.downcast::<MixedOps>().ok_or(ENXIO)?;
            vma.insert_page(&mut order, at(35), &one)?;
            assert_eq!(
                vma.insert_pages(&mut order, mapping.start, &[&two; PAGES]),
                (35, Err(EBUSY))
            );
            assert_eq!(
                vma.insert_pages(&mut order, at(36), &[&two; 4]),
                (4, Ok(()))
            );
        }
        assert_eq!((peek(at(0))?, peek(at(34))?), (2, 2));
        assert_eq!((peek(at(35))?, peek(at(39))?), (1, 2));
        Ok(())
    }

    #[test]
    fn a_page_that_is_zapped_is_faulted_in_again() -> Result {
        let (mm, shared, _device, file) = with_mixed(2)?;
        let mapping = mm.map_file(&file, 0, 2)?;
        assert_eq!(
            (peek(mapping.start)?, peek(mapping.start + PAGE_SIZE)?),
            (100, 101)
        );
        assert_eq!(shared.faults.load(Relaxed), 2);

        let mut locks = mm.vma_locks();
        {
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let vma = vma.downcast::<MixedOps>().ok_or(ENXIO)?;
            vma.zap_pages(mapping.start..mapping.start + PAGE_SIZE)?;
        }
        assert_eq!(
            (peek(mapping.start)?, peek(mapping.start + PAGE_SIZE)?),
            (100, 101)
        );
        assert_eq!(shared.faults.load(Relaxed), 3);
        Ok(())
    }

    #[test]
    fn a_whole_file_is_zapped_without_a_vma() -> Result {
        let (mm, shared, _device, file) = with_mixed(2)?;
        let one = mm.map_file(&file, 0, 2)?;
        let other = mm.map_file(&file, 1, 1)?;
        let see = || -> Result<(u8, u8, u8)> {
            Ok((
                peek(one.start)?,
                peek(one.start + PAGE_SIZE)?,
                peek(other.start)?,
            ))
        };
        assert_eq!(see()?, (100, 101, 101));
        assert_eq!(shared.faults.load(Relaxed), 3);

        let pages = FilePages::of(&file);
        let mut order = LockOrder::new();
        let page = PAGE_SIZE as u64;
        // The second page, in both mappings.
        pages.unmap(&mut order, page..page + 1)?;
        assert_eq!(see()?, (100, 101, 101));
        assert_eq!(shared.faults.load(Relaxed), 5);
        pages.unmap(&mut order, 0..i64::MAX as u64)?;
        assert_eq!(see()?, (100, 101, 101));
        assert_eq!(shared.faults.load(Relaxed), 8);
        // Half of each of two pages.
        pages.unmap(&mut order, page / 2..page + page / 2)?;
        assert_eq!(see()?, (100, 101, 101));
        assert_eq!(shared.faults.load(Relaxed), 11);

        assert_eq!(pages.unmap(&mut order, 0..0), Err(EINVAL));
        #[allow(clippy::reversed_empty_ranges)]
        {
            assert_eq!(pages.unmap(&mut order, page..0), Err(EINVAL));
        }
        assert!(pages.unmap(&mut order, 0..u64::MAX).is_err());
        assert!(pages.unmap(&mut order, 0..i64::MAX as u64 + 1).is_err());
        assert_eq!(see()?, (100, 101, 101));
        assert_eq!(shared.faults.load(Relaxed), 11);
        Ok(())
    }

    #[test]
    fn recognises_vmas_of_its_operations_only() -> Result {
        let (mm, shared, _device, file) = with_mixed(1)?;
        let mapping = mm.map_file(&file, 0, 1)?;
        let anonymous = mm.map(1)?;
        let memory = mm.map_shared(1)?;
        let plain = Device::plain::<PlainOps>(&shared)?;
        let plain_file = plain.open()?;
        let of_plain = mm.map_file(&plain_file, 0, 1)?;

        let mut locks = mm.vma_locks();
        let mmap = locks.read();
        let at = |addr| mmap.lookup(addr).ok_or(ENOENT);
        assert!(at(mapping.start)?.downcast::<MixedOps>().is_some());
        assert!(at(of_plain.start)?.downcast::<PlainOps>().is_some());

        // The same callbacks, another table.
        assert!(at(mapping.start)?.downcast::<OtherOps>().is_none());
        assert!(at(mapping.start)?.downcast::<PlainOps>().is_none());
        assert!(at(of_plain.start)?.downcast::<MixedOps>().is_none());
        assert!(at(anonymous.start)?.downcast::<MixedOps>().is_none());
        assert!(at(memory.start)?.downcast::<MixedOps>().is_none());
        Ok(())
    }

    #[test]
    fn replaced_mapping_is_not_mistaken() -> Result {
        let (mm, _shared, _device, file) = with_mixed(1)?;
        let remembered = mm.map_file(&file, 0, 1)?.start;
        let insert = |locks: &mut crate::mm::vma::VmaLocks<'_>| -> Result {
            let page = page(66)?;
            let mut vma = locks.lock_vma(remembered).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            vma.downcast::<MixedOps>()
                .ok_or(ENXIO)?
                .insert_page(&mut order, remembered, &page)
        };
        let mut locks = mm.vma_locks();
        let at_the_same_place = bindings::MAP_SHARED | bindings::MAP_FIXED;

        // Anonymous memory of the process's, as in CVE-2026-43434.
        mm.map_anonymous_at(remembered)?;
        poke(remembered, 1)?;
        assert_eq!(insert(&mut locks), Err(ENXIO));
        assert_eq!(peek(remembered)?, 1);
        // Nothing.
        unmap(remembered, PAGE_SIZE)?;
        assert_eq!(insert(&mut locks), Err(ENOENT));
        // The device once more.
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        mm.map_file_as(&file, 0, 1, rw, at_the_same_place, remembered)?;
        assert_eq!(insert(&mut locks), Ok(()));
        assert_eq!(peek(remembered)?, 66);
        Ok(())
    }

    #[test]
    fn pages_are_inserted_in_the_hook() -> Result {
        let (mm, shared, _device, file) = with_hook(
            2,
            Hook::Mmap(|data, setup| {
                let mut setup = setup.mixedmap();
                let page = page(3)?;
                let start = setup.start();
                setup.insert_page(start, &page)?;
                assert_eq!(setup.insert_page(start, &page), Err(EBUSY));
                assert_eq!(setup.insert_page(start + 1, &page), Err(EINVAL));
                let end = setup.end();
                assert_eq!(setup.insert_page(end, &page), Err(EFAULT));
                Ok(setup.with_ops::<MixedOps>(data.clone()))
            }),
        )?;

        let mapping = mm.map_file(&file, 0, 2)?;
        assert_eq!(
            (peek(mapping.start)?, peek(mapping.start + PAGE_SIZE)?),
            (3, 101)
        );
        assert_eq!(shared.faults.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn plain_mapping_gets_pages_by_faults() -> Result {
        let (mm, shared, _device, file) = with_plain::<PlainOps>(1)?;
        let mapping = mm.map_file(&file, 0, 2)?;

        assert_eq!(peek(mapping.start)?, 100);
        // A SIGBUS, to user space.
        assert_eq!(peek(mapping.start + PAGE_SIZE), Err(EFAULT));
        assert!(shared.faults.load(Relaxed) >= 2);
        Ok(())
    }
}
