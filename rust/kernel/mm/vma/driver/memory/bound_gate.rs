// SPDX-License-Identifier: GPL-2.0

//! A device in code that may run after it was unbound, such as an ioctl of a file.
//!
//! Most calls on a device need a [`Device<Bound>`]. A driver's `probe()` is given one; the
//! functions of a file are not, because the file stays open when the device is unbound. A gate lets
//! them in until then, and the unbind waits for those that are in (C: `drm_dev_enter()`,
//! `drm_dev_unplug()`):
//!
//! 1. The driver core says that it is about to unbind (`BUS_NOTIFY_UNBIND_DRIVER`, or
//!    `BUS_NOTIFY_DRIVER_NOT_BOUND` if the probe fails). The gate is closed.
//! 2. It waits for all sections that were entered before.
//! 3. Only then the driver core takes from the device what it has for the driver: it calls
//!    `remove()`, and releases what devres has.
//!
//! One path has no such call: `CONFIG_DEBUG_TEST_DRIVER_REMOVE`, which unbinds each device once in
//! its probe. There is no gate with that.
//!
//! C source: `__device_release_driver()`, `really_probe()`

use crate::{
    bindings,
    device::{
        Bound,
        Core,
        Device, //
    },
    error::to_result,
    prelude::*,
    static_lock_class,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        srcu,
        Arc,
        Srcu, //
    },
    types::Opaque, //
};
use core::{
    ops::Deref,
    ptr, //
};

/// The name of the sections for lockdep: one, as their class.
static NAME: &CStr = c"BoundGate::sections";

/// Lends a device as long as it is bound to its driver.
///
/// Made by a [`BoundGateRegistration`]. A file of a device node keeps an [`Arc`] of it.
///
/// # Invariants
///
/// The driver core takes nothing from the device before all sections have ended that were entered
/// when `is_closed` was not set.
#[pin_data]
pub struct BoundGate {
    #[pin]
    notifier: Opaque<bindings::notifier_block>,
    device: ARef<Device>,
    is_closed: Atomic<bool>,
    #[pin]
    sections: Srcu,
}

// SAFETY: The notifier belongs to no task, and is changed by C under the lock of its chain.
unsafe impl Send for BoundGate {}
// SAFETY: As above; all other fields are `Sync`.
unsafe impl Sync for BoundGate {}

impl BoundGate {
    fn new(device: &Device) -> impl PinInit<Self, Error> + '_ {
        let notifier = bindings::notifier_block {
            notifier_call: Some(notify),
            ..pin_init::zeroed()
        };

        // INVARIANT: Nothing can be entered before the gate is returned.
        try_pin_init!(Self {
            notifier: Opaque::new(notifier),
            device: device.into(),
            is_closed: Atomic::new(false),
            sections <- Srcu::new(NAME, static_lock_class!()),
        })
    }

    /// Returns the device, which stays bound until the result is dropped, or `None` if it is
    /// unbound, or about to be (C: `drm_dev_enter()`).
    ///
    /// Never waits. The caller may sleep as long as it has the result, but the unbind waits for it,
    /// with the lock of the device and the notifiers of its bus locked. So the caller must not take
    /// that lock, nor add, remove, bind or unbind a device of that bus, nor wait for anyone who
    /// does. Lockdep reports the notifiers. To enter twice is allowed. If the result is leaked
    /// ([`core::mem::forget`]) the device is never unbound.
    #[doc(alias = "drm_dev_enter")]
    pub fn enter(&self) -> Option<BoundGuard<'_>> {
        let section = self.sections.read_lock();
        if self.is_closed.load(Relaxed) {
            return None;
        }

        // INVARIANT: The section was entered when it was not closed.
        Some(BoundGuard {
            gate: self,
            _section: section,
        })
    }

    /// Closes the gate, and waits for those who are in.
    fn close(&self) {
        self.is_closed.store(true, Relaxed);
        self.sections.synchronize();
    }
}

/// Called by the driver core, for each device of the bus.
///
/// # Safety
///
/// `notifier` must be the one of a [`BoundGate`], and `device` a valid device.
unsafe extern "C" fn notify(
    notifier: *mut bindings::notifier_block,
    event: usize,
    device: *mut c_void,
) -> c_int {
    let field = Opaque::cast_from(notifier);
    // SAFETY: Guaranteed by the caller: it is in a gate, which is there for as long as its notifier
    // is registered.
    let gate: &BoundGate = unsafe { &*crate::container_of!(field, BoundGate, notifier) };

    let is_end = [
        bindings::bus_notifier_event_BUS_NOTIFY_UNBIND_DRIVER,
        bindings::bus_notifier_event_BUS_NOTIFY_DRIVER_NOT_BOUND,
    ]
    .iter()
    .any(|end| *end as usize == event);
    if is_end && ptr::eq(gate.device.as_raw(), device.cast()) {
        gate.close();
    }
    bindings::NOTIFY_DONE as c_int
}

/// A device that stays bound for as long as this exists.
///
/// # Invariants
///
/// The section was entered when the gate was not closed.
#[must_use = "the device is bound only until it is dropped"]
pub struct BoundGuard<'a> {
    gate: &'a BoundGate,
    _section: srcu::Guard<'a>,
}

impl Deref for BoundGuard<'_> {
    type Target = Device<Bound>;

    #[inline]
    fn deref(&self) -> &Device<Bound> {
        // SAFETY: By the type invariants the device was bound when the section was entered, and it
        // is not unbound before this is dropped.
        unsafe { self.gate.device.as_bound() }
    }
}

/// The registration of a [`BoundGate`], for the data that a driver has while it is bound.
///
/// When it is dropped the gate is closed. That sleeps, so it must not be done in a section of the
/// gate: lockdep reports it. If it is leaked ([`core::mem::forget`]) the gate is closed when the
/// device is unbound, as ever.
///
/// # Examples
///
/// ```
/// use core::ops::Range;
/// use kernel::{
///     device::{Core, Device},
///     mm::{
///         vma::{
///             driver::{BoundGate, BoundGateRegistration},
///             pin::{DmaPages, PinFor, PinnedPages, ReadOnly, ToDevice}, //
///         },
///         MmWithUser, //
///     },
///     prelude::*,
///     sync::Arc, //
/// };
///
/// /// In `probe()`: the registration is for the data of the driver, the gate for its files.
/// # #[cfg(not(CONFIG_DEBUG_TEST_DRIVER_REMOVE))]
/// fn gate(device: &Device<Core<'_>>) -> Result<(BoundGateRegistration, Arc<BoundGate>)> {
///     let registration = BoundGateRegistration::new(device)?;
///     let gate = registration.gate();
///     Ok((registration, gate))
/// }
///
/// /// In an ioctl: maps memory of the caller for the device.
/// fn send(gate: &BoundGate, mm: &MmWithUser, memory: Range<usize>) -> Result<DmaPages<ReadOnly>> {
///     let device = gate.enter().ok_or(ENODEV)?;
///
///     let mut locks = mm.vma_locks();
///     let pages: PinnedPages<ReadOnly> = locks.pin_user_pages_fast(memory, PinFor::LongTerm)?;
///     pages.map_for_device::<ToDevice>(&device)
/// }
/// # let _ = send;
/// ```
pub struct BoundGateRegistration(Arc<BoundGate>);

#[cfg(not(CONFIG_DEBUG_TEST_DRIVER_REMOVE))]
impl BoundGateRegistration {
    /// Makes a gate (C: `bus_register_notifier()`).
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the driver is being unbound already; `EINVAL` if the device is on no bus;
    /// `ENOMEM`.
    #[doc(alias = "bus_register_notifier")]
    #[doc(alias = "BUS_NOTIFY_UNBIND_DRIVER")]
    pub fn new(device: &Device<Core<'_>>) -> Result<Self> {
        let gate = Arc::pin_init(BoundGate::new(device), GFP_KERNEL)?;

        // SAFETY: A device has its bus for as long as it is bound. The notifier stays until it is
        // unregistered, when the registration is dropped. If that is leaked, so is its share of the
        // gate.
        to_result(unsafe {
            bindings::bus_register_notifier((*device.as_raw()).bus, gate.notifier.get())
        })?;
        let registration = Self(gate);

        // Read after the notifier was registered: `__device_release_driver()` sets the status, and
        // then takes the lock of the chain. So if it is not set yet, the notifier will be called.
        // SAFETY: The device is valid. Other tasks may write the status, hence volatile.
        let status = unsafe { (&raw const (*device.as_raw()).links.status).read_volatile() };
        if status == bindings::dl_dev_state_DL_DEV_UNBINDING {
            return Err(ENODEV);
        }
        Ok(registration)
    }
}

impl BoundGateRegistration {
    /// Returns the gate.
    pub fn gate(&self) -> Arc<BoundGate> {
        self.0.clone()
    }
}

impl Drop for BoundGateRegistration {
    fn drop(&mut self) {
        // SAFETY: The notifier was registered on this bus, of which only the address is used, and
        // it is not called after this.
        unsafe {
            bindings::bus_unregister_notifier((*self.0.device.as_raw()).bus, self.0.notifier.get())
        };
        self.0.close();
    }
}
