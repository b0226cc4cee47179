// SPDX-License-Identifier: GPL-2.0
//! To make a gate waits for a lock that an unbind holds while it waits for the sections of a gate.
//! So it is made by the callbacks of the driver only, which no unbind waits for.

#[cfg(not(misuse))]
use kernel::device::{Core, Device};
use kernel::mm::vma::driver::{BoundGate, BoundGateRegistration};
use kernel::prelude::*;

#[cfg(misuse)]
fn second(gate: &BoundGate) -> Result<BoundGateRegistration> {
    let device = gate.enter().ok_or(ENODEV)?;
    BoundGateRegistration::new(&*device) //~ E0308 "expected `&Device<Core<'_>>`, found `&Device<Bound>`"
}

#[cfg(not(misuse))]
fn second(gate: &BoundGate, device: &Device<Core<'_>>) -> Result<BoundGateRegistration> {
    drop(gate.enter());
    BoundGateRegistration::new(device)
}
