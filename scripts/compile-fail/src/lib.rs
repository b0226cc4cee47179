// SPDX-License-Identifier: GPL-2.0

//! Proves that misuse of a kernel API does not compile, and for the reason given.
//!
//! Every case is compiled twice against the built `kernel` crate: as misuse, where each error has to
//! be one that the case names, and corrected, where nothing may be complained about.
//!
//! The crate `ui_test` does much of this, but matches only messages, not the labels that
//! `#[diagnostic::on_unimplemented]` gives, and brings a tree of dependencies that takes longer to
//! compile than all cases together.

mod case;
mod diagnostic;
mod example;
mod judge;
mod kernel;
mod matrix;
mod order;
mod page;
mod snippet;
#[cfg(test)]
mod tests;

pub use crate::example::{examples, unsaid};
pub use crate::kernel::{flags as kernel_flags, words};
pub use crate::matrix::{Cell, Matrix, MatrixRow, matrix};
pub use crate::order::{FoundBy, OrderCell, order_table};
pub use crate::page::{page, said};
pub use crate::snippet::{Snippet, snippets};

use crate::case::CaseFile;
use crate::kernel::Compiler;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The result of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub passed: usize,
    pub failed: usize,
    /// Tests of cases that need an option this kernel was not built with: neither passed nor failed.
    pub left_out: usize,
    /// By name and revision.
    pub cases: Vec<Case>,
}

/// One revision of one file: one test.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    pub name: String,
    /// `misuse` or `correct`.
    pub revision: String,
    pub ok: bool,
    /// Why it failed, or which option the kernel lacks so that it was left out; else empty.
    pub detail: String,
    pub seconds: f64,
    pub left_out: bool,
    /// The explanation of the case, for a misuse.
    #[serde(skip)]
    pub shows: String,
    /// The diagnostics of rustc.
    #[serde(skip)]
    pub said: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Revision {
    Misuse,
    Correct,
}

impl Revision {
    /// Its name, which is also the `cfg` it is compiled with.
    fn name(self) -> &'static str {
        match self {
            Revision::Misuse => "misuse",
            Revision::Correct => "correct",
        }
    }
}

/// Compiles every case of `cases_dir` whose name contains `filter` against the kernel built in
/// `build_dir` (an `O=` directory), on `threads` threads. `progress` is called for each finished test,
/// in any order.
pub fn run(
    cases_dir: &Path,
    build_dir: &Path,
    rustc: &Path,
    filter: Option<&str>,
    threads: usize,
    progress: &(dyn Fn(&Case) + Sync),
) -> Result<Report> {
    let mut paths = case_files(cases_dir)?;
    paths.retain(|path| filter.is_none_or(|f| name_of(path).contains(f)));
    run_files(&paths, build_dir, rustc, threads, progress)
}

/// As [`run()`], for the cases of these names. All of them must exist.
pub fn run_named(
    cases_dir: &Path,
    names: &BTreeSet<&str>,
    build_dir: &Path,
    rustc: &Path,
    threads: usize,
    progress: &(dyn Fn(&Case) + Sync),
) -> Result<Report> {
    let mut paths = case_files(cases_dir)?;
    paths.retain(|path| names.contains(&*name_of(path)));
    let exists = |name: &&&str| paths.iter().any(|path| name_of(path) == **name);
    if let Some(missing) = names.iter().find(|name| !exists(name)) {
        bail!("{missing}: no such case in {}", cases_dir.display());
    }
    run_files(&paths, build_dir, rustc, threads, progress)
}

fn run_files(
    paths: &[PathBuf],
    build_dir: &Path,
    rustc: &Path,
    threads: usize,
    progress: &(dyn Fn(&Case) + Sync),
) -> Result<Report> {
    let compiler = Compiler::of_kernel(build_dir, rustc)?;
    let scratch = tempfile::tempdir().context("no directory for temporary files: set TMPDIR")?;
    let tests: Vec<(&PathBuf, Revision)> = paths
        .iter()
        .flat_map(|path| [(path, Revision::Correct), (path, Revision::Misuse)])
        .collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, tests.len().max(1)) {
            scope.spawn(|| {
                while let Some((path, revision)) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let case = test(&compiler, scratch.path(), path, *revision);
                    progress(&case);
                    done.lock().expect("no test panics").push(case);
                }
            });
        }
    });
    let mut cases = done.into_inner().expect("no test panics");
    cases.sort_by(|a, b| (&a.name, &a.revision).cmp(&(&b.name, &b.revision)));
    let count = |wanted: &dyn Fn(&Case) -> bool| cases.iter().filter(|c| wanted(c)).count();
    Ok(Report {
        passed: count(&|c| c.ok && !c.left_out),
        failed: count(&|c| !c.ok),
        left_out: count(&|c| c.left_out),
        cases,
    })
}

fn case_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let shown = dir.display();
    let entries = fs::read_dir(dir)
        .with_context(|| format!("{shown}: no directory with compile-fail cases"))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("{shown}: cannot be read"))?
            .path();
        if path.extension().is_some_and(|e| e == "rs") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        bail!("{shown}: no compile-fail case (*.rs) in it");
    }
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn test(compiler: &Compiler, scratch: &Path, path: &Path, revision: Revision) -> Case {
    let start = Instant::now();
    let (mut complaints, mut left_out) = (Vec::new(), None);
    let (mut shows, mut said) = (String::new(), String::new());
    match CaseFile::read(path) {
        Err(error) => complaints.push(format!("{error:#}")),
        Ok(case) => {
            left_out = compiler.lacks(&case.needs);
            if left_out.is_none() {
                complaints = match compiler.compile(path, &case, revision, scratch) {
                    Ok(outcome) => {
                        let wrong = judge::judge(&case, revision, &outcome);
                        (shows, said) = (case.shows, outcome.rendered);
                        wrong
                    }
                    Err(error) => vec![format!("{error:#}")],
                };
            }
        }
    }
    Case {
        name: name_of(path),
        revision: revision.name().to_string(),
        ok: complaints.is_empty(),
        detail: left_out.as_ref().map_or(complaints.join("; "), |needs| {
            format!("left out: needs {needs}")
        }),
        seconds: start.elapsed().as_secs_f64(),
        left_out: left_out.is_some(),
        shows,
        said,
    }
}
