// SPDX-License-Identifier: GPL-2.0

//! Runs the tests of the sample drivers as the init of a guest. It has four processors, because the tests look for races.

use crate::boot::{Guest, Processors};
use crate::kconfig::Config;
use crate::report::Outcome;
use crate::suite::Run;
use crate::tap::{self, End, OURS, Tap};
use anyhow::{Result, bail};
use std::time::Duration;

/// The program, and what it calls itself on the console.
pub const PROGRAM: &str = "vma-drivers";

/// The kernel kills a process when it has no memory to tell it that a restartable sequence was interrupted, and these
/// tests let memory run out.
const ENVIRONMENT: &str = "GLIBC_TUNABLES=glibc.pthread.rseq=0";

const TIMEOUT: Duration = Duration::from_secs(900);

/// Boots the kernel with the tests as its init, those with `CASE=` in their names, and writes the result of each.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let (kernel, progress) = (run.kernel, run.session.progress);
    let program = run.program(PROGRAM, config)?;
    let case = run.session.arguments.case.as_deref();
    let append = format!("{ENVIRONMENT} {}", arguments(case)?);
    let mut step = progress.step(&format!("drivers {}", config.name));
    let guest = Guest {
        append: &append,
        processors: Processors::Parallel(4),
        ..Guest::new("drivers", PROGRAM, &program, TIMEOUT)
    };
    let boot = guest.boot(kernel, config, &mut |line| match line {
        Some(line) => {
            if let Some(count) = tap::plan(line) {
                step.expect(Some(count as u64));
            } else if let Some(test) = tap::finished_test(line) {
                step.advance(&test);
            }
        }
        None => step.doing("running"),
    })?;
    let tap = Tap::parse(boot.output.iter().map(String::as_str));
    let missing = || End::Bad(format!("no exit code: see {}", boot.shown));
    let end = boot.code.map_or_else(missing, End::Exit);
    let mut outcome = tap.judge(&end, |_| false);
    for (reason, count) in tap.skips() {
        progress.say(&format!("    {count} skipped: {reason}"));
    }
    if tap.version != Some(OURS) {
        outcome.fail(format!("its output is not TAP version {OURS}"));
    }
    outcome.add(boot.outcome);
    let file = format!("drivers-{}.json", config.name);
    tap::write(
        &kernel.places.build.join(file),
        &[(PROGRAM, &tap)],
        &outcome,
    )?;
    Ok(step.ended(outcome))
}

/// Words for the kernel, which passes to init what follows the dashes.
fn arguments(case: Option<&str>) -> Result<String> {
    match case {
        None => Ok(String::new()),
        Some(case) if case.contains('"') => {
            bail!("CASE={case}: the kernel's command line has no quotes within quotes")
        }
        Some(case) => Ok(format!("-- \"{case}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_one_argument_of_init() {
        assert_eq!(arguments(None).unwrap(), "");
        assert_eq!(arguments(Some("pfn: fork")).unwrap(), "-- \"pfn: fork\"");
        assert!(arguments(Some("a\"b")).is_err());
    }
}
