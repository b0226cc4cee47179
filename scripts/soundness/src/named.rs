// SPDX-License-Identifier: GPL-2.0

//! The tests that exist, by the names that the ledger uses.
//!
//! - `kunit rust_vma_iter.empty`: a function of a KUnit suite;
//! - `compile-fail guard_is_not_cloned`: a case that must not compile;
//! - `guest buffer: maps_the_largest_size`: a test of the sample drivers from user space;
//! - `build properties`: an assertion that each build evaluates, by the file that has it.

use crate::source::{below, is_punct, is_word, unquoted};
use anyhow::Result;
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names of tests.
#[derive(Default)]
pub struct Tests(BTreeSet<String>);

impl Tests {
    pub fn read(repo: &Path) -> Result<Self> {
        let mut tests = Self::default();
        let mut sources = Vec::new();
        below(&repo.join("rust/kernel/mm/vma"), "", &mut sources)?;
        for source in &sources {
            if source.name.starts_with("tests/") {
                tests.add_suites(source.tokens()?);
            } else if source.text.contains("const _: () = assert!")
                || source.name == "properties.rs"
            {
                tests.0.insert(format!("build {}", source.name));
            }
        }
        let cases = repo.join("scripts/compile-fail/cases");
        for entry in fs::read_dir(cases)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if let Some(case) = name.strip_suffix(".rs") {
                tests.0.insert(format!("compile-fail {case}"));
            }
        }
        let mut guests = Vec::new();
        below(
            &repo.join("scripts/guest/src/bin/vma-drivers"),
            "",
            &mut guests,
        )?;
        for source in &guests {
            tests.add_guest(source.tokens()?);
        }
        Ok(tests)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Says which of the tests of a row do not exist.
    pub fn look_for(&self, row: &str, named: &[String], problems: &mut Vec<String>) {
        for test in named.iter().filter(|test| !self.contains(test)) {
            problems.push(format!("{row}: there is no test {test:?}"));
        }
    }

    /// `#[kunit_tests(suite)] mod .. { #[test] fn name .. }`.
    pub fn add_suites(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut suite = None;
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else {
                continue;
            };
            let inside: Vec<_> = group.stream().into_iter().collect();
            if let (true, Some(TokenTree::Group(name))) =
                (is_word(inside.first(), "kunit_tests"), inside.get(1))
            {
                suite = Some(name.stream().to_string());
            } else if at >= 2 && is_word(tokens.get(at - 2), "mod") {
                let Some(suite) = suite.take() else { continue };
                let mut is_test = false;
                for pair in inside.windows(2) {
                    match pair {
                        [TokenTree::Punct(hash), TokenTree::Group(attribute)]
                            if hash.as_char() == '#' =>
                        {
                            is_test |= attribute.stream().to_string() == "test";
                        }
                        [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "fn" => {
                            if is_test {
                                self.0.insert(format!("kunit {suite}.{name}"));
                            }
                            is_test = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// `suite! { "name": test, .. }`, and `failing_suite!` in the same form.
    pub fn add_guest(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for parts in tokens.windows(3) {
            let [word, bang, TokenTree::Group(group)] = parts else {
                continue;
            };
            let is_suite = ["suite", "failing_suite"]
                .iter()
                .any(|name| is_word(Some(word), name));
            if !(is_suite && is_punct(Some(bang), '!')) {
                continue;
            }
            let mut inside = group.stream().into_iter();
            let Some(TokenTree::Literal(suite)) = inside.next() else {
                continue;
            };
            let suite = unquoted(&suite.to_string());
            for token in inside {
                if let TokenTree::Ident(test) = token {
                    self.0.insert(format!("guest {suite}: {test}"));
                }
            }
        }
    }

    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    #[cfg(test)]
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().map(ToString::to_string).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
