// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::argument::{is_empty, sites};

fn found(text: &str) -> Vec<(String, Kind, String)> {
    let sites = sites(&source("a.rs", text)).expect("is Rust");
    let parts = sites
        .into_iter()
        .map(|site| (site.item, site.kind, site.argument));
    parts.collect()
}

fn one(item: &str, kind: Kind, argument: &str) -> (String, Kind, String) {
    (format!("a.rs {item}"), kind, argument.to_string())
}

#[test]
fn arguments_are_found() {
    let text = r#"
/// Reads.
///
/// # Safety
///
/// `p` must
/// be valid.
///
/// # Examples
unsafe fn read(p: *const u8) -> u8 {
    // CAST: No.
    // SAFETY: It is
    // valid.
    // INVARIANT: None.
    let x = Some(())
        .map(|_| unsafe { *p });
    x
}
impl<T: Fn() -> u8> A<T> {
    fn f(&self) {
        // SAFETY: One.
        #[cfg(X)]
        unsafe { g() };
        let closure: unsafe fn(*mut u8) = h;
    }
}
// SAFETY: Not shared.
unsafe impl<T> Send for A<T> {}
// SAFETY: The functions are right.
unsafe impl Lock for B {
    unsafe fn unlock() {}
}
"#;
    assert_eq!(
        found(text),
        [
            one("read", Kind::Fn, "`p` must be valid."),
            one("read", Kind::Block, "It is valid."),
            one("A::f", Kind::Block, "One."),
            one("impl Send for A", Kind::Impl, "Not shared."),
            one("impl Lock for B", Kind::Impl, "The functions are right."),
            one("B::unlock", Kind::Fn, "As for `Lock::unlock()`."),
        ]
    );
}

#[test]
fn macros_are_no_hiding_place() {
    let text = r#"
macro_rules! make {
    ($kind:ident) => {
        // SAFETY: It is.
        unsafe impl Kind for $kind {
            fn f() { unsafe { g() } }
        }
    };
    (@pattern unsafe fn $name:ident) => {};
}
"#;
    assert_eq!(
        found(text),
        [
            one("make!::impl Kind for $kind", Kind::Impl, "It is."),
            one("make!::$kind::f", Kind::Block, ""),
        ]
    );
}

#[test]
fn a_block_has_an_argument() {
    let text = "fn f() {\n    // Quick.\n    unsafe { g() };\n}\n";
    let said = problem("a.rs", text, ROW);
    assert_eq!(said, "a.rs f: line 3: an unsafe block without its argument");
    // The comment of another statement does not count.
    let text = "fn f() {\n    // SAFETY: One.\n    h();\n    unsafe { g() };\n}\n";
    assert!(problem("a.rs", text, ROW).contains("line 4: an unsafe block without"));
}

#[test]
fn a_function_says_what_it_asks_for() {
    let said = problem("a.rs", "/// Reads.\nunsafe fn f() {}\n", ROW);
    assert_eq!(said, "a.rs f: line 2: an unsafe fn without its argument");
}

#[test]
fn an_argument_names_an_obligation() {
    let text = "fn f() {\n    // SAFETY: The caller answers for it.\n    unsafe { g() };\n}\n";
    let said = problem("a.rs", text, ROW);
    assert!(said.contains("names no obligation"), "{said}");
    assert!(is_empty("Guaranteed by the caller."));
    assert!(is_empty("This is safe. TODO"));
    assert!(!is_empty("Guaranteed by the caller: `vma` is attached."));
    assert!(!is_empty("By the type invariants."));
}
