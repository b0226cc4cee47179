// SPDX-License-Identifier: GPL-2.0

//! The benchmark: the same work on VMAs in C and in Rust, in one kernel. It is booted several times. First with one
//! processor whose clock counts instructions, so that costs are the same whatever the machine does besides, and once
//! more so with somebody who counts what is written; then with one and with two that are as fast as they can be, for
//! what readers, page faults and a writer wait for each other, of which only ratios within a run are judged.

mod contention;
mod cost;
mod lines;
mod plot;
mod scaling;
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
use scaling::Scaling;
use scaling::faults::Faults;
use scaling::projection::Projection;
use scaling::sizes::Sizes;
use scaling::symbols::Symbols;
use scaling::writes::Writes;
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::time::Duration;

pub use plot::sample::page as every_picture;

/// The program, and what it calls itself on the console.
pub const PROGRAM: &str = "vma-bench";
/// What counts loads and stores.
pub const PLUGIN: &str = "cache-lines";
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
const SIZES: Part = Part {
    name: "bench-sizes",
    argument: "sizes",
    processors: Processors::Counting,
};
const WRITES: Part = Part {
    name: "bench-writes",
    argument: "writes",
    processors: Processors::Counting,
};

/// So many processors at the same time.
const PARALLEL: [u32; 2] = [1, 2];

fn contention(processors: u32) -> Part {
    Part {
        name: match processors {
            1 => "bench-contention-1",
            _ => "bench-contention",
        },
        argument: "contention",
        processors: Processors::Parallel(processors),
    }
}

fn faults(processors: u32) -> Part {
    Part {
        name: match processors {
            1 => "bench-faults-1",
            _ => "bench-faults",
        },
        argument: "faults",
        processors: Processors::Parallel(processors),
    }
}

#[derive(Serialize)]
struct Report<'a> {
    inline_helpers: bool,
    costs: &'a Costs,
    /// On one processor, and on two.
    contention: &'a [Contention],
    scaling: &'a Scaling,
    outcome: &'a Outcome,
}

/// Boots the built kernel, shows the figures, writes them into build/bench, and judges them.
pub fn run(kernel: &Kernel, program: &Path, plugin: &Path, progress: &Progress) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut measure = |part: Part, plugin: Option<String>| -> Result<Vec<Line>> {
        let (lines, booted) = part.run(kernel, program, plugin, progress)?;
        outcome.add(booted);
        Ok(lines)
    };
    let costs = Costs::of(&measure(COST, None)?);
    let sizes = Sizes::of(&measure(SIZES, None)?);
    let writes = count_writes(kernel, plugin, |plugin| measure(WRITES, Some(plugin)))?;
    let projection = Projection::of(&writes, |operation| costs.alone(operation));
    let mut all: Vec<Contention> = Vec::new();
    let mut scaling = Scaling {
        faults: Vec::new(),
        sizes,
        writes,
        projection,
    };
    for processors in PARALLEL {
        let lines = measure(contention(processors), None)?;
        all.push(Contention::of(processors, &lines));
        let lines = measure(faults(processors), None)?;
        scaling.faults.push(Faults::of(processors, &lines));
    }
    outcome.add(costs.judge());
    all.iter().for_each(|one| outcome.add(one.judge()));
    outcome.add(scaling.judge());

    progress.hidden(|| {
        println!("{}", table::costs(&costs));
        println!("{}", scaling::table::sizes(&scaling.sizes));
        println!("{}", scaling::table::writes(&scaling.writes));
        println!("{}", scaling::table::projection(&scaling.projection));
        for (contention, faults) in all.iter().zip(&scaling.faults) {
            println!("{}", table::contention(contention));
            println!("{}", scaling::table::faults(faults));
        }
    });
    let dir = kernel.places.build.join("bench");
    fs::create_dir_all(&dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    let report = Report {
        inline_helpers: kernel.inline_helpers(),
        costs: &costs,
        contention: &all,
        scaling: &scaling,
        outcome: &outcome,
    };
    let json = dir.join("bench.json");
    fs::write(&json, serde_json::to_string_pretty(&report)? + "\n")
        .with_context(|| format!("{}: cannot be written", json.display()))?;
    progress.say(&format!("  figures: {}", kernel.places.show(&json)));
    let parallel = all.last().expect("one for each number of processors");
    let mut page = sheet::page(&costs, parallel)?;
    page.sections.push(scaling::sheet::section(&scaling)?);
    let shown = page::step(kernel.places, kernel.packages, &dir, &page, progress);
    outcome.add(shown.unwrap_or_else(|error| Outcome::failure(format!("{error:#}"))));
    Ok(outcome)
}

/// Has the plugin look on while the program does every operation. `boot` is given what QEMU is to load.
fn count_writes(
    kernel: &Kernel,
    plugin: &Path,
    boot: impl FnOnce(String) -> Result<Vec<Line>>,
) -> Result<Writes> {
    let out = kernel.places.out(X86_64_BENCH.name);
    let map = out.join("System.map");
    let map =
        fs::read_to_string(&map).with_context(|| format!("{}: cannot be read", map.display()))?;
    let symbols = Symbols::parse(&map)?;
    let counted = out.join("bench-writes.txt");
    let mut options = format!("{},out={}", plugin.display(), counted.display());
    for mark in scaling::writes::marks(&symbols)? {
        options += &format!(",mark={mark:x}");
    }
    let lines = boot(options)?;
    let counted = fs::read_to_string(&counted)
        .with_context(|| format!("{}: cannot be read", counted.display()))?;
    Writes::of(&lines, &counted, &symbols)
}

impl Part {
    /// Boots, and returns what was measured. It passes if all came that was announced.
    fn run(
        &self,
        kernel: &Kernel,
        program: &Path,
        plugin: Option<String>,
        progress: &Progress,
    ) -> Result<(Vec<Line>, Outcome)> {
        let mut step = progress.step(self.name);
        let clock = match self.processors {
            Processors::Counting => None,
            Processors::Parallel(_) => host_clock(&fs::read_to_string(CPUINFO).unwrap_or_default()),
        };
        // A plugin goes by the addresses that functions were linked to.
        let at = plugin.as_ref().map(|_| " nokaslr").unwrap_or_default();
        let append = format!("{}{at} -- {}", clock.unwrap_or_default(), self.argument);
        let guest = Guest {
            name: self.name,
            files: Initramfs::new(program),
            init: PROGRAM,
            append: append.trim_start(),
            processors: self.processors,
            plugin,
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
