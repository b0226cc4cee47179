// SPDX-License-Identifier: GPL-2.0

//! Tests, each in a process of its own.
//!
//! A test that panics, dies of a signal, hangs, or leaves something behind has failed, and the next
//! one begins as if nothing had been.

use crate::balance::{self, Balance};
use crate::sys;
use crate::sys::process::{self, Child, End};
use crate::tap::Tap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::panic;
use std::sync::OnceLock;
use std::time::Duration;

/// A test: what it shows, and how. It fails by panicking, in whichever of its threads and children.
#[derive(Clone, Copy)]
pub struct Test {
    pub name: &'static str,
    pub run: fn(),
}

/// The end of a test.
#[derive(Debug, Default)]
pub struct Report {
    /// The faults.
    pub faults: Vec<String>,
    /// Remarks for people.
    pub notes: Vec<String>,
    /// Why there was nothing to test in this kernel.
    pub skipped: Option<String>,
}

/// Runs tests.
pub struct Runner<'a> {
    /// Returns the objects that exist now; they must be the same after a test as before it.
    pub balance: &'a dyn Fn() -> io::Result<Balance>,
    /// The time limit of a test.
    pub limit: Duration,
    /// The time that the kernel has to tidy up after a test.
    pub settle: Duration,
}

/// The time limit for the end of a killed process.
const DEATH: Duration = Duration::from_secs(10);

/// Separates messages.
const SEPARATOR: char = '\0';

/// The first character of a note, and of no panic's message.
const NOTE: char = '\u{1}';

/// The first character of the reason of a skipped test.
const SKIP: char = '\u{2}';

/// Where a test's notes go.
static NOTES: OnceLock<File> = OnceLock::new();

/// Says something to people, in a test or one of its children. Elsewhere nobody hears it.
pub fn note(text: &str) {
    say(NOTE, text);
}

/// Says why there is nothing to test in this kernel. The test has to return then.
pub fn skip(reason: &str) {
    say(SKIP, reason);
}

fn say(kind: char, text: &str) {
    if let Some(mut messages) = NOTES.get() {
        // There is nobody else to tell.
        let _ = messages.write_all(format!("{kind}{text}{SEPARATOR}").as_bytes());
    }
}

/// Declares the tests of a suite. Their names are those of the functions.
#[macro_export]
macro_rules! suite {
    ($name:literal: $($test:ident),* $(,)?) => {
        pub const TESTS: &[$crate::runner::Test] = &[$($crate::runner::Test {
            name: concat!($name, ": ", stringify!($test)),
            run: $test,
        }),*];
    };
}

impl Runner<'_> {
    /// Runs tests one after the other. Returns whether others can be run after them.
    pub fn run_all(&self, tap: &mut Tap<impl Write>, tests: &[Test]) -> io::Result<bool> {
        for test in tests {
            let report = match self.run(test) {
                Ok(report) => report,
                Err(e) => {
                    tap.bail_out(&format!("{}: {e}", test.name))?;
                    return Ok(false);
                }
            };
            match &report.skipped {
                Some(reason) if report.faults.is_empty() => tap.skipped(test.name, reason)?,
                _ => tap.result(test.name, &report.faults)?,
            }
            for note in &report.notes {
                tap.diagnostic(note)?;
            }
        }
        Ok(true)
    }

    /// Runs a test. An error is what keeps further tests from being run.
    ///
    /// This process must have one thread only, and must have [adopted](process::adopt_orphans) its
    /// descendants.
    pub fn run(&self, test: &Test) -> io::Result<Report> {
        let messages = sys::memfd(c"messages")?;
        let before = (self.balance)()?;

        let child = process::fork(|| in_child(test.run, &messages))?;
        let end = self.end_of(&child)?;
        let left_some = process::reap_group(&child, DEATH).map_err(|e| {
            io::Error::other(format!("what a test left behind cannot be killed: {e}"))
        })?;

        let Report {
            mut faults,
            notes,
            skipped,
        } = read(&messages)?;
        match end {
            None => faults.push(format!("not done after {} s", self.limit.as_secs_f32())),
            Some(End::Exited(0)) if left_some => faults.push("left a process behind".into()),
            Some(End::Exited(0)) => (),
            // It says why.
            Some(End::Exited(1)) if !faults.is_empty() => (),
            Some(end) => faults.push(end.to_string()),
        }
        faults.extend(balance::lasting(self.balance, &before, self.settle)?);
        Ok(Report {
            faults,
            notes,
            skipped,
        })
    }

    /// Returns the end of the test, or `None` if it did not end, and was killed.
    fn end_of(&self, child: &Child) -> io::Result<Option<End>> {
        if let Some(end) = child.wait_at_most(self.limit)? {
            return Ok(Some(end));
        }
        child.kill()?;
        match child.wait_at_most(DEATH)? {
            Some(_) => Ok(None),
            None => Err(io::Error::other(
                "a test hangs in the kernel, and cannot be killed",
            )),
        }
    }
}

/// Runs a test; panics are written to the file.
fn in_child(run: fn(), messages: &File) -> u8 {
    let (Ok(messages), Ok(())) = (messages.try_clone(), process::begin_group()) else {
        return 2;
    };
    if let Ok(notes) = messages.try_clone() {
        let _ = NOTES.set(notes);
    }
    // The descriptor's place in the file is shared by all processes, so they do not write to the
    // same place.
    panic::set_hook(Box::new(move |info| {
        let place = info
            .location()
            .map(|at| format!(" ({}:{})", at.file(), at.line()));
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let message = text
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("panicked");
        let text = format!("{message}{}{SEPARATOR}", place.unwrap_or_default());
        // There is nobody else to tell.
        let _ = (&messages).write_all(text.as_bytes());
    }));
    u8::from(panic::catch_unwind(run).is_err())
}

fn read(messages: &File) -> io::Result<Report> {
    let len = messages.metadata()?.len();
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    messages.read_exact_at(&mut bytes, 0)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut report = Report::default();
    for message in text.split(SEPARATOR).filter(|message| !message.is_empty()) {
        if let Some(note) = message.strip_prefix(NOTE) {
            report.notes.push(note.into());
        } else if let Some(reason) = message.strip_prefix(SKIP) {
            report.skipped = Some(reason.into());
        } else {
            report.faults.push(message.into());
        }
    }
    Ok(report)
}
