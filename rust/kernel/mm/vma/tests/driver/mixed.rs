// SPDX-License-Identifier: GPL-2.0

//! Frames and counted pages in one VMA.

use super::{
    super::address_space::{
        peek,
        poke,
        unmap,
        AddressSpace, //
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
        FrameSlots,
        Frames,
        MixedMap,
        PfnPieces,
        Pieces,
        ViaMmap,
        VmaOperations, //
    },
    mm::vma::LockOrder,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

/// Two pieces of two frames, and pages.
type Both = Arc<PfnPieces<Arc<Shared>>>;

/// Gives a frame for an even page of the file, and one of the pages for an odd one: mapped by the
/// driver, or by the kernel.
struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Both;
    type PageKind = MixedMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let number = fault.pgoff() / 2;
        if fault.pgoff() % 2 == 0 {
            return fault.insert_pfn(number);
        }
        let both: Both = fault.data().into();
        let pages = both.pages.lock();
        match pages.get(number) {
            Some(page) if number == 0 => fault.page(page),
            Some(page) => fault.insert_page(page),
            None => fault.sigbus(),
        }
    }
}

/// Slots, whose frames may be taken away.
struct SlotsOps;

crate::vm_operations!(SlotsOps);

#[vtable]
impl VmaOperations for SlotsOps {
    type Data = Arc<FrameSlots<()>>;
    type PageKind = MixedMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}

#[kunit_tests(rust_vma_mixed)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_pages_are_mapped_side_by_side() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let shared = Shared::new(2)?;
        let mut pieces = Pieces::new();
        for number in [60, 61] {
            let frames = Frames::alloc(1, GFP_KERNEL)?;
            frames.write(0, &[number])?;
            pieces.push(frames, GFP_KERNEL)?;
        }
        let both = Arc::pin_init(PfnPieces::new(pieces, shared.clone()), GFP_KERNEL)?;
        let device = Device::new(
            both,
            Hook::Mmap(|both, setup| Ok(setup.mixedmap().with_ops::<Ops>(both.clone()))),
        )?;
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let file = device.open()?;
        let mapping = mm.map_file_as(&file, 0, 6, rw, bindings::MAP_SHARED, 0)?;
        let at = |page: usize| mapping.start + page * PAGE_SIZE;

        assert_eq!(
            [0, 1, 2, 3].map(|page| peek(at(page))),
            [60, 100, 61, 101].map(Ok)
        );
        // There is no more of either.
        assert_eq!((peek(at(4)), peek(at(5))), (Err(EFAULT), Err(EFAULT)));
        for page in 0..4 {
            poke(at(page), page as u8)?;
        }
        let mut byte = [0];
        shared.pages.lock()[1].read(0, &mut byte)?;
        assert_eq!(byte, [3]);
        device.data.pieces().get(1).ok_or(EIO)?.read(0, &mut byte)?;
        assert_eq!(byte, [2]);

        // A private mapping reads both, and keeps its own copies.
        let own = mm.map_file_as(&file, 0, 4, rw, bindings::MAP_PRIVATE, 0)?;
        for page in 0..4 {
            let addr = own.start + page * PAGE_SIZE;
            assert_eq!(peek(addr)?, page as u8);
            poke(addr, 9)?;
            assert_eq!((peek(addr)?, peek(at(page))?), (9, page as u8));
        }
        unmap(own.start, own.len)?;
        unmap(mapping.start, mapping.len)?;
        assert_eq!(shared.faults.load(Relaxed), 0);
        Ok(())
    }

    // Nothing would find these mappings.
    #[test]
    fn frames_that_can_be_taken_away_are_not_mapped() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let slots = Arc::pin_init(FrameSlots::new(1, 1, GFP_KERNEL, ()), GFP_KERNEL)?;
        let frames = KBox::new(Frames::alloc(1, GFP_KERNEL)?, GFP_KERNEL)?;
        slots.replace(&mut LockOrder::new(), 0, Some(frames))?;
        let device = Device::new(
            slots,
            Hook::Mmap(|slots, setup| Ok(setup.mixedmap().with_ops::<SlotsOps>(slots.clone()))),
        )?;
        let mapping = mm.map_file(&*device.open()?, 0, 1)?;

        assert_eq!(peek(mapping.start), Err(EFAULT));
        unmap(mapping.start, mapping.len)
    }
}
