// SPDX-License-Identifier: GPL-2.0

//! The primitives that take more instructions in Rust than in C, and those that call helpers more often than their code
//! shows, with the reasons: scripts/bench/exceptions.toml.

use crate::report::Outcome;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Where they stand, as a reader of a failure would look for them.
pub const FILE: &str = "scripts/bench/exceptions.toml";

/// How far what is measured may be from what an exception says.
pub const NEAR: f64 = 0.5;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    #[serde(default)]
    exception: Vec<Exception>,
    #[serde(default)]
    calls: Vec<Calls>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub primitive: String,
    /// How many more than C.
    pub instructions: f64,
    pub reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    primitive: String,
    /// How many helpers it calls in all.
    calls: u64,
    reason: String,
}

impl Exceptions {
    pub fn load(repo: &Path) -> Result<Self> {
        let text = fs::read_to_string(repo.join(FILE))
            .with_context(|| format!("{FILE}: cannot be read"))?;
        Self::parse(&text).with_context(|| format!("{FILE}: wrong"))
    }

    pub fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    pub fn of(&self, primitive: &str) -> Option<&Exception> {
        self.exception
            .iter()
            .find(|exception| exception.primitive == primitive)
    }

    /// Those that take more instructions than in C.
    pub fn primitives(&self) -> impl Iterator<Item = &Exception> {
        self.exception.iter()
    }

    /// How many helpers each primitive calls, where `shown` is what the code shows.
    pub fn helper_calls(&self, shown: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut calls = shown.clone();
        calls.extend(
            self.calls
                .iter()
                .map(|more| (more.primitive.clone(), more.calls)),
        );
        calls
    }

    /// Each is about a primitive that exists, the only one of its kind about it, and has a reason; and helpers are called
    /// more often than is `shown`.
    pub fn judge<'a>(
        &self,
        primitives: impl IntoIterator<Item = &'a str>,
        shown: &BTreeMap<String, u64>,
    ) -> Outcome {
        let known: BTreeSet<&str> = primitives.into_iter().collect();
        let exceptions = self.exception.iter();
        let exceptions = exceptions.map(|one| (one.primitive.as_str(), one.reason.as_str()));
        let calls = self.calls.iter();
        let calls = calls.map(|one| (one.primitive.as_str(), one.reason.as_str()));
        let mut outcome = judge_entries(exceptions, &known);
        outcome.add(judge_entries(calls, &known));
        for Calls {
            primitive, calls, ..
        } in &self.calls
        {
            let shown = shown.get(primitive).copied().unwrap_or(0);
            outcome.check(*calls > shown, || {
                format!("{FILE}: {primitive}: {calls} helper calls are no more than the {shown} that its code shows: take it out")
            });
        }
        outcome
    }
}

/// Names and reasons of entries of one kind.
fn judge_entries<'a>(
    entries: impl Iterator<Item = (&'a str, &'a str)>,
    known: &BTreeSet<&str>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut seen = BTreeSet::new();
    for (name, reason) in entries {
        outcome.check(known.contains(name), || {
            format!("{FILE}: {name}: no such primitive: take it out")
        });
        outcome.check(seen.insert(name), || {
            format!("{FILE}: {name}: is there twice: leave one")
        });
        outcome.check(!reason.trim().is_empty(), || {
            format!("{FILE}: {name}: has no reason: say why")
        });
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_file_is_sound() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let exceptions = Exceptions::load(&repo).unwrap();
        let names = exceptions.exception.iter().map(|one| &one.primitive);
        let names = names.chain(exceptions.calls.iter().map(|one| &one.primitive));
        let outcome = exceptions.judge(names.map(String::as_str), &BTreeMap::new());
        assert_eq!(outcome.failures, [""; 0]);
    }

    #[test]
    fn what_is_wrong_with_an_exception_is_said() {
        let exceptions = Exceptions::parse(
            "[[exception]]\nprimitive = \"read\"\ninstructions = 2\nreason = \"it checks\"\n\
             [[exception]]\nprimitive = \"read\"\ninstructions = 3\nreason = \"it checks\"\n\
             [[exception]]\nprimitive = \"lock\"\ninstructions = 1.5\nreason = \" \"\n",
        )
        .unwrap();
        assert_eq!(exceptions.of("read").unwrap().instructions, 2.0);
        assert!(exceptions.of("write").is_none());
        assert_eq!(
            exceptions
                .judge(["read", "lock"], &BTreeMap::new())
                .failures,
            [
                format!("{FILE}: read: is there twice: leave one"),
                format!("{FILE}: lock: has no reason: say why"),
            ]
        );
        let unknown = exceptions.judge(["lock"], &BTreeMap::new()).failures;
        assert_eq!(
            unknown[0],
            format!("{FILE}: read: no such primitive: take it out")
        );
        assert!(Exceptions::parse("[[exception]]\nprimitive = \"a\"\n").is_err());
        assert!(Exceptions::parse("[[exceptions]]\n").is_err());
    }

    #[test]
    fn calls_in_loops_are_those_that_are_said() {
        let entry = "[[calls]]\nprimitive = \"walk\"\ncalls = 9\nreason = \"a loop\"\n";
        let exceptions = Exceptions::parse(entry).unwrap();
        let shown = |walk: u64| {
            let all = [("walk", walk), ("read", 2)];
            BTreeMap::from(all.map(|(name, calls)| (name.to_string(), calls)))
        };
        assert_eq!(exceptions.helper_calls(&shown(3)), shown(9));
        assert_eq!(exceptions.judge(["walk"], &shown(8)).failures, [""; 0]);
        assert_eq!(
            exceptions.judge(["walk"], &shown(9)).failures,
            [format!(
                "{FILE}: walk: 9 helper calls are no more than the 9 that its code shows: take it out"
            )]
        );
        assert_eq!(
            exceptions.judge(["read"], &shown(3)).failures,
            [format!("{FILE}: walk: no such primitive: take it out")]
        );
        let twice = Exceptions::parse(&entry.repeat(2)).unwrap();
        let said = twice.judge(["walk"], &shown(3)).failures;
        assert_eq!(said, [format!("{FILE}: walk: is there twice: leave one")]);
    }
}
