// SPDX-License-Identifier: GPL-2.0

//! Each rule by a violation of it, made by hand; and that the code of this checkout can be read.

mod arguments;
mod attacks;
mod calls;
mod ledger;
mod preconditions;
mod properties;
mod rules;

use crate::source::Source;
use crate::*;
use std::path::PathBuf;

/// A file of the abstraction.
fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_string(),
        text: text.to_string(),
    }
}

/// Returns the problems of one file, with a ledger and with the tests `kunit suite.test` and `compile-fail case`.
fn problems(name: &str, text: &str, ledger: &str) -> Vec<String> {
    let subject = Subject {
        kunit: Vec::new(),
        sources: vec![source(name, text)],
        ledger: toml::from_str(ledger).expect("a ledger"),
        preconditions: Preconditions::default(),
        tests: Tests::of(&["kunit suite.test", "compile-fail case"]),
    };
    subject.check().expect("is Rust").problems
}

/// The only problem there is.
#[track_caller]
fn problem(name: &str, text: &str, ledger: &str) -> String {
    let mut problems = problems(name, text, ledger);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

const ROW: &str = "[[rows]]\nitems = [\"a.rs\"]\ntests = [\"kunit suite.test\"]\n";

#[test]
fn this_checkout_can_be_read() {
    let repo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let report = check(&repo).expect("can be read");
    let has = |item: &str| report.entries.iter().any(|entry| entry.site.item == item);
    assert!(has("field.rs Vma::start"), "in the invocation of a macro");
    assert!(has("vma.rs Vma::from_raw"));
    assert!(has("level.rs impl Stable for Rmap"));
    assert!(report.tests > 400 && report.types > 60);
}

#[test]
fn the_report_is_a_table_and_json() {
    let subject = Subject {
        kunit: Vec::new(),
        sources: vec![source(
            "a.rs",
            "fn f() {\n    // SAFETY: `a | b`.\n    unsafe { g() };\n}\n",
        )],
        ledger: toml::from_str(ROW).expect("a ledger"),
        preconditions: Preconditions::default(),
        tests: Tests::of(&["kunit suite.test"]),
    };
    let report = subject.check().expect("is Rust");
    assert_eq!((report.passed(), report.failed()), (2, 0));
    let row = "| a.rs f | block | `a \\| b`. | kunit suite.test |";
    assert!(report.table().contains(row), "{}", report.table());
    let dir = tempfile::tempdir().expect("a directory");
    report.write(dir.path()).expect("can be written");
    let json = std::fs::read_to_string(dir.path().join("unsafe-ledger.json")).expect("is there");
    assert!(json.contains("\"item\": \"a.rs f\""), "{json}");
}
