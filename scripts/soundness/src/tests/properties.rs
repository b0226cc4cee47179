// SPDX-License-Identifier: GPL-2.0

use super::*;

/// Checks a file together with its `properties.rs`.
fn said(text: &str, rows: &str) -> Vec<String> {
    let subject = Subject {
        kunit: Vec::new(),
        sources: vec![source("a.rs", text), source("properties.rs", rows)],
        ledger: toml::from_str("").expect("a ledger"),
        preconditions: Preconditions::default(),
        tests: Tests::of(&["compile-fail case"]),
    };
    subject.check().expect("is Rust").problems
}

const TYPE: &str =
    "pub struct Guard<'a, T: Operations, L: Level, const N: usize> { a: &'a (T, L) }\n";
const LISTED: &str =
    "properties! { a::Guard<'static, X, Y, 3>: WORD [niche !Send] by \"case\"; }\n";
const LIFETIME: &str = "variance! { covariant { type T<'a> = Guard<'a, X, Y, 3>; } }\n";
const PARAM: &str =
    "variance! { invariant { type T<U> = Guard<'static, U, Y, 3>; } by \"case\"; }\n";

#[test]
fn a_public_type_is_listed() {
    assert!(said(TYPE, &[LISTED, LIFETIME, PARAM].concat()).is_empty());
    assert_eq!(
        said(TYPE, &[LIFETIME, PARAM].concat()),
        ["a.rs Guard: is not in properties.rs"]
    );
    assert_eq!(
        said("pub enum Kind {}\n", ""),
        ["a.rs Kind: is not in properties.rs"]
    );
    for text in [
        "struct A;\n",
        "pub(super) struct A;\n",
        "pub(in crate::mm) enum A {}\n",
    ] {
        assert!(said(text, "").is_empty(), "{text}");
    }
}

#[test]
fn each_parameter_has_its_variance() {
    for rows in [LIFETIME, PARAM] {
        let said = said(TYPE, &[LISTED, rows].concat());
        assert_eq!(said.len(), 1);
        assert!(
            said[0].starts_with("a.rs Guard: properties.rs states the variance of"),
            "{said:?}"
        );
    }
}

#[test]
fn an_invariance_has_a_case_that_shows_it() {
    let bare = PARAM.replace(" by \"case\"", "");
    let said_ = said(TYPE, &[LISTED, LIFETIME, &bare].concat());
    assert_eq!(said_, ["properties.rs: Guard: invariant without a case"]);
    let gone = PARAM.replace("\"case\"", "\"gone\"");
    let said_ = said(TYPE, &[LISTED, LIFETIME, &gone].concat());
    assert_eq!(said_, ["properties.rs: there is no case \"gone\""]);
}

#[test]
fn missing_impl_has_its_case() {
    let bare = LISTED.replace(" by \"case\"", "");
    let said_ = said(TYPE, &[&bare, LIFETIME, PARAM].concat());
    assert_eq!(
        said_,
        ["properties.rs: Guard: is not Send or Sync, without a case"]
    );
}
