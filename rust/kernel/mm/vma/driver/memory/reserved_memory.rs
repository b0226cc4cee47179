// SPDX-License-Identifier: GPL-2.0

//! RAM that the device tree reserves for a device, claimed for its driver.
//!
//! A child of `/reserved-memory` with the property `no-map` is RAM that the kernel does not use. A
//! driver can let user space see the data that firmware left there, or that another processor or
//! the host of a BMC writes. Such memory has struct pages. [`ClaimedMemory::new()`] refuses these,
//! because nothing tells for what they are used. Here the device tree does:
//!
//! 1. The memory is given to one device: its node is that of the device, or what `memory-region` of
//!    the device refers to. In the second case it has no `compatible`, or another driver could be
//!    bound to it: ramoops for example, which claims nothing if there are struct pages.
//! 2. The kernel has no operations for it, such as those of a pool of DMA memory (C:
//!    `reserved_mem_ops`). They are found while booting.
//! 3. It is claimed. That excludes drivers that claim it, and fails for System RAM. A region that
//!    could not be reserved, as the kernel had used the memory before, is in the table of C
//!    (`fdt_scan_reserved_mem_late()`), and so is one without `no-map`. But both are System RAM:
//!    `memblock` has them, and not as `MEMBLOCK_NOMAP`, as architectures check that enter RAM into
//!    the resource tree. Where no RAM is entered (UML), all is refused.
//! 4. What is left to check is what [`ClaimedMemory::new()`] checks except for struct pages: memory
//!    that the kernel has drivers for, and that of EFI.
//!
//! The page allocator never gets memory with `no-map`, and there are no mappings of it in the
//! kernel with which one of another memory type could conflict.
//!
//! The limits are those of [`ClaimedMemory`], with the device tree as the description of the
//! device. If that gives memory to two devices, and the driver of the other one is in C and claims
//! nothing, this does not notice.
//!
//! C header: [`include/linux/of_reserved_mem.h`](srctree/include/linux/of_reserved_mem.h)

use super::claimed_memory::{
    claim,
    is_system_ram_known,
    ClaimedMemory, //
};
use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::to_result,
    prelude::*, //
};

impl<'a> ClaimedMemory<'a> {
    /// Claims the RAM that the node of the device describes: a child of `/reserved-memory` with
    /// `no-map`.
    ///
    /// `name` appears in `/proc/iomem`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the node of the device is no such child; `EINVAL` if the kernel does not have it
    /// in its table, or it does not consist of whole pages; `EBUSY` if it is not `no-map`, could
    /// not be reserved, is claimed, or if the kernel uses it itself; `ENOMEM`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     device::{
    ///         Bound,
    ///         Device, //
    ///     },
    ///     mm::vma::driver::{
    ///         ClaimedMemory,
    ///         DeviceMemory,
    ///         DevresClaimedMemory,
    ///         MemoryType, //
    ///     },
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// fn secrets(dev: &Device<Bound>) -> Result<Arc<DeviceMemory<DevresClaimedMemory>>> {
    ///     let memory = ClaimedMemory::reserved(dev, c"secrets")?;
    ///     DeviceMemory::new(memory, MemoryType::WriteCombine)
    /// }
    /// ```
    #[doc(alias = "of_reserved_mem_lookup")]
    pub fn reserved(device: &'a Device<Bound>, name: &CStr) -> Result<Self> {
        Self::of_device_tree(device, -1, name)
    }

    /// Claims the RAM that the property `memory-region` of the device refers to, from zero on.
    ///
    /// `name` appears in `/proc/iomem`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is no such region; else as [`reserved()`](Self::reserved). `EBUSY` also if
    /// the region has a `compatible`.
    #[doc(alias = "of_reserved_mem_region_to_resource")]
    pub fn memory_region(device: &'a Device<Bound>, index: usize, name: &CStr) -> Result<Self> {
        let index = c_int::try_from(index).map_err(|_| ENODEV)?;
        Self::of_device_tree(device, index, name)
    }

    fn of_device_tree(device: &'a Device<Bound>, index: c_int, name: &CStr) -> Result<Self> {
        let (mut start, mut size) = (0, 0);

        // SAFETY: The device is valid, and its node stays while it is bound. Both are written.
        to_result(unsafe {
            bindings::vma_reserved_mem(device.as_raw(), index, &mut start, &mut size)
        })?;
        if !is_system_ram_known() {
            return Err(EBUSY);
        }

        let region = claim(start, size, name)?;

        // INVARIANT: It was checked while it was claimed, and stays claimed. The device tree
        // reserves it for the device.
        Ok(Self { device, region })
    }
}
