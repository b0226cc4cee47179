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
fn a_precondition_has_tests_that_exist() {
    assert!(said("tests = [\"kunit suite.test\"]\n").is_empty());
    for (row, wanted) in [
        ("tests = []\n", "f: x: no test"),
        (
            "tests = [\"kunit suite.gone\"]\n",
            "f: x: there is no test \"kunit suite.gone\"",
        ),
    ] {
        assert_eq!(said(row), [format!("preconditions: {wanted}")]);
    }
}
