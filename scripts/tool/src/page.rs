// SPDX-License-Identifier: GPL-2.0

//! A page of text, charts, tables and listings: one HTML file that needs no other, with its charts also as SVG and PNG
//! files. It does not know what it shows. A browser without a screen checks that it is readable.

mod check;
mod proof;
mod render;

pub use proof::prove;

use crate::host::{self, Packages};
use crate::places::Places;
use crate::progress::Progress;
use crate::report::Outcome;
use crate::{kbuild, proc};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The name in packages.toml of the packages that a page needs.
pub const PURPOSE: &str = "page";

pub struct Page {
    pub title: String,
    pub intro: String,
    pub sections: Vec<Section>,
}

pub struct Section {
    /// For links; one word.
    pub id: String,
    pub heading: String,
    pub parts: Vec<Part>,
}

pub enum Part {
    /// A paragraph; text between backticks is code.
    Text(String),
    Figure(Figure),
    Table(Table),
    Listings(Listings),
}

pub struct Figure {
    /// For its files and for links; one word.
    pub name: String,
    pub caption: String,
}

pub struct Table {
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

pub struct Column {
    pub name: String,
    pub is_number: bool,
}

pub struct Row {
    pub cells: Vec<String>,
    pub mark: Option<Mark>,
}

/// The emphasis of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Better,
    Worse,
}

/// Texts side by side, shown on a click.
pub struct Listings {
    pub summary: String,
    pub sides: Vec<Listing>,
}

pub struct Listing {
    pub heading: String,
    pub text: String,
}

/// The parts of the page that a reader must be able to see.
#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
struct Contents {
    sections: Vec<String>,
    figures: Vec<String>,
    tables: usize,
    listings: usize,
}

/// Returns a column with names and columns with numbers.
pub fn columns(names: &[&str]) -> Vec<Column> {
    let names = names.iter().enumerate();
    let column = |(at, name): (usize, &&str)| Column {
        name: name.to_string(),
        is_number: at > 0,
    };
    names.map(column).collect()
}

/// A chart of plot.py.
pub fn figure(name: &str, caption: &str) -> Part {
    Part::Figure(Figure {
        name: name.to_string(),
        caption: caption.to_string(),
    })
}

impl Table {
    pub fn new(caption: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Self {
        Self {
            caption: caption.to_string(),
            columns: self::columns(columns),
            rows: rows.map(|cells| Row { cells, mark: None }).collect(),
        }
    }

    /// Returns the table for a terminal.
    pub fn text(&self) -> String {
        let names = self
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let cells = self.rows.iter().map(|row| row.cells.clone());
        let rows: Vec<Vec<String>> = [names].into_iter().chain(cells).collect();
        let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
        let widths: Vec<usize> = (0..self.columns.len()).filter_map(width).collect();
        let mut text = self.caption.clone() + "\n";
        for row in &rows {
            let cells = row.iter().zip(&self.columns).zip(&widths);
            let cells = cells.map(|((cell, column), width)| match column.is_number {
                true => format!("{cell:>width$}"),
                false => format!("{cell:width$}"),
            });
            text += cells.collect::<Vec<_>>().join("  ").trim_end();
            text.push('\n');
        }
        text
    }
}

impl Page {
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.parts().filter_map(|part| match part {
            Part::Figure(figure) => Some(figure),
            _ => None,
        })
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.sections.iter().flat_map(|section| &section.parts)
    }

    fn contents(&self) -> Contents {
        let count = |is: fn(&Part) -> bool| self.parts().filter(|part| is(part)).count();
        Contents {
            sections: self.sections.iter().map(|one| one.id.clone()).collect(),
            figures: self.figures().map(|figure| figure.name.clone()).collect(),
            tables: count(|part| matches!(part, Part::Table(_))),
            listings: count(|part| matches!(part, Part::Listings(_))),
        }
    }

    /// Checks that ids are unique, because they occur in links and in file names.
    fn check_ids(&self) -> Result<()> {
        let Contents {
            sections, figures, ..
        } = self.contents();
        let mut seen = HashSet::new();
        for id in sections.into_iter().chain(figures) {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if id.is_empty() || !id.chars().all(is_plain) {
                bail!("{id:?} is not an id: use lowercase letters, digits and -");
            }
            if !seen.insert(id.clone()) {
                bail!("two parts of a page have the id {id}");
            }
        }
        Ok(())
    }
}

/// Draws the charts from the figures in a directory, writes index.html there, and returns its path.
fn write(dir: &Path, page: &Page) -> Result<PathBuf> {
    page.check_ids()?;
    let cannot = |file: &Path| format!("{}: cannot be written", file.display());
    fs::create_dir_all(dir).with_context(|| cannot(dir))?;
    let mut python = proc::command(kbuild::python());
    python
        .args(["-B", "-c", include_str!("page/plot.py")])
        .arg(dir);
    python.args(page.figures().map(|figure| &figure.name));
    let output = proc::output(python)?;
    if !output.status.success() {
        bail!("plot.py: {}", String::from_utf8_lossy(&output.stderr));
    }
    let svg = |name: &str| {
        let file = dir.join(format!("{name}.svg"));
        fs::read_to_string(&file).with_context(|| format!("{}: was not drawn", file.display()))
    };
    let file = dir.join("index.html");
    fs::write(&file, render::html(page, svg)?).with_context(|| cannot(&file))?;
    Ok(file)
}

/// Installs missing packages, writes the page, and checks it.
pub fn step(
    places: &Places,
    packages: &Packages,
    dir: &Path,
    page: &Page,
    progress: &Progress,
) -> Result<Outcome> {
    host::require(places, packages, PURPOSE, progress)?;
    let mut step = progress.step("page");
    step.doing("charts");
    let file = write(dir, page)?;
    step.doing("checking");
    let outcome = check::check(dir, page, &places.log("page"), progress)?;
    if outcome.failed == 0 {
        step.done(&places.show(&file));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::proof::sample;
    use super::*;

    #[test]
    fn ids_are_unique_words() {
        assert!(sample().check_ids().is_ok());
        for (id, said) in [
            ("second", "two parts of a page have the id second"),
            ("a b", "\"a b\" is not an id"),
            ("", "\"\" is not an id"),
        ] {
            let mut page = sample();
            page.sections[0].id = id.to_string();
            let error = page.check_ids().unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn numbers_are_aligned_in_a_terminal() {
        let rows = [["read", "7.25"], ["write it", "12.00"]];
        let rows = rows.iter().map(|row| row.map(str::to_string).to_vec());
        assert_eq!(
            Table::new("Cost", &["what", "C"], rows).text(),
            "Cost\nwhat          C\nread       7.25\nwrite it  12.00\n"
        );
        let rows = [["a", "12"], ["long", "4"]];
        let rows = rows.iter().map(|row| row.map(str::to_string).to_vec());
        assert_eq!(
            Table::new("bytes", &["", "text"], rows).text(),
            "bytes\n      text\na       12\nlong     4\n"
        );
    }
}
