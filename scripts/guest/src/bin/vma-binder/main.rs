// SPDX-License-Identifier: GPL-2.0

//! Rust Binder, the kernel's own driver whose mappings are in Rust: does it still map, and carry
//! data from one process to another?
//!
//! Each test runs in a process of its own. The results are written in the Test Anything Protocol.
//!
//! `vma-binder measure` counts instructions instead, see `measure.rs`.

mod binder;
mod cases;
mod measure;
mod wire;

use std::io;
use std::process::ExitCode;
use std::time::Duration;
use vma_guest::balance::Balance;
use vma_guest::init;
use vma_guest::runner::Runner;
use vma_guest::sys::process;
use vma_guest::tap::Tap;

/// The time limit of a test, on an emulated machine with a kernel that checks everything.
const LIMIT: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    if init::is_init() {
        init::run("vma-binder", measure::exit_code);
    }
    if std::env::args().skip(1).last().as_deref() == Some("measure") {
        return ExitCode::from(measure::exit_code());
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("vma-binder: {e}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether all tests were run, and all went well.
fn run() -> io::Result<bool> {
    let mut tap = Tap::begin(io::stdout(), cases::TESTS.len())?;
    if let Err(e) = binder::mount() {
        tap.bail_out(&format!("binderfs cannot be mounted: {e}"))?;
        return Ok(false);
    }
    process::adopt_orphans()?;
    let runner = Runner {
        // Binder does not say what it has.
        balance: &|| Ok(Balance::default()),
        limit: LIMIT,
        settle: Duration::ZERO,
    };
    runner.run_all(&mut tap, cases::TESTS)?;
    Ok(tap.is_good())
}
