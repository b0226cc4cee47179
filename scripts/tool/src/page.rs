// SPDX-License-Identifier: GPL-2.0

//! A page of text, pictures, tables and listings: one HTML file that needs nothing else, with its pictures beside it as
//! SVG and PNG. It knows nothing of what is on it. A browser without a screen says whether people can read it.

mod browser;
mod check;
mod picture;
mod proof;
mod render;
mod screenshot;

pub use check::check;
pub use proof::prove;

use crate::host::{self, Packages};
use crate::places::Places;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What packages.toml calls the needs of this module.
pub const PURPOSE: &str = "page";

pub struct Page {
    pub title: String,
    pub intro: Vec<String>,
    pub sections: Vec<Section>,
}

pub struct Section {
    /// In links; one word.
    pub id: String,
    pub heading: String,
    pub parts: Vec<Part>,
}

/// What a section is made of, in any order.
pub enum Part {
    /// A paragraph; what is between backticks is code.
    Text(String),
    Figure(Figure),
    Table(Table),
    Listings(Listings),
}

pub struct Figure {
    /// Of its files, and in links; one word.
    pub name: String,
    pub svg: String,
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

/// What is to be seen of a row at first sight.
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

impl Page {
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.parts().filter_map(|part| match part {
            Part::Figure(figure) => Some(figure),
            _ => None,
        })
    }

    /// Ids are in links and in file names, and stand for one thing each.
    fn check_ids(&self) -> Result<()> {
        let sections = self.sections.iter().map(|section| &section.id);
        let figures = self.figures().map(|figure| &figure.name);
        let mut seen = HashSet::new();
        for id in sections.chain(figures) {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if id.is_empty() || !id.chars().all(is_plain) {
                bail!("{id:?} is no name for a part of a page: take small letters, digits and -");
            }
            if !seen.insert(id) {
                bail!("two parts of a page are named {id}");
            }
        }
        Ok(())
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.sections.iter().flat_map(|section| &section.parts)
    }
}

/// Writes index.html and the pictures into a directory, and returns the page's file.
pub fn write(dir: &Path, page: &Page) -> Result<PathBuf> {
    page.check_ids()?;
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    for figure in page.figures() {
        picture::write(dir, figure)?;
    }
    let file = dir.join("index.html");
    fs::write(&file, render::html(page))
        .with_context(|| format!("{}: cannot be written", file.display()))?;
    Ok(file)
}

/// Installs what this takes where it is missing, writes the page, and checks it.
pub fn step(
    places: &Places,
    packages: &Packages,
    dir: &Path,
    page: &Page,
    progress: &Progress,
) -> Result<Outcome> {
    host::require(places, packages, PURPOSE, progress)?;
    let mut step = progress.step("page");
    step.doing("pictures");
    let file = write(dir, page)?;
    step.doing("checking");
    let outcome = check(dir, page, &places.log("page"), progress)?;
    if outcome.failed == 0 {
        step.done(&places.show(&file));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::proof::sample;

    #[test]
    fn parts_have_names_of_their_own() {
        assert!(sample().check_ids().is_ok());
        for (name, said) in [
            ("second", "two parts of a page are named second"),
            ("a b", "\"a b\" is no name"),
            ("", "\"\" is no name"),
        ] {
            let mut page = sample();
            page.sections[0].id = name.to_string();
            let error = page.check_ids().unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
