// SPDX-License-Identifier: GPL-2.0

//! Runs that are compared: C and Rust in turn, so that whatever happens besides happens to both,
//! each just after an interrupt of the timer.

use crate::device::{Device, Devices, Done, Operation, Order};
use crate::line;
use std::io::Result;

/// Rounds of the loop that shows how exact the clock is.
const LOOPS: u64 = 1_000_000;

/// Has the clock count known instructions, after a run that does not count.
pub fn calibrate(devices: &Devices, runs: usize) -> Result<()> {
    devices.run_loop(LOOPS)?;
    for _ in 0..runs {
        devices.tick()?;
        let (instructions, done) = devices.run_loop(LOOPS)?;
        line::calibration(instructions, done.ticks);
    }
    Ok(())
}

/// Has both drivers do an operation, after a run of each that does not count.
pub fn take(
    devices: &Devices,
    runs: usize,
    operation: &Operation,
    order: Order,
    show: impl Fn(&Device, &Done),
) -> Result<()> {
    for run in 0..=runs {
        for device in devices.both() {
            devices.tick()?;
            let done = device.run(operation, order)?;
            if run > 0 {
                show(device, &done);
            }
        }
    }
    Ok(())
}
