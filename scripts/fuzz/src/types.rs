// SPDX-License-Identifier: GPL-2.0

//! Types as rustdoc shows them, reduced to what a generator of calls needs.
//!
//! Lifetimes are kept for printing and for the borrow rules; types are matched without them.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;

/// A type. Whatever the generator does not know is [`Ty::Other`], which no value has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ty {
    /// A named type, by the last part of its path.
    Path(String, Vec<String>, Vec<Ty>),
    Ref(Option<String>, bool, Box<Ty>),
    /// A generic parameter.
    Param(String),
    /// An associated type: the type it belongs to, and its name.
    Projection(Box<Ty>, String),
    Tuple(Vec<Ty>),
    Slice(Box<Ty>),
    Array(Box<Ty>, String),
    /// A closure that is called once: its arguments and its result.
    Closure(Vec<Ty>, Box<Ty>),
    /// An iterator of an unnamed type.
    Iterator(Box<Ty>),
    Other,
}

/// The types that generic parameters stand for.
pub type Bindings = BTreeMap<String, Ty>;

impl Ty {
    pub fn path(name: &str, arguments: Vec<Self>) -> Self {
        Self::Path(name.to_string(), Vec::new(), arguments)
    }

    pub fn plain(name: &str) -> Self {
        Self::path(name, Vec::new())
    }

    pub fn unit() -> Self {
        Self::Tuple(Vec::new())
    }

    pub fn reference(self) -> Self {
        Self::Ref(None, false, Box::new(self))
    }

    /// The name of a named type.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Path(name, ..) => Some(name),
            _ => None,
        }
    }

    /// The one argument of a named type.
    pub fn argument(&self, of: &str) -> Option<&Self> {
        match self {
            Self::Path(name, _, arguments) if name == of => arguments.first(),
            _ => None,
        }
    }

    /// Reads a type of rustdoc's JSON.
    pub fn read(json: &Json) -> Self {
        let Some((kind, value)) = json.as_object().and_then(|object| object.iter().next()) else {
            return if json.is_null() {
                Self::unit()
            } else {
                Self::Other
            };
        };
        match kind.as_str() {
            "primitive" => match value.as_str() {
                Some("unit") => Self::unit(),
                Some(name) => Self::plain(name),
                None => Self::Other,
            },
            "generic" => Self::Param(text(value)),
            "resolved_path" => Self::read_path(value),
            "borrowed_ref" => Self::Ref(
                value["lifetime"].as_str().map(str::to_string),
                value["is_mutable"].as_bool().unwrap_or(false),
                Box::new(Self::read(&value["type"])),
            ),
            "tuple" => Self::Tuple(list(value).map(Self::read).collect()),
            "slice" => Self::Slice(Box::new(Self::read(value))),
            "array" => Self::Array(Box::new(Self::read(&value["type"])), text(&value["len"])),
            "qualified_path" => Self::Projection(
                Box::new(Self::read(&value["self_type"])),
                text(&value["name"]),
            ),
            "impl_trait" => Self::read_impl_trait(value),
            _ => Self::Other,
        }
    }

    /// A closure, an iterator, or a generic parameter that has no other name than its bound.
    fn read_impl_trait(bounds: &Json) -> Self {
        let traits = || list(bounds).map(|bound| &bound["trait_bound"]["trait"]);
        traits()
            .find_map(Self::read_bound)
            .or_else(|| {
                let path = text(&traits().next()?["path"]);
                Some(Self::Param(format!("impl {}", path.rsplit("::").next()?)))
            })
            .unwrap_or(Self::Other)
    }

    fn read_path(value: &Json) -> Self {
        let path = text(&value["path"]);
        let name = path.rsplit("::").next().unwrap_or_default().to_string();
        let (mut lifetimes, mut arguments) = (Vec::new(), Vec::new());
        for argument in list(&value["args"]["angle_bracketed"]["args"]) {
            if let Some(lifetime) = argument["lifetime"].as_str() {
                lifetimes.push(lifetime.to_string());
            } else if !argument["type"].is_null() {
                arguments.push(Self::read(&argument["type"]));
            } else if let Some(number) = argument["const"]["expr"].as_str() {
                arguments.push(Self::Param(number.to_string()));
            }
        }
        // The kernel's own alias.
        if name == "Result" {
            if arguments.is_empty() {
                arguments.push(Self::unit());
            }
            if arguments.len() == 1 {
                arguments.push(Self::plain("Error"));
            }
        }
        Self::Path(name, lifetimes, arguments)
    }

    /// A closure or an iterator, where a bound says so.
    pub fn read_bound(of: &Json) -> Option<Self> {
        let path = text(&of["path"]);
        match path.rsplit("::").next()? {
            "FnOnce" | "FnMut" | "Fn" => {
                let parts = &of["args"]["parenthesized"];
                let arguments = list(&parts["inputs"]).map(Self::read).collect();
                Some(Self::Closure(
                    arguments,
                    Box::new(Self::read(&parts["output"])),
                ))
            }
            "Iterator" => {
                let item = list(&of["args"]["angle_bracketed"]["constraints"])
                    .find(|constraint| constraint["name"] == "Item")?;
                let item = Self::read(&item["binding"]["equality"]["type"]);
                Some(Self::Iterator(Box::new(item)))
            }
            _ => None,
        }
    }

    /// Applies a function to the types that this one is made of.
    pub fn map(&self, f: &mut dyn FnMut(&Self) -> Self) -> Self {
        let mut all = |types: &[Self]| types.iter().map(&mut *f).collect::<Vec<_>>();
        match self {
            Self::Path(name, lifetimes, arguments) => {
                Self::Path(name.clone(), lifetimes.clone(), all(arguments))
            }
            Self::Ref(lifetime, mutable, to) => {
                Self::Ref(lifetime.clone(), *mutable, Box::new(f(to)))
            }
            Self::Projection(of, name) => Self::Projection(Box::new(f(of)), name.clone()),
            Self::Tuple(parts) => Self::Tuple(all(parts)),
            Self::Slice(of) => Self::Slice(Box::new(f(of))),
            Self::Array(of, len) => Self::Array(Box::new(f(of)), len.clone()),
            Self::Closure(arguments, result) => {
                let arguments = all(arguments);
                Self::Closure(arguments, Box::new(f(result)))
            }
            Self::Iterator(item) => Self::Iterator(Box::new(f(item))),
            Self::Param(_) | Self::Other => self.clone(),
        }
    }

    pub fn substitute(&self, bindings: &Bindings) -> Self {
        match self {
            Self::Param(name) => bindings.get(name).unwrap_or(self).clone(),
            Self::Array(of, len) => {
                let len = match bindings.get(len) {
                    Some(Self::Param(number)) => number.clone(),
                    _ => len.clone(),
                };
                Self::Array(Box::new(of.substitute(bindings)), len)
            }
            _ => self.map(&mut |part| part.substitute(bindings)),
        }
    }

    /// Returns true if any part is as asked for.
    pub fn any(&self, is: &mut dyn FnMut(&Self) -> bool) -> bool {
        if is(self) {
            return true;
        }
        let mut found = false;
        self.map(&mut |part| {
            found = found || part.any(is);
            part.clone()
        });
        found
    }

    /// Returns true if a named type in it is as asked for.
    pub fn has(&self, is: impl Fn(&str) -> bool) -> bool {
        self.any(&mut |part| part.name().is_some_and(&is))
    }

    /// The lifetimes in it, `'_` for those that are not written.
    pub fn lifetimes(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.any(&mut |part| {
            match part {
                Self::Path(_, lifetimes, _) => found.extend(lifetimes.iter().cloned()),
                Self::Ref(lifetime, ..) => {
                    found.push(lifetime.clone().unwrap_or_else(|| "'_".to_string()));
                }
                _ => (),
            }
            false
        });
        found
    }

    /// Returns true if a generic parameter is left in it that is none of a constant.
    pub fn is_open(&self) -> bool {
        self.any(&mut |part| match part {
            Self::Param(name) | Self::Array(_, name) => name.parse::<usize>().is_err(),
            Self::Other | Self::Projection(..) => true,
            _ => false,
        })
    }
}

/// Finds what the parameters of a pattern stand for, so that it is the type. Lifetimes are ignored.
pub fn unify(pattern: &Ty, with: &Ty, bindings: &mut Bindings) -> bool {
    let mut all = |a: &[Ty], b: &[Ty]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| unify(a, b, bindings))
    };
    match (pattern, with) {
        (Ty::Param(name), _) => match bindings.get(name) {
            Some(bound) => same(bound, with),
            None if name.parse::<usize>().is_ok() => pattern == with,
            None => {
                bindings.insert(name.clone(), with.clone());
                true
            }
        },
        (Ty::Path(a, _, of_a), Ty::Path(b, _, of_b)) => a == b && all(of_a, of_b),
        (Ty::Ref(_, a, to_a), Ty::Ref(_, b, to_b)) => a == b && unify(to_a, to_b, bindings),
        (Ty::Tuple(a), Ty::Tuple(b)) => all(a, b),
        (Ty::Slice(a), Ty::Slice(b)) => unify(a, b, bindings),
        (Ty::Array(a, n), Ty::Array(b, m)) => {
            unify(a, b, bindings) && unify(&Ty::Param(n.clone()), &Ty::Param(m.clone()), bindings)
        }
        _ => false,
    }
}

/// Returns true if two types are the same but for lifetimes.
pub fn same(a: &Ty, b: &Ty) -> bool {
    let mut bindings = Bindings::new();
    unify(a, b, &mut bindings)
        && bindings
            .iter()
            .all(|(name, to)| *to == Ty::Param(name.clone()))
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |types: &[Self]| {
            let parts: Vec<String> = types.iter().map(Self::to_string).collect();
            parts.join(", ")
        };
        match self {
            Self::Path(name, lifetimes, arguments) => {
                let mut all = lifetimes.clone();
                all.extend(arguments.iter().map(Self::to_string));
                match all.is_empty() {
                    true => write!(f, "{name}"),
                    false => write!(f, "{name}<{}>", all.join(", ")),
                }
            }
            Self::Ref(lifetime, mutable, to) => {
                let lifetime = lifetime
                    .as_ref()
                    .map(|l| format!("{l} "))
                    .unwrap_or_default();
                write!(f, "&{lifetime}{}{to}", if *mutable { "mut " } else { "" })
            }
            Self::Param(name) => write!(f, "{name}"),
            Self::Projection(of, name) => write!(f, "<{of}>::{name}"),
            Self::Tuple(parts) => write!(f, "({})", joined(parts)),
            Self::Slice(of) => write!(f, "[{of}]"),
            Self::Array(of, len) => write!(f, "[{of}; {len}]"),
            Self::Closure(arguments, result) => {
                write!(f, "impl FnOnce({}) -> {result}", joined(arguments))
            }
            Self::Iterator(item) => write!(f, "impl Iterator<Item = {item}>"),
            Self::Other => write!(f, "?"),
        }
    }
}

/// The entries of a list, none if it is not one.
pub fn list(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().into_iter().flatten()
}

/// A string, empty if it is not one.
pub fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_matched_without_lifetimes() {
        let pattern = Ty::path("Vma", vec![Ty::Param("L".into())]);
        let with = Ty::path("Vma", vec![Ty::plain("Read")]);
        let mut bindings = Bindings::new();
        assert!(unify(&pattern, &with, &mut bindings));
        assert_eq!(bindings["L"], Ty::plain("Read"));
        assert!(!unify(
            &pattern,
            &Ty::path("Vma", vec![Ty::plain("Rmap")]),
            &mut bindings
        ));
        let named = Ty::Path("Guard".into(), vec!["'a".into()], Vec::new());
        assert!(same(&named, &Ty::plain("Guard")));
    }

    #[test]
    fn a_type_is_read_and_printed() {
        let json = serde_json::json!({ "borrowed_ref": { "lifetime": "'a", "is_mutable": true, "type":
            { "resolved_path": { "path": "x::Vma", "args": { "angle_bracketed": { "args": [
                { "type": { "generic": "L" } } ] } } } } } });
        let ty = Ty::read(&json);
        assert_eq!(ty.to_string(), "&'a mut Vma<L>");
        assert_eq!(ty.lifetimes(), ["'a"]);
        assert!(ty.is_open());
        assert_eq!(Ty::read(&Json::Null), Ty::unit());
    }
}
