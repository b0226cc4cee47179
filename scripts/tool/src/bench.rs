// SPDX-License-Identifier: GPL-2.0

//! The benchmark: the same work on VMAs in C and in Rust, in one kernel. With one processor whose clock counts
//! instructions, so that costs are the same whatever the machine does besides: each primitive alone, on a kernel that
//! inlines C helpers into Rust and on one that calls them, walks and look-ups among few and many VMAs, near and far from
//! each other, and once more with somebody who counts what is written. Then with one and with two processors that are as
//! fast as they can be, for what readers, page faults and a writer wait for each other, of which only ratios within a run
//! are judged.

mod baseline;
mod clock;
mod contention;
mod cost;
mod exceptions;
mod lines;
mod part;
pub mod plot;
mod primitives;
mod scaling;
pub mod sheet;
mod spread;
mod table;
mod toolchain;

pub use baseline::{Baseline, FILE as BASELINE};
pub use part::PROGRAM;
pub use plot::sample::page as every_picture;

use crate::boot::Processors;
use crate::code;
use crate::kbuild::Kernel;
use crate::kconfig::{Config, X86_64_BENCH, X86_64_BENCH_CALLS};
use crate::page::{self, Section};
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use contention::Contention;
use cost::Costs;
use exceptions::Exceptions;
use lines::Line;
use part::Part;
use primitives::{Helpers, Measured, Primitives, Row};
use scaling::Scaling;
use scaling::faults::Faults;
use scaling::projection::Projection;
use scaling::sizes::Sizes;
use scaling::symbols::Symbols;
use scaling::writes::Writes;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use toolchain::Toolchain;

/// What counts loads and stores.
pub const PLUGIN: &str = "cache-lines";

/// Two boots of the same, in which nothing is left to chance.
const PRIMITIVES: [Part; 2] = [
    counting("bench-primitives", "primitives", "nokaslr norandmaps"),
    counting("bench-primitives-again", "primitives", "nokaslr norandmaps"),
];
const COST: Part = counting("bench-cost", "cost", "");
const SIZES: Part = counting("bench-sizes", "sizes", "");
/// A plugin goes by the addresses that functions were linked to.
const WRITES: Part = counting("bench-writes", "writes", "nokaslr");

/// Readers, and page faults, with so many processors at the same time.
const PARALLEL: [(u32, Part, Part); 2] = [
    (
        1,
        parallel("bench-contention-1", "contention", 1),
        parallel("bench-faults-1", "faults", 1),
    ),
    (
        2,
        parallel("bench-contention", "contention", 2),
        parallel("bench-faults", "faults", 2),
    ),
];

const fn counting(name: &'static str, argument: &'static str, append: &'static str) -> Part {
    Part {
        name,
        argument,
        processors: Processors::Counting,
        append,
    }
}

const fn parallel(name: &'static str, argument: &'static str, processors: u32) -> Part {
    Part {
        name,
        argument,
        processors: Processors::Parallel(processors),
        append: "",
    }
}

/// The kernels on which primitives are measured: both, or the one there can be where helpers cannot be inlined.
pub fn kernels(kernel: &Kernel) -> Vec<(Config, Helpers)> {
    match kernel.inline_helpers() {
        true => vec![
            (X86_64_BENCH, Helpers::Inline),
            (X86_64_BENCH_CALLS, Helpers::Calls),
        ],
        false => vec![(X86_64_BENCH, Helpers::Calls)],
    }
}

/// The one in which helpers are called.
pub fn called(kernel: &Kernel) -> Config {
    match kernel.inline_helpers() {
        true => X86_64_BENCH_CALLS,
        false => X86_64_BENCH,
    }
}

/// Runs parts of the benchmark on kernels that are built, judges each, and keeps the figures, which are in
/// build/bench/bench.json after each part.
pub struct Bench<'a> {
    kernel: &'a Kernel<'a>,
    progress: &'a Progress,
    figures: Figures,
}

#[derive(Default, Serialize)]
struct Figures {
    toolchain: Toolchain,
    inline_helpers: bool,
    /// As the table has them.
    rows: Vec<Row>,
    primitives: Vec<Measured>,
    costs: Option<Costs>,
    sizes: Option<Sizes>,
    writes: Option<Writes>,
    projection: Option<Projection>,
    /// On one processor, and on two.
    contention: Vec<Contention>,
    faults: Vec<Faults>,
    outcome: Outcome,
}

impl<'a> Bench<'a> {
    pub fn new(kernel: &'a Kernel, progress: &'a Progress) -> Self {
        let figures = Figures {
            inline_helpers: kernel.inline_helpers(),
            ..Figures::default()
        };
        Self {
            kernel,
            progress,
            figures,
        }
    }

    /// Each primitive on each kernel, in two boots. `shown` has how many calls of helpers the code of each shows that calls
    /// any, where helpers are not inlined.
    pub fn primitives(&mut self, program: &Path, shown: &BTreeMap<String, u64>) -> Result<Outcome> {
        let exceptions = Exceptions::load(&self.kernel.places.repo)?;
        self.figures.toolchain = Toolchain::of(&self.kernel.places.out(X86_64_BENCH.name))?;
        let mut outcome = Outcome::default();
        let mut all = Vec::new();
        for (config, helpers) in kernels(self.kernel) {
            let mut boot = |part: &Part| -> Result<Primitives> {
                let (lines, booted) =
                    part.run(self.kernel, config, program, None, self.progress)?;
                outcome.add(booted);
                Ok(Primitives::of(&lines))
            };
            let [first, second] = &PRIMITIVES;
            all.push(Measured {
                config: config.name,
                helpers,
                boots: [boot(first)?, boot(second)?],
            });
        }
        // What did not come to its end says nothing, and nothing is compared with it.
        if outcome.failed == 0 {
            outcome.add(primitives::judge(&all, &exceptions, shown));
            let rows = Row::all(&all, &exceptions.helper_calls(shown));
            self.progress
                .hidden(|| println!("{}", primitives::table(&all, &rows)));
            self.figures.rows = rows;
            self.figures.primitives = all;
        }
        self.keep(outcome)
    }

    /// A part that needs one kernel only.
    fn run(
        &self,
        part: &Part,
        program: &Path,
        plugin: Option<String>,
    ) -> Result<(Vec<Line>, Outcome)> {
        part.run(self.kernel, X86_64_BENCH, program, plugin, self.progress)
    }

    /// Walks and look-ups, among few and among many VMAs.
    pub fn cost(&mut self, program: &Path) -> Result<Outcome> {
        let (lines, mut outcome) = self.run(&COST, program, None)?;
        let costs = Costs::of(&lines);
        outcome.add(costs.judge());
        self.progress
            .hidden(|| println!("{}", table::costs(&costs)));
        self.figures.costs = Some(costs);
        self.keep(outcome)
    }

    /// VMAs that are near to each other, and that are far.
    pub fn sizes(&mut self, program: &Path) -> Result<Outcome> {
        let (lines, mut outcome) = self.run(&SIZES, program, None)?;
        let sizes = Sizes::of(&lines);
        outcome.add(sizes.judge());
        self.progress
            .hidden(|| println!("{}", scaling::table::sizes(&sizes)));
        self.figures.sizes = Some(sizes);
        self.keep(outcome)
    }

    /// The cache lines that operations write, and what follows for many processors if it is known what they cost.
    pub fn writes(&mut self, program: &Path, plugin: &Path) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let writes = count_writes(self.kernel, plugin, |plugin| {
            let (lines, booted) = self.run(&WRITES, program, Some(plugin))?;
            outcome.add(booted);
            Ok(lines)
        })?;
        outcome.add(writes.judge());
        self.progress
            .hidden(|| println!("{}", scaling::table::writes(&writes)));
        if let Some(costs) = &self.figures.costs {
            let projection = Projection::of(&writes, |operation| costs.alone(operation));
            self.progress
                .hidden(|| println!("{}", scaling::table::projection(&projection)));
            self.figures.projection = Some(projection);
        }
        self.figures.writes = Some(writes);
        self.keep(outcome)
    }

    /// Readers and page faults beside a writer.
    pub fn contention(&mut self, program: &Path) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        for (processors, readers, faults) in &PARALLEL {
            let (lines, booted) = self.run(readers, program, None)?;
            outcome.add(booted);
            let contention = Contention::of(*processors, &lines);
            let (lines, booted) = self.run(faults, program, None)?;
            outcome.add(booted);
            let faults = Faults::of(*processors, &lines);
            outcome.add(contention.judge());
            outcome.add(faults.judge());
            self.progress.hidden(|| {
                println!("{}", table::contention(&contention));
                println!("{}", scaling::table::faults(&faults));
            });
            self.figures.contention.push(contention);
            self.figures.faults.push(faults);
        }
        self.keep(outcome)
    }

    /// Holds the primitives that were measured against the baseline of a file.
    pub fn compare(&mut self, file: &Path, baseline: &Baseline) -> Result<Outcome> {
        if self.figures.primitives.is_empty() {
            bail!("nothing to compare: the primitives were not measured");
        }
        let shown = self.kernel.places.show(file);
        let compared = baseline.compare(&self.measured());
        if let Some(other) = &compared.other {
            self.progress.say(&format!(
                "  {shown} is of another toolchain ({other}): what Rust takes beyond C is compared"
            ));
        }
        for better in &compared.better {
            self.progress.say(&format!(
                "  better: {better}; `make bench-baseline` stores it"
            ));
        }
        let mut outcome = compared.outcome;
        self.progress
            .say(&format!("  compared with {shown}: {}", outcome.counts()));
        for failure in &mut outcome.failures {
            *failure = format!("{shown}: {failure}");
        }
        self.keep(outcome)
    }

    /// Stores the primitives that were measured as the baseline.
    pub fn store(&self, file: &Path) -> Result<()> {
        let baseline = self.measured();
        baseline.write(file)?;
        self.progress.say(&format!(
            "  {} counts of {} stored in {}",
            baseline.len(),
            self.figures.toolchain,
            self.kernel.places.show(file)
        ));
        Ok(())
    }

    /// The page of what was measured, and where all figures are. `more` comes at its end.
    pub fn page(&self, more: Vec<Section>) -> Result<Outcome> {
        let Kernel {
            places, packages, ..
        } = self.kernel;
        self.progress
            .say(&format!("  figures: {}", places.show(&self.json())));
        let Figures {
            rows,
            costs: Some(costs),
            sizes: Some(sizes),
            writes: Some(writes),
            projection: Some(projection),
            contention,
            faults,
            ..
        } = &self.figures
        else {
            bail!("no page: not everything on it was measured");
        };
        let [others @ .., parallel] = &contention[..] else {
            bail!("no page: what readers and a writer wait for each other was not measured");
        };
        let mut page = sheet::page(rows, costs, parallel)?;
        page.sections.push(scaling::sheet::section(&Scaling {
            contention: others,
            faults,
            sizes,
            writes,
            projection,
        })?);
        page.sections.push(self.reasons()?);
        page.sections.extend(more);
        page::step(places, packages, &self.dir(), &page, self.progress)
    }

    /// The listings of all that take more instructions in Rust than in C, and why they do.
    fn reasons(&self) -> Result<Section> {
        let exceptions = Exceptions::load(&self.kernel.places.repo)?;
        let names: Vec<&str> = exceptions.primitives().map(|e| &*e.primitive).collect();
        let listings = code::listings(self.kernel, X86_64_BENCH, &names)?;
        Ok(sheet::reasons(exceptions.primitives().zip(listings)))
    }

    fn measured(&self) -> Baseline {
        Baseline::of(&self.figures.primitives, &self.figures.toolchain)
    }

    fn dir(&self) -> PathBuf {
        self.kernel.places.build.join("bench")
    }

    fn json(&self) -> PathBuf {
        self.dir().join("bench.json")
    }

    /// Adds what a part came to, and writes all figures that there are.
    fn keep(&mut self, outcome: Outcome) -> Result<Outcome> {
        self.figures.outcome.add(outcome.clone());
        let file = self.json();
        let cannot = || format!("{}: cannot be written", file.display());
        fs::create_dir_all(self.dir()).with_context(cannot)?;
        let text = serde_json::to_string_pretty(&self.figures).with_context(cannot)?;
        fs::write(&file, text + "\n").with_context(cannot)?;
        Ok(outcome)
    }
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
