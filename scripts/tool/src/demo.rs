// SPDX-License-Identifier: GPL-2.0

//! The demo: its program as the init of a guest, and its verdict.

use crate::boot::Guest;
use crate::kconfig::Config;
use crate::report::Outcome;
use crate::suite::Run;
use anyhow::Result;
use regex_lite::Regex;
use std::time::Duration;

pub const PROGRAM: &str = "vma-demo";
const TIMEOUT: Duration = Duration::from_secs(120);

/// A finished run of the demo.
pub struct Demo {
    /// Everything the demo printed.
    pub output: Vec<String>,
    pub outcome: Outcome,
}

/// Boots the kernel with the demo as its init; `show` is given each line the demo prints.
pub fn run(run: &Run, config: Config, show: &mut dyn FnMut(&str)) -> Result<Demo> {
    let program = run.program(PROGRAM, config)?;
    let mut step = run.session.progress.step(&format!("demo {}", config.name));
    let guest = Guest::new("demo", PROGRAM, &program, TIMEOUT);
    let mut boot = guest.boot(run.kernel, config, &mut |line| match line {
        Some(line) => show(line),
        None => step.doing("booting"),
    })?;
    let mut outcome = std::mem::take(&mut boot.outcome);
    let last = boot.output.last().map_or("", |line| line);
    match verdict(last) {
        Some((agree, differ)) => {
            outcome.check(agree > 0, || "the demo compared nothing".to_string());
            outcome.check(differ == 0, || {
                format!("{differ} VMAs differ from /proc/self/maps")
            });
            outcome.none(boot.wrong_code());
        }
        None if boot.timed_out => (),
        None => outcome.fail(format!(
            "the demo did not come to its end: see {}",
            boot.shown
        )),
    }
    if outcome.failed == 0 {
        step.done(last);
    }
    Ok(Demo {
        output: boot.output,
        outcome,
    })
}

fn verdict(line: &str) -> Option<(usize, usize)> {
    let pattern =
        Regex::new(r"^(\d+) VMAs? agree with /proc/self/maps, (\d+) differ$").expect("a constant");
    let found = pattern.captures(line.trim())?;
    Some((found[1].parse().ok()?, found[2].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_read_from_the_whole_line() {
        let agree = "VMAs agree with /proc/self/maps,";
        let read = |words: &str| verdict(&words.replace("agree", agree));
        assert_eq!(read("12 agree 0 differ"), Some((12, 0)));
        assert_eq!(
            verdict("1 VMA agree with /proc/self/maps, 3 differ\r"),
            Some((1, 3))
        );
        assert_eq!(read("some agree 0 differ"), None);
        assert_eq!(read("12 agree 0 differ or so"), None);
    }
}
