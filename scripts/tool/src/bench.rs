// SPDX-License-Identifier: GPL-2.0

//! The benchmark: the same work on VMAs in C and in Rust, in one kernel. On one processor whose clock counts instructions,
//! so that costs are the same on a busy host: each primitive, on a kernel that inlines C helpers into Rust and on one that
//! calls them; walks and look-ups among few and many VMAs, close together and far apart; and everything once more with a
//! plugin that counts stores. Then on one and on two processors that are as fast as they can be: how readers, page faults
//! and a writer delay each other, of which only ratios within a run are judged.
//!
//! All results are in one file, build/bench/bench.json, from which the tables and the page are made.

mod baseline;
mod contention;
mod costs;
mod exceptions;
mod faults;
mod limits;
mod part;
mod primitives;
mod projection;
mod rows;
#[cfg(test)]
mod samples;
pub mod sheet;
mod spread;
mod writes;

pub use baseline::{Baseline, FILE as BASELINE};
pub use part::PROGRAM;

use crate::code;
use crate::kbuild::Kernel;
use crate::kconfig::{Config, X86_64_BENCH, X86_64_BENCH_CALLS};
use crate::page::{self, Section, Table};
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use baseline::Toolchain;
use bench_records::Record;
use contention::Contention;
use costs::{By, Costs};
use exceptions::Exceptions;
use faults::Faults;
use part::Part;
use primitives::{Helpers, Measured, Primitives};
use projection::Projection;
use rows::Row;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use writes::{Symbols, Writes};

/// The plugin that counts loads and stores.
pub const PLUGIN: &str = "cache-lines";

/// Two boots of the same program, without randomisation.
const PRIMITIVES: [Part; 2] = [
    Part::counting("bench-primitives", "primitives", "nokaslr norandmaps"),
    Part::counting("bench-primitives-again", "primitives", "nokaslr norandmaps"),
];
const COST: Part = Part::counting("bench-cost", "cost", "");
const SIZES: Part = Part::counting("bench-sizes", "sizes", "");
/// The plugin knows the addresses to which functions were linked.
const WRITES: Part = Part::counting("bench-writes", "writes", "nokaslr");

/// Readers, and page faults, by the number of processors.
const PARALLEL: [(u32, Part, Part); 2] = [
    (
        1,
        Part::parallel("bench-contention-1", "contention", 1),
        Part::parallel("bench-faults-1", "faults", 1),
    ),
    (
        2,
        Part::parallel("bench-contention", "contention", 2),
        Part::parallel("bench-faults", "faults", 2),
    ),
];

/// Returns the kernels on which primitives are measured: both, or only one where helpers cannot be inlined.
pub fn kernels(kernel: &Kernel) -> Vec<(Config, Helpers)> {
    match kernel.inline_helpers() {
        true => vec![
            (X86_64_BENCH, Helpers::Inline),
            (X86_64_BENCH_CALLS, Helpers::Calls),
        ],
        false => vec![(X86_64_BENCH, Helpers::Calls)],
    }
}

/// Returns the kernel in which helpers are called.
pub fn called(kernel: &Kernel) -> Config {
    match kernel.inline_helpers() {
        true => X86_64_BENCH_CALLS,
        false => X86_64_BENCH,
    }
}

/// Runs parts of the benchmark on kernels that are built, judges each, and writes all figures to build/bench/bench.json
/// after each part.
pub struct Bench<'a> {
    kernel: &'a Kernel<'a>,
    progress: &'a Progress,
    figures: Figures,
}

#[derive(Default, Serialize)]
struct Figures {
    toolchain: Toolchain,
    inline_helpers: bool,
    /// The summary of `primitives`.
    rows: Vec<Row>,
    primitives: Vec<Measured>,
    costs: Option<Costs>,
    sizes: Option<Costs>,
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

    /// Measures each primitive on each kernel, in two boots. `shown` has the number of helper calls that the code of each
    /// shows where helpers are not inlined.
    pub fn primitives(&mut self, program: &Path, shown: &BTreeMap<String, u64>) -> Result<Outcome> {
        let exceptions = Exceptions::load(&self.kernel.places.repo)?;
        self.figures.toolchain = Toolchain::of(&self.kernel.places.out(X86_64_BENCH.name))?;
        let mut outcome = Outcome::default();
        let mut all = Vec::new();
        for (config, helpers) in kernels(self.kernel) {
            let mut boot = |part: &Part| -> Result<Primitives> {
                let (records, booted) =
                    part.run(self.kernel, config, program, None, self.progress)?;
                outcome.add(booted);
                Ok(Primitives::of(&records))
            };
            let [first, second] = &PRIMITIVES;
            all.push(Measured {
                config: config.name,
                helpers,
                boots: [boot(first)?, boot(second)?],
            });
        }
        // Nothing is judged unless all boots came to their end.
        if outcome.failed == 0 {
            outcome.add(limits::judge(&all, &exceptions, shown));
            let rows = Row::all(&all, &exceptions.helper_calls(shown));
            self.show(&rows::table(&rows));
            self.figures.rows = rows;
            self.figures.primitives = all;
        }
        self.keep(outcome)
    }

    /// Runs a part that needs one kernel only.
    fn run(
        &self,
        part: &Part,
        program: &Path,
        plugin: Option<String>,
    ) -> Result<(Vec<Record>, Outcome)> {
        part.run(self.kernel, X86_64_BENCH, program, plugin, self.progress)
    }

    fn show(&self, table: &Table) {
        self.progress.hidden(|| println!("{}", table.text()));
    }

    /// Measures walks and look-ups among few and many VMAs.
    pub fn cost(&mut self, program: &Path) -> Result<Outcome> {
        let (costs, outcome) = self.costs(&COST, By::Count, program)?;
        self.figures.costs = Some(costs);
        self.keep(outcome)
    }

    /// Measures walks and look-ups among VMAs that are close together and far apart.
    pub fn sizes(&mut self, program: &Path) -> Result<Outcome> {
        let (costs, outcome) = self.costs(&SIZES, By::Span, program)?;
        self.figures.sizes = Some(costs);
        self.keep(outcome)
    }

    fn costs(&self, part: &Part, by: By, program: &Path) -> Result<(Costs, Outcome)> {
        let (records, mut outcome) = self.run(part, program, None)?;
        let costs = Costs::of(by, &records);
        outcome.add(costs.judge());
        self.show(&costs.table());
        Ok((costs, outcome))
    }

    /// Counts the writes to cache lines. Together with the costs, if they were measured, they limit many processors.
    pub fn writes(&mut self, program: &Path, plugin: &Path) -> Result<Outcome> {
        let out = self.kernel.places.out(X86_64_BENCH.name);
        let read = |file: &Path| {
            fs::read_to_string(file).with_context(|| format!("{}: cannot be read", file.display()))
        };
        let symbols = Symbols::parse(&read(&out.join("System.map"))?)?;
        let counted = out.join("bench-writes.txt");
        let mut options = format!("{},out={}", plugin.display(), counted.display());
        for mark in symbols.marks()? {
            options += &format!(",mark={mark:x}");
        }
        let (records, mut outcome) = self.run(&WRITES, program, Some(options))?;
        let writes = Writes::of(&records, &read(&counted)?, &symbols)?;
        outcome.add(writes.judge());
        self.show(&writes.table());
        if let Some(costs) = &self.figures.costs {
            let projection = Projection::of(&writes, |operation| costs.last(operation));
            self.show(&projection.table());
            self.figures.projection = Some(projection);
        }
        self.figures.writes = Some(writes);
        self.keep(outcome)
    }

    /// Measures readers and page faults while a writer is at work.
    pub fn contention(&mut self, program: &Path) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        for (processors, readers, faults) in &PARALLEL {
            let (records, booted) = self.run(readers, program, None)?;
            outcome.add(booted);
            let contention = Contention::of(*processors, &records);
            let (records, booted) = self.run(faults, program, None)?;
            outcome.add(booted);
            let faults = Faults::of(*processors, &records);
            outcome.add(contention.judge());
            outcome.add(faults.judge());
            contention
                .tables()
                .iter()
                .for_each(|table| self.show(table));
            self.show(&faults.table());
            self.figures.contention.push(contention);
            self.figures.faults.push(faults);
        }
        self.keep(outcome)
    }

    /// Compares the primitives with the baseline of a file.
    pub fn compare(&mut self, file: &Path, baseline: &Baseline) -> Result<Outcome> {
        if self.figures.primitives.is_empty() {
            bail!("nothing to compare: the primitives were not measured");
        }
        let shown = self.kernel.places.show(file);
        let compared = baseline.compare(&self.measured());
        if let Some(other) = &compared.other {
            self.progress.say(&format!(
                "  {shown} is of another toolchain ({other}): the distance of Rust from C is compared"
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

    /// Stores the primitives as a baseline.
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

    /// Makes and checks the page of all measurements, with more sections at its end.
    pub fn page(&self, more: Vec<Section>) -> Result<Outcome> {
        let places = self.kernel.places;
        let shown = places.show(&self.dir().join("bench.json"));
        self.progress.say(&format!("  figures: {shown}"));
        let exceptions = Exceptions::load(&places.repo)?.exception;
        let names: Vec<&str> = exceptions.iter().map(|one| &*one.primitive).collect();
        let listings = code::listings(self.kernel, X86_64_BENCH, &names)?;
        let mut page = sheet::page(&self.figures)?;
        let reasons = sheet::reasons(exceptions.iter().zip(listings));
        page.sections.push(reasons);
        page.sections.extend(more);
        page::step(
            places,
            self.kernel.packages,
            &self.dir(),
            &page,
            self.progress,
        )
    }

    fn measured(&self) -> Baseline {
        Baseline::of(&self.figures.primitives, &self.figures.toolchain)
    }

    fn dir(&self) -> PathBuf {
        self.kernel.places.build.join("bench")
    }

    /// Adds the outcome of a part, and writes all figures.
    fn keep(&mut self, outcome: Outcome) -> Result<Outcome> {
        self.figures.outcome.add(outcome.clone());
        let file = self.dir().join("bench.json");
        let cannot = || format!("{}: cannot be written", file.display());
        fs::create_dir_all(self.dir()).with_context(cannot)?;
        let text = serde_json::to_string_pretty(&self.figures).with_context(cannot)?;
        fs::write(&file, text + "\n").with_context(cannot)?;
        Ok(outcome)
    }
}
