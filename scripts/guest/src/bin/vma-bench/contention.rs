// SPDX-License-Identifier: GPL-2.0

//! The waits of readers and a writer for each other: VMA-lock readers wait only for a writer of
//! their VMA, mmap-lock readers for any writer of the address space.
//!
//! Reading without a writer, with a writer in another address space and with one in the same take
//! turns, and so do the readers, so that what else the machine does comes to all of them. A turn is
//! several slices, the median of which counts; a slice during which the writer did nothing, because
//! the host did not run its processor, is not concurrent with a writer. Turns are short, because a busy
//! host runs both processors at a time for some milliseconds only; and before and after each turn that
//! matters there is one with the writer elsewhere, which shows whether it does.
//!
//! On a single processor the two take turns themselves, each of some milliseconds. There a turn is
//! long enough for many of those, and all of it counts.

use crate::abi;
use crate::device::{Device, Devices, Done, HOLDERS, Operation, Order, READERS};
use crate::mappings::Mappings;
use crate::writer::{self, Calls, Writers};
use crate::{plan, say};
use serde_json::{Value, json};
use std::io::{Error, Result};
use std::time::{Duration, Instant};
use vma_guest::sys::{self, process};

/// Mappings in addition to those of the program itself.
const MAPPINGS: usize = 1_000;

/// The time for which a lock is held in addition to the time that reading takes, in microseconds.
const HOLD: u64 = 20;

/// How often everything is done.
const TURNS: usize = 40;

/// How long a turn of a reader takes at least and at most, and a slice of it when nobody disturbs:
/// much less than that for which a busy host may stop a processor of the guest's.
const TURN: Duration = Duration::from_millis(3);
const LONGEST_TURN: Duration = Duration::from_millis(60);
const SLICE: Duration = Duration::from_micros(100);

/// How many slices a turn has at least.
const SLICES: usize = 15;

/// How long a turn is on a single processor, and how often everything is done.
const TURN_ON_ONE: Duration = Duration::from_millis(60);
const TURNS_ON_ONE: usize = 12;

/// How often it is tried how many rounds fill a slice, and with how many rounds.
const TRIALS: usize = 50;
const TRIAL: u64 = 5;

const PROCESSOR: usize = 0;

/// A reader, and what it is to do in a slice.
struct Work<'a> {
    device: &'a Device,
    operation: Operation,
    order: Order,
}

/// A step of the clock must be shorter than what is measured.
const STEP: Duration = Duration::from_micros(100);

pub fn measure(devices: &Devices) -> Result<()> {
    let step = clock_step();
    if step > STEP {
        return Err(Error::other(format!(
            "the clock goes in steps of {step:?}: the kernel needs a better one"
        )));
    }
    let mut writers = Writers::start()?;
    process::stay_on(PROCESSOR)?;
    let mappings = Mappings::row(MAPPINGS)?;
    let work = all_work(devices, mappings.thirds()[0])?;
    let turns = match sys::processors() {
        1 => TURNS_ON_ONE,
        _ => TURNS,
    };
    // A line for each turn of a reader, and two more with a writer in its address space.
    plan(turns * (2 + work.len() * (Writers::WAYS.len() + 2)));
    for _ in 0..turns {
        let ((), waits) = writers.during("here", 0, || {
            let start = Instant::now();
            while start.elapsed() < TURN {
                // So that its calls are taken for those concurrent with this.
                writer::reading();
            }
            Ok(())
        })?;
        say_waits(&Value::Null, waits);
        for work in &work {
            for way in Writers::WAYS {
                let ((rounds, done), waits) = writers.during(way, 0, || work.turn(way))?;
                let reader = json!({
                    "operation": work.operation.name,
                    "language": work.device.language,
                    "hold_us": work.order.hold_us,
                });
                if way == "here" {
                    say_waits(&reader, waits);
                }
                say(
                    "turn",
                    json!({"reader": reader, "writer": way, "rounds": rounds, "done": done}),
                );
            }
        }
    }
    Ok(())
}

/// The least time that the clock tells apart, the time that it takes to ask it included.
fn clock_step() -> Duration {
    let step = |_| {
        let start = Instant::now();
        let mut passed = std::iter::repeat_with(|| start.elapsed());
        passed.find(|passed| !passed.is_zero())
    };
    (0..10).filter_map(step).min().unwrap_or(Duration::MAX)
}

/// Every reader, with as many rounds as fill a slice.
fn all_work(devices: &Devices, addr: usize) -> Result<Vec<Work<'_>>> {
    let mut all = Vec::new();
    let readers = READERS.map(|reader| (reader, 0)).into_iter();
    for (operation, hold_us) in readers.chain(HOLDERS.map(|holder| (holder, HOLD))) {
        for device in devices.both() {
            let mut order = Order::new(TRIAL, [addr; 2]);
            order.hold_us = hold_us;
            let mut ticks = u64::MAX;
            for _ in 0..TRIALS {
                ticks = ticks.min(device.run(&operation, order)?.ticks);
            }
            let rounds = TRIAL * SLICE.as_nanos() as u64 / ticks.max(1);
            order.rounds = rounds.clamp(1, abi::MAX_ROUNDS);
            all.push(Work {
                device,
                operation,
                order,
            });
        }
    }
    Ok(all)
}

impl Work<'_> {
    /// Reads for a turn. Returns a number of rounds and what was done in them.
    fn turn(&self, way: &str) -> Result<(u64, Done)> {
        if sys::processors() == 1 {
            return self.all();
        }
        let mut before = writer::calls();
        let slice = self.slices(|| {
            let now = writer::calls();
            way == "none" || std::mem::replace(&mut before, now) < now
        })?;
        Ok((self.order.rounds, slice))
    }

    fn slice(&self) -> Result<Done> {
        writer::reading();
        self.device.run(&self.operation, self.order)
    }

    /// Reads for a turn on a single processor; returns how many rounds those were, and what was
    /// done in all of the time.
    fn all(&self) -> Result<(u64, Done)> {
        let start = Instant::now();
        let (mut rounds, mut all) = (0, Done::default());
        while start.elapsed() < TURN_ON_ONE {
            all.operations += self.slice()?.operations;
            rounds += self.order.rounds;
        }
        all.ticks = start.elapsed().as_nanos() as u64;
        Ok((rounds, all))
    }

    /// Reads for a turn; returns the slice that took the median time, of those that count, or one
    /// in which nothing was done.
    fn slices(&self, mut counts: impl FnMut() -> bool) -> Result<Done> {
        let start = Instant::now();
        let mut slices = Vec::with_capacity(4096);
        while (start.elapsed() < TURN || slices.len() < SLICES) && start.elapsed() <= LONGEST_TURN {
            let done = self.slice()?;
            if counts() {
                slices.push(done);
            }
        }
        slices.sort_unstable_by_key(|done| done.ticks);
        Ok(slices.get(slices.len() / 2).copied().unwrap_or_default())
    }
}

fn say_waits(reader: &Value, calls: Calls) {
    for (call, times) in ["mmap", "munmap"].into_iter().zip(calls) {
        let times = writer::times(times);
        say(
            "waits",
            json!({"reader": reader, "call": call, "times": times}),
        );
    }
}
