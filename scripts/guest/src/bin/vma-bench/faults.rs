// SPDX-License-Identifier: GPL-2.0

//! Times page faults: threads touch new memory, each in a VMA of its own, alone, and concurrently
//! with a task that maps and unmaps, or that reads the first thread's VMA, in another address space
//! and in this one.
//!
//! A thread touches each page of its memory, which is timed, and gives the memory back, which is
//! not. A turn is long enough that threads which share a processor have had it several times.

use crate::device::Devices;
use crate::writer::{JOBS, Job, SHARED, SHARED_PAGES, Writer};
use crate::{plan, say};
use bench_records::{Faults, Place, Record};
use std::fs;
use std::io::{Error, Result};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use vma_guest::sys::{self, memory, process};

/// How many threads there are.
const THREADS: [usize; 3] = [1, 2, 4];

/// How long a turn is, and how often everything is done.
const TURN: Duration = Duration::from_millis(30);
const TURNS: usize = 16;

/// In whose company a turn is.
const WAYS: [Place; 4] = [Place::None, Place::Elsewhere, Place::Here, Place::Elsewhere];

/// The number of faults allowed in addition to those that are counted.
const OTHERS: u64 = 200;

pub fn measure(_devices: &Devices) -> Result<()> {
    let mut elsewhere = Writer::elsewhere()?;
    let mut here = Writer::here()?;
    // It has page faults of its own before it is there.
    here.during(|| Ok(()))?;
    // With the writer every number of threads, with each of the others one thread.
    plan(TURNS * WAYS.len() * (THREADS.len() + JOBS.len() - 1));
    for _ in 0..TURNS {
        for (job, number) in JOBS.iter().zip(0..) {
            let (reader, threads) = match job {
                Job::Write => (None, &THREADS[..]),
                Job::Read(operation, language) => {
                    let reader = (operation.name.to_string(), *language);
                    (Some(reader), &THREADS[..1])
                }
            };
            for &threads in threads {
                for way in WAYS {
                    let writer = match way {
                        Place::None => None,
                        Place::Elsewhere => Some(&mut elsewhere),
                        Place::Here => Some(&mut here),
                    };
                    let turn = match writer {
                        None => turn(threads)?,
                        Some(writer) => writer.doing(number, || turn(threads))?.0,
                    };
                    say(&Record::Faults(Faults {
                        threads: threads as u64,
                        reader: reader.clone(),
                        place: way,
                        faults: turn.faults,
                        ticks: turn.ticks,
                        touching: turn.touching,
                    }));
                }
            }
        }
    }
    Ok(())
}

/// The page faults of a turn, as in [`Faults`].
struct Touched {
    faults: u64,
    ticks: u64,
    touching: u64,
}

/// Has threads touch memory for a turn.
fn turn(threads: usize) -> Result<Touched> {
    let before = minor_faults()?;
    let (ready, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let all: Result<Vec<Touched>> = thread::scope(|scope| {
        let begin = |number| {
            let (ready, stop) = (&ready, &stop);
            scope.spawn(move || touch(number, ready, stop))
        };
        let running: Vec<_> = (0..threads).map(begin).collect();
        ready.wait();
        thread::sleep(TURN);
        stop.store(true, Ordering::Relaxed);
        let end = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().expect("it ends");
        running.into_iter().map(end).collect()
    });
    let all = all?;
    let sum = |value: fn(&Touched) -> u64| all.iter().map(value).sum::<u64>();
    let faults = sum(|one| one.faults);
    let happened = minor_faults()? - before;
    if !(faults..=faults + OTHERS).contains(&happened) {
        return Err(Error::other(format!(
            "{faults} pages were touched, and there were {happened} page faults"
        )));
    }
    Ok(Touched {
        faults,
        ticks: sum(|one| one.ticks) / threads as u64,
        touching: sum(|one| one.touching),
    })
}

/// The work of a thread.
fn touch(number: usize, ready: &Barrier, stop: &AtomicBool) -> Result<Touched> {
    let page = sys::page_size();
    let (at, len) = (SHARED + number * memory::STRIDE, SHARED_PAGES * page);
    let prepared =
        process::stay_on(number % sys::processors()).and_then(|()| memory::map_anonymous(at, len));
    // Whoever waits for this thread must not wait in vain.
    ready.wait();
    prepared?;
    let start = Instant::now();
    let (mut faults, mut touching) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        for addr in (at..at + len).step_by(page) {
            memory::set_byte(addr, 1);
        }
        touching += begin.elapsed();
        faults += SHARED_PAGES as u64;
        memory::advise(at, len, libc::MADV_DONTNEED)?;
    }
    Ok(Touched {
        faults,
        ticks: start.elapsed().as_nanos() as u64,
        touching: touching.as_nanos() as u64,
    })
}

/// How many page faults this process has had.
fn minor_faults() -> Result<u64> {
    const STAT: &str = "/proc/self/stat";
    /// Counted from the state on, which comes behind the name.
    const MINFLT: usize = 7;
    let text = fs::read_to_string(STAT)?;
    let fields = text.rsplit(") ").next().unwrap_or_default();
    let field = fields.split(' ').nth(MINFLT);
    field
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| Error::other(format!("{STAT}: not understood")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_that_is_touched_is_a_fault() {
        let turn = turn(2).unwrap();
        assert!(turn.faults > 0);
        assert_eq!(turn.faults % SHARED_PAGES as u64, 0);
        assert!(turn.touching <= 2 * turn.ticks);
    }
}
