// SPDX-License-Identifier: GPL-2.0

//! The long run in which everything happens at once, as the init of a guest that watches all locks and all memory: shown
//! while it goes on, judged by its table at the end.

use crate::boot::{Guest, Processors};
use crate::initramfs::Initramfs;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result};
use regex_lite::Regex;
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

pub const PROGRAM: &str = "vma-stress";
/// A busy host takes several times as long as an idle one.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// The arguments of the guest's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub seed: u64,
    pub operations: u64,
}

/// The counts of a kind of operation.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Row {
    kind: String,
    done: u64,
    refused: u64,
}

/// The summary that the guest prints.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Table {
    rows: Vec<Row>,
    all: u64,
    locked_under_rcu: u64,
    locked_after_a_retry: u64,
    locked_by_mmap_lock: u64,
    seconds: f64,
    wrong: Vec<String>,
}

impl Table {
    fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        static ROW: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"^(\S+(?: \S+)*) {2,}([\d.]+)(?: +(\d+))?$").expect("a constant")
        });
        let mut table = Self::default();
        for line in lines {
            if let Some(wrong) = line.strip_prefix("wrong: ") {
                table.wrong.push(wrong.to_string());
                continue;
            }
            let Some(found) = ROW.captures(line.trim_end()) else {
                continue;
            };
            let number = found[2].parse().unwrap_or(0);
            match (&found[1], found.get(3)) {
                (kind, Some(refused)) => table.rows.push(Row {
                    kind: kind.to_string(),
                    done: number,
                    refused: refused.as_str().parse().unwrap_or(0),
                }),
                ("all", None) => table.all = number,
                ("locked under RCU", None) => table.locked_under_rcu = number,
                ("locked after a retry", None) => table.locked_after_a_retry = number,
                ("locked by mmap lock", None) => table.locked_by_mmap_lock = number,
                ("seconds", None) => table.seconds = found[2].parse().unwrap_or(0.0),
                _ => (),
            }
        }
        table
    }

    /// One check each: how much was done, of what, how it was locked, and whether it went well.
    fn judge(&self, plan: Plan, code: Option<u8>, outcome: &mut Outcome) {
        for wrong in &self.wrong {
            outcome.fail(wrong.clone());
        }
        outcome.check(self.all >= plan.operations, || {
            format!("{} operations, not {}", self.all, plan.operations)
        });
        let sum: u64 = self.rows.iter().map(|row| row.done).sum();
        outcome.check(sum == self.all, || {
            format!("the kinds sum up to {sum}, not to {}", self.all)
        });
        outcome.check(!self.rows.is_empty(), || "there is no table".to_string());
        for row in &self.rows {
            outcome.check(row.done > row.refused, || {
                format!("{}: {} of {} were refused", row.kind, row.refused, row.done)
            });
        }
        outcome.check(
            self.locked_after_a_retry + self.locked_by_mmap_lock > 0,
            || "no reader of a map has met a writer".to_string(),
        );
        outcome.check(code == Some(0), || match code {
            Some(code) => format!("its exit code is {code}"),
            None => "there is no exit code".to_string(),
        });
    }
}

/// The number of operations in a line of progress.
fn progress_of(line: &str) -> Option<u64> {
    line.strip_prefix("progress ")?.trim().parse().ok()
}

/// Boots the kernel with the program as its init, shows its table and writes it down.
pub fn run(
    kernel: &Kernel,
    config: Config,
    program: &Path,
    plan: Plan,
    progress: &Progress,
) -> Result<Outcome> {
    let mut step = progress.step(&format!("stress {}", config.name));
    step.expect(Some(plan.operations));
    let guest = Guest {
        name: "stress",
        files: Initramfs::new(program),
        init: PROGRAM,
        append: &format!(
            "VMA_STRESS_SEED={} VMA_STRESS_OPERATIONS={}",
            plan.seed, plan.operations
        ),
        processors: Processors::Parallel(2),
        plugin: None,
        timeout: TIMEOUT,
    };
    let boot = guest.boot(
        kernel,
        config,
        &mut |line| match line.and_then(progress_of) {
            Some(count) => step.advance_to(count, &format!("seed {}", plan.seed)),
            None if line.is_none() => step.doing("running"),
            None => (),
        },
    )?;
    let said = boot.output.iter().map(String::as_str);
    let table = Table::parse(said.clone());
    if boot.code.is_none() && !boot.timed_out {
        // Early errors of the program are on the first port.
        boot.show_log();
    }
    for line in said.filter(|line| progress_of(line).is_none()) {
        progress.say(&format!("    {line}"));
    }
    let mut outcome = boot.outcome;
    table.judge(plan, boot.code, &mut outcome);

    let value = serde_json::json!({ "plan": plan, "outcome": outcome, "table": table });
    let file = kernel
        .places
        .build
        .join(format!("stress-{}.json", config.name));
    fs::write(&file, serde_json::to_string_pretty(&value)? + "\n")
        .with_context(|| format!("{}: cannot be written", file.display()))?;
    if outcome.failed == 0 {
        step.done(&format!("{} operations", table.all));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "seed 1, 100 operations, at most 600 s\n\
        kind                           done    refused\n\
        mmap                             60          0\n\
        rust-vma-map SNAPSHOT            40         10\n\
        all                             100\n\
        locked under RCU                900\n\
        locked after a retry              7\n\
        locked by mmap lock               2\n\
        seconds                         3.5\n";
    const PLAN: Plan = Plan {
        seed: 1,
        operations: 100,
    };

    fn failures(text: &str, code: Option<u8>) -> Vec<String> {
        let mut outcome = Outcome::default();
        Table::parse(text.lines()).judge(PLAN, code, &mut outcome);
        outcome.failures
    }

    #[test]
    fn a_good_table() {
        let table = Table::parse(GOOD.lines());
        assert_eq!(table.rows.len(), 2);
        assert_eq!(table.rows[1].kind, "rust-vma-map SNAPSHOT");
        assert_eq!((table.rows[1].done, table.rows[1].refused), (40, 10));
        assert_eq!((table.all, table.seconds), (100, 3.5));
        assert_eq!(table.locked_under_rcu, 900);
        assert!(failures(GOOD, Some(0)).is_empty());
    }

    #[test]
    fn each_fault_is_one() {
        let one = |text: &str, code| {
            let failures = failures(text, code);
            assert_eq!(failures.len(), 1, "{failures:?}");
            failures[0].clone()
        };
        assert!(one(GOOD, Some(1)).contains("exit code is 1"));
        assert!(one(GOOD, None).contains("no exit code"));
        let wrong = format!("wrong: a gap\n{GOOD}");
        assert_eq!(one(&wrong, Some(0)), "a gap");
        let sum = GOOD.replace(
            "all                             100",
            "all                             101",
        );
        assert!(one(&sum, Some(0)).contains("sum up to 100"));
        let refused = GOOD.replace("60          0", "60         60");
        assert!(one(&refused, Some(0)).contains("60 of 60 were refused"));
        let alone = GOOD.replace(" 7\n", " 0\n").replace(" 2\n", " 0\n");
        assert!(one(&alone, Some(0)).contains("has met a writer"));
    }

    #[test]
    fn too_little_and_nothing_are_failures() {
        let little = GOOD
            .replace("40         10", "39         10")
            .replace("  100\n", "   99\n");
        assert_eq!(failures(&little, Some(0)).len(), 1);
        assert!(failures("", Some(0)).len() >= 3);
    }

    #[test]
    fn progress_is_read() {
        assert_eq!(progress_of("progress 1234"), Some(1234));
        assert_eq!(progress_of("seconds 12"), None);
    }
}
