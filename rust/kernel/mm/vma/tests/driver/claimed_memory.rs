// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_X86_64)]
#![cfg(CONFIG_HAVE_IOREMAP_PROT)]
#![cfg(not(CONFIG_UML))]

//! Memory that is claimed by its address: addresses at which there is nothing, so reads do no harm.

#[cfg(all(CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS))]
use super::super::failing;
use super::{
    super::address_space::{
        peek,
        peek_if_mapped,
        AddressSpace, //
    },
    bound::{
        bind,
        bound_device, //
    },
    claimed::{
        Claimed,
        ClaimedOps, //
    },
    device::{
        Device,
        Hook, //
    },
    io_mem::Unused,
};
#[cfg(all(CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS))]
use crate::mm::vma::driver::DeviceResource;
use crate::{
    bindings,
    device::{
        Bound,
        Device as AnyDevice, //
    },
    io::PhysAddr,
    mm::vma::driver::{
        ClaimedMemory,
        DeviceMemory,
        Frames,
        MemoryType, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

const PAGE: PhysAddr = PAGE_SIZE as PhysAddr;
const NAME: &CStr = c"rust_vma_kunit_claim";

/// Returns the first of `pages` pages that nothing has claimed, and that are in no resource.
fn unclaimed(pages: usize) -> Result<PhysAddr> {
    let unused = Unused::new(pages * PAGE_SIZE)?;
    Ok(unused.resource().start())
}

/// Claims pages, and gives them back.
fn try_claim(device: &AnyDevice<Bound>, start: PhysAddr, pages: PhysAddr) -> Result {
    ClaimedMemory::new(device, start, pages * PAGE, NAME).map(drop)
}

/// Returns the flags of the claim that begins at an address.
fn flags_of_claim(start: PhysAddr) -> Option<u32> {
    // SAFETY: The root is static. Only this test releases the claim.
    unsafe {
        bindings::lookup_resource(&raw mut bindings::iomem_resource, start)
            .as_ref()
            .map(|resource| resource.flags as u32)
    }
}

#[kunit_tests(rust_vma_claimed_memory)]
mod tests {
    use super::*;

    #[test]
    fn claimed_memory_is_mapped_until_unbind() -> Result {
        let start = unclaimed(2)?;
        let mm = AddressSpace::of_this_case()?;
        let bound = bind()?;
        let claim = ClaimedMemory::new(bound_device(&bound), start, 2 * PAGE, NAME)?;
        let memory = DeviceMemory::new(claim, MemoryType::Noncached)?;
        assert_eq!(memory.count(), 2);

        let files: KBox<Device<Claimed>> = Device::new(
            memory,
            Hook::Mmap(|memory, setup| setup.map_device::<ClaimedOps>(memory.clone())),
        )?;
        let mapping = mm.map_file(&*files.open()?, 0, 3)?;
        let last = mapping.start + PAGE_SIZE;
        peek(last)?;
        assert_eq!(peek(last + PAGE_SIZE), Err(EFAULT));
        let pfn = mm
            .vma_locks()
            .lock_vma(last)
            .map(|vma| vma.with_pte(last, |entry| entry.get().pfn()));
        assert_eq!(pfn, Some(Ok(Some((start as usize >> PAGE_SHIFT) + 1))));

        let other = bind()?;
        assert_eq!(try_claim(bound_device(&other), start, 2), Err(EBUSY));
        drop(bound);
        assert_eq!(peek_if_mapped(last), None);
        assert_eq!(peek(last), Err(EFAULT));
        // The memory is there, but not the claim.
        assert!(!files.data.is_present());
        try_claim(bound_device(&other), start, 2)
    }

    #[test]
    fn claim_excludes_all_that_overlap() -> Result {
        let start = unclaimed(4)?;
        let bound = bind()?;
        let (first, last) = (start + PAGE, start + 2 * PAGE);
        let claim = ClaimedMemory::new(bound_device(&bound), first, 2 * PAGE, NAME)?;

        let wanted = bindings::IORESOURCE_BUSY | bindings::IORESOURCE_EXCLUSIVE;
        assert_eq!(
            flags_of_claim(first).map(|flags| flags & wanted),
            Some(wanted)
        );
        for (start, pages) in [
            (first, 2),
            (first, 1),
            (last, 1),
            (start, 2),
            (last, 2),
            (start, 4),
        ] {
            assert_eq!(try_claim(bound_device(&bound), start, pages), Err(EBUSY));
        }
        // Those beside it are free.
        try_claim(bound_device(&bound), start, 1)?;
        try_claim(bound_device(&bound), last + PAGE, 1)?;

        drop(claim);
        assert_eq!(flags_of_claim(first), None);
        try_claim(bound_device(&bound), start, 4)
    }

    #[test]
    fn memory_of_the_kernel_is_refused() -> Result {
        let bound = bind()?;
        let pages = Frames::alloc(2, GFP_KERNEL)?;
        let start = (pages.pfn(0).ok_or(EINVAL)? as PhysAddr) << PAGE_SHIFT;
        for (start, pages) in [(start, 1), (start + PAGE, 1), (start, 2)] {
            assert_eq!(try_claim(bound_device(&bound), start, pages), Err(EBUSY));
        }

        // From the end of RAM on.
        // SAFETY: It is set while booting.
        let end = unsafe { bindings::max_pfn } as PhysAddr * PAGE;
        assert_eq!(try_claim(bound_device(&bound), end - PAGE, 1), Err(EBUSY));
        assert_eq!(try_claim(bound_device(&bound), end - PAGE, 2), Err(EBUSY));
        Ok(())
    }

    /// The gap below 1 MiB is in no resource, but in one section with RAM.
    #[test]
    fn frame_with_a_struct_page_is_refused() -> Result {
        let bound = bind()?;
        let gap = 0xa0000;
        let pfn = gap as usize >> PAGE_SHIFT;
        // SAFETY: Looks at the memory map.
        assert!(unsafe { bindings::vma_has_struct_pages(pfn, pfn) });
        for pages in [1, 2] {
            assert_eq!(try_claim(bound_device(&bound), gap, pages), Err(EBUSY));
        }
        Ok(())
    }

    #[test]
    fn range_is_in_one_resource() -> Result {
        let bound = bind()?;
        let unused = Unused::new(2 * PAGE_SIZE)?;
        let start = unused.resource().start();

        try_claim(bound_device(&bound), start, 1)?;
        try_claim(bound_device(&bound), start + PAGE, 1)?;
        try_claim(bound_device(&bound), start, 2)?;
        assert_eq!(try_claim(bound_device(&bound), start + PAGE, 2), Err(EBUSY));
        assert_eq!(try_claim(bound_device(&bound), start, 3), Err(EBUSY));
        Ok(())
    }

    #[test]
    fn memory_with_other_drivers_is_refused() -> Result {
        let bound = bind()?;
        let refused = |flags, desc| -> Result {
            let unused = Unused::described_as(2 * PAGE_SIZE, flags, desc)?;
            let start = unused.resource().start();
            for (start, pages) in [(start, 1), (start + PAGE, 1), (start, 2)] {
                assert_eq!(try_claim(bound_device(&bound), start, pages), Err(EBUSY));
            }
            Ok(())
        };

        // As that of virtio-mem, which is not busy.
        refused(bindings::IORESOURCE_SYSTEM_RAM, bindings::IORES_DESC_NONE)?;
        for desc in bindings::IORES_DESC_CRASH_KERNEL..=bindings::IORES_DESC_CXL {
            // Conflicts with that of a device are warned of.
            if desc != bindings::IORES_DESC_DEVICE_PRIVATE_MEMORY {
                refused(bindings::IORESOURCE_MEM, desc)?;
            }
        }
        Ok(())
    }

    /// The resource tree does not say why there is no claim, so it is looked at.
    #[cfg(all(CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS))]
    #[test]
    fn failing_claim_leaves_none_behind() -> Result {
        let start = unclaimed(1)?;
        let bound = bind()?;
        let (claim, failed) = failing::each_allocation(
            || try_claim(bound_device(&bound), start, 1),
            |()| match ClaimedMemory::new(bound_device(&bound), start, PAGE, NAME) {
                Err(EBUSY) if flags_of_claim(start).is_none() => Err(ENOMEM),
                result => result,
            },
        )?;
        // The name, and the claim.
        assert!(failed >= 2);
        assert!(flags_of_claim(start).is_some());
        drop(claim);
        try_claim(bound_device(&bound), start, 1)
    }

    /// A claim that is not released could not be made once more.
    #[cfg(all(CONFIG_FAILSLAB, CONFIG_FAULT_INJECTION_DEBUG_FS))]
    #[test]
    fn claim_ends_if_devres_cannot_have_it() -> Result {
        let start = unclaimed(1)?;
        let bound = bind()?;
        let (managed, failed) = failing::each_allocation(
            || ClaimedMemory::new(bound_device(&bound), start, PAGE, NAME),
            |claim| claim.into_devres(),
        )?;
        // The data of devres and its node are one.
        assert!(failed >= 1);
        assert_eq!(try_claim(bound_device(&bound), start, 1), Err(EBUSY));
        drop(managed);
        try_claim(bound_device(&bound), start, 1)
    }

    #[test]
    fn device_without_a_node_has_no_memory() -> Result {
        let bound = bind()?;
        let reserved = ClaimedMemory::reserved(bound_device(&bound), NAME).map(drop);
        assert_eq!(reserved, Err(ENODEV));
        let region = ClaimedMemory::memory_region(bound_device(&bound), 0, NAME).map(drop);
        assert_eq!(region, Err(ENODEV));
        Ok(())
    }

    #[test]
    fn range_is_of_whole_pages_that_exist() -> Result {
        let bound = bind()?;
        let start = unclaimed(2)?;
        let new =
            |start, size| ClaimedMemory::new(bound_device(&bound), start, size, NAME).map(drop);

        for (start, size) in [
            (start, 0),
            (start, PAGE / 2),
            (start, PAGE + 8),
            (start + 8, PAGE),
            (start + PAGE / 2, PAGE / 2),
            // It would wrap, or end with the last of all numbers.
            (PhysAddr::MAX - PAGE + 1, 2 * PAGE),
            (PhysAddr::MAX - PAGE + 1, PAGE),
            (start, PhysAddr::MAX - start + 1),
            (PAGE, PhysAddr::MAX - PAGE + 1),
        ] {
            assert_eq!(new(start, size), Err(EINVAL));
        }

        // The last page that the processor can address, which can be reserved.
        // SAFETY: It is set while booting.
        let end = unsafe { bindings::iomem_resource.end } + 1;
        assert_ne!(new(end - PAGE, PAGE), Err(EINVAL));
        assert_eq!(new(end, PAGE), Err(EINVAL));
        assert_eq!(new(end - PAGE, 2 * PAGE), Err(EINVAL));
        new(start, PAGE)
    }
}
