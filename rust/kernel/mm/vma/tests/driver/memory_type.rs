// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_HAVE_IOREMAP_PROT)]
#![cfg(not(CONFIG_UML))]

//! The memory type of page frames is that of the VMA, and stays.
//!
//! The frames here are those of [`nowhere`], which nothing else in the kernel gives a type.

use super::{
    super::{
        address_space::{
            peek,
            unmap,
            AddressSpace,
            Mapping, //
        },
        holds::holds, //
    },
    device::{
        Device,
        Hook,
        Shared, //
    },
    nowhere::{
        self,
        pte_bits,
        type_of_page, //
    },
    pfn::{
        map,
        Live,
        MixedOps,
        PfnOps,
        PreparedOps,
        Region, //
    },
    syscalls::{
        mprotect,
        mremap_to, //
    },
};
use crate::{
    bindings,
    mm::vma::{
        driver::{
            DriverVma,
            MemoryType,
            OperationsTable,
            PfnRegion, //
        },
        PageProt,
        Read, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

const PAGES: usize = nowhere::COUNT;

fn region(memory_type: MemoryType) -> Result<Region> {
    let live = Live(Shared::new(0)?);
    let first = nowhere::first()?;
    // SAFETY: There is nothing, or memory that nobody else has.
    let region = unsafe { PfnRegion::from_io_frames(first, PAGES, memory_type, live) };
    Arc::pin_init(region, GFP_KERNEL)
}

fn with_vma<T: OperationsTable, R>(
    mm: &AddressSpace,
    addr: usize,
    f: impl FnOnce(&DriverVma<T, Read>) -> Result<R>,
) -> Result<R> {
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
    f(vma.downcast::<T>().ok_or(ENXIO)?)
}

/// The VMA, and the entry at its start, if there is one, must have this protection's memory type.
#[track_caller]
fn check<T: OperationsTable>(
    mm: &AddressSpace,
    addr: usize,
    wanted: fn(PageProt) -> PageProt,
) -> Result {
    let (prot, pte) = with_vma::<T, _>(mm, addr, |vma| {
        let pte = vma.with_pte(addr, |slot| slot.get()).map_err(|_| ENOENT)?;
        Ok((vma.page_prot(), pte_bits(pte)))
    })?;

    holds(prot == wanted(prot))?;
    holds(type_of_page(pte) == type_of_page(prot.bits()))
}

#[kunit_tests(rust_vma_memory_type)]
mod tests {
    use super::*;

    /// Operations of C code on a VMA must not change its memory type.
    fn keeps_its_type<T: OperationsTable>(
        mm: &AddressSpace,
        mapping: Mapping,
        wanted: fn(PageProt) -> PageProt,
    ) -> Result {
        check::<T>(mm, mapping.start, wanted)?;
        mprotect(mapping.start, mapping.len, bindings::PROT_READ)?;
        check::<T>(mm, mapping.start, wanted)?;
        // A part of it.
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        mprotect(mapping.start, PAGE_SIZE, rw)?;
        check::<T>(mm, mapping.start, wanted)?;
        check::<T>(mm, mapping.start + PAGE_SIZE, wanted)?;
        mprotect(mapping.start, mapping.len, rw)?;

        let room = mm.map(4)?;
        unmap(room.start, room.len)?;
        let moved = mremap_to(
            Mapping {
                start: mapping.start,
                len: PAGE_SIZE,
            },
            room.start,
        )?;
        check::<T>(mm, moved.start, wanted)?;

        // Mapped again by faults.
        with_vma::<T, _>(mm, moved.start, |vma| {
            vma.zap_pages(moved.start..moved.end())
        })?;
        peek(moved.start)?;
        check::<T>(mm, moved.start, wanted)?;
        unmap(moved.start, moved.len)?;
        unmap(mapping.start, mapping.len)
    }

    #[test]
    fn remapped_frames_keep_their_type() -> Result {
        let mm = AddressSpace::of_this_case()?;
        type Wanted = fn(PageProt) -> PageProt;
        let types: [(MemoryType, Wanted); 4] = [
            (MemoryType::WriteThrough, PageProt::writethrough),
            (MemoryType::WriteCombine, PageProt::writecombine),
            (MemoryType::Noncached, PageProt::noncached),
            (MemoryType::Device, PageProt::device),
        ];
        for (memory_type, wanted) in types {
            let device = Device::new(
                region(memory_type)?,
                Hook::Mmap(|region, setup| {
                    let start = setup.start();
                    let setup = setup.pfnmap()?;
                    setup.remap_pfn_range::<PfnOps>(region.clone(), start, 0, 3)
                }),
            )?;
            keeps_its_type::<PfnOps>(&mm, map(&mm, &device, 0, 3)?, wanted)?;

            let device = Device::new(
                region(memory_type)?,
                Hook::MmapPrepare(|region, desc| {
                    let start = desc.start();
                    desc.pfnmap()?
                        .remap_pfn_range::<PreparedOps>(region, start, 0, 3)
                }),
            )?;
            keeps_its_type::<PreparedOps>(&mm, map(&mm, &device, 0, 3)?, wanted)?;
        }
        Ok(())
    }

    #[test]
    fn faulted_frames_have_the_type_of_the_vma() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            region(MemoryType::Noncached)?,
            Hook::Mmap(|region, setup| Ok(setup.pfnmap()?.with_ops::<PfnOps>(region.clone()))),
        )?;
        let mapping = map(&mm, &device, 0, 3)?;

        for index in 0..3 {
            peek(mapping.start + index * PAGE_SIZE)?;
        }
        keeps_its_type::<PfnOps>(&mm, mapping, PageProt::noncached)
    }

    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    #[test]
    fn huge_page_has_the_type_of_the_vma() -> Result {
        use super::super::pfn::huge::{
            map_aligned,
            HugeOps, //
        };
        use crate::mm::vma::page_table::Pmd;

        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            region(MemoryType::Noncached)?,
            Hook::Mmap(|region, setup| Ok(setup.pfnmap()?.with_ops::<HugeOps>(region.clone()))),
        )?;
        let addr = map_aligned(&mm, &device, 1)?.start;
        peek(addr)?;

        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        for prot in [rw, bindings::PROT_READ, rw] {
            mprotect(addr, Pmd::SIZE, prot)?;
            with_vma::<HugeOps, _>(&mm, addr, |vma| {
                assert_eq!(vma.with_pmd(addr, Pmd::is_leaf), Ok(true));
                let mut huge = false;
                // SAFETY: The VMA is locked, and its tables exist.
                let pmd = unsafe {
                    let pmd = bindings::vma_find_pmd(vma.as_raw(), addr, &mut huge);
                    bindings::pmdp_get_lockless(pmd).pmd
                };
                let prot = vma.page_prot();
                assert_eq!(prot, prot.noncached());
                assert_eq!(nowhere::type_of(pmd as u64), nowhere::type_of(prot.bits()));
                Ok(())
            })?;
        }
        unmap(addr, Pmd::SIZE)
    }

    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    #[test]
    fn huge_page_is_never_write_through() -> Result {
        use super::super::pfn::huge::{
            map_aligned,
            HugeOps, //
        };
        use crate::mm::vma::page_table::Pmd;

        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            region(MemoryType::WriteThrough)?,
            Hook::Mmap(|region, setup| Ok(setup.pfnmap()?.with_ops::<HugeOps>(region.clone()))),
        )?;
        let addr = map_aligned(&mm, &device, 1)?.start;
        peek(addr)?;
        with_vma::<HugeOps, _>(&mm, addr, |vma| {
            assert_eq!(vma.with_pmd(addr, Pmd::is_leaf), Ok(false));
            Ok(())
        })?;
        unmap(addr, Pmd::SIZE)
    }

    #[test]
    fn mixed_mapping_is_normal_memory() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let device = Device::new(
            region(MemoryType::Cached)?,
            Hook::Mmap(|region, setup| Ok(setup.mixedmap().with_ops::<MixedOps>(region.clone()))),
        )?;
        let mapping = map(&mm, &device, 0, 1)?;

        // The frames of a device are not, cached or not.
        {
            let mut locks = mm.vma_locks();
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma = vma.downcast::<MixedOps>().ok_or(ENXIO)?;
            assert_ne!(vma.page_prot(), vma.page_prot().noncached());
            assert_eq!(vma.insert_pfn(&mut order, mapping.start, 0), Err(EINVAL));
        }
        unmap(mapping.start, mapping.len)
    }
}
