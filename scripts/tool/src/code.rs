// SPDX-License-Identifier: GPL-2.0

//! The compiled code: `make disasm` shows it. For `make codegen-check` this finds out what is in the objects, and
//! crate::judge judges it.

mod asm;
mod exports;
pub mod facts;
#[cfg(test)]
mod fixture;
pub mod object;
mod primitives;
mod stack;
pub mod two_trees;

pub use asm::Listing;
pub use exports::exports;
pub use facts::assertions;

use crate::judge::{build_cost, code as judged};
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::report::{self, Outcome};
use crate::session::{Ready, Session};
use anyhow::{Context, Result};
use facts::{Figure, Tree};
use fs_err as fs;
use primitives::{Code, samples_text};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Listings of a function in C and in Rust.
pub fn listing(kernel: &Kernel, config: Config, function: &str) -> Result<String> {
    let listings = asm::listings(kernel, &Code::read(kernel, config)?, function)?;
    Ok(asm::beside(&listings, asm::width()))
}

/// The same for a page: a listing for each language, of each of the functions.
pub fn listings(kernel: &Kernel, config: Config, functions: &[&str]) -> Result<Vec<Vec<Listing>>> {
    let code = Code::read(kernel, config)?;
    functions
        .iter()
        .map(|function| asm::listings(kernel, &code, function))
        .collect()
}

/// How many calls of helpers each primitive has in Rust: places in the code, counted for each way to them, which is the
/// most that a run without loops can do. None where helpers are inlined.
pub fn helper_calls(kernel: &Kernel, config: Config) -> Result<BTreeMap<String, u64>> {
    let code = Code::read(kernel, config)?;
    let primitives = code.primitives().into_iter();
    Ok(primitives
        .filter_map(|(name, of)| Some((name, facts::helper_calls(*of.get("rust")?))))
        .collect())
}

/// Judges the code of a built kernel, shows what is in it, and writes it to build/bench/code.json.
pub fn look(session: &Session, ready: &Ready, config: Config) -> Result<judged::Report> {
    let kernel = &session.kernel(ready);
    let code = Code::read(kernel, config)?;
    let mut primitives = judged::Primitives::new();
    for (name, mut of) in code.primitives() {
        let mut figure = |language| of.remove(language).map(Figure::of).transpose();
        let sides = judged::Sides {
            c: figure("c")?,
            rust: figure("rust")?,
            upstream: figure("upstream")?,
        };
        primitives.insert(name, sides);
    }
    let mut functions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, at) in code.all().filter(|(_, at)| at.is_of_the_abstraction()) {
        let names = at.function.names().map(object::demangle);
        let all = functions.entry(at.function.path()).or_default();
        all.extend(names);
    }
    let mut allowed = judged::Allowed::load(&kernel.places.repo)?;
    let mut outcome = judged::judge_primitives(&primitives, &mut allowed);
    let (judged, abstraction) = judged::judge_panics(&functions, &mut allowed);
    outcome.add(judged);
    outcome.add(allowed.judge());
    // Neither is there where the tree is the caller's own.
    let unused = two_trees::with(session, ready, |with, without| {
        Ok(judged::Unused::read(
            &Tree::read(with)?,
            &Tree::read(without)?,
        ))
    })?;
    let option = two_trees::without_option(session, ready, |with, without| {
        judged::judge_option(&Tree::read(with)?, &Tree::read(without)?)
    })?;
    let mut said = vec![judged::primitives_table(&primitives).text()];
    match &unused {
        Some(unused) => {
            outcome.add(unused.judge());
            said.extend(unused.tables().map(|table| table.text()));
        }
        None => outcome.skipped += 1,
    }
    match option {
        Some((judged, text)) => {
            outcome.add(judged);
            said.insert(0, text);
        }
        None => outcome.skipped += 1,
    }
    let out = kernel.places.out(config.name);
    outcome.add(build_cost::judge_without_mm(&out)?);
    let samples = samples_text(&out)?;
    said.push(judged::samples_table(config.name, &samples).text());
    let report = judged::Report {
        config: config.name,
        primitives,
        abstraction,
        unused,
        samples,
        outcome,
    };
    write(session, "code.json", &report, &said.join("\n"))?;
    Ok(report)
}

/// Measures what the overlay costs rustc, judges it, and writes it to build/bench/build-cost.json.
pub fn build_cost(session: &Session, ready: &Ready) -> Result<(Outcome, build_cost::Report)> {
    let report = two_trees::with(session, ready, |with, without| {
        let step = session.progress.step("build cost");
        let report = build_cost::Report::measure(with, without)?;
        Ok((step.ended(report.judge()), report))
    })?;
    let (outcome, report) = report.context(two_trees::KDIR)?;
    write(session, "build-cost.json", &report, &report.table().text())?;
    Ok((outcome, report))
}

fn write(session: &Session, name: &str, report: &impl Serialize, said: &str) -> Result<()> {
    let dir = session.places.build.join("bench");
    fs::create_dir_all(&dir)?;
    report::write_json(&dir.join(name), report)?;
    session.progress.hidden(|| println!("{said}"));
    Ok(())
}
