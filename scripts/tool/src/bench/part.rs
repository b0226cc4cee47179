// SPDX-License-Identifier: GPL-2.0

//! One boot of a kernel that is measured: what the program in the guest is told, and what it says.

use super::lines::Line;
use crate::boot::{Guest, Processors};
use crate::initramfs::Initramfs;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The program, and what it calls itself on the console.
pub const PROGRAM: &str = "vma-bench";
const TIMEOUT: Duration = Duration::from_secs(300);

pub struct Part {
    pub name: &'static str,
    /// What the program finds behind its name.
    pub argument: &'static str,
    pub processors: Processors,
    /// Words for the kernel.
    pub append: &'static str,
}

impl Part {
    /// Boots, with a plugin of the emulator's or without, and returns what was measured. It passes if all came that was announced.
    pub fn run(
        &self,
        kernel: &Kernel,
        config: Config,
        program: &Path,
        plugin: Option<String>,
        progress: &Progress,
    ) -> Result<(Vec<Line>, Outcome)> {
        let name = format!("{} {}", self.name, config.name);
        let mut step = progress.step(&name);
        let clock = match self.processors {
            Processors::Counting => None,
            Processors::Parallel(_) => host_clock(&fs::read_to_string(CPUINFO).unwrap_or_default()),
        };
        let clock = clock.unwrap_or_default();
        let append = format!("{clock} {} -- {}", self.append, self.argument);
        let guest = Guest {
            name: self.name,
            files: Initramfs::new(program),
            init: PROGRAM,
            append: append.trim_start(),
            processors: self.processors,
            plugin,
            timeout: TIMEOUT,
        };
        let boot = guest.boot(kernel, config, &mut |line| match line {
            Some(line) => match Line::parse(line) {
                Ok(Line::Plan(count)) => step.expect(Some(count)),
                _ => step.advance(line),
            },
            None => step.doing("measuring"),
        })?;
        let mut outcome = boot.outcome;
        let mut measured = Vec::new();
        // The emulator may say something, too.
        let said = boot.output.iter();
        for line in said.filter(|line| !line.starts_with("qemu-system-x86_64: warning: ")) {
            match Line::parse(line) {
                Ok(Line::Error(e)) => outcome.fail(format!("{name}: {e}")),
                Ok(line) => measured.push(line),
                Err(e) => outcome.fail(format!("{name}: {e:#}")),
            }
        }
        outcome.check(is_whole(&measured) && boot.code == Some(0), || {
            format!("{name}: did not come to its end: see {}", boot.shown)
        });
        if outcome.failed == 0 {
            step.done(&format!("{} measurements", measured.len() - 1));
        }
        Ok((measured, outcome))
    }
}

/// Where Linux says how fast the host's clock is.
const CPUINFO: &str = "/proc/cpuinfo";

/// Words for the kernel, with which it need not find out how fast the clock is that it has from the host: where the host
/// has other work to do it gives up, and has no clock but its timer interrupt.
fn host_clock(cpuinfo: &str) -> Option<String> {
    let value = |name: &str| {
        cpuinfo.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then_some(value)
        })
    };
    let is_constant = value("flags")?
        .split(' ')
        .any(|flag| flag == "constant_tsc");
    let mhz: f64 = value("cpu MHz")?.trim().parse().ok()?;
    is_constant.then(|| format!("tsc_early_khz={:.0} tsc=reliable", mhz * 1e3))
}

/// Whether there are as many measurements as were announced first.
fn is_whole(lines: &[Line]) -> bool {
    match lines.split_first() {
        Some((Line::Plan(count), rest)) => rest.len() as u64 == *count,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_the_host_is_found_where_it_is_one() {
        let cpuinfo = |flags: &str| {
            format!("processor\t: 0\nmodel name\t: X\ncpu MHz\t\t: 2596.122\nflags\t\t: {flags}\n")
        };
        assert_eq!(
            host_clock(&cpuinfo("fpu constant_tsc sse")).as_deref(),
            Some("tsc_early_khz=2596122 tsc=reliable")
        );
        assert_eq!(host_clock(&cpuinfo("fpu sse")), None);
        assert_eq!(host_clock("Features\t: fp asimd\n"), None);
    }

    #[test]
    fn measurements_that_are_missing_are_noticed() {
        let lines =
            |all: &[&str]| -> Vec<Line> { all.iter().map(|l| Line::parse(l).unwrap()).collect() };
        assert!(is_whole(&lines(&["plan 1", "loop 1 1"])));
        assert!(!is_whole(&lines(&["plan 2", "loop 1 1"])));
        assert!(!is_whole(&lines(&["plan 0", "loop 1 1"])));
        assert!(!is_whole(&lines(&["loop 1 1"])));
        assert!(!is_whole(&[]));
    }
}
