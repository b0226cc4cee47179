// SPDX-License-Identifier: GPL-2.0

//! Reads the overlay from the repository: `overlay.toml`, `series.toml`, and the files that go into the tree.

use crate::insert::{Insertion, Position};
use crate::later::{self, Later};
use crate::manifest::is_inside;
use crate::older::{self, Absent};
use crate::{CONFIG, LATER, Overlay, SERIES, git};
use anyhow::{Context, Result, anyhow, bail, ensure};
use glob::{MatchOptions, Pattern};
use regex_lite::Regex;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use walkdir::WalkDir;

/// Directories of the repository that mirror the kernel tree.
pub(crate) const MIRRORED: [&str; 3] = ["Documentation", "rust", "samples"];

/// A new file for the kernel tree.
#[derive(Clone)]
pub(crate) struct OverlayFile {
    pub path: String,
    /// Where the repository has it.
    pub source: String,
    /// For the tree.
    pub content: Vec<u8>,
    /// As in the repository, if an older kernel gets less.
    pub whole: Option<Vec<u8>>,
    pub executable: bool,
}

/// One patch of the series.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    pub id: Option<String>,
    pub subject: String,
    pub body: String,
    pub paths: Vec<String>,
}

impl Patch {
    pub fn takes(&self, path: &str) -> bool {
        let options = MatchOptions {
            require_literal_separator: true,
            ..MatchOptions::new()
        };
        let pattern = |path: &String| Pattern::new(path).expect("checked when it was read");
        let mut patterns = self.paths.iter().map(pattern);
        patterns.any(|pattern| pattern.matches_with(path, options))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    supported_versions: Vec<String>,
    #[serde(default)]
    file: Vec<RawFile>,
    #[serde(default)]
    insertion: Vec<Insertion>,
    #[serde(default)]
    patch: Vec<Patch>,
    #[serde(default)]
    absent: Vec<Absent>,
}

/// The series: its patches, and what comes in a later patch than its file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Series {
    #[serde(default)]
    patch: Vec<Patch>,
    #[serde(default)]
    later: Vec<Later>,
}

/// A file that the tree has under another path than the repository.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    source: String,
    installed: String,
}

pub(crate) fn load(repo: &Path) -> Result<Overlay> {
    let repo =
        fs::canonicalize(repo).with_context(|| format!("{}: cannot be opened", repo.display()))?;
    let text = fs::read_to_string(repo.join(CONFIG))
        .with_context(|| format!("{}/{CONFIG}: cannot be read", repo.display()))?;
    let config: Config = toml::from_str(&text).map_err(|e| toml_error(CONFIG, &text, &e))?;
    let series = [SERIES, LATER].map(|name| read_series(&repo, name));
    let [series, found] = series;
    let (series, found) = (series?, found?);
    let patches = config.patch.into_iter().chain(series.patch);
    let mut found_absent = Vec::new();
    for series in &config.supported_versions {
        found_absent.extend(older::read(&repo, series)?);
    }
    let overlay = Overlay {
        supported_versions: config.supported_versions,
        files: files(&repo, config.file)?,
        insertions: config.insertion,
        patches: patches.collect(),
        chosen: series.later,
        found: found.later,
        absent: config.absent,
        found_absent,
        never: Vec::new(),
        repo,
    };
    check(&overlay).with_context(|| CONFIG.to_string())?;
    later::check(&overlay, &overlay.chosen).with_context(|| SERIES.to_string())?;
    Ok(overlay)
}

/// A file of the series, if there is one: a short series needs none.
fn read_series(repo: &Path, name: &str) -> Result<Series> {
    let path = repo.join(name);
    if !path.exists() {
        return Ok(Series::default());
    }
    let text = fs::read_to_string(path).with_context(|| format!("{name}: cannot be read"))?;
    toml::from_str(&text).map_err(|e| toml_error(name, &text, &e))
}

/// The parser's own message has a picture of several lines; ours is one line.
pub(crate) fn toml_error(file: &str, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let start = error.span().map_or(0, |span| span.start);
    let line = 1 + text[..start].matches('\n').count();
    anyhow!("{file}:{line}: {}", error.message().replace('\n', ", "))
}

fn check_insertion(insertion: &Insertion) -> Result<()> {
    let (file, lines) = (&insertion.file, &insertion.lines);
    let purpose = insertion.purpose.trim();
    ensure!(
        is_inside(file),
        "{file:?}: not a path inside the kernel tree"
    );
    ensure!(
        !purpose.is_empty(),
        "{file}: an insertion without a purpose: say it in one phrase"
    );
    ensure!(!lines.is_empty(), "{file}: an insertion without lines");
    let breaks = lines.iter().any(|l| l.contains(['\n', '\r']));
    ensure!(
        !breaks,
        "{file}: a line with a line break in it: make it two lines"
    );
    let replaces = insertion.position == Position::Instead;
    ensure!(
        replaces || insertion.to.is_none() && insertion.above == 0,
        "{file}: `to` and `above` are for lines that are replaced: say position = \"instead\""
    );
    let series = [&insertion.since, &insertion.before];
    let mut series = series.into_iter().flatten();
    ensure!(
        series.all(|series| older::number(series).is_some()),
        "{file}: `since` and `before` name a series of kernels, such as \"7.3\""
    );
    for pattern in std::iter::once(&insertion.anchor).chain(&insertion.to) {
        let wrong = || format!("{file}: anchor /{pattern}/ is no regular expression");
        Regex::new(pattern).map(drop).with_context(wrong)?;
    }
    Ok(())
}

fn check_patch(patch: &Patch) -> Result<()> {
    let (subject, body) = (patch.subject.trim(), patch.body.trim());
    let is_line = !subject.is_empty() && !subject.contains('\n');
    ensure!(is_line, "{subject:?}: a patch needs a subject of one line");
    ensure!(
        !body.is_empty(),
        "patch {subject:?}: has no body: say why it is made"
    );
    for path in &patch.paths {
        Pattern::new(path).with_context(|| format!("patch {subject:?}: {path:?}"))?;
    }
    Ok(())
}

fn check_absent(overlay: &Overlay, absent: &Absent) -> Result<()> {
    let Absent { series, file, .. } = absent;
    ensure!(
        overlay.supported_versions.contains(series),
        "{file}: is said to be absent in {series:?}, which is no supported version"
    );
    let pattern = Pattern::new(file).with_context(|| format!("absent: {file:?}"))?;
    ensure!(
        overlay.files().any(|path| pattern.matches(path)),
        "{file}: is said to be absent in {series}, and is no file of the overlay"
    );
    Ok(())
}

/// Every path belongs to exactly one patch, and every patch contains something.
fn check(overlay: &Overlay) -> Result<()> {
    for absent in &overlay.absent {
        check_absent(overlay, absent)?;
    }
    let (insertions, patches) = (&overlay.insertions, &overlay.patches);
    insertions.iter().try_for_each(check_insertion)?;
    patches.iter().try_for_each(check_patch)?;
    let no_version = overlay.supported_versions.is_empty();
    ensure!(
        !no_version,
        "supported_versions is empty: name at least one"
    );
    let new: BTreeSet<&str> = overlay.files().collect();
    if let Some(both) = overlay.insertion_files().find(|f| new.contains(f)) {
        bail!("{both}: is both a file of the overlay and a file with insertions: make it one");
    }
    for named in insertions.iter().filter_map(|i| i.patch.as_deref()) {
        let n = patches
            .iter()
            .filter(|p| p.id.as_deref() == Some(named))
            .count();
        ensure!(
            n == 1,
            "an insertion names patch {named:?}, of which there are {n}: give one that id"
        );
    }
    let by_path = insertions.iter().filter(|i| i.patch.is_none());
    for path in by_path.map(|i| i.file.as_str()).chain(new) {
        let takers: Vec<&Patch> = patches.iter().filter(|p| p.takes(path)).collect();
        match takers[..] {
            [_] => {}
            [] => bail!("{path}: in no patch: add it to the paths of one"),
            [Patch { subject: one, .. }, Patch { subject: other, .. }, ..] => {
                bail!("{path}: in patch {one:?} and in patch {other:?}: leave it in one of them")
            }
        }
    }
    for patch in patches {
        let has_file = overlay.files().any(|path| patch.takes(path));
        let is_idle = !has_file && !insertions.iter().any(|i| patch.has(i));
        let subject = &patch.subject;
        ensure!(
            !is_idle,
            "patch {subject:?}: its paths match nothing: correct or remove it"
        );
    }
    Ok(())
}

fn files(repo: &Path, moved: Vec<RawFile>) -> Result<Vec<OverlayFile>> {
    let paths = match repo.join(".git").symlink_metadata() {
        Ok(_) => git::listed(repo, &MIRRORED)?,
        Err(_) => walk(repo)?,
    };
    let mut sources: BTreeMap<String, String> = paths.into_iter().map(|p| (p.clone(), p)).collect();
    for RawFile { source, installed } in moved {
        let are_inside = is_inside(&source) && is_inside(&installed);
        ensure!(
            are_inside,
            "{CONFIG}: {source:?} as {installed:?}: not paths inside the repository and the kernel tree"
        );
        ensure!(
            repo.join(&source).is_file(),
            "{CONFIG}: {source}: no such file"
        );
        sources.remove(&source);
        if let Some(other) = sources.insert(installed.clone(), source) {
            bail!("{CONFIG}: {installed}: {other} is installed there, too");
        }
    }
    let mut files = Vec::new();
    for (path, source) in sources {
        let full = repo.join(&source);
        // Git also lists a file that is deleted and not committed yet.
        let Ok(meta) = fs::symlink_metadata(&full) else {
            continue;
        };
        let shown = full.display();
        ensure!(
            meta.is_file(),
            "{shown}: not a regular file: the overlay has only those"
        );
        let content = fs::read(&full).with_context(|| format!("{shown}: cannot be read"))?;
        let executable = meta.permissions().mode() & 0o111 != 0;
        files.push(OverlayFile {
            path,
            source,
            content,
            whole: None,
            executable,
        });
    }
    Ok(files)
}

/// All files below the mirrored directories.
fn walk(repo: &Path) -> Result<Vec<String>> {
    let dirs = MIRRORED.map(|dir| repo.join(dir));
    let mut paths = Vec::new();
    for entry in dirs
        .iter()
        .filter(|dir| dir.is_dir())
        .flat_map(WalkDir::new)
    {
        let entry = entry?;
        let path = entry.path().strip_prefix(repo)?;
        if !entry.file_type().is_dir() {
            let path = path
                .to_str()
                .with_context(|| format!("{}: not UTF-8", path.display()))?;
            paths.push(path.to_string());
        }
    }
    Ok(paths)
}
