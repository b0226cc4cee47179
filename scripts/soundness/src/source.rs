// SPDX-License-Identifier: GPL-2.0

//! The source as tokens, with the path of the item that each part belongs to.
//!
//! Much of the code stands inside `macro_rules!` and in the invocations of such macros, where a parser of Rust sees
//! nothing. So items are found in the tokens themselves.

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::fs;
use std::path::Path;

/// A file, by its path below `rust/kernel/mm`, such as `vma/driver/fault/page.rs`.
pub struct Source {
    pub name: String,
    pub text: String,
}

impl Source {
    /// Every source of the abstraction, in the order of names, and then those of its KUnit tests.
    pub fn read_all(repo: &Path) -> Result<(Vec<Self>, Vec<Self>)> {
        let dir = repo.join("rust/kernel/mm");
        let mut all = vec![Self::read(&dir.join("vma.rs"), "vma.rs")?];
        below(&dir.join("vma"), "", &mut all)?;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let is_test = |source: &Self| source.name.starts_with("tests");
        Ok(all.into_iter().partition(|source| !is_test(source)))
    }

    fn read(path: &Path, name: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_string(),
            text: fs::read_to_string(path)
                .with_context(|| format!("{}: cannot be read", path.display()))?,
        })
    }

    pub fn tokens(&self) -> Result<TokenStream> {
        self.text
            .parse()
            .map_err(|error| anyhow!("{}: is no Rust: {error}", self.name))
    }
}

/// Reads every `.rs` below a directory, named by its path from there.
pub fn below(dir: &Path, prefix: &str, all: &mut Vec<Source>) -> Result<()> {
    let entries =
        fs::read_dir(dir).with_context(|| format!("{}: cannot be read", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            below(&path, &format!("{name}/"), all)?;
        } else if name.ends_with(".rs") {
            all.push(Source::read(&path, &name)?);
        }
    }
    Ok(())
}

/// A part of a file, as a visitor gets it.
pub enum Part<'a> {
    /// A function, a type or a trait; `before` are the tokens since the last item, attributes among them.
    Item {
        keyword: &'static str,
        before: &'a [TokenTree],
        /// Up to the body and without it; it begins with the name.
        head: &'a [TokenTree],
        body: Option<&'a Group>,
    },
    /// `unsafe {}`, `unsafe impl`, `unsafe fn` or `unsafe trait`.
    Unsafe {
        kind: Kind,
        before: &'a [TokenTree],
        line: usize,
    },
    /// Any other identifier; `before` are the tokens since the last item or statement.
    Word {
        word: &'a str,
        before: &'a [TokenTree],
        next: Option<&'a TokenTree>,
    },
}

/// The kind of an `unsafe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Block,
    Fn,
    Impl,
    Trait,
}

/// The item that a part belongs to.
#[derive(Clone, Default)]
pub struct Place {
    pub path: Vec<String>,
    /// The trait of the `impl` block around it.
    pub of_trait: Option<String>,
    /// True if it has parameters that are types or constants, its own or those of the `impl` or trait around it.
    pub is_generic: bool,
    pub is_function: bool,
}

impl Place {
    fn inside(&self, name: impl Into<String>) -> Self {
        let mut place = self.clone();
        place.path.push(name.into());
        place
    }

    pub fn name(&self) -> String {
        self.path.join("::")
    }
}

/// Goes through the tokens of a file.
pub fn walk(tokens: TokenStream, visit: &mut dyn FnMut(&Place, Part)) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    go(&tokens, &Place::default(), visit);
}

fn go(tokens: &[TokenTree], place: &Place, visit: &mut dyn FnMut(&Place, Part)) {
    let mut at = 0;
    // Where the present item or statement began.
    let mut begin = 0;
    while at < tokens.len() {
        let before = &tokens[begin..at];
        match &tokens[at] {
            TokenTree::Ident(ident) => {
                let word = ident.to_string();
                let line = ident.span().start().line;
                match word.as_str() {
                    "unsafe" if !is_punct(before.last(), '$') => {
                        if let Some(kind) = kind(&tokens[at + 1..]) {
                            let place = of_unsafe(place, kind, &tokens[at + 1..]);
                            visit(&place, Part::Unsafe { kind, before, line });
                        }
                    }
                    "mod" => {
                        if let (Some(name), Some(body)) = named_group(&tokens[at + 1..]) {
                            go(&list(body), &place.inside(name), visit);
                            at += 3;
                            begin = at;
                            continue;
                        }
                    }
                    "impl" if before.iter().all(is_no_type_position) => {
                        let (head, body) = up_to_body(&tokens[at + 1..]);
                        if let Some(body) = body {
                            let (of_trait, name) = implementation(head);
                            let mut inner = place.inside(name);
                            inner.of_trait = of_trait;
                            inner.is_generic = has_parameters(head);
                            inner.is_function = false;
                            go(&list(body), &inner, visit);
                        }
                        at += 2 + head.len();
                        begin = at;
                        continue;
                    }
                    "fn" | "struct" | "enum" | "trait" | "union"
                        if name(&tokens[at + 1..]).is_some() =>
                    {
                        let keyword = match word.as_str() {
                            "fn" => "fn",
                            "struct" => "struct",
                            "enum" => "enum",
                            "union" => "union",
                            _ => "trait",
                        };
                        let (head, body) = up_to_body(&tokens[at + 1..]);
                        let mut inner = place.inside(name(head).expect("checked"));
                        inner.of_trait = place.of_trait.clone();
                        inner.is_function = keyword == "fn";
                        // An item in a function does not have the parameters of that.
                        inner.is_generic = has_parameters(&head[1..])
                            || keyword == "trait"
                            || place.is_generic && !place.is_function;
                        visit(
                            &inner,
                            Part::Item {
                                keyword,
                                before,
                                head,
                                body,
                            },
                        );
                        // A tuple struct has its fields in the head.
                        words(head, &inner, visit);
                        if let Some(body) = body {
                            inner.of_trait = None;
                            go(&list(body), &inner, visit);
                        }
                        at += 2 + head.len();
                        begin = at;
                        continue;
                    }
                    "const" | "static" => {
                        let named = name(&tokens[at + 1..]);
                        if let Some(name) = named.filter(|name| name != "fn" && name != "unsafe") {
                            let end = tokens[at..].iter().position(|t| is_punct(Some(t), ';'));
                            let end = end.map_or(tokens.len(), |end| at + end);
                            if is_punct(tokens.get(at + 2), ':') {
                                go(&tokens[at + 3..end], &place.inside(name), visit);
                                at = end + 1;
                                begin = at;
                                continue;
                            }
                        }
                    }
                    "macro_rules" if is_punct(tokens.get(at + 1), '!') => {
                        if let (Some(name), Some(body)) = named_group(&tokens[at + 2..]) {
                            go(&list(body), &place.inside(format!("{name}!")), visit);
                            at += 4;
                            begin = at;
                            continue;
                        }
                    }
                    word => {
                        let next = tokens.get(at + 1);
                        visit(place, Part::Word { word, before, next });
                    }
                }
            }
            TokenTree::Group(group) => {
                if !is_attribute(before.last(), group) {
                    go(&list(group), place, visit);
                }
                if group.delimiter() == Delimiter::Brace {
                    begin = at + 1;
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => begin = at + 1,
            _ => {}
        }
        at += 1;
    }
}

/// Only the words of a head: what looks like an item there is a type.
fn words(tokens: &[TokenTree], place: &Place, visit: &mut dyn FnMut(&Place, Part)) {
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) => visit(
                place,
                Part::Word {
                    word: &ident.to_string(),
                    before: &tokens[..at],
                    next: tokens.get(at + 1),
                },
            ),
            TokenTree::Group(group) => words(&list(group), place, visit),
            _ => {}
        }
    }
}

/// Returns the kind of an `unsafe` by the tokens after it; `None` for a type, or the pattern of a macro.
fn kind(after: &[TokenTree]) -> Option<Kind> {
    match after.first()? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(Kind::Block),
        TokenTree::Ident(ident) => match ident.to_string().as_str() {
            "impl" => Some(Kind::Impl),
            "trait" => Some(Kind::Trait),
            "fn" => name(&after[1..]).is_some().then_some(Kind::Fn),
            "extern" => {
                let rest = match after.get(1)? {
                    TokenTree::Literal(_) => &after[2..],
                    _ => &after[1..],
                };
                kind(rest).filter(|kind| *kind == Kind::Fn)
            }
            _ => None,
        },
        _ => None,
    }
}

/// The place of an item that is itself unsafe.
fn of_unsafe(place: &Place, kind: Kind, after: &[TokenTree]) -> Place {
    let keyword = |token| {
        ["fn", "trait", "impl"]
            .iter()
            .any(|word| is_word(Some(token), word))
    };
    let at = after.iter().position(keyword);
    match (kind, at) {
        (Kind::Block, _) | (_, None) => place.clone(),
        (Kind::Impl, Some(at)) => {
            let (head, _) = up_to_body(&after[at + 1..]);
            let (of_trait, name) = implementation(head);
            place.inside(format!("impl {} for {name}", of_trait.unwrap_or_default()))
        }
        (_, Some(at)) => place.inside(name(&after[at + 1..]).unwrap_or_default()),
    }
}

/// The trait and the type of an `impl`, by their last words.
fn implementation(head: &[TokenTree]) -> (Option<String>, String) {
    let head = match is_punct(head.first(), '<') {
        true => &head[angle(head)..],
        false => head,
    };
    let end = head
        .iter()
        .position(|token| is_word(Some(token), "where"))
        .unwrap_or(head.len());
    let head = &head[..end];
    let split = (0..head.len())
        .find(|at| is_word(head.get(*at), "for") && !is_punct(head.get(at + 1), '<'));
    match split {
        Some(at) => (Some(last_word(&head[..at])), last_word(&head[at + 1..])),
        None => (None, last_word(head)),
    }
}

/// The last word of a path, before its parameters.
fn last_word(tokens: &[TokenTree]) -> String {
    let mut last = String::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) => {
                let dollar = at > 0 && is_punct(tokens.get(at - 1), '$');
                last = format!("{}{ident}", if dollar { "$" } else { "" });
            }
            TokenTree::Punct(punct) if punct.as_char() == '<' => break,
            _ => {}
        }
    }
    last
}

/// Returns whether an item has parameters that are types or constants, by the tokens after its keyword or its name:
/// those in angle brackets, or an argument of the type `impl Trait`.
fn has_parameters(head: &[TokenTree]) -> bool {
    if is_punct(head.first(), '<') {
        let list = &head[1..angle(head)];
        let is_type = |at: usize| {
            matches!(list[at], TokenTree::Ident(_)) && (at == 0 || is_punct(list.get(at - 1), ','))
        };
        if (0..list.len()).any(is_type) {
            return true;
        }
    }
    let arguments = head.iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(list(group)),
        _ => None,
    });
    let arguments = arguments.unwrap_or_default();
    arguments.iter().any(|token| is_word(Some(token), "impl"))
}

/// How many tokens a list in angle brackets has.
fn angle(tokens: &[TokenTree]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => {
                // Not that of `->`.
                let arrow = at > 0 && is_punct(tokens.get(at - 1), '-');
                depth -= i32::from(!arrow);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

fn up_to_body(tokens: &[TokenTree]) -> (&[TokenTree], Option<&Group>) {
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                return (&tokens[..at], Some(group));
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => return (&tokens[..at], None),
            // The pattern of a macro: `fn $name $($sig)* $body`.
            _ => {}
        }
    }
    (tokens, None)
}

fn name(tokens: &[TokenTree]) -> Option<String> {
    match tokens {
        [TokenTree::Ident(ident), ..] => Some(ident.to_string()),
        [TokenTree::Punct(punct), TokenTree::Ident(ident), ..] if punct.as_char() == '$' => {
            Some(format!("${ident}"))
        }
        _ => None,
    }
}

fn named_group(tokens: &[TokenTree]) -> (Option<String>, Option<&Group>) {
    match tokens {
        [TokenTree::Ident(ident), TokenTree::Group(group), ..] => {
            (Some(ident.to_string()), Some(group))
        }
        _ => (None, None),
    }
}

/// Returns whether an `impl` after this token may begin an item.
fn is_no_type_position(token: &TokenTree) -> bool {
    !matches!(token, TokenTree::Punct(punct) if "=>&:".contains(punct.as_char()))
}

fn is_attribute(before: Option<&TokenTree>, group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket && (is_punct(before, '#') || is_punct(before, '!'))
}

fn list(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

pub fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

pub fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

/// The documentation among attributes, as lines.
pub fn docs(before: &[TokenTree]) -> Vec<String> {
    let attributes = before.windows(2).filter_map(|pair| match pair {
        [TokenTree::Punct(p), TokenTree::Group(group)] if p.as_char() == '#' => Some(list(group)),
        _ => None,
    });
    let mut lines = Vec::new();
    for attribute in attributes {
        let [TokenTree::Ident(word), _, TokenTree::Literal(text)] = &attribute[..] else {
            continue;
        };
        if word == "doc" {
            lines.extend(
                unquoted(&text.to_string())
                    .lines()
                    .map(|l| l.trim().to_string()),
            );
            if text.to_string() == "\"\"" {
                lines.push(String::new());
            }
        }
    }
    lines
}

/// A string literal's text.
pub fn unquoted(literal: &str) -> String {
    let inner = match literal.starts_with("r#") {
        true => literal
            .trim_start_matches("r#\"")
            .trim_end_matches("\"#")
            .to_string(),
        false => literal
            .trim_start_matches('r')
            .trim_matches('"')
            .to_string(),
    };
    inner
        .replace("\\\"", "\"")
        .replace("\\'", "'")
        .replace("\\\\", "\\")
}

/// The section of documentation under a heading.
pub fn section(lines: &[String], heading: &str) -> Option<String> {
    let at = lines.iter().position(|line| line == heading)?;
    let rest = lines[at + 1..]
        .iter()
        .take_while(|line| !line.starts_with("# "));
    let text = rest.map(String::as_str).collect::<Vec<_>>().join(" ");
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
}
