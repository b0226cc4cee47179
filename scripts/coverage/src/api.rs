// SPDX-License-Identifier: GPL-2.0

//! The public functions and types that answers may name.

use anyhow::{Context, Result, anyhow};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::{ImplItem, Item, ItemMacro, Safety, Signature, TraitItem, Type, Visibility};

/// The directory of names that do not begin with `kernel::`.
const OURS: &str = "rust/kernel/mm/vma";

/// The public names of the abstraction, and of the modules of the kernel crate that answers name.
#[derive(Default)]
pub struct Api {
    ours: Names,
    /// By the module's path, such as `kernel::drm::driver`.
    others: BTreeMap<String, Names>,
}

/// Public names: `Type`, `function()`, `Type::function()`.
#[derive(Default)]
struct Names {
    safe: BTreeSet<String>,
    /// Functions that need `unsafe`.
    not_safe: BTreeSet<String>,
    /// Names of functions that a macro defines, by the macro.
    macros: BTreeMap<String, BTreeSet<String>>,
    /// Types for which a macro is called.
    calls: Vec<(String, String)>,
}

impl Api {
    /// Reads the abstraction of a checkout, and the modules of a kernel tree that the names need.
    pub fn read<'a>(
        repo: &Path,
        tree: &Path,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Self> {
        let mut api = Self::default();
        let below = glob::glob(&repo.join(OURS).join("**/*.rs").display().to_string())?;
        for path in below.chain([Ok(repo.join(OURS).with_extension("rs"))]) {
            let path = path?;
            if !path.starts_with(repo.join(OURS).join("tests")) {
                api.ours.add_file(&path)?;
            }
        }
        api.ours.finish();
        for module in names.filter_map(module_of) {
            if !api.others.contains_key(module) {
                let mut names = Names::default();
                if let Some(path) = file_of(tree, module) {
                    names.add_file(&path)?;
                }
                names.finish();
                api.others.insert(module.to_string(), names);
            }
        }
        Ok(api)
    }

    /// Reads the abstraction from one text.
    #[cfg(test)]
    pub fn parse(text: &str) -> Result<Self> {
        let mut api = Self::default();
        api.ours.add(syn::parse_file(text)?.items);
        api.ours.finish();
        Ok(api)
    }

    /// Says that a name does not exist, or is of an unsafe function.
    pub fn problem(&self, name: &str) -> Option<String> {
        let (names, short, place) = match module_of(name) {
            None => (Some(&self.ours), name, OURS),
            Some(module) => (self.others.get(module), &name[module.len() + 2..], module),
        };
        if names.is_some_and(|names| names.safe.contains(short)) {
            return None;
        }
        Some(
            match names.is_some_and(|names| names.not_safe.contains(short)) {
                true => format!("{name}: is unsafe, so it is no safe call"),
                false => format!("{name}: there is no such public function or type in {place}"),
            },
        )
    }
}

/// The module of a name of the kernel crate: all before the type.
fn module_of(name: &str) -> Option<&str> {
    name.strip_prefix("kernel::")?;
    let is_type = |part: &str| part.starts_with(|first: char| first.is_ascii_uppercase());
    let mut at = 0usize;
    for part in name.split("::") {
        if is_type(part) || part.ends_with("()") {
            return name.get(..at.saturating_sub(2));
        }
        at += part.len() + 2;
    }
    None
}

fn file_of(tree: &Path, module: &str) -> Option<PathBuf> {
    let path = tree.join("rust").join(module.replace("::", "/"));
    let mut files = [path.with_extension("rs"), path.join("mod.rs")].into_iter();
    files.find(|file| file.is_file())
}

impl Names {
    fn add_file(&mut self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("{}: cannot be read", path.display()))?;
        let file = syn::parse_file(&text).map_err(|error| {
            let at = error.span().start();
            anyhow!("{}:{}: is no Rust: {error}", path.display(), at.line)
        })?;
        self.add(file.items);
        Ok(())
    }

    fn add(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Struct(item) if is_public(&item.vis) => self.add_type(&item.ident),
                Item::Enum(item) if is_public(&item.vis) => self.add_type(&item.ident),
                Item::Type(item) if is_public(&item.vis) => self.add_type(&item.ident),
                Item::Fn(item) if is_public(&item.vis) => self.add_function(None, &item.sig),
                Item::Trait(item) if is_public(&item.vis) => {
                    self.add_type(&item.ident);
                    let of = item.ident.to_string();
                    for part in &item.items {
                        if let TraitItem::Fn(part) = part {
                            self.add_function(Some(&of), &part.sig);
                        }
                    }
                }
                Item::Impl(item) => {
                    let Some(of) = type_name(&item.self_ty) else {
                        continue;
                    };
                    for part in &item.items {
                        match part {
                            ImplItem::Fn(part) if is_public(&part.vis) => {
                                self.add_function(Some(&of), &part.sig);
                            }
                            _ => (),
                        }
                    }
                }
                Item::Mod(item) => self.add(item.content.map_or_else(Vec::new, |(_, items)| items)),
                Item::Macro(item) => self.add_macro(&item),
                _ => (),
            }
        }
    }

    fn add_type(&mut self, name: &impl ToString) {
        self.safe.insert(name.to_string());
    }

    fn add_function(&mut self, of: Option<&str>, signature: &Signature) {
        let name = match of {
            Some(of) => format!("{of}::{}()", signature.ident),
            None => format!("{}()", signature.ident),
        };
        match matches!(signature.safety, Safety::Unsafe(_)) {
            true => self.not_safe.insert(name),
            false => self.safe.insert(name),
        };
    }

    /// A macro that defines functions of types, or its call for types.
    fn add_macro(&mut self, item: &ItemMacro) {
        if let Some(name) = &item.ident {
            let functions = self.macros.entry(name.to_string()).or_default();
            public_functions(item.mac.tokens.clone(), functions);
        } else if let Some(name) = item.mac.path.segments.last() {
            for token in item.mac.tokens.clone() {
                if let TokenTree::Ident(ty) = token {
                    self.calls.push((name.ident.to_string(), ty.to_string()));
                }
            }
        }
    }

    /// Gives types the functions that macros define for them.
    fn finish(&mut self) {
        for (name, ty) in &self.calls {
            for function in self.macros.get(name).into_iter().flatten() {
                self.safe.insert(format!("{ty}::{function}()"));
            }
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn type_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

/// The names of the functions that are declared as `pub fn`, at any depth.
fn public_functions(tokens: TokenStream, functions: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let word = |at: usize, word: &str| matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if ident == word);
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            public_functions(group.stream(), functions);
        }
        let is_function = word(at, "pub") && word(at + 1, "fn");
        if let (true, Some(TokenTree::Ident(name))) = (is_function, tokens.get(at + 2)) {
            functions.insert(name.to_string());
        }
    }
}
