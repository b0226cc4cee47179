// SPDX-License-Identifier: GPL-2.0

//! Makes `series-cut.toml` anew: what comes in a later patch than its file, because it does not compile before.

use crate::{LATER, Overlay, older_file};
use anyhow::{Context, Result};
use cut::{Known, Rustc, Search, Source, Step};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The files that the search works with.
pub struct Workplace {
    pub rustc: PathBuf,
    /// The tree, with or without the overlay.
    pub tree: PathBuf,
    /// The `O=` directory of a build of everything.
    pub build: PathBuf,
    /// The directory of another configuration, which has to compile, too, with all that is below rust/.
    pub other: Option<PathBuf>,
    /// Is kept from one run to the next.
    pub scratch: PathBuf,
}

/// The result of the search.
pub struct CutSeries {
    /// The content of the file that `make patches` reads.
    pub text: String,
    /// Warnings about fields that nothing reads yet, after how many patches.
    pub tolerated: BTreeSet<String>,
}

const TEXT: &str = "\
# SPDX-License-Identifier: GPL-2.0
#
# Items that come in a later patch than their file, because they do not compile before. Made by `make series-cut`.
";

const OLDER: &str = "\
# SPDX-License-Identifier: GPL-2.0
#
# Items that kernels of this series cannot have, because they do not compile there. Made by `make series-cut SERIES=`.
";

impl Workplace {
    fn compiler<'a>(
        &self,
        source: PathBuf,
        inserted: &'a dyn Fn(usize) -> Result<Vec<(String, Vec<u8>)>>,
    ) -> Rustc<'a> {
        Rustc {
            rustc: self.rustc.clone(),
            build: self.build.clone(),
            source,
            scratch: self.scratch.clone(),
            inserted,
            other: self.other.clone(),
            keeps_fields: true,
            tolerated: BTreeSet::new(),
            compiled: None,
            patches: 0,
        }
    }
}

impl Overlay {
    /// Asks the compiler of a build which items of the files need later patches. Begins with those that were found before;
    /// without the file that has them, with none.
    pub fn cut(&self, place: &Workplace, say: &mut dyn FnMut(&str)) -> Result<CutSeries> {
        let source = place.scratch.join("source");
        let foreign = self.copy_rust(&place.tree, &source)?;
        let sources = self.compiled()?;
        let planned = self.planned()?;
        let ids: Vec<String> = planned.iter().map(|patch| patch.id.clone()).collect();
        let steps = planned.into_iter().map(|patch| Step {
            id: patch.id,
            files: patch
                .files
                .into_iter()
                .filter(|path| is_compiled(path))
                .collect(),
        });
        let steps: Vec<Step> = steps.collect();
        let keys = self.keys_of(&steps)?;
        let chosen: Vec<_> = self
            .chosen()
            .into_iter()
            .filter(|(path, ..)| is_compiled(path))
            .collect();
        let mut search = Search::new(steps, sources, &foreign);
        search.choose(&chosen)?;
        let inserted = RefCell::new(BTreeMap::new());
        let inserted_after = |patches: usize| {
            if let Some(files) = inserted.borrow().get(&patches) {
                return Ok(Clone::clone(files));
            }
            let files = self.inserted_after(&place.tree, patches)?;
            inserted.borrow_mut().insert(patches, files.clone());
            Ok(files)
        };
        let mut rustc = place.compiler(source, &inserted_after);
        let store = place.scratch.join("steps.json");
        let known = fs::read_to_string(&store).unwrap_or_default();
        let mut known: BTreeMap<String, Vec<(String, String)>> =
            serde_json::from_str(&known).unwrap_or_default();
        let mut found = Vec::new();
        if !known.contains_key(&keys[search.len()]) {
            search.begin(&mut rustc)?;
            known.insert(keys[search.len()].clone(), Vec::new());
            fs::write(&store, serde_json::to_string(&known)?)?;
        }
        let mut say = say;
        for patches in (1..search.len()).rev() {
            let key = &keys[patches];
            let before = match keys[patches] == keys[patches + 1] {
                true => Some(search.state()),
                false => known.get(key).cloned(),
            };
            let word = if before.is_some() {
                "known"
            } else {
                "asking rustc"
            };
            say(&format!(
                "after patch {}, {}: {word}",
                patches,
                ids[patches - 1]
            ));
            let guess = self.found_from(patches);
            let state = match &before {
                Some(state) => Known::All(state),
                None => Known::Guess(&guess),
            };
            found.extend(search.step(patches, state, &mut rustc, &mut say)?);
            known.insert(key.clone(), search.state());
            fs::write(&store, serde_json::to_string(&known)?)?;
        }
        Ok(CutSeries {
            text: as_toml(&found, &ids),
            tolerated: rustc.tolerated,
        })
    }

    /// Asks the compiler of a build of an older kernel what that cannot have. What was found before has to be forgotten.
    pub fn cut_for(
        &self,
        place: &Workplace,
        series: &str,
        say: &mut dyn FnMut(&str),
    ) -> Result<String> {
        let overlay = self.for_kernel(series)?;
        let source = place.scratch.join("source");
        let foreign = overlay.copy_rust(&place.tree, &source)?;
        let sources = overlay.compiled()?;
        // All there is, and after it what comes with a newer kernel: nothing is known of that.
        let steps = vec![
            Step {
                id: series.to_string(),
                files: sources.keys().cloned().collect(),
            },
            Step {
                id: "newer".to_string(),
                files: Vec::new(),
            },
        ];
        let inserted = overlay.inserted_after(&place.tree, overlay.patches.len())?;
        let inserted_after = |_| Ok(inserted.clone());
        let mut rustc = place.compiler(source, &inserted_after);
        rustc.keeps_fields = false;
        let mut search = Search::new(steps, sources, &foreign);
        search.has_whole_tables = true;
        let found = search.step(1, Known::Guess(&[]), &mut rustc, &mut |line| say(line))?;
        let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (path, key, _) in &found {
            by_file.entry(path).or_default().push(key);
        }
        let mut text = OLDER.to_string();
        for (path, items) in by_file {
            text.push_str(&format!("\n[[absent]]\nfile = \"{path}\"\n"));
            text.push_str(&listed(&items));
        }
        Ok(text)
    }

    pub fn write_older(&self, series: &str, text: &str) -> Result<()> {
        let name = older_file(series);
        let path = self.repo.join(&name);
        let written = fs::create_dir_all(path.parent().context("a path has a directory")?);
        written
            .and_then(|()| fs::write(path, text))
            .with_context(|| name)
    }

    /// The items that were found to come with a patch or a later one.
    fn found_from(&self, patches: usize) -> Vec<(String, String)> {
        let mut items = Vec::new();
        for later in &self.found {
            // The patch may have another name by now.
            if self.number(&later.patch).is_some_and(|n| n >= patches) {
                let of_file = later.items.iter();
                items.extend(of_file.map(|key| (later.file.clone(), key.clone())));
            }
        }
        items
    }

    /// The files that the search looks at.
    fn compiled(&self) -> Result<BTreeMap<String, Source>> {
        let files = self.files().filter(|path| is_compiled(path));
        let parsed = files.map(|path| Ok((path.to_string(), Source::new(path, self.text(path)?)?)));
        parsed.collect()
    }

    pub fn write_cut(&self, series: &CutSeries) -> Result<()> {
        fs::write(self.repo.join(LATER), &series.text).with_context(|| LATER.to_string())
    }

    /// For each number of patches, what the result depends on.
    fn keys_of(&self, steps: &[Step]) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        for patches in 0..=steps.len() {
            let mut text = String::new();
            let mut files: Vec<&String> = steps[..patches].iter().flat_map(|s| &s.files).collect();
            files.sort();
            for path in files {
                let digest = crate::sha256(self.text(path)?.as_bytes());
                text.push_str(&format!("{path} {digest}\n"));
            }
            let number = |id: &str| steps.iter().position(|step| step.id == id);
            for insertion in &self.insertions {
                let so_far = &self.patches[..patches];
                let is_rust = insertion.file.starts_with("rust/");
                if is_rust && so_far.iter().any(|patch| patch.has(insertion)) {
                    text.push_str(&format!("{} {:?}\n", insertion.file, insertion.lines));
                }
            }
            for later in &self.chosen {
                let mut there = steps[..patches].iter().flat_map(|step| &step.files);
                let is_there = !is_compiled(&later.file) || there.any(|file| *file == later.file);
                if is_there && number(&later.patch).is_some_and(|number| number >= patches) {
                    text.push_str(&format!("{} {:?}\n", later.file, later.items));
                }
            }
            keys.push(crate::sha256(text.as_bytes()));
        }
        Ok(keys)
    }

    /// Copies the tree's rust/ without the files of the overlay. Returns the names that others use.
    fn copy_rust(&self, tree: &Path, to: &Path) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        let ours: BTreeSet<&str> = self.files().collect();
        let inserted = self.inserted_after(tree, 0)?;
        let inserted: BTreeMap<String, Vec<u8>> = inserted.into_iter().collect();
        for entry in WalkDir::new(tree.join("rust")) {
            let entry = entry?;
            let name = entry
                .path()
                .strip_prefix(tree)?
                .to_string_lossy()
                .into_owned();
            let is_rust = name.ends_with(".rs") || name.ends_with(".c") || name.ends_with(".h");
            if !entry.file_type().is_file() || !is_rust || ours.contains(name.as_str()) {
                continue;
            }
            let content = match inserted.get(&name) {
                Some(content) => content.clone(),
                None => fs::read(entry.path())?,
            };
            if name.starts_with("rust/kernel") {
                // Comments, too: methods of the core library are in examples.
                let text = String::from_utf8_lossy(&content);
                let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
                names.extend(words.map(str::to_string));
            }
            let file = to.join(&name);
            if !inserted.contains_key(&name) && fs::read(&file).ok() != Some(content.clone()) {
                fs::create_dir_all(file.parent().context("a path has a directory")?)?;
                fs::write(&file, content)?;
            }
        }
        Ok(names)
    }
}

/// Part of the kernel crate, or of its helpers.
fn is_compiled(path: &str) -> bool {
    path.starts_with("rust/") && (path.ends_with(".rs") || path.ends_with(".c"))
}

fn as_toml(found: &cut::Found, ids: &[String]) -> String {
    let mut by_file: BTreeMap<(&str, usize), Vec<&str>> = BTreeMap::new();
    for (path, key, patch) in found {
        by_file.entry((path, *patch)).or_default().push(key);
    }
    let mut text = TEXT.to_string();
    for ((path, patch), items) in by_file {
        let patch = &ids[patch];
        text.push_str(&format!(
            "\n[[later]]\nfile = \"{path}\"\npatch = \"{patch}\"\n"
        ));
        text.push_str(&listed(&items));
    }
    text
}

fn listed(items: &[&str]) -> String {
    let items = items.iter().map(|item| format!("\t{},\n", quoted(item)));
    format!("items = [\n{}]\n", items.collect::<String>())
}

fn quoted(text: &str) -> String {
    match text.contains(['"', '\\']) {
        true => format!("'{text}'"),
        false => format!("\"{text}\""),
    }
}
