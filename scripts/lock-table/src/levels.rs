// SPDX-License-Identifier: GPL-2.0

//! `level.rs`: the levels, by the macro that makes them, and the traits of levels with their `impl` items.

use crate::model::{Capability, Held, Level, LockState};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Error, Expr, File, Ident, Item, ItemImpl, ItemTrait, LitStr, Result, Token, Type,
};

/// The trait that the macro implements for every level: it says nothing about one.
const ROOT: &str = "Level";

pub fn read(file: &File) -> Result<(Vec<Level>, Vec<Capability>)> {
    let levels = levels(file)?;
    let mut capabilities = Vec::new();
    for item in &file.items {
        if let Item::Trait(item) = item {
            if item.ident != ROOT {
                capabilities.push(capability(item)?);
            }
        }
    }
    for item in &file.items {
        if let Item::Impl(item) = item {
            implement(item, &levels, &mut capabilities)?;
        }
    }
    if let Some(unused) = capabilities.iter().find(|c| c.levels.is_empty()) {
        return Err(nowhere(format!(
            "no level has the capability {}: remove it, or implement it",
            unused.name
        )));
    }
    Ok((levels, capabilities))
}

fn nowhere(message: String) -> Error {
    Error::new(proc_macro2::Span::call_site(), message)
}

struct Levels(Vec<Level>);

fn levels(file: &File) -> Result<Vec<Level>> {
    let mut found = None;
    for item in &file.items {
        let Item::Macro(item) = item else { continue };
        if !item.mac.path.is_ident("levels") {
            continue;
        }
        if found.is_some() {
            return Err(Error::new_spanned(
                &item.mac.path,
                "a second levels!: join the two",
            ));
        }
        only_docs(&item.attrs)?;
        found = Some(item.mac.parse_body::<Levels>()?.0);
    }
    match found {
        Some(levels) if !levels.is_empty() => Ok(levels),
        _ => Err(nowhere("no levels! with a level in it".to_string())),
    }
}

impl Parse for Levels {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut levels: Vec<Level> = Vec::new();
        while !input.is_empty() {
            only_docs(&input.call(Attribute::parse_outer)?)?;
            let name: Ident = input.parse()?;
            if levels.iter().any(|l| name == l.name) {
                return Err(Error::new_spanned(&name, "a second level of this name"));
            }
            input.parse::<Token![=]>()?;
            let mut alternatives = vec![state(input)?];
            while input.peek(Token![|]) {
                input.parse::<Token![|]>()?;
                alternatives.push(state(input)?);
            }
            input.parse::<Token![,]>()?;
            input.parse::<Token![|]>()?;
            input.parse::<Ident>()?;
            input.parse::<Token![|]>()?;
            input.parse::<Expr>()?;
            input.parse::<Token![;]>()?;
            levels.push(Level {
                name: name.to_string(),
                alternatives,
            });
        }
        Ok(Levels(levels))
    }
}

/// `[mmap, VMA, rmap]`
fn state(input: ParseStream<'_>) -> Result<LockState> {
    let list;
    syn::bracketed!(list in input);
    let mmap = held(&list)?;
    list.parse::<Token![,]>()?;
    let vma = held(&list)?;
    list.parse::<Token![,]>()?;
    let rmap = held(&list)?;
    if !list.is_empty() {
        return Err(list.error("there are three locks: [mmap, VMA, rmap]"));
    }
    Ok(LockState { mmap, vma, rmap })
}

fn held(input: ParseStream<'_>) -> Result<Held> {
    if input.peek(Token![-]) {
        input.parse::<Token![-]>()?;
        return Ok(Held::None);
    }
    let word = input.call(Ident::parse_any)?;
    match word.to_string().as_str() {
        "R" => Ok(Held::Read),
        "W" => Ok(Held::Write),
        _ => Err(Error::new_spanned(&word, "-, R or W was expected")),
    }
}

fn only_docs(attributes: &[Attribute]) -> Result<()> {
    match attributes.iter().find(|a| !a.path().is_ident("doc")) {
        Some(other) => Err(Error::new_spanned(
            other,
            "only documentation may stand here: a level exists in every configuration",
        )),
        None => Ok(()),
    }
}

fn capability(item: &ItemTrait) -> Result<Capability> {
    let mut texts = BTreeMap::new();
    for attribute in &item.attrs {
        let path = attribute.path().to_token_stream().to_string();
        match path.as_str() {
            "doc" => (),
            "diagnostic :: on_unimplemented" => attribute.parse_nested_meta(|meta| {
                let text = meta.value()?.parse::<LitStr>()?.value();
                texts.insert(meta.path.to_token_stream().to_string(), text);
                Ok(())
            })?,
            _ => {
                let what =
                    "only documentation and #[diagnostic::on_unimplemented(..)] may stand here";
                return Err(Error::new_spanned(attribute, what));
            }
        }
    }
    let text = |what: &str| match texts.get(what) {
        Some(text) => Ok(text.clone()),
        None => {
            let what = format!("its #[diagnostic::on_unimplemented(..)] has no {what}");
            Err(Error::new_spanned(&item.ident, what))
        }
    };
    Ok(Capability {
        name: item.ident.to_string(),
        levels: BTreeSet::new(),
        message: text("message")?,
        label: text("label")?,
        note: text("note")?,
    })
}

/// Notes that a level has a capability, if that is what the item says.
fn implement(item: &ItemImpl, levels: &[Level], capabilities: &mut [Capability]) -> Result<()> {
    let Some((path, _)) = &item.trait_ else {
        return Ok(());
    };
    let last = path
        .segments
        .last()
        .map(|s| s.ident.to_string())
        .unwrap_or_default();
    let Some(capability) = capabilities.iter_mut().find(|c| c.name == last) else {
        return Ok(());
    };
    let wrong = |what: &str| {
        Err(Error::new_spanned(
            path,
            format!("{what}: one `impl {last} for Level {{}}` for each level was expected"),
        ))
    };
    let name = match &*item.self_ty {
        Type::Path(path) if path.qself.is_none() => path.path.get_ident().map(ToString::to_string),
        _ => None,
    };
    let Some(name) = name.filter(|n| levels.iter().any(|l| l.name == *n)) else {
        return wrong("it is implemented for what is no level");
    };
    if path.get_ident().is_none()
        || !item.generics.params.is_empty()
        || item.generics.where_clause.is_some()
    {
        return wrong("it has parameters or a condition");
    }
    if !item.attrs.is_empty() || item.modifiers.polarity.is_some() {
        return wrong("it has an attribute or a `!`");
    }
    if !capability.levels.insert(name) {
        return wrong("it is implemented twice");
    }
    Ok(())
}
