// SPDX-License-Identifier: GPL-2.0

//! Proves that misuse of a kernel API does not compile, and for the reason given.

use anyhow::{Result, bail};
use serde::Serialize;
use std::path::Path;

/// What a run found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub passed: usize,
    pub failed: usize,
    pub cases: Vec<Case>,
}

/// One revision of one file: one test.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    pub name: String,
    pub revision: String,
    pub ok: bool,
    /// Why it failed, or which option the kernel lacks so that it was left out; else empty.
    pub detail: String,
    pub seconds: f64,
}

/// Compiles every case of `cases_dir` whose name contains `filter` against the kernel built in
/// `build_dir` (an `O=` directory). `progress` hears of each finished test, in any order.
pub fn run(
    cases_dir: &Path,
    build_dir: &Path,
    rustc: &Path,
    filter: Option<&str>,
    threads: usize,
    progress: &(dyn Fn(&Case) + Sync),
) -> Result<Report> {
    let _ = (cases_dir, rustc, filter, threads, progress);
    bail!("{}: compile-fail cases cannot be run yet", build_dir.display())
}
