// SPDX-License-Identifier: GPL-2.0

//! The parts of devices that [`DeviceMemory`](super::DeviceMemory) maps.

#[cfg(CONFIG_HAS_IOMEM)]
use crate::io::mem::{
    DevresExclusiveIoMem,
    ExclusiveIoMem, //
};
#[cfg(CONFIG_PCI)]
use crate::pci;
use crate::{
    device::{
        Bound,
        Device, //
    },
    io::{
        resource::{
            Flags,
            Resource, //
        },
        ResourceSize, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

/// A resource that a driver has for itself, for as long as its device is bound: a
/// [`pci::Bar`](crate::pci::Bar), an [`ExclusiveIoMem`], or
/// [`ClaimedMemory`](super::ClaimedMemory).
///
/// # Safety
///
/// `frames()` must return frames of the resource of `device()`, which the driver has requested, and
/// which are released when the `Managed` is. That must be registered with devres by
/// `into_devres()`.
pub unsafe trait DeviceResource<'a>: Sized {
    /// The resource in the hands of devres.
    type Managed: Send + Sync + 'static;

    /// Returns the device.
    fn device(&self) -> &'a Device<Bound>;

    /// Returns the first frame, and the number of frames.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it is not memory, or does not consist of whole pages.
    fn frames(&self) -> Result<(usize, usize)>;

    /// Registers the resource as one that is released when the device is unbound.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn into_devres(self) -> Result<Self::Managed>;
}

pub(super) fn frames_of(resource: &Resource) -> Result<(usize, usize)> {
    let (start, size) = (resource.start(), resource.size());
    let is_memory = resource.flags().contains(Flags::IORESOURCE_MEM);
    let is_whole = (start | size) % PAGE_SIZE as ResourceSize == 0;

    if !is_memory || size == 0 || !is_whole {
        return Err(EINVAL);
    }
    Ok((
        usize::try_from(start >> PAGE_SHIFT)?,
        usize::try_from(size >> PAGE_SHIFT)?,
    ))
}

#[cfg(CONFIG_HAS_IOMEM)]
// SAFETY: `ExclusiveIoMem` has requested the region, and `into_devres()` keeps that.
unsafe impl<'a, const SIZE: usize> DeviceResource<'a> for ExclusiveIoMem<'a, SIZE> {
    type Managed = DevresExclusiveIoMem<SIZE>;

    fn device(&self) -> &'a Device<Bound> {
        self.resource().0
    }

    fn frames(&self) -> Result<(usize, usize)> {
        frames_of(self.resource().1)
    }

    fn into_devres(self) -> Result<Self::Managed> {
        Self::into_devres(self)
    }
}

#[cfg(CONFIG_PCI)]
// SAFETY: `Bar` has requested the region, and `into_devres()` keeps that.
unsafe impl<'a, const SIZE: usize> DeviceResource<'a> for pci::Bar<'a, SIZE> {
    type Managed = pci::DevresBar<SIZE>;

    fn device(&self) -> &'a Device<Bound> {
        self.resource().0
    }

    fn frames(&self) -> Result<(usize, usize)> {
        frames_of(self.resource().1)
    }

    fn into_devres(self) -> Result<Self::Managed> {
        Self::into_devres(self)
    }
}
