// SPDX-License-Identifier: GPL-2.0

//! The changes to a VMA that a driver can make in its mmap hook, and those that it cannot.

use super::{
    super::{
        address_space::{
            peek,
            peek_if_mapped,
            poke,
            AddressSpace, //
        },
        holds::holds, //
    },
    device::{
        give_page,
        with_hook,
        Counted,
        Device,
        Hook,
        PlainOps,
        Shared, //
    },
    inserting::MixedOps,
};
use crate::{
    bindings,
    mm::vma::{
        driver::{
            Fault,
            FaultOutcome,
            FilePages,
            Plain,
            SetupFlags,
            SharedPage,
            ViaMmapPrepare,
            VmaOperations, //
        },
        LockOrder,
        VmaFlag,
        VmaFlags, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

const READ: u32 = bindings::PROT_READ;
const WRITE: u32 = bindings::PROT_WRITE;

/// Takes every permission that the mapping was not made with.
fn take_permissions(shared: &Arc<Shared>) -> Result<KBox<Device<Counted>>> {
    Device::new(
        Counted::new(shared),
        Hook::Mmap(|data, mut setup| {
            for refused in [
                setup.try_clear_mayread(),
                setup.try_clear_maywrite(),
                setup.try_clear_mayexec(),
            ] {
                if let Err(e) = refused {
                    holds(e == EPERM)?;
                }
            }
            setup.set_flags(SetupFlags::IO | SetupFlags::DONTDUMP);
            Ok(setup.with_ops::<PlainOps>(data.clone()))
        }),
    )
}

/// The same, for files with `.mmap_prepare`.
struct PreparedOps;

crate::vm_operations!(PreparedOps);

#[vtable]
impl VmaOperations for PreparedOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmapPrepare;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }
}

/// The flags of a mapping.
fn flags_at(mm: &AddressSpace, addr: usize) -> Result<VmaFlags> {
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(addr).ok_or(ENOENT)?;
    Ok(vma.flags())
}

#[kunit_tests(rust_vma_hooks)]
mod tests {
    use super::*;

    // None of these files can be mapped executable, whatever the hook does.
    #[test]
    fn permissions_are_only_taken_away() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(1)?;
        let device = take_permissions(&shared)?;
        let file = device.open()?;
        let may = VmaFlag::MAYREAD | VmaFlag::MAYWRITE | VmaFlag::MAYEXEC;

        for (prot, left) in [
            (READ, VmaFlags::from(VmaFlag::MAYREAD)),
            (READ | WRITE, VmaFlag::MAYREAD | VmaFlag::MAYWRITE),
            (0, VmaFlags::EMPTY),
        ] {
            let mapping = mm.map_file_as(&file, 0, 1, prot, bindings::MAP_SHARED, 0)?;
            let flags = flags_at(&mm, mapping.start)?;
            assert_eq!(flags.without(flags.without(may)), left);
            assert!(flags.contains_all(VmaFlag::IO | VmaFlag::DONTDUMP));
            assert!(!flags.contains_any(VmaFlag::MIXEDMAP | VmaFlag::PFNMAP | VmaFlag::DONTCOPY));
        }
        Ok(())
    }

    /// Also the memory that the hook maps.
    #[test]
    fn a_writable_mapping_can_be_made_read_only() -> Result {
        let (mm, _shared, _device, file) = with_hook(
            2,
            Hook::Mmap(|data, mut setup| {
                setup.clear_write();
                let start = setup.start();
                let mut setup = setup.mixedmap();
                let page = SharedPage::new(GFP_KERNEL)?;
                page.write(0, &[7])?;
                setup.insert_page(start, &page)?;
                Ok(setup.with_ops::<MixedOps>(data.clone()))
            }),
        )?;

        for kind in [bindings::MAP_SHARED, bindings::MAP_PRIVATE] {
            let mapping = mm.map_file_as(&file, 0, 2, READ | WRITE, kind, 0)?;
            let flags = flags_at(&mm, mapping.start)?;
            assert!(flags.contains_all(VmaFlag::READ | VmaFlag::MAYREAD));
            assert!(!flags.contains_any(VmaFlag::WRITE | VmaFlag::MAYWRITE));

            // The one page was mapped by the hook, the other one is by a fault.
            for page in [mapping.start, mapping.start + PAGE_SIZE] {
                assert_eq!(poke(page, 99), Err(EFAULT));
                assert_ne!(peek(page)?, 99);
            }
            assert_eq!(peek(mapping.start)?, 7);
        }
        Ok(())
    }

    #[test]
    fn a_mapping_can_be_made_readable() -> Result {
        let (mm, _shared, _device, file) = with_hook(
            1,
            Hook::Mmap(|data, mut setup| {
                if setup.pgoff() == 1 {
                    setup.try_clear_mayread()?;
                }
                setup.try_set_read()?;
                Ok(setup.with_ops::<PlainOps>(data.clone()))
            }),
        )?;
        let map = |pgoff, prot| mm.map_file_as(&file, pgoff, 1, prot, bindings::MAP_SHARED, 0);

        for prot in [0, WRITE, READ] {
            let mapping = map(0, prot)?;
            assert!(flags_at(&mm, mapping.start)?.contains(VmaFlag::READ));
            peek(mapping.start)?;
        }
        assert_eq!(map(1, WRITE).err(), Some(EPERM));
        Ok(())
    }

    #[test]
    fn a_description_changes_permissions_too() -> Result {
        let (mm, _shared, _device, file) = with_hook(
            1,
            Hook::MmapPrepare(|data, mut desc| {
                match desc.pgoff() {
                    0 => desc.clear_write(),
                    _ => desc.try_set_read()?,
                }
                Ok(desc.with_ops::<PreparedOps>(data))
            }),
        )?;
        let map = |pgoff, prot| mm.map_file_as(&file, pgoff, 1, prot, bindings::MAP_SHARED, 0);

        let mapping = map(0, READ | WRITE)?;
        let flags = flags_at(&mm, mapping.start)?;
        assert!(!flags.contains_any(VmaFlag::WRITE | VmaFlag::MAYWRITE));
        assert_eq!(poke(mapping.start, 1), Err(EFAULT));
        peek(mapping.start)?;

        let mapping = map(1, 0)?;
        assert!(flags_at(&mm, mapping.start)?.contains(VmaFlag::READ));
        Ok(())
    }

    #[test]
    fn a_mapping_has_the_flag_of_its_kind() -> Result {
        let (mm, _shared, _device, file) = with_hook(
            1,
            Hook::Mmap(|_data, setup| {
                // Of another kind than the operations, so this is as far as it goes.
                let kinds = VmaFlag::MIXEDMAP | VmaFlag::PFNMAP;
                let flags = match setup.pgoff() {
                    0 => setup.mixedmap().flags(),
                    _ => setup.pfnmap()?.flags(),
                };
                Err(match flags.without(flags.without(kinds)) {
                    only if only == VmaFlag::MIXEDMAP.into() => ENOTTY,
                    only if only == VmaFlag::PFNMAP.into() => ENOTDIR,
                    _ => EIO,
                })
            }),
        )?;
        let (shared_map, private) = (bindings::MAP_SHARED, bindings::MAP_PRIVATE);
        let map = |pgoff, kind| mm.map_file_as(&file, pgoff, 1, READ, kind, 0).err();

        assert_eq!(map(0, shared_map), Some(ENOTTY));
        assert_eq!(map(0, private), Some(ENOTTY));
        assert_eq!(map(1, shared_map), Some(ENOTDIR));
        // It could become writable: the kernel would have to copy page frames.
        assert_eq!(map(1, private), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn a_private_mapping_can_be_refused() -> Result {
        let (mm, shared, _device, file) = with_hook(
            1,
            Hook::Mmap(|data, setup| {
                setup.require_shared()?;
                Ok(setup.with_ops::<PlainOps>(data.clone()))
            }),
        )?;
        let map = |kind| mm.map_file_as(&file, 0, 1, READ, kind, 0).err();

        assert_eq!(map(bindings::MAP_PRIVATE), Some(EINVAL));
        assert_eq!(map(bindings::MAP_SHARED), None);
        assert_eq!(shared.counts(), (2, 0));
        assert_eq!(shared.faults.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn a_description_takes_permissions_away_too() -> Result {
        let (mm, _shared, _device, file) = with_hook(
            1,
            Hook::MmapPrepare(|_data, mut desc| {
                desc.require_shared()?;
                desc.try_clear_maywrite()?;
                assert!(!desc.flags().contains(VmaFlag::MAYWRITE));
                assert_eq!(desc.pgoffs()?.len() * PAGE_SIZE, {
                    desc.end() - desc.start()
                });
                desc.set_flags(SetupFlags::DONTCOPY);
                let is_mixed = desc.mixedmap().flags().contains(VmaFlag::MIXEDMAP);
                Err(if is_mixed { ENOTTY } else { EIO })
            }),
        )?;
        let map = |prot, kind| mm.map_file_as(&file, 0, 1, prot, kind, 0).err();

        assert_eq!(map(READ, bindings::MAP_PRIVATE), Some(EINVAL));
        assert_eq!(map(READ | WRITE, bindings::MAP_SHARED), Some(EPERM));
        assert_eq!(map(READ, bindings::MAP_SHARED), Some(ENOTTY));
        Ok(())
    }

    #[test]
    fn faults_go_by_the_page_offset_of_the_setup() -> Result {
        let (mm, shared, _device, file) = with_hook(
            3,
            Hook::Mmap(|data, mut setup| {
                let pgoff = setup.pgoff();
                setup.set_pgoff(if pgoff == 500 { 1 } else { usize::MAX - 1 })?;
                assert_eq!(setup.pgoff(), 1);
                Ok(setup.with_ops::<PlainOps>(data.clone()))
            }),
        )?;
        let mapping = mm.map_file(&file, 500, 2)?;

        assert_eq!(
            (peek(mapping.start)?, peek(mapping.start + PAGE_SIZE)?),
            (101, 102)
        );
        assert!(flags_at(&mm, mapping.start)?.contains(VmaFlag::DONTEXPAND));
        assert_eq!(
            mm.vma_locks()
                .lock_vma(mapping.start)
                .map(|vma| vma.pgoff()),
            Some(1)
        );

        // So does what unmaps them.
        let page = PAGE_SIZE as u64;
        let pages = FilePages::of(&file);
        let mut order = LockOrder::new();
        let mapped = |index| peek_if_mapped(mapping.start + index * PAGE_SIZE);
        pages.unmap(&mut order, 500 * page..502 * page)?;
        assert_eq!((mapped(0), mapped(1)), (Some(101), Some(102)));
        pages.unmap(&mut order, page..2 * page)?;
        assert_eq!((mapped(0), mapped(1)), (None, Some(102)));

        // Two pages from there on are one too many.
        assert_eq!(mm.map_file(&file, 0, 2).err(), Some(EOVERFLOW));
        assert_eq!(shared.counts(), (2, 0));
        Ok(())
    }

    // The second is at the address and at the offset where the first one ends.
    #[test]
    fn mapping_with_another_offset_is_not_merged() -> Result {
        let (mm, shared, _device, file) = with_hook(
            4,
            Hook::MmapPrepare(|data, mut desc| {
                let pgoff = desc.pgoff() % 100;
                desc.set_pgoff(pgoff)?;
                Ok(desc.with_ops::<PreparedOps>(data))
            }),
        )?;
        let map_at = |pgoff, addr| {
            let fixed = bindings::MAP_SHARED | bindings::MAP_FIXED;
            mm.map_file_as(&file, pgoff, 1, READ, fixed, addr)
        };
        let room = mm.map_file(&file, 0, 2)?;
        map_at(300, room.start)?;
        map_at(1, room.start + PAGE_SIZE)?;

        assert_eq!(
            (peek(room.start)?, peek(room.start + PAGE_SIZE)?),
            (100, 101)
        );
        // Each has a share of the data, as the two were not merged. Both parts of the room were
        // given one, too, and dropped it.
        assert_eq!(shared.counts(), (5, 2));
        Ok(())
    }
}
