// SPDX-License-Identifier: GPL-2.0

//! Everything at once, for a long time: processes with threads that map, unmap, protect, move,
//! advise, fault, fork and exec, and use all drivers, concurrently with readers of their maps.
//!
//! The result of each call is checked. An invariant that does not hold ends the run with a
//! panic, and so does an error that cannot be explained. At the end there is a table of what was
//! done, and the drivers must have nothing left.
//!
//! This is the first process of a system that has nothing else. The seed of the random numbers and
//! how much is to be done are in its environment; the same seed does the same, as far as the
//! scheduler does.

mod board;
mod drivers;
mod reader;
mod world;

use board::{Board, Kind, Tally};
use std::env;
use std::io::{Error, Result};
use std::panic;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use vma_guest::balance;
use vma_guest::counters::Counters;
use vma_guest::init::{self, number};
use vma_guest::random::Random;
use vma_guest::sys::process::{self, Child, End};

const SEED: &str = "VMA_STRESS_SEED";
const OPERATIONS: &str = "VMA_STRESS_OPERATIONS";
const SECONDS: &str = "VMA_STRESS_SECONDS";

/// Exit code of a process in which something is wrong.
const FAILED: u8 = 1;

const WORLDS: usize = 2;
const READERS: usize = 1;

/// The time between two lines of progress.
const SHOWN_EVERY: Duration = Duration::from_secs(1);

/// The time limit for the end of a process, and for the kernel to tidy up.
const SETTLE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    if env::args_os().any(|argument| argument == world::LEAVE.to_string_lossy().as_ref()) {
        return ExitCode::SUCCESS;
    }
    init::main("vma-stress", exit_code)
}

fn exit_code() -> u8 {
    match run() {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(e) => {
            println!("wrong: {e}");
            2
        }
    }
}

/// Returns whether all went well.
fn run() -> Result<bool> {
    let seed = number(SEED, 1)?;
    let (wanted, limit) = (number(OPERATIONS, 1_000_000)?, number(SECONDS, 600)?);
    println!("seed {seed}, {wanted} operations, at most {limit} s");

    // A thread that fails ends its process, and with it the run.
    panic::set_hook(Box::new(|info| {
        println!("wrong: {}", info.to_string().replace('\n', " "));
        std::process::exit(FAILED.into());
    }));

    let counters = Counters::open();
    if let Some(missing) = counters.missing.first() {
        return Err(Error::other(missing.clone()));
    }
    let before = counters.balance()?;
    let board = Board::new(WORLDS * world::THREADS + READERS)?;
    let start = Instant::now();
    let mut children = start_all(board, seed)?;
    let mut good = watch(
        board,
        &mut children,
        wanted,
        start + Duration::from_secs(limit),
    )?;
    let seconds = start.elapsed().as_secs_f64();
    board.stop();
    good &= end_all(children)?;

    show(board, seconds);
    let left = balance::lasting(|| counters.balance(), &before, SETTLE)?;
    for what in &left {
        println!("wrong: left behind: {what}");
    }
    Ok(good && left.is_empty() && board.all() >= wanted)
}

fn start_all(board: Board, seed: u64) -> Result<Vec<Child>> {
    let mut children = Vec::new();
    for number in 0..WORLDS {
        let first = number * world::THREADS;
        let rows = std::array::from_fn(|thread| board.row(first + thread));
        children.push(process::fork(|| {
            world::run(rows, seed, number);
            0
        })?);
    }
    let worlds = children.iter().map(Child::pid).collect::<Vec<_>>();
    // Before they have their ground nobody can look for it.
    while board.all() < 100 {
        std::thread::sleep(Duration::from_millis(10));
    }
    for number in 0..READERS {
        let who = WORLDS * world::THREADS + number;
        let (row, random) = (board.row(who), Random::new(seed, who as u64));
        children.push(process::fork(|| {
            reader::run(row, &worlds, random);
            0
        })?);
    }
    Ok(children)
}

/// Shows how far it has got, until it is enough, or somebody has ended before. Returns whether
/// nobody has.
fn watch(board: Board, children: &mut Vec<Child>, wanted: u64, end: Instant) -> Result<bool> {
    let mut shown = Instant::now();
    while board.all() < wanted && Instant::now() < end {
        if shown.elapsed() >= SHOWN_EVERY {
            println!("progress {}", board.all());
            shown = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(100));
        for at in (0..children.len()).rev() {
            if let Some(how) = children[at].wait_at_most(Duration::ZERO)? {
                println!("wrong: a process {how} before it was told to");
                children.remove(at);
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Waits for the processes; returns whether they have come to a good end.
fn end_all(children: Vec<Child>) -> Result<bool> {
    let mut good = true;
    for child in children {
        match child.wait_at_most(SETTLE)? {
            Some(End::Exited(0)) => (),
            Some(how) => {
                println!("wrong: a process {how}");
                good = false;
            }
            None => {
                println!("wrong: a process does not end");
                child.kill()?;
                good = false;
            }
        }
    }
    Ok(good)
}

/// The table, which is for people and for the host.
fn show(board: Board, seconds: f64) {
    println!("{:24} {:>10} {:>10}", "kind", "done", "refused");
    for &kind in Kind::ALL {
        let Tally { done, failed } = board.tally(kind);
        println!("{:24} {done:>10} {failed:>10}", kind.name());
    }
    println!("{:24} {:>10}", "all", board.all());
    let locked = board.histogram();
    for (how, number) in [
        ("locked under RCU", locked.rcu),
        ("locked after a retry", locked.retried),
        ("locked by mmap lock", locked.mmap_lock),
    ] {
        println!("{how:24} {number:>10}");
    }
    println!("{:24} {seconds:>10.1}", "seconds");
}
