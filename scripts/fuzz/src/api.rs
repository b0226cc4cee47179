// SPDX-License-Identifier: GPL-2.0

//! The safe calls of the abstraction, read out of the JSON that rustdoc writes about the `kernel` crate.

use crate::types::{Bindings, Ty, list, text, unify};
use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Where the functions that are called are defined.
const SOURCES: &str = "kernel/mm/vma";

/// The traits whose methods are called, in addition to inherent ones.
const TRAITS: &[&str] = &["Iterator", "BitOr"];

/// How a call takes its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Receiver {
    /// There is none.
    None,
    Shared,
    Mutable,
    Value,
}

/// A generic parameter with a type or a number in its place.
#[derive(Clone, Debug)]
pub struct Generic {
    pub name: String,
    pub is_const: bool,
    /// Belongs to the function and is written in the source, so that a call names it.
    pub is_named: bool,
}

/// `ty: name`
#[derive(Clone, Debug)]
pub struct Bound {
    pub ty: Ty,
    pub name: String,
    pub arguments: Vec<Ty>,
}

/// A function that a program may call.
#[derive(Clone, Debug)]
pub struct Callable {
    /// `Type::function`, as in the coverage figure.
    pub path: String,
    pub name: String,
    pub of: Ty,
    pub receiver: Receiver,
    /// The lifetime of a receiver that names it.
    pub receiver_lifetime: Option<String>,
    /// Names and types, without the receiver.
    pub parameters: Vec<(String, Ty)>,
    pub output: Ty,
    pub generics: Vec<Generic>,
    pub bounds: Vec<Bound>,
    /// The lifetimes that the function declares itself.
    pub lifetimes: BTreeSet<String>,
    /// Its documentation says that it sleeps.
    pub sleeps: bool,
}

/// The items of the crate, from rustdoc's JSON.
#[derive(Default)]
pub struct Api {
    pub callables: Vec<Callable>,
    /// For each trait the types that have it, with the trait's own arguments.
    implementations: BTreeMap<String, Vec<(Ty, Vec<Ty>)>>,
    /// Associated types: of which type, by which name.
    associated: Vec<(Ty, String, Ty)>,
    aliases: BTreeMap<String, (Vec<String>, Ty)>,
    /// Of types with parameters that have defaults: the parameters, in order.
    defaults: BTreeMap<String, Vec<Option<Ty>>>,
    /// Expressions for values without arguments, by type: associated constants and variants.
    pub constants: Vec<(Ty, String)>,
    /// The hooks of `VmaOperations`.
    pub hooks: Vec<Callable>,
    /// The public modules below the abstraction's, for `use`.
    pub modules: BTreeSet<String>,
}

/// Returns true for the words that public functions use: "May sleep", "Sleeps" at the start of a sentence.
fn says_that_it_sleeps(docs: &str) -> bool {
    docs.split(['.', '\n'])
        .map(str::trim_start)
        .any(|sentence| sentence.starts_with("May sleep") || sentence.starts_with("Sleeps"))
}

impl Api {
    pub fn parse(text: &str) -> Result<Self> {
        let json: Json = serde_json::from_str(text).context("rustdoc's JSON cannot be read")?;
        let index = json["index"]
            .as_object()
            .context("rustdoc's JSON has no index")?;
        let mut api = Self::default();
        api.read_aliases(index);
        api.read_modules(&json);
        for item in index.values() {
            let inner = &item["inner"];
            if !inner["impl"].is_null() {
                api.read_impl(item, index);
            } else if !inner["enum"].is_null() && is_ours(item) {
                api.read_enum(item, index);
            } else if !inner["trait"].is_null() && item["name"] == "VmaOperations" {
                api.read_hooks(item, index);
            }
        }
        for ty in api.having("Default") {
            let value = match &ty {
                Ty::Path(name, _, arguments) if arguments.is_empty() => {
                    format!("{name}::default()")
                }
                _ => continue,
            };
            api.constants.push((ty, value));
        }
        // The index has no order that would stay the same.
        api.callables
            .sort_by(|a, b| (&a.path, &a.of).cmp(&(&b.path, &b.of)));
        api.constants.sort();
        api.associated.sort();
        api.hooks.sort_by(|a, b| a.path.cmp(&b.path));
        for types in api.implementations.values_mut() {
            types.sort();
            types.dedup();
        }
        ensure!(
            !api.callables.is_empty(),
            "rustdoc's JSON (format {}) has no function below {SOURCES}: the format has changed",
            json["format_version"]
        );
        Ok(api)
    }

    fn read_aliases(&mut self, index: &serde_json::Map<String, Json>) {
        for item in index.values().filter(|item| is_ours(item)) {
            let parameters: Vec<Option<Ty>> = list(&item["inner"]["struct"]["generics"]["params"])
                .filter(|parameter| parameter["kind"]["lifetime"].is_null())
                .map(|parameter| &parameter["kind"]["type"]["default"])
                .map(|default| (!default.is_null()).then(|| Ty::read(default)))
                .collect();
            if parameters.iter().any(Option::is_some) {
                self.defaults.insert(text(&item["name"]), parameters);
            }
            let alias = &item["inner"]["type_alias"];
            if !alias.is_null() {
                let parameters = list(&alias["generics"]["params"])
                    .filter(|parameter| parameter["kind"]["lifetime"].is_null())
                    .map(|parameter| text(&parameter["name"]));
                let value = (parameters.collect(), Ty::read(&alias["type"]));
                self.aliases.insert(text(&item["name"]), value);
            }
        }
    }

    fn read_modules(&mut self, json: &Json) {
        let mut paths = json["paths"].as_object().into_iter().flatten();
        let vma = ["kernel", "mm", "vma"];
        let is_vma = |path: &Json| list(&path["path"]).map(text).eq(vma);
        if let Some((id, _)) = paths.find(|(_, path)| path["kind"] == "module" && is_vma(path)) {
            self.read_module(&json["index"], id, &vma.join("::"));
        }
    }

    /// Adds a module and those that it declares or re-exports as public.
    fn read_module(&mut self, index: &Json, id: &str, path: &str) {
        self.modules.insert(path.to_string());
        for item in list(&index[id]["inner"]["module"]["items"]) {
            let item = &index[item.to_string()];
            let reexport = &item["inner"]["use"];
            let (name, id) = match reexport.is_object() {
                true => (&reexport["name"], &reexport["id"]),
                false => (&item["name"], &item["id"]),
            };
            let id = id.to_string();
            if item["visibility"] == "public" && index[&id]["inner"]["module"].is_object() {
                self.read_module(index, &id, &format!("{path}::{}", text(name)));
            }
        }
    }

    fn read_impl(&mut self, item: &Json, index: &serde_json::Map<String, Json>) {
        let block = &item["inner"]["impl"];
        if block["is_synthetic"] == true
            || !block["blanket_impl"].is_null()
            || block["is_negative"] == true
        {
            return;
        }
        let of = self.expand(&Ty::read(&block["for"]));
        let of_trait = match block["trait"].is_null() {
            true => None,
            false => Some(text(&block["trait"]["path"])),
        };
        let name = of_trait
            .as_deref()
            .map(|path| path.rsplit("::").next().unwrap_or_default());
        if let Some(name) = name {
            let arguments = list(&block["trait"]["args"]["angle_bracketed"]["args"])
                .filter(|argument| !argument["type"].is_null())
                .map(|argument| self.expand(&Ty::read(&argument["type"])))
                .collect();
            let known = self.implementations.entry(name.to_string()).or_default();
            // Derived ones of other modules of the crate are of no use, and their names may be others' here.
            if name != "Default" || is_ours(item) {
                known.push((of.clone(), arguments));
            }
        }
        let calls = is_ours(item) && name.is_none_or(|name| TRAITS.contains(&name));
        for id in list(&block["items"]) {
            let Some(part) = index.get(&id.to_string()) else {
                continue;
            };
            let inner = &part["inner"];
            if !inner["assoc_type"]["type"].is_null() {
                let ty = self.expand(&Ty::read(&inner["assoc_type"]["type"]));
                self.associated.push((of.clone(), text(&part["name"]), ty));
            } else if name.is_none() && is_ours(item) && !inner["assoc_const"].is_null() {
                if part["visibility"] == "public" {
                    self.read_constant(&of, part);
                }
            } else if calls && !inner["function"].is_null() {
                let is_public = name.is_some() || part["visibility"] == "public";
                if is_public && inner["function"]["header"]["is_unsafe"] == false {
                    let callable = self.read_function(part, &of, &block["generics"]);
                    self.callables.push(callable);
                }
            }
        }
    }

    fn read_constant(&mut self, of: &Ty, part: &Json) {
        let ty = replace_self(&Ty::read(&part["inner"]["assoc_const"]["type"]), of);
        if let (Some(owner), false) = (of.name(), ty.is_open()) {
            let constant = format!("{owner}::{}", text(&part["name"]));
            self.constants.push((ty, constant));
        }
    }

    fn read_enum(&mut self, item: &Json, index: &serde_json::Map<String, Json>) {
        let name = text(&item["name"]);
        for id in list(&item["inner"]["enum"]["variants"]) {
            let variant = index.get(&id.to_string());
            if let Some(variant) = variant.filter(|v| v["inner"]["variant"]["kind"] == "plain") {
                let value = format!("{name}::{}", text(&variant["name"]));
                self.constants.push((Ty::plain(&name), value));
            }
        }
    }

    fn read_hooks(&mut self, item: &Json, index: &serde_json::Map<String, Json>) {
        for id in list(&item["inner"]["trait"]["items"]) {
            if let Some(part) = index
                .get(&id.to_string())
                .filter(|p| !p["inner"]["function"].is_null())
            {
                let hook = self.read_function(part, &Ty::Param("Self".into()), &Json::Null);
                self.hooks.push(hook);
            }
        }
    }

    fn read_function(&self, item: &Json, of: &Ty, of_impl: &Json) -> Callable {
        let function = &item["inner"]["function"];
        let (mut generics, mut bounds) = (Vec::new(), Vec::new());
        self.read_generics(of_impl, false, &mut generics, &mut bounds);
        self.read_generics(&function["generics"], true, &mut generics, &mut bounds);
        let lifetimes = list(&function["generics"]["params"])
            .filter(|parameter| !parameter["kind"]["lifetime"].is_null())
            .map(|parameter| text(&parameter["name"]))
            .collect();
        let (mut receiver, mut receiver_lifetime) = (Receiver::None, None);
        let mut parameters = Vec::new();
        for input in list(&function["sig"]["inputs"]) {
            let ty = Ty::read(&input[1]);
            if input[0] == "self" {
                receiver = match &ty {
                    Ty::Ref(lifetime, mutable, _) => {
                        receiver_lifetime = lifetime.clone();
                        if *mutable {
                            Receiver::Mutable
                        } else {
                            Receiver::Shared
                        }
                    }
                    _ => Receiver::Value,
                };
            } else {
                parameters.push((text(&input[0]), self.expand(&replace_self(&ty, of))));
            }
        }
        let name = text(&item["name"]);
        Callable {
            path: format!("{}::{name}", of.name().unwrap_or("VmaOperations")),
            name,
            of: of.clone(),
            receiver,
            receiver_lifetime,
            parameters,
            output: self.expand(&replace_self(&Ty::read(&function["sig"]["output"]), of)),
            generics,
            bounds,
            lifetimes,
            sleeps: says_that_it_sleeps(item["docs"].as_str().unwrap_or_default()),
        }
    }

    fn read_generics(
        &self,
        json: &Json,
        of_function: bool,
        generics: &mut Vec<Generic>,
        bounds: &mut Vec<Bound>,
    ) {
        let mut add = |ty: &Ty, list_of: &Json| {
            for bound in list(list_of) {
                let of = &bound["trait_bound"]["trait"];
                let path = text(&of["path"]);
                let Some(name) = path.rsplit("::").next().filter(|name| !name.is_empty()) else {
                    continue;
                };
                let arguments = list(&of["args"]["angle_bracketed"]["args"])
                    .filter(|argument| !argument["type"].is_null())
                    .map(|argument| self.expand(&Ty::read(&argument["type"])))
                    .collect();
                bounds.push(Bound {
                    ty: ty.clone(),
                    name: name.to_string(),
                    arguments,
                });
                // `T: Trait<Name = Type>` is a bound on an associated type.
                for constraint in list(&of["args"]["angle_bracketed"]["constraints"]) {
                    let equals = &constraint["binding"]["equality"]["type"];
                    if !equals.is_null() {
                        let part = Ty::Projection(Box::new(ty.clone()), text(&constraint["name"]));
                        bounds.push(Bound {
                            ty: part,
                            name: "=".to_string(),
                            arguments: vec![self.expand(&Ty::read(equals))],
                        });
                    }
                }
            }
        };
        for parameter in list(&json["params"]) {
            let (name, kind) = (text(&parameter["name"]), &parameter["kind"]);
            let is_const = !kind["const"].is_null();
            if kind["type"].is_null() && !is_const {
                continue;
            }
            add(&Ty::Param(name.clone()), &kind["type"]["bounds"]);
            let is_named = of_function && kind["type"]["is_synthetic"] != true;
            if kind["type"]["is_synthetic"] != true {
                generics.push(Generic {
                    name,
                    is_const,
                    is_named,
                });
            }
        }
        for predicate in list(&json["where_predicates"]) {
            let bound = &predicate["bound_predicate"];
            if !bound.is_null() {
                add(&self.expand(&Ty::read(&bound["type"])), &bound["bounds"]);
            }
        }
    }

    /// Puts what aliases stand for in their place, and defaults where arguments are left out.
    fn expand(&self, ty: &Ty) -> Ty {
        let mut ty = ty.map(&mut |part| self.expand(part));
        if let Ty::Path(name, _, arguments) = &mut ty {
            let defaults = self.defaults.get(name).into_iter().flatten();
            let missing = defaults.skip(arguments.len()).map_while(Clone::clone);
            arguments.extend(missing.collect::<Vec<_>>());
        }
        let Ty::Path(name, lifetimes, arguments) = &ty else {
            return ty;
        };
        let Some((parameters, to)) = self.aliases.get(name) else {
            return ty;
        };
        let bindings: Bindings = parameters
            .iter()
            .cloned()
            .zip(arguments.iter().cloned())
            .collect();
        match self.expand(&to.substitute(&bindings)) {
            Ty::Path(name, _, arguments) => Ty::Path(name, lifetimes.clone(), arguments),
            other => other,
        }
    }

    /// Adds what a module of the generated code implements.
    pub fn implement(&mut self, ty: Ty, name: &str) {
        self.implementations
            .entry(name.to_string())
            .or_default()
            .push((ty, Vec::new()));
    }

    pub fn associate(&mut self, of: Ty, name: &str, ty: Ty) {
        self.associated.push((of, name.to_string(), ty));
    }

    /// Returns true if a type has a trait. Of a trait that is not known the compiler has the word.
    pub fn has(&self, ty: &Ty, name: &str, arguments: &[Ty]) -> bool {
        let Some(known) = self.implementations.get(name) else {
            return true;
        };
        known.iter().any(|(of, with)| {
            let mut bindings = Bindings::new();
            unify(of, ty, &mut bindings)
                && (with.len() != arguments.len()
                    || with
                        .iter()
                        .zip(arguments)
                        .all(|(a, b)| unify(a, b, &mut bindings)))
        })
    }

    /// The types without parameters that have a trait.
    pub fn having(&self, name: &str) -> Vec<Ty> {
        let known = self.implementations.get(name).into_iter().flatten();
        known
            .map(|(of, _)| of.clone())
            .filter(|of| !of.is_open())
            .collect()
    }

    /// Returns true if values of the type are copied.
    pub fn is_copy(&self, ty: &Ty) -> bool {
        const PLAIN: &[&str] = &[
            "usize", "u64", "u32", "u16", "u8", "i64", "i32", "bool", "Error", "Flags", "Pid",
        ];
        match ty {
            Ty::Ref(_, mutable, _) => !mutable,
            Ty::Path(name, ..) if PLAIN.contains(&name.as_str()) => true,
            Ty::Path(..) => self.implementations.contains_key("Copy") && self.has(ty, "Copy", &[]),
            Ty::Tuple(parts) => parts.iter().all(|part| self.is_copy(part)),
            Ty::Array(of, _) => self.is_copy(of),
            _ => false,
        }
    }

    /// The target of a type's `Deref`.
    pub fn target(&self, ty: &Ty) -> Option<Ty> {
        if let Ty::Ref(_, _, to) = ty {
            return Some((**to).clone());
        }
        for pointer in ["ARef", "Arc", "ArcBorrow", "KBox"] {
            if let Some(to) = ty.argument(pointer) {
                return Some(to.clone());
            }
        }
        self.associated(ty, "Target")
    }

    pub fn associated(&self, of: &Ty, name: &str) -> Option<Ty> {
        self.associated.iter().find_map(|(owner, by, ty)| {
            let mut bindings = Bindings::new();
            (by == name && unify(owner, of, &mut bindings)).then(|| ty.substitute(&bindings))
        })
    }

    /// Puts associated types in the place of their names, as far as they are known.
    pub fn resolve(&self, ty: &Ty) -> Ty {
        let ty = ty.map(&mut |part| self.resolve(part));
        match &ty {
            Ty::Projection(of, name) => match self.associated(of, name) {
                Some(found) => self.resolve(&found),
                None => ty,
            },
            _ => ty,
        }
    }
}

fn is_ours(item: &Json) -> bool {
    let file = item["span"]["filename"].as_str().unwrap_or_default();
    file.contains(SOURCES) && !file.contains("/tests")
}

fn replace_self(ty: &Ty, of: &Ty) -> Ty {
    let bindings = Bindings::from([("Self".to_string(), of.clone())]);
    ty.substitute(&bindings)
}
