// SPDX-License-Identifier: GPL-2.0

//! Runs of every operation and every primitive, while a plugin of the emulator counts the loads and
//! stores of the processor. A record for each run, in their order.

use crate::device::{Device, Devices, LOOKUPS, Order, WALKS};
use crate::mappings::Mappings;
use crate::primitives;
use crate::{plan, say};
use bench_records::{Done, Record, Stretch};
use std::io::Result;

/// The number of mappings in addition to those of the program itself, far from those that the
/// primitives use.
const MAPPINGS: usize = 10;

/// Runs of each operation: a timer interrupt comes into few of them.
const RUNS: usize = 7;

/// How often everything is done in a run, and all VMAs are walked.
const ROUNDS: u64 = 200;
const WALKED: u64 = 20;

pub fn measure(devices: &Devices) -> Result<()> {
    let mut primitives = Vec::new();
    for device in devices.all() {
        for primitive in device.primitives()? {
            primitives.push((device, primitive));
        }
    }
    let operations = (WALKS.len() + LOOKUPS.len()) * devices.both().len();
    plan(RUNS * (operations + primitives.len()));
    operations_of(devices)?;

    primitives::prepare()?;
    for (device, primitive) in primitives {
        for _ in 0..RUNS {
            let order = Order {
                rounds: ROUNDS,
                addr: primitives::place(device, &primitive)?,
                ..Order::default()
            };
            let done = device.run_primitive(&primitive, order)?;
            record(&primitive.name, device, done);
        }
    }
    Ok(())
}

fn record(operation: &str, device: &Device, done: Done) {
    say(&Record::Stretch(Stretch {
        operation: operation.to_string(),
        language: device.language,
        operations: done.operations,
    }));
}

fn operations_of(devices: &Devices) -> Result<()> {
    let mappings = Mappings::row(MAPPINGS)?;
    let walks = WALKS.iter().map(|operation| (operation, WALKED));
    let looks = LOOKUPS.iter().map(|operation| (operation, ROUNDS));
    for (operation, rounds) in walks.chain(looks) {
        let order = Order {
            rounds,
            addr: [mappings.third(1), mappings.third(2)],
            ..Order::default()
        };
        for _ in 0..RUNS {
            for device in devices.both() {
                let done = device.run(operation, order)?;
                record(operation.name, device, done);
            }
        }
    }
    Ok(())
}
