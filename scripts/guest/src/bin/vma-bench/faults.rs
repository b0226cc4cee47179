// SPDX-License-Identifier: GPL-2.0

//! Times page faults: threads touch new memory, each in a VMA of its own, alone, and concurrently
//! with a task that maps and unmaps, or that reads the first thread's VMA, in another address space
//! and in this one.
//!
//! A thread touches each page of its memory, which is timed, and gives the memory back, which is
//! not. A turn is long enough that threads which share a processor have had it several times.

use crate::device::Devices;
use crate::writer::{JOBS, Job, SHARED, SHARED_PAGES, Writers};
use crate::{plan, say};
use serde_json::json;
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

/// The number of faults allowed in addition to those that are counted.
const OTHERS: u64 = 200;

pub fn measure(_devices: &Devices) -> Result<()> {
    let mut writers = Writers::start()?;
    // The one here has page faults of its own before it is there.
    writers.during("here", 0, || Ok(()))?;
    // With the writer every number of threads, with each of the others one thread.
    plan(TURNS * Writers::WAYS.len() * (THREADS.len() + JOBS.len() - 1));
    for _ in 0..TURNS {
        for (number, job) in JOBS.iter().enumerate() {
            let (reader, threads) = match job {
                Job::Write => (None, &THREADS[..]),
                Job::Read(operation, language) => {
                    (Some((operation.name, *language)), &THREADS[..1])
                }
            };
            for &threads in threads {
                for way in Writers::WAYS {
                    let (turn, _) = writers.during(way, number, || turn(threads))?;
                    say(
                        "faults",
                        json!({
                            "threads": threads,
                            "reader": reader,
                            "place": way,
                            "faults": turn.faults,
                            "ticks": turn.ticks,
                            "touching": turn.touching,
                        }),
                    );
                }
            }
        }
    }
    Ok(())
}

/// The page faults of a turn.
#[derive(Default)]
struct Touched {
    faults: u64,
    /// The time of each thread.
    ticks: u64,
    /// The time of all threads together, except for giving the memory back.
    touching: u64,
}

/// Has threads touch memory for a turn.
fn turn(threads: usize) -> Result<Touched> {
    let before = minor_faults()?;
    let (ready, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let sum = thread::scope(|scope| {
        let begin = |number| {
            let (ready, stop) = (&ready, &stop);
            scope.spawn(move || touch(number, ready, stop))
        };
        let running: Vec<_> = (0..threads).map(begin).collect();
        ready.wait();
        thread::sleep(TURN);
        stop.store(true, Ordering::Relaxed);
        running
            .into_iter()
            .try_fold(Touched::default(), |sum, thread| {
                let one: Touched = thread.join().expect("it ends")?;
                Ok::<_, Error>(Touched {
                    faults: sum.faults + one.faults,
                    ticks: sum.ticks + one.ticks / threads as u64,
                    touching: sum.touching + one.touching,
                })
            })
    })?;
    let happened = minor_faults()? - before;
    if !(sum.faults..=sum.faults + OTHERS).contains(&happened) {
        return Err(Error::other(format!(
            "{} pages were touched, and there were {happened} page faults",
            sum.faults
        )));
    }
    Ok(sum)
}

/// The work of a thread.
fn touch(number: usize, ready: &Barrier, stop: &AtomicBool) -> Result<Touched> {
    let page = sys::page_size();
    let (at, len) = (SHARED + number * memory::STRIDE, SHARED_PAGES * page);
    let prepared =
        process::stay_on(number % sys::processors()).and_then(|()| memory::map_anonymous(at, len));
    // A task that waits for this thread must not wait in vain.
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
    let field = fields
        .split(' ')
        .nth(MINFLT)
        .and_then(|field| field.parse().ok());
    field.ok_or_else(|| Error::other(format!("{STAT}: not understood")))
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
