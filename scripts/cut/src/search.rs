// SPDX-License-Identifier: GPL-2.0

//! Finds out which items of a file have to come in a later patch than the file, by asking the compiler.
//!
//! It begins with everything, and takes out the files of the last patch. What does not compile without them is taken out,
//! too, until the rest compiles without a warning: all this comes with the last patch. Then it does the same for the patch
//! before. So each item is looked at once, and what an earlier patch has, all later ones have.

use crate::{FILE, Kind, Source, mentioned};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// One patch, as far as it is known before.
#[derive(Clone)]
pub struct Step {
    pub id: String,
    pub files: Vec<String>,
}

/// An error or a warning of the compiler.
#[derive(Clone, Debug)]
pub struct Mistake {
    pub file: String,
    pub offset: usize,
    pub code: String,
    pub text: String,
    /// It is about an example, whose first line this is.
    pub is_example: bool,
}

/// The knowledge of a step before the compiler is asked.
#[derive(Clone, Copy)]
pub enum Known<'a> {
    /// The state after it.
    All(&'a [(String, String)]),
    /// Items that will probably be left out.
    Guess(&'a [(String, String)]),
}

/// Compiles what there is after some patches.
pub trait Compiler {
    /// All mistakes. A step is the number of patches; the files have spaces in place of what is left out.
    fn check(&mut self, patches: usize, files: &BTreeMap<String, String>) -> Result<Vec<Mistake>>;

    /// All names in the kernel's own files that have insertions, after some patches.
    fn inserted_names(&self, _patches: usize) -> Result<BTreeSet<String>> {
        Ok(BTreeSet::new())
    }
}

/// The items that are left out, by file. A file that is not there at all has `None`.
type Out = BTreeMap<String, Option<BTreeSet<usize>>>;

pub struct Search {
    steps: Vec<Step>,
    sources: BTreeMap<String, Source>,
    /// The items that define a name, if nothing else does.
    definitions: BTreeMap<String, Vec<(String, usize)>>,
    /// Names in an item, without those in its parts.
    mentions: BTreeMap<(String, usize), BTreeSet<String>>,
    /// All names in an item, likewise.
    words: BTreeMap<(String, usize), BTreeSet<String>>,
    /// Imports whose names are in other items, so that they are not needed without these.
    imports: Vec<(String, usize, String)>,
    /// The file of each declaration of a module.
    modules: BTreeMap<(String, usize), String>,
    /// Each implementation of Drop, and the type that is not sound without it.
    drops: Vec<(String, usize, usize)>,
    /// Items that come later by choice, with the number of their patch.
    chosen: Vec<(String, usize, usize)>,
    /// An entry of a table is not left out of it: it will not come later.
    pub has_whole_tables: bool,
    out: Out,
}

/// An item that comes later than its file: the file, the key of the item, and the number of the patch.
pub type Found = Vec<(String, String, usize)>;

impl Search {
    /// `foreign` are names that others use: what they mean is not known.
    pub fn new(
        steps: Vec<Step>,
        sources: BTreeMap<String, Source>,
        foreign: &BTreeSet<String>,
    ) -> Self {
        let mut search = Self {
            out: sources
                .keys()
                .map(|path| (path.clone(), Some(BTreeSet::new())))
                .collect(),
            steps,
            definitions: BTreeMap::new(),
            mentions: BTreeMap::new(),
            words: BTreeMap::new(),
            imports: Vec::new(),
            modules: BTreeMap::new(),
            drops: Vec::new(),
            has_whole_tables: false,
            chosen: Vec::new(),
            sources,
        };
        search.look_at_names(foreign);
        search.look_at_modules();
        search.look_at_imports();
        search.look_at_drops();
        search
    }

    fn look_at_names(&mut self, foreign: &BTreeSet<String>) {
        let rust = self
            .sources
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"));
        for (path, source) in rust {
            for (n, item) in source.items.iter().enumerate() {
                let mut text = source.text[item.range.clone()].to_string();
                // The text of an arm is one of the function's.
                let parts = source.items.iter().filter(|part| part.parent == Some(n));
                for part in parts.filter(|part| part.site.is_none()) {
                    let at = part.range.start - item.range.start..part.range.end - item.range.start;
                    text.replace_range(at.clone(), &" ".repeat(at.len()));
                }
                let names = match item.kind {
                    Kind::Leaf => {
                        let name = item.key.rsplit("::").next().unwrap_or_default();
                        let name = name
                            .split_whitespace()
                            .find(|w| !["pub", "use"].contains(w));
                        name.into_iter().map(str::to_string).collect()
                    }
                    _ if item.site.is_some() => BTreeSet::new(),
                    Kind::Module | Kind::Example => BTreeSet::new(),
                    // Its leaves have names.
                    Kind::Block if item.key.contains("use") && item.name.is_none() => {
                        BTreeSet::new()
                    }
                    _ => called(&text),
                };
                if ![Kind::Leaf, Kind::Example].contains(&item.kind) {
                    self.words.insert((path.clone(), n), words(&text));
                }
                self.mentions.insert((path.clone(), n), names);
                let Some(name) = &item.name else {
                    continue;
                };
                let is_telling = name.contains(|c: char| c == '_' || c.is_uppercase());
                if is_telling && item.kind != Kind::Module && !foreign.contains(name) {
                    let items = self.definitions.entry(name.clone()).or_default();
                    items.push((path.clone(), n));
                }
            }
        }
        self.add_words_of_macros();
        let sources = self
            .sources
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"));
        let mut others = BTreeSet::new();
        for (_, source) in sources {
            others.extend(defined_inside(&source.text));
            let modules = source.items.iter().filter(|item| item.kind == Kind::Module);
            others.extend(modules.filter_map(|item| item.name.clone()));
        }
        self.definitions.retain(|name, _| !others.contains(name));
    }

    /// The call of a macro uses what the macro names, also by imports of the caller.
    fn add_words_of_macros(&mut self) {
        let mut macros: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for ((path, n), words) in &self.words {
            let item = &self.sources[path].items[*n];
            if let (true, Some(name)) = (item.key.contains("macro "), &item.name) {
                macros.insert(name.clone(), words.clone());
            }
        }
        for words in self.words.values_mut() {
            for (name, more) in &macros {
                if words.contains(name) {
                    words.extend(more.iter().cloned());
                }
            }
        }
    }

    fn look_at_drops(&mut self) {
        for (path, source) in &self.sources {
            for (n, item) in source.items.iter().enumerate() {
                let (place, dropped) = match item.key.split_once("Drop for ") {
                    Some((start, of)) if start.ends_with("impl ") => (start, of),
                    Some((start, of)) if start.ends_with("impl Pinned") => (start, of),
                    _ => continue,
                };
                let end = dropped.find(|c: char| !c.is_alphanumeric() && c != '_');
                let name = &dropped[..end.unwrap_or(dropped.len())];
                let (module, _) = place.split_once("impl ").unwrap_or_default();
                let definition = ["struct", "enum"]
                    .iter()
                    .find_map(|word| source.find(&format!("{module}{word} {name}")));
                if let (Some(definition), None) = (definition, item.parent) {
                    self.drops.push((path.clone(), n, definition));
                }
            }
        }
    }

    fn look_at_imports(&mut self) {
        let mut imports = Vec::new();
        for (path, source) in self
            .sources
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
        {
            for (n, item) in source.items.iter().enumerate() {
                let is_public = item.key.contains("pub use ");
                if item.kind != Kind::Leaf || is_public {
                    continue;
                }
                let name = item.key.rsplit([' ', ':']).next().unwrap_or_default();
                if self.is_used(path, name) {
                    imports.push((path.clone(), n, name.to_string()));
                }
            }
        }
        self.imports = imports;
    }

    /// Returns true if a name is in an item of a file or of its modules, outside of imports.
    fn is_used(&self, path: &str, name: &str) -> bool {
        let below = format!("{}/", path.strip_suffix(".rs").unwrap_or(path));
        let is_near = |(file, _): &&(String, usize)| file == path || file.starts_with(&below);
        let start = (path.strip_suffix(".rs").unwrap_or(path).to_string(), 0);
        let near = self.words.range(start..).take_while(|((file, _), _)| {
            file.starts_with(path.strip_suffix(".rs").unwrap_or(path))
        });
        let mut near = near.filter(|(at, _)| is_near(at));
        near.any(|((file, n), words)| words.contains(name) && !self.is_out(file, *n))
    }

    fn look_at_modules(&mut self) {
        for (path, source) in &self.sources {
            let dir = match path.strip_suffix("/mod.rs") {
                Some(dir) => dir,
                None => path.strip_suffix(".rs").unwrap_or(path),
            };
            for (n, item) in source.items.iter().enumerate() {
                let (Kind::Module, Some(name)) = (item.kind, &item.name) else {
                    continue;
                };
                let file = format!("{dir}/{name}.rs");
                let beside = path
                    .rsplit_once('/')
                    .map(|(dir, _)| format!("{dir}/{name}.rs"));
                let candidates = [Some(file), beside];
                let mut files = candidates.into_iter().flatten();
                if let Some(file) = files.find(|f| self.sources.contains_key(f)) {
                    self.modules.insert((path.clone(), n), file);
                }
            }
        }
    }

    /// Items that come later than they could: the file, the key, and the number of the patch.
    pub fn choose(&mut self, chosen: &[(String, String, usize)]) -> Result<()> {
        for (path, key, patch) in chosen {
            let source = self.sources.get(path);
            let item = source.and_then(|source| source.find(key));
            let item = item.with_context(|| format!("{path} has no {key:?}"))?;
            self.chosen.push((path.clone(), item, *patch));
        }
        Ok(())
    }

    /// The number of patches.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// All of it has to compile.
    pub fn begin(&self, compiler: &mut impl Compiler) -> Result<()> {
        let mistakes = compiler.check(self.len(), &self.files())?;
        match mistakes.first() {
            None => Ok(()),
            Some(Mistake { file, text, .. }) => bail!("{file}: {text}: with all patches"),
        }
    }

    /// The items that are left out now, by name, so that it can be stored.
    pub fn state(&self) -> Vec<(String, String)> {
        let mut state = Vec::new();
        for (path, out) in &self.out {
            match out {
                None => state.push((path.clone(), FILE.to_string())),
                Some(out) => {
                    let keys = out.iter().map(|n| &self.sources[path].items[*n].key);
                    state.extend(keys.map(|key| (path.clone(), key.clone())));
                }
            }
        }
        state
    }

    /// Takes out what was found before.
    fn restore(&mut self, state: &[(String, String)]) -> Result<()> {
        for (path, key) in state {
            let out = self.out.get_mut(path).context("a file is not there")?;
            if key == FILE {
                *out = None;
            } else if let Some(out) = out {
                let n = self.sources[path]
                    .find(key)
                    .context("an item is not there")?;
                out.insert(n);
            }
        }
        Ok(())
    }

    /// Takes out what another search has found, as far as it is still there.
    fn guess(&mut self, items: &[(String, String)]) {
        for (path, key) in items {
            let Some(out) = self.out.get_mut(path) else {
                continue;
            };
            if key == FILE {
                *out = None;
            } else if let (Some(out), Some(n)) = (out, self.sources[path].find(key)) {
                out.insert(n);
            }
        }
    }

    /// Takes out the last patch of `patches + 1`, and all that needs it. Returns what was taken out.
    pub fn step(
        &mut self,
        patches: usize,
        known: Known,
        compiler: &mut impl Compiler,
        say: &mut impl FnMut(&str),
    ) -> Result<Found> {
        let before = self.out.clone();
        for path in &self.steps[patches].files {
            self.out.insert(path.clone(), None);
        }
        for (path, item, patch) in &self.chosen {
            if let (true, Some(Some(out))) = (*patch >= patches, self.out.get_mut(path)) {
                out.insert(*item);
            }
        }
        match known {
            Known::All(state) => self.restore(state)?,
            Known::Guess(items) => {
                self.guess(items);
                self.settle(patches, compiler, say)?;
            }
        }
        let mut found = Found::new();
        let files = self.steps[patches].files.iter().collect::<BTreeSet<_>>();
        for (path, out) in &self.out {
            let Some(old) = &before[path] else {
                continue;
            };
            let Some(out) = out else {
                if !files.contains(path) {
                    found.push((path.clone(), FILE.to_string(), patches));
                }
                continue;
            };
            let source = &self.sources[path];
            for n in out.difference(old) {
                let is_in_other = source
                    .above(*n)
                    .any(|m| out.contains(&m) && !old.contains(&m));
                let is_chosen = self.chosen.iter().any(|(p, m, _)| p == path && m == n);
                if !is_in_other && !is_chosen {
                    found.push((path.clone(), source.items[*n].key.clone(), patches));
                }
            }
        }
        Ok(found)
    }

    fn settle(
        &mut self,
        patches: usize,
        compiler: &mut impl Compiler,
        say: &mut impl FnMut(&str),
    ) -> Result<()> {
        loop {
            self.close();
            let mistakes = compiler.check(patches, &self.files())?;
            if mistakes.is_empty() {
                self.drop_unused_helpers(compiler.inserted_names(patches)?);
                return Ok(());
            }
            let mut dropped = 0;
            for mistake in &mistakes {
                let Some(source) = self.sources.get(&mistake.file) else {
                    let id = &self.steps[patches - 1].id;
                    let Mistake { file, text, .. } = mistake;
                    bail!("{file}, after patch {id}: {text}: an insertion comes too early");
                };
                let items = match mistake.is_example {
                    true => {
                        let is_it = |item: &crate::Item| {
                            item.kind == Kind::Example && item.range.contains(&mistake.offset)
                        };
                        source.items.iter().position(is_it).into_iter().collect()
                    }
                    false => source.about(mistake.offset),
                };
                let place = || format!("{}:{}: {}", mistake.file, mistake.offset, mistake.text);
                if items.is_empty() {
                    bail!("{}: in no item", place());
                }
                let out = self.out.get_mut(&mistake.file).and_then(Option::as_mut);
                let out =
                    out.with_context(|| format!("{}: in a file that is left out", place()))?;
                for item in items {
                    let item = match self.has_whole_tables {
                        true => source.table_of(item),
                        false => item,
                    };
                    if out.insert(item) {
                        dropped += 1;
                        let key = &source.items[item].key;
                        let Mistake {
                            file, code, text, ..
                        } = mistake;
                        say(&format!("    {file}: {key}: {code} {text}"));
                    }
                }
            }
            if dropped == 0 {
                bail!("{}: remains", mistakes[0].text);
            }
        }
    }

    /// The files that there are, with spaces in place of what is left out.
    fn files(&self) -> BTreeMap<String, String> {
        let there = self
            .out
            .iter()
            .filter_map(|(path, out)| Some((path, out.as_ref()?)));
        there
            .map(|(path, out)| (path.clone(), self.sources[path].blanked(out)))
            .collect()
    }

    /// Takes out what is known to need something that is taken out already.
    fn close(&mut self) {
        loop {
            let before = self.count();
            for ((path, n), file) in &self.modules {
                if self.out[file].is_none() {
                    if let Some(Some(out)) = self.out.get_mut(path) {
                        out.insert(*n);
                    }
                }
            }
            let gone: BTreeSet<&str> = {
                let definitions = self.definitions.iter();
                let all_out =
                    |items: &[(String, usize)]| items.iter().all(|(path, n)| self.is_out(path, *n));
                let gone = definitions.filter(|(_, items)| all_out(items));
                gone.map(|(name, _)| name.as_str()).collect()
            };
            for ((path, n), names) in &self.mentions {
                if let Some(Some(out)) = self.out.get_mut(path) {
                    let item = &self.sources[path].items[*n];
                    let is_own = |name: &str| item.name.as_deref() == Some(name);
                    let mut names = names.iter().filter(|name| !is_own(name));
                    if names.any(|name| gone.contains(name.as_str())) {
                        out.insert(*n);
                    }
                }
            }
            for (path, drop, definition) in &self.drops {
                let mut parts = (0..self.sources[path].items.len())
                    .filter(|n| self.sources[path].items[*n].parent == Some(*drop));
                if self.is_out(path, *drop) || parts.any(|part| self.is_out(path, part)) {
                    if let Some(Some(out)) = self.out.get_mut(path) {
                        out.extend([*drop, *definition]);
                    }
                }
            }
            let unused: Vec<(String, usize)> = {
                let imports = self.imports.iter();
                let there = imports.filter(|(path, n, _)| !self.is_out(path, *n));
                let unused = there.filter(|(path, _, name)| !self.is_used(path, name));
                unused.map(|(path, n, _)| (path.clone(), *n)).collect()
            };
            for (path, n) in unused {
                if let Some(Some(out)) = self.out.get_mut(&path) {
                    out.insert(n);
                }
            }
            for (path, source) in &self.sources {
                if let Some(Some(out)) = self.out.get_mut(path) {
                    source.close(out);
                    if path.ends_with(".rs") && source.is_empty_without(out) {
                        self.out.insert(path.clone(), None);
                    }
                }
            }
            if self.count() == before {
                return;
            }
        }
    }

    fn count(&self) -> usize {
        let count = |out: &Option<BTreeSet<usize>>| out.as_ref().map_or(1_000_000, BTreeSet::len);
        self.out.values().map(count).sum()
    }

    fn is_out(&self, path: &str, item: usize) -> bool {
        match &self.out[path] {
            None => true,
            Some(out) => {
                let mut above = self.sources[path].above(item);
                out.contains(&item) || above.any(|n| out.contains(&n))
            }
        }
    }

    /// C functions that neither Rust nor another C function names.
    fn drop_unused_helpers(&mut self, inserted: BTreeSet<String>) {
        let files = self.files();
        let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
        let used: BTreeSet<String> = rust
            .flat_map(|(_, text)| mentioned(text))
            .map(str::to_string)
            .chain(inserted)
            .collect();
        for (path, source) in self.sources.iter().filter(|(path, _)| path.ends_with(".c")) {
            let Some(Some(out)) = self.out.get_mut(path) else {
                continue;
            };
            loop {
                let before = out.len();
                for (n, item) in source.items.iter().enumerate() {
                    let name = item.name.as_deref().unwrap_or_default();
                    let others = source.items.iter().enumerate();
                    let mut others = others.filter(|(m, other)| {
                        *m != n && !out.contains(m) && other.name.as_deref() != Some(name)
                    });
                    let is_named = |other: &crate::Item| {
                        let names = mentioned(&source.text[other.range.clone()]);
                        names
                            .iter()
                            .any(|word| word.strip_prefix("rust_helper_").unwrap_or(word) == name)
                    };
                    if !used.contains(name) && !others.any(|(_, other)| is_named(other)) {
                        out.insert(n);
                    }
                }
                if out.len() == before {
                    break;
                }
            }
        }
    }
}

/// Without comments, and with spaces in strings.
fn code(text: &str) -> String {
    let lines = text.lines();
    let code: Vec<&str> = lines
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect();
    without_strings(&code.join("\n"))
}

/// All names in code.
fn words(text: &str) -> BTreeSet<String> {
    let code = code(text);
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_string).collect()
}

/// Names that stand for something defined elsewhere: types, constants and macros, and functions that are called.
fn called(text: &str) -> BTreeSet<String> {
    let code = code(text);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = BTreeSet::new();
    let mut rest = code.as_str();
    while let Some(start) = rest.find(is_name) {
        let before = &rest[..start];
        let from = &rest[start..];
        let end = from.find(|c| !is_name(c)).unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        let is_upper = name.starts_with(|c: char| c.is_uppercase());
        let is_path = before.ends_with("::") || before.ends_with('.');
        let is_called =
            after.starts_with('(') || after.starts_with('!') || after.starts_with("::<");
        let of_c = names_c(&code, code.len() - rest.len() + start);
        if !of_c && (is_upper || is_called || is_path) {
            names.insert(name.to_string());
        }
        rest = after;
    }
    names
}

/// Code with spaces in its strings: messages name what is not there yet.
fn without_strings(code: &str) -> String {
    let mut rest = String::with_capacity(code.len());
    let (mut is_string, mut is_escaped) = (false, false);
    let mut before = ' ';
    for c in code.chars() {
        let is_quote = c == '"' && !is_escaped && (is_string || before != '\'');
        if is_quote {
            is_string = !is_string;
        }
        is_escaped = is_string && c == '\\' && !is_escaped;
        let is_shown = !is_string || c == '\n';
        rest.push(if is_shown { c } else { ' ' });
        before = c;
    }
    rest
}

/// Names that are defined in other ways than as an item: variants, and rows of tables that macros read.
fn defined_inside(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.lines() {
        let words = line.trim_start();
        let end = words.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (name, rest) = words.split_at(end.unwrap_or(words.len()));
        let is_indented = line.len() > words.len();
        let is_row = ["", ",", "(", " {", " =", "{"]
            .iter()
            .any(|start| match *start {
                "" => rest.is_empty(),
                start => rest.starts_with(start) && !rest.starts_with("(("),
            });
        // A leaf of a `use` looks like a variant, but is defined elsewhere.
        let is_leaf = rest == "," || rest == ", //" || rest.is_empty();
        if is_indented && is_row && !is_leaf && name.starts_with(|c: char| c.is_uppercase()) {
            names.push(name.to_string());
        }
    }
    names.extend(variants(text));
    // Inside of functions.
    for word in [
        "const ",
        "static ",
        "macro_rules! ",
        "fn ",
        "struct ",
        "type ",
    ] {
        for (at, _) in text.match_indices(word) {
            let line = text[..at].rfind('\n').map_or(0, |n| n + 1);
            if text[line..at].starts_with("        ") && !text[line..at].contains("//") {
                let rest = &text[at + word.len()..];
                let end = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(0);
                names.push(rest[..end].to_string());
            }
        }
    }
    names
}

/// The variants of enumerations that are in a line each.
fn variants(text: &str) -> Vec<String> {
    let (mut names, mut is_inside) = (Vec::new(), false);
    for line in text.lines() {
        let words = line.trim_start();
        if words.starts_with("enum ") || words.contains(" enum ") && !words.starts_with("//") {
            is_inside = words.ends_with('{');
            continue;
        }
        is_inside &= !words.starts_with('}');
        let end = words.find(|c: char| !c.is_alphanumeric() && c != '_');
        let name = &words[..end.unwrap_or(words.len())];
        if is_inside && name.starts_with(|c: char| c.is_uppercase()) {
            names.push(name.to_string());
        }
    }
    names
}

/// Returns true if the name there is one of a C function.
fn names_c(code: &str, at: usize) -> bool {
    code[..at].ends_with("bindings::")
}
