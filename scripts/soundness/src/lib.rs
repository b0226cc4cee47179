// SPDX-License-Identifier: GPL-2.0

//! Checks what the abstraction's soundness rests on: each `unsafe` has an argument, and tests that would notice if it
//! were false; safe functions dereference no pointer that they are given; memory that may be uninitialised is lent in
//! known places only; the properties of each public type are stated; and what C functions demand of their callers has tests.

mod argument;
mod calls;
mod ledger;
mod named;
mod preconditions;
mod properties;
mod report;
mod rules;
mod source;
#[cfg(test)]
mod tests;

pub use argument::Site;
pub use calls::{Call, calls};
pub use ledger::{Entry, Ledger};
pub use report::Report;
pub use source::Kind;

use anyhow::Result;
use named::Tests;
use preconditions::Preconditions;
use source::Source;
use std::path::Path;

/// The input of the checks.
struct Subject {
    sources: Vec<Source>,
    kunit: Vec<Source>,
    ledger: Ledger,
    preconditions: Preconditions,
    tests: Tests,
}

/// Checks a checkout. An error is for what cannot be read at all.
pub fn check(repo: &Path) -> Result<Report> {
    let (sources, kunit) = Source::read_all(repo)?;
    Subject {
        sources,
        kunit,
        ledger: Ledger::read(repo)?,
        preconditions: Preconditions::read(repo)?,
        tests: Tests::read(repo)?,
    }
    .check()
}

impl Subject {
    fn check(&self) -> Result<Report> {
        let (mut sites, mut types) = (Vec::new(), Vec::new());
        let (mut pointers, mut memory, mut locks) = (Vec::new(), Vec::new(), Vec::new());
        let mut problems = Vec::new();
        let mut rows = properties::Rows::default();
        for source in &self.sources {
            sites.extend(argument::sites(source)?);
            types.extend(properties::public_types(source)?);
            pointers.extend(rules::safe_functions_of_pointers(source)?);
            memory.extend(rules::uninitialised_memory(source)?);
            locks.extend(rules::mmap_lock_without_the_scope(source)?);
            for item in rules::pointers_without_invariants(source)? {
                problems.push(format!("{item}: holds a pointer and has no `# Invariants`"));
            }
            for item in rules::locks_named_by_a_macro(source)? {
                problems.push(format!(
                    "{item}: a macro names the lock: give new() a name that is a static"
                ));
            }
            if source.name == "properties.rs" {
                rows = properties::Rows::read(source)?;
            }
        }
        for source in &self.kunit {
            for item in rules::assertions_that_panic(source)? {
                problems.push(format!(
                    "{item}: an assertion outside of the cases panics: return an error, as holds() does"
                ));
            }
        }
        let checked = sites.len()
            + types.len()
            + self.sources.len()
            + self.kunit.len()
            + self.preconditions.all.len();
        let entries = self.ledger.join(&sites, &self.tests, &mut problems);
        rules::hold_against(
            &pointers,
            &self.ledger.pointers,
            "a safe function dereferences a pointer that it is given",
            &mut problems,
        );
        rules::hold_against(
            &memory,
            &self.ledger.memory,
            "lends memory that may be uninitialised",
            &mut problems,
        );
        rules::hold_against(
            &locks,
            &self.ledger.locks,
            "may wait for the mmap lock, and does not borrow the lock scope mutably",
            &mut problems,
        );
        rows.hold_against(&types, &self.tests, &mut problems);
        self.preconditions.hold_against(&self.tests, &mut problems);
        problems.dedup();
        Ok(Report {
            entries,
            pointers,
            types: types.len(),
            tests: self.tests.len(),
            preconditions: self.preconditions.all.len(),
            checked,
            problems,
        })
    }
}
