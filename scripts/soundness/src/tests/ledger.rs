// SPDX-License-Identifier: GPL-2.0

use super::*;

const TEXT: &str = "fn f() {\n    // SAFETY: It is valid.\n    unsafe { g() };\n}\n";

#[test]
fn block_with_a_row_passes() {
    assert!(problems("a.rs", TEXT, ROW).is_empty());
    let row = "[[rows]]\nitems = [\"a.rs f\"]\nreason = \"No test can see it.\"\n";
    assert!(problems("a.rs", TEXT, row).is_empty());
}

#[test]
fn an_unsafe_has_a_row() {
    assert_eq!(problem("a.rs", TEXT, ""), "a.rs f: is not in the ledger");
    // A row for something whose name begins the same is none.
    let row = "[[rows]]\nitems = [\"a.rs fo\", \"a.r\"]\ntests = [\"kunit suite.test\"]\n";
    assert_eq!(problems("a.rs", TEXT, row).len(), 3);
}

#[test]
fn a_row_has_an_unsafe() {
    let rows = format!("{ROW}[[rows]]\nitems = [\"a.rs g\"]\ntests = [\"kunit suite.test\"]\n");
    let said = problem("a.rs", TEXT, &rows);
    assert_eq!(said, "ledger: a.rs g: has no unsafe code");
}

#[test]
fn a_test_exists() {
    let row =
        "[[rows]]\nitems = [\"a.rs\"]\ntests = [\"kunit suite.test\", \"kunit suite.gone\"]\n";
    let said = problem("a.rs", TEXT, row);
    assert_eq!(said, "ledger: a.rs: there is no test \"kunit suite.gone\"");
}

#[test]
fn a_row_has_tests_or_a_reason() {
    let said = problem(
        "a.rs",
        TEXT,
        "[[rows]]\nitems = [\"a.rs f\"]\nreason = \" \"\n",
    );
    assert_eq!(said, "ledger: a.rs f: neither tests nor a reason");
}

#[test]
fn a_row_for_several_items_names_tests() {
    let said = problem(
        "a.rs",
        TEXT,
        "[[rows]]\nitems = [\"a.rs\"]\nreason = \"Hard.\"\n",
    );
    assert!(
        said.ends_with("a row for more than one item has to name tests"),
        "{said}"
    );
}

#[test]
fn an_item_has_one_row() {
    let said = problem("a.rs", TEXT, &format!("{ROW}{ROW}"));
    assert_eq!(said, "ledger: a.rs: has two rows");
}

#[test]
fn the_longest_row_counts() {
    let rows = format!("{ROW}[[rows]]\nitems = [\"a.rs f\"]\nreason = \"No test.\"\n");
    // So the other one is for nothing.
    let said = problem("a.rs", TEXT, &rows);
    assert_eq!(said, "ledger: a.rs: has no unsafe code");
}

#[test]
fn tests_are_known_by_their_names() {
    let mut tests = Tests::default();
    let suites = "#[kunit_tests(rust_vma_x)]\nmod tests {\n #[test]\n fn one() -> Result { helper() }\n fn two() {} }";
    tests.add_suites(suites.parse().expect("is Rust"));
    let guest = "suite! { \"a\": b, c }\nfailing_suite! { \"d e\": f, }\nother! { \"g\": h }";
    tests.add_guest(guest.parse().expect("is Rust"));
    assert!(tests.contains("kunit rust_vma_x.one"));
    // A helper is no test.
    assert!(!tests.contains("kunit rust_vma_x.two"));
    assert!(!tests.contains("kunit rust_vma_x.helper"));
    assert!(tests.contains("guest a: b") && tests.contains("guest a: c"));
    assert!(tests.contains("guest d e: f") && !tests.contains("guest g: h"));
}
