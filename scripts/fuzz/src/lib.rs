// SPDX-License-Identifier: GPL-2.0

//! A fuzzer for the safe part of a kernel API: random programs, generated from the public signatures that rustdoc shows,
//! compiled as modules. Whatever the compiler accepts must not upset the kernel.

mod api;
mod generate;
mod module;
mod random;
mod rules;
mod scope;
mod types;

pub use api::Api;
pub use module::Module;
pub use rules::Rules;

use anyhow::Result;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The API of a kernel, with what the generated modules add.
pub fn api(rustdoc: &str) -> Result<Api> {
    let mut api = Api::parse(rustdoc)?;
    module::add_harness(&mut api);
    Ok(api)
}

/// The public safe functions that were called.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    pub reached: usize,
    pub total: usize,
    /// Those that were not, with the reason.
    pub not_reached: BTreeMap<String, String>,
}

impl Coverage {
    pub fn of(api: &Api, rules: &Rules, reached: &BTreeSet<String>) -> Self {
        let all: BTreeSet<&str> = api
            .callables
            .iter()
            .map(|callable| callable.path.as_str())
            .filter(|path| !module::OF_HARNESS.contains(path))
            .filter(|path| !rules.never.iter().any(|rule| rule.function == *path))
            .collect();
        let mut coverage = Self {
            total: all.len(),
            ..Self::default()
        };
        for path in all {
            let in_harness = rules.harness.iter().any(|rule| rule.function == path);
            match in_harness || reached.contains(path) {
                true => coverage.reached += 1,
                false => {
                    let reason = "no generated program that compiles has what it takes".to_string();
                    coverage.not_reached.insert(path.to_string(), reason);
                }
            }
        }
        coverage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_read() {
        let rules = Rules::load().unwrap();
        assert!(rules.functions().count() > 10);
        assert!(
            rules
                .never
                .iter()
                .chain(&rules.harness)
                .all(|rule| !rule.reason.is_empty())
        );
        assert!(rules.is_never("PfnRegion::project"));
    }

    /// The JSON of a crate with one lock and what it protects.
    pub fn rustdoc() -> String {
        let place = serde_json::json!({ "filename": "rust/kernel/mm/vma/x.rs" });
        let path =
            |name: &str| serde_json::json!({ "resolved_path": { "path": name, "args": null } });
        let function = |name: &str, receiver: Option<bool>, output: serde_json::Value| {
            let inputs: Vec<_> = receiver
                .iter()
                .map(|mutable| {
                    serde_json::json!(["self", { "borrowed_ref": { "lifetime": null,
                    "is_mutable": mutable, "type": { "generic": "Self" } } }])
                })
                .collect();
            serde_json::json!({ "name": name, "visibility": "public", "span": place, "inner": { "function": {
                "header": { "is_unsafe": name == "from_raw" }, "generics": { "params": [], "where_predicates": [] },
                "sig": { "inputs": inputs, "output": output } } } })
        };
        let block = |of: &str, items: Vec<u32>| {
            serde_json::json!({ "name": null, "span": place, "visibility": "default", "inner": { "impl": {
                "is_synthetic": false, "blanket_impl": null, "is_negative": false, "trait": null,
                "for": path(of), "items": items, "generics": { "params": [], "where_predicates": [] } } } })
        };
        serde_json::json!({ "format_version": 57, "paths": {}, "index": {
            "1": function("vma_locks", Some(false), path("VmaLocks")),
            "2": function("read", Some(true), path("ReadGuard")),
            "3": function("from_raw", None, path("ReadGuard")),
            "4": function("start", Some(false), serde_json::json!({ "primitive": "usize" })),
            "10": block("MmWithUser", vec![1]),
            "11": block("VmaLocks", vec![2]),
            "12": block("ReadGuard", vec![3, 4]),
        } })
        .to_string()
    }

    /// A function whose documentation says that it sleeps needs no rule.
    #[test]
    fn documentation_says_what_sleeps() {
        let sleeping = |docs: &str| {
            let field = format!(r#""docs":"{docs}","name":"read""#);
            let text = rustdoc().replace(r#""name":"read""#, &field);
            let sleeping = api(&text).unwrap().callables.into_iter();
            sleeping
                .filter(|one| one.sleeps)
                .map(|one| one.path)
                .collect::<Vec<_>>()
        };
        for docs in ["Locks.\\n\\nMay sleep, for it.", "Locks. Sleeps."] {
            assert_eq!(sleeping(docs), ["VmaLocks::read"]);
        }
        for docs in ["Locks.", "Locks. Never sleeps.", "The caller may sleep."] {
            assert_eq!(sleeping(docs), [""; 0]);
        }
    }

    #[test]
    fn rule_about_a_missing_function_is_refused() {
        let api = api(&rustdoc()).unwrap();
        let text = Rules::load().unwrap().check(&api).unwrap_err().to_string();
        assert!(text.contains("there is no public safe function"), "{text}");
    }

    #[test]
    fn the_same_seed_gives_the_same_programs() {
        let api = api(&rustdoc()).unwrap();
        let rules = Rules::load().unwrap();
        let source = |seed| Module::generate(&api, &rules, seed, 0, 20).source().0;
        assert_eq!(source(1), source(1));
        assert_ne!(source(1), source(2));
    }

    #[test]
    fn reaches_safe_functions_only() {
        let api = api(&rustdoc()).unwrap();
        let rules = Rules::load().unwrap();
        let module = Module::generate(&api, &rules, 1, 0, 50);
        let (reached, _) = module.calls();
        let coverage = Coverage::of(&api, &rules, &reached);
        assert_eq!(
            (coverage.reached, coverage.total),
            (3, 3),
            "{:?}",
            coverage.not_reached
        );
        assert!(!module.source().0.contains("from_raw"));
    }

    #[test]
    fn removed_function_keeps_other_numbers() {
        let api = api(&rustdoc()).unwrap();
        let mut module = Module::generate(&api, &Rules::load().unwrap(), 1, 0, 3);
        module.remove(&BTreeSet::from(["f1".to_string()]));
        let (source, lines) = module.source();
        assert!(source.contains("2 => f2(") && !source.contains("fn f1("));
        assert_eq!((module.refused, module.function_count()), (1, 3));
        let (name, first, _) = &lines[1];
        assert!(
            source.lines().nth(*first).unwrap().contains(name.as_str()),
            "the second line has the name"
        );
    }
}
