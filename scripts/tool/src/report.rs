// SPDX-License-Identifier: GPL-2.0

//! The results of a run: counts and failures of each step, as a table and as JSON.

use crate::kconfig::Config;
use anyhow::{Context, Result};
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime};

/// The result of a step.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    /// One line for each failure.
    pub failures: Vec<String>,
    /// It is that of an earlier run with the same inputs.
    pub unchanged: bool,
    /// Names of the suites that ran.
    #[serde(skip)]
    pub names: Vec<String>,
}

impl Outcome {
    pub fn success() -> Self {
        Self {
            passed: 1,
            ..Self::default()
        }
    }

    pub fn failure(line: String) -> Self {
        let mut outcome = Self::default();
        outcome.fail(line);
        outcome
    }

    pub fn fail(&mut self, line: String) {
        self.failed += 1;
        self.failures.push(line);
    }

    /// Adds what another found.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
        self.names.extend(other.names);
    }

    pub fn check(&mut self, ok: bool, failure: impl FnOnce() -> String) {
        match ok {
            true => self.passed += 1,
            false => self.fail(failure()),
        }
    }

    /// One check, which may fail in several ways.
    pub fn none(&mut self, failures: impl IntoIterator<Item = String>) {
        let before = self.failed;
        failures.into_iter().for_each(|line| self.fail(line));
        self.passed += usize::from(self.failed == before);
    }

    /// Adds what another found about something.
    pub fn add_of(&mut self, start: &str, mut other: Self) {
        for failure in &mut other.failures {
            failure.insert_str(0, start);
        }
        self.add(other);
    }

    pub fn counts(&self) -> String {
        match self.skipped {
            0 => self.last_line(),
            n => format!("{}, {n} skipped", self.last_line()),
        }
    }

    /// The line that scripts read, alone on stdout's last line.
    pub fn last_line(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }
}

/// A step of a run, with its outcome.
#[derive(Debug, Serialize)]
pub struct Step {
    pub name: String,
    pub seconds: f64,
    #[serde(flatten)]
    pub outcome: Outcome,
    #[serde(skip)]
    pub start: SystemTime,
    #[serde(skip)]
    pub kernel: Option<Config>,
    #[serde(skip)]
    pub end: End,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A kernel was built, or was not.
    Build,
    /// The suite came to its end.
    Complete,
    /// An error ended it.
    Broken,
    /// There was no kernel for it.
    NotRun,
}

/// All steps of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub steps: Vec<Step>,
    #[serde(skip)]
    pub start: SystemTime,
    #[serde(skip)]
    clock: Instant,
}

impl Report {
    /// A run that begins now.
    pub fn new() -> Self {
        Self {
            steps: Vec::new(),
            start: SystemTime::now(),
            clock: Instant::now(),
        }
    }

    pub fn seconds(&self) -> f64 {
        self.clock.elapsed().as_secs_f64()
    }

    pub fn total(&self) -> Outcome {
        let mut total = Outcome::default();
        for step in &self.steps {
            total.add(step.outcome.clone());
        }
        total
    }

    pub fn table(&self) -> String {
        let row = |name: &str, cells: [String; 4]| {
            let [passed, failed, skipped, seconds] = cells;
            format!("{name:28} {passed:>7} {failed:>7} {skipped:>8} {seconds:>9}\n")
        };
        let counts = |name, outcome: &Outcome, seconds: f64| {
            let [passed, failed, skipped] =
                [outcome.passed, outcome.failed, outcome.skipped].map(|n| n.to_string());
            row(name, [passed, failed, skipped, format!("{seconds:.1}")])
        };
        let heads = ["passed", "failed", "skipped", "seconds"].map(str::to_string);
        let mut text = row("step", heads);
        for step in &self.steps {
            text += &counts(&step.name, &step.outcome, step.seconds);
        }
        let seconds = self.steps.iter().map(|step| step.seconds).sum();
        text + &counts("all", &self.total(), seconds)
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }
}

/// Writes a result for other programs.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_table_and_json_agree() {
        let step = |name: &str, seconds, outcome| Step {
            name: name.to_string(),
            seconds,
            outcome,
            start: SystemTime::now(),
            kernel: None,
            end: End::Complete,
        };
        let mut report = Report::new();
        let good = Outcome {
            passed: 3,
            skipped: 1,
            ..Outcome::default()
        };
        report.steps.push(step("one", 1.5, good));
        let mut bad = Outcome::success();
        bad.fail("that".to_string());
        report.steps.push(step("two", 2.0, bad));
        assert_eq!(report.total().last_line(), "4 passed, 1 failed");
        let table = report.table();
        let last: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last, ["all", "4", "1", "1", "3.5"]);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("test.json");
        report.write(&file).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(value["steps"][1]["failures"][0], "that");
        assert_eq!(value["steps"][0]["passed"], 3);
    }
}
