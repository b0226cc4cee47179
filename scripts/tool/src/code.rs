// SPDX-License-Identifier: GPL-2.0

//! The compiled code: `make disasm` shows it, `make codegen-check` judges it.

mod allowed;
mod asm;
mod calls;
#[cfg(test)]
mod fixture;
mod gate;
pub mod object;
mod primitives;
mod sheet;
mod size;
mod stack;
pub mod two_trees;

use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::page::{Listing, Section};
use crate::report::Outcome;
use crate::session::{Ready, Session};
use allowed::Allowed;
use anyhow::{Context, Result};
use calls::Panic;
use primitives::{At, Code, Primitive};
use serde::Serialize;
use size::Unused;
use std::collections::BTreeMap;
use std::fs;

/// How many bytes of stack more than C Rust may take for a primitive: four callee-saved registers, which the compiler
/// chooses to keep or not.
const MORE_STACK: u64 = 32;

/// The content of build/bench/code.json.
#[derive(Serialize)]
struct Report<'a> {
    config: &'a str,
    primitives: &'a BTreeMap<String, Figures>,
    abstraction: Abstraction<'a>,
    /// Not there where the tree is the caller's own.
    unused: Option<&'a Unused>,
    /// Bytes of text.
    samples: &'a BTreeMap<String, u64>,
    outcome: &'a Outcome,
}

/// Of a primitive.
#[derive(Serialize)]
struct Figures {
    c: Option<Figure>,
    rust: Option<Figure>,
    upstream: Option<Figure>,
}

/// Of a function with all of the same driver and of the abstraction that it comes to; calls are those of all.
#[derive(Serialize)]
struct Figure {
    instructions: usize,
    bytes: u64,
    stack: u64,
    /// Places, counted for each way to them.
    helper_calls: u64,
    calls: Vec<String>,
    functions: Vec<String>,
}

/// The functions of kernel::mm::vma.
#[derive(Serialize)]
struct Abstraction<'a> {
    functions: usize,
    panics: &'a [Panic],
}

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
        .filter_map(|(name, p)| Some((name, calls::helper_calls(p.rust?))))
        .collect())
}

/// The figures of a kernel's code.
pub struct Looked {
    figures: BTreeMap<String, Figures>,
    unused: Option<Unused>,
    pub outcome: Outcome,
}

/// Shows what the code of a built kernel is, writes it into build/bench, and judges it.
pub fn look(session: &Session, ready: &Ready, config: Config) -> Result<Looked> {
    let kernel = &session.kernel(ready);
    let code = Code::read(kernel, config)?;
    let allowed = Allowed::load(&kernel.places.repo)?;
    let primitives = code.primitives();
    let mut figures = BTreeMap::new();
    for (name, primitive) in &primitives {
        figures.insert(name.clone(), Figures::of(primitive)?);
    }
    let mut outcome = calls::judge(&primitives, &allowed);
    let (functions, panics) = calls::panics(&code, &allowed);
    outcome.add(calls::judge_panics(functions, &panics));
    outcome.add(judge_stack(&figures, &allowed));
    outcome.add(allowed.judge());
    let unused = two_trees::with(session, ready, Unused::of)?;
    match &unused {
        Some(unused) => outcome.add(unused.judge()),
        None => outcome.skipped += 1,
    }
    match two_trees::without_option(session, ready, gate::Gate::of)? {
        Some(gate) => {
            session.progress.hidden(|| println!("{}", gate.line()));
            outcome.add(gate.judge());
        }
        None => outcome.skipped += 1,
    }
    let out = kernel.places.out(config.name);
    outcome.add(gate::without_mm(&out)?);
    let samples = size::samples(&out)?;
    session.progress.hidden(|| {
        println!("{}", sheet::table(&figures).text());
        if let Some(unused) = &unused {
            println!("{}", unused.table());
        }
        println!("{}", size::samples_table(&samples, config.name));
    });

    let dir = kernel.places.build.join("bench");
    fs::create_dir_all(&dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    let json = dir.join("code.json");
    let report = Report {
        config: config.name,
        primitives: &figures,
        abstraction: Abstraction {
            functions,
            panics: &panics,
        },
        unused: unused.as_ref(),
        samples: &samples,
        outcome: &outcome,
    };
    fs::write(&json, serde_json::to_string_pretty(&report)? + "\n")
        .with_context(|| format!("{}: cannot be written", json.display()))?;
    Ok(Looked {
        figures,
        unused,
        outcome,
    })
}

impl Looked {
    pub fn section(&self) -> Result<Section> {
        sheet::section(&self.figures, self.unused.as_ref())
    }
}

impl Figures {
    fn of(primitive: &Primitive) -> Result<Self> {
        let of = |at: Option<At>| at.map(Figure::of).transpose();
        Ok(Self {
            c: of(primitive.c)?,
            rust: of(primitive.rust)?,
            upstream: of(primitive.upstream)?,
        })
    }
}

impl Figure {
    fn of(at: At) -> Result<Self> {
        let all = at.ours();
        Ok(Self {
            instructions: all.iter().map(|at| at.function.code.len()).sum(),
            bytes: all.iter().map(|at| at.function.bytes).sum(),
            stack: stack::deepest(at)?,
            helper_calls: calls::helper_calls(at),
            calls: calls::callees(at).into_keys().collect(),
            functions: all.iter().map(|at| at.function.path()).collect(),
        })
    }
}

fn judge_stack(figures: &BTreeMap<String, Figures>, allowed: &Allowed) -> Outcome {
    let mut outcome = Outcome::default();
    for (name, figures) in figures {
        let (Some(c), Some(rust)) = (&figures.c, &figures.rust) else {
            continue;
        };
        let fits = rust.stack <= c.stack + MORE_STACK;
        outcome.check(fits || allowed.stack(name), || {
            format!(
                "{name}: Rust takes {} bytes of stack, C {}: more than {MORE_STACK} bytes more: take less, or give \
                 the reason in scripts/bench/calls.toml",
                rust.stack, c.stack
            )
        });
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_may_differ_by_saved_registers() {
        let figure = |stack| {
            Some(Figure {
                instructions: 1,
                bytes: 1,
                stack,
                helper_calls: 0,
                calls: Vec::new(),
                functions: Vec::new(),
            })
        };
        let figures = |rust| Figures {
            c: figure(8),
            rust: figure(rust),
            upstream: None,
        };
        let judge = |rust| {
            let all = BTreeMap::from([("read".to_string(), figures(rust))]);
            judge_stack(&all, &Allowed::default())
        };
        assert_eq!(judge(8 + MORE_STACK).failed, 0);
        let failures = judge(8 + MORE_STACK + 8).failures;
        assert!(
            failures[0].starts_with("read: Rust takes 48 bytes of stack, C 8"),
            "{failures:?}"
        );
    }
}
