// SPDX-License-Identifier: GPL-2.0

//! Contiguous pages of the kernel's memory that come from elsewhere than the page allocator, or
//! that the host can access.

#[cfg(CONFIG_DMA_CMA)]
use super::bound::{
    bind,
    bound_device, //
};
use super::{
    super::{
        address_space::{
            peek,
            poke,
            unmap,
            AddressSpace, //
        },
        holds::holds, //
    },
    device::{
        Device,
        Hook, //
    },
};
use crate::{
    bindings,
    mm::vma::driver::{
        DriverVma,
        Fault,
        FaultOutcome,
        Frames,
        MixedMap,
        PfnMap,
        PfnPieces,
        Pieces,
        ViaMmap,
        VmaOperations, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

type Memory = Arc<PfnPieces<()>>;

macro_rules! ops {
    ($ops:ident, $kind:ty) => {
        struct $ops;

        crate::vm_operations!($ops);

        #[vtable]
        impl VmaOperations for $ops {
            type Data = Memory;
            type PageKind = $kind;
            type Hook = ViaMmap;

            fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
                let frame = fault.pgoff();
                fault.insert_pfn(frame)
            }
        }
    };
}

ops!(Ops, PfnMap);
ops!(MixedOps, MixedMap);

fn memory(frames: Frames) -> Result<Memory> {
    let mut pieces = Pieces::new();
    pieces.push(frames, GFP_KERNEL)?;
    Arc::pin_init(PfnPieces::new(pieces, ()), GFP_KERNEL)
}

/// User space and the kernel must see the same bytes in the last of the frames.
fn last_page_is_shared_with_user_space(frames: Frames) -> Result {
    let mm = AddressSpace::of_this_case()?;
    let last = frames.count() - 1;
    let mut byte = [1];
    frames.read(last * PAGE_SIZE, &mut byte)?;
    holds(byte == [0])?;
    frames.write(last * PAGE_SIZE, &[41])?;

    let device: KBox<Device<Memory>> = Device::new(
        memory(frames)?,
        Hook::Mmap(|memory, setup| Ok(setup.pfnmap()?.with_ops::<Ops>(memory.clone()))),
    )?;
    let rw = bindings::PROT_READ | bindings::PROT_WRITE;
    let mapping = mm.map_file_as(&*device.open()?, last, 2, rw, bindings::MAP_SHARED, 0)?;
    holds(peek(mapping.start) == Ok(41))?;
    poke(mapping.start, 42)?;
    holds(peek(mapping.start + PAGE_SIZE) == Err(EFAULT))?;

    let piece = device.data.pieces().get(0).ok_or(EINVAL)?;
    piece.read(last * PAGE_SIZE, &mut byte)?;
    holds(byte == [42])?;
    unmap(mapping.start, mapping.len)
}

/// More than the page allocator has in one piece, and more than half of the area.
#[cfg(CONFIG_DMA_CMA)]
const LARGE: usize = 2560;

/// Pages from the area of all devices.
#[cfg(CONFIG_DMA_CMA)]
fn contiguous(pages: usize) -> Result<Frames> {
    let bound = bind()?;
    Frames::alloc_from_contiguous(bound_device(&bound), pages)
}

#[kunit_tests(rust_vma_page_block)]
mod tests {
    use super::*;

    #[test]
    fn decrypted_pages_are_shared_with_user_space() -> Result {
        assert_eq!(Frames::alloc_decrypted(0).err(), Some(EINVAL));
        assert_eq!(Frames::alloc_decrypted(usize::MAX).err(), Some(ENOMEM));
        last_page_is_shared_with_user_space(Frames::alloc_decrypted(3)?)
    }

    /// Its pages are normal memory, which may be encrypted.
    #[test]
    fn decrypted_pages_are_not_mixed_with_others() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let insert = |frames| -> Result<Result> {
            let device: KBox<Device<Memory>> = Device::new(
                memory(frames)?,
                Hook::Mmap(|memory, setup| {
                    Ok(setup.mixedmap().with_ops::<MixedOps>(memory.clone()))
                }),
            )?;
            let mapping = mm.map_file(&*device.open()?, 0, 1)?;
            let mut locks = mm.vma_locks();
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma: &DriverVma<MixedOps, _> = vma.downcast().ok_or(ENXIO)?;
            Ok(vma.insert_pfn(&mut order, mapping.start, 0))
        };

        assert_eq!(insert(Frames::alloc_decrypted(1)?)?, Err(EINVAL));
        assert_eq!(insert(Frames::alloc(1, GFP_KERNEL)?)?, Ok(()));
        Ok(())
    }

    #[cfg(CONFIG_DMA_CMA)]
    #[test]
    fn contiguous_pages_are_shared_with_user_space() -> Result {
        assert!(LARGE > 1 << bindings::MAX_PAGE_ORDER);
        assert_eq!(Frames::alloc(LARGE, GFP_KERNEL).err(), Some(ENOMEM));

        let frames = contiguous(LARGE)?;
        let first = frames.pfn(0).ok_or(EINVAL)?;
        assert_eq!(frames.pfn(LARGE - 1), Some(first + LARGE - 1));
        last_page_is_shared_with_user_space(frames)
    }

    #[cfg(CONFIG_DMA_CMA)]
    #[test]
    fn contiguous_pages_go_back_to_their_area() -> Result {
        assert_eq!(contiguous(0).err(), Some(EINVAL));
        for pages in [usize::MAX, 1 << 20] {
            assert_eq!(contiguous(pages).err(), Some(ENOMEM));
        }

        for _ in 0..3 {
            let frames = contiguous(LARGE)?;
            let mut byte = [1];
            frames.read(LARGE * PAGE_SIZE - 1, &mut byte)?;
            assert_eq!(byte, [0]);
            frames.write(LARGE * PAGE_SIZE - 1, &[7])?;
            // Without those of the first, the area has too few.
            assert_eq!(contiguous(LARGE).err(), Some(ENOMEM));
        }
        Ok(())
    }
}
