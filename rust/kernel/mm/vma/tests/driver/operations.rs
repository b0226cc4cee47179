// SPDX-License-Identifier: GPL-2.0

//! The callbacks other than faults, and their presence in the table.

use super::{
    super::{
        address_space::{
            unmap,
            AddressSpace, //
        },
        holds::holds, //
    },
    device::{
        give_page,
        with_plain,
        Counted,
        PlainOps, //
    },
};
use crate::{
    mm::vma::{
        driver::{
            AccessBuffer,
            DriverVma,
            Fault,
            FaultOutcome,
            OperationsTable,
            Plain,
            ViaMmap,
            VmaOperations, //
        },
        Closing,
        MmapRead,
        MmapWrite,
        Opening,
        Read,
        VmRefcnt,
        VmaFlags,
        VmaWrite, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::Relaxed, //
};
use core::ops::Range;

/// Refuses what it can, and tells of the rest.
struct StrictOps;

crate::vm_operations!(StrictOps);

#[vtable]
impl VmaOperations for StrictOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn open(vma: &DriverVma<Self, Opening>) {
        if cfg!(CONFIG_PER_VMA_LOCK) {
            assert_eq!(vma.refcnt(), Some(VmRefcnt::Detached));
        }
        vma.data().has_happened();
    }

    fn close(vma: &DriverVma<Self, Closing>) {
        if cfg!(CONFIG_PER_VMA_LOCK) {
            assert_eq!(vma.refcnt(), Some(VmRefcnt::Detached));
        }
        assert!(vma.grab_mm().id() == vma.mm_id());
        vma.data().has_happened();
    }

    fn may_split(vma: &DriverVma<Self, MmapWrite>, addr: usize) -> Result {
        holds(vma.start() < addr && addr < vma.end())?;
        // In halves only.
        if addr - vma.start() == vma.end() - addr {
            Ok(())
        } else {
            Err(ENOTTY)
        }
    }

    fn mremap(vma: &DriverVma<Self, VmaWrite>) -> Result {
        vma.data().has_happened();
        Err(ENOTDIR)
    }

    fn mprotect(_: &DriverVma<Self, MmapWrite>, range: Range<usize>, new: VmaFlags) -> Result {
        holds(range.len() == PAGE_SIZE && !new.is_empty())?;
        Err(EXDEV)
    }

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }

    fn access(
        _vma: &DriverVma<Self, MmapRead>,
        _addr: usize,
        _buffer: &mut AccessBuffer<'_>,
    ) -> Result {
        Err(EACCES)
    }

    fn name(_vma: &DriverVma<Self, Read>) -> Option<&CStr> {
        Some(c"[strict]")
    }
}

#[kunit_tests(rust_vma_operations)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_what_is_implemented() {
        // SAFETY: Tables are static.
        let (plain, strict) =
            unsafe { (&*PlainOps::table().as_raw(), &*StrictOps::table().as_raw()) };

        assert!(plain.open.is_some() && plain.close.is_some() && plain.fault.is_some());
        assert!(plain.mapped.is_none() && plain.may_split.is_none() && plain.mremap.is_none());
        assert!(plain.mprotect.is_none() && plain.huge_fault.is_none());
        assert!(plain.map_pages.is_none() && plain.page_mkwrite.is_none());
        assert!(plain.pfn_mkwrite.is_none() && plain.access.is_none() && plain.name.is_none());

        assert!(strict.may_split.is_some() && strict.mremap.is_some());
        assert!(strict.mprotect.is_some() && strict.access.is_some() && strict.name.is_some());
        assert!(strict.map_pages.is_none());
        assert!(!core::ptr::eq(plain, strict));
    }

    #[test]
    fn a_driver_decides_where_it_is_split() -> Result {
        let (mm, shared, _device, file) = with_plain::<StrictOps>(4)?;
        let mapping = mm.map_file(&file, 0, 4)?;

        assert_eq!(unmap(mapping.start, PAGE_SIZE), Err(ENOTTY));
        assert_eq!(shared.events.load(Relaxed), 0);
        unmap(mapping.start, 2 * PAGE_SIZE)?;
        // Opened and closed.
        assert_eq!(shared.events.load(Relaxed), 2);
        assert_eq!(shared.counts(), (3, 1));
        Ok(())
    }

    #[test]
    fn mm_of_a_closed_vma_may_have_no_users() -> Result {
        let mm = AddressSpace::unused()?;
        let shared = super::super::device::Shared::new(1)?;
        let device = super::super::device::Device::plain::<StrictOps>(&shared)?;
        let file = device.open()?;

        mm.enter(|| mm.map_file(&file, 0, 1))?;
        drop(mm);
        assert_eq!(shared.events.load(Relaxed), 1);
        assert_eq!(shared.counts(), (2, 1));
        Ok(())
    }

    #[cfg(not(CONFIG_UML))]
    #[test]
    fn driver_refuses_mremap_and_mprotect() -> Result {
        use super::super::syscalls::{
            mprotect,
            mremap_to, //
        };
        use crate::bindings;

        let (mm, shared, _device, file) = with_plain::<StrictOps>(2)?;
        let mapping = mm.map_file(&file, 0, 1)?;
        let room = mm.map(1)?;
        unmap(room.start, room.len)?;

        assert_eq!(mremap_to(mapping, room.start).err(), Some(ENOTDIR));
        // Opened, refused, and closed again.
        assert_eq!(shared.events.load(Relaxed), 3);
        assert_eq!(shared.counts(), (3, 1));
        assert_eq!(
            super::super::super::address_space::peek(mapping.start)?,
            100
        );

        let result = mprotect(mapping.start, mapping.len, bindings::PROT_NONE);
        assert_eq!(result, Err(EXDEV));
        assert_eq!(
            super::super::super::address_space::peek(mapping.start)?,
            100
        );
        Ok(())
    }
}
