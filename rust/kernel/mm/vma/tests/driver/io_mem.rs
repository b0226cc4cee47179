// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_X86_64)]
#![cfg(CONFIG_HAVE_IOREMAP_PROT)]
#![cfg(not(CONFIG_UML))]

//! An I/O memory region that is mapped: addresses at which there is nothing, so reads do no harm.

use super::{
    super::address_space::{
        peek,
        peek_if_mapped,
        AddressSpace, //
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
    io::{
        mem::{
            DevresExclusiveIoMem,
            ExclusiveIoMem,
            IoRequest, //
        },
        resource::Resource,
        Io, //
    },
    mm::vma::driver::{
        DeviceMap,
        DeviceMemory,
        Fault,
        FaultOutcome,
        MemoryType,
        ViaMmap,
        VmaOperations, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

type Memory = Arc<DeviceMemory<DevresExclusiveIoMem<0>>>;

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Memory;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}

/// Physical addresses that nothing else uses.
pub(super) struct Unused(KBox<Opaque<bindings::resource>>);

impl Unused {
    pub(super) fn new(size: usize) -> Result<Self> {
        Self::described_as(size, bindings::IORESOURCE_MEM, bindings::IORES_DESC_NONE)
    }

    /// With flags and a descriptor, for whatever the kernel takes them.
    pub(super) fn described_as(size: usize, flags: u32, desc: u32) -> Result<Self> {
        let resource = KBox::new(
            Opaque::new(bindings::resource {
                name: c"rust_vma_kunit".as_char_ptr(),
                flags: flags as usize,
                desc: desc as usize,
                ..pin_init::zeroed()
            }),
            GFP_KERNEL,
        )?;
        // Within reach of every processor.
        let (first, last, align) = (1 << 20, u64::from(u32::MAX), PAGE_SIZE as u64);

        // SAFETY: The resource is in no tree, and leaves the one it is put into when this is
        // dropped.
        to_result(unsafe {
            bindings::allocate_resource(
                &raw mut bindings::iomem_resource,
                resource.get(),
                size as u64,
                first,
                last,
                align,
                None,
                core::ptr::null_mut(),
            )
        })?;
        Ok(Self(resource))
    }

    pub(super) fn resource(&self) -> &Resource {
        // SAFETY: It is there until this is dropped, and used by this reference only.
        unsafe { Resource::from_raw(self.0.get()) }
    }

    fn map<'a>(&'a self, device: &'a AnyDevice<Bound>) -> Result<ExclusiveIoMem<'a, 0>> {
        // SAFETY: The region is there for as long as the borrow.
        unsafe { IoRequest::new(device, self.resource()) }.iomap_exclusive()
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        // SAFETY: It was put into the tree when this was made.
        let result = unsafe { bindings::release_resource(self.0.get()) };
        assert_eq!(result, 0);
    }
}

#[kunit_tests(rust_vma_io_mem)]
mod tests {
    use super::*;

    #[test]
    fn io_memory_is_mapped_until_unbind() -> Result {
        let unused = Unused::new(2 * PAGE_SIZE)?;
        let mm = AddressSpace::of_this_case()?;
        let bound = Registration::new(c"rust_vma_kunit_io_mem", None)?;
        let faux: &crate::faux::Device<Bound> = bound.as_ref();
        let memory = DeviceMemory::new(unused.map(faux.as_ref())?, MemoryType::Noncached)?;
        assert_eq!(memory.count(), 2);
        // Only one has it.
        assert_eq!(unused.map(faux.as_ref()).err(), Some(EBUSY));

        let files: KBox<Device<Memory>> = Device::new(
            memory,
            Hook::Mmap(|memory, setup| setup.map_device::<Ops>(memory.clone())),
        )?;
        let mapping = mm.map_file(&*files.open()?, 0, 3)?;
        let last = mapping.start + PAGE_SIZE;
        let seen = peek(last)?;
        let io = files.data.resource().try_access().ok_or(ENXIO)?;
        assert_eq!(seen, (&*io).try_read8(PAGE_SIZE)?);
        drop(io);
        assert_eq!(peek(last + PAGE_SIZE), Err(EFAULT));

        let pfn = mm
            .vma_locks()
            .lock_vma(last)
            .map(|vma| vma.with_pte(last, |entry| entry.get().pfn()));
        let first = unused.resource().start() as usize >> PAGE_SHIFT;
        assert_eq!(pfn, Some(Ok(Some(first + 1))));

        drop(bound);
        assert_eq!(peek_if_mapped(last), None);
        assert_eq!(peek(last), Err(EFAULT));
        assert!(files.data.resource().try_access().is_none());

        // The region was given back.
        let bound = Registration::new(c"rust_vma_kunit_io_mem", None)?;
        let faux: &crate::faux::Device<Bound> = bound.as_ref();
        unused.map(faux.as_ref()).map(drop)
    }

    #[test]
    fn part_of_a_page_is_refused() -> Result {
        let bound = Registration::new(c"rust_vma_kunit_io_mem", None)?;
        let faux: &crate::faux::Device<Bound> = bound.as_ref();

        for size in [PAGE_SIZE / 2, PAGE_SIZE + 8] {
            let unused = Unused::new(size)?;
            let memory = DeviceMemory::new(unused.map(faux.as_ref())?, MemoryType::Noncached);
            assert_eq!(memory.err(), Some(EINVAL));
            // It was not kept.
            unused.map(faux.as_ref())?;
        }
        Ok(())
    }
}
