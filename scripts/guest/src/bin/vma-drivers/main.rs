// SPDX-License-Identifier: GPL-2.0

//! Tests of the sample drivers, from user space.
//!
//! Each test runs in a process of its own, and must leave the drivers' counters as they were. The
//! results are written in the Test Anything Protocol. This is the first process of a system that
//! has nothing else; as an ordinary process, as root, it does the same and does not end the system.
//! Arguments choose tests: those with any of them in their names.

mod cases;
mod each_allocation;
mod setting;
mod transfer;

#[path = "../../abi.rs"]
mod abi;

use std::io;
use std::process::ExitCode;
use std::time::Duration;
use vma_guest::balance::Balance;
use vma_guest::counters::Counters;
use vma_guest::init;
use vma_guest::runner::{Runner, Test};
use vma_guest::sys::process;
use vma_guest::tap::Tap;

/// The time limit of a test, on an emulated machine with a kernel that checks everything.
const LIMIT: Duration = Duration::from_secs(60);

/// The time that the kernel has to tidy up after a test.
const SETTLE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    init::main("vma-drivers", exit_code)
}

fn exit_code() -> u8 {
    match run() {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(e) => {
            eprintln!("vma-drivers: {e}");
            2
        }
    }
}

/// Returns whether all tests were run, and all went well.
fn run() -> io::Result<bool> {
    let wanted = std::env::args().skip(1).collect::<Vec<_>>();
    let is_wanted = |test: &Test| {
        wanted.is_empty() || wanted.iter().any(|part| test.name.contains(part.as_str()))
    };
    let first = cases::without_open_devices().filter(is_wanted);
    let first = first.collect::<Vec<Test>>();
    let tests = cases::all().filter(is_wanted).collect::<Vec<Test>>();

    let mut tap = Tap::begin(io::stdout(), first.len() + tests.len())?;
    process::adopt_orphans()?;
    // To look at counters takes an open device.
    if !runner(&|| Ok(Balance::default())).run_all(&mut tap, &first)? {
        return Ok(false);
    }
    let counters = Counters::open();
    for missing in &counters.missing {
        tap.diagnostic(missing)?;
    }
    tap.diagnostic(&counters.describe("before")?)?;
    if !runner(&|| counters.balance()).run_all(&mut tap, &tests)? {
        return Ok(false);
    }
    tap.diagnostic(&counters.describe("after")?)?;
    Ok(tap.is_good())
}

fn runner(balance: &dyn Fn() -> io::Result<Balance>) -> Runner<'_> {
    Runner {
        balance,
        limit: LIMIT,
        settle: SETTLE,
    }
}
