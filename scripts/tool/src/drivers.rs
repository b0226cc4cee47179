// SPDX-License-Identifier: GPL-2.0

//! The tests of the sample drivers, as the init of a guest with more processors than most machines that build this have:
//! what they are about is races.

use crate::boot::{Guest, Processors};
use crate::initramfs::Initramfs;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::progress::Progress;
use crate::report::Outcome;
use crate::tap::{self, End, OURS, Tap};
use anyhow::Result;
use std::path::Path;
use std::time::Duration;

/// The program, and what it calls itself on the console.
pub const PROGRAM: &str = "vma-drivers";
const TIMEOUT: Duration = Duration::from_secs(600);

/// Boots the kernel with the tests as its init, and writes what came of each.
pub fn run(
    kernel: &Kernel,
    config: Config,
    program: &Path,
    progress: &Progress,
) -> Result<Outcome> {
    let mut step = progress.step(&format!("drivers {}", config.name));
    let guest = Guest {
        name: "drivers",
        files: Initramfs::new(program),
        init: PROGRAM,
        append: "",
        processors: Processors::Parallel(4),
        plugin: None,
        timeout: TIMEOUT,
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
    let end = match boot.code {
        Some(code) => End::Exit(code),
        None => End::Bad(format!("no exit code: see {}", boot.shown)),
    };
    if boot.code.is_none() && !boot.timed_out {
        // What it says before it has its terminal is on the first port.
        boot.show_log();
    }
    let mut outcome = tap.judge(&end, |_| false);
    for (reason, count) in tap.skips() {
        progress.say(&format!("    {count} skipped: {reason}"));
    }
    if tap.version != Some(OURS) {
        outcome.fail(format!("its output is not TAP version {OURS}"));
    }
    outcome.add(boot.outcome);
    let file = kernel
        .places
        .build
        .join(format!("drivers-{}.json", config.name));
    tap::write(&file, &[(PROGRAM, &tap)], &outcome)?;
    if outcome.failed == 0 {
        step.done(&outcome.counts());
    }
    Ok(outcome)
}
