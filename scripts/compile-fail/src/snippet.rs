// SPDX-License-Identifier: GPL-2.0

//! Programs that are no cases: each one either compiles without a complaint, or names the reasons for which it is rejected.

use crate::case::CaseFile;
use crate::kernel::Compiler;
use crate::{Revision, case_files, judge, name_of};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// A program, and how it was compiled.
#[derive(Clone, Debug)]
pub struct Snippet {
    pub name: String,
    /// True if it names a reason, so that the compiler has to reject it.
    pub rejected: bool,
    /// The difference from what it says of itself; empty if there is none.
    pub detail: String,
    pub source: String,
    /// The diagnostics of rustc.
    pub said: String,
}

/// Compiles every program of `dir` against the kernel built in `build_dir`.
pub fn snippets(dir: &Path, build_dir: &Path, rustc: &Path) -> Result<Vec<Snippet>> {
    let compiler = Compiler::of_kernel(build_dir, rustc)?;
    let scratch = tempfile::tempdir().context("no directory for temporary files: set TMPDIR")?;
    let compile = |path: &Path| -> Result<Snippet> {
        let source = fs::read_to_string(path)?;
        let rejected = source.contains("//~");
        let (case, revision) = match rejected {
            true => (CaseFile::parse(&source)?, Revision::Misuse),
            false => (CaseFile::of_an_example(&source), Revision::Correct),
        };
        let outcome = compiler.compile(path, &case, revision, scratch.path())?;
        Ok(Snippet {
            name: name_of(path),
            rejected,
            detail: judge::judge(&case, revision, &outcome).join("; "),
            source,
            said: outcome.rendered,
        })
    };
    let files = case_files(dir)?;
    let compiled = files
        .iter()
        .map(|path| compile(path).with_context(|| path.display().to_string()));
    compiled.collect()
}
