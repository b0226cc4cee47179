// SPDX-License-Identifier: GPL-2.0

//! What Rust may take beyond C: nothing where helpers are inlined, and else the calls of helpers; and what
//! exceptions.toml says.

use super::super::exceptions::{self, Exceptions, NEAR};
use super::super::lines::Language;
use super::{Helpers, Measured, Primitive};
use crate::report::Outcome;
use std::collections::BTreeMap;

/// What a call of a helper may take: the call, the landing instruction at its other end and the return; three moves of
/// arguments and the result; and a register that is saved and restored because the helper may change it.
pub const CALL_COST: f64 = 8.0;

/// What may come on top where helpers are called: rustc aligns the stack to 16 bytes, with a register pushed and popped.
/// Helpers that are inlined bring along that the kernel's is aligned to 8.
pub const ALIGNED_STACK: f64 = 2.0;

/// Judges all kernels that were measured: how far they can be trusted, and whether Rust takes what it may.
/// `shown` has how many calls of helpers the code of each primitive shows that calls any.
pub fn judge(
    kernels: &[Measured],
    exceptions: &Exceptions,
    shown: &BTreeMap<String, u64>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let helper_calls = exceptions.helper_calls(shown);
    for kernel in kernels {
        outcome.add(kernel.judge());
        for primitive in &kernel.figures().all {
            let wrong = match kernel.helpers {
                Helpers::Inline => inlined(primitive, exceptions),
                Helpers::Calls => {
                    let calls = helper_calls.get(&primitive.name).copied().unwrap_or(0);
                    called(primitive, exceptions, calls)
                }
            };
            outcome.check(wrong.is_none(), || {
                let wrong = wrong.unwrap_or_default();
                format!("{}: {}: {wrong}", kernel.config, primitive.name)
            });
        }
    }
    let all = kernels.iter().flat_map(|kernel| &kernel.figures().all);
    let names: Vec<&str> = all.map(|primitive| primitive.name.as_str()).collect();
    for (name, _) in shown.iter().filter(|(_, calls)| **calls > 0) {
        outcome.check(names.contains(&name.as_str()), || {
            format!("{name}: calls helpers and was not measured")
        });
    }
    outcome.add(exceptions.judge(names, shown));
    outcome
}

/// What is wrong with a primitive of a kernel that inlines helpers.
fn inlined(primitive: &Primitive, exceptions: &Exceptions) -> Option<String> {
    // A missing twin is a failure already.
    let more = primitive.more()?;
    let file = exceptions::FILE;
    match exceptions.of(&primitive.name) {
        None => (more > primitive.exact()).then(|| {
            format!(
                "Rust takes {more:.2} instructions more than C ({:.2}): mend that, or say in {file} why it has to be so",
                primitive.gross(Language::C).unwrap_or_default()
            )
        }),
        Some(known) if (more - known.instructions).abs() <= near(primitive) => None,
        Some(_) if more <= primitive.exact() => Some(format!(
            "Rust takes no more instructions than C: its entry in {file} is no longer needed: take it out"
        )),
        Some(known) => Some(format!(
            "Rust takes {more:.2} instructions more than C, not {} as {file} says",
            known.instructions
        )),
    }
}

/// How far from its exception a primitive may be.
fn near(primitive: &Primitive) -> f64 {
    NEAR.max(primitive.exact())
}

/// What is wrong with a primitive of a kernel where so many calls of helpers are in its way.
fn called(primitive: &Primitive, exceptions: &Exceptions, calls: u64) -> Option<String> {
    let more = primitive.more()?;
    let known = exceptions
        .of(&primitive.name)
        .map_or(0.0, |known| known.instructions + near(primitive));
    let most = CALL_COST * calls as f64 + ALIGNED_STACK + known;
    (more > most + primitive.exact()).then(|| {
        format!(
            "Rust takes {more:.2} instructions more than C: more than {most} for {calls} helper calls{}: mend that, or \
             say in {} why it calls more",
            match known {
                0.0 => "",
                _ => " and its exception",
            },
            exceptions::FILE
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::{lines, parsed};
    use super::*;

    const TWO_MORE: &str =
        "[[exception]]\nprimitive = \"read\"\ninstructions = 2\nreason = \"it checks\"\n";

    const MEND: &str = ": mend that, or say in scripts/bench/exceptions.toml why it calls more";

    /// What is said where `read` takes 40 instructions in C and so many in Rust.
    fn failures(helpers: Helpers, rust: f64, exceptions: &str, calls: u64) -> Vec<String> {
        let boot = || parsed(&lines(&[("read", &[40.0, rust])]));
        let kernel = Measured {
            config: "k",
            helpers,
            boots: [boot(), boot()],
        };
        let exceptions = Exceptions::parse(exceptions).unwrap();
        let calls = match calls {
            0 => BTreeMap::new(),
            calls => BTreeMap::from([("read".to_string(), calls)]),
        };
        judge(&[kernel], &exceptions, &calls).failures
    }

    fn inline(rust: f64, exceptions: &str) -> Vec<String> {
        failures(Helpers::Inline, rust, exceptions, 0)
    }

    #[test]
    fn rust_takes_no_more_than_c() {
        assert_eq!(inline(30.0, ""), [""; 0]);
        assert_eq!(inline(40.04, ""), [""; 0]);
        assert_eq!(
            inline(40.08, ""),
            [
                "k: read: Rust takes 0.08 instructions more than C (40.00): mend that, or say in \
                 scripts/bench/exceptions.toml why it has to be so"
            ]
        );
    }

    #[test]
    fn an_exception_is_exact() {
        assert_eq!(inline(42.4, TWO_MORE), [""; 0]);
        assert_eq!(inline(41.6, TWO_MORE), [""; 0]);
        let wrong = |more: &str| {
            format!(
                "k: read: Rust takes {more} instructions more than C, not 2 as \
                 scripts/bench/exceptions.toml says"
            )
        };
        assert_eq!(inline(42.6, TWO_MORE), [wrong("2.60")]);
        assert_eq!(inline(41.4, TWO_MORE), [wrong("1.40")]);
        assert_eq!(
            inline(40.0, TWO_MORE),
            [
                "k: read: Rust takes no more instructions than C: its entry in \
                 scripts/bench/exceptions.toml is no longer needed: take it out"
            ]
        );
    }

    #[test]
    fn an_exception_of_what_a_program_calls_is_as_exact_as_that_is() {
        let said = |rust: u64| {
            let mut texts = lines(&[]);
            texts.push("call read c 100 1000000 5".to_string());
            texts.push(format!("call read rust 100 {rust} 5"));
            let kernel = Measured {
                config: "k",
                helpers: Helpers::Inline,
                boots: [parsed(&texts), parsed(&texts)],
            };
            let exceptions = TWO_MORE.replace("= 2", "= 20");
            let exceptions = Exceptions::parse(&exceptions).unwrap();
            judge(&[kernel], &exceptions, &BTreeMap::new()).failed
        };
        assert_eq!([1_001_500, 1_003_000].map(said), [0, 0]);
        assert_eq!([1_000_900, 1_003_100].map(said), [1, 1]);
    }

    #[test]
    fn an_exception_of_nothing_that_exists_is_a_failure() {
        let other = TWO_MORE.replace("read", "write");
        assert_eq!(
            inline(40.0, &other),
            ["scripts/bench/exceptions.toml: write: no such primitive: take it out"]
        );
    }

    #[test]
    fn calls_of_helpers_may_cost_something() {
        let calls = |rust: f64, exceptions: &str, calls: u64| {
            failures(Helpers::Calls, rust, exceptions, calls)
        };
        let two = 40.0 + 2.0 * CALL_COST + ALIGNED_STACK;
        assert_eq!(calls(two, "", 2), [""; 0]);
        assert_eq!(
            calls(two + 1.0, "", 2),
            [format!(
                "k: read: Rust takes 19.00 instructions more than C: more than 18 for 2 helper calls{MEND}"
            )]
        );
        assert_eq!(
            calls(43.0, "", 0),
            [format!(
                "k: read: Rust takes 3.00 instructions more than C: more than 2 for 0 helper calls{MEND}"
            )]
        );
        assert_eq!(calls(two + 2.0, TWO_MORE, 2), [""; 0]);
        assert_eq!(
            calls(two + 3.0, TWO_MORE, 2),
            [format!(
                "k: read: Rust takes 21.00 instructions more than C: more than 20.5 for 2 helper \
                 calls and its exception{MEND}"
            )]
        );
        let three = "[[calls]]\nprimitive = \"read\"\ncalls = 3\nreason = \"a loop\"\n";
        assert_eq!(calls(two + CALL_COST, three, 2), [""; 0]);
        assert_eq!(calls(two + CALL_COST + 1.0, three, 2).len(), 1);
    }

    #[test]
    fn boots_that_cannot_be_trusted_are_failures() {
        let kernel = Measured {
            config: "k",
            helpers: Helpers::Inline,
            boots: [
                parsed(&lines(&[])),
                parsed(&lines(&[("read", &[40.0, 40.0])])),
            ],
        };
        assert_eq!(
            judge(&[kernel], &Exceptions::default(), &BTreeMap::new()).failures,
            ["k: read: was measured in one of two boots"]
        );
    }

    #[test]
    fn calls_of_a_primitive_that_was_not_measured_are_a_failure() {
        let kernels: [Measured; 0] = [];
        let calls = [("read", 1), ("write", 0)].map(|(name, calls)| (name.to_string(), calls));
        assert_eq!(
            judge(&kernels, &Exceptions::default(), &BTreeMap::from(calls)).failures,
            ["read: calls helpers and was not measured"]
        );
    }
}
