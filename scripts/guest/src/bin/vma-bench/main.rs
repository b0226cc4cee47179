// SPDX-License-Identifier: GPL-2.0

//! The same work on VMAs in C and in Rust, done in turn by two drivers of one kernel.
//!
//! `vma-bench primitives` measures the cost of each primitive, `vma-bench cost` walks and look-ups
//! among few and many VMAs, `vma-bench sizes` the same among VMAs close together and far apart,
//! `vma-bench contention` how readers and a writer delay each other, `vma-bench faults` the same for
//! page faults; `vma-bench writes` runs everything for the plugin that counts stores. Each
//! measurement is a record, a line of JSON with one key, which the host tool judges; the
//! first says how many there are. Ticks and times are nanoseconds, which are instructions on a
//! processor that counts them. The program is the first process of a system that has nothing else;
//! as an ordinary process, as root, it does the same and does not end the system.

#[path = "../../../../../samples/rust/vma/bench/abi.rs"]
mod abi;
mod contention;
mod costs;
mod device;
mod faults;
mod mappings;
mod primitives;
mod writer;

use device::Devices;
use serde_json::{Value, json};
use std::fs;
use std::io::{Error, Result};
use std::process::ExitCode;
use vma_guest::init;

/// Sends a record to the host.
fn say(kind: &str, record: Value) {
    println!("{}", json!({ kind: record }));
}

/// Announces the number of records that follow.
fn plan(records: usize) {
    say("plan", json!(records));
}

fn main() -> ExitCode {
    if init::is_init() {
        init::run("vma-bench", exit_code);
    }
    ExitCode::from(exit_code())
}

fn exit_code() -> u8 {
    let result = run();
    if let Err(e) = &result {
        say("error", json!(e.to_string()));
    }
    u8::from(result.is_err())
}

fn run() -> Result<()> {
    // Before it are words for the kernel that it does not know itself.
    let what = std::env::args().skip(1).last().unwrap_or_default();
    let measure = match what.as_str() {
        "primitives" => primitives::measure,
        "cost" => costs::by_count,
        "contention" => contention::measure,
        "faults" => faults::measure,
        "sizes" => costs::by_span,
        "writes" => primitives::writes,
        _ => {
            let usage = "usage: vma-bench primitives|cost|sizes|contention|faults|writes";
            return Err(Error::other(usage));
        }
    };
    // Or else every second the kernel sums up its statistics.
    fs::write("/proc/sys/vm/stat_interval", "1000000")?;
    measure(&Devices::open()?)
}
