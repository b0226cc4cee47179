// SPDX-License-Identifier: GPL-2.0

//! The C functions that each function of the abstraction calls, and whether a driver's module has a copy of that.
//!
//! A module compiles for itself each generic function of the crate that it uses, each that may be inlined, and the helpers
//! in them. What such code calls must be exported, or the module is not linked.

use crate::source::{Part, Source, is_punct, is_word, walk};
use anyhow::Result;
use proc_macro2::{Delimiter, TokenTree};
use std::collections::BTreeSet;
use std::path::Path;

/// A call of a C function, or of a helper, in an item.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    pub item: String,
    pub name: String,
    /// True if a module may have a copy of the item.
    pub in_modules: bool,
}

/// All of a checkout, except in KUnit tests.
pub fn calls(repo: &Path) -> Result<Vec<Call>> {
    let mut all = Vec::new();
    for source in Source::read_all(repo)?.0 {
        all.extend(of(&source)?);
    }
    Ok(all)
}

pub(crate) fn of(source: &Source) -> Result<Vec<Call>> {
    let mut copied = BTreeSet::new();
    let mut found = Vec::new();
    walk(source.tokens()?, &mut |place, part| match part {
        Part::Item {
            keyword: "fn",
            before,
            ..
        } if place.is_generic || !is_never_inlined(before) => {
            copied.insert(place.name());
        }
        Part::Word { word, before, next } if is_of_bindings(before) && is_list(next) => {
            found.push((place.name(), place.is_function, word.to_string()));
        }
        _ => (),
    });
    let call = |(item, is_function, name): (String, bool, String)| Call {
        in_modules: !is_function || copied.contains(&item),
        item: format!("{} {item}", source.name),
        name,
    };
    Ok(found.into_iter().map(call).collect())
}

/// By the attributes of a function. Without one the compiler decides.
fn is_never_inlined(before: &[TokenTree]) -> bool {
    before.iter().any(|token| match token {
        TokenTree::Group(group) => group.stream().to_string().replace(' ', "") == "inline(never)",
        _ => false,
    })
}

fn is_list(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
}

fn is_of_bindings(before: &[TokenTree]) -> bool {
    matches!(before, [.., path, first, second]
        if is_word(Some(path), "bindings") && is_punct(Some(first), ':') && is_punct(Some(second), ':'))
}
