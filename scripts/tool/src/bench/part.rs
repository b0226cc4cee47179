// SPDX-License-Identifier: GPL-2.0

//! One boot of a kernel that is measured.

use crate::boot::{Guest, Processors};
use crate::initramfs::Initramfs;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::Result;
use bench_records::Record;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The program in the guest, and its name on the console.
pub const PROGRAM: &str = "vma-bench";
const TIMEOUT: Duration = Duration::from_secs(300);

pub struct Part {
    pub name: &'static str,
    /// The argument of the program.
    pub argument: &'static str,
    pub processors: Processors,
    /// Words for the kernel.
    pub append: &'static str,
}

impl Part {
    /// A part on a processor whose clock counts instructions.
    pub const fn counting(
        name: &'static str,
        argument: &'static str,
        append: &'static str,
    ) -> Self {
        Self {
            name,
            argument,
            processors: Processors::Counting,
            append,
        }
    }

    /// A part on processors that are as fast as they can be.
    pub const fn parallel(name: &'static str, argument: &'static str, processors: u32) -> Self {
        Self {
            name,
            argument,
            processors: Processors::Parallel(processors),
            append: "",
        }
    }

    /// Boots and returns the records. Fails unless there are as many as were announced.
    pub fn run(
        &self,
        kernel: &Kernel,
        config: Config,
        program: &Path,
        plugin: Option<String>,
        progress: &Progress,
    ) -> Result<(Vec<Record>, Outcome)> {
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
        let boot = guest.boot(kernel, config, &mut |line| match line.map(Record::parse) {
            Some(Ok(Record::Plan(count))) => step.expect(Some(count)),
            Some(_) => step.advance(self.argument),
            None => step.doing("measuring"),
        })?;
        let mut outcome = boot.outcome;
        let mut records = Vec::new();
        // The emulator may print warnings, too.
        let output = boot.output.iter();
        for line in output.filter(|line| !line.starts_with("qemu-system-x86_64: warning: ")) {
            match Record::parse(line) {
                Ok(Record::Error(e)) => outcome.fail(format!("{name}: {e}")),
                Ok(record) => records.push(record),
                Err(_) => outcome.fail(format!("{name}: not a record: {line}")),
            }
        }
        outcome.check(is_whole(&records) && boot.code == Some(0), || {
            format!("{name}: did not come to its end: see {}", boot.shown)
        });
        if outcome.failed == 0 {
            step.done(&format!("{} measurements", records.len() - 1));
        }
        Ok((records, outcome))
    }
}

/// Where Linux tells the frequency of the host's clock.
const CPUINFO: &str = "/proc/cpuinfo";

/// Returns words that tell the kernel the frequency of the clock that it gets from the host: on a busy host it cannot
/// measure that, and would have no clock but its timer interrupt.
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

/// Checks that there are as many measurements as the first record announces.
fn is_whole(records: &[Record]) -> bool {
    match records.split_first() {
        Some((Record::Plan(count), rest)) => rest.len() as u64 == *count,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::clock;
    use super::*;

    #[test]
    fn constant_host_clock_is_used() {
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
    fn missing_measurements_are_noticed() {
        assert!(is_whole(&[Record::Plan(1), clock()]));
        assert!(!is_whole(&[Record::Plan(2), clock()]));
        assert!(!is_whole(&[Record::Plan(0), clock()]));
        assert!(!is_whole(&[clock()]));
        assert!(!is_whole(&[]));
    }
}
