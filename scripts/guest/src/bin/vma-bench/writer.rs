// SPDX-License-Identifier: GPL-2.0

//! The writer: it maps and unmaps a page as fast as it can, on a processor of its own if there is
//! one, and times each call. It can do something else instead: read.
//!
//! It is a thread of the readers' process, which they share an mmap lock with, or a process that
//! does just the same in an address space of its own: so it is known what a writer costs the
//! readers that merely is at work on the same machine.

use crate::device::{Devices, Operation, Order, READERS};
use bench_records::{Language, Times};
use std::fs::File;
use std::io::{Error, Read, Result, Write};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};
use vma_guest::sys::memory;
use vma_guest::sys::{self, process};

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
    Read(&'static Operation, Language),
}

/// All that there is; a job is told by its place in here.
pub static JOBS: [Job; 5] = {
    let [vma, mmap] = &READERS;
    [
        Job::Write,
        Job::Read(vma, Language::C),
        Job::Read(vma, Language::Rust),
        Job::Read(mmap, Language::C),
        Job::Read(mmap, Language::Rust),
    ]
};

/// How long its calls took.
pub struct Calls {
    pub mmap: Times,
    pub munmap: Times,
}

/// How long after a sign of the reader's its calls are beside the reader. A busy host does not run
/// both processors at all times; on a single one, the two take turns that are longer.
const BESIDE: Duration = Duration::from_micros(500);
const BESIDE_ON_ONE: Duration = Duration::from_millis(50);

/// Begun before there is another process, which then has the same.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A writer that waits for its turn.
pub struct Writer {
    line: Line,
}

/// How many calls the writer has made; both writers count on.
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

/// An end of a line between two tasks.
struct Line {
    from: File,
    to: File,
}

impl Line {
    /// Both ends.
    fn new() -> Result<(Self, Self)> {
        let ((here, to_here), (there, to_there)) = (sys::pipe()?, sys::pipe()?);
        let ours = Self {
            from: here,
            to: to_there,
        };
        let theirs = Self {
            from: there,
            to: to_here,
        };
        Ok((ours, theirs))
    }
}

impl Writer {
    /// A process of its own. There must be no other thread yet.
    pub fn elsewhere() -> Result<Self> {
        share_words()?;
        LazyLock::force(&START);
        let (ours, theirs) = Line::new()?;
        let mut ours = Some(ours);
        process::fork(|| {
            // So that it hears when the parent is gone.
            drop(ours.take());
            let shared = memory::map_anonymous(SHARED, SHARED_PAGES * sys::page_size());
            shared.and_then(|()| serve(theirs)).map_or(1, |()| 0)
        })?;
        let line = ours.expect("the child takes its copy");
        Ok(Self { line })
    }

    /// A thread of this process.
    pub fn here() -> Result<Self> {
        let (line, theirs) = Line::new()?;
        thread::spawn(move || serve(theirs));
        Ok(Self { line })
    }

    /// Writes for as long as `f` runs.
    pub fn during<T>(&mut self, f: impl FnOnce() -> Result<T>) -> Result<(T, Calls)> {
        self.doing(0, f)
    }

    /// Does one of the jobs for as long as `f` runs.
    pub fn doing<T>(&mut self, job: u8, f: impl FnOnce() -> Result<T>) -> Result<(T, Calls)> {
        memory::set_word(STOP, 0);
        self.line.to.write_all(&[job])?;
        // It says that it begins.
        self.line
            .from
            .read_exact(&mut [0])
            .map_err(|e| Error::other(format!("the writer has ended: {e}")))?;
        let result = f();
        memory::set_word(STOP, 1);
        let calls = Calls {
            mmap: receive(&mut self.line)?,
            munmap: receive(&mut self.line)?,
        };
        Ok((result?, calls))
    }
}

fn share_words() -> Result<()> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    memory::map(STOP, sys::page_size(), prot, libc::MAP_SHARED, None)
}

fn receive(line: &mut Line) -> Result<Times> {
    let mut words = [0; 4];
    for word in &mut words {
        let mut bytes = [0; 8];
        line.from.read_exact(&mut bytes)?;
        *word = u64::from_ne_bytes(bytes);
    }
    let [calls, median, p99, worst] = words;
    Ok(Times {
        calls,
        median,
        p99,
        worst,
    })
}

/// Sorts times and sends a summary of them; zeros if there are none.
fn send(line: &mut Line, times: &mut [u64]) -> Result<()> {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let at = |percent: usize| times.get(last * percent / 100).copied().unwrap_or(0);
    for word in [times.len() as u64, at(50), at(99), at(100)] {
        line.to.write_all(&word.to_ne_bytes())?;
    }
    Ok(())
}

/// Does what it is told to, until nobody is left to tell it.
fn serve(mut line: Line) -> Result<()> {
    process::stay_on(PROCESSOR % sys::processors())?;
    let devices = Devices::open()?;
    // Filled, so that no fault and no allocation comes between the calls.
    let mut mmap = vec![1; CALLS];
    let mut munmap = vec![1; CALLS];
    let mut job = [0];
    while line.from.read(&mut job)? == 1 {
        line.to.write_all(&[0])?;
        let calls = match JOBS[usize::from(job[0])] {
            Job::Write => write(&mut mmap, &mut munmap)?,
            Job::Read(operation, language) => {
                read(&devices, operation, language)?;
                0
            }
        };
        for times in [&mut mmap, &mut munmap] {
            send(&mut line, &mut times[..calls])?;
        }
    }
    Ok(())
}

/// Reads until it is stopped.
fn read(devices: &Devices, operation: &Operation, language: Language) -> Result<()> {
    let device = match language {
        Language::C => &devices.c,
        _ => &devices.rust,
    };
    let order = Order {
        rounds: ROUNDS,
        addr: [SHARED; 2],
        hold_us: 0,
    };
    while memory::word(STOP) == 0 {
        let done = device.run(operation, order)?;
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
        let sent = |times: &mut [u64]| {
            let (mut ours, mut theirs) = Line::new().unwrap();
            send(&mut theirs, times).unwrap();
            let times = receive(&mut ours).unwrap();
            [times.calls, times.median, times.p99, times.worst]
        };
        let mut times: Vec<u64> = (0..=100).rev().collect();
        assert_eq!(sent(&mut times), [101, 50, 99, 100]);
        assert_eq!(sent(&mut [7]), [1, 7, 7, 7]);
        assert_eq!(sent(&mut []), [0; 4]);
    }
}
