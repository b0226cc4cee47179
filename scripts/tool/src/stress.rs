// SPDX-License-Identifier: GPL-2.0

//! The long run in which everything happens at once, as the init of a guest that watches all locks and all memory: shown
//! while it goes on, judged by its table at the end.

use crate::Arguments;
use crate::boot::Guest;
use crate::kconfig::Config;
use crate::report::{Outcome, write_json};
use crate::suite::Run;
use anyhow::Result;
use regex_lite::Regex;
use serde::Serialize;
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
            let refused = found.get(3).map(|n| n.as_str().parse().unwrap_or(0));
            match (&found[1], refused) {
                (kind, Some(refused)) => table.rows.push(Row {
                    kind: kind.to_string(),
                    done: number,
                    refused,
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
    fn judge(&self, plan: Plan, wrong_code: Option<String>, outcome: &mut Outcome) {
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
        outcome.none(wrong_code);
    }
}

/// The number of operations in a line of progress.
fn progress_of(line: &str) -> Option<u64> {
    line.strip_prefix("progress ")?.trim().parse().ok()
}

/// Boots the kernel with the program as its init, shows its table and writes it down.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let (kernel, progress) = (run.kernel, run.session.progress);
    let program = run.program(PROGRAM, config)?;
    let &Arguments {
        seed, operations, ..
    } = run.session.arguments;
    let plan = Plan { seed, operations };
    let mut step = progress.step(&format!("stress {}", config.name));
    step.expect(Some(operations));
    let guest = Guest {
        append: &format!("VMA_STRESS_SEED={seed} VMA_STRESS_OPERATIONS={operations}"),
        ..Guest::new("stress", PROGRAM, &program, TIMEOUT)
    };
    let mut show = |line: Option<&str>| match line.map(progress_of) {
        Some(Some(count)) => step.advance_to(count, &format!("seed {seed}")),
        Some(None) => (),
        None => step.doing("running"),
    };
    let mut boot = guest.boot(kernel, config, &mut show)?;
    let said = boot.output.iter().map(String::as_str);
    let table = Table::parse(said.clone());
    for line in said.filter(|line| progress_of(line).is_none()) {
        progress.say(&format!("    {line}"));
    }
    let mut outcome = std::mem::take(&mut boot.outcome);
    table.judge(plan, boot.wrong_code(), &mut outcome);

    let value = serde_json::json!({ "plan": plan, "outcome": outcome, "table": table });
    let file = format!("stress-{}.json", config.name);
    write_json(&kernel.places.build.join(file), &value)?;
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

    fn failures(text: &str, wrong_code: Option<&str>) -> Vec<String> {
        let mut outcome = Outcome::default();
        let wrong_code = wrong_code.map(str::to_string);
        Table::parse(text.lines()).judge(PLAN, wrong_code, &mut outcome);
        outcome.failures
    }

    #[test]
    fn a_good_table() {
        let table = Table::parse(GOOD.lines());
        let Row {
            kind,
            done,
            refused,
        } = &table.rows[1];
        assert_eq!(
            (&**kind, *done, *refused),
            ("rust-vma-map SNAPSHOT", 40, 10)
        );
        assert_eq!((table.rows.len(), table.all, table.seconds), (2, 100, 3.5));
        assert_eq!(table.locked_under_rcu, 900);
        assert!(failures(GOOD, None).is_empty());
    }

    #[test]
    fn each_fault_is_one() {
        let all = "all                             10";
        for (from, to, wrong_code, fault) in [
            ("", "", Some("no exit code"), "no exit code"),
            ("", "wrong: a gap\n", None, "a gap"),
            (
                &*format!("{all}0"),
                &*format!("{all}1"),
                None,
                "sum up to 100",
            ),
            (
                "60          0",
                "60         60",
                None,
                "60 of 60 were refused",
            ),
            (
                "7\nlocked by mmap lock               2",
                "0",
                None,
                "has met a writer",
            ),
        ] {
            let found = failures(&GOOD.replacen(from, to, 1), wrong_code);
            assert!(found.len() == 1 && found[0].contains(fault), "{found:?}");
        }
    }

    #[test]
    fn too_little_and_nothing_are_failures() {
        let little = GOOD.replace("40         10", "39         10");
        let little = little.replace("  100\n", "   99\n");
        assert_eq!(failures(&little, None).len(), 1);
        assert!(failures("", None).len() >= 3);
    }

    #[test]
    fn progress_is_read() {
        assert_eq!(progress_of("progress 1234"), Some(1234));
        assert_eq!(progress_of("seconds 12"), None);
    }
}
