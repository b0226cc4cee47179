// SPDX-License-Identifier: GPL-2.0

//! Holds the lock tables in the code against those of the kernel's own document, cell by cell, and against the members
//! of the C struct. What differs has to be in the written list of deviations, with its reason.

mod code;
mod compare;
mod deviations;
mod document;
mod locks;
mod members;
mod names;
mod report;
mod rst;
#[cfg(test)]
mod tests;

pub use members::Members;
pub use report::{Cell, Reason, Report, Verdict};

use anyhow::{Context, Result};
use code::Code;
use compare::Cells;
use document::Document;
use lock_table::{Kind, LockTable};
use rst::Rst;
use std::fs;
use std::path::{Path, PathBuf};

/// The inputs of the comparison.
pub struct Subject {
    /// The kernel's `Documentation/mm/process_addrs.rst`.
    pub document: PathBuf,
    /// Our `Documentation/mm/process_addrs_rust.rst`, which has the list of deviations.
    pub deviations: PathBuf,
    pub code: LockTable,
    /// The source of the KUnit suite that has the matrix `EXCLUDES`.
    pub exclusivity: String,
    pub members: Members,
    /// The kernel series, such as `7.3`.
    pub series: String,
    /// The errors in the code's conversions from one view to another, and in methods that reach a field.
    pub problems: Vec<String>,
}

impl Subject {
    /// The code of a checkout, and the document of a kernel tree.
    pub fn new(repo: &Path, tree: &Path, members: Members, series: &str) -> Result<Self> {
        let vma_dir = repo.join("rust/kernel/mm/vma");
        let exclusivity = vma_dir.join("tests/exclusivity.rs");
        let code = LockTable::read(&vma_dir)?;
        Ok(Self {
            document: tree.join("Documentation/mm/process_addrs.rst"),
            deviations: repo.join("Documentation/mm/process_addrs_rust.rst"),
            problems: code.problems(&vma_dir)?,
            code,
            exclusivity: fs::read_to_string(&exclusivity)
                .with_context(|| format!("{}: cannot be read", exclusivity.display()))?,
            members,
            series: series.to_string(),
        })
    }

    /// Compares everything. An error is for what cannot be read at all.
    pub fn check(&self) -> Result<Report> {
        Ok(self.compare(&Rst::read(&self.document)?, &Rst::read(&self.deviations)?))
    }

    fn compare(&self, document: &Rst, list: &Rst) -> Report {
        let mut problems = self.problems.clone();
        let document = Document::new(document, &mut problems);
        let deviations = deviations::read(list, &self.deviations, &mut problems);
        let deviations: Vec<_> = deviations
            .iter()
            .filter(|one| one.is_about(&self.series, &self.members))
            .collect();
        let code = Code { table: &self.code };
        problems.extend(code.unknown_bounds());
        let mut cells = Cells::default();
        cells.lock_states(&document, &code);
        cells.fields(&document, &code, &deviations);
        cells.page_tables(&document, &code);
        match code::excludes(&self.exclusivity) {
            Ok(excludes) => cells.exclusivity(&document, &excludes),
            Err(error) => problems.push(format!("tests/exclusivity.rs: {error:#}")),
        }
        cells.members(&self.members, &self.code.tables);
        let right = cells.explain(&deviations);
        problems.extend(cells.problems);
        Report {
            series: self.series.clone(),
            members: self.members.source.clone(),
            notes: notes(&code),
            cells: cells.cells,
            reasons: deviations
                .iter()
                .map(|one| Reason {
                    number: one.number,
                    reason: one.reason.clone(),
                })
                .collect(),
            right,
            problems,
        }
    }
}

/// Accesses that are no reads in the sense of the document.
fn notes(code: &Code) -> Vec<String> {
    let mut notes = Vec::new();
    for row in code.table.tables.iter().flat_map(|table| &table.rows) {
        for access in &row.accesses {
            let how = match access.kind {
                Kind::Racy => "racily, under",
                Kind::Rcu => "unstably, under",
                _ => continue,
            };
            notes.push(format!(
                "{}: {}() reads it {how} {}",
                row.name,
                access.name,
                code.requirement(access)
            ));
        }
    }
    notes
}
