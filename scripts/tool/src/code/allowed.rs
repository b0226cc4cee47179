// SPDX-License-Identifier: GPL-2.0

//! Exceptions from the rules on code: scripts/bench/calls.toml, each entry with its reason and needed by what
//! it names.

use crate::report::Outcome;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The content of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// Calls of primitives that the same primitives in C do not have.
    #[serde(default)]
    call: Vec<Exception>,
    /// Functions of the abstraction that can panic.
    #[serde(default)]
    panic: Vec<Exception>,
    /// Primitives that take much more stack than in C.
    #[serde(default)]
    stack: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    /// Primitives, or paths of functions.
    from: Vec<String>,
    /// Where the rule is about one.
    #[serde(default)]
    callee: String,
    reason: String,
    /// Those of `from` that need it.
    #[serde(skip)]
    used: RefCell<BTreeSet<String>>,
}

impl Allowed {
    pub fn load(repo: &Path) -> Result<Self> {
        let path = repo.join("scripts/bench/calls.toml");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{}: wrong", path.display()))
    }

    pub fn call(&self, primitive: &str, callee: &str) -> bool {
        use_one(&self.call, primitive, callee)
    }

    pub fn panic(&self, function: &str, callee: &str) -> bool {
        use_one(&self.panic, function, callee)
    }

    pub fn stack(&self, primitive: &str) -> bool {
        use_one(&self.stack, primitive, "")
    }

    /// Fails over entries that nothing has needed by now, or that say nothing.
    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for (kind, list) in [
            ("call", &self.call),
            ("panic", &self.panic),
            ("stack", &self.stack),
        ] {
            for exception in list {
                let Exception { from, callee, .. } = exception;
                for name in from {
                    outcome.check(exception.used.borrow().contains(name), || {
                        format!(
                            "calls.toml: [[{kind}]] {callee}: {name} does not need it: remove it"
                        )
                    });
                }
                let reason = exception.reason.trim();
                outcome.check(!from.is_empty() && !reason.is_empty(), || {
                    format!("calls.toml: [[{kind}]] {callee}: for whom and why is not said")
                });
            }
        }
        outcome
    }
}

fn use_one(list: &[Exception], from: &str, callee: &str) -> bool {
    let matches = |e: &&Exception| e.callee == callee && e.from.iter().any(|name| name == from);
    let mut found = false;
    for exception in list.iter().filter(matches) {
        exception.used.borrow_mut().insert(from.to_string());
        found = true;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_serves_only_its_subject() {
        let text = "[[call]]\nfrom = [\"a\", \"b\"]\ncallee = \"f\"\nreason = \"x\"\n\
                    [[stack]]\nfrom = [\"a\"]\nreason = \" \"\n";
        let allowed: Allowed = toml::from_str(text).unwrap();
        assert!(allowed.call("a", "f") && !allowed.call("c", "f") && !allowed.call("a", "g"));
        assert!(allowed.stack("a") && !allowed.stack("b") && !allowed.panic("a", "f"));
        let failures = allowed.judge().failures;
        assert_eq!(failures.len(), 2, "{failures:?}");
        assert!(
            failures[0].contains("[[call]] f: b does not need it"),
            "{failures:?}"
        );
        assert!(
            failures[1].contains("[[stack]] : for whom and why"),
            "{failures:?}"
        );
        allowed.call("b", "f");
        assert_eq!(allowed.judge().failed, 1);
    }
}
