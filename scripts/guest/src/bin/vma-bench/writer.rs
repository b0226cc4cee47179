// SPDX-License-Identifier: GPL-2.0

//! The writer: it maps and unmaps a page as fast as it can, on a processor of its own if there is
//! one, and times each call. It can do something else instead: read.
//!
//! There are two: a thread of the readers' process, which they share an mmap lock with, and a process
//! that does just the same in an address space of its own: so it is known what a writer costs the
//! readers that merely is at work on the same machine.

use crate::device::{Devices, Operation, Order, READERS};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Error, Read, Result, Write};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};
use vma_guest::sys::memory;
use vma_guest::sys::{self, process};
use zerocopy::IntoBytes;

/// Words that the processes share: one stops the writer, one counts its calls, and one says when
/// the reader was at work last, in nanoseconds.
const STOP: usize = memory::START + 100 * memory::STRIDE;
const CALLED: usize = STOP + 8;
const READ: usize = STOP + 16;

/// The range that is mapped and unmapped, far from everything else.
const TARGET: usize = memory::START + 101 * memory::STRIDE;

/// The most calls that are timed in one go.
const CALLS: usize = 1 << 20;

const PROCESSOR: usize = 1;

/// The VMA that it looks up if it reads; others may have page faults in it.
pub const SHARED: usize = memory::START + 102 * memory::STRIDE;
pub const SHARED_PAGES: usize = 256;

/// How often it reads without looking whether it is to stop.
const ROUNDS: u64 = 50;

/// The operations of the writer.
#[derive(Clone, Copy)]
pub enum Job {
    Write,
    Read(&'static Operation, &'static str),
}

/// All that there is; a job is told by its place in here.
pub static JOBS: [Job; 5] = {
    let [vma, mmap] = &READERS;
    [
        Job::Write,
        Job::Read(vma, "c"),
        Job::Read(vma, "rust"),
        Job::Read(mmap, "c"),
        Job::Read(mmap, "rust"),
    ]
};

/// How long its calls of mmap() and of munmap() took: each their number, the median, 99 % and the worst.
pub type Calls = [[u64; 4]; 2];

/// How long after a sign of the reader's its calls are concurrent with it. A busy host does not run
/// both processors at all times; on a single one, the two take turns that are longer.
const BESIDE: Duration = Duration::from_micros(500);
const BESIDE_ON_ONE: Duration = Duration::from_millis(50);

/// Begun before there is another process, which then has the same.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How many calls the writers have made.
pub fn calls() -> u64 {
    memory::word(CALLED)
}

/// Says that the reader is at work.
pub fn reading() {
    memory::set_word(READ, now());
}

/// Nanoseconds since the program began to measure.
fn now() -> u64 {
    START.elapsed().as_nanos() as u64
}

/// An end of a line between two tasks: to read from, and to write to.
type Line = (File, File);

/// Both ends.
fn line() -> Result<(Line, Line)> {
    let ((from, to_ours), (theirs, to)) = (sys::pipe()?, sys::pipe()?);
    Ok(((from, to), (theirs, to_ours)))
}

/// The writers, which wait for their turn.
pub struct Writers {
    elsewhere: Line,
    here: Line,
}

impl Writers {
    /// The places of the writer in turns that belong together.
    pub const WAYS: [&str; 4] = ["none", "elsewhere", "here", "elsewhere"];

    /// Starts a process and a thread. There must be no other thread yet.
    pub fn start() -> Result<Self> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        memory::map(STOP, sys::page_size(), prot, libc::MAP_SHARED, None)?;
        LazyLock::force(&START);
        let (ours, theirs) = line()?;
        let mut ours = Some(ours);
        process::fork(|| {
            // So that it hears when the parent is gone.
            drop(ours.take());
            let shared = memory::map_anonymous(SHARED, SHARED_PAGES * sys::page_size());
            shared.and_then(|()| serve(theirs)).map_or(1, |()| 0)
        })?;
        let elsewhere = ours.expect("the child takes its copy");
        let (here, theirs) = line()?;
        thread::spawn(move || serve(theirs));
        Ok(Self { elsewhere, here })
    }

    /// Has the writer in some place do a job for as long as `f` runs. Without a writer there are no calls.
    pub fn during<T>(
        &mut self,
        way: &str,
        job: usize,
        f: impl FnOnce() -> Result<T>,
    ) -> Result<(T, Calls)> {
        let (from, to) = match way {
            "here" => &mut self.here,
            "elsewhere" => &mut self.elsewhere,
            _ => return Ok((f()?, Calls::default())),
        };
        memory::set_word(STOP, 0);
        to.write_all(&[job as u8])?;
        // It says that it begins.
        let begins = from.read_exact(&mut [0]);
        begins.map_err(|e| Error::other(format!("the writer has ended: {e}")))?;
        let result = f();
        memory::set_word(STOP, 1);
        let mut calls = Calls::default();
        from.read_exact(calls.as_mut_bytes())?;
        Ok((result?, calls))
    }
}

/// Times as they are in a record.
pub fn times([calls, median, p99, worst]: [u64; 4]) -> Value {
    json!({"calls": calls, "median": median, "p99": p99, "worst": worst})
}

/// Sorts times and sums them up; zeros if there are none.
fn summary(times: &mut [u64]) -> [u64; 4] {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let at = |percent: usize| times.get(last * percent / 100).copied().unwrap_or(0);
    [times.len() as u64, at(50), at(99), at(100)]
}

/// Does what it is told to, until nobody is left to tell it.
fn serve((mut from, mut to): Line) -> Result<()> {
    process::stay_on(PROCESSOR % sys::processors())?;
    let devices = Devices::open()?;
    // Filled, so that no fault and no allocation comes between the calls.
    let mut mmap = vec![1; CALLS];
    let mut munmap = vec![1; CALLS];
    let mut job = [0];
    while from.read(&mut job)? == 1 {
        to.write_all(&[0])?;
        let calls = match JOBS[usize::from(job[0])] {
            Job::Write => write(&mut mmap, &mut munmap)?,
            Job::Read(operation, language) => {
                read(&devices, operation, language)?;
                0
            }
        };
        let calls: Calls = [&mut mmap, &mut munmap].map(|times| summary(&mut times[..calls]));
        to.write_all(calls.as_bytes())?;
    }
    Ok(())
}

/// Reads until it is stopped.
fn read(devices: &Devices, operation: &Operation, language: &str) -> Result<()> {
    let device = devices
        .both()
        .iter()
        .find(|device| device.language == language);
    let order = Order::new(ROUNDS, [SHARED; 2]);
    while memory::word(STOP) == 0 {
        let done = device
            .expect("a job has one of the two")
            .run(operation, order)?;
        memory::set_word(CALLED, memory::word(CALLED) + done.operations);
    }
    Ok(())
}

/// Maps and unmaps until it is stopped. Returns how many calls of each were concurrent with a reader.
fn write(mmap: &mut [u64], munmap: &mut [u64]) -> Result<usize> {
    let page = sys::page_size();
    let beside = match sys::processors() {
        1 => BESIDE_ON_ONE,
        _ => BESIDE,
    };
    let mut calls = 0;
    while calls < CALLS && memory::word(STOP) == 0 {
        let start = now();
        memory::map_anonymous(TARGET, page)?;
        let mapped = now();
        memory::unmap(TARGET, page)?;
        let unmapped = now();
        memory::set_word(CALLED, memory::word(CALLED) + 2);
        if start.saturating_sub(memory::word(READ)) < beside.as_nanos() as u64 {
            mmap[calls] = mapped - start;
            munmap[calls] = unmapped - mapped;
            calls += 1;
        }
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_up_in_order() {
        let mut times: Vec<u64> = (0..=100).rev().collect();
        assert_eq!(summary(&mut times), [101, 50, 99, 100]);
        assert_eq!(summary(&mut [7]), [1, 7, 7, 7]);
        assert_eq!(summary(&mut []), [0; 4]);
    }
}
