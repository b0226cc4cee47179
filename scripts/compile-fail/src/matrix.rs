// SPDX-License-Identifier: GPL-2.0

//! The access matrix: every access of the lock tables at every level, each of which must compile, or must not for the
//! reason that its capability gives. What is expected comes from the tables in the source; what is, from rustc.
//!
//! All that must compile is one file, and all that must not is another: so it takes two runs of rustc, not hundreds.

mod items;
mod judge;
mod show;

use crate::case::CaseFile;
use crate::kernel::Compiler;
use crate::{Case, Report, Revision};
use anyhow::{Context, Result};
use items::{Expected, Item, UNSTABLE, items};
use lock_table::{Kind, LockTable};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Whatever the types of arguments need.
const PRELUDE: &str = "\
use core::ops::Range;
use kernel::mm::vma::{level::*, page_table::*, rmap::*, *};
use kernel::{bindings, error::Result, ffi, ffi::c_void, fs::LocalFile, mm::Mm, sync::aref::ARef};
";

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Matrix {
    pub columns: Vec<String>,
    pub rows: Vec<MatrixRow>,
    /// The same as tests: one for each cell.
    pub report: Report,
}

/// An access.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixRow {
    pub row: String,
    pub access: String,
    pub kind: Kind,
    pub bound: Option<String>,
    /// By column.
    pub cells: BTreeMap<String, Cell>,
}

/// An access at a level.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// True if it has to compile.
    pub expected: bool,
    /// True if it does, if that is known.
    pub allowed: Option<bool>,
    pub ok: bool,
    pub left_out: bool,
}

/// Tries every access of `table` at every level whose name contains `filter`, on the kernel built in `build_dir`.
pub fn matrix(
    table: &LockTable,
    build_dir: &Path,
    rustc: &Path,
    filter: Option<&str>,
) -> Result<Matrix> {
    try_items(table, PRELUDE, build_dir, rustc, filter)
}

pub(crate) fn try_items(
    table: &LockTable,
    prelude: &str,
    build_dir: &Path,
    rustc: &Path,
    filter: Option<&str>,
) -> Result<Matrix> {
    let compiler = Compiler::of_kernel(build_dir, rustc)?;
    let mut matrix = Matrix {
        columns: table.levels.iter().map(|l| l.name.clone()).collect(),
        rows: Vec::new(),
        report: Report::default(),
    };
    matrix.columns.push(UNSTABLE.to_string());
    let (mut allowed, mut forbidden) = (Vec::new(), Vec::new());
    let all = items(table);
    for item in &all {
        if !filter.is_none_or(|f| item.name().contains(f)) {
            continue;
        }
        match compiler.lacks(item.needs.as_slice()) {
            Some(option) => matrix.leave_out(item, &option),
            None if item.expected == Expected::Compiles => allowed.push(item),
            None => forbidden.push(item),
        }
    }
    let files = [("allowed", allowed), ("forbidden", forbidden)];
    let results = std::thread::scope(|scope| {
        let runs = files.map(|(name, items)| {
            let compiler = &compiler;
            scope.spawn(move || file(compiler, prelude, name, items))
        });
        runs.map(|run| run.join().expect("no panic"))
    });
    for result in results {
        for (item, case, allowed) in result? {
            matrix.add(item, case, allowed);
        }
    }
    matrix.in_order(&all);
    Ok(matrix)
}

type Tried<'a> = (Option<&'a Item>, Case, Option<bool>);

/// Compiles a file of items.
fn file<'a>(
    compiler: &Compiler,
    prelude: &str,
    name: &str,
    items: Vec<&'a Item>,
) -> Result<Vec<Tried<'a>>> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let start = Instant::now();
    let scratch = tempfile::tempdir().context("no directory for temporary files: set TMPDIR")?;
    let path = scratch.path().join(format!("{name}.rs"));
    let head = format!(
        "//! The access matrix: {name}.\n#![allow(non_snake_case)]\n#![allow(unused_imports)]\n{prelude}"
    );
    let first = head.lines().count() + 1;
    let judged = judge::judge(&items, first, |lines| {
        let mut source = head.clone();
        for item in lines {
            source += item.map_or("", |item| &item.source);
            source.push('\n');
        }
        fs::write(&path, &source)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        let nothing = CaseFile::of_an_example(&source);
        compiler.compile(&path, &nothing, Revision::Correct, scratch.path())
    })?;
    let seconds = start.elapsed().as_secs_f64() / items.len() as f64;
    let revision = match name {
        "allowed" => Revision::Correct,
        _ => Revision::Misuse,
    };
    let case = |name: String, wrong: &str| Case {
        name,
        revision: revision.name().to_string(),
        ok: wrong.is_empty(),
        detail: wrong.to_string(),
        seconds,
        left_out: false,
        shows: String::new(),
        said: String::new(),
    };
    let mut tried: Vec<Tried<'a>> = items
        .into_iter()
        .zip(judged.verdicts)
        .map(|(item, v)| (Some(item), case(item.name(), &v.wrong), v.allowed))
        .collect();
    if !judged.elsewhere.is_empty() {
        let wrong = judged.elsewhere.join("; ");
        tried.push((None, case(format!("matrix::{name}"), &wrong), None));
    }
    Ok(tried)
}

impl Matrix {
    /// As JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let cannot = || format!("{}: cannot be written", path.display());
        let text = serde_json::to_string_pretty(self).with_context(cannot)?;
        fs::write(path, text + "\n").with_context(cannot)
    }

    fn leave_out(&mut self, item: &Item, option: &str) {
        let compiles = item.expected == Expected::Compiles;
        let revision = if compiles {
            Revision::Correct
        } else {
            Revision::Misuse
        };
        let case = Case {
            name: item.name(),
            revision: revision.name().to_string(),
            ok: true,
            detail: format!("left out: needs {option}"),
            seconds: 0.0,
            left_out: true,
            shows: String::new(),
            said: String::new(),
        };
        self.add(Some(item), case, None);
    }

    fn add(&mut self, item: Option<&Item>, case: Case, allowed: Option<bool>) {
        let report = &mut self.report;
        *match (case.left_out, case.ok) {
            (true, _) => &mut report.left_out,
            (_, true) => &mut report.passed,
            (_, false) => &mut report.failed,
        } += 1;
        if let Some(item) = item {
            let cell = Cell {
                expected: item.expected == Expected::Compiles,
                allowed,
                ok: case.ok,
                left_out: case.left_out,
            };
            let same = |r: &&mut MatrixRow| is_of(r, item);
            match self.rows.iter_mut().find(same) {
                Some(row) => drop(row.cells.insert(item.column.clone(), cell)),
                None => self.rows.push(MatrixRow {
                    row: item.row.clone(),
                    access: item.access.clone(),
                    kind: item.kind,
                    bound: item.bound.clone(),
                    cells: BTreeMap::from([(item.column.clone(), cell)]),
                }),
            }
        }
        self.report.cases.push(case);
    }

    /// Rows as in the tables, tests by name.
    fn in_order(&mut self, all: &[Item]) {
        self.rows
            .sort_by_key(|row| all.iter().position(|item| is_of(row, item)));
        self.report
            .cases
            .sort_by(|a, b| (&a.name, &a.revision).cmp(&(&b.name, &b.revision)));
    }
}

/// An unstable read can have the name of another access.
fn is_of(row: &MatrixRow, item: &Item) -> bool {
    (&row.row, &row.access, row.kind) == (&item.row, &item.access, item.kind)
}
