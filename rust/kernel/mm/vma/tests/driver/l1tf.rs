// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_X86_64)]
#![cfg(not(CONFIG_UML))]

//! Frames that an entry must not have which is not present, on a processor with L1TF.
//!
//! The processor could read the cache by such an entry. C refuses it to tasks without privileges
//! (`pfn_modify_allowed()`). With `setcpuid=l1tf` on the command line the kernel believes that the
//! processor is one of these.

use super::{
    super::{
        address_space::{
            AddressSpace,
            Mapping, //
        },
        holds::holds,
        skip::skip, //
    },
    device::{
        Device,
        Hook,
        Shared, //
    },
    pfn::{
        Live,
        PfnOps,
        Region, //
    },
    pinning::drop_capabilities,
};
use crate::{
    bindings,
    mm::vma::driver::{
        MemoryType,
        PfnRegion, //
    },
    prelude::*,
    sync::Arc, //
};

const PAGES: usize = 2;
const REASON: &[u8] = b"takes L1TF, which setcpuid=l1tf on the command line claims";

/// Frames where nothing is, of which this is the first one.
fn region(first: usize) -> Result<Region> {
    let live = Live(Shared::new(0)?);
    // SAFETY: There is nothing that could be accessed.
    let region = unsafe { PfnRegion::from_io_frames(first, PAGES, MemoryType::Noncached, live) };
    Arc::pin_init(region, GFP_KERNEL)
}

fn map(mm: &AddressSpace, device: &Device<Region>, prot: u32) -> Result<Mapping> {
    mm.map_file_as(&*device.open()?, 0, PAGES, prot, bindings::MAP_SHARED, 0)
}

/// The first frame that is refused, if any is.
fn limit() -> Option<usize> {
    // SAFETY: Takes nothing.
    match unsafe { bindings::vma_kunit_l1tf_limit() } {
        0 => None,
        limit => Some(limit),
    }
}

fn remapping(first: usize) -> Result<KBox<Device<Region>>> {
    let hook: Hook<Region> = Hook::Mmap(|region, setup| {
        let start = setup.start();
        let setup = setup.pfnmap()?;
        setup.remap_pfn_range::<PfnOps>(region.clone(), start, 0, PAGES)
    });
    Device::new(region(first)?, hook)
}

/// Inserts the first frame at the start of a mapping that nobody may access.
fn insert(mm: &AddressSpace, first: usize) -> Result<Result> {
    let device = Device::new(
        region(first)?,
        Hook::Mmap(|region, setup| Ok(setup.pfnmap()?.with_ops::<PfnOps>(region.clone()))),
    )?;
    let mapping = map(mm, &device, bindings::PROT_NONE)?;
    let mut locks = mm.vma_locks();
    let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
    let (vma, mut order) = vma.nest();
    let vma = vma.downcast::<PfnOps>().ok_or(ENXIO)?;
    let inserted = vma.insert_pfn(&mut order, mapping.start, 0);

    let is_none = vma.with_pte(mapping.start, |entry| entry.get().is_none());
    holds(is_none == Ok(inserted.is_err()))?;
    Ok(inserted)
}

#[kunit_tests(rust_vma_l1tf)]
mod tests {
    use super::*;

    #[test]
    fn remapping_is_refused_by_c() -> Result {
        let Some(limit) = limit() else {
            return skip(REASON);
        };
        let mm = AddressSpace::of_this_case()?;
        let (near, far) = (remapping(limit - PAGES)?, remapping(limit - 1)?);
        map(&mm, &far, bindings::PROT_NONE)?;

        drop_capabilities()?;
        map(&mm, &near, bindings::PROT_NONE)?;
        map(&mm, &far, bindings::PROT_READ)?;
        assert_eq!(map(&mm, &far, bindings::PROT_NONE).err(), Some(EACCES));
        Ok(())
    }

    #[test]
    fn insertion_is_refused_by_c() -> Result {
        let Some(limit) = limit() else {
            return skip(REASON);
        };
        let mm = AddressSpace::of_this_case()?;
        assert_eq!(insert(&mm, limit)?, Ok(()));

        drop_capabilities()?;
        assert_eq!(insert(&mm, limit - 1)?, Ok(()));
        assert_eq!(insert(&mm, limit)?, Err(EFAULT));
        Ok(())
    }
}
