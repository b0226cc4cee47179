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
/// Fields
///
/// | Field      | Option             | Read              | Write |
/// | ---------- | ------------------ | ----------------- | ----- |
/// | `field`    |                    | rcu `peek`, `get` | `set` |
/// | `optional` | `CONFIG_NOT_THERE` | `missing`         |       |
impl<L: Level> Vma<L> {
    pub fn get(&self) -> usize where L: Any { 0 }
    pub unsafe fn set(&self, to: usize) where L: Locked {}
    #[cfg(CONFIG_NOT_THERE)]
    pub fn missing(&self) where L: Any {}
}
impl UnstableVma<'_> {
    pub fn peek(&self) {}
}
"#;

fn try_table(level: &str, fields: &str) -> Matrix {
    let files = [("level.rs", level), ("field.rs", fields)];
    let files = files.map(|(name, text)| (name.to_string(), text.to_string()));
    try_part(&LockTable::parse(&files.into()).unwrap(), PRELUDE, None)
}

fn try_part(table: &LockTable, prelude: &str, filter: Option<&str>) -> Matrix {
    try_items(table, prelude, &Bench::new().build(), &rustc(), filter).unwrap()
}

fn table(fields: &str) -> LockTable {
    let files = [("level.rs", LEVEL), ("field.rs", fields)];
    let files = files.map(|(name, text)| (name.to_string(), text.to_string()));
    LockTable::parse(&files.into()).unwrap()
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
fn level_with_less_than_the_table_fails() {
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
fn level_with_more_than_the_table_fails() {
    let fields = edit(FIELDS, "usize where L: Any", "usize where L: Locked");
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
fn unrelated_error_fails_its_items_only() {
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
fn unstable_method_of_a_level_too_fails() {
    let fields = FIELDS.replace("peek", "get_both");
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

#[test]
fn broken_prelude_fails_with_all_it_hides() {
    let matrix = try_part(&table(FIELDS), "use kernel::Missing;\n", None);
    let names: Vec<&str> = wrong(&matrix).iter().map(|(name, _)| *name).collect();
    assert!(
        names.contains(&"matrix::allowed") && names.contains(&"matrix::forbidden"),
        "{names:?}"
    );
    assert_eq!(matrix.report.passed, 0);
    assert!(matrix.rows[0].cells.values().all(|cell| !cell.ok));
}

#[test]
fn a_part_of_a_name_selects() {
    let table = table(FIELDS);
    let matrix = try_part(&table, PRELUDE, Some("set::No"));
    let names: Vec<&str> = matrix
        .report
        .cases
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["matrix::field::set::No"]);
    let none = try_part(&table, PRELUDE, Some("nothing"));
    assert_eq!((none.report.cases.len(), none.rows.len()), (0, 0));
}

#[test]
fn a_method_of_both_views_is_tried_on_each() {
    let fields = FIELDS.replace("peek", "get");
    let matrix = try_table(LEVEL, &fields);
    let names: Vec<&str> = matrix
        .report
        .cases
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    let of_get: Vec<&&str> = names.iter().filter(|n| n.contains("::get::")).collect();
    assert_eq!(of_get.len(), 3, "{names:?}");
}

#[test]
fn fallback_is_tried_without_the_option() {
    let fields = edit(FIELDS, "#[cfg(CONFIG_NOT_THERE)]", "");
    let matrix = try_table(LEVEL, &fields);
    assert_eq!(matrix.report.left_out, 0);
    let failed = wrong(&matrix);
    assert_eq!(failed.len(), 2);
    assert!(
        failed.iter().all(|(_, detail)| detail.contains("E0599")),
        "{failed:?}"
    );
}

#[test]
fn the_level_stands_for_itself_in_arguments() {
    let fields = edit(FIELDS, "to: usize)", "to: fn(&Vma<L>) -> usize)");
    let matrix = try_table(LEVEL, &fields);
    let failed = wrong(&matrix);
    assert!(!failed.is_empty());
    assert!(
        failed.iter().all(|(_, detail)| detail.contains("E0308")),
        "{failed:?}"
    );
}

#[test]
fn table_marks_what_is_wrong() {
    let right = try_table(LEVEL, FIELDS).to_string();
    let line = |text: &str, access: &str| -> Vec<String> {
        let line = text
            .lines()
            .find(|l| l.split_whitespace().nth(1) == Some(access));
        let words = line.unwrap().split_whitespace().skip(3);
        words.map(str::to_string).collect()
    };
    assert_eq!(line(&right, "access"), ["Yes", "No", "UnstableVma"]);
    assert_eq!(line(&right, "peek"), ["n", "n", "y"]);
    assert_eq!(line(&right, "set"), ["y", "n"]);
    assert_eq!(line(&right, "missing"), ["-", "-"]);
    let fields = edit(FIELDS, "usize where L: Any", "usize where L: Locked");
    assert_eq!(
        line(&try_table(LEVEL, &fields).to_string(), "get"),
        ["y", "y!"]
    );
    let fields = edit(FIELDS, "to: usize", "to: Unheard");
    assert_eq!(
        line(&try_table(LEVEL, &fields).to_string(), "set"),
        ["?!", "?!"]
    );
}
