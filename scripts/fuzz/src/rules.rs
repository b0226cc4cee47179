// SPDX-License-Identifier: GPL-2.0

//! The calls that the generator leaves out, from rules.toml.

use crate::api::Api;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeSet;

const RULES: &str = include_str!("../rules.toml");

/// A function, and why it is not called.
#[derive(Debug, Deserialize)]
pub struct Reason {
    pub function: String,
    pub reason: String,
}

/// Functions and types that one rule is about.
#[derive(Debug, Default, Deserialize)]
struct Names {
    #[serde(default)]
    functions: Vec<String>,
    #[serde(default)]
    types: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Rules {
    pub never: Vec<Reason>,
    pub harness: Vec<Reason>,
    single: Vec<Names>,
    atomic: Vec<Names>,
    sleeps: Vec<Names>,
    locks: Vec<Names>,
    reclaim: Vec<Names>,
    forgotten: Vec<Names>,
}

impl Rules {
    pub fn load() -> Result<Self> {
        toml::from_str(RULES).context("rules.toml")
    }

    pub fn is_never(&self, function: &str) -> bool {
        self.never
            .iter()
            .chain(&self.harness)
            .any(|rule| rule.function == function)
    }

    /// The types of which no value may be there when the function is called.
    pub fn single(&self, function: &str) -> &[String] {
        let rule = self
            .single
            .iter()
            .find(|rule| has(&rule.functions, function));
        rule.map_or(&[], |rule| &rule.types)
    }

    pub fn is_atomic(&self, function: &str) -> bool {
        self.atomic
            .iter()
            .any(|rule| has(&rule.functions, function))
    }

    pub fn makes_atomic(&self, ty: &str) -> bool {
        self.atomic.iter().any(|rule| has(&rule.types, ty))
    }

    /// Returns true if to drop a value of the type may sleep.
    pub fn drop_sleeps(&self, ty: &str) -> bool {
        self.sleeps.iter().any(|rule| has(&rule.types, ty))
    }

    /// Returns true if a value of the type is a lock that is held.
    pub fn is_lock(&self, ty: &str) -> bool {
        self.locks.iter().any(|rule| has(&rule.types, ty))
    }

    /// Returns true if reclaim can wait for a value of the type.
    pub fn stops_reclaim(&self, ty: &str) -> bool {
        self.reclaim.iter().any(|rule| has(&rule.types, ty))
    }

    pub fn sleeps(&self, function: &str) -> bool {
        self.sleeps
            .iter()
            .any(|rule| has(&rule.functions, function))
    }

    pub fn may_be_forgotten(&self, ty: &str) -> bool {
        self.forgotten.iter().any(|rule| has(&rule.types, ty))
    }

    /// Refuses a rule about a function that does not exist.
    pub fn check(&self, api: &Api) -> Result<()> {
        let known: BTreeSet<&str> = api
            .callables
            .iter()
            .chain(&api.hooks)
            .map(|callable| callable.path.as_str())
            .collect();
        let said = api.callables.iter().filter(|callable| callable.sleeps);
        if let Some(callable) = said.clone().find(|callable| self.sleeps(&callable.path)) {
            bail!(
                "rules.toml: the documentation of {} says that it sleeps: remove it",
                callable.path
            );
        }
        match self.functions().find(|function| !known.contains(function)) {
            Some(function) => bail!("rules.toml: there is no public safe function {function}"),
            None => Ok(()),
        }
    }

    /// Every function that a rule names.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        let reasons = self.never.iter().chain(&self.harness);
        let names = self.single.iter().chain(&self.atomic).chain(&self.sleeps);
        reasons
            .map(|rule| rule.function.as_str())
            .chain(names.flat_map(|rule| rule.functions.iter().map(String::as_str)))
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}
