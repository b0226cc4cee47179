// SPDX-License-Identifier: GPL-2.0

//! Memory at a physical address that the driver knows, claimed for the driver alone.
//!
//! Some memory is in no resource of a device: registers at a fixed address, or at one that a table
//! of the firmware has. [`ClaimedMemory`] claims it, so that a
//! [`DeviceMemory`](super::DeviceMemory) can be made of it.
//!
//! The driver names the address, so safe code can name any. The order of [`ClaimedMemory::new()`]
//! keeps it from the memory of the kernel, and from what another driver has claimed:
//!
//! 1. The range is claimed in the resource tree (C: `request_mem_region_exclusive()`). That fails
//!    if any part is claimed, as all System RAM is, or if the range is partly in the resource of a
//!    device.
//! 2. Only then it is checked. What is not memory of the kernel at this point does not become that
//!    later, because memory is claimed before it is added: `register_memory_resource()` for System
//!    RAM, also for dax/kmem and virtio-mem, `request_free_mem_region()` for memory of devices that
//!    HMM migrates to, and the drivers of persistent memory before `memremap_pages()`. All of these
//!    fail while the claim is there.
//! 3. Refused is:
//!    - System RAM whose resource is not busy. Drivers that add memory piece by piece have such
//!      resources, and claim the pieces when they add them.
//!    - Memory with struct pages, whether the resource tree knows it or not: of ZONE_DEVICE, of
//!      an architecture without resources for its memory, or reserved near RAM by the firmware or
//!      the command line. What the device tree reserves has functions of its own.
//!    - Memory for which the kernel has a driver of its own, also if that is not bound yet: ACPI
//!      tables, persistent memory, memory of CXL.
//!    - Memory of EFI runtime services, which run in the kernel's mode.
//!    - What the firmware calls reserved (e820), with struct pages or without.
//! 4. devres has the claim, and releases it after the mappings were taken away, as other resources.
//!
//! # Reserved memory
//!
//! On x86, memory that e820 calls reserved has struct pages if it is in one section with RAM. The
//! page allocator never has it, and C drivers map some of it: memory that the firmware has set
//! aside for graphics, or that `memmap=nn$ss` has for a device. It is refused, and so are registers
//! in such a range, because nothing distinguishes them from memory that the kernel uses and has not
//! claimed:
//!
//! - ACPI allows the FACS in such memory, and some firmware (SeaBIOS) has all tables there. The
//!   FACS has the address at which the machine wakes up. The AML of the DSDT is run where it is,
//!   and can access all memory. There is no list to check, because AML can load more AML from an
//!   address that it computes.
//! - What the command line has reserved, and the firmware does not use, ramoops may have. If there
//!   are struct pages, it maps them by `vmap()` and claims nothing, before the check or after it,
//!   and writes at an offset that it reads from there.
//!
//! # Limits
//!
//! A claim excludes those that claim. If C code uses the registers of a device, or memory without
//! struct pages, and has not claimed it, this does not notice. `ExclusiveIoMem` and `Bar` have the
//! same limit: they make the same claim, and check nothing else. The difference is that there the
//! range comes from a description of the device, and here the driver is trusted to have such a
//! description. If that is wrong, user space gets at a device that no driver has claimed, or at
//! one that is plugged in later, if the range was in the resource of a device that is removed.
//!
//! So no mapping reaches memory that has struct pages when it is claimed. A device may: those who
//! access the registers of one that does DMA can tell it to write anywhere, whether they are in a
//! `Bar` or at such an address. Which device user space may be given is a decision of the driver.

use super::device_resource::{
    frames_of,
    DeviceResource, //
};
use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    devres::DevresLt,
    io::{
        resource::{
            Flags,
            Region,
            Resource, //
        },
        PhysAddr,
        ResourceSize, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    types::ForLt, //
};

/// Memory that the kernel has drivers for, as the resource tree describes it (C: `IORES_DESC_*`).
const MEMORY_OF_OTHERS: [u32; 9] = [
    bindings::IORES_DESC_CRASH_KERNEL,
    bindings::IORES_DESC_ACPI_TABLES,
    bindings::IORES_DESC_ACPI_NV_STORAGE,
    bindings::IORES_DESC_PERSISTENT_MEMORY,
    bindings::IORES_DESC_PERSISTENT_MEMORY_LEGACY,
    bindings::IORES_DESC_DEVICE_PRIVATE_MEMORY,
    bindings::IORES_DESC_RESERVED,
    bindings::IORES_DESC_SOFT_RESERVED,
    bindings::IORES_DESC_CXL,
];

/// A range of physical addresses that a driver has claimed.
///
/// It has no mapping in the kernel, and is released when it is dropped.
///
/// # Invariants
///
/// `region` is not memory of the kernel: it is neither System RAM nor memory of the firmware's
/// runtime services, and nothing adds it as memory while it is claimed. It has no struct pages,
/// unless the device tree reserves it for the device.
pub struct ClaimedMemory<'a> {
    pub(super) device: &'a Device<Bound>,
    pub(super) region: Region,
}

impl ForLt for ClaimedMemory<'static> {
    type Of<'a> = ClaimedMemory<'a>;
}

/// Claimed memory in the hands of devres: the resource of a
/// [`DeviceMemory`](super::DeviceMemory).
pub type DevresClaimedMemory = DevresLt<ClaimedMemory<'static>>;

impl<'a> ClaimedMemory<'a> {
    /// Claims `size` bytes from the physical address `start` on for a driver.
    ///
    /// The driver has to know that the memory is there, and that it is memory of its device: see
    /// the limits of this module. `name` appears in `/proc/iomem`.
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the range is empty, does not consist of whole pages, or is out of the physical
    /// addresses that can be mapped. `EBUSY` if any of it is claimed, belongs to the kernel or to
    /// a driver that the kernel has for such memory, or if there is no memory for the claim.
    /// `ENOMEM`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #![cfg(CONFIG_HAS_IOMEM)]
    /// use kernel::{
    ///     device::{
    ///         Bound,
    ///         Device, //
    ///     },
    ///     io::PhysAddr,
    ///     mm::vma::driver::{
    ///         ClaimedMemory,
    ///         DeviceMemory,
    ///         DevresClaimedMemory,
    ///         MemoryType, //
    ///     },
    ///     page::PAGE_SIZE,
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// // The address is that of the ACPI table of the timer.
    /// fn registers(
    ///     dev: &Device<Bound>,
    ///     address: PhysAddr,
    /// ) -> Result<Arc<DeviceMemory<DevresClaimedMemory>>> {
    ///     let registers = ClaimedMemory::new(dev, address, PAGE_SIZE as _, c"timer")?;
    ///     DeviceMemory::new(registers, MemoryType::Noncached)
    /// }
    /// ```
    #[cfg(CONFIG_HAS_IOMEM)]
    #[doc(alias = "request_mem_region_exclusive")]
    pub fn new(
        device: &'a Device<Bound>,
        start: PhysAddr,
        size: ResourceSize,
        name: &CStr,
    ) -> Result<Self> {
        let region = claim(start, size, name)?;
        if has_struct_pages(&region) {
            return Err(EBUSY);
        }

        // INVARIANT: It was checked while it was claimed, and stays claimed.
        Ok(Self { device, region })
    }
}

/// Claims memory that is not System RAM, of the firmware, or of drivers that the kernel has.
///
/// It may have struct pages: the callers decide about these.
pub(super) fn claim(start: PhysAddr, size: ResourceSize, name: &CStr) -> Result<Region> {
    let (first_pfn, last_pfn) = pfns(start, size).ok_or(EINVAL)?;

    // SAFETY: The root of the resource tree is static, and `Resource` only locks it.
    let root = unsafe { Resource::from_raw(&raw mut bindings::iomem_resource) };
    let name = name.to_cstring()?;
    let region = root
        .request_region(start, size, name, Flags::IORESOURCE_EXCLUSIVE)
        .ok_or(EBUSY)?;

    // After the claim: see the module's documentation.
    if is_of_others(&region) || is_efi_runtime(first_pfn, last_pfn) {
        return Err(EBUSY);
    }
    Ok(region)
}

/// Returns the first and the last frame of a range, if it has whole pages that can be mapped.
// Not inlined: `valid_mmap_phys_addr_range()` is not exported.
#[inline(never)]
fn pfns(start: PhysAddr, size: ResourceSize) -> Option<(usize, usize)> {
    let last = start.checked_add(size.checked_sub(1)?)?;
    let is_whole = (start | size) % PAGE_SIZE as PhysAddr == 0;
    // On some machines a range can be larger than `region_intersects()` can be told.
    usize::try_from(size).ok()?;
    let first_pfn = usize::try_from(start >> PAGE_SHIFT).ok()?;
    let last_pfn = usize::try_from(last >> PAGE_SHIFT).ok()?;

    // SAFETY: Compares the number with those that page table entries can have.
    let can_be_mapped = unsafe { bindings::vma_can_map_pfn(last_pfn) };
    (is_whole && can_be_mapped).then_some((first_pfn, last_pfn))
}

/// Returns whether any part is System RAM, or memory for which the kernel has drivers.
fn is_of_others(region: &Resource) -> bool {
    let (start, size) = (region.start(), region.size() as usize);

    intersects(
        start,
        size,
        bindings::IORESOURCE_SYSTEM_RAM,
        bindings::IORES_DESC_NONE,
    ) || MEMORY_OF_OTHERS
        .iter()
        .any(|&desc| intersects(start, size, bindings::IORESOURCE_MEM, desc))
}

/// Returns whether the resource tree has the kernel's RAM, as it has on most architectures.
pub(super) fn is_system_ram_known() -> bool {
    intersects(
        0,
        usize::MAX,
        bindings::IORESOURCE_SYSTEM_RAM,
        bindings::IORES_DESC_NONE,
    )
}

/// Returns whether a range has any part of a resource with these flags, and this descriptor
/// (`IORES_DESC_NONE`: with any).
fn intersects(start: PhysAddr, size: usize, flags: u32, desc: u32) -> bool {
    // SAFETY: Takes the lock of the resource tree.
    let found = unsafe { bindings::region_intersects(start, size, flags as usize, desc as usize) };
    found != bindings::REGION_DISJOINT as c_int
}

/// Returns whether any frame of a claimed region has a struct page.
// Not inlined: the tables are not exported.
#[cfg(CONFIG_HAS_IOMEM)]
#[inline(never)]
fn has_struct_pages(region: &Resource) -> bool {
    let first = (region.start() >> PAGE_SHIFT) as usize;
    let count = (region.size() >> PAGE_SHIFT) as usize;
    // This does not wrap: `claim()` has checked that there are such numbers.
    let last = first.wrapping_add(count).wrapping_sub(1);

    // SAFETY: Compares frames with tables of the kernel's, under RCU.
    unsafe { bindings::vma_has_struct_pages(first, last) }
}

/// Returns whether any of the frames is memory of the firmware, which runs in the kernel's mode.
fn is_efi_runtime(first_pfn: usize, last_pfn: usize) -> bool {
    // SAFETY: Compares frames with a table that does not change.
    unsafe { bindings::vma_is_efi_runtime(first_pfn, last_pfn) }
}

// SAFETY: The driver has claimed the region, and `into_devres()` keeps that. By the type invariants
// it is not memory of the kernel.
unsafe impl<'a> DeviceResource<'a> for ClaimedMemory<'a> {
    type Managed = DevresClaimedMemory;

    fn device(&self) -> &'a Device<Bound> {
        self.device
    }

    fn frames(&self) -> Result<(usize, usize)> {
        frames_of(&self.region)
    }

    fn into_devres(self) -> Result<Self::Managed> {
        let device = self.device;
        // SAFETY: It has a reference to the device, and a claim, which last for as long as the
        // device is bound, not only for 'a.
        unsafe { DevresLt::new(device, self) }
    }
}
