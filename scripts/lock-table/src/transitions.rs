// SPDX-License-Identifier: GPL-2.0

//! The methods by which safe code takes locks, changes what it has, and releases it: those of the lock scope and of the
//! guards that take `self` by value or mutably, or that return a guard or a view.
//!
//! They are written down in a file, for a model that has a step for each, and compared with the signatures here.

use crate::conversions::{name_of, words};
use crate::{Files, parsed, sources, tables};
use anyhow::Result;
use quote::ToTokens;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use syn::{FnArg, Generics, ImplItem, ImplItemFn, Item, ReturnType, Safety, Visibility};

/// The lock scope, and what borrows it.
const GUARDS: [&str; 6] = [
    "VmaLocks",
    "MmapGuard",
    "VmaGuard",
    "ReadGuard",
    "LockedVmas",
    "VmaCursor",
];
/// Other types that a method of these may give out.
const GIVEN: [&str; 5] = ["Self", "Vma", "LockOrder", "Vmas", "Areas"];

/// One method, as it is written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// `Type::method`; `Type::drop` for what happens when a value is dropped.
    pub method: String,
    /// `self`, `&self`, `&mut self`, or nothing.
    #[serde(rename = "self", default)]
    pub receiver: String,
    #[serde(default)]
    pub returns: String,
    /// Bounds in the method's `where`.
    #[serde(rename = "where", default)]
    pub bounds: String,
    #[serde(rename = "unsafe", default)]
    pub is_unsafe: bool,
    /// The reason for which the model has no step for it.
    #[serde(default)]
    pub left_out: String,
}

impl Transition {
    /// The type and the method.
    pub fn names(&self) -> Option<(&str, &str)> {
        self.method.split_once("::")
    }

    /// All that a signature says, without spaces.
    fn signature(&self) -> String {
        let is_unsafe = if self.is_unsafe { "unsafe " } else { "" };
        let parts = [&self.receiver, &self.returns, &self.bounds];
        let [receiver, returns, bounds] = parts.map(|text| text.replace([' ', '\n'], ""));
        format!("{is_unsafe}({receiver}) -> {returns} where {bounds}")
    }
}

/// Compares what is written down with the signatures below `rust/kernel/mm/vma`, and returns what is wrong.
pub fn problems(vma_dir: &Path, written: &[Transition]) -> Result<Vec<String>> {
    Ok(compare(&parsed(&sources(vma_dir)?)?, written))
}

pub(crate) fn compare(files: &Files, written: &[Transition]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut found: BTreeMap<String, (String, Transition)> = BTreeMap::new();
    for (file, source) in files {
        for method in methods(&source.items) {
            let name = method.method.clone();
            let before = found.insert(name.clone(), (file.clone(), method.clone()));
            if before.is_some_and(|(_, before)| before.signature() != method.signature()) {
                problems.push(format!("{file}: {name}: has two signatures"));
            }
        }
    }
    for transition in written {
        match found.remove(&transition.method) {
            None => problems.push(format!("{}: no such method", transition.method)),
            Some((file, is)) if is.signature() != transition.signature() => problems.push(format!(
                "{file}: {}: is {}, and {} is written down",
                is.method,
                is.signature(),
                transition.signature()
            )),
            Some(_) => {}
        }
    }
    let rest = found.into_values();
    problems.extend(rest.map(|(file, is)| {
        let signature = is.signature();
        format!("{file}: {}: {signature} is not written down", is.method)
    }));
    problems
}

/// The methods in question in one file.
fn methods(items: &[Item]) -> Vec<Transition> {
    let mut found = Vec::new();
    for item in tables::flat(items) {
        match item {
            Item::Impl(item) => {
                let of = name_of(&item.self_ty.to_token_stream());
                let is_guard = GUARDS.contains(&of.as_str());
                let of_trait = item.trait_.as_ref();
                let of_trait = of_trait.map(|(path, _)| path.to_token_stream().to_string());
                if of_trait.as_deref() == Some("Drop") && is_guard {
                    found.push(dropped(&of));
                }
                for item in &item.items {
                    if let (ImplItem::Fn(item), None) = (item, &of_trait) {
                        found.extend(method(&of, is_guard, item));
                    }
                }
            }
            // A struct drops the guards in it.
            Item::Struct(item) if GUARDS.contains(&item.ident.to_string().as_str()) => {
                let words = words(item.fields.to_token_stream());
                if words.iter().any(|word| GUARDS.contains(&word.as_str())) {
                    found.push(dropped(&item.ident.to_string()));
                }
            }
            _ => {}
        }
    }
    found
}

fn dropped(of: &str) -> Transition {
    Transition {
        method: format!("{of}::drop"),
        receiver: "self".to_string(),
        ..Transition::default()
    }
}

/// A method, if it is one of those in question.
fn method(of: &str, is_guard: bool, item: &ImplItemFn) -> Option<Transition> {
    let sig = &item.sig;
    let receiver = match sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) => receiver.to_token_stream().to_string(),
        _ => String::new(),
    };
    let receiver = receiver.replace("& ", "&");
    let returns = match &sig.output {
        ReturnType::Default => String::new(),
        ReturnType::Type(_, ty) => ty.to_token_stream().to_string(),
    };
    let given = words(sig.output.to_token_stream());
    let gives = |names: &[&str]| given.iter().any(|word| names.contains(&word.as_str()));
    let changes = matches!(receiver.as_str(), "self" | "mut self" | "&mut self");
    let is_one = match is_guard {
        true => changes || gives(&GUARDS) || gives(&GIVEN),
        false => gives(&GUARDS) || of == "Vma" && gives(&["VmaWrite"]),
    };
    (is_one && matches!(item.vis, Visibility::Public(_))).then(|| Transition {
        method: format!("{of}::{}", sig.ident),
        receiver,
        returns,
        bounds: bounds(&sig.generics),
        is_unsafe: matches!(sig.safety, Safety::Unsafe(_)),
        left_out: String::new(),
    })
}

fn bounds(generics: &Generics) -> String {
    let predicates = generics.where_clause.iter().flat_map(|w| &w.predicates);
    let predicates = predicates.map(|predicate| predicate.to_token_stream().to_string());
    predicates.collect::<Vec<_>>().join(", ")
}
