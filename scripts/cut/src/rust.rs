// SPDX-License-Identifier: GPL-2.0

//! Items of Rust files.

use crate::{Item, Kind};
use anyhow::{Result, anyhow};
use proc_macro2::Span;
use std::collections::BTreeSet;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, ExprStruct, ImplItem, Pat, TraitItem, UseTree};

pub fn items(text: &str) -> Result<Vec<Item>> {
    proc_macro2::extra::invalidate_current_thread_spans();
    let file = syn::parse_file(text).map_err(|error| {
        let line = error.span().start().line;
        anyhow!("line {line}: {error}")
    })?;
    let mut found = Items {
        text,
        items: Vec::new(),
    };
    found.all(&file.items, "", None);
    found.entries(&file);
    found.examples();
    Ok(found.items)
}

struct Items<'a> {
    text: &'a str,
    items: Vec<Item>,
}

impl Items<'_> {
    /// From the start of its first line, with the plain comments above it.
    fn range(&self, span: Span) -> Range<usize> {
        let range = span.byte_range();
        let line = |at: usize| self.text[..at].rfind('\n').map_or(0, |n| n + 1);
        let mut start = line(range.start);
        if !self.text[start..range.start].trim().is_empty() {
            return range;
        }
        while start > 0 {
            let before = line(start - 1);
            let words = self.text[before..start].trim();
            if !words.starts_with("//") || words.starts_with("//!") {
                break;
            }
            start = before;
        }
        start..range.end
    }

    fn add(&mut self, item: Item) -> usize {
        self.items.push(item);
        self.items.len() - 1
    }

    fn all(&mut self, items: &[syn::Item], path: &str, parent: Option<usize>) {
        for item in items {
            self.one(item, path, parent);
        }
    }

    fn one(&mut self, item: &syn::Item, path: &str, parent: Option<usize>) {
        use syn::Item::*;
        let range = self.range(item.span());
        let plain = |key: String, name: Option<String>| Item {
            name,
            ..Item::new(format!("{path}{key}"), Kind::Other, parent, range.clone())
        };
        let named = |word: &str, ident: &syn::Ident| {
            plain(format!("{word} {ident}"), Some(ident.to_string()))
        };
        match item {
            Const(item) if item.ident == "_" => drop(self.add(plain("const _".into(), None))),
            Const(item) => drop(self.add(named("const", &item.ident))),
            Enum(item) => {
                let n = self.add(named("enum", &item.ident));
                for variant in &item.variants {
                    let key = format!("enum {}::variant {}", item.ident, variant.ident);
                    let part = self.part(variant.span(), path, &key, &variant.ident, n);
                    self.items[part].name = None;
                    self.items[part].is_content = false;
                    self.with_comma(part);
                }
            }
            Fn(item) => drop(self.add(named("fn", &item.sig.ident))),
            Macro(item) => {
                let name = self.flat(item.mac.path.span());
                let made = item.ident.as_ref().map(|ident| ident.to_string());
                let key = match &made {
                    Some(made) => format!("macro {made}"),
                    None => format!("{name}!"),
                };
                self.add(plain(key, made));
            }
            Mod(item) => {
                let Some((_, items)) = &item.content else {
                    let key = format!("mod {}", item.ident);
                    let module = Item {
                        kind: Kind::Module,
                        ..plain(key, Some(item.ident.to_string()))
                    };
                    self.add(module);
                    return;
                };
                let is_suite = item.attrs.iter().any(|a| a.path().is_ident("kunit_tests"));
                let block = Item {
                    kind: Kind::Block,
                    is_content: false,
                    is_suite,
                    ..named("mod", &item.ident)
                };
                let n = self.add(block);
                self.all(items, &format!("{path}{}::", item.ident), Some(n));
            }
            Static(item) => drop(self.add(named("static", &item.ident))),
            Struct(item) => drop(self.add(named("struct", &item.ident))),
            Trait(item) => {
                let n = self.add(named("trait", &item.ident));
                for part in &item.items {
                    let (word, ident) = match part {
                        TraitItem::Const(part) => ("const", &part.ident),
                        TraitItem::Fn(part) => ("fn", &part.sig.ident),
                        TraitItem::Type(part) => ("type", &part.ident),
                        _ => continue,
                    };
                    let key = format!("trait {}::{word} {ident}", item.ident);
                    let _ = self.part(part.span(), path, &key, ident, n);
                }
            }
            Type(item) => drop(self.add(named("type", &item.ident))),
            Union(item) => drop(self.add(named("union", &item.ident))),
            Impl(item) => {
                let of = match &item.trait_ {
                    Some((name, _)) => format!("{} for ", self.flat(name.span())),
                    None => String::new(),
                };
                let key = format!("impl {of}{}", self.flat(item.self_ty.span()));
                let block = Item {
                    kind: match item.trait_ {
                        Some(_) => Kind::Other,
                        None => Kind::Block,
                    },
                    is_content: item.trait_.is_some() || item.items.is_empty(),
                    ..plain(key.clone(), None)
                };
                let n = self.add(block);
                for part in &item.items {
                    let (word, ident) = match part {
                        ImplItem::Const(part) => ("const", &part.ident),
                        ImplItem::Fn(part) => ("fn", &part.sig.ident),
                        ImplItem::Type(part) => ("type", &part.ident),
                        _ => continue,
                    };
                    self.part(
                        part.span(),
                        path,
                        &format!("{key}::{word} {ident}"),
                        ident,
                        n,
                    );
                }
            }
            Use(item) => {
                let is_public = !matches!(item.vis, syn::Visibility::Inherited);
                let word = if is_public { "pub use" } else { "use" };
                let block = Item {
                    kind: Kind::Block,
                    is_content: false,
                    ..plain(word.to_string(), None)
                };
                let n = self.add(block);
                self.leaves(&item.tree, &format!("{path}{word} "), n);
            }
            item => drop(self.add(plain(format!("line {}", item.span().start().line), None))),
        }
    }

    /// An item of a list ends with its comma.
    fn with_comma(&mut self, item: usize) {
        let range = &mut self.items[item].range;
        if self.text[range.end..].starts_with(',') {
            range.end += 1;
        }
    }

    fn part(
        &mut self,
        span: Span,
        path: &str,
        key: &str,
        ident: &syn::Ident,
        parent: usize,
    ) -> usize {
        let range = self.range(span);
        self.add(Item {
            name: Some(ident.to_string()),
            ..Item::new(format!("{path}{key}"), Kind::Other, Some(parent), range)
        })
    }

    fn leaves(&mut self, tree: &UseTree, path: &str, parent: usize) {
        let (key, range) = match tree {
            UseTree::Path(tree) => {
                return self.leaves(&tree.tree, &format!("{path}{}::", tree.ident), parent);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.leaves(tree, path, parent);
                }
                return;
            }
            UseTree::Name(name) => (name.ident.to_string(), name.span().byte_range()),
            UseTree::Rename(name) => (
                format!("{} as {}", name.ident, name.rename),
                name.span().byte_range(),
            ),
            UseTree::Glob(glob) => ("*".to_string(), glob.span().byte_range()),
        };
        self.add(Item {
            is_content: false,
            ..Item::new(format!("{path}{key}"), Kind::Leaf, Some(parent), range)
        });
    }

    /// The entries of tables: of C structures, of which the rest has a default.
    fn entries(&mut self, file: &syn::File) {
        let mut entries = Entries(Vec::new());
        entries.visit_file(file);
        for Entry { name, span, site } in entries.0 {
            let range = self.range(span);
            let items = self.items.iter().enumerate();
            let around =
                items.filter(|(_, i)| i.range.start <= range.start && range.end <= i.range.end);
            let Some((parent, _)) = around.min_by_key(|(_, item)| item.range.len()) else {
                continue;
            };
            let added = self.add(Item {
                is_content: false,
                site: site.map(|site| site.byte_range()),
                ..Item::new(
                    format!("{}, {name}", self.items[parent].key),
                    Kind::Other,
                    Some(parent),
                    range,
                )
            });
            self.with_comma(added);
        }
    }

    /// The text of a type or a path in one line.
    fn flat(&self, span: Span) -> String {
        let text = &self.text[span.byte_range()];
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The examples in comments that are compiled.
    fn examples(&mut self) {
        let lines = DocLine::all(self.text);
        let mut n = 0;
        while n < lines.len() {
            if !lines[n].text.starts_with("```") {
                n += 1;
                continue;
            }
            let is_code = matches!(&lines[n].text[3..], "" | "rust");
            let ends = |line: &DocLine| line.text == "```";
            let Some(last) = lines[n + 1..].iter().position(ends) else {
                return;
            };
            let last = n + 1 + last;
            if is_code {
                self.example(&lines, n, last);
            }
            n = last + 1;
        }
    }

    fn example(&mut self, lines: &[DocLine], first: usize, last: usize) {
        // With the paragraph that introduces it, and the empty line above that.
        let mut from = first;
        let same = |n: usize| lines[n].block == lines[first].block;
        let is_empty = |n: usize| lines[n].text.is_empty();
        let mut above = (0..first).rev().take_while(|n| same(*n));
        let above = above.find(|n| !is_empty(*n));
        if let Some(end) = above.filter(|n| lines[*n].text.ends_with(':')) {
            let paragraph = (0..=end).rev();
            let paragraph = paragraph.take_while(|n| same(*n) && !is_empty(*n));
            from = paragraph.last().unwrap_or(from);
        }
        while from > 0 && same(from - 1) && is_empty(from - 1) {
            from -= 1;
        }
        let place = lines[first].range.start;
        let items = self.items.iter().enumerate();
        let around = items.filter(|(_, item)| item.range.contains(&place));
        let parent = around.min_by_key(|(_, i)| i.range.len()).map(|(n, _)| n);
        let parent = parent.filter(|_| !lines[first].is_inner);
        let key = match parent {
            Some(n) => format!("{}, example", self.items[n].key),
            None => "example".to_string(),
        };
        self.add(Item {
            is_content: false,
            ..Item::new(
                key,
                Kind::Example,
                parent,
                lines[from].range.start..lines[last].range.end,
            )
        });
    }
}

/// An entry of a table, or an arm for a variant. A message about the arm is at its pattern; one about what it does is not.
struct Entry {
    name: String,
    span: Span,
    site: Option<Span>,
}

struct Entries(Vec<Entry>);

impl<'ast> Visit<'ast> for Entries {
    fn visit_expr_struct(&mut self, expr: &'ast ExprStruct) {
        let path = &expr.path.segments;
        let is_c = path.first().is_some_and(|first| first.ident == "bindings");
        if is_c && expr.dot2_token.is_some() {
            for field in &expr.fields {
                if let syn::Member::Named(name) = &field.member {
                    self.0.push(Entry {
                        name: format!("entry {name}"),
                        span: field.span(),
                        site: None,
                    });
                }
            }
        }
        visit::visit_expr_struct(self, expr);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        let path = match &arm.pat {
            Pat::Path(pattern) => Some(&pattern.path),
            Pat::TupleStruct(pattern) => Some(&pattern.path),
            Pat::Struct(pattern) => Some(&pattern.path),
            _ => None,
        };
        if let Some(path) = path.filter(|path| path.segments.len() > 1) {
            let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
            self.0.push(Entry {
                name: format!("arm {}", names.join("::")),
                span: arm.span(),
                site: Some(path.span()),
            });
        }
        visit::visit_arm(self, arm);
    }
}

/// A line of a documentation comment.
struct DocLine<'a> {
    text: &'a str,
    range: Range<usize>,
    /// The number of its comment.
    block: usize,
    is_inner: bool,
}

impl<'a> DocLine<'a> {
    fn all(text: &'a str) -> Vec<Self> {
        let (mut lines, mut at, mut block) = (Vec::new(), 0, 0);
        for line in text.split_inclusive('\n') {
            let range = at..at + line.len();
            at = range.end;
            let words = line.trim();
            let inner = words.strip_prefix("//!");
            let Some(words) = inner.or(words.strip_prefix("///")) else {
                block += 1;
                continue;
            };
            lines.push(Self {
                text: words.trim(),
                range,
                block,
                is_inner: inner.is_some(),
            });
        }
        lines
    }
}

/// The text to take out: leaves of a `use` with their commas, and groups that have none left with their path.
pub fn ranges(
    text: &str,
    items: &[Item],
    out: &BTreeSet<usize>,
) -> (Vec<Range<usize>>, Vec<usize>) {
    let mut ranges = Vec::new();
    let mut marks = Vec::new();
    let mut uses = BTreeSet::new();
    for n in out {
        let item = &items[*n];
        match (item.kind, item.parent) {
            (Kind::Leaf, Some(parent)) if !out.contains(&parent) => drop(uses.insert(parent)),
            (Kind::Leaf, _) => {}
            _ => ranges.push(item.range.clone()),
        }
    }
    for n in uses {
        let is_leaf = |m: &usize| items[*m].parent == Some(n) && items[*m].kind == Kind::Leaf;
        let leaves: Vec<usize> = (0..items.len()).filter(is_leaf).collect();
        if leaves.iter().all(|m| out.contains(m)) {
            ranges.push(items[n].range.clone());
            continue;
        }
        let gone = leaves.iter().filter(|m| out.contains(m));
        let gone: Vec<Range<usize>> = gone.map(|m| items[*m].range.clone()).collect();
        let tree = tree_of(text, &items[n].range);
        tree.cut(text, &gone, &mut ranges);
        tree.mark(text, &gone, &mut marks);
    }
    (ranges, marks)
}

/// The leaves of a `use` that a byte is about: one of their path has it.
pub fn leaves_at(text: &str, items: &[Item], block: usize, offset: usize) -> Vec<usize> {
    let whole = &items[block].range;
    let tree = tree_of(text, whole);
    let Some(node) = tree.node_at(offset) else {
        return Vec::new();
    };
    let is_below = |n: &usize| {
        let item = &items[*n];
        item.parent == Some(block) && item.range.start >= node.start && item.range.end <= node.end
    };
    (0..items.len()).filter(is_below).collect()
}

fn tree_of(text: &str, whole: &Range<usize>) -> Tree {
    // Not a word of a comment above it.
    let mut start = whole.start;
    for line in text[whole.clone()].split_inclusive('\n') {
        let words = line.trim_start();
        if !words.starts_with("//") && !words.starts_with('#') {
            break;
        }
        start += line.len();
    }
    let start = start + text[start..whole.end].find("use ").map_or(0, |at| at + 4);
    Tree::parse(text, start).0
}

/// A part of a `use`: a name with its path, and what is in braces behind it.
struct Tree {
    range: Range<usize>,
    braces: Option<Range<usize>>,
    parts: Vec<Tree>,
}

impl Tree {
    /// Reads up to the comma, brace or semicolon that ends it.
    fn parse(text: &str, start: usize) -> (Self, usize) {
        let bytes = text.as_bytes();
        let (mut at, mut end) = (start, start);
        let mut tree = Self {
            range: start..start,
            braces: None,
            parts: Vec::new(),
        };
        while at < bytes.len() {
            match bytes[at] {
                b',' | b'}' | b';' => break,
                b'/' => at += text[at..].find('\n').unwrap_or(text.len() - at),
                b'{' => {
                    let open = at;
                    at += 1;
                    loop {
                        at = skip(text, at);
                        if bytes[at] == b'}' {
                            break;
                        }
                        let (part, next) = Self::parse(text, at);
                        tree.parts.push(part);
                        at = skip(text, next);
                        if bytes[at] == b',' {
                            at += 1;
                        }
                    }
                    at += 1;
                    end = at;
                    tree.braces = Some(open..at);
                }
                byte => {
                    at += 1;
                    if !byte.is_ascii_whitespace() {
                        end = at;
                    }
                }
            }
        }
        tree.range.end = end;
        (tree, at)
    }

    /// The smallest part that has a byte.
    fn node_at(&self, offset: usize) -> Option<Range<usize>> {
        let below = self.parts.iter().find_map(|part| part.node_at(offset));
        let own = self.range.contains(&offset).then(|| self.range.clone());
        below.or(own)
    }

    fn is_gone(&self, gone: &[Range<usize>]) -> bool {
        match self.parts.is_empty() {
            true => gone
                .iter()
                .any(|r| r.start >= self.range.start && r.end <= self.range.end),
            false => self.parts.iter().all(|part| part.is_gone(gone)),
        }
    }

    /// The ends of the lists that have a name in each line, and have lost some.
    fn mark(&self, text: &str, gone: &[Range<usize>], marks: &mut Vec<usize>) {
        let left = || self.parts.iter().filter(|part| !part.is_gone(gone));
        let is_vertical = |braces: &Range<usize>| text[braces.clone()].contains('\n');
        let is_shorter = left().count() < self.parts.len();
        // A name before the last one may have it already.
        let has_comment = |part: &Tree| {
            let rest = text[part.range.end..].lines().next().unwrap_or_default();
            rest.contains("//")
        };
        let is_marked = left().any(has_comment);
        if let (true, false, Some(last)) = (is_shorter, is_marked, left().next_back()) {
            if self.braces.as_ref().is_some_and(is_vertical) {
                marks.push(last.range.end - 1);
            }
        }
        left().for_each(|part| part.mark(text, gone, marks));
    }

    fn cut(&self, text: &str, gone: &[Range<usize>], ranges: &mut Vec<Range<usize>>) {
        let left = self.parts.iter().filter(|part| !part.is_gone(gone)).count();
        for (n, part) in self.parts.iter().enumerate() {
            if !part.is_gone(gone) {
                part.cut(text, gone, ranges);
                continue;
            }
            let mut range = part.range.clone();
            let rest = &text[range.end..];
            if let Some(rest) = rest.strip_prefix(',') {
                range.end += 1;
                let next = rest.trim_start_matches(' ');
                if !next.starts_with(['\n', '/']) {
                    range.end += rest.len() - next.len();
                }
            } else if n > 0 {
                // The last one in a line.
                range.start = self.parts[n - 1].range.end;
            }
            ranges.push(range);
        }
        // One name needs no braces, in a line.
        if let (1, Some(braces)) = (left, &self.braces) {
            let is_line = !text[braces.clone()].contains('\n');
            let last = self.parts.iter().find(|part| !part.is_gone(gone));
            let is_self = last.is_some_and(|part| &text[part.range.clone()] == "self");
            if let (true, false, Some(last)) = (is_line, is_self, last) {
                ranges.push(braces.start..braces.start + 1);
                ranges.push(last.range.end..braces.end);
            }
        }
    }
}

/// Past spaces and comments.
fn skip(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with("//") {
            return at;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}

/// Without headings of examples that have none left, and without empty lines at the end of comments.
pub fn tidied(text: String) -> String {
    let lines = DocLine::all(&text);
    let mut gone = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let next = lines[n + 1..].iter().take_while(|l| l.block == line.block);
        let mut next = next.filter(|l| !l.text.is_empty());
        if line.text == "# Examples" && next.next().is_none_or(|l| l.text.starts_with("# ")) {
            gone.push(line.range.clone());
        }
    }
    let is_gone = |line: &DocLine| gone.contains(&line.range);
    let mut more = Vec::new();
    let mut kept: Vec<&DocLine> = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        if is_gone(line) {
            continue;
        }
        let is_first = kept.last().is_none_or(|before| before.block != line.block);
        let before_is_empty = kept.last().is_some_and(|before| before.text.is_empty());
        let mut rest = lines[n + 1..].iter().take_while(|l| l.block == line.block);
        let is_last = rest.all(|l| is_gone(l) || l.text.is_empty());
        if line.text.is_empty() && (is_first || before_is_empty || is_last) {
            more.push(line.range.clone());
        } else {
            kept.push(line);
        }
    }
    gone.extend(more);
    match gone.is_empty() {
        true => text,
        false => crate::lines::without(&text, &gone, &[]),
    }
}
