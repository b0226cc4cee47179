// SPDX-License-Identifier: GPL-2.0

//! The cost of walks and look-ups: among few and many VMAs, and among VMAs that are close together
//! and far apart. A gap is a range of the maple tree, too, so VMAs with gaps between them are
//! measured apart from those without.
//!
//! C and Rust take turns, so that background work affects both, and each run starts just after a
//! timer interrupt.

use crate::device::{Devices, LOOKUPS, Order, WALK_MMAP, WALKS};
use crate::mappings::Mappings;
use crate::{plan, say};
use serde_json::json;
use std::io::Result;
use vma_guest::sys;

/// Numbers of mappings, side by side.
const SIZES: [usize; 3] = [10, 1_000, 60_000];

/// The number of mappings that are spread, and the bytes over which they are: the last is half of an
/// address space.
const SPREAD: usize = 1_000;
const SPANS: [usize; 4] = [4 << 20, 1 << 30, 1 << 40, 64 << 40];

/// Runs of each operation that count, after one that does not.
const RUNS: usize = 7;

/// VMAs that are visited in a run. The clock is read twice in each, and its interrupts come every
/// few milliseconds.
const VMAS_PER_RUN: u64 = 10_000;

/// Rounds of the loop that checks the clock.
const LOOPS: u64 = 1_000_000;

/// Measures with few and many mappings.
pub fn by_count(devices: &Devices) -> Result<()> {
    plan(RUNS + SIZES.len() * records_per_layout(devices));
    calibrate(devices, RUNS)?;
    let mut sizes = SIZES.into_iter();
    sizes.try_for_each(|count| measure(devices, count, count * sys::page_size(), false))
}

/// Measures with mappings close together and far apart: without gaps and, where there is room for
/// them, with.
pub fn by_span(devices: &Devices) -> Result<()> {
    let with_gaps = SPANS.into_iter().skip(1).map(|span| (span, true));
    let mut all = SPANS.map(|span| (span, false)).into_iter().chain(with_gaps);
    plan(all.clone().count() * records_per_layout(devices));
    all.try_for_each(|(span, gaps)| measure(devices, SPREAD, span, gaps))
}

/// Times a known number of instructions, after a run that does not count.
pub fn calibrate(devices: &Devices, runs: usize) -> Result<()> {
    devices.run_loop(LOOPS)?;
    for _ in 0..runs {
        devices.tick()?;
        let (instructions, done) = devices.run_loop(LOOPS)?;
        say(
            "loop",
            json!({"instructions": instructions, "ticks": done.ticks}),
        );
    }
    Ok(())
}

fn records_per_layout(devices: &Devices) -> usize {
    (WALKS.len() + LOOKUPS.len()) * RUNS * devices.both().len()
}

fn measure(devices: &Devices, count: usize, span: usize, gaps: bool) -> Result<()> {
    let mappings = Mappings::make(count, span, gaps)?;
    let once = Order::new(1, mappings.thirds());
    let vmas = devices.c().run(&WALK_MMAP, once)?.operations;
    let walks = WALKS.map(|walk| (walk, (VMAS_PER_RUN / vmas).max(1)));
    for (operation, rounds) in walks
        .into_iter()
        .chain(LOOKUPS.map(|look| (look, VMAS_PER_RUN)))
    {
        for run in 0..=RUNS {
            for device in devices.both() {
                devices.tick()?;
                let done = device.run(&operation, Order { rounds, ..once })?;
                if run > 0 {
                    say(
                        "cost",
                        json!({
                            "layout": {"mappings": count, "span": span, "gaps": gaps},
                            "vmas": vmas,
                            "operation": operation.name,
                            "language": device.language,
                            "done": done,
                        }),
                    );
                }
            }
        }
    }
    Ok(())
}
