// SPDX-License-Identifier: GPL-2.0

//! The guest's init for programs that others wrote: runs those of a list one after the other, and
//! then asks the kernel for leaks. As an ordinary process it does the same with the list that its
//! argument names, and does not end the system.

mod leaks;
mod list;
mod run;
mod system;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

/// Where the list is in the guest.
const LIST: &str = "/run-list";

/// Exit code of a list that could not be begun or finished.
const NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    if system::is_init() {
        system::run(|output| exit_code(LIST, output));
    }
    let Some(list) = std::env::args().nth(1) else {
        eprintln!("vma-run: which list? usage: vma-run FILE");
        return ExitCode::from(NOT_STARTED);
    };
    let code = match io::stdout().as_fd().try_clone_to_owned() {
        Ok(output) => exit_code(&list, &output.into()),
        Err(_) => NOT_STARTED,
    };
    ExitCode::from(code)
}

fn exit_code(list: &str, output: &File) -> u8 {
    match work(list, output) {
        Ok(()) => 0,
        Err(message) => {
            let mut lines = output;
            // Where even this cannot be said, the exit code has to do.
            let _ = writeln!(lines, "{} {message}", run::MARK);
            NOT_STARTED
        }
    }
}

fn work(path: &str, output: &File) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"))?;
    let list = list::parse(&text).map_err(|e| format!("{path}: {e}"))?;
    run::all(&list, output).map_err(|e| format!("cannot write: {e}"))?;
    let report = leaks::report(Path::new(leaks::DETECTOR))
        .map_err(|e| format!("cannot ask {}: {e}", leaks::DETECTOR))?;
    if let Some(report) = report {
        let mut lines = output;
        let count = leaks::count(&report);
        writeln!(lines, "{report}{} leaks {count}", run::MARK)
            .map_err(|e| format!("cannot write: {e}"))?;
    }
    Ok(())
}
