// SPDX-License-Identifier: GPL-2.0

//! The members of `struct vm_area_struct` in a tree: from the bindings that a build made, or, where nothing is built,
//! from the C header.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The members, with anonymous structs and unions dissolved: `shared.rb`.
#[derive(Clone, Debug)]
pub struct Members {
    pub names: BTreeSet<String>,
    /// The options that are on; `None` if each is taken as on.
    pub options: Option<BTreeSet<String>>,
    /// Where it was read, for people.
    pub source: String,
}

const NAME: &str = "vm_area_struct";

impl Members {
    /// From the build directory of a configured and built kernel.
    pub fn of_build(out: &Path) -> Result<Self> {
        let bindings = out.join("rust/bindings/bindings_generated.rs");
        let text = fs::read_to_string(&bindings).with_context(|| {
            format!(
                "{}: cannot be read: build the kernel first, with CONFIG_RUST",
                bindings.display()
            )
        })?;
        let auto_conf = out.join("include/config/auto.conf");
        let options = fs::read_to_string(&auto_conf)
            .with_context(|| format!("{}: cannot be read", auto_conf.display()))?;
        Self::of_bindings(&text, &options)
    }

    /// From the text of bindings and of `auto.conf`.
    pub fn of_bindings(bindings: &str, auto_conf: &str) -> Result<Self> {
        let items = syn::parse_file(&cut_out(bindings)).context("bindings: not understood")?;
        let mut names = BTreeSet::new();
        collect(&items.items, NAME, "", &mut names)?;
        Ok(Self {
            names,
            options: Some(options_on(auto_conf)),
            source: "the generated bindings".to_string(),
        })
    }

    /// From the header of a tree that is not built, with each option on.
    pub fn of_header(tree: &Path) -> Result<Self> {
        let header = tree.join("include/linux/mm_types.h");
        let text = fs::read_to_string(&header)
            .with_context(|| format!("{}: cannot be read", header.display()))?;
        Self::of_c(&text).with_context(|| format!("{}", header.display()))
    }

    /// From the text of the header.
    pub fn of_c(text: &str) -> Result<Self> {
        let mut names = BTreeSet::new();
        let body = struct_body(&without_comments(text))?;
        members(&body, "", &mut names)?;
        if names.is_empty() {
            bail!("struct {NAME} has no members");
        }
        Ok(Self {
            names,
            options: None,
            source: "mm_types.h with each option on, as nothing is built".to_string(),
        })
    }

    /// Returns true if an option is known to be off.
    pub fn is_off(&self, option: &str) -> bool {
        self.options.as_ref().is_some_and(|on| !on.contains(option))
    }
}

fn options_on(auto_conf: &str) -> BTreeSet<String> {
    auto_conf
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.to_string()))
        .collect()
}

/// The struct and the types that bindgen made for what is in it: the whole file would take long to parse.
fn cut_out(bindings: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in bindings.lines() {
        let declares = ["pub struct ", "pub union "].iter().any(|keyword| {
            line.strip_prefix(keyword).is_some_and(|rest| {
                let name = rest.split([' ', '{', '<', ';']).next().unwrap_or_default();
                name == NAME || name.starts_with(&format!("{NAME}__bindgen_ty_"))
            })
        });
        inside = inside || declares;
        if inside {
            text += line;
            text.push('\n');
        }
        if line == "}" {
            inside = false;
        }
    }
    text
}

fn collect(
    items: &[syn::Item],
    name: &str,
    prefix: &str,
    names: &mut BTreeSet<String>,
) -> Result<()> {
    let fields = items.iter().find_map(|item| match item {
        syn::Item::Struct(item) if item.ident == name => Some(&item.fields),
        _ => None,
    });
    let unions = items.iter().find_map(|item| match item {
        syn::Item::Union(item) if item.ident == name => Some(&item.fields.named),
        _ => None,
    });
    let fields: Vec<&syn::Field> = match (fields, unions) {
        (Some(fields), _) => fields.iter().collect(),
        (None, Some(fields)) => fields.iter().collect(),
        (None, None) => bail!("bindings: no struct or union {name}"),
    };
    for field in fields {
        let Some(ident) = &field.ident else {
            bail!("bindings: a field of {name} has no name");
        };
        let ident = ident.to_string();
        if ident.starts_with("__bindgen_padding_") {
            continue;
        }
        let inner = match &field.ty {
            syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        let is_anonymous = ident.starts_with("__bindgen_anon_");
        match inner.filter(|inner| inner.starts_with(&format!("{NAME}__bindgen_ty_"))) {
            Some(inner) if is_anonymous => collect(items, &inner, prefix, names)?,
            Some(inner) => collect(items, &inner, &format!("{prefix}{ident}."), names)?,
            None if is_anonymous => bail!("bindings: {name}.{ident} is of a type not known"),
            None => {
                names.insert(format!("{prefix}{ident}"));
            }
        }
    }
    Ok(())
}

fn without_comments(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        result += before;
        result.push(' ');
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    result + rest
}

/// The text between the braces, with conditions evaluated: each option and macro is defined.
fn struct_body(text: &str) -> Result<String> {
    let start = format!("struct {NAME} {{");
    let Some((_, rest)) = text.split_once(&start) else {
        bail!("no definition of struct {NAME}");
    };
    let mut body = String::new();
    let mut taken = vec![true];
    for line in rest.lines() {
        if line.starts_with('}') {
            return Ok(body);
        }
        if let Some(directive) = line.trim_start().strip_prefix('#') {
            match directive.split_whitespace().next() {
                Some("ifdef") => taken.push(true),
                Some("ifndef") => taken.push(false),
                Some("else") => match taken.last_mut() {
                    Some(last) => *last = !*last,
                    None => bail!("#else without #ifdef in struct {NAME}"),
                },
                Some("endif") if taken.len() > 1 => {
                    taken.pop();
                }
                _ => bail!(
                    "\"{}\" in struct {NAME} is not understood: build the kernel, then its bindings are read",
                    line.trim()
                ),
            }
        } else if taken.iter().all(|taken| *taken) {
            body += line;
            body.push('\n');
        }
    }
    bail!("struct {NAME} does not end")
}

fn members(body: &str, prefix: &str, names: &mut BTreeSet<String>) -> Result<()> {
    let mut rest = body.trim();
    while !rest.is_empty() {
        let end = rest.find([';', '{']).with_context(|| {
            format!(
                "\"{}\" in struct {NAME} is no member",
                rest.replace('\n', " ")
            )
        })?;
        if rest.as_bytes()[end] == b';' {
            names.insert(format!("{prefix}{}", declared(&rest[..end])?));
            rest = rest[end + 1..].trim_start();
            continue;
        }
        let close = matching_brace(rest, end)?;
        let inner = &rest[end + 1..close];
        let after = &rest[close + 1..];
        let semicolon = after
            .find(';')
            .with_context(|| format!("no ; after a brace in struct {NAME}"))?;
        match after[..semicolon].trim() {
            "" => members(inner, prefix, names)?,
            name => members(inner, &format!("{prefix}{name}."), names)?,
        }
        rest = after[semicolon + 1..].trim_start();
    }
    Ok(())
}

fn matching_brace(text: &str, open: usize) -> Result<usize> {
    let mut depth = 0;
    for (index, character) in text.char_indices().skip_while(|(index, _)| *index < open) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => (),
        }
        if depth == 0 {
            return Ok(index);
        }
    }
    bail!("braces in struct {NAME} do not match")
}

/// The name that a declaration declares: its last identifier that is no attribute.
fn declared(declaration: &str) -> Result<&str> {
    if declaration.contains(['(', ':', ',']) {
        bail!(
            "\"{}\" in struct {NAME} is not understood: build the kernel, then its bindings are read",
            declaration.trim()
        );
    }
    declaration
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .rfind(|word| {
            let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
            is_name && !word.starts_with("____")
        })
        .with_context(|| format!("\"{declaration}\" in struct {NAME} has no name"))
}
