// SPDX-License-Identifier: GPL-2.0

//! Rules of the code, except that each `unsafe` has its argument.

use crate::ledger::Allowed;
use crate::source::{Part, Place, Source, docs, is_punct, is_word, section, walk};
use anyhow::Result;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// A function with a body.
struct Function<'a> {
    place: &'a Place,
    /// The tokens before `fn`, and those after it.
    before: &'a [TokenTree],
    head: &'a [TokenTree],
    body: TokenStream,
}

/// The functions with a body that break a rule.
fn functions(source: &Source, breaks: impl Fn(&Function<'_>) -> bool) -> Result<Vec<String>> {
    let mut found = Vec::new();
    walk(source.tokens()?, &mut |place, part| {
        let Part::Item {
            keyword: "fn",
            before,
            head,
            body: Some(body),
        } = part
        else {
            return;
        };
        let function = Function {
            place,
            before,
            head,
            body: body.stream(),
        };
        if breaks(&function) {
            found.push(format!("{} {}", source.name, place.name()));
        }
    });
    Ok(found)
}

/// Safe functions that are given a pointer and have an `unsafe` block: a caller could make them dereference anything.
pub fn safe_functions_of_pointers(source: &Source) -> Result<Vec<String>> {
    functions(source, |function| {
        let is_unsafe = function
            .before
            .iter()
            .any(|token| is_word(Some(token), "unsafe"));
        let arguments = function.head.iter().find_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(group),
            _ => None,
        });
        let takes_pointer = arguments.is_some_and(|group| has_pointer(group.stream()));
        !is_unsafe && takes_pointer && has_word(function.body.clone(), "unsafe")
    })
}

/// Types that hold a pointer and do not say, under `# Invariants`, what it is good for. A function that is given one
/// is given a pointer.
pub fn pointers_without_invariants(source: &Source) -> Result<Vec<String>> {
    let mut found = Vec::new();
    walk(source.tokens()?, &mut |place, part| {
        let Part::Item {
            keyword: "struct" | "enum" | "union",
            before,
            head,
            body,
        } = part
        else {
            return;
        };
        let fields = match body {
            Some(body) => body.stream(),
            None => head.iter().cloned().collect(),
        };
        if has_pointer(fields) && section(&docs(before), "# Invariants").is_none() {
            found.push(format!("{} {}", source.name, place.name()));
        }
    });
    Ok(found)
}

/// Ways to memory that may never have been written.
const UNINITIALISED: [&str; 12] = [
    "from_raw_parts",
    "from_raw_parts_mut",
    "slice_from_raw_parts",
    "slice_from_raw_parts_mut",
    "assume_init",
    "assume_init_ref",
    "assume_init_mut",
    "assume_init_read",
    "MaybeUninit",
    "spare_capacity_mut",
    "set_len",
    "inc_len",
];

/// Items that have one of these.
pub fn uninitialised_memory(source: &Source) -> Result<Vec<String>> {
    items_with(source, &UNINITIALISED)
}

/// Items that have one of these words, but for imports, which use nothing.
fn items_with(source: &Source, words: &[&str]) -> Result<Vec<String>> {
    let mut found = BTreeSet::new();
    walk(source.tokens()?, &mut |place, part| match part {
        Part::Word { word, .. } if words.contains(&word) && !place.path.is_empty() => {
            found.insert(format!("{} {}", source.name, place.name()));
        }
        _ => (),
    });
    Ok(found.into_iter().collect())
}

/// Macros that name a lock where they are compiled.
const LOCK_MACROS: [&str; 4] = ["new_condvar", "new_mutex", "new_spinlock", "new_srcu"];

/// Items that make a lock by a macro. In a function that other crates compile, too, the name has an address in each, but
/// the class is one: lockdep reports a class of two names.
pub fn locks_named_by_a_macro(source: &Source) -> Result<Vec<String>> {
    items_with(source, &LOCK_MACROS)
}

/// The module of a suite, in which assertions are those of KUnit.
const CASES: &str = "tests";

/// Functions of the tests that could return an error, and assert instead.
pub fn assertions_that_panic(source: &Source) -> Result<Vec<String>> {
    functions(source, |function| {
        let is_case = function.place.path.iter().any(|name| name == CASES);
        let mut asserts = ["assert", "assert_eq", "assert_ne"].into_iter();
        let asserts = asserts.any(|name| has_word(function.body.clone(), name));
        !is_case && asserts && has_word(function.head.iter().cloned().collect(), "Result")
    })
}

/// C functions that wait for the mmap lock, or may take it again after they dropped it.
const MMAP_LOCK: [&str; 12] = [
    "account_locked_vm",
    "hmm_range_fault_unlocked_timeout",
    "mmap_read_lock",
    "mmap_read_lock_killable",
    "mmap_read_trylock",
    "mmap_write_lock",
    "mmap_write_lock_killable",
    "mmap_write_lock_nested",
    "mmu_interval_notifier_insert",
    "pin_user_pages_fast",
    "pin_user_pages_remote",
    "pin_user_pages_unlocked",
];

/// Functions that may wait for the mmap lock, except those that borrow the lock scope mutably: a guard that the scope has
/// given out could be of a VMA lock, which is taken after the mmap lock.
pub fn mmap_lock_without_the_scope(source: &Source) -> Result<Vec<String>> {
    functions(source, |function| {
        let of_scope = function.place.name().starts_with("VmaLocks::");
        let borrows_scope = function.head.iter().any(|token| match token {
            TokenTree::Group(group) => {
                let parameters = group.stream().to_string();
                parameters.contains("mut VmaLocks")
                    || of_scope && parameters.starts_with("& mut self")
            }
            _ => false,
        });
        let mut locks = MMAP_LOCK.iter();
        let locks = locks.any(|name| has_word(function.body.clone(), name));
        locks && !borrows_scope
    })
}

/// Reports items that are not allowed, and allowances that are stale.
pub fn hold_against(found: &[String], allowed: &[Allowed], what: &str, problems: &mut Vec<String>) {
    for item in found {
        if !allowed.iter().any(|one| one.item == *item) {
            problems.push(format!("{item}: {what}"));
        }
    }
    for one in allowed {
        if !found.contains(&one.item) {
            problems.push(format!(
                "ledger: {}: allows nothing that is there",
                one.item
            ));
        }
        if one.reason.trim().is_empty() {
            problems.push(format!("ledger: {}: allowed without a reason", one.item));
        }
    }
}

fn has_pointer(tokens: TokenStream) -> bool {
    let tokens: Vec<_> = tokens.into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Punct(punct) if punct.as_char() == '*' => {
            is_word(tokens.get(at + 1), "mut") || is_word(tokens.get(at + 1), "const")
        }
        TokenTree::Ident(ident) => ident == "NonNull",
        // A type of functions takes pointers itself.
        TokenTree::Group(group) => {
            let of_function = at > 0
                && (is_word(tokens.get(at - 1), "fn")
                    || is_word(tokens.get(at - 1), "FnOnce")
                    || is_word(tokens.get(at - 1), "FnMut")
                    || is_word(tokens.get(at - 1), "Fn"));
            let attribute = at > 0 && is_punct(tokens.get(at - 1), '#');
            !of_function && !attribute && has_pointer(group.stream())
        }
        _ => false,
    })
}

fn has_word(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => has_word(group.stream(), word),
        _ => false,
    })
}
