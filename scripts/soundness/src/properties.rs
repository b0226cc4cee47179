// SPDX-License-Identifier: GPL-2.0

//! `properties.rs` of the abstraction against its public types: each is listed there, and each of their parameters has
//! a stated variance.
//!
//! The file has rows of two forms, which its macros turn into assertions:
//!
//! ```text
//! VmaGuard<'static>: size = WORD, niche, !Send, !Sync, Unpin;
//! covariant { type T<'a> = VmaGuard<'a>; }
//! invariant { type T<'a> = VmaCursor<'a>; } by "name_of_a_compile_fail_case";
//! ```

use crate::named::Tests;
use crate::source::{Part, Source, is_punct, is_word, unquoted, walk};
use anyhow::Result;
use proc_macro2::{Delimiter, TokenTree};
use std::collections::{BTreeMap, BTreeSet};

/// Bounds of type parameters whose arguments are uninhabited markers that are no subtypes of each other, so that the
/// variance in them cannot be observed.
const MARKERS: [&str; 11] = [
    "Level",
    "MmapLevel",
    "PageKind",
    "RmapKind",
    "TreeMode",
    "LockClass",
    "MmAccess",
    "PinAccess",
    "ReadFields",
    "Hook",
    "Sealed",
];

/// A public type.
#[derive(Debug)]
pub struct Type {
    pub item: String,
    pub name: String,
    pub lifetimes: usize,
    /// Type parameters that are no markers.
    pub types: usize,
}

/// Every `pub struct` and `pub enum` of a file, but for those whose name a macro makes.
pub fn public_types(source: &Source) -> Result<Vec<Type>> {
    let mut types = Vec::new();
    walk(source.tokens()?, &mut |place, part| {
        let Part::Item {
            keyword: "struct" | "enum" | "union",
            before,
            head,
            ..
        } = part
        else {
            return;
        };
        let at = before.iter().position(|token| is_word(Some(token), "pub"));
        // `pub(super)` is not public.
        let is_public =
            at.is_some_and(|at| !matches!(before.get(at + 1), Some(TokenTree::Group(_))));
        let name = place.path.last().cloned().unwrap_or_default();
        if !is_public || name.starts_with('$') {
            return;
        }
        let (lifetimes, types_) = parameters(head);
        types.push(Type {
            item: format!("{} {}", source.name, place.name()),
            name,
            lifetimes,
            types: types_,
        });
    });
    Ok(types)
}

/// How many lifetimes and type parameters that are no markers a head declares.
fn parameters(head: &[TokenTree]) -> (usize, usize) {
    if !is_punct(head.get(1), '<') {
        return (0, 0);
    }
    let (mut lifetimes, mut types, mut depth) = (0, 0, 0);
    let mut is_start = false;
    let mut at = 1;
    while at < head.len() {
        match &head[at] {
            TokenTree::Punct(p) if p.as_char() == '<' => {
                depth += 1;
                is_start = depth == 1;
                at += 1;
                continue;
            }
            TokenTree::Punct(p) if p.as_char() == '>' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            TokenTree::Punct(p) if p.as_char() == ',' && depth == 1 => {
                is_start = true;
                at += 1;
                continue;
            }
            TokenTree::Punct(p) if p.as_char() == '\'' && is_start => lifetimes += 1,
            TokenTree::Ident(word) if is_start && word == "const" => {}
            TokenTree::Ident(_) if is_start => {
                let bound = match (head.get(at + 1), head.get(at + 2)) {
                    (colon, Some(TokenTree::Ident(bound))) if is_punct(colon, ':') => {
                        bound.to_string()
                    }
                    _ => String::new(),
                };
                types += usize::from(!MARKERS.contains(&bound.as_str()));
            }
            _ => {}
        }
        is_start = false;
        at += 1;
    }
    (lifetimes, types)
}

/// The rows of the file.
#[derive(Default)]
pub struct Rows {
    /// Types with a size and auto traits.
    pub listed: BTreeSet<String>,
    /// How many lifetimes and type parameters of a type have their variance.
    variance: BTreeMap<String, (usize, usize)>,
    /// The cases that show an invariance or the want of an auto trait.
    pub cases: Vec<String>,
    problems: Vec<String>,
}

impl Rows {
    pub fn read(source: &Source) -> Result<Self> {
        let mut rows = Self::default();
        let tokens: Vec<_> = source.tokens()?.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let is_called = at >= 2 && is_punct(tokens.get(at - 1), '!');
            if let (true, TokenTree::Group(group)) = (is_called, token) {
                let inside: Vec<_> = group.stream().into_iter().collect();
                match tokens.get(at - 2) {
                    word if is_word(word, "properties") => rows.properties(&inside),
                    word if is_word(word, "variance") => rows.variance(&inside),
                    _ => {}
                }
            }
        }
        Ok(rows)
    }

    fn properties(&mut self, tokens: &[TokenTree]) {
        for row in split(tokens) {
            let colon = row.iter().enumerate().position(|(at, token)| {
                is_punct(Some(token), ':')
                    && !is_punct(row.get(at + 1), ':')
                    && !(at > 0 && is_punct(row.get(at - 1), ':'))
            });
            let Some(colon) = colon else { continue };
            let Some(name) = type_name(&row[..colon]) else {
                continue;
            };
            let cases: Vec<_> = row[colon..].iter().filter_map(literal).collect();
            let facts = row[colon..].iter().find_map(|token| match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                    Some(group.stream().to_string())
                }
                _ => None,
            });
            let facts = facts.unwrap_or_default().replace("! ", "!");
            if cases.is_empty() && (facts.contains("!Send") || facts.contains("!Sync")) {
                self.problems.push(format!(
                    "properties.rs: {name}: is not Send or Sync, without a case"
                ));
            }
            self.listed.insert(name);
            self.cases.extend(cases);
        }
    }

    fn variance(&mut self, tokens: &[TokenTree]) {
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else {
                continue;
            };
            if group.delimiter() != Delimiter::Brace {
                continue;
            }
            let inside: Vec<_> = group.stream().into_iter().collect();
            let Some(equals) = inside.iter().position(|t| is_punct(Some(t), '=')) else {
                continue;
            };
            let Some(name) = type_name(&inside[equals + 1..]) else {
                continue;
            };
            let of_lifetime = is_punct(inside.get(3), '\'');
            let count = self.variance.entry(name.clone()).or_default();
            match of_lifetime {
                true => count.0 += 1,
                false => count.1 += 1,
            }
            if is_word(tokens.get(at.wrapping_sub(1)), "invariant") {
                match tokens.get(at + 2).and_then(literal) {
                    Some(case) => self.cases.push(case),
                    None => self
                        .problems
                        .push(format!("properties.rs: {name}: invariant without a case")),
                }
            }
        }
    }

    /// Says what is not listed, and what is not shown.
    pub fn hold_against(&self, types: &[Type], tests: &Tests, problems: &mut Vec<String>) {
        problems.extend(self.problems.iter().cloned());
        for one in types {
            if !self.listed.contains(&one.name) {
                problems.push(format!("{}: is not in properties.rs", one.item));
            }
            let (lifetimes, types) = self.variance.get(&one.name).copied().unwrap_or_default();
            if lifetimes < one.lifetimes || types < one.types {
                problems.push(format!(
                    "{}: properties.rs states the variance of {lifetimes} of {} lifetimes and {types} of {} types",
                    one.item, one.lifetimes, one.types
                ));
            }
        }
        for case in &self.cases {
            if !tests.contains(&format!("compile-fail {case}")) {
                problems.push(format!("properties.rs: there is no case {case:?}"));
            }
        }
    }
}

fn split(tokens: &[TokenTree]) -> impl Iterator<Item = &[TokenTree]> {
    tokens.split(|token| is_punct(Some(token), ';'))
}

fn literal(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Literal(text) if text.to_string().starts_with('"') => {
            Some(unquoted(&text.to_string()))
        }
        _ => None,
    }
}

/// The last word of a type's path, before its parameters.
fn type_name(tokens: &[TokenTree]) -> Option<String> {
    let mut last = None;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => last = Some(ident.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == '<' => break,
            _ => {}
        }
    }
    last
}
