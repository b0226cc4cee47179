// SPDX-License-Identifier: GPL-2.0

//! The benchmark: the same work on VMAs in C and in Rust, in one kernel. On one processor whose clock counts instructions,
//! so that costs are the same on a busy host: each primitive, on a kernel that inlines C helpers into Rust and on one that
//! calls them; walks and look-ups among few and many VMAs, close together and far apart; and everything once more with a
//! plugin that counts stores. Then on one and on two processors that are as fast as they can be: how readers, page faults
//! and a writer delay each other, of which only ratios within a run are judged.
//!
//! This boots the guest and takes its records; crate::judge judges them. All results are kept in one file,
//! build/bench/bench.json, from which the page is made.

use crate::boot::Guest;
use crate::boot::Processors::{self, Counting};
use crate::code;
use crate::judge::baseline::{Baseline, Toolchain};
use crate::judge::costs::{By, Costs};
use crate::judge::primitives::{self, Exceptions, Shown};
use crate::judge::records::{self, Record};
use crate::judge::writes::{self, Projection, Symbols, Writes};
use crate::judge::{Figures, build_cost, code as judged, contention, page};
use crate::kbuild::Kernel;
use crate::kconfig::{Config, X86_64_BENCH, X86_64_BENCH_CALLS};
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::Result;
use fs_err as fs;
use std::path::Path;
use std::time::Duration;

/// The baseline under version control.
pub const BASELINE: &str = "scripts/bench/baseline.toml";
/// The program in the guest, and its name on the console.
pub const PROGRAM: &str = "vma-bench";
/// The plugin that counts loads and stores.
pub const PLUGIN: &str = "cache-lines";

const TIMEOUT: Duration = Duration::from_secs(300);
/// Where Linux tells the frequency of the host's clock.
const CPUINFO: &str = "/proc/cpuinfo";

/// Returns the kernels on which primitives are measured, with the form of their C helpers: both, or only one where helpers
/// cannot be inlined.
pub fn kernels(kernel: &Kernel) -> Vec<(Config, &'static str)> {
    match kernel.inline_helpers() {
        true => vec![(X86_64_BENCH, "inline"), (X86_64_BENCH_CALLS, "calls")],
        false => vec![(X86_64_BENCH, "calls")],
    }
}

/// Returns the kernel in which helpers are called.
pub fn called(kernel: &Kernel) -> Config {
    let last = kernels(kernel).pop();
    last.map_or(X86_64_BENCH, |(config, _)| config)
}

/// Runs parts of the benchmark on kernels that are built, and has each judged.
pub struct Bench<'a> {
    kernel: &'a Kernel<'a>,
    progress: &'a Progress,
    figures: Figures,
}

impl<'a> Bench<'a> {
    pub fn new(kernel: &'a Kernel, progress: &'a Progress) -> Self {
        Self {
            kernel,
            progress,
            figures: Figures::default(),
        }
    }

    /// Measures each primitive on each kernel, in two boots. `shown` has the number of helper calls that the code of each
    /// shows where helpers are not inlined.
    pub fn primitives(&mut self, program: &Path, shown: &Shown) -> Result<Outcome> {
        let (mut boots, mut all) = (Outcome::default(), Vec::new());
        for (config, helpers) in kernels(self.kernel) {
            let mut boot = |name| {
                let words = [name, "primitives", "nokaslr norandmaps"];
                let records = self.boot(&mut boots, config, program, words, Counting, None)?;
                anyhow::Ok(primitives::Boot::of(&records))
            };
            all.push(primitives::Kernel {
                config: config.name.to_string(),
                helpers,
                boots: [boot("bench-primitives")?, boot("bench-primitives-again")?],
            });
        }
        let places = self.kernel.places;
        let toolchain = Toolchain::read(&places.out(X86_64_BENCH.name))?;
        let exceptions = Exceptions::load(&places.repo)?;
        self.judge(boots, |figures| {
            let rows = primitives::rows(&all, &exceptions, shown);
            let outcome = primitives::judge(&all, &exceptions, shown);
            let said = primitives::table(&rows).text();
            figures.primitives = Some(primitives::Figures {
                toolchain,
                kernels: all,
                rows,
            });
            Ok((outcome, said))
        })
    }

    /// Measures walks and look-ups: the part `cost` among few and many VMAs, `sizes` close together and far apart.
    pub fn costs(&mut self, what: &str, program: &Path) -> Result<Outcome> {
        let (mut boots, words) = (Outcome::default(), [&format!("bench-{what}"), what, ""]);
        let records = self.boot(&mut boots, X86_64_BENCH, program, words, Counting, None)?;
        self.judge(boots, |figures| {
            let (by, place) = match what {
                "cost" => (By::Count, &mut figures.costs),
                _ => (By::Span, &mut figures.sizes),
            };
            let costs = place.insert(Costs::of(by, &records));
            Ok((costs.judge(), costs.table().text()))
        })
    }

    /// Counts the writes to cache lines.
    pub fn writes(&mut self, program: &Path, plugin: &Path) -> Result<Outcome> {
        let out = self.kernel.places.out(X86_64_BENCH.name);
        let (map, counted) = (out.join("System.map"), out.join("bench-writes.txt"));
        let symbols = Symbols::of(&fs::read_to_string(&map)?)?;
        let mut options = format!("{},out={}", plugin.display(), counted.display());
        for mark in symbols.marks()? {
            options += &format!(",mark={mark:x}");
        }
        // The plugin knows the addresses to which functions were linked.
        let (words, plugin) = (["bench-writes", "writes", "nokaslr"], Some(options));
        let mut boots = Outcome::default();
        let records = self.boot(&mut boots, X86_64_BENCH, program, words, Counting, plugin)?;
        self.judge(boots, |figures| {
            let writes = Writes::of(&records, &fs::read_to_string(&counted)?, &symbols)?;
            let costs = figures.costs.as_ref();
            let projection = costs.map(|costs| Projection::of(&writes, costs));
            let all = writes::Figures { writes, projection };
            let all = figures.writes.insert(all);
            Ok((all.writes.judge(), all.text()))
        })
    }

    /// Measures readers and page faults while a writer is at work, on one processor and on two.
    pub fn contention(&mut self, program: &Path) -> Result<Outcome> {
        let (mut boots, mut all) = (Outcome::default(), contention::Figures::default());
        for (processors, suffix) in [(1, "-1"), (2, "")] {
            let mut run = |what: &str| {
                let words = [&format!("bench-{what}{suffix}"), what, ""];
                let processors = Processors::Parallel(processors);
                self.boot(&mut boots, X86_64_BENCH, program, words, processors, None)
            };
            all.add(processors, &run("contention")?, &run("faults")?);
        }
        self.judge(boots, |figures| Ok(figures.contention.insert(all).judge()))
    }

    /// Compares the primitives with the baseline of a file.
    pub fn compare(&mut self, file: &Path, baseline: &Baseline) -> Result<Outcome> {
        self.judge(Outcome::default(), |figures| {
            Ok(baseline.compare(&figures.baseline()?, file))
        })
    }

    /// Makes them the baseline.
    pub fn store(&mut self, file: &Path) -> Result<Outcome> {
        self.judge(Outcome::default(), |figures| {
            Ok((Outcome::default(), figures.baseline()?.store(file)?))
        })
    }

    /// Makes and checks the page of all measurements.
    pub fn page(&self, code: &judged::Report, cost: &build_cost::Report) -> Result<Outcome> {
        let Kernel {
            places, packages, ..
        } = self.kernel;
        let exceptions = Exceptions::load(&places.repo)?;
        let names = exceptions.exception.iter().map(|one| &*one.primitive);
        let listings = code::listings(self.kernel, X86_64_BENCH, &Vec::from_iter(names))?;
        let page = page::measured(&self.figures, code, cost, &exceptions, listings)?;
        page::step(
            places,
            packages,
            self.progress,
            &places.build.join("bench"),
            &page,
        )
    }

    /// Has boots judged, and all figures written.
    fn judge(
        &mut self,
        boots: Outcome,
        judge: impl FnOnce(&mut Figures) -> Result<(Outcome, String)>,
    ) -> Result<Outcome> {
        let dir = self.kernel.places.build.join("bench");
        fs::create_dir_all(&dir)?;
        let step = self.figures.step(&dir.join("bench.json"), boots, judge);
        let (outcome, said) = step?;
        if !said.is_empty() {
            self.progress.hidden(|| println!("{said}"));
        }
        Ok(outcome)
    }

    /// Boots, and returns the records of that. The words are a name, the argument of the program, and options of the kernel.
    fn boot(
        &self,
        boots: &mut Outcome,
        config: Config,
        program: &Path,
        [name, argument, options]: [&str; 3],
        processors: Processors,
        plugin: Option<String>,
    ) -> Result<Vec<Record>> {
        let clock = match processors {
            Processors::Counting => None,
            Processors::Parallel(_) => host_clock(&fs::read_to_string(CPUINFO).unwrap_or_default()),
        };
        let clock = clock.unwrap_or_default();
        let append = format!("{clock} {options} -- {argument}");
        let guest = Guest {
            append: append.trim_start(),
            processors,
            plugin,
            ..Guest::new(name, PROGRAM, program, TIMEOUT)
        };
        measured(self.kernel, config, guest, self.progress, boots)
    }
}

/// Boots a guest whose init measures, and returns its records.
pub fn measured(
    kernel: &Kernel,
    config: Config,
    guest: Guest,
    progress: &Progress,
    outcome: &mut Outcome,
) -> Result<Vec<Record>> {
    let title = format!("{} {}", guest.name, config.name);
    let mut step = progress.step(&title);
    let boot = guest.boot(kernel, config, &mut |line| match line {
        Some(line) => match line.strip_prefix("{\"plan\":") {
            Some(count) => step.expect(count.trim_end_matches('}').parse().ok()),
            None => step.advance("measuring"),
        },
        None => step.doing("measuring"),
    })?;
    if boot.outcome.failed == 0 && boot.code == Some(0) {
        step.done(&format!(
            "{} measurements",
            boot.output.len().saturating_sub(1)
        ));
    }
    let ended = records::Boot {
        name: &title,
        lines: &boot.output,
        code: boot.code,
        outcome: boot.outcome,
        log: &boot.shown,
    };
    Ok(records::parse(ended, outcome))
}

/// Returns words that tell the kernel the frequency of the clock that it gets from the host: on a busy host it cannot
/// measure that, and would have no clock but its timer interrupt.
fn host_clock(cpuinfo: &str) -> Option<String> {
    let value = |name: &str| {
        cpuinfo.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then_some(value)
        })
    };
    let mut flags = value("flags")?.split(' ');
    let mhz: f64 = value("cpu MHz")?.trim().parse().ok()?;
    flags
        .any(|flag| flag == "constant_tsc")
        .then(|| format!("tsc_early_khz={:.0} tsc=reliable", mhz * 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_host_clock_is_used() {
        let cpuinfo =
            |flags: &str| format!("processor\t: 0\ncpu MHz\t\t: 2596.122\nflags\t\t: {flags}\n");
        let clock = host_clock(&cpuinfo("fpu constant_tsc sse"));
        assert_eq!(clock.as_deref(), Some("tsc_early_khz=2596122 tsc=reliable"));
        assert_eq!(host_clock(&cpuinfo("fpu sse")), None);
        assert_eq!(host_clock("Features\t: fp asimd\n"), None);
    }
}
