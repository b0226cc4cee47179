// SPDX-License-Identifier: GPL-2.0

//! DRM devices without hardware.
//!
//! C header: [`include/linux/device/faux.h`](srctree/include/linux/device/faux.h)

use crate::{
    device::{
        self,
        Bound, //
    },
    drm::{
        self,
        Driver, //
    },
    faux,
    prelude::*, //
};

/// The registration of a DRM device whose parent is a faux device of its own.
///
/// When it is dropped, the DRM device is unplugged, and then the faux device goes.
///
/// In contrast to that of [`drm::Registration`] this constructor is safe: whoever never drops this
/// keeps the faux device, too, which stays bound; and what the registration has borrows nothing.
pub struct FauxRegistration<T: Driver> {
    // Dropped before its parent.
    drm: drm::Registration<'static, T>,
    _parent: faux::Registration,
}

impl<T: Driver> FauxRegistration<T>
where
    T: Driver<ParentDevice<Bound> = faux::Device<Bound>>,
{
    /// Makes a faux device with a name, and registers a DRM device on it.
    ///
    /// # Errors
    ///
    /// `ENODEV` if there is no such faux device; those of [`drm::UnregisteredDevice::new()`] and
    /// [`drm::Registration::new()`].
    pub fn new<E>(
        name: &CStr,
        data: impl PinInit<T::Data, Error>,
        registration_data: impl PinInit<T::RegistrationData<'static>, E>,
        flags: usize,
    ) -> Result<Self>
    where
        Error: From<E>,
    {
        let parent = faux::Registration::new(name, None)?;
        let device: &faux::Device<Bound> = parent.as_ref();
        let drm = drm::UnregisteredDevice::<T>::new(device, data)?;

        let device: &device::Device<Bound> = device.as_ref();
        // SAFETY: The faux device is there, and bound, until `parent` is dropped. That is after the
        // registration of the DRM device was dropped, below.
        let device: &'static device::Device<Bound> = unsafe { &*core::ptr::from_ref(device) };
        // SAFETY: If the result is not dropped `parent` is not either, because both are in one
        // structure: the device stays. The registration data is static.
        let drm = unsafe { drm::Registration::new(device, drm, registration_data, flags)? };

        Ok(Self {
            drm,
            _parent: parent,
        })
    }

    /// Returns the DRM device.
    #[inline]
    pub fn device(&self) -> &drm::Device<T> {
        self.drm.device()
    }
}
