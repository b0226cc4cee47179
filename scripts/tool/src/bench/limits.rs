// SPDX-License-Identifier: GPL-2.0

//! How many more instructions than C a primitive may take in Rust: none where helpers are inlined, else those of the
//! calls of helpers; and those of scripts/bench/exceptions.toml.

use super::exceptions::{self, Exceptions, NEAR};
use super::primitives::{Helpers, Measured, Primitive};
use crate::report::Outcome;
use bench_records::Language;
use std::collections::BTreeMap;

/// Instructions for a call of a helper: the call, the landing instruction at its other end and the return; three moves of
/// arguments and the result; and a register that is saved and restored because the helper may change it.
const CALL_COST: f64 = 8.0;

/// Instructions that may come on top where helpers are called: rustc aligns the stack to 16 bytes, with a register pushed
/// and popped. Helpers that are inlined make it use the alignment of the kernel, 8 bytes.
const ALIGNED_STACK: f64 = 2.0;

/// Judges all kernels that were measured: whether the figures can be trusted, and whether Rust stays within its limits.
/// `shown` has the number of helper calls that the code of each primitive shows.
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
            let calls = helper_calls.get(&primitive.name).copied().unwrap_or(0);
            let wrong = match kernel.helpers {
                Helpers::Inline => inlined(primitive, exceptions),
                Helpers::Calls => called(primitive, exceptions, calls),
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

/// Returns what is wrong with a primitive of a kernel that inlines helpers. A missing language is a failure elsewhere.
fn inlined(primitive: &Primitive, exceptions: &Exceptions) -> Option<String> {
    let more = primitive.more()?;
    let file = exceptions::FILE;
    match exceptions.of(&primitive.name) {
        None => (more > primitive.exact()).then(|| {
            format!(
                "Rust takes {more:.2} instructions more than C ({:.2}): fix that, or give the reason in {file}",
                primitive.gross(Language::C).unwrap_or_default()
            )
        }),
        Some(known) if (more - known.instructions).abs() <= near(primitive) => None,
        Some(_) if more <= primitive.exact() => Some(format!(
            "Rust takes no more instructions than C: remove its entry from {file}"
        )),
        Some(known) => Some(format!(
            "Rust takes {more:.2} instructions more than C, not {} as in {file}",
            known.instructions
        )),
    }
}

/// Returns how far a primitive may be from its exception.
fn near(primitive: &Primitive) -> f64 {
    NEAR.max(primitive.exact())
}

/// Returns what is wrong with a primitive of a kernel in which it calls helpers.
fn called(primitive: &Primitive, exceptions: &Exceptions, calls: u64) -> Option<String> {
    let more = primitive.more()?;
    let known = exceptions.of(&primitive.name);
    let excepted = known.map_or(0.0, |known| known.instructions + near(primitive));
    let most = CALL_COST * calls as f64 + ALIGNED_STACK + excepted;
    (more > most + primitive.exact()).then(|| {
        format!(
            "Rust takes {more:.2} instructions more than C: more than {most} for {calls} helper calls{}: fix that, or \
             give the reason for more calls in {}",
            if known.is_some() { " and its exception" } else { "" },
            exceptions::FILE
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::primitives::Primitives;
    use super::super::samples::{C, Rust, boot, primitive};
    use super::*;
    use bench_records::Caller;

    const TWO_MORE: &str =
        "[[exception]]\nprimitive = \"read\"\ninstructions = 2\nreason = \"it checks\"\n";

    /// Failures if `read` takes 40 instructions in C.
    fn failures(helpers: Helpers, rust: f64, exceptions: &str, calls: u64) -> Vec<String> {
        let boot = || Primitives::of(&boot(&[("read", &[40.0, rust])]));
        let kernel = Measured {
            config: "k",
            helpers,
            boots: [boot(), boot()],
        };
        let exceptions = Exceptions::parse(exceptions).unwrap();
        let calls = [("read".to_string(), calls)]
            .into_iter()
            .filter(|(_, calls)| *calls > 0);
        judge(&[kernel], &exceptions, &calls.collect()).failures
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
                "k: read: Rust takes 0.08 instructions more than C (40.00): fix that, or give the reason in \
                 scripts/bench/exceptions.toml"
            ]
        );
    }

    #[test]
    fn an_exception_is_exact_and_needed() {
        let file = "scripts/bench/exceptions.toml";
        for (rust, said) in [
            (42.4, String::new()),
            (41.6, String::new()),
            (
                42.6,
                format!("Rust takes 2.60 instructions more than C, not 2 as in {file}"),
            ),
            (
                41.4,
                format!("Rust takes 1.40 instructions more than C, not 2 as in {file}"),
            ),
            (
                40.0,
                format!("Rust takes no more instructions than C: remove its entry from {file}"),
            ),
        ] {
            let expected = if said.is_empty() {
                vec![]
            } else {
                vec![format!("k: read: {said}")]
            };
            assert_eq!(inline(rust, TWO_MORE), expected);
        }
        assert_eq!(
            inline(40.0, &TWO_MORE.replace("read", "write")),
            [format!("{file}: write: no such primitive: remove it")]
        );
    }

    #[test]
    fn user_exception_is_as_exact_as_its_runs() {
        let failed = |rust: f64| {
            let mut records = boot(&[]);
            records.push(primitive(Caller::User, "read", C, 10_000.0));
            records.push(primitive(Caller::User, "read", Rust, rust));
            let kernel = Measured {
                config: "k",
                helpers: Helpers::Inline,
                boots: [Primitives::of(&records), Primitives::of(&records)],
            };
            let exceptions = Exceptions::parse(&TWO_MORE.replace("= 2", "= 20")).unwrap();
            judge(&[kernel], &exceptions, &BTreeMap::new()).failed
        };
        assert_eq!([10_010.0, 10_030.0].map(failed), [0, 0]);
        assert_eq!([10_009.0, 10_031.0].map(failed), [1, 1]);
    }

    #[test]
    fn calls_of_helpers_may_take_instructions() {
        let failed = |rust: f64, exceptions: &str, calls: u64| {
            failures(Helpers::Calls, rust, exceptions, calls)
        };
        let said =
            |rust: f64, exceptions: &str, calls: u64| failed(rust, exceptions, calls).concat();
        let two = 40.0 + 2.0 * CALL_COST + ALIGNED_STACK;
        assert_eq!(failed(two, "", 2), [""; 0]);
        assert!(
            said(two + 1.0, "", 2)
                .contains("19.00 instructions more than C: more than 18 for 2 helper calls:")
        );
        assert!(
            said(43.0, "", 0)
                .contains("3.00 instructions more than C: more than 2 for 0 helper calls:")
        );
        assert_eq!(failed(two + 2.0, TWO_MORE, 2), [""; 0]);
        assert!(
            said(two + 3.0, TWO_MORE, 2)
                .contains("more than 20.5 for 2 helper calls and its exception:")
        );
        let three = "[[calls]]\nprimitive = \"read\"\ncalls = 3\nreason = \"a loop\"\n";
        assert_eq!(failed(two + CALL_COST, three, 2), [""; 0]);
        assert_eq!(failed(two + CALL_COST + 1.0, three, 2).len(), 1);
    }

    #[test]
    fn missing_measurements_are_failures() {
        let boots = [boot(&[]), boot(&[("read", &[40.0, 40.0])])];
        let kernel = Measured {
            config: "k",
            helpers: Helpers::Inline,
            boots: boots.map(|records| Primitives::of(&records)),
        };
        let calls = [("read", 1), ("write", 0)].map(|(name, calls)| (name.to_string(), calls));
        let failures = judge(&[kernel], &Exceptions::default(), &BTreeMap::from(calls)).failures;
        assert_eq!(
            failures,
            [
                "k: read in C: was measured in one of two boots",
                "k: read in Rust: was measured in one of two boots",
                "read: calls helpers and was not measured"
            ]
        );
    }
}
