// SPDX-License-Identifier: GPL-2.0

//! The step that maps memory that can be taken away: of a device, or of slots.

use super::{
    super::{
        kind::{
            DeviceMap,
            PageKind,
            Undecided, //
        },
        DeviceBacked,
        OperationsTable, //
    },
    flags,
    EndsDesc,
    EndsSetup,
    Mapped,
    Prepared,
    SetupFlags,
    VmaDesc,
    VmaSetup, //
};
use crate::prelude::*;

impl<'a, K: PageKind> VmaSetup<'a, K> {
    /// Ends the setup: faults will map the memory of a device, or what slots have.
    ///
    /// The VMA gets `memory` as its data, the memory type of it, and a file of its own inode (C:
    /// `vma_set_file()`), so all mappings are found when it goes away, or is replaced. Also sets
    /// IO, DONTEXPAND and DONTDUMP. Page offsets mean what the operations take them to mean.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the mapping is private and could become writable, as for
    /// [`pfnmap()`](Self::pfnmap); `ENODEV` if the device is gone; `ENOMEM`, `ENFILE`.
    #[doc(alias = "vma_set_file")]
    pub fn map_device<T>(mut self, memory: T::Data) -> Result<Mapped<'a>>
    where
        K: Undecided,
        T: OperationsTable<PageKind = DeviceMap>,
        T::Hook: EndsSetup,
        T::Data: DeviceBacked,
    {
        let file = memory.open_file::<T::OwnerModule>()?;

        // SAFETY: The file keeps the module of the operations, which is here: it runs. It is
        // anonymous, so it is neither of hugetlb nor on DAX, and not sealed. It is one of the
        // memory, which the VMA gets.
        let vma = unsafe {
            self.set_file(&file);
            self.device_map()
        }?;
        Ok(vma.with_ops::<T>(memory))
    }

    /// Chooses the kind of memory that can be taken away.
    ///
    /// # Safety
    ///
    /// The VMA must have a file by which the memory finds it, and get the memory as its data.
    pub(in super::super) unsafe fn device_map(mut self) -> Result<VmaSetup<'a, DeviceMap>>
    where
        K: Undecided,
    {
        if flags::is_cow(self.flags()) {
            return Err(EINVAL);
        }

        self.set_flags(SetupFlags::OF_DEVICE);
        Ok(self.into_kind())
    }
}

impl<'a, K: PageKind> VmaDesc<'a, K> {
    /// Ends the description: faults will map the memory of a device, or what slots have.
    ///
    /// As [`VmaSetup::map_device()`], which says what the VMA gets.
    ///
    /// # Errors
    ///
    /// Those of [`VmaSetup::map_device()`].
    pub fn map_device<T>(mut self, memory: &'a T::Data) -> Result<Prepared<'a>>
    where
        K: Undecided,
        T: OperationsTable<PageKind = DeviceMap>,
        T::Hook: EndsDesc,
        T::Data: DeviceBacked,
    {
        if flags::is_cow(self.flags()) {
            return Err(EINVAL);
        }
        let file = memory.open_file::<T::OwnerModule>()?;

        self.set_flags(SetupFlags::OF_DEVICE);
        let mut prepared = self.into_kind::<DeviceMap>().with_ops::<T>(memory);
        prepared.file = Some(file);
        Ok(prepared)
    }
}
