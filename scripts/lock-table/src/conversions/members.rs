// SPDX-License-Identifier: GPL-2.0

//! Methods of views that reach a field of the C struct: each is in the row of that field, or listed as an exception.
//!
//! A body reaches a field if it has `.name`, `name` being that of a row. What C functions do with a VMA is not seen.

use super::effects::REACH;
use super::signature::{name_of, words};
use crate::model::{Kind, LockTable, Row};
use crate::{Files, tables};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::{ImplItem, Item};

/// The errors in these files.
pub fn check(table: &LockTable, files: &Files) -> Vec<String> {
    let rows: Vec<&Row> = table.tables.iter().flat_map(|table| &table.rows).collect();
    let fields: BTreeSet<&str> = rows.iter().map(|row| member(row)).collect();
    let mut problems = Vec::new();
    let mut unused: BTreeSet<&str> = REACH.iter().copied().collect();
    for (file, source) in files {
        for (of, method, body) in bodies(&source.items) {
            let reached = body.windows(3).filter(|w| w[0] == "." && w[2] != "(");
            let reached = reached.filter_map(|w| fields.get(w[1].as_str()));
            let reached: BTreeSet<&str> = reached.copied().collect();
            let row = rows.iter().find(|row| {
                let is_it = |kind| (of == "UnstableVma") == (kind == Kind::Rcu);
                let mut accesses = row.accesses.iter();
                accesses.any(|a| a.name == method && is_it(a.kind))
            });
            let place = format!("{file}: {of}::{method}");
            let place = place.trim_end_matches("::");
            let is_right = row.is_some_and(|row| reached.contains(member(row)));
            if reached.is_empty() || is_right || unused.remove(place) {
                continue;
            }
            let row = row.map_or("no row of a table".into(), |r| {
                format!("the row {}", r.name)
            });
            let reached = reached.into_iter().collect::<Vec<_>>().join(", ");
            problems.push(format!("{place}: reaches {reached}, and is in {row}"));
        }
    }
    let unused = unused.into_iter();
    problems.extend(unused.map(|p| format!("{p}: is listed in REACH, and reaches no field")));
    problems
}

/// The member of the struct that a row is about.
fn member(row: &Row) -> &str {
    row.name.split('.').next().unwrap_or_default()
}

/// The methods of the two views, by type and name, and whole macros.
fn bodies(items: &[Item]) -> Vec<(String, String, Vec<String>)> {
    let mut found = Vec::new();
    for item in tables::flat(items) {
        match item {
            Item::Impl(item) => {
                let of = name_of(&item.self_ty.to_token_stream());
                if of != "Vma" && of != "UnstableVma" {
                    continue;
                }
                for item in &item.items {
                    if let ImplItem::Fn(item) = item {
                        let body = words(item.block.to_token_stream());
                        found.push((of.clone(), item.sig.ident.to_string(), body));
                    }
                }
            }
            Item::Macro(item) => {
                let name = item.ident.as_ref().or(item.mac.path.get_ident());
                let name = name.map(ToString::to_string).unwrap_or_default();
                found.push((name + "!", String::new(), words(item.to_token_stream())));
            }
            _ => {}
        }
    }
    found
}
