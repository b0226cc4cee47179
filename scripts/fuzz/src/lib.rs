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

/// Which public safe functions were called.
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
            .filter(|path| !["Own::shared_page", "rcu::read_lock"].contains(path))
            .filter(|path| !rules.never.iter().any(|rule| rule.function == *path))
            .collect();
        let mut coverage = Self { total: all.len(), ..Self::default() };
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
