// SPDX-License-Identifier: GPL-2.0

//! `lock_table! { .. }`: tables of rows, each with its accesses.

use crate::model::{Access, Kind, Proof, Row, Table, Unwritten};
use std::collections::BTreeSet;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, Block, Error, File, FnArg, GenericParam, Ident, Item, LitStr, Pat, ReceiverKind,
    Result, Safety, Signature, Token, Type, braced, parenthesized,
};

const KINDS: [(&str, Kind); 7] = [
    ("read", Kind::Read),
    ("racy", Kind::Racy),
    ("write", Kind::Write),
    ("write_if_null", Kind::WriteIfNull),
    ("write_if_set", Kind::WriteIfSet),
    ("atomic", Kind::Atomic),
    ("rcu", Kind::Rcu),
];

const WORDS: [(&str, Unwritten); 3] = [
    ("once", Unwritten::Once),
    ("driver", Unwritten::Driver),
    ("withheld", Unwritten::Withheld),
];

const PROOFS: [(&str, Proof); 3] = [
    ("PageTableLock", Proof::PageTableLock),
    ("IMmapWriteGuard", Proof::IMmapWrite),
    ("AnonVmaWriteGuard", Proof::AnonVmaWrite),
];

/// The tables of a file, whose bounds have to be among these.
pub fn read(file: &File, bounds: &BTreeSet<&str>) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    collect(&file.items, &mut tables)?;
    let mut methods = BTreeSet::new();
    for access in tables
        .iter()
        .flat_map(|t| &t.rows)
        .flat_map(|r| &r.accesses)
    {
        let name = &access.signature.ident;
        if let Some(bound) = access.bound.as_deref().filter(|b| !bounds.contains(b)) {
            return Err(Error::new_spanned(
                name,
                format!("its bound {bound} is no trait of level.rs"),
            ));
        }
        if !methods.insert((access.kind == Kind::Rcu, name)) {
            return Err(Error::new_spanned(
                name,
                "there is another method of this name",
            ));
        }
    }
    Ok(tables)
}

fn collect(items: &[Item], tables: &mut Vec<Table>) -> Result<()> {
    for item in items {
        match item {
            Item::Mod(module) => {
                let inside = module.content.as_ref().map_or(&[][..], |(_, items)| items);
                collect(inside, tables)?;
            }
            Item::Macro(item)
                if item
                    .mac
                    .path
                    .segments
                    .last()
                    .is_some_and(|s| s.ident == "lock_table") =>
            {
                if let Some(attribute) = item.attrs.first() {
                    return Err(Error::new_spanned(
                        attribute,
                        "lock_table! takes no attribute",
                    ));
                }
                tables.extend(item.mac.parse_body::<Tables>()?.0);
            }
            _ => (),
        }
    }
    Ok(())
}

struct Tables(Vec<Table>);

impl Parse for Tables {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut tables = Vec::new();
        while !input.is_empty() {
            let title: LitStr = input.parse()?;
            let body;
            braced!(body in input);
            let mut rows: Vec<Row> = Vec::new();
            while !body.is_empty() {
                let start = body.span();
                let row = row(&body)?;
                if rows.iter().any(|r| r.name == row.name) {
                    return Err(Error::new(start, format!("a second row {}", row.name)));
                }
                rows.push(row);
            }
            if title.value().trim().is_empty() || rows.is_empty() {
                return Err(Error::new_spanned(&title, "a table has a title and rows"));
            }
            tables.push(Table {
                title: title.value(),
                rows,
            });
        }
        Ok(Tables(tables))
    }
}

fn row(input: ParseStream<'_>) -> Result<Row> {
    let mut path = vec![part(input)?];
    while input.peek(Token![.]) {
        input.parse::<Token![.]>()?;
        path.push(part(input)?);
    }
    let mut config = None;
    if input.peek(Token![if]) {
        input.parse::<Token![if]>()?;
        let option: Ident = input.parse()?;
        if !option.to_string().starts_with("CONFIG_") {
            return Err(Error::new_spanned(
                &option,
                "an option CONFIG_.. was expected",
            ));
        }
        config = Some(option.to_string());
    }
    let body;
    let braces = braced!(body in input);
    let (mut accesses, mut unwritten) = (Vec::new(), None);
    while !body.is_empty() {
        if let Some(word) = word(&body)? {
            unwritten = Some(word);
            if !body.is_empty() {
                return Err(body.error("the word why there is no write ends the row"));
            }
        } else {
            accesses.push(access(&body, config.is_some())?);
        }
    }
    let name = path.join(".");
    let error = |what: String| Err(Error::new(braces.span.open(), what));
    if accesses.is_empty() && unwritten.is_none() {
        return error(format!(
            "the row {name} says nothing: give an access or the word `withheld;`"
        ));
    }
    let writes = |a: &&Access| !matches!(a.kind, Kind::Read | Kind::Racy | Kind::Rcu);
    if let (Some(access), Some(word)) = (accesses.iter().find(writes), unwritten) {
        let words = WORDS.iter().find(|w| w.1 == word);
        return error(format!(
            "the row {name} is both written, by {}(), and `{}`",
            access.name,
            words.map_or("", |w| w.0)
        ));
    }
    Ok(Row {
        name,
        config,
        accesses,
        unwritten,
    })
}

/// A part of a row's name; one that is a keyword of Rust has a `_` at its end.
fn part(input: ParseStream<'_>) -> Result<String> {
    let name = input.parse::<Ident>()?.to_string();
    let keyword = |word: &&str| !word.is_empty() && syn::parse_str::<Ident>(word).is_err();
    Ok(match name.strip_suffix('_').filter(keyword) {
        Some(keyword) => keyword.to_string(),
        None => name,
    })
}

/// `once;`, if it is there.
fn word(input: ParseStream<'_>) -> Result<Option<Unwritten>> {
    if !(input.peek(Ident) && input.peek2(Token![;])) {
        return Ok(None);
    }
    let ident: Ident = input.parse()?;
    input.parse::<Token![;]>()?;
    match WORDS.iter().find(|(word, _)| ident == word) {
        Some((_, word)) => Ok(Some(*word)),
        None => Err(Error::new_spanned(
            &ident,
            "`once;`, `driver;` or `withheld;` was expected",
        )),
    }
}

fn access(input: ParseStream<'_>, optional: bool) -> Result<Access> {
    for attribute in input.call(Attribute::parse_outer)? {
        if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
            return Err(Error::new_spanned(
                attribute,
                "an access has no cfg: give the row its option, `if CONFIG_..`, or write `mm`",
            ));
        }
    }
    let mut word = input.call(Ident::parse_any)?;
    let for_mm = word == "mm";
    if for_mm {
        word = input.call(Ident::parse_any)?;
    }
    let Some((_, kind)) = KINDS.iter().find(|(name, _)| word == name) else {
        let kinds: Vec<&str> = KINDS.iter().map(|k| k.0).collect();
        return Err(Error::new_spanned(
            &word,
            format!(
                "unknown kind of access {word}: it is one of {}",
                kinds.join(", ")
            ),
        ));
    };
    let mut bound = None;
    if *kind == Kind::Rcu {
        if input.peek(syn::token::Paren) {
            return Err(input.error("rcu has no bound"));
        }
    } else {
        let inside;
        parenthesized!(inside in input);
        bound = Some(inside.parse::<Ident>()?.to_string());
        if !inside.is_empty() {
            return Err(inside.error("one bound was expected"));
        }
    }
    let signature: Signature = input.parse()?;
    let proofs = arguments(&signature)?;
    input.parse::<Block>()?;
    let has_else = input.peek(Token![else]);
    if has_else {
        let word: Token![else] = input.parse()?;
        if !optional {
            return Err(Error::new_spanned(
                word,
                "there is no option that it could be else for",
            ));
        }
        input.parse::<Block>()?;
    }
    Ok(Access {
        kind: *kind,
        bound,
        is_unsafe: matches!(signature.safety, Safety::Unsafe(_)),
        name: signature.ident.to_string(),
        signature,
        proofs,
        has_else,
        for_mm,
    })
}

/// Checks the form `[unsafe] fn name[<R>](&self, name: Type, ..)`; what its arguments prove.
fn arguments(signature: &Signature) -> Result<Vec<Proof>> {
    let s = signature;
    if s.constness.is_some()
        || s.asyncness.is_some()
        || s.abi.is_some()
        || s.variadic.is_some()
        || matches!(s.safety, Safety::Safe(_))
    {
        return Err(Error::new_spanned(
            &s.ident,
            "a plain `fn` or `unsafe fn` was expected",
        ));
    }
    let plain = |p: &GenericParam| match p {
        GenericParam::Type(t) => t.attrs.is_empty() && t.bounds.is_empty() && t.default.is_none(),
        _ => false,
    };
    let generics = &s.generics;
    if generics.params.len() > 1
        || !generics.params.iter().all(plain)
        || generics.where_clause.is_some()
    {
        return Err(Error::new_spanned(
            &s.ident,
            "at most one type parameter was expected, without a bound",
        ));
    }
    let mut inputs = s.inputs.iter();
    let by_ref = match inputs.next() {
        Some(FnArg::Receiver(r)) => matches!(r.kind, ReceiverKind::Reference(_, _, None)),
        _ => false,
    };
    if !by_ref {
        return Err(Error::new_spanned(
            &s.ident,
            "an access takes &self: a view has no exclusive access",
        ));
    }
    let mut proofs = Vec::new();
    for input in inputs {
        let FnArg::Typed(argument) = input else {
            return Err(Error::new_spanned(input, "`name: Type` was expected"));
        };
        if !matches!(&*argument.pat, Pat::Ident(p) if p.by_ref.is_none() && p.subpat.is_none()) {
            return Err(Error::new_spanned(argument, "`name: Type` was expected"));
        }
        proofs.extend(proof(&argument.ty));
    }
    Ok(proofs)
}

fn proof(ty: &Type) -> Option<Proof> {
    let Type::Reference(reference) = ty else {
        return None;
    };
    let Type::Path(path) = &*reference.elem else {
        return None;
    };
    let last = &path.path.segments.last()?.ident;
    PROOFS
        .iter()
        .find(|(name, _)| last == name)
        .map(|(_, proof)| *proof)
}
