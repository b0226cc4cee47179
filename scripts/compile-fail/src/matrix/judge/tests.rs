// SPDX-License-Identifier: GPL-2.0

//! Verdicts on what a compiler could say, without one.

use super::*;
use crate::matrix::items::items;
use lock_table::LockTable;
use std::collections::BTreeSet;

const LEVEL: &str = r#"
#[diagnostic::on_unimplemented(message = "no `{Self}`", label = "take it", note = "n")]
pub unsafe trait Locked {}
levels! { Yes = [R, -, -], |vma| nothing(vma); No = [-, -, -], |vma| nothing(vma); }
unsafe impl Locked for Yes {}
"#;

const FIELDS: &str = r#"
/// Fields
///
/// | Field   | Read                     |
/// | ------- | ------------------------ |
/// | `field` | `get`, `see`, rcu `peek` |
impl<L: Level> Vma<L> {
    pub fn get(&self) where L: Locked {}
    pub fn see(&self) where L: Locked {}
}
impl UnstableVma<'_> {
    pub fn peek(&self) {}
}
"#;

const FIRST: usize = 5;

/// The items with such an end of their name.
fn some(ends: &[&str]) -> Vec<Item> {
    let files = [("level.rs", LEVEL), ("field.rs", FIELDS)];
    let files = files.map(|(name, text)| (name.to_string(), text.to_string()));
    let all = items(&LockTable::parse(&files.into()).unwrap());
    let find = |end: &&str| {
        all.iter()
            .find(|i| i.name().ends_with(end))
            .unwrap()
            .clone()
    };
    ends.iter().map(find).collect()
}

fn complaint(code: &str, message: &str, label: &str, lines: &[usize]) -> Complaint {
    Complaint {
        error: true,
        code: code.to_string(),
        message: message.to_string(),
        texts: vec![message.to_string(), label.to_string()],
        lines: BTreeSet::from_iter(lines.iter().copied()),
    }
}

fn lacks(line: usize) -> Complaint {
    complaint("E0277", "no `No`", "take it", &[line])
}

fn said(complaints: Vec<Complaint>) -> Outcome {
    Outcome {
        success: complaints.iter().all(|c| !c.error),
        complaints,
        other: None,
        rendered: String::new(),
    }
}

/// Judges by what is said in one run after the other.
fn judged(items: &[Item], runs: Vec<Outcome>) -> Judged {
    let mut runs = runs.into_iter();
    let items: Vec<&Item> = items.iter().collect();
    let judged = judge(&items, FIRST, |lines| {
        assert_eq!(lines.len(), items.len(), "the lines moved");
        runs.next().ok_or("one run too many")
    });
    assert!(runs.next().is_none(), "a run too few");
    judged.unwrap_or_else(|error| panic!("{error}"))
}

fn wrong(items: &[Item], runs: Vec<Outcome>) -> Vec<String> {
    let verdicts = judged(items, runs).verdicts;
    verdicts.into_iter().map(|v| v.wrong).collect()
}

const GET_AND_SEE: [&str; 2] = ["get::No", "see::No"];

#[test]
fn each_item_has_its_own_error() {
    let items = some(&GET_AND_SEE);
    assert_eq!(
        wrong(&items, vec![said(vec![lacks(5), lacks(6)])]),
        ["", ""]
    );
    assert_eq!(
        wrong(&items, vec![said(vec![lacks(6)])]),
        ["compiles, but must not", ""]
    );
}

#[test]
fn wrong_code_with_right_text_fails() {
    let other = |code: &str| {
        let runs = vec![
            said(vec![complaint(code, "no `No`", "take it", &[5]), lacks(6)]),
            said(vec![lacks(6)]),
        ];
        wrong(&some(&GET_AND_SEE), runs)
    };
    let [first, second] = &other("E0599")[..] else {
        panic!("two items")
    };
    assert!(first.starts_with("no E0277 with"), "{first}");
    assert_eq!(second, "");
}

#[test]
fn a_missing_method_is_known_by_code_and_name() {
    let items = some(&["peek::No"]);
    let message = "no method named `peek` found for reference `&Vma`";
    let run = |code, message| said(vec![complaint(code, message, "", &[5])]);
    assert_eq!(wrong(&items, vec![run("E0599", message)]), [""]);
    for (code, message) in [
        ("E0277", message),
        ("E0599", "no method named `see` found "),
    ] {
        let wrong = wrong(&items, vec![run(code, message), said(Vec::new())]);
        assert!(
            wrong[0].starts_with("no E0599 for the method peek"),
            "{wrong:?}"
        );
    }
}

#[test]
fn a_warning_is_no_refusal_and_no_permission() {
    for end in ["get::No", "get::Yes"] {
        let mut warning = lacks(5);
        warning.error = false;
        let wrong = wrong(&some(&[end]), vec![said(vec![warning]), said(Vec::new())]);
        assert!(wrong[0].contains("warning E0277"), "{end}: {wrong:?}");
    }
}

#[test]
fn a_second_complaint_fails_an_item() {
    let runs = vec![
        said(vec![lacks(5), lacks(5), lacks(6)]),
        said(vec![lacks(6)]),
    ];
    let wrong = wrong(&some(&GET_AND_SEE), runs);
    assert!(wrong[0].starts_with("more than one complaint"), "{wrong:?}");
    assert_eq!(wrong[1], "");
}

#[test]
fn an_error_that_hides_others_is_taken_out() {
    let hides = || complaint("E0412", "cannot find type", "", &[5]);
    let runs = vec![said(vec![hides()]), said(vec![lacks(6)])];
    let judged_now = judged(&some(&GET_AND_SEE), runs);
    assert!(judged_now.verdicts[0].wrong.contains("cannot find type"));
    assert_eq!(judged_now.verdicts[0].allowed, None);
    assert_eq!(
        judged_now.verdicts[1],
        Verdict {
            allowed: Some(false),
            wrong: String::new()
        }
    );
    let runs = vec![said(vec![hides()]), said(vec![lacks(6)]), said(Vec::new())];
    let wrong = wrong(&some(&["get::Yes", "see::Yes"]), runs);
    assert!(
        wrong
            .iter()
            .all(|w| w.starts_with("does not compile, but must"))
    );
}

#[test]
fn stray_error_makes_other_items_unknown() {
    for lines in [&[1][..], &[7], &[5, 6], &[]] {
        let elsewhere = complaint("E0432", "unresolved import", "", lines);
        for end in ["get::Yes", "get::No"] {
            let mut items = some(&[end]);
            items.extend(some(&["see::No"]));
            let runs = vec![said(vec![lacks(6), copy(&elsewhere)])];
            let judged = judged(&items, runs);
            assert_eq!(judged.elsewhere, ["error E0432 \"unresolved import\""]);
            let [first, second] = &judged.verdicts[..] else {
                panic!("two items")
            };
            assert_eq!(first.allowed, None);
            assert!(
                first
                    .wrong
                    .starts_with("rustc did not get to it: error E0432")
            );
            assert_eq!(second.wrong, "");
        }
    }
}

fn copy(complaint_: &Complaint) -> Complaint {
    let lines: Vec<usize> = complaint_.lines.iter().copied().collect();
    complaint(&complaint_.code, &complaint_.message, "", &lines)
}

#[test]
fn silent_compiler_failure_permits_nothing() {
    let outcome = Outcome {
        success: false,
        complaints: Vec::new(),
        other: Some("killed".to_string()),
        rendered: String::new(),
    };
    let judged = judged(&some(&["get::Yes"]), vec![outcome]);
    assert_eq!(
        judged.elsewhere,
        ["rustc failed without an error and said: killed"]
    );
    assert_eq!(judged.verdicts[0].allowed, None);
}

#[test]
fn the_level_may_be_a_path() {
    let pattern = "nothing at `{Self}` here";
    for said in [
        "nothing at `Read` here",
        "nothing at `kernel::mm::vma::Read` here",
    ] {
        assert!(says(said, pattern, "Read"), "{said}");
    }
    for said in [
        "nothing at `MmapRead` here",
        "nothing at `Read` there",
        "nothing at `Read` here, too",
        "Nothing at `Read` here",
        "nothing at `&Read` here",
    ] {
        assert!(!says(said, pattern, "Read"), "{said}");
    }
    assert!(says("a", "a", "Read") && !says("a", "", "Read"));
}
