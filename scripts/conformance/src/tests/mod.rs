// SPDX-License-Identifier: GPL-2.0

//! The check of this repository's own code and of the kernel's own document, and of broken copies of both, which are
//! made when the tests run.

mod deviations;
mod document;
mod members;
mod mutations;

use crate::rst::Rst;
use crate::{Members, Report, Subject};
use lock_table::LockTable;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

fn repo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A kernel tree, of which only the document, a header and the version are read.
fn tree() -> PathBuf {
    let tree = match env::var_os("VMA_SOURCE") {
        Some(tree) => PathBuf::from(tree),
        None => repo().join("build/linux"),
    };
    assert!(
        tree.join("Documentation/mm/process_addrs.rst").exists(),
        "{}: no kernel tree: run `make apply`, or set VMA_SOURCE to one",
        tree.display()
    );
    tree
}

fn series() -> String {
    let makefile = fs::read_to_string(tree().join("Makefile")).unwrap();
    let number = |name: &str| {
        let line = makefile.lines().find(|line| line.starts_with(name));
        line.unwrap().rsplit(' ').next().unwrap().to_string()
    };
    format!("{}.{}", number("VERSION"), number("PATCHLEVEL"))
}

/// The files with levels, tables and methods.
const FILES: [&str; 4] = ["level.rs", "field.rs", "page_table.rs", "walk/unstable.rs"];

/// Both sides as text, to be broken before they are compared.
struct Bench {
    document: String,
    deviations: String,
    code: BTreeMap<String, String>,
    exclusivity: String,
    members: Members,
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let vma_dir = repo().join("rust/kernel/mm/vma");
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        let file = |name: &str| (name.to_string(), read(vma_dir.join(name)));
        Self {
            document: read(tree().join("Documentation/mm/process_addrs.rst")),
            deviations: read(repo().join("Documentation/mm/process_addrs_rust.rst")),
            code: FILES.map(file).into(),
            exclusivity: read(vma_dir.join("tests/exclusivity.rs")),
            members: Members::of_header(&tree()).unwrap(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn check(&self) -> anyhow::Result<Report> {
        let subject = Subject {
            document: self.dir.path().join("document.rst"),
            deviations: self.dir.path().join("deviations.rst"),
            code: LockTable::parse(&self.code)?,
            exclusivity: self.exclusivity.clone(),
            members: self.members.clone(),
            series: series(),
            problems: Vec::new(),
        };
        let document = read(&DOCUMENT, &subject.document, &self.document)?;
        let deviations = read(&DEVIATIONS, &subject.deviations, &self.deviations)?;
        Ok(subject.compare(&document, &deviations))
    }

    /// The lines of all failures; there has to be one.
    fn failures(&self) -> Vec<String> {
        let failures = match self.check() {
            Ok(report) => {
                assert_eq!(report.failed(), report.failures().len());
                report.failures()
            }
            Err(error) => vec![format!("{error:#}")],
        };
        assert!(!failures.is_empty(), "nothing was noticed");
        for failure in &failures {
            assert!(!failure.contains('\n'), "more than a line: {failure}");
        }
        failures
    }

    /// There is a failure that names all of these.
    fn is_noticed(&self, parts: &[&str]) {
        let failures = self.failures();
        let named = failures
            .iter()
            .any(|failure| parts.iter().all(|part| failure.contains(part)));
        assert!(named, "none of these names {parts:?}: {failures:#?}");
    }
}

static DOCUMENT: OnceLock<(String, Rst)> = OnceLock::new();
static DEVIATIONS: OnceLock<(String, Rst)> = OnceLock::new();

/// Parses a text; the one that most tests have, only once.
fn read(cache: &OnceLock<(String, Rst)>, file: &Path, text: &str) -> anyhow::Result<Rst> {
    if let Some((_, rst)) = cache.get().filter(|(cached, _)| cached == text) {
        return Ok(rst.clone());
    }
    fs::write(file, text).unwrap();
    let rst = Rst::read(file)?;
    let _ = cache.set((text.to_string(), rst.clone()));
    Ok(rst)
}

/// Replaces the one place where `old` is, after the first `anchor`.
fn edit(text: &mut String, anchor: &str, old: &str, new: &str) {
    let at = text
        .find(anchor)
        .unwrap_or_else(|| panic!("no \"{anchor}\" to edit"));
    let place = text[at..]
        .find(old)
        .unwrap_or_else(|| panic!("no \"{old}\" after \"{anchor}\""));
    assert_ne!(old, new);
    text.replace_range(at + place..at + place + old.len(), new);
}

/// Removes the lines from the first one after `anchor` that has `first` up to the one that has `end`.
fn cut(text: &mut String, anchor: &str, first: &str, end: &str) {
    let start = |text: &str, from: usize, what: &str| {
        let found = text[from..].find(what);
        let found = from + found.unwrap_or_else(|| panic!("no \"{what}\""));
        text[..found].rfind('\n').map_or(0, |newline| newline + 1)
    };
    let anchor = text.find(anchor).unwrap();
    let from = start(text, anchor, first);
    let first_line = from + text[from..].find('\n').unwrap();
    let to = start(text, first_line, end);
    assert!(from < to);
    text.replace_range(from..to, "");
}

#[test]
fn code_and_document_agree() {
    let report = Bench::new().check().unwrap();
    assert_eq!(report.failures(), [""; 0]);
    assert!(report.cells.len() > 300, "{}", report.last_line());
    assert_eq!(
        report.last_line(),
        format!("{} passed, 0 failed", report.cells.len() + report.right)
    );
}

#[test]
fn a_checkout_is_found() {
    let members = Members::of_header(&tree()).unwrap();
    let report = Subject::new(&repo(), &tree(), members, &series())
        .unwrap()
        .check()
        .unwrap();
    assert_eq!(report.failed(), 0);
}

#[test]
fn text_shows_every_row_in_100_columns() {
    let report = Bench::new().check().unwrap();
    let text = report.text();
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    for cell in &report.cells {
        assert!(text.contains(&cell.table) && text.contains(&cell.row));
    }
    for reason in &report.reasons {
        let first = reason.reason.split(' ').next().unwrap();
        assert!(text.contains(&format!("{:>2}  {first}", reason.number)));
    }
}

#[test]
fn json_has_every_cell() {
    let report = Bench::new().check().unwrap();
    let value = serde_json::to_value(&report).unwrap();
    let cells = value["cells"].as_array().unwrap();
    assert_eq!(cells.len(), report.cells.len());
    let find = |row: &str, column: &str| {
        let mut cells = cells.iter();
        cells.find(|cell| cell["row"] == row && cell["column"] == column)
    };
    let same = find("vm_page_prot", "Write lock").unwrap();
    assert_eq!(same["document"], "mmap write, VMA write");
    assert_eq!(same["verdict"], "same");
    let explained = find("vm_flags", "Read at Rmap").unwrap();
    assert_eq!(explained["code"], "N");
    assert!(explained["verdict"]["deviation"].is_number());
}
