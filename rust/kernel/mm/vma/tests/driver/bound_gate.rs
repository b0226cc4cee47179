// SPDX-License-Identifier: GPL-2.0
#![cfg(not(CONFIG_DEBUG_TEST_DRIVER_REMOVE))]

//! Sections in which a device stays bound, when it is unbound.

use super::{
    super::second_task::{
        wait_until,
        SecondTask, //
    },
    bound::{
        bind,
        bound_device, //
    },
};
use crate::{
    device::{
        Bound,
        Core,
        Device, //
    },
    devres::Devres,
    mm::vma::driver::{
        BoundGate,
        BoundGateRegistration, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};
use core::ptr;

/// Makes a gate of a device, as its `probe()` does.
fn register(device: &Device<Bound>) -> Result<BoundGateRegistration> {
    // SAFETY: The contexts are markers. No task but this one binds or unbinds the device.
    BoundGateRegistration::new(unsafe { &*ptr::from_ref(device).cast::<Device<Core<'_>>>() })
}

/// Calls `then` when devres releases it.
struct OnRelease<F: Fn()>(F);

impl<F: Fn()> Drop for OnRelease<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Has devres call `then` when the device is unbound.
fn on_release<F: Fn() + Send + 'static>(
    device: &Device<Bound>,
    then: F,
) -> Result<Devres<OnRelease<F>>> {
    Devres::new(device, Ok::<_, Error>(OnRelease(then)))
}

/// Enters the gate in a second task, until `end` is set. The task returns whether it could.
fn enter_in_second_task(
    gate: &Arc<BoundGate>,
    is_in: &Arc<Atomic<bool>>,
    end: &Arc<Atomic<bool>>,
) -> Result<SecondTask<bool>> {
    let (gate, is_in, end) = (gate.clone(), is_in.clone(), end.clone());
    SecondTask::spawn(move || {
        let section = gate.enter();
        is_in.store(true, Relaxed);
        wait_until(|| end.load(Relaxed));
        section.is_some()
    })
}

fn flag() -> Result<Arc<Atomic<bool>>> {
    Ok(Arc::new(Atomic::new(false), GFP_KERNEL)?)
}

#[kunit_tests(rust_vma_bound_gate)]
mod tests {
    use super::*;

    #[test]
    fn gate_lends_its_device() -> Result {
        let (bound, other) = (bind()?, bind()?);
        let device = bound_device(&bound);
        let registration = register(device)?;
        let gate = registration.gate();
        let section = gate.enter().ok_or(ENODEV)?;
        assert!(ptr::eq(&*section, device));
        assert!(gate.enter().is_some());
        drop(section);

        // Another device of the bus goes.
        drop(other);
        assert!(gate.enter().is_some());
        Ok(())
    }

    #[test]
    fn gate_is_closed_before_devres() -> Result {
        let bound = bind()?;
        let device = bound_device(&bound);
        let released = flag()?;
        let closed = flag()?;

        let registration = register(device)?;
        let gate = registration.gate();
        // Devres releases first what came last.
        let seen = (gate.clone(), released.clone(), closed.clone());
        let _release = on_release(device, move || {
            let (gate, released, closed) = &seen;
            released.store(true, Relaxed);
            closed.store(gate.enter().is_none(), Relaxed);
        })?;

        drop(bound);
        assert!(released.load(Relaxed) && closed.load(Relaxed));
        assert!(gate.enter().is_none());
        Ok(())
    }

    #[test]
    fn unbind_waits_for_the_section() -> Result {
        let bound = bind()?;
        let device = bound_device(&bound);
        let registration = register(device)?;
        let (gate, is_in, end) = (registration.gate(), flag()?, flag()?);
        let released = flag()?;
        let seen = released.clone();
        let _release = on_release(device, move || seen.store(true, Relaxed))?;

        let inside = enter_in_second_task(&gate, &is_in, &end)?;
        assert!(wait_until(|| is_in.load(Relaxed)));
        let unbind = SecondTask::spawn(move || drop(bound))?;
        // Nobody is let in, and nothing is taken away yet.
        assert!(wait_until(|| gate.enter().is_none()));
        assert!(unbind.stays_blocked());
        assert!(!released.load(Relaxed));

        end.store(true, Relaxed);
        assert_eq!(inside.join(), Ok(true));
        unbind.join()?;
        assert!(released.load(Relaxed));
        Ok(())
    }

    #[test]
    fn no_gate_is_made_by_an_unbind() -> Result {
        let bound = bind()?;
        let device = bound_device(&bound);
        let refused = flag()?;
        let seen = (ARef::<Device>::from(&**device), refused.clone());
        let _release = on_release(device, move || {
            let (device, refused) = &seen;
            // SAFETY: It is bound until all of this is released.
            let made = register(unsafe { device.as_bound() });
            refused.store(made.err() == Some(ENODEV), Relaxed);
        })?;

        drop(bound);
        assert!(refused.load(Relaxed));
        Ok(())
    }

    #[test]
    fn registration_closes_its_gate() -> Result {
        let bound = bind()?;
        let registration = register(bound_device(&bound))?;
        let (gate, is_in, end) = (registration.gate(), flag()?, flag()?);
        let inside = enter_in_second_task(&gate, &is_in, &end)?;
        assert!(wait_until(|| is_in.load(Relaxed)));

        let dropping = SecondTask::spawn(move || drop(registration))?;
        assert!(wait_until(|| gate.enter().is_none()));
        assert!(dropping.stays_blocked());
        end.store(true, Relaxed);
        assert_eq!(inside.join(), Ok(true));
        dropping.join()?;

        // The device has gates as before.
        let again = register(bound_device(&bound))?;
        assert!(again.gate().enter().is_some());
        Ok(())
    }

    #[test]
    fn leaked_registration_closes_as_ever() -> Result {
        let bound = bind()?;
        let registration = register(bound_device(&bound))?;
        let gate = registration.gate();
        core::mem::forget(registration);
        assert!(gate.enter().is_some());
        drop(bound);
        assert!(gate.enter().is_none());
        Ok(())
    }
}
