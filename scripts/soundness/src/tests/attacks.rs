// SPDX-License-Identifier: GPL-2.0

//! The table at the top of `rust/kernel/mm/vma/tests/attacks.rs`: each test and case that it names exists, and each
//! test of the suites `rust_vma_attacks` is in it.

use super::*;

const SUITES: &str = "kunit rust_vma_attacks";

/// The names in the last column, as the ledger has them.
fn named(table: &str) -> Vec<String> {
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("//! |")?.strip_suffix("` |"));
    rows.filter_map(|row| row.rsplit_once('`'))
        .map(|(_, name)| match name.contains('.') {
            true => format!("kunit {name}"),
            false => format!("compile-fail {name}"),
        })
        .collect()
}

/// The errors in a table, a line each.
fn differences(table: &str, tests: &Tests) -> Vec<String> {
    let named = named(table);
    let gone = named.iter().filter(|name| !tests.contains(name));
    let left_out = tests
        .iter()
        .filter(|test| test.starts_with(SUITES) && !named.iter().any(|name| name == test));
    gone.map(|name| format!("there is no {name}"))
        .chain(left_out.map(|test| format!("{test} is not in the table")))
        .collect()
}

#[test]
fn the_table_of_attacks_names_what_exists() {
    let repo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = repo.join("rust/kernel/mm/vma/tests/attacks.rs");
    let table = std::fs::read_to_string(path).expect("can be read");
    assert!(named(&table).len() > 80);
    let wrong = differences(&table, &Tests::read(&repo).expect("can be read"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn missing_and_unlisted_tests_are_reported() {
    const TABLE: &str =
        "//! | attack | shown by |\n//! |---|---|\n//! | one | `suite.test` |\n//! | | `case` |\n";
    let tests = Tests::of(&["kunit suite.test", "compile-fail case"]);
    assert_eq!(differences(TABLE, &tests), [""; 0]);
    let tests = Tests::of(&["kunit suite.test", "kunit rust_vma_attacks_of.all"]);
    assert_eq!(
        differences(TABLE, &tests),
        [
            "there is no compile-fail case",
            "kunit rust_vma_attacks_of.all is not in the table"
        ]
    );
}
