// SPDX-License-Identifier: GPL-2.0

use super::*;

fn said(row: &str) -> Vec<String> {
    let text = format!("[[preconditions]]\nc = \"f\"\nis = \"x\"\n{row}");
    let preconditions: Preconditions = toml::from_str(&text).expect("preconditions");
    let mut problems = Vec::new();
    preconditions.hold_against(&Tests::of(&["kunit suite.test"]), &mut problems);
    problems
}

#[test]
fn a_precondition_has_tests_or_a_reason() {
    const TESTS: &str = "tests = [\"kunit suite.test\"]\n";
    const REASON: &str = "reason = \"Hard.\"\n";
    assert!(said(TESTS).is_empty() && said(REASON).is_empty());
    for (row, wanted) in [
        ("", "f: x: neither tests nor a reason"),
        (
            &*format!("{TESTS}{REASON}"),
            "f: x: tests and a reason, of which one is wrong",
        ),
        ("reason = \"\"\n", "f: x: neither tests nor a reason"),
        (&*format!("by = \"\"\n{TESTS}"), "f: x: an empty text"),
        (
            "tests = [\"kunit suite.gone\"]\n",
            "f: x: there is no test \"kunit suite.gone\"",
        ),
    ] {
        assert_eq!(said(row), [format!("preconditions: {wanted}")]);
    }
}
