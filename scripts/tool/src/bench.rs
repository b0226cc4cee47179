// SPDX-License-Identifier: GPL-2.0

//! The benchmark: the same work on VMAs in C and in Rust, in one kernel. It is booted twice. First with one processor
//! whose clock counts instructions, so that costs are the same whatever the machine does besides; then with two, for
//! what readers and a writer wait for each other, of which only ratios within the run are judged.

mod contention;
mod cost;
mod lines;
mod plot;
mod sheet;
mod spread;
mod table;

use crate::boot::{Guest, Processors};
use crate::initramfs::Initramfs;
use crate::kbuild::Kernel;
use crate::kconfig::X86_64_BENCH;
use crate::page;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result};
use contention::Contention;
use cost::Costs;
use lines::Line;
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::time::Duration;

pub use plot::sample::page as every_picture;

/// The program, and what it calls itself on the console.
pub const PROGRAM: &str = "vma-bench";
const TIMEOUT: Duration = Duration::from_secs(300);

/// One boot.
struct Part {
    name: &'static str,
    /// What the program finds behind its name.
    argument: &'static str,
    processors: Processors,
}

const COST: Part = Part {
    name: "bench-cost",
    argument: "cost",
    processors: Processors::Counting,
};
const CONTENTION: Part = Part {
    name: "bench-contention",
    argument: "contention",
    processors: Processors::Parallel(2),
};

#[derive(Serialize)]
struct Report<'a> {
    inline_helpers: bool,
    costs: &'a Costs,
    contention: &'a Contention,
    outcome: &'a Outcome,
}

/// Boots the built kernel, shows the figures, writes them into build/bench, and judges them.
pub fn run(kernel: &Kernel, program: &Path, progress: &Progress) -> Result<Outcome> {
    let (lines, mut outcome) = COST.run(kernel, program, progress)?;
    let costs = Costs::of(&lines);
    outcome.add(costs.judge());
    let (lines, booted) = CONTENTION.run(kernel, program, progress)?;
    outcome.add(booted);
    let contention = Contention::of(&lines);
    outcome.add(contention.judge());

    progress.hidden(|| {
        println!("{}", table::costs(&costs));
        println!("{}", table::contention(&contention));
    });
    let dir = kernel.places.build.join("bench");
    fs::create_dir_all(&dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    let report = Report {
        inline_helpers: kernel.inline_helpers(),
        costs: &costs,
        contention: &contention,
        outcome: &outcome,
    };
    let json = dir.join("bench.json");
    fs::write(&json, serde_json::to_string_pretty(&report)? + "\n")
        .with_context(|| format!("{}: cannot be written", json.display()))?;
    progress.say(&format!("  figures: {}", kernel.places.show(&json)));
    let page = sheet::page(&costs, &contention)?;
    let shown = page::step(kernel.places, kernel.packages, &dir, &page, progress);
    outcome.add(shown.unwrap_or_else(|error| Outcome::failure(format!("{error:#}"))));
    Ok(outcome)
}

impl Part {
    /// Boots, and returns what was measured. It passes if all came that was announced.
    fn run(
        &self,
        kernel: &Kernel,
        program: &Path,
        progress: &Progress,
    ) -> Result<(Vec<Line>, Outcome)> {
        let mut step = progress.step(self.name);
        let clock = match self.processors {
            Processors::Counting => None,
            Processors::Parallel(_) => host_clock(&fs::read_to_string(CPUINFO).unwrap_or_default()),
        };
        let append = format!("{} -- {}", clock.unwrap_or_default(), self.argument);
        let guest = Guest {
            name: self.name,
            files: Initramfs::new(program),
            init: PROGRAM,
            append: append.trim_start(),
            processors: self.processors,
            timeout: TIMEOUT,
        };
        let boot = guest.boot(kernel, X86_64_BENCH, &mut |line| match line {
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
                Ok(Line::Error(e)) => outcome.fail(format!("{}: {e}", self.name)),
                Ok(line) => measured.push(line),
                Err(e) => outcome.fail(format!("{}: {e:#}", self.name)),
            }
        }
        outcome.check(is_whole(&measured) && boot.code == Some(0), || {
            format!("{}: did not come to its end: see {}", self.name, boot.shown)
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
