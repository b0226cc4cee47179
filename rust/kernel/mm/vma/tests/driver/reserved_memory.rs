// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_UML)]
#![cfg(CONFIG_OF)]

//! Memory that the device tree reserves, of `scripts/configs/um.dts`.
//!
//! User-mode Linux enters no RAM into the resource tree, so the tests do.

use super::{
    super::address_space::{
        peek,
        peek_if_mapped,
        poke,
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
};
use crate::{
    bindings,
    device::{
        Bound,
        Device as AnyDevice, //
    },
    error::to_result,
    faux::Registration,
    io::PhysAddr,
    mm::vma::driver::{
        ClaimedMemory,
        DeviceMemory,
        MemoryType, //
    },
    page::PAGE_SIZE,
    prelude::*,
    types::Opaque, //
};

const OWN: &CStr = c"/reserved-memory/own@20000000";
const OWN_START: PhysAddr = 0x2000_0000;
/// The device whose `memory-region` refers to all others.
const DEVICE: &CStr = c"/device";
const NAME: &CStr = c"rust_vma_kunit_reserved";

/// The regions of that device.
const REGION: usize = 0;
const DRIVEN: usize = 1;
const PART: usize = 2;
const MAPPED: usize = 3;
const OFF: usize = 4;
const OTHER: usize = 5;

/// A device that is bound, and has a node of the device tree.
struct WithNode(Registration);

impl WithNode {
    fn new(path: &CStr) -> Result<Self> {
        let bound = Self(bind()?);

        // SAFETY: The device is valid, and nothing else uses its node.
        let has_node =
            unsafe { bindings::vma_kunit_set_node(bound.device().as_raw(), path.as_char_ptr()) };
        has_node.then_some(bound).ok_or(ENOENT)
    }

    fn device(&self) -> &AnyDevice<Bound> {
        bound_device(&self.0)
    }
}

/// System RAM of the resource tree.
struct SystemRam(KBox<Opaque<bindings::resource>>);

impl SystemRam {
    fn new(start: PhysAddr, size: PhysAddr) -> Result<Self> {
        let flags = bindings::IORESOURCE_SYSTEM_RAM | bindings::IORESOURCE_BUSY;
        let resource = KBox::new(
            Opaque::new(bindings::resource {
                name: c"System RAM".as_char_ptr(),
                start,
                end: start + size - 1,
                flags: flags as usize,
                ..pin_init::zeroed()
            }),
            GFP_KERNEL,
        )?;

        // SAFETY: The resource is in no tree, and leaves this one when it is dropped.
        to_result(unsafe {
            bindings::insert_resource(&raw mut bindings::iomem_resource, resource.get())
        })?;
        Ok(Self(resource))
    }

    /// All RAM below the memory that is reserved.
    fn below() -> Result<Self> {
        Self::new(0, OWN_START)
    }
}

impl Drop for SystemRam {
    fn drop(&mut self) {
        // SAFETY: It is in the tree, and has no children.
        unsafe { bindings::remove_resource(self.0.get()) };
    }
}

fn try_own(node: &WithNode) -> Result {
    ClaimedMemory::reserved(node.device(), NAME).map(drop)
}

fn try_region(node: &WithNode, index: usize) -> Result {
    ClaimedMemory::memory_region(node.device(), index, NAME).map(drop)
}

#[kunit_tests(rust_vma_reserved_memory)]
mod tests {
    use super::*;

    #[test]
    fn reserved_memory_is_mapped_until_unbind() -> Result {
        let _ram = SystemRam::below()?;
        let mm = AddressSpace::of_this_case()?;
        let bound = WithNode::new(OWN)?;
        let claim = ClaimedMemory::reserved(bound.device(), NAME)?;
        let memory = DeviceMemory::new(claim, MemoryType::WriteCombine)?;
        assert_eq!(memory.count(), 2);

        let files: KBox<Device<Claimed>> = Device::new(
            memory,
            Hook::Mmap(|memory, setup| setup.map_device::<ClaimedOps>(memory.clone())),
        )?;
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let mapping = mm.map_file_as(&*files.open()?, 0, 3, rw, bindings::MAP_SHARED, 0)?;
        let last = mapping.start + PAGE_SIZE;
        poke(last, 7)?;
        assert_eq!(peek(last + PAGE_SIZE), Err(EFAULT));
        // SAFETY: The memory is in the direct mapping of this architecture, and not written now.
        let byte = unsafe { bindings::vma_kunit_byte_at(OWN_START + PAGE_SIZE as PhysAddr) };
        assert_eq!(byte, 7);

        // Another device of the same node.
        let other = WithNode::new(OWN)?;
        assert_eq!(try_own(&other), Err(EBUSY));
        drop(bound);
        assert_eq!(peek_if_mapped(last), None);
        assert_eq!(peek(last), Err(EFAULT));
        try_own(&other)
    }

    #[test]
    fn region_of_a_device_is_claimed() -> Result {
        let _ram = SystemRam::below()?;
        let bound = WithNode::new(DEVICE)?;
        let claim = ClaimedMemory::memory_region(bound.device(), REGION, NAME)?;
        assert_eq!(try_region(&bound, REGION), Err(EBUSY));
        drop(claim);
        try_region(&bound, REGION)?;

        // The others are not its own, and its node is no memory.
        assert_eq!(try_own(&bound), Err(ENODEV));
        assert_eq!(try_region(&WithNode::new(OWN)?, REGION), Err(ENODEV));
        Ok(())
    }

    #[test]
    fn region_that_is_not_the_devices_is_refused() -> Result {
        let _ram = SystemRam::below()?;
        let bound = WithNode::new(DEVICE)?;
        assert_eq!(try_region(&bound, DRIVEN), Err(EBUSY));
        assert_eq!(try_region(&bound, PART), Err(EINVAL));
        assert_eq!(try_region(&bound, OFF), Err(ENODEV));
        // Its name is that of memory, but it is elsewhere.
        assert_eq!(try_region(&bound, OTHER), Err(ENODEV));
        assert_eq!(
            try_own(&WithNode::new(c"/device/own@20000000")?),
            Err(ENODEV)
        );
        for index in [OTHER + 1, usize::MAX] {
            assert_eq!(try_region(&bound, index), Err(ENODEV));
        }
        Ok(())
    }

    /// With operations, as a pool of DMA memory has them.
    #[test]
    fn region_that_the_kernel_uses_is_refused() -> Result {
        let _ram = SystemRam::below()?;
        let bound = WithNode::new(DEVICE)?;
        let set_ops = |has_ops| {
            // SAFETY: Nothing else uses the region, nor calls what is not there.
            let found =
                unsafe { bindings::vma_kunit_set_rmem_ops(bound.device().as_raw(), has_ops) };
            assert!(found);
        };

        set_ops(true);
        assert_eq!(try_region(&bound, REGION), Err(EBUSY));
        set_ops(false);
        try_region(&bound, REGION)
    }

    #[test]
    fn system_ram_is_refused() -> Result {
        let below = SystemRam::below()?;
        let bound = WithNode::new(DEVICE)?;
        // It is not `no-map`, so architectures enter it.
        let mapped = SystemRam::new(0x2004_0000, 0x1000)?;
        assert_eq!(try_region(&bound, MAPPED), Err(EBUSY));
        try_region(&bound, REGION)?;

        // Without any, nothing is known about the memory.
        drop((below, mapped));
        assert_eq!(try_region(&bound, REGION), Err(EBUSY));
        assert_eq!(try_own(&WithNode::new(OWN)?), Err(EBUSY));
        Ok(())
    }
}
