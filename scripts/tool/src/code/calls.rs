// SPDX-License-Identifier: GPL-2.0

//! Calls in compiled code. A primitive in Rust calls nothing that it does not call in C, and nothing of ours can panic; what
//! may all the same is in [`Allowed`].

use super::allowed::Allowed;
use super::object::demangle;
use super::primitives::{At, Code, Primitive};
use crate::report::Outcome;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The name of a computed call.
const COMPUTED: &str = "a function pointer";
const TRAP: &str = "ud2";
const HELPER: &str = "rust_helper_";

/// Crates of which no code of a driver comes.
const OURS: [&str; 5] = ["kernel", "core", "bindings", "ffi", "pin_init"];

/// Parts of the names of functions of the library that do not return, because something is wrong.
const PANICS: [&str; 4] = ["panic", "unwrap_failed", "expect_failed", "_fail"];
/// And functions elsewhere, which do not either.
const ENDS: [&str; 3] = [
    "rust_begin_unwind",
    "rust_build_error",
    "handle_alloc_error",
];

fn is_panic(path: &str) -> bool {
    let of_core = path.strip_prefix("core::");
    of_core.is_some_and(|path| PANICS.iter().any(|part| path.contains(part)))
        || ENDS.iter().any(|part| path.contains(part))
}

/// The callees of a function that are not ours or cannot be seen, with the function of ours that calls them.
pub fn callees(from: At) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for at in from.reach() {
        for name in at.function.calls() {
            let callee = match name {
                None => COMPUTED.to_string(),
                Some(name) if at.find(name).is_some() => continue,
                Some(name) => demangle(name),
            };
            all.entry(callee).or_insert_with(|| at.function.path());
        }
    }
    all
}

fn traps(from: At) -> usize {
    from.reach().iter().map(|at| at.function.traps()).sum()
}

/// Checks that each primitive in Rust calls only what it calls in C.
pub fn judge(primitives: &BTreeMap<String, Primitive>, allowed: &Allowed) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.check(!primitives.is_empty(), || {
        "no primitive is in the objects of the benchmark".to_string()
    });
    for (name, primitive) in primitives {
        let (Some(c), Some(rust)) = (primitive.c, primitive.rust) else {
            let missing = if primitive.c.is_none() { "C" } else { "Rust" };
            outcome.fail(format!("{name}: there is no such primitive in {missing}"));
            continue;
        };
        let in_c: BTreeSet<String> = callees(c).into_keys().collect();
        let mut more: Vec<(String, String)> = callees(rust)
            .into_iter()
            .filter(|(callee, _)| !in_c.contains(callee))
            .collect();
        let (c_traps, rust_traps) = (traps(c), traps(rust));
        if rust_traps > c_traps {
            let count = format!("{rust_traps} times, C {c_traps} times");
            more.push((TRAP.to_string(), count));
        }
        more.retain(|(callee, _)| !allowed.call(name, callee));
        outcome.check(more.is_empty(), || {
            let list: Vec<String> = more
                .iter()
                .map(|(callee, by)| format!("{callee} ({by})"))
                .collect();
            format!(
                "{name}: Rust calls what C does not: {}: write it without, or give the reason in \
                 scripts/bench/calls.toml",
                list.join(", ")
            )
        });
    }
    outcome
}

/// A function of the abstraction that can panic.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Panic {
    pub function: String,
    pub callee: String,
    pub allowed: bool,
}

/// The functions of the abstraction, and those that name one which does not return.
pub fn panics(code: &Code, allowed: &Allowed) -> (usize, Vec<Panic>) {
    let mut functions = BTreeSet::new();
    let mut found = BTreeSet::new();
    for at in code.rust() {
        let function = at.function.path();
        if !is_of_the_abstraction(&function) {
            continue;
        }
        functions.insert(function.clone());
        for callee in at.function.names().map(demangle).filter(|n| is_panic(n)) {
            found.insert(Panic {
                allowed: allowed.panic(&function, &callee),
                function: function.clone(),
                callee,
            });
        }
    }
    (functions.len(), found.into_iter().collect())
}

/// Returns true if a function is in `kernel::mm::vma`.
pub fn is_in_the_abstraction(path: &str) -> bool {
    path.starts_with("kernel::mm::vma::") || path.starts_with("<kernel::mm::vma::")
}

/// Returns true if a function is in `kernel::mm::vma`, wherever it was compiled, and nothing of a driver can be in it. Tests
/// are none, nor is text for people who debug.
fn is_of_the_abstraction(path: &str) -> bool {
    is_in_the_abstraction(path)
        && !path.contains("::tests::")
        && !path.contains(" as core::fmt::Debug>")
        && crates(path).all(|name| OURS.contains(&name))
}

/// The crates that a path names: what stands before `::` and behind none.
fn crates(path: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    path.match_indices("::").filter_map(move |(at, _)| {
        let before = &path[..at];
        let start = before.rfind(|c| !is_word(c)).map_or(0, |at| at + 1);
        let is_first = start < at && !before[..start].ends_with("::");
        is_first.then_some(&before[start..])
    })
}

pub fn judge_panics(functions: usize, panics: &[Panic]) -> Outcome {
    let mut outcome = Outcome {
        passed: functions,
        ..Outcome::default()
    };
    outcome.check(functions > 0, || {
        "no function of kernel::mm::vma is in the objects".to_string()
    });
    for Panic {
        function, callee, ..
    } in panics.iter().filter(|panic| !panic.allowed)
    {
        outcome.passed = outcome.passed.saturating_sub(1);
        outcome.fail(format!(
            "{function} can panic, by {callee}: write it without, or give the reason in scripts/bench/calls.toml"
        ));
    }
    outcome
}

/// How many calls of helpers stand on the ways through a function and those of ours that it calls, counted for each
/// place that calls them. It is no less than what a run without loops can do.
pub fn helper_calls(from: At) -> u64 {
    fn sites(at: At, path: &mut Vec<*const super::object::Function>) -> u64 {
        if path.contains(&(at.function as *const _)) {
            return 0;
        }
        path.push(at.function);
        let mut count = 0;
        for name in at.function.calls().flatten() {
            if name.starts_with(HELPER) {
                count += 1;
            } else if let Some(found) = at.find(name) {
                count += sites(found, path);
            }
        }
        path.pop();
        count
    }
    sites(from, &mut Vec::new())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Op, RET, UD2, object};
    use super::*;

    /// Functions that call: each a name and its callees, of which "ud2" is an instruction.
    type Calling<'a> = &'a [(&'a str, &'a [&'static str])];

    const PRIM: &str = "_RNvNtCs1_5bench4ours9prim_read";
    const CRATE: &str = "_RNvNtNtNtCs1_6kernel2mm3vma5scope4lock";
    const PANIC: &str = "_RNvNtCs1_4core9panicking5panic";

    fn code(c: Calling, rust: Calling) -> Code {
        let of = |functions: Calling| {
            let ops = |callees: &[&'static str]| -> Vec<Op> {
                let op = |name: &&'static str| match *name {
                    "ud2" => UD2,
                    name => Op::Call(name),
                };
                callees.iter().map(op).chain([RET]).collect()
            };
            let all: Vec<_> = functions
                .iter()
                .map(|(name, callees)| (*name, ops(callees)))
                .collect();
            let all: Vec<_> = all.iter().map(|(name, ops)| (*name, &ops[..])).collect();
            vec![object(&all)]
        };
        Code::of(of(c), of(rust))
    }

    fn failures(code: &Code, allowed: &str) -> Vec<String> {
        let allowed: Allowed = toml::from_str(allowed).unwrap();
        let mut outcome = judge(&code.primitives(), &allowed);
        let (functions, found) = panics(code, &allowed);
        outcome.add(judge_panics(functions, &found));
        outcome.add(allowed.judge());
        outcome.failures
    }

    #[test]
    fn same_calls_through_helpers_pass() {
        let code = code(
            &[
                ("prim_read", &["down_read", "vma_end_read"]),
                ("vma_end_read", &["wake"]),
            ],
            &[
                (PRIM, &[CRATE, "rust_helper_wake"]),
                (CRATE, &["down_read"]),
                ("rust_helper_wake", &["wake"]),
            ],
        );
        assert!(failures(&code, "").is_empty(), "{:?}", failures(&code, ""));
    }

    #[test]
    fn one_more_call_is_named_with_its_caller() {
        let code = code(
            &[("prim_read", &["down_read"])],
            &[(PRIM, &[CRATE]), (CRATE, &["down_read", "memcpy", "ud2"])],
        );
        let found = failures(&code, "");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("read: Rust calls what C does not: memcpy (kernel::mm::vma::scope::lock), ud2 (1 times"),
            "{found:?}"
        );
    }

    #[test]
    fn finds_panics_in_primitives_and_crate() {
        let code = code(
            &[("prim_read", &[])],
            &[(PRIM, &[CRATE]), (CRATE, &[PANIC])],
        );
        let found = failures(&code, "");
        assert!(found[0].contains("core::panicking::panic ("), "{found:?}");
        assert!(
            found[1]
                .starts_with("kernel::mm::vma::scope::lock can panic, by core::panicking::panic"),
            "{found:?}"
        );
        let allowed = "[[call]]\nfrom = [\"read\"]\ncallee = \"core::panicking::panic\"\nreason = \"x\"\n\
                       [[panic]]\nfrom = [\"kernel::mm::vma::scope::lock\"]\n\
                       callee = \"core::panicking::panic\"\nreason = \"y\"\n";
        assert!(
            failures(&code, allowed).is_empty(),
            "{:?}",
            failures(&code, allowed)
        );
    }

    #[test]
    fn unused_or_unexplained_exception_fails() {
        let code = code(&[("prim_read", &[])], &[(PRIM, &["memcpy"]), (CRATE, &[])]);
        let entry = |callee: &str, reason: &str| {
            format!("[[call]]\nfrom = [\"read\"]\ncallee = \"{callee}\"\nreason = \"{reason}\"\n")
        };
        let found = failures(&code, &(entry("memcpy", "x") + &entry("memset", "x")));
        assert!(
            found.len() == 1 && found[0].contains("memset: read does not need it"),
            "{found:?}"
        );
        let found = failures(&code, &entry("memcpy", " "));
        assert!(
            found.len() == 1 && found[0].contains("why is not said"),
            "{found:?}"
        );
    }

    #[test]
    fn a_primitive_without_its_twin_fails() {
        let found = failures(&code(&[("prim_a", &[])], &[(CRATE, &[])]), "");
        assert_eq!(found, ["a: there is no such primitive in Rust"]);
        let found = failures(&code(&[("f", &[])], &[(CRATE, &[])]), "");
        assert_eq!(found, ["no primitive is in the objects of the benchmark"]);
    }

    #[test]
    fn panics_are_known_by_name() {
        assert!(is_panic(
            "core::panicking::panic_const::panic_const_add_overflow"
        ));
        assert!(is_panic("core::slice::index::slice_index_fail"));
        assert!(is_panic("core::option::unwrap_failed"));
        assert!(is_panic("rust_build_error"));
        assert!(!is_panic("__stack_chk_fail"));
        assert!(!is_panic("core::fmt::write"));
    }

    #[test]
    fn code_of_drivers_is_theirs() {
        assert!(is_of_the_abstraction(
            "kernel::mm::vma::field::name::write_name"
        ));
        assert!(is_of_the_abstraction(
            "<kernel::mm::vma::pin::Pins<kernel::mm::vma::pin::ReadOnly>>::page"
        ));
        assert!(!is_of_the_abstraction(
            "<kernel::mm::vma::driver::operations::callbacks::Callbacks<rust_vma_buffer::Ops>>::open"
        ));
        assert!(!is_of_the_abstraction(
            "<kernel::mm::vma::field::flags::VmaFlag as core::fmt::Debug>::fmt"
        ));
        assert!(!is_of_the_abstraction("kernel::mm::vma::tests::name::long"));
    }

    #[test]
    fn helpers_are_counted_for_each_way_to_them() {
        let code = code(
            &[],
            &[
                (PRIM, &[CRATE, CRATE, "rust_helper_a"]),
                (CRATE, &["rust_helper_b", "down_read"]),
                ("rust_helper_a", &["rust_helper_b"]),
            ],
        );
        assert_eq!(helper_calls(code.primitives()["read"].rust.unwrap()), 3);
    }
}
