// SPDX-License-Identifier: GPL-2.0

//! The same work on VMAs in C and in Rust, done by two drivers of one kernel in turn.
//!
//! `vma-bench primitives` finds out what each primitive costs, `vma-bench cost` what some
//! operations do with few and with many VMAs, `vma-bench sizes` the same with VMAs that are close
//! together and far apart, `vma-bench contention` what readers and a writer have to wait for each
//! other, `vma-bench faults` what page faults have to, and `vma-bench writes` does everything for
//! someone who counts what is written. Every measurement is a line, for the host to judge; see
//! [`line`] for what they look like. This is the first process of a system that has nothing else;
//! as an ordinary process, as root, it does the same and does not end the system.

#[path = "../../../../../samples/rust/vma/bench/abi.rs"]
mod abi;
mod contention;
mod cost;
mod device;
mod faults;
mod line;
mod mappings;
mod primitives;
mod sizes;
mod summary;
mod turns;
mod writer;
mod writes;

use device::Devices;
use std::fs;
use std::io::{Error, Result};
use std::process::ExitCode;
use vma_guest::init;

fn main() -> ExitCode {
    if init::is_init() {
        init::run("vma-bench", exit_code);
    }
    ExitCode::from(exit_code())
}

fn exit_code() -> u8 {
    match run() {
        Ok(()) => 0,
        Err(e) => {
            println!("error {e}");
            1
        }
    }
}

fn run() -> Result<()> {
    // Before it are words for the kernel that it does not know itself.
    let what = std::env::args().skip(1).last().unwrap_or_default();
    let measure = match what.as_str() {
        "primitives" => primitives::measure,
        "cost" => cost::measure,
        "contention" => contention::measure,
        "faults" => faults::measure,
        "sizes" => sizes::measure,
        "writes" => writes::measure,
        _ => {
            return Err(Error::other(
                "usage: vma-bench primitives|cost|sizes|contention|faults|writes",
            ));
        }
    };
    // Or else every second the kernel sums up its statistics.
    fs::write("/proc/sys/vm/stat_interval", "1000000")?;
    measure(&Devices::open()?)
}
