// SPDX-License-Identifier: GPL-2.0

use super::source;
use crate::calls::of;

/// Returns whether modules may have a copy of what calls `bindings::x()`.
#[track_caller]
fn is_in_modules(text: &str) -> bool {
    let found = of(&source("a.rs", text)).expect("is Rust");
    let [found] = &found[..] else {
        panic!("{text}: {found:?}");
    };
    assert_eq!(found.name, "x");
    found.in_modules
}

const CALL: &str = "{ unsafe { bindings::x() } }";

#[test]
fn generic_and_inlined_functions_are_copied() {
    for (head, expected) in [
        ("#[inline(never)] fn f(a: usize)", false),
        ("#[inline(never)] fn f<'a>(a: &'a u8)", false),
        ("fn f(a: usize)", true),
        ("#[inline] fn f(a: usize)", true),
        ("#[inline(never)] fn f<T>(a: T)", true),
        ("#[inline(never)] fn f<'a, const N: usize>(a: &'a u8)", true),
        ("#[inline(never)] fn f(a: impl FnOnce())", true),
        ("#[inline(never)] unsafe extern \"C\" fn f(a: usize)", false),
    ] {
        assert_eq!(is_in_modules(&format!("{head} {CALL}")), expected, "{head}");
    }
}

#[test]
fn parameters_of_the_block_around_count() {
    for (head, expected) in [
        ("impl A", false),
        ("impl B for A", false),
        ("impl<'a> A<'a>", false),
        ("impl<T> A<T>", true),
        ("impl<'a, T: 'a> B for A<'a, T>", true),
        ("trait B", true),
    ] {
        let method = format!("{head} {{ #[inline(never)] fn f(&self) {CALL} }}");
        assert_eq!(is_in_modules(&method), expected, "{head}");
        let inner = format!("{head} {{ fn f<U>(&self) {{ #[inline(never)] fn g() {CALL} }} }}");
        assert!(!is_in_modules(&inner), "{head}");
    }
    assert!(is_in_modules(&format!("const A: fn() = || {CALL};")));
}

#[test]
fn only_calls_of_bindings_are_found() {
    let text = "fn f(a: bindings::x) { x(); other::x(); let x = bindings::X; }";
    assert!(of(&source("a.rs", text)).expect("is Rust").is_empty());
}
