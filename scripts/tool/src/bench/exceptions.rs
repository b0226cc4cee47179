// SPDX-License-Identifier: GPL-2.0

//! The primitives that take more instructions in Rust than in C, and those that call helpers more often than their code
//! shows, with the reasons: scripts/bench/exceptions.toml.

use crate::report::Outcome;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub const FILE: &str = "scripts/bench/exceptions.toml";

/// How far a measurement may be from its exception.
pub const NEAR: f64 = 0.5;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    #[serde(default)]
    pub exception: Vec<Exception>,
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
    /// All calls of helpers.
    calls: u64,
    reason: String,
}

impl Exceptions {
    pub fn load(repo: &Path) -> Result<Self> {
        let text = fs::read_to_string(repo.join(FILE));
        let text = text.with_context(|| format!("{FILE}: cannot be read"))?;
        Self::parse(&text).with_context(|| format!("{FILE}: wrong"))
    }

    pub fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    pub fn of(&self, primitive: &str) -> Option<&Exception> {
        let mut exceptions = self.exception.iter();
        exceptions.find(|exception| exception.primitive == primitive)
    }

    /// Returns the number of helper calls of each primitive; `shown` has those that its code shows.
    pub fn helper_calls(&self, shown: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut calls = shown.clone();
        calls.extend(
            self.calls
                .iter()
                .map(|more| (more.primitive.clone(), more.calls)),
        );
        calls
    }

    /// Judges whether each entry is about a primitive that exists, is the only one of its kind about it, has a reason,
    /// and says more calls than are `shown`.
    pub fn judge<'a>(
        &self,
        primitives: impl IntoIterator<Item = &'a str>,
        shown: &BTreeMap<String, u64>,
    ) -> Outcome {
        let known: BTreeSet<&str> = primitives.into_iter().collect();
        let exceptions = self
            .exception
            .iter()
            .map(|one| ("exception", &one.primitive, &one.reason));
        let calls = self
            .calls
            .iter()
            .map(|one| ("calls", &one.primitive, &one.reason));
        let mut outcome = Outcome::default();
        let mut seen = BTreeSet::new();
        for (kind, name, reason) in exceptions.chain(calls) {
            outcome.check(known.contains(name.as_str()), || {
                format!("{FILE}: {name}: no such primitive: remove it")
            });
            outcome.check(seen.insert((kind, name)), || {
                format!("{FILE}: {name}: has two entries: remove one")
            });
            outcome.check(!reason.trim().is_empty(), || {
                format!("{FILE}: {name}: has no reason: give it")
            });
        }
        for one in &self.calls {
            let shown = shown.get(&one.primitive).copied().unwrap_or(0);
            outcome.check(one.calls > shown, || {
                let (name, calls) = (&one.primitive, one.calls);
                format!("{FILE}: {name}: {calls} helper calls are no more than the {shown} that its code shows: remove it")
            });
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str =
        "[[exception]]\nprimitive = \"read\"\ninstructions = 2\nreason = \"it checks\"\n";
    const WALK: &str = "[[calls]]\nprimitive = \"walk\"\ncalls = 9\nreason = \"a loop\"\n";

    fn shown(walk: u64) -> BTreeMap<String, u64> {
        let all = [("walk", walk), ("read", 2)];
        BTreeMap::from(all.map(|(name, calls)| (name.to_string(), calls)))
    }

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
    fn every_fault_of_an_entry_is_a_failure() {
        for (text, walk, said) in [
            (format!("{READ}{WALK}"), 8, ""),
            (
                format!("{READ}{READ}"),
                8,
                "read: has two entries: remove one",
            ),
            (
                format!("{WALK}{WALK}"),
                8,
                "walk: has two entries: remove one",
            ),
            (
                READ.replace("read", "write"),
                8,
                "write: no such primitive: remove it",
            ),
            (
                WALK.replace("walk", "write"),
                8,
                "write: no such primitive: remove it",
            ),
            (
                READ.replace("it checks", " "),
                8,
                "read: has no reason: give it",
            ),
            (
                WALK.to_string(),
                9,
                "walk: 9 helper calls are no more than the 9 that its code shows: remove it",
            ),
        ] {
            let exceptions = Exceptions::parse(&text).unwrap();
            let failures = exceptions.judge(["read", "walk"], &shown(walk)).failures;
            let expected = if said.is_empty() {
                vec![]
            } else {
                vec![format!("{FILE}: {said}")]
            };
            assert_eq!(failures, expected);
        }
        for malformed in ["[[exception]]\nprimitive = \"a\"\n", "[[exceptions]]\n"] {
            assert!(Exceptions::parse(malformed).is_err());
        }
    }

    #[test]
    fn entries_are_found_by_primitive() {
        let exceptions = Exceptions::parse(&format!("{READ}{WALK}")).unwrap();
        assert_eq!(exceptions.of("read").unwrap().instructions, 2.0);
        assert!(exceptions.of("write").is_none());
        assert_eq!(exceptions.helper_calls(&shown(3)), shown(9));
    }
}
