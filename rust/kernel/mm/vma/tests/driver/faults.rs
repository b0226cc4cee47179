// SPDX-License-Identifier: GPL-2.0

//! Faults and their answers.

use super::{
    super::address_space::{
        peek,
        poke,
        AddressSpace, //
    },
    device::{
        give_page,
        with_plain,
        Counted,
        Shared, //
    },
};
use crate::{
    bindings,
    mm::vma::driver::{
        Fault,
        FaultOutcome,
        MapPages,
        MkWrite,
        MkWriteOutcome,
        Plain,
        ViaMmap,
        VmaOperations, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

/// Answers each fault by the page of the file that it is for.
struct AnsweringOps;

crate::vm_operations!(AnsweringOps);

const RETRIED: usize = 1;
const ERRONEOUS: usize = 2;
const OUT_OF_RANGE: usize = 3;

#[vtable]
impl VmaOperations for AnsweringOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        match fault.pgoff() {
            RETRIED => {
                let shared: Arc<Shared> = fault.data().into();
                assert!(!fault.flags().holds_vma_lock());
                assert!(!fault.flags().is_remote());
                // User-mode Linux accesses user memory as user space would.
                assert_eq!(fault.flags().is_user(), cfg!(CONFIG_UML));
                let fault = match fault.release() {
                    Ok(released) => {
                        assert!(released.may_wait());
                        shared.has_happened();
                        // It can wait for what needs the mmap lock.
                        if let Some(mm) = current!().mm() {
                            drop(mm.vma_locks().write());
                        }
                        return released.retry();
                    }
                    Err(fault) => fault,
                };
                give_page(fault)
            }
            ERRONEOUS => fault.error(EIO),
            OUT_OF_RANGE => fault.sigsegv(),
            _ => give_page(fault),
        }
    }
}

/// Maps what is around, and says when a page becomes writable.
struct AroundOps;

crate::vm_operations!(AroundOps);

/// This page never becomes writable.
const READ_ONLY: usize = 1;

#[vtable]
impl VmaOperations for AroundOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }

    fn map_pages(around: &mut MapPages<'_, Self>) {
        let shared: Arc<Shared> = around.data().into();
        let Some(pages) = shared.pages.try_lock() else {
            return;
        };

        for (index, page) in pages.iter().enumerate() {
            let is_mapped = around.map(index, page);
            assert!(!is_mapped || around.pgoffs().contains(&index));
        }
        // Beyond what was asked for.
        if let Some(page) = pages.first() {
            let end = around.pgoffs().end;
            assert!(!around.map(end, page));
        }
    }

    fn page_mkwrite<'a>(fault: MkWrite<'a, Self>) -> MkWriteOutcome<'a> {
        fault.data().has_happened();
        assert!(fault.flags().is_write());
        if fault.pgoff() == READ_ONLY {
            fault.sigbus()
        } else {
            fault.allow()
        }
    }
}

#[kunit_tests(rust_vma_faults)]
mod tests {
    use super::*;

    #[test]
    fn fault_is_retried_without_the_lock() -> Result {
        let (mm, shared, _device, file) = with_plain::<AnsweringOps>(4)?;
        let mapping = mm.map_file(&file, 0, 4)?;

        assert_eq!(peek(mapping.start + RETRIED * PAGE_SIZE)?, 101);
        assert_eq!(shared.events.load(Relaxed), 1);
        assert_eq!(shared.faults.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn errors_are_errors_to_the_one_who_accesses() -> Result {
        let (mm, shared, _device, file) = with_plain::<AnsweringOps>(4)?;
        let mapping = mm.map_file(&file, 0, 4)?;

        for page in [ERRONEOUS, OUT_OF_RANGE] {
            assert_eq!(peek(mapping.start + page * PAGE_SIZE), Err(EFAULT));
        }
        assert_eq!(shared.faults.load(Relaxed), 0);
        // The mapping is as it was.
        assert_eq!(peek(mapping.start)?, 100);
        Ok(())
    }

    #[test]
    fn one_fault_maps_the_pages_around() -> Result {
        let (mm, shared, _device, file) = with_plain::<AroundOps>(4)?;
        let mapping = mm.map_file(&file, 0, 4)?;

        for index in 0..4 {
            assert_eq!(peek(mapping.start + index * PAGE_SIZE)?, 100 + index as u8);
        }
        assert_eq!(shared.faults.load(Relaxed), 0);
        // They are counted as mapped, and unmapped as such.
        super::super::super::address_space::unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.counts(), (2, 1));
        Ok(())
    }

    #[test]
    fn page_mkwrite_precedes_the_write() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(4)?;
        let device = super::super::device::Device::plain::<AroundOps>(&shared)?;
        let file = device.open()?;
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let mapping = mm.map_file_as(&file, 0, 4, rw, bindings::MAP_SHARED, 0)?;
        let at = |index: usize| mapping.start + index * PAGE_SIZE;

        // Read first, so it is mapped read-only.
        assert_eq!(peek(at(0))?, 100);
        assert_eq!(shared.events.load(Relaxed), 0);
        poke(at(0), 1)?;
        poke(at(0), 2)?;
        assert_eq!((peek(at(0))?, shared.events.load(Relaxed)), (2, 1));

        assert_eq!(poke(at(READ_ONLY), 1), Err(EFAULT));
        assert_eq!(
            (peek(at(READ_ONLY))?, shared.events.load(Relaxed)),
            (101, 2)
        );
        Ok(())
    }

    #[test]
    fn a_private_mapping_writes_to_copies() -> Result {
        let (mm, shared, _device, file) = with_plain::<AnsweringOps>(1)?;
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let mapping = mm.map_file_as(&file, 0, 1, rw, bindings::MAP_PRIVATE, 0)?;

        poke(mapping.start, 1)?;
        assert_eq!(peek(mapping.start)?, 1);
        let mut byte = [0];
        shared.pages.lock()[0].read(0, &mut byte)?;
        assert_eq!(byte, [100]);
        Ok(())
    }
}
