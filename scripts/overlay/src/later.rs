// SPDX-License-Identifier: GPL-2.0

//! Files that come in several steps: what comes in a later patch than its file.

use crate::load::OverlayFile;
use crate::ops::inserted;
use crate::tree::{Access, Hooks, Tree};
use crate::{CONFIG, LATER, Overlay, SERIES};
use anyhow::{Context, Result, bail, ensure};
use cut::{FILE, Source};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Items of a file that come in a later patch than the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Later {
    pub file: String,
    pub patch: String,
    pub items: Vec<String>,
}

/// A patch and the files that begin with it.
pub struct Planned {
    pub id: String,
    pub files: Vec<String>,
}

/// How many lines of code a patch adds: neither comments nor empty lines, and no documents, samples or tests.
pub struct Size {
    pub id: String,
    pub lines: usize,
}

/// All steps of the files that come in several.
pub(crate) struct Steps {
    /// The patch of each file.
    patch: BTreeMap<String, usize>,
    sources: BTreeMap<String, (Source, Vec<(usize, usize)>)>,
}

/// In place of the number of a patch, for what comes with none.
const NEVER: usize = usize::MAX;

impl Steps {
    /// Returns whether the file comes with a patch, or some of it does.
    pub fn is_changed(&self, path: &str, patch: usize) -> bool {
        let later = self.sources.get(path).map_or(&[][..], |(_, later)| later);
        self.patch[path] == patch || later.iter().any(|(_, with)| *with == patch)
    }

    /// The content of a file after some patches, if it is there.
    pub fn content<'a>(&self, file: &'a OverlayFile, patches: usize) -> Option<Cow<'a, [u8]>> {
        if self.patch[&file.path] >= patches {
            return None;
        }
        let Some((source, later)) = self.sources.get(&file.path) else {
            return Some(Cow::Borrowed(&file.content));
        };
        let out = later.iter().filter(|(_, patch)| *patch >= patches);
        let out: BTreeSet<usize> = out.map(|(item, _)| *item).collect();
        match out.is_empty() {
            true => Some(Cow::Borrowed(&file.content)),
            false => Some(Cow::Owned(source.without(&out).into_bytes())),
        }
    }
}

/// The files and patches that are named have to be there.
pub(crate) fn check(overlay: &Overlay, later: &[Later]) -> Result<()> {
    for Later { file, patch, .. } in later {
        let is_there = overlay.files().any(|path| path == file);
        ensure!(is_there, "{file}: no file of the overlay");
        let number = overlay.number(patch);
        let number = number.with_context(|| format!("{file}: there is no patch {patch:?}"))?;
        let first = overlay.patch_of(file);
        ensure!(
            first.is_some_and(|first| first < number),
            "{file}: patch {patch:?} is no later one"
        );
    }
    Ok(())
}

impl Overlay {
    pub(crate) fn number(&self, id: &str) -> Option<usize> {
        self.patches
            .iter()
            .position(|p| p.id.as_deref() == Some(id))
    }

    fn patch_of(&self, path: &str) -> Option<usize> {
        self.patches.iter().position(|patch| patch.takes(path))
    }

    pub(crate) fn steps(&self) -> Result<Steps> {
        let again = || format!("{LATER}: run `make series-cut`, which makes it anew");
        check(self, &self.found).with_context(again)?;
        let patch = self
            .files()
            .filter_map(|path| Some((path.to_string(), self.patch_of(path)?)));
        let mut steps = Steps {
            patch: patch.collect(),
            sources: BTreeMap::new(),
        };
        for (later, origin) in [(&self.chosen, SERIES), (&self.found, LATER)] {
            for Later { file, patch, items } in later {
                let number = self.number(patch).context("checked before")?;
                for key in items {
                    self.add(&mut steps, file, key, number, origin)?;
                }
            }
        }
        for (file, key) in &self.never {
            self.add(&mut steps, file, key, NEVER, CONFIG)?;
        }
        Ok(steps)
    }

    fn add(
        &self,
        steps: &mut Steps,
        file: &str,
        key: &str,
        number: usize,
        origin: &str,
    ) -> Result<()> {
        if key == FILE {
            steps.patch.insert(file.to_string(), number);
            return Ok(());
        }
        if !steps.sources.contains_key(file) {
            let source = Source::new(file, self.text(file)?)?;
            steps.sources.insert(file.to_string(), (source, Vec::new()));
        }
        let (source, later) = steps.sources.get_mut(file).context("just added")?;
        let Some(item) = source.find(key) else {
            bail!("{origin}: {file} has no {key:?}: run `make series-cut`, or correct it");
        };
        later.push((item, number));
        Ok(())
    }

    /// The content of a file of the overlay.
    pub fn text(&self, path: &str) -> Result<&str> {
        let file = self.files.iter().find(|file| file.path == path);
        let file = file.with_context(|| format!("{path}: no file of the overlay"))?;
        let content = file.whole.as_ref().unwrap_or(&file.content);
        std::str::from_utf8(content).with_context(|| format!("{path}: not UTF-8"))
    }

    /// The patches, with the files whose paths they have.
    pub fn planned(&self) -> Result<Vec<Planned>> {
        let patches = self.patches.iter().map(|patch| {
            let id = patch.id.clone();
            let id = id.with_context(|| format!("{CONFIG}: {:?} has no id", patch.subject))?;
            let files = self.files().filter(|path| patch.takes(path));
            let files = files.map(str::to_string).collect();
            Ok(Planned { id, files })
        });
        patches.collect()
    }

    /// Items that come later by choice: the file, the item, and the number of the patch.
    pub fn chosen(&self) -> Vec<(String, String, usize)> {
        let chosen = self.chosen.iter().flat_map(|later| {
            let number = self.number(&later.patch).unwrap_or_default();
            let items = later.items.iter();
            items.map(move |item| (later.file.clone(), item.clone(), number))
        });
        chosen.collect()
    }

    /// The files of the kernel that have insertions, as they are after some patches.
    pub fn inserted_after(&self, kdir: &Path, patches: usize) -> Result<Vec<(String, Vec<u8>)>> {
        let tree = Tree::open(kdir, Access::Read, Hooks::default())?;
        let overlay = self.for_kernel(&tree.version.series)?;
        let so_far = &overlay.patches[..patches];
        let files = overlay.bases(&tree)?.into_iter().map(|(path, base, _)| {
            let belongs = |i: &&_| so_far.iter().any(|patch| patch.has(i));
            let ours = overlay.insertions.iter().filter(|i| i.file == path);
            let ours: Vec<_> = ours.filter(belongs).collect();
            let content = inserted(&path, &base, &ours)?;
            Ok((path, content))
        });
        files.collect()
    }

    /// The size of each patch.
    pub fn sizes(&self) -> Result<Vec<Size>> {
        let steps = self.steps()?;
        let mut before = 0;
        let mut sizes = Vec::new();
        for (number, patch) in self.patches.iter().enumerate() {
            let mut lines = 0;
            for file in self.files.iter().filter(|file| is_code(&file.path)) {
                if let Some(content) = steps.content(file, number + 1) {
                    lines += lines_of_code(&String::from_utf8_lossy(&content));
                }
            }
            let inserted = self
                .insertions
                .iter()
                .filter(|i| patch.has(i) && is_code(&i.file));
            let inserted: usize = inserted.map(|i| lines_of_code(&i.lines.join("\n"))).sum();
            sizes.push(Size {
                id: patch.id.clone().unwrap_or_default(),
                lines: lines.saturating_sub(before) + inserted,
            });
            before = lines;
        }
        Ok(sizes)
    }

    /// The files of the overlay as they are after some patches.
    pub fn files_after(&self, patches: usize) -> Result<BTreeMap<String, String>> {
        let steps = self.steps()?;
        let files = self.files.iter().filter_map(|file| {
            let content = steps.content(file, patches)?;
            let content = String::from_utf8_lossy(&content).into_owned();
            Some((file.path.clone(), content))
        });
        Ok(files.collect())
    }
}

fn is_test(path: &str) -> bool {
    path.contains("/vma/tests") || path.ends_with("vma_kunit.c")
}

fn is_code(path: &str) -> bool {
    let is_language = [".rs", ".c", ".h"].iter().any(|end| path.ends_with(end));
    is_language && !is_test(path) && !path.starts_with("samples/")
}

fn lines_of_code(text: &str) -> usize {
    let mut is_comment = false;
    let is_code = |line: &&str| {
        let words = line.trim();
        if is_comment {
            is_comment = !words.ends_with("*/");
            return false;
        }
        is_comment = words.starts_with("/*") && !words.ends_with("*/");
        !words.is_empty() && !words.starts_with("//") && !words.starts_with("/*")
    };
    text.lines().filter(is_code).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names behind a prefix.
    fn names<'a>(text: &'a str, prefix: &str) -> BTreeSet<&'a str> {
        let after = text
            .match_indices(prefix)
            .map(|(at, _)| &text[at + prefix.len()..]);
        let name = |text: &'a str| {
            let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
            &text[..end.unwrap_or(text.len())]
        };
        after.map(name).collect()
    }

    /// The compiler is asked with the bindings of all patches, so it does not know.
    #[test]
    fn each_patch_has_the_helpers_that_it_calls() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let overlay = Overlay::load(&repo).unwrap();
        let steps = overlay.steps().unwrap();
        let after = |patches: usize| -> Vec<(&str, String)> {
            let files = overlay
                .files
                .iter()
                .filter(|file| is_code(&file.path) || is_test(&file.path));
            let content = files.filter_map(|file| {
                let content = steps.content(file, patches)?;
                Some((&*file.path, String::from_utf8_lossy(&content).into_owned()))
            });
            content.collect()
        };
        let helpers = |files: &[(&str, String)]| -> BTreeSet<String> {
            let c = files.iter().filter(|(path, _)| path.ends_with(".c"));
            let names = c.flat_map(|(_, text)| names(text, "rust_helper_"));
            names.map(str::to_string).collect()
        };
        let all = helpers(&after(overlay.patches.len()));
        assert!(all.len() > 100);
        let mut missing = Vec::new();
        for (number, patch) in overlay.patches.iter().enumerate() {
            let files = after(number + 1);
            let there = helpers(&files);
            let so_far = &overlay.patches[..=number];
            let inserted = overlay.insertions.iter();
            let inserted = inserted.filter(|i| so_far.iter().any(|patch| patch.has(i)));
            let inserted = inserted.map(|i| (&*i.file, i.lines.join("\n")));
            let all_files = files.iter().cloned().chain(inserted);
            for (path, text) in all_files.filter(|(path, _)| path.ends_with(".rs")) {
                let names = names(&text, "bindings::").into_iter();
                let lacking = names.filter(|name| all.contains(*name) && !there.contains(*name));
                let id = patch.id.as_deref().unwrap_or_default();
                missing.extend(lacking.map(|name| format!("{id}: {path}: {name}")));
            }
        }
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }
}
