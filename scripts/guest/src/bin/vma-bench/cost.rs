// SPDX-License-Identifier: GPL-2.0

//! What each operation costs with few and with many VMAs: C and Rust in turn, so that whatever
//! happens besides happens to both.

use crate::device::{Devices, LOOKUPS, Operation, Order, WALK_MMAP, WALKS};
use crate::line;
use crate::mappings::Mappings;
use crate::turns;
use std::io::Result;

/// How many mappings there are besides those of the program itself.
const SIZES: [usize; 3] = [10, 1_000, 60_000];

/// Runs of each operation that count, after one that does not.
const RUNS: usize = 7;

/// How much work is in a run: VMAs that are looked at. The clock is read twice in each, and its
/// interrupts come every few milliseconds.
const VMAS_PER_RUN: u64 = 10_000;

pub fn measure(devices: &Devices) -> Result<()> {
    let operations = WALKS.len() + LOOKUPS.len();
    line::plan(RUNS + SIZES.len() * operations * RUNS * devices.both().len());

    turns::calibrate(devices, RUNS)?;
    for size in SIZES {
        let mappings = Mappings::make(size)?;
        let addr = [mappings.third(1), mappings.third(2)];
        let once = Order {
            rounds: 1,
            ..Order::default()
        };
        let vmas = devices.c.run(&WALK_MMAP, once)?.operations;
        let size = line::Size {
            mappings: size,
            vmas,
        };
        let rounds = (VMAS_PER_RUN / vmas).max(1);
        for operation in &WALKS {
            each(devices, size, operation, Order { rounds, ..once })?;
        }
        for operation in &LOOKUPS {
            let order = Order {
                rounds: VMAS_PER_RUN,
                addr,
                ..Order::default()
            };
            each(devices, size, operation, order)?;
        }
    }
    Ok(())
}

fn each(devices: &Devices, size: line::Size, operation: &Operation, order: Order) -> Result<()> {
    turns::take(devices, RUNS, operation, order, |device, done| {
        line::cost(size, operation, device.language, done);
    })
}
