// SPDX-License-Identifier: GPL-2.0

use super::*;

fn body(head: &str) -> String {
    format!("{head} {{\n    // SAFETY: It is valid.\n    unsafe {{ g() }};\n}}\n")
}

#[test]
fn safe_function_dereferences_no_raw_argument() {
    for head in [
        "fn f(vma: *mut vm_area_struct)",
        "pub(super) fn f(a: usize, pte: NonNull<pte_t>)",
        "fn f(pages: Option<(*const page, usize)>)",
    ] {
        let said = problem("a.rs", &body(head), ROW);
        assert_eq!(
            said,
            "a.rs f: a safe function dereferences a pointer that it is given"
        );
    }
    let text = format!(
        "/// # Safety\n///\n/// Valid.\n{}",
        body("unsafe fn f(vma: *mut A)")
    );
    assert!(problems("a.rs", &text, ROW).is_empty());
    for head in [
        "fn f(vma: &A)",
        "fn f(each: impl FnMut(*mut u8))",
        "fn f(each: fn(*mut A))",
    ] {
        assert!(problems("a.rs", &body(head), ROW).is_empty(), "{head}");
    }
}

#[test]
fn exception_needs_reason_and_item() {
    let text = body("fn f(vma: *mut A)");
    let allow = |item: &str, reason: &str| {
        format!("{ROW}[[pointers]]\nitem = \"a.rs {item}\"\nreason = \"{reason}\"\n")
    };
    assert!(problems("a.rs", &text, &allow("f", "Compared only.")).is_empty());
    assert!(problem("a.rs", &text, &allow("f", "")).ends_with("allowed without a reason"));
    assert_eq!(problems("a.rs", &text, &allow("g", "Gone.")).len(), 2);
}

#[test]
fn type_with_a_pointer_states_its_purpose() {
    for text in [
        "/// A page.\nstruct A {\n    page: *mut page,\n}\n",
        "struct A(NonNull<page>);\n",
        "enum A { Some(*const page) }\n",
    ] {
        let said = problem("a.rs", text, "");
        assert_eq!(said, "a.rs A: holds a pointer and has no `# Invariants`");
    }
    let text =
        "/// A.\n///\n/// # Invariants\n///\n/// `page` is valid.\nstruct A { page: *mut page }\n";
    assert!(problems("a.rs", text, "").is_empty());
    assert!(problems("a.rs", "struct A { f: unsafe fn(*mut page) }\n", "").is_empty());
}

#[test]
fn uninit_memory_is_lent_in_known_places() {
    for call in [
        "core::slice::from_raw_parts_mut(p, n)",
        "x.assume_init()",
        "v.spare_capacity_mut()",
        "MaybeUninit::uninit()",
    ] {
        let text = format!("fn f() {{\n    {call};\n}}\n");
        let said = problem("a.rs", &text, "");
        assert_eq!(said, "a.rs f: lends memory that may be uninitialised");
        let allow = "[[memory]]\nitem = \"a.rs f\"\nreason = \"Filled before.\"\n";
        assert!(problems("a.rs", &text, allow).is_empty());
    }
    // In the type of a field, too; an import uses nothing.
    let said = problem("a.rs", "struct A(MaybeUninit<u8>);\n", "");
    assert!(said.starts_with("a.rs A: lends memory"), "{said}");
    assert!(problems("a.rs", "use core::mem::MaybeUninit;\n", "").is_empty());
}

#[test]
fn locks_have_one_name() {
    let text = "fn f() { try_pin_init!(S { a <- new_srcu!() }) }\n";
    let said = problem("a.rs", text, "");
    assert!(said.starts_with("a.rs f: a macro names the lock"), "{said}");
    let text = "use crate::new_srcu;\nfn f() { Srcu::new(NAME, static_lock_class!()) }\n";
    assert!(problems("a.rs", text, "").is_empty());
}

#[test]
fn waiting_for_the_mmap_lock_borrows_the_scope() {
    let text = |args: &str, call: &str| {
        format!("impl VmaLocks<'_> {{\n    fn f({args}) {{\n        {call};\n    }}\n}}\n")
    };
    for call in [
        "bindings::mmap_read_lock(mm)",
        "b::pin_user_pages_unlocked(start)",
    ] {
        assert!(problems("a.rs", &text("&mut self", call), "").is_empty());
        let said = problem("a.rs", &text("&self", call), "");
        assert!(said.starts_with("a.rs VmaLocks::f: may wait for the mmap lock"));
        let of_guard = text("&mut self", call).replace("VmaLocks", "MmapGuard");
        let said = problem("a.rs", &of_guard, "");
        assert!(said.starts_with("a.rs MmapGuard::f: may wait"));
        let allow = "[[locks]]\nitem = \"a.rs MmapGuard::f\"\nreason = \"Not again.\"\n";
        assert!(problems("a.rs", &of_guard, allow).is_empty());
    }
}

#[test]
fn assertion_outside_of_the_cases_panics() {
    let said = |text: &str| {
        let subject = Subject {
            sources: Vec::new(),
            kunit: vec![source("tests/a.rs", text)],
            ledger: toml::from_str("").expect("a ledger"),
            preconditions: Preconditions::default(),
            tests: Tests::of(&[]),
        };
        subject.check().expect("is Rust").problems
    };
    let problems = said("fn f() -> Result<u8> { let g = || assert_eq!(1, 2); }");
    assert!(
        problems[0].starts_with("tests/a.rs f: an assertion"),
        "{problems:?}"
    );
    assert_eq!(problems.len(), 1);
    for text in [
        "#[kunit_tests(a)]\nmod tests { #[test] fn f() -> Result { assert!(true); Ok(()) } }",
        // It has nobody to tell.
        "extern \"C\" fn close() { assert!(true); }",
        "fn f() -> Result { holds(true) }",
    ] {
        assert!(said(text).is_empty(), "{text}");
    }
}
