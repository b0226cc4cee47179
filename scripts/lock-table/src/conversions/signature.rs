// SPDX-License-Identifier: GPL-2.0

//! The functions of the module whose signatures have views in them.

use crate::Files;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use syn::{Attribute, Error, FnArg, Generics, ImplItem, Item, Result, Signature, TraitItem};

/// A view, or something that dereferences to one or gives it out, at a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    pub level: String,
}

/// Where a type has its level.
enum Carries {
    /// The type parameter with this number, lifetimes not counted.
    Parameter(usize),
    Level(&'static str),
}

const CARRIERS: [(&str, Carries); 21] = [
    ("Vma", Carries::Parameter(0)),
    ("DriverVma", Carries::Parameter(1)),
    ("MmapGuard", Carries::Parameter(0)),
    ("VmaGuard", Carries::Level("VmaRead")),
    ("ReadGuard", Carries::Level("Read")),
    ("LockedVmas", Carries::Level("VmaRead")),
    ("VmaCursor", Carries::Level("Read")),
    ("RmapTreeGuard", Carries::Level("Rmap")),
    ("IMmapReadGuard", Carries::Level("Rmap")),
    ("IMmapWriteGuard", Carries::Level("Rmap")),
    ("AnonVmaReadGuard", Carries::Level("Rmap")),
    ("AnonVmaWriteGuard", Carries::Level("Rmap")),
    ("IMmapVmas", Carries::Level("Rmap")),
    ("AnonVmas", Carries::Level("Rmap")),
    ("RmapWriteGuard", Carries::Level("RmapWrite")),
    ("Vmas", Carries::Parameter(0)),
    ("Area", Carries::Parameter(0)),
    ("Areas", Carries::Parameter(0)),
    ("VmaSetup", Carries::Level("Setup")),
    // The faults: `struct vm_fault` has the VMA.
    ("Context", Carries::Level("Read")),
    ("fault", Carries::Level("Read")),
];

/// A function, an associated type, or a function in a macro.
pub struct Function {
    file: String,
    /// The type that it is a method of.
    of: String,
    name: String,
    pub is_unsafe: bool,
    /// Takes `self` as it is.
    pub by_value: bool,
    pub inputs: Vec<Mention>,
    pub outputs: Vec<Mention>,
    /// The bounds of each type parameter.
    pub parameters: BTreeMap<String, BTreeSet<String>>,
    /// All bounds.
    pub bounds: BTreeSet<String>,
    /// It calls `from_raw()` of a view, and none comes out.
    pub hides_a_view: bool,
}

impl Function {
    pub fn place(&self) -> String {
        match self.of.is_empty() {
            true => format!("{}: {}", self.file, self.name),
            false => format!("{}: {}::{}", self.file, self.of, self.name),
        }
    }
}

#[derive(Default)]
pub struct Source {
    pub functions: Vec<Function>,
    /// The views that methods of `VmaOperations` are handed.
    pub callbacks: Vec<(String, Mention)>,
    /// Traits that something implements.
    pub implemented: BTreeSet<String>,
    /// Traits that `decoys!` declares. Its methods ask for one of them, so none of them can be called.
    pub never: BTreeSet<String>,
}

/// Reads files by their path.
pub fn read(files: &Files) -> Result<Source> {
    let mut source = Source::default();
    for (name, file) in files {
        let mut reader = Reader {
            file: name,
            source: &mut source,
        };
        reader.items(&file.items)?;
    }
    Ok(source)
}

/// The item that a function is part of.
#[derive(Default)]
struct Outer {
    of: String,
    /// The tokens that `Self` stands for.
    itself: TokenStream,
    parameters: BTreeMap<String, BTreeSet<String>>,
    bounds: BTreeSet<String>,
}

struct Reader<'a> {
    file: &'a str,
    source: &'a mut Source,
}

impl Reader<'_> {
    fn items(&mut self, items: &[Item]) -> Result<()> {
        for item in items {
            match item {
                Item::Fn(item) => {
                    self.function(&Outer::default(), &item.sig, Some(&item.block))?;
                }
                Item::Impl(item) => {
                    if let Some((path, _)) = &item.trait_ {
                        let name = path.segments.last().map(|s| s.ident.to_string());
                        self.source.implemented.extend(name);
                    }
                    let outer = Outer {
                        of: name_of(&item.self_ty.to_token_stream()),
                        itself: item.self_ty.to_token_stream(),
                        ..bounds(&item.generics)
                    };
                    for item in &item.items {
                        match item {
                            ImplItem::Fn(item) => {
                                self.function(&outer, &item.sig, Some(&item.block))?;
                            }
                            ImplItem::Type(item) => self.associated(&outer, item)?,
                            _ => {}
                        }
                    }
                }
                Item::Trait(item) => {
                    let outer = Outer {
                        of: item.ident.to_string(),
                        bounds: BTreeSet::from([item.ident.to_string()]),
                        ..Outer::default()
                    };
                    for member in &item.items {
                        if let TraitItem::Fn(member) = member {
                            if item.ident == "VmaOperations" {
                                self.callback(&member.sig)?;
                            } else {
                                self.function(&outer, &member.sig, member.default.as_ref())?;
                            }
                        }
                    }
                }
                Item::Mod(item) if !is_test(&item.attrs) => {
                    if let Some((_, items)) = &item.content {
                        self.items(items)?;
                    }
                }
                Item::Macro(item) if item.mac.path.is_ident("decoys") => {
                    let written = words(item.mac.tokens.clone());
                    let declared = written.windows(2).filter(|pair| pair[0] == "trait");
                    self.source
                        .never
                        .extend(declared.map(|pair| pair[1].clone()));
                }
                Item::Macro(item) => {
                    let name = item.ident.as_ref().or(item.mac.path.get_ident());
                    let name = name.map(ToString::to_string).unwrap_or_default();
                    self.in_macro(&name, item.mac.tokens.clone())?;
                    // `impl Trait<$parameter> for $type`: any name between the two words.
                    let written = words(item.mac.tokens.clone());
                    for impls in written.split(|word| word == "impl").skip(1) {
                        let end = impls.iter().take(20).position(|word| word == "for");
                        self.source
                            .implemented
                            .extend(impls[..end.unwrap_or(0)].iter().cloned());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn function(
        &mut self,
        outer: &Outer,
        signature: &Signature,
        body: Option<&syn::Block>,
    ) -> Result<()> {
        let inner = bounds(&signature.generics);
        let mut parameters = outer.parameters.clone();
        for (name, more) in inner.parameters {
            parameters.entry(name).or_default().extend(more);
        }
        let mut all = outer.bounds.clone();
        all.extend(inner.bounds);
        let itself = mentions(&outer.itself)?.0;
        let (mut inputs, mut outputs, mut by_value) = (Vec::new(), Vec::new(), false);
        for argument in &signature.inputs {
            match argument {
                FnArg::Receiver(receiver) => {
                    let written = words(receiver.to_token_stream());
                    by_value |= !written.iter().any(|word| word == "&");
                    inputs.extend(itself.iter().cloned());
                }
                FnArg::Typed(argument) => {
                    let (plain, to_closure) = mentions(&argument.ty.to_token_stream())?;
                    by_value |=
                        !matches!(&*argument.ty, syn::Type::Reference(_)) && !plain.is_empty();
                    inputs.extend(plain);
                    outputs.extend(to_closure);
                }
            }
        }
        // `F: FnOnce(&Vma<L>)` in any of the bounds.
        outputs.extend(mentions(&signature.generics.to_token_stream())?.1);
        outputs.extend(mentions(&signature.generics.where_clause.to_token_stream())?.1);
        let returned = signature.output.to_token_stream();
        outputs.extend(mentions(&returned)?.0);
        let given = words(returned);
        if given.iter().any(|word| word == "Self") && !given.windows(2).any(|w| w == ["Self", ":"])
        {
            outputs.extend(itself);
        }
        let shows = !outputs.is_empty() || given.windows(2).any(|w| w == ["Self", ":"]);
        let makes = body.is_some_and(|body| makes_a_view(body.to_token_stream()));
        self.source.functions.push(Function {
            file: self.file.to_string(),
            of: outer.of.clone(),
            name: signature.ident.to_string(),
            is_unsafe: words(signature.to_token_stream())
                .iter()
                .take_while(|word| *word != "fn")
                .any(|word| word == "unsafe"),
            by_value,
            inputs,
            outputs,
            parameters,
            bounds: all,
            hides_a_view: makes && !shows,
        });
        Ok(())
    }

    /// `type Target = Vma<L>`, `type Item = &'g Vma<L>`.
    fn associated(&mut self, outer: &Outer, item: &syn::ImplItemType) -> Result<()> {
        self.source.functions.push(Function {
            file: self.file.to_string(),
            of: outer.of.clone(),
            name: item.ident.to_string(),
            is_unsafe: false,
            by_value: false,
            inputs: mentions(&outer.itself)?.0,
            outputs: mentions(&item.ty.to_token_stream())?.0,
            parameters: outer.parameters.clone(),
            bounds: outer.bounds.clone(),
            hides_a_view: false,
        });
        Ok(())
    }

    fn callback(&mut self, signature: &Signature) -> Result<()> {
        for argument in &signature.inputs {
            for view in mentions(&argument.to_token_stream())?.0 {
                self.source
                    .callbacks
                    .push((signature.ident.to_string(), view));
            }
        }
        Ok(())
    }

    /// Functions in a macro: as methods of what the macro is called.
    fn in_macro(&mut self, macro_name: &str, tokens: TokenStream) -> Result<()> {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            if let TokenTree::Group(group) = &trees[at] {
                self.in_macro(macro_name, group.stream())?;
            }
            let is_fn = matches!(&trees[at], TokenTree::Ident(word) if word == "fn");
            let named = matches!(trees.get(at + 1), Some(TokenTree::Ident(_)));
            if !is_fn || !named {
                at += 1;
                continue;
            }
            let is_end = |tree: &TokenTree| match tree {
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                TokenTree::Punct(punct) => punct.as_char() == ';',
                _ => false,
            };
            let end = (at..trees.len())
                .find(|i| is_end(&trees[*i]))
                .unwrap_or(trees.len());
            let is_unsafe =
                at > 0 && matches!(&trees[at - 1], TokenTree::Ident(w) if w == "unsafe");
            let text: TokenStream = trees[at..end].iter().cloned().collect();
            let body = trees
                .get(end)
                .map(ToTokens::to_token_stream)
                .unwrap_or_default();
            let (plain, to_closure) = mentions(&text)?;
            let makes = makes_a_view(body);
            if !is_unsafe && (!plain.is_empty() || !to_closure.is_empty() || makes) {
                let outer = Outer {
                    of: macro_name.to_string(),
                    itself: macro_name.parse().unwrap_or_default(),
                    ..Outer::default()
                };
                let signature: Signature = syn::parse2(text.clone()).map_err(|error| {
                    Error::new(
                        trees[at].span(),
                        format!(
                            "a function with views in the macro {macro_name} cannot be read: {error}"
                        ),
                    )
                })?;
                self.function(&outer, &signature, None)?;
                if let (Some(last), true) = (self.source.functions.last_mut(), makes) {
                    last.hides_a_view = last.outputs.is_empty();
                }
            }
            at = end;
        }
        Ok(())
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|a| a.to_token_stream().to_string().contains("KUNIT_TEST"))
}

/// The name of a type, without its module and parameters.
pub fn name_of(ty: &TokenStream) -> String {
    let words = words(ty.clone());
    let end = words.iter().position(|w| w == "<").unwrap_or(words.len());
    let mut names = words[..end].iter().filter(|w| w.as_str() != "dyn");
    names.next_back().cloned().unwrap_or_default()
}

/// The bounds of generics: by parameter, and those of anything else.
fn bounds(generics: &Generics) -> Outer {
    let mut outer = Outer::default();
    let names = |bounds: &dyn ToTokens| -> BTreeSet<String> {
        let words = words(bounds.to_token_stream());
        words
            .into_iter()
            .filter(|w| w.starts_with(|c: char| c.is_uppercase()))
            .collect()
    };
    for parameter in generics.type_params() {
        let bounds = names(&parameter.bounds);
        outer.bounds.extend(bounds.clone());
        outer
            .parameters
            .entry(parameter.ident.to_string())
            .or_default()
            .extend(bounds);
    }
    for predicate in generics.where_clause.iter().flat_map(|w| &w.predicates) {
        if let syn::WherePredicate::Type(predicate) = predicate {
            let bounds = names(&predicate.bounds);
            outer.bounds.extend(bounds.clone());
            let of = predicate.bounded_ty.to_token_stream().to_string();
            outer.parameters.entry(of).or_default().extend(bounds);
        }
    }
    outer
}

/// Tokens as words, groups opened.
pub fn words(tokens: TokenStream) -> Vec<String> {
    let mut all = Vec::new();
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                all.push(open.to_string());
                all.extend(words(group.stream()));
                all.push(close.to_string());
            }
            other => all.push(other.to_string()),
        }
    }
    all
}

/// The views in a type: those that are there, and those that a function in it is handed.
fn mentions(tokens: &TokenStream) -> Result<(Vec<Mention>, Vec<Mention>)> {
    let words = words(tokens.clone());
    let (mut plain, mut to_closure) = (Vec::new(), Vec::new());
    let mut closures: Vec<usize> = Vec::new();
    let (mut depth, mut at) = (0, 0);
    while at < words.len() {
        match words[at].as_str() {
            "(" => {
                depth += 1;
                let before = at.checked_sub(1).map_or("", |i| words[i].as_str());
                if ["Fn", "FnMut", "FnOnce"].contains(&before) || (before == "fn" && at > 0) {
                    closures.push(depth);
                }
            }
            ")" => {
                if closures.last() == Some(&depth) {
                    closures.pop();
                }
                depth -= 1;
            }
            word => {
                // `Vma::from_raw` in a path is none.
                let found = CARRIERS.iter().find(|(name, _)| *name == word);
                let level = match found {
                    None => None,
                    Some((_, Carries::Level(level))) => Some((*level).to_string()),
                    Some((name, Carries::Parameter(number))) => {
                        let parameters = parameters(&words[at + 1..]);
                        Some(parameters.get(*number).cloned().ok_or_else(|| {
                            Error::new(
                                proc_macro2::Span::call_site(),
                                format!("{name} without its level in {:?}", words.join(" ")),
                            )
                        })?)
                    }
                };
                if let Some(level) = level {
                    let list = match closures.is_empty() {
                        true => &mut plain,
                        false => &mut to_closure,
                    };
                    list.push(Mention { level });
                }
            }
        }
        at += 1;
    }
    Ok((plain, to_closure))
}

/// The last word of each type in `<..>`, lifetimes left out.
fn parameters(words: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    if words.first().is_none_or(|w| w != "<") {
        return all;
    }
    let (mut depth, mut current): (u32, Vec<&str>) = (0, Vec::new());
    let mut end = |current: &mut Vec<&str>| {
        let is_lifetime = current.first() == Some(&"'");
        if let (Some(last), false) = (current.last(), is_lifetime) {
            all.push((*last).to_string());
        }
        current.clear();
    };
    for word in words {
        match word.as_str() {
            "<" => depth += 1,
            ">" => {
                depth -= 1;
                if depth == 0 {
                    end(&mut current);
                    break;
                }
            }
            "," if depth == 1 => end(&mut current),
            word if depth == 1 => current.push(word),
            _ => {}
        }
    }
    all
}

/// Returns true if a body calls `Vma::from_raw()` or `DriverVma::from_raw()`.
fn makes_a_view(body: TokenStream) -> bool {
    let words = words(body);
    (0..words.len()).any(|i| {
        let view = words[i] == "Vma" || words[i] == "DriverVma";
        let mut rest = words[i + 1..].iter().map(String::as_str).peekable();
        if !view || rest.next() != Some(":") || rest.next() != Some(":") {
            return false;
        }
        if rest.peek() == Some(&"<") {
            let _ = rest.by_ref().take_while(|word| *word != ">").count();
            let _ = rest.by_ref().take(2).count();
        }
        rest.next() == Some("from_raw")
    })
}
