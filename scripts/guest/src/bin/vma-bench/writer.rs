// SPDX-License-Identifier: GPL-2.0

//! The writer: it maps and unmaps a page as fast as it can, on a processor of its own, and times
//! each call.
//!
//! It is a thread of the readers' process, which they share an mmap lock with, or a process that
//! does just the same in an address space of its own: so it is known what a writer costs the
//! readers that merely is at work on the same machine.

use crate::summary::Summary;
use std::fs::File;
use std::io::{Error, Read, Result, Write};
use std::thread;
use std::time::Instant;
use vma_guest::sys::memory;
use vma_guest::sys::{self, process};

/// Where the word is that stops the writer; it is shared by the processes.
const STOP: usize = memory::START + 100 * memory::STRIDE;

/// What is mapped and unmapped, far from everything else.
const TARGET: usize = memory::START + 101 * memory::STRIDE;

/// The most calls that are timed in one go.
const CALLS: usize = 1 << 20;

const PROCESSOR: usize = 1;

/// How long its calls took.
pub struct Waits {
    pub mmap: Summary,
    pub munmap: Summary,
}

/// A writer that waits for its turn.
pub struct Writer {
    line: Line,
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
        share_stop()?;
        let (ours, theirs) = Line::new()?;
        let mut ours = Some(ours);
        process::fork(|| {
            // So that it hears when the parent is gone.
            drop(ours.take());
            serve(theirs).map_or(1, |()| 0)
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
    pub fn during<T>(&mut self, f: impl FnOnce() -> Result<T>) -> Result<(T, Waits)> {
        memory::set_word(STOP, 0);
        self.line.to.write_all(&[0])?;
        // It says that it begins.
        self.line
            .from
            .read_exact(&mut [0])
            .map_err(|e| Error::other(format!("the writer has ended: {e}")))?;
        let result = f();
        memory::set_word(STOP, 1);
        let waits = Waits {
            mmap: summary(&mut self.line)?,
            munmap: summary(&mut self.line)?,
        };
        Ok((result?, waits))
    }
}

fn share_stop() -> Result<()> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    memory::map(STOP, sys::page_size(), prot, libc::MAP_SHARED, None)
}

fn summary(line: &mut Line) -> Result<Summary> {
    let mut words = [0; 4];
    for word in &mut words {
        let mut bytes = [0; 8];
        line.from.read_exact(&mut bytes)?;
        *word = u64::from_ne_bytes(bytes);
    }
    Ok(Summary::from_words(words))
}

/// Writes whenever it is told to, until nobody is left to tell it.
fn serve(mut line: Line) -> Result<()> {
    process::stay_on(PROCESSOR)?;
    // Filled, so that no fault and no allocation comes between the calls.
    let mut mmap = vec![1; CALLS];
    let mut munmap = vec![1; CALLS];
    while line.from.read(&mut [0])? == 1 {
        line.to.write_all(&[0])?;
        let calls = write(&mut mmap, &mut munmap)?;
        for times in [&mut mmap, &mut munmap] {
            for word in Summary::of(&mut times[..calls]).words() {
                line.to.write_all(&word.to_ne_bytes())?;
            }
        }
    }
    Ok(())
}

/// Maps and unmaps until it is stopped. Returns how often.
fn write(mmap: &mut [u64], munmap: &mut [u64]) -> Result<usize> {
    let page = sys::page_size();
    let mut calls = 0;
    while calls < CALLS && memory::word(STOP) == 0 {
        let start = Instant::now();
        memory::map_anonymous(TARGET, page)?;
        let mapped = Instant::now();
        memory::unmap(TARGET, page)?;
        munmap[calls] = mapped.elapsed().as_nanos() as u64;
        mmap[calls] = (mapped - start).as_nanos() as u64;
        calls += 1;
    }
    Ok(calls)
}
