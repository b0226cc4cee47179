// SPDX-License-Identifier: GPL-2.0

//! The accesses that the code's tables permit, computed from the levels, the capabilities and the rows.

use crate::locks;
use crate::names::{HIDDEN, NOT_OFFERED};
use anyhow::{Context, Result, bail};
use lock_table::{Access, Kind, Level, LockState, LockTable, Row, Unwritten};
use std::collections::BTreeSet;

/// Questions to ask of the code's tables.
pub struct Code<'a> {
    pub table: &'a LockTable,
}

impl Code<'_> {
    /// The levels that the document speaks of.
    pub fn levels(&self) -> impl Iterator<Item = &Level> {
        self.table
            .levels
            .iter()
            .filter(|level| !HIDDEN.contains(&level.name.as_str()))
    }

    /// Bounds of accesses that are no trait of the levels.
    pub fn unknown_bounds(&self) -> Vec<String> {
        let mut unknown = Vec::new();
        for table in &self.table.tables {
            for row in &table.rows {
                for bound in row
                    .accesses
                    .iter()
                    .filter_map(|access| access.bound.as_ref())
                {
                    if !self.table.capabilities.iter().any(|c| c.name == *bound) {
                        unknown.push(format!(
                            "table \"{}\", row \"{}\": its bound {bound} is no trait of level.rs",
                            table.title, row.name
                        ));
                    }
                }
            }
        }
        unknown
    }

    /// Returns true if a level has a capability.
    pub fn includes(&self, capability: &str, level: &str) -> bool {
        self.table
            .capabilities
            .iter()
            .any(|have| have.name == capability && have.levels.contains(level))
    }

    fn levels_with(&self, capability: &str) -> impl Iterator<Item = &Level> {
        self.levels()
            .filter(move |level| self.includes(capability, &level.name))
    }

    /// Returns true if holding these locks is enough for a capability: for one of its levels, which can be had when any of its
    /// alternatives is held.
    pub fn permits(&self, capability: &str, state: LockState) -> bool {
        self.levels_with(capability)
            .flat_map(|level| &level.alternatives)
            .any(|need| locks::covers(state, *need))
    }

    /// The least that has to be held for a capability; several where one of them is enough.
    fn least(&self, capability: &str) -> Vec<LockState> {
        let all: Vec<LockState> = self
            .levels_with(capability)
            .flat_map(|level| level.alternatives.iter().copied())
            .collect();
        // In the document's order: the mmap lock first.
        let mut least: Vec<LockState> = Vec::new();
        for state in &all {
            let is_least = !all
                .iter()
                .any(|other| other != state && locks::covers(*state, *other));
            if is_least && !least.contains(state) {
                least.push(*state);
            }
        }
        least.sort_by(|a, b| b.cmp(a));
        least
    }

    /// The locks that an access needs, as a "Write lock" cell would say it.
    pub fn requirement(&self, access: &Access) -> String {
        let Some(bound) = &access.bound else {
            return "RCU".to_string();
        };
        let alternatives: Vec<String> = self
            .least(bound)
            .into_iter()
            .map(|state| locks::show(&locks::of_state(state)))
            .collect();
        match alternatives.is_empty() {
            true => format!("no level ({bound})"),
            false => alternatives.join(" or "),
        }
    }

    /// The locks that accesses of some kinds need: one requirement if they agree.
    fn requirements(&self, row: &Row, kinds: &[Kind]) -> Vec<String> {
        let needs: BTreeSet<String> = row
            .accesses
            .iter()
            .filter(|access| kinds.contains(&access.kind))
            .map(|access| self.requirement(access))
            .collect();
        needs.into_iter().collect()
    }

    /// The "Write lock" cell of a row; `none` if it has nothing to say.
    pub fn write_lock(&self, row: &Row, none: &str) -> String {
        let mut parts = self.requirements(row, &[Kind::Write, Kind::Atomic]);
        parts.extend(word(row));
        match parts.is_empty() {
            true => none.to_string(),
            false => parts.join("; "),
        }
    }

    /// Everything that a row offers, for a field that the document does not have.
    pub fn summary(&self, row: &Row) -> String {
        let mut parts: Vec<String> = self
            .requirements(row, &[Kind::Read])
            .into_iter()
            .map(|need| format!("read: {need}"))
            .collect();
        match self.write_lock(row, "") {
            write if write.is_empty() => (),
            write => parts.push(write),
        }
        match parts.is_empty() {
            true => NOT_OFFERED.to_string(),
            false => parts.join("; "),
        }
    }

    /// Returns true if the field can be read at a level: all of its reads have to agree.
    pub fn read(&self, row: &Row, level: &str) -> String {
        let reads = row
            .accesses
            .iter()
            .filter(|access| [Kind::Read, Kind::Atomic].contains(&access.kind));
        verdict(reads.map(|access| {
            let bound = access.bound.as_deref();
            bound.is_some_and(|bound| self.includes(bound, level))
        }))
    }

    /// Returns true if an operation on page tables can be done with these locks.
    pub fn operate(&self, row: &Row, state: LockState) -> String {
        verdict(row.accesses.iter().map(|access| {
            let bound = access.bound.as_deref();
            bound.is_some_and(|bound| self.permits(bound, state))
        }))
    }
}

fn word(row: &Row) -> Option<String> {
    let word = match row.unwritten.as_ref()? {
        Unwritten::Once => "written once",
        Unwritten::Driver => "by the driver",
        Unwritten::Withheld => "withheld",
    };
    Some(word.to_string())
}

fn verdict(answers: impl Iterator<Item = bool>) -> String {
    let answers: BTreeSet<bool> = answers.collect();
    let answers: Vec<bool> = answers.into_iter().collect();
    match answers[..] {
        [] => NOT_OFFERED,
        [true] => "Y",
        [false] => "N",
        _ => "Y and N",
    }
    .to_string()
}

/// Returns true if the same is said: where the document permits nothing, offering nothing is right.
pub fn agree(document: &str, code: &str) -> bool {
    document == code || (document == "N" && code == NOT_OFFERED)
}

/// The matrix that the KUnit suite of the exclusivity table goes by, from its source text.
pub fn excludes(text: &str) -> Result<[[bool; 3]; 3]> {
    const WHAT: &str = "const EXCLUDES: [[bool; 3]; 3]";
    let file = syn::parse_file(text).context("is no Rust")?;
    let expression = find(&file.items).with_context(|| format!("has no {WHAT}"))?;
    let rows = elements(expression).with_context(|| format!("{WHAT} is no array of arrays"))?;
    let mut matrix = [[false; 3]; 3];
    if rows.len() != 3 {
        bail!("{WHAT} has {} rows", rows.len());
    }
    for (row, cells) in matrix.iter_mut().zip(rows) {
        let cells = elements(cells).with_context(|| format!("{WHAT} is no array of arrays"))?;
        if cells.len() != 3 {
            bail!("{WHAT} has a row of {} columns", cells.len());
        }
        for (cell, value) in row.iter_mut().zip(cells) {
            *cell = match value {
                syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Bool(value),
                    ..
                }) => value.value,
                _ => bail!("{WHAT} has a cell that is neither true nor false"),
            };
        }
    }
    Ok(matrix)
}

fn find(items: &[syn::Item]) -> Option<&syn::Expr> {
    items.iter().find_map(|item| match item {
        syn::Item::Const(item) if item.ident == "EXCLUDES" => Some(&*item.expr),
        syn::Item::Mod(module) => find(&module.content.as_ref()?.1),
        _ => None,
    })
}

fn elements(expression: &syn::Expr) -> Option<Vec<&syn::Expr>> {
    match expression {
        syn::Expr::Array(array) => Some(array.elems.iter().collect()),
        _ => None,
    }
}
