// SPDX-License-Identifier: GPL-2.0
//! A device is bound for as long as the section of its gate. What is lent by the device ends with it.

use kernel::device::{Bound, Device};
use kernel::dma::Coherent;
use kernel::mm::vma::driver::{BoundGate, DmaMemory};
use kernel::prelude::*;

#[cfg(misuse)]
fn device(gate: &BoundGate) -> Result<&Device<Bound>> {
    let device = gate.enter().ok_or(ENODEV)?;
    Ok(&device) //~ E0515 "cannot return value referencing local variable `device`"
}

#[cfg(not(misuse))]
fn device(gate: &BoundGate) -> Result<&Device<Bound>> {
    gate.enter().map(|_| ()).ok_or(ENODEV)?;
    Err(ENODEV)
}

fn memory(gate: &BoundGate, memory: &DmaMemory<[u8]>) -> Result<usize> {
    let device = gate.enter().ok_or(ENODEV)?;
    let coherent: &Coherent<[u8]> = memory.access(&device)?;
    #[cfg(misuse)]
    drop(device); //~ E0505 "cannot move out of `device` because it is borrowed"
    Ok(coherent.size())
}
