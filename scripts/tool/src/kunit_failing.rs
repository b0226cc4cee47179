// SPDX-License-Identifier: GPL-2.0

//! The KUnit suites with allocations that fail, as the init of a guest has them run. A test may fail for lack of memory; the
//! kernel's log has nothing of it, and each suite passes before and after.

use crate::boot::Guest;
use crate::kconfig::Config;
use crate::report::Outcome;
use crate::suite::Run;
use anyhow::Result;
use std::time::Duration;

pub const PROGRAM: &str = "vma-failing";
/// A busy host takes several times as long as an idle one.
const TIMEOUT: Duration = Duration::from_secs(1800);
/// All suites of ours.
const SUITES: &str = "rust_vma*";

/// The line that the guest prints for a suite: its name, the number of allocations that failed, and that of runs in which a
/// test did.
#[derive(Debug, PartialEq)]
struct Row<'a> {
    suite: &'a str,
    injected: usize,
    failed: usize,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split("  ");
        let row = Self {
            suite: words.next()?,
            injected: words.next()?.parse().ok()?,
            failed: words.next()?.trim_end().parse().ok()?,
        };
        words.next().is_none().then_some(row)
    }
}

/// Boots the built kernel, which runs nothing by itself.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let progress = run.session.progress;
    let program = run.program(PROGRAM, config)?;
    let arguments = run.session.arguments;
    let filter = arguments.filter.as_deref().unwrap_or(SUITES);
    let seed = arguments.seed;
    let mut step = progress.step(&format!("kunit-failing {}", config.name));
    let guest = Guest {
        append: &format!(
            "kunit.enable=1 kunit.autorun=0 kunit.filter_glob={filter} VMA_FAILING_SEED={seed}"
        ),
        // The kernel shows where there was no memory. All other traces have a line of their own before them.
        reports: vec!["Call Trace:".to_string()],
        ..Guest::new("kunit-failing", PROGRAM, &program, TIMEOUT)
    };
    let mut show = |line: Option<&str>| step.doing(line.unwrap_or("running"));
    let mut boot = guest.boot(run.kernel, config, &mut show)?;
    let rows: Vec<Row> = boot.output.iter().filter_map(|l| Row::parse(l)).collect();
    let mut outcome = std::mem::take(&mut boot.outcome);
    judge(&rows, &boot.output, &mut outcome);
    outcome.none(boot.wrong_code());
    let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
    let (injected, failed) = (sum(|row| row.injected), sum(|row| row.failed));
    progress.say(&format!(
        "    {} suites, {injected} allocations failed, and a test in {failed} of the runs",
        rows.len()
    ));
    Ok(step.ended(outcome))
}

/// One check for each suite: some of its allocations failed.
fn judge(rows: &[Row], output: &[String], outcome: &mut Outcome) {
    for wrong in output.iter().filter_map(|l| l.strip_prefix("wrong: ")) {
        outcome.fail(wrong.to_string());
    }
    for row in rows {
        outcome.check(row.injected > 0, || {
            format!("{}: no allocation has failed", row.suite)
        });
    }
    outcome.check(!rows.is_empty(), || "no suite has run".to_string());
    outcome.check(rows.iter().any(|row| row.failed > 0), || {
        "no test has failed: are the allocations of the tests among those that do?".to_string()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_from_other_lines() {
        let row = Row::parse("rust_vma_iter  12  9\r");
        let expected = Row {
            suite: "rust_vma_iter",
            injected: 12,
            failed: 9,
        };
        assert_eq!(row, Some(expected));
        for line in [
            "progress rust_vma_iter failslab 64",
            "wrong: x",
            "a  1",
            "a  1  2  3",
        ] {
            assert_eq!(Row::parse(line), None, "{line}");
        }
    }

    #[test]
    fn suites_without_a_failure_are_complained_of() {
        let judged = |rows: &[Row], line: &str| {
            let mut outcome = Outcome::default();
            judge(rows, &[line.to_string()], &mut outcome);
            outcome.failed
        };
        let row = |injected, failed| Row {
            suite: "a",
            injected,
            failed,
        };
        assert_eq!(judged(&[row(12, 9)], "a  12  9"), 0);
        assert_eq!(judged(&[row(12, 9)], "wrong: a: fails after the runs"), 1);
        assert_eq!(judged(&[row(12, 9), row(0, 0)], ""), 1);
        assert_eq!(judged(&[row(12, 0)], ""), 1);
        assert_eq!(judged(&[], ""), 2);
    }
}
