// SPDX-License-Identifier: GPL-2.0

//! The written list of deviations: cells in which the code differs from the document on purpose, each with its reason.

use crate::members::Members;
use crate::rst::Rst;
use std::path::Path;

const TITLE: &str = "Deviations";
const COLUMNS: [&str; 7] = [
    "Table", "Row", "Column", "Document", "Code", "Only in", "Reason",
];

/// An entry of the list: what both sides say in some cells, and why.
#[derive(Clone, Debug)]
pub struct Deviation {
    /// Its place in the list, from 1.
    pub number: usize,
    pub table: String,
    pub rows: Vec<String>,
    pub columns: Vec<String>,
    pub document: String,
    pub code: String,
    pub reason: String,
    /// Kernels it is about, by series or as `without CONFIG_X`; all if it names none.
    only_in: Vec<String>,
}

impl Deviation {
    pub fn name(&self) -> String {
        format!(
            "deviation {} (table \"{}\", row \"{}\", column \"{}\")",
            self.number,
            self.table,
            self.rows.join(", "),
            self.columns.join(", ")
        )
    }

    pub fn is_about(&self, series: &str, members: &Members) -> bool {
        self.only_in.is_empty()
            || self
                .only_in
                .iter()
                .any(|kernels| match kernels.strip_prefix("without ") {
                    Some(option) => members.is_off(option),
                    None => kernels == series,
                })
    }
}

/// Reads the list; an entry that is not complete is left out and added to `problems`.
pub fn read(rst: &Rst, file: &Path, problems: &mut Vec<String>) -> Vec<Deviation> {
    let shown = file.file_name().unwrap_or_default().to_string_lossy();
    let tables: Vec<_> = rst
        .tables
        .iter()
        .filter(|table| table.title == TITLE)
        .collect();
    let [table] = tables[..] else {
        problems.push(format!(
            "{shown}: {} tables \"{TITLE}\" in place of one",
            tables.len()
        ));
        return Vec::new();
    };
    if table.header != COLUMNS {
        problems.push(format!(
            "{shown}: the columns of \"{TITLE}\" have to be {}",
            COLUMNS.join(", ")
        ));
        return Vec::new();
    }
    let list = |cell: &str| -> Vec<String> {
        cell.split(',')
            .map(|name| name.trim().to_string())
            .filter(|name| !name.is_empty())
            .collect()
    };
    let mut deviations = Vec::new();
    for (index, row) in table.rows.iter().enumerate() {
        let deviation = Deviation {
            number: index + 1,
            table: row[0].clone(),
            rows: list(&row[1]),
            columns: list(&row[2]),
            document: row[3].clone(),
            code: row[4].clone(),
            only_in: list(&row[5]),
            reason: row[6].clone(),
        };
        if deviation.reason.is_empty() {
            problems.push(format!("{}: it has no reason", deviation.name()));
            continue;
        }
        if deviation.rows.is_empty() || deviation.columns.is_empty() {
            problems.push(format!("{}: it names no cell", deviation.name()));
            continue;
        }
        deviations.push(deviation);
    }
    deviations
}
