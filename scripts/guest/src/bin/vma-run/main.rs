// SPDX-License-Identifier: GPL-2.0

//! The guest's init for programs of the kernel tree: runs those of a list one after the other, and
//! then asks the kernel for leaks. As an ordinary process it does the same with the list that its
//! argument names, and does not end the system.

mod leaks;
mod run;

use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use vma_guest::init;

/// Where the list is in the guest.
const LIST: &str = "/run-list";

fn main() -> ExitCode {
    init::main("vma-run", || match work() {
        Ok(()) => 0,
        Err(e) => {
            println!("{} {e:#}", run::MARK);
            2
        }
    })
}

fn work() -> Result<()> {
    let argument = std::env::args().nth(1).filter(|_| !init::is_init());
    let path = argument.unwrap_or_else(|| LIST.to_string());
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let list: Vec<run::Entry> = serde_json::from_str(&text).with_context(|| path.clone())?;
    ensure!(!list.is_empty(), "{path}: there is nothing in it");
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    run::all(&list, &output).context("cannot write")?;
    let report = leaks::report(Path::new(leaks::DETECTOR))
        .with_context(|| format!("cannot ask {}", leaks::DETECTOR))?;
    if let Some(report) = report {
        let count = leaks::count(&report);
        writeln!(output, "{report}{} leaks {count}", run::MARK).context("cannot write")?;
    }
    Ok(())
}
