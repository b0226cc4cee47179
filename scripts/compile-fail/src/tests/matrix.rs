// SPDX-License-Identifier: GPL-2.0

//! The access matrix of a small table: what it expects has to be what the compiler does, in both directions.

use super::{Bench, rustc};
use crate::matrix::{Matrix, try_items};
use lock_table::LockTable;

const PRELUDE: &str = "use kernel::{Vma, UnstableVma, Yes, No};\n";

const LEVEL: &str = r#"
pub trait Level {}
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not hold the lock",
    label = "take the lock first",
    note = "`lock()` takes it"
)]
pub unsafe trait Locked: Level {}
#[diagnostic::on_unimplemented(message = "anything", label = "will", note = "do")]
pub unsafe trait Any: Level {}
levels! {
    Yes = [R, -, -], |vma| nothing(vma);
    No = [-, -, -], |vma| nothing(vma);
}
unsafe impl Any for Yes {}
unsafe impl Any for No {}
unsafe impl Locked for Yes {}
"#;

const FIELDS: &str = r#"
lock_table! {
    "Fields" {
        field {
            rcu fn peek(&self) {}
            read(Any) fn get(&self) -> usize { 0 }
            write(Locked) unsafe fn set(&self, to: usize) {}
        }
        optional if CONFIG_NOT_THERE {
            read(Any) fn missing(&self) {}
        }
    }
}
"#;

fn try_table(level: &str, fields: &str) -> Matrix {
    let files = [
        ("level.rs", level),
        ("fields.rs", fields),
        ("page_table.rs", ""),
    ];
    let files = files.map(|(name, text)| (name.to_string(), text.to_string()));
    let table = LockTable::parse(&files.into()).unwrap();
    let bench = Bench::new();
    try_items(&table, PRELUDE, &bench.build(), &rustc(), None).unwrap()
}

/// The cells that failed, and why.
fn wrong(matrix: &Matrix) -> Vec<(&str, &str)> {
    let failed = matrix.report.cases.iter().filter(|case| !case.ok);
    failed
        .map(|case| (case.name.as_str(), case.detail.as_str()))
        .collect()
}

fn edit(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn a_table_that_tells_the_truth_passes() {
    let matrix = try_table(LEVEL, FIELDS);
    assert_eq!(wrong(&matrix), []);
    // peek: the unstable view and two levels; get and set: two levels each.
    assert_eq!((matrix.report.passed, matrix.report.left_out), (7, 2));
    let row = matrix.rows.iter().find(|row| row.access == "set").unwrap();
    assert_eq!(row.cells["Yes"].allowed, Some(true));
    assert_eq!(row.cells["No"].allowed, Some(false));
}

#[test]
fn a_level_that_has_less_than_the_table_says_fails() {
    let level = edit(
        LEVEL,
        "unsafe impl Locked for Yes {}",
        "unsafe impl Locked for Yes {}\nunsafe impl Locked for No {}",
    );
    let matrix = try_table(&level, FIELDS);
    let [(name, detail)] = wrong(&matrix)[..] else {
        panic!("{:?}", wrong(&matrix))
    };
    assert_eq!(name, "matrix::field::set::No");
    assert!(detail.contains("does not compile, but must"), "{detail}");
}

#[test]
fn a_level_that_has_more_than_the_table_says_fails() {
    let fields = edit(FIELDS, "read(Any) fn get", "read(Locked) fn get");
    let matrix = try_table(LEVEL, &fields);
    let [(name, detail)] = wrong(&matrix)[..] else {
        panic!("{:?}", wrong(&matrix))
    };
    assert_eq!(name, "matrix::field::get::No");
    assert!(detail.contains("compiles, but must not"), "{detail}");
}

#[test]
fn another_text_than_the_capability_s_fails() {
    for (from, to) in [
        ("does not hold the lock", "holds no lock"),
        ("take the lock first", "take it"),
    ] {
        let matrix = try_table(&edit(LEVEL, from, to), FIELDS);
        let [(name, detail)] = wrong(&matrix)[..] else {
            panic!("{:?}", wrong(&matrix))
        };
        assert_eq!(name, "matrix::field::set::No");
        assert!(detail.contains("no E0277 with"), "{detail}");
    }
}

#[test]
fn an_unrelated_error_fails_only_its_own_items() {
    let fields = edit(
        FIELDS,
        "fn set(&self, to: usize)",
        "fn set(&self, to: Unheard)",
    );
    let matrix = try_table(LEVEL, &fields);
    let wrong = wrong(&matrix);
    let names: Vec<&str> = wrong.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["matrix::field::set::No", "matrix::field::set::Yes"]);
    assert!(
        wrong
            .iter()
            .all(|(_, detail)| detail.contains("E0412") || detail.contains("E0425")),
        "{wrong:?}"
    );
    assert_eq!(matrix.report.passed, 5);
}

#[test]
fn a_method_of_the_unstable_view_that_levels_have_too_fails() {
    let fields = edit(FIELDS, "rcu fn peek", "rcu fn get_both");
    let matrix = try_table(LEVEL, &fields);
    let names: Vec<&str> = wrong(&matrix).iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "matrix::field::get_both::No",
            "matrix::field::get_both::UnstableVma",
            "matrix::field::get_both::Yes"
        ]
    );
}
