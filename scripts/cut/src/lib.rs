// SPDX-License-Identifier: GPL-2.0

//! Cuts source files into items, so that a series of patches can add a file in several steps.
//!
//! An item of a Rust file is a function, an implementation, a type, a leaf of a `use`, an example in a comment; of a C file
//! it is a function; of any other file a line, with the indented lines below it. An item has a key, which is made of names
//! and not of places: `impl Vma<L>::fn start`.

mod c;
mod lines;
mod names;
mod other;
mod rust;
mod rustc;
mod search;
#[cfg(test)]
mod tests;

use names::mentioned;
pub use rustc::{Rustc, arguments};
pub use search::{Compiler, Found, Known, Mistake, Search, Step};

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::ops::Range;

/// The key of all items of a file: the file itself.
pub const FILE: &str = "*";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Has items of its own: an implementation, a trait, a module.
    Block,
    /// A declaration of a module that is another file.
    Module,
    /// One name of a `use`.
    Leaf,
    /// An example in a comment.
    Example,
    Other,
}

/// A part of a file that can be left out.
#[derive(Clone, Debug)]
pub struct Item {
    pub key: String,
    pub kind: Kind,
    /// The index of the item that it is part of.
    pub parent: Option<usize>,
    /// With its comments and attributes.
    pub range: Range<usize>,
    /// The part that a message about it is at, if that is not all of it.
    pub site: Option<Range<usize>>,
    /// The name that it defines.
    pub name: Option<String>,
    /// It is useful on its own, unlike an import.
    pub is_content: bool,
    /// A module of tests, which is nothing without a function.
    pub is_suite: bool,
}

impl Item {
    /// An item without a name, which is useful on its own.
    fn new(key: String, kind: Kind, parent: Option<usize>, range: Range<usize>) -> Self {
        Self {
            key,
            kind,
            parent,
            range,
            site: None,
            name: None,
            is_content: true,
            is_suite: false,
        }
    }
}

/// A file and its items.
pub struct Source {
    pub text: String,
    pub items: Vec<Item>,
    language: Language,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    C,
    Other,
}

impl Source {
    /// Finds the items of a file; its name says in which language it is.
    pub fn new(path: &str, text: &str) -> Result<Self> {
        let language = match path.rsplit_once('.') {
            Some((_, "rs")) => Language::Rust,
            Some((_, "c")) => Language::C,
            _ => Language::Other,
        };
        let items = match language {
            Language::Rust => rust::items(text).with_context(|| path.to_string())?,
            Language::C => c::items(text),
            Language::Other => other::items(text),
        };
        Ok(Self {
            text: text.to_string(),
            items: numbered(items),
            language,
        })
    }

    pub fn find(&self, key: &str) -> Option<usize> {
        self.items.iter().position(|item| item.key == key)
    }

    /// The smallest item that contains a byte.
    pub fn at(&self, offset: usize) -> Option<usize> {
        let found = self.items.iter().enumerate();
        let site = |item: &Item| item.site.clone().unwrap_or(item.range.clone());
        let found = found.filter(|(_, item)| site(item).contains(&offset));
        found
            .min_by_key(|(_, item)| site(item).len())
            .map(|(n, _)| n)
    }

    /// The subject of a message at a byte: the smallest item, or the leaves whose path has it.
    pub fn about(&self, offset: usize) -> Vec<usize> {
        let Some(item) = self.at(offset) else {
            return Vec::new();
        };
        let is_part = |n: &Item| n.parent == Some(item) && n.kind == Kind::Leaf;
        let leaves = match self.items.iter().any(is_part) {
            true => rust::leaves_at(&self.text, &self.items, item, offset),
            false => Vec::new(),
        };
        match leaves.is_empty() {
            true => vec![item],
            false => leaves,
        }
    }

    /// The item that has the table of which an item is an entry, or else the item.
    fn table_of(&self, item: usize) -> usize {
        match self.items[item].key.contains(", entry ") {
            true => self.items[item].parent.unwrap_or(item),
            false => item,
        }
    }

    /// The items above an item, from the innermost on.
    pub fn above(&self, item: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.items[item].parent, |n| self.items[*n].parent)
    }

    /// Adds what is nothing without the items that are left out: a block without items, a module of tests without a test.
    pub fn close(&self, out: &mut BTreeSet<usize>) {
        loop {
            let before = out.len();
            for (n, item) in self.items.iter().enumerate() {
                let is_part = |m: &usize| self.items[*m].parent == Some(n);
                let parts: Vec<usize> = (0..self.items.len()).filter(is_part).collect();
                let is_code = |m: &&usize| match item.is_suite {
                    true => self.items[**m].is_content,
                    false => self.items[**m].kind != Kind::Example,
                };
                let mut parts = parts.iter().filter(is_code).peekable();
                if item.kind == Kind::Block
                    && parts.peek().is_some()
                    && parts.all(|m| out.contains(m))
                {
                    out.insert(n);
                }
            }
            if out.len() == before {
                return;
            }
        }
    }

    /// Returns true if nothing of use is left.
    pub fn is_empty_without(&self, out: &BTreeSet<usize>) -> bool {
        let is_left = |n: usize| !out.contains(&n) && !self.above(n).any(|m| out.contains(&m));
        let all = 0..self.items.len();
        let mut content = all.filter(|n| self.items[*n].is_content);
        !self.items.is_empty() && !content.any(is_left)
    }

    /// The file with spaces where the items were: all others stay where they are.
    pub fn blanked(&self, out: &BTreeSet<usize>) -> String {
        let mut bytes = self.text.clone().into_bytes();
        for range in self.ranges(out).0 {
            for byte in &mut bytes[range] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        String::from_utf8(bytes).expect("whole characters were replaced")
    }

    /// The file without the items.
    pub fn without(&self, out: &BTreeSet<usize>) -> String {
        if out.is_empty() {
            return self.text.clone();
        }
        let (ranges, marks) = self.ranges(out);
        let text = lines::without(&self.text, &ranges, &marks);
        match self.language {
            Language::Rust => rust::tidied(text),
            Language::C => c::tidied(text),
            Language::Other => text,
        }
    }

    /// The text that goes, and the ends of lists that have become shorter.
    fn ranges(&self, out: &BTreeSet<usize>) -> (Vec<Range<usize>>, Vec<usize>) {
        match self.language {
            Language::Rust => rust::ranges(&self.text, &self.items, out),
            _ => {
                let ranges = out.iter().map(|n| self.items[*n].range.clone());
                (ranges.collect(), Vec::new())
            }
        }
    }
}

/// Gives the second item with a key the key with `#2`, and so on.
fn numbered(mut items: Vec<Item>) -> Vec<Item> {
    let mut seen = std::collections::BTreeMap::new();
    for item in &mut items {
        let count = seen.entry(item.key.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            item.key = format!("{} #{count}", item.key);
        }
    }
    items
}
