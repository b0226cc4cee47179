// SPDX-License-Identifier: GPL-2.0

//! The result of the comparison, as text of 100 columns and as JSON.

use crate::names::{ABSENT, NOT_OFFERED, STRUCT};
use serde::Serialize;
use std::fmt::Write;

/// How a cell of the document stands to the code's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Same,
    /// Explained by the entry of this number in the list of deviations.
    Deviation(usize),
    Differs,
}

/// A cell, as both sides have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    pub table: String,
    pub row: String,
    pub column: String,
    pub document: String,
    pub code: String,
    pub verdict: Verdict,
}

/// An entry of the list of deviations.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    pub number: usize,
    pub reason: String,
}

/// The whole comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The kernel series, such as `7.3`.
    pub series: String,
    /// Where the struct's members were read.
    pub members: String,
    pub cells: Vec<Cell>,
    /// Accesses that no cell is about.
    pub notes: Vec<String>,
    /// The deviations of this kernel.
    pub reasons: Vec<Reason>,
    /// How many of them are right.
    pub right: usize,
    /// One line for each error other than a differing cell.
    pub problems: Vec<String>,
}

const WIDTH: usize = 100;

impl Report {
    pub fn passed(&self) -> usize {
        let differs = self.differences().count();
        self.cells.len() - differs + self.right
    }

    pub fn failed(&self) -> usize {
        self.differences().count() + self.problems.len()
    }

    fn differences(&self) -> impl Iterator<Item = &Cell> {
        self.cells
            .iter()
            .filter(|cell| cell.verdict == Verdict::Differs)
    }

    /// One line for each failure, naming table, row and column.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = self.problems.clone();
        failures.extend(self.differences().map(|cell| {
            let place = format!(
                "table \"{}\", row \"{}\", column \"{}\"",
                cell.table, cell.row, cell.column
            );
            match (cell.table.as_str(), cell.code.as_str()) {
                (STRUCT, ABSENT) => format!(
                    "{place}: field {} of {STRUCT} has no row: add it to a table in field.rs",
                    cell.row
                ),
                (STRUCT, _) => format!(
                    "{place}: the code has a row for {}, and this kernel no such field",
                    cell.row
                ),
                _ => format!(
                    "{place}: the document says \"{}\", the code \"{}\"",
                    cell.document, cell.code
                ),
            }
        }));
        failures
    }

    pub fn last_line(&self) -> String {
        format!("{} passed, {} failed", self.passed(), self.failed())
    }

    /// Every table side by side.
    pub fn text(&self) -> String {
        let mut text = format!(
            "Document | code, = the same, a number: a deviation explained below, !!: a difference.\n\
             Y: yes, N: no, --: not offered. Lock states: mmap/VMA/rmap.\n\
             Linux {}; {STRUCT} from {}.\n",
            self.series, self.members
        );
        let mut titles: Vec<&str> = Vec::new();
        for cell in &self.cells {
            if !titles.contains(&cell.table.as_str()) {
                titles.push(&cell.table);
            }
        }
        for title in titles {
            let cells: Vec<&Cell> = self
                .cells
                .iter()
                .filter(|cell| cell.table == title)
                .collect();
            let _ = writeln!(text, "\n{title}\n{}", "=".repeat(title.len()));
            let (short, long): (Vec<&Cell>, Vec<&Cell>) =
                cells.into_iter().partition(|cell| is_short(cell));
            text += &lines(&long);
            if !long.is_empty() && !short.is_empty() {
                text.push('\n');
            }
            text += &grid(&short);
        }
        if !self.notes.is_empty() {
            text += "\nNot compared\n============\n";
            for note in &self.notes {
                text += &wrapped("", note);
            }
        }
        text += "\nDeviations\n==========\n";
        for reason in &self.reasons {
            text += &wrapped(&format!("{:>2}  ", reason.number), &reason.reason);
        }
        text
    }
}

/// Returns true if a cell is one of the answers that fit into a grid.
fn is_short(cell: &Cell) -> bool {
    ["Y", "N"].contains(&cell.document.as_str())
}

fn sign(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Same => "=".to_string(),
        Verdict::Deviation(number) => number.to_string(),
        Verdict::Differs => "!!".to_string(),
    }
}

/// A line for each cell.
fn lines(cells: &[&Cell]) -> String {
    let mut text = String::new();
    let mut last = "";
    // Where there is only one column, the rows need no line of their own.
    let flat = cells.iter().all(|cell| cell.column == cells[0].column);
    for cell in cells {
        if !flat && cell.row != last {
            last = &cell.row;
            let _ = writeln!(text, "{last}");
        }
        let (name, first, width) = match flat {
            true => (cell.row.clone(), 24, 34),
            false => (format!(" {}", cell.column.replace(" option", "")), 20, 37),
        };
        let Cell { document, code, .. } = cell;
        let sign = sign(&cell.verdict);
        let line = format!("{name:first$}{document:width$} | {code:width$} {sign}");
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Columns of `document code sign`. What has too many columns is turned on its side.
fn grid(cells: &[&Cell]) -> String {
    let mut rows: Vec<&str> = Vec::new();
    let mut columns: Vec<&str> = Vec::new();
    for cell in cells {
        if !rows.contains(&cell.row.as_str()) {
            rows.push(&cell.row);
        }
        if !columns.contains(&cell.column.as_str()) {
            columns.push(&cell.column);
        }
    }
    if cells.is_empty() {
        return String::new();
    }
    let turned = columns.len() > 8;
    let (down, across) = if turned {
        (columns, rows)
    } else {
        (rows, columns)
    };
    let first = down.iter().map(|name| name.len()).max().unwrap_or(0) + 2;
    let width = ((WIDTH - first) / across.len().max(1)).min(12);
    let mut text = " ".repeat(first);
    for name in &across {
        let name = name.strip_prefix("Read at ").unwrap_or(name);
        let _ = write!(text, "{name:width$}");
    }
    let mut text = text.trim_end().to_string() + "\n";
    for name in &down {
        let mut line = format!("{name:first$}");
        for other in &across {
            let (row, column) = if turned { (other, name) } else { (name, other) };
            let cell = cells
                .iter()
                .find(|cell| cell.row == **row && cell.column == **column);
            let shown = cell.map_or(String::new(), |cell| {
                let code = match cell.code.as_str() {
                    NOT_OFFERED => "--",
                    code => code,
                };
                format!("{}|{code} {}", cell.document, sign(&cell.verdict))
            });
            let _ = write!(line, "{shown:width$}");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A paragraph, its lines indented by the width of its mark.
fn wrapped(mark: &str, paragraph: &str) -> String {
    let mut text = String::new();
    let mut line = mark.to_string();
    for word in paragraph.split(' ') {
        let is_full = line.chars().count() + word.chars().count() > WIDTH;
        if is_full && line.len() > mark.len() {
            text += line.trim_end();
            text.push('\n');
            line = " ".repeat(mark.len());
        }
        line += word;
        line.push(' ');
    }
    text + line.trim_end() + "\n"
}
