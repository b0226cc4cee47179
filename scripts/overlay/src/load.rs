// SPDX-License-Identifier: GPL-2.0

//! Reads the overlay from the repository: `overlay.toml` and the files that go into the tree.

use crate::insert::Insertion;
use crate::manifest::is_inside;
use crate::{CONFIG, Overlay, git};
use anyhow::{Context, Result, anyhow, bail, ensure};
use glob::{MatchOptions, Pattern};
use regex_lite::Regex;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Directories of the repository that mirror the kernel tree.
pub(crate) const MIRRORED: [&str; 3] = ["Documentation", "rust", "samples"];

/// A new file for the kernel tree.
pub(crate) struct OverlayFile {
    pub path: String,
    /// Where the repository has it.
    pub source: String,
    pub content: Vec<u8>,
    pub executable: bool,
}

/// One patch of the series.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    pub id: Option<String>,
    pub subject: String,
    pub body: String,
    pub paths: Vec<String>,
}

impl Patch {
    pub fn takes(&self, path: &str) -> bool {
        let whole = MatchOptions {
            require_literal_separator: true,
            ..MatchOptions::new()
        };
        let matches = |p: Pattern| p.matches_with(path, whole);
        self.paths
            .iter()
            .any(|p| Pattern::new(p).is_ok_and(matches))
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
    let config: Config = toml::from_str(&text).map_err(|e| toml_error(&text, &e))?;
    let overlay = Overlay {
        supported_versions: config.supported_versions,
        files: files(&repo, config.file)?,
        insertions: config.insertion,
        patches: config.patch,
        repo,
    };
    check(&overlay).with_context(|| CONFIG.to_string())?;
    Ok(overlay)
}

/// The parser's own message has a picture of several lines; ours is one line.
fn toml_error(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line = error
        .span()
        .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
    anyhow!(
        "{CONFIG}:{line}: {}",
        error.message().lines().collect::<Vec<_>>().join(", ")
    )
}

fn check_insertion(insertion: &Insertion) -> Result<()> {
    let Insertion {
        file,
        anchor,
        lines,
        ..
    } = insertion;
    ensure!(
        is_inside(file),
        "{file:?}: not a path inside the kernel tree"
    );
    ensure!(
        !insertion.purpose.trim().is_empty(),
        "{file}: an insertion without a purpose: say it in one phrase"
    );
    ensure!(!lines.is_empty(), "{file}: an insertion without lines");
    ensure!(
        !lines.iter().any(|l| l.contains(['\n', '\r'])),
        "{file}: a line with a line break in it: make it two lines"
    );
    match Regex::new(anchor) {
        Ok(_) => Ok(()),
        Err(e) => bail!("{file}: anchor /{anchor}/ is no regular expression: {e}"),
    }
}

fn check_patch(patch: &Patch) -> Result<()> {
    let subject = &patch.subject;
    ensure!(
        !subject.trim().is_empty() && !subject.contains('\n'),
        "{subject:?}: a patch needs a subject of one line"
    );
    ensure!(
        !patch.body.trim().is_empty(),
        "patch {subject:?}: has no body: say why it is made"
    );
    for path in &patch.paths {
        if let Err(e) = Pattern::new(path) {
            bail!("patch {subject:?}: {path:?}: {}", e.msg);
        }
    }
    Ok(())
}

/// Every path belongs to exactly one patch, and every patch has something to bring.
fn check(overlay: &Overlay) -> Result<()> {
    overlay.insertions.iter().try_for_each(check_insertion)?;
    overlay.patches.iter().try_for_each(check_patch)?;
    ensure!(
        !overlay.supported_versions.is_empty(),
        "supported_versions is empty: name at least one"
    );
    let new: BTreeSet<&str> = overlay.files.iter().map(|f| f.path.as_str()).collect();
    if let Some(both) = overlay.insertion_files().find(|f| new.contains(f)) {
        bail!(
            "{both}: is both a file of the overlay and a file with insertions: make it one of them"
        );
    }
    for named in overlay.insertions.iter().filter_map(|i| i.patch.as_deref()) {
        let patches = overlay
            .patches
            .iter()
            .filter(|p| p.id.as_deref() == Some(named))
            .count();
        ensure!(
            patches == 1,
            "an insertion names patch {named:?}, of which there are {patches}: give one patch that id"
        );
    }
    let by_path = overlay
        .insertions
        .iter()
        .filter(|i| i.patch.is_none())
        .map(|i| i.file.as_str());
    for path in by_path.chain(new.iter().copied()) {
        let takers: Vec<&str> = overlay
            .patches
            .iter()
            .filter(|p| p.takes(path))
            .map(|p| p.subject.as_str())
            .collect();
        match takers[..] {
            [_] => {}
            [] => bail!("{path}: in no patch: add it to the paths of one"),
            [one, other, ..] => {
                bail!("{path}: in patch {one:?} and in patch {other:?}: leave it in one of them")
            }
        }
    }
    let idle = |p: &&Patch| {
        !overlay.files.iter().any(|f| p.takes(&f.path))
            && !overlay.insertions.iter().any(|i| p.has(i))
    };
    if let Some(patch) = overlay.patches.iter().find(idle) {
        bail!(
            "patch {:?}: its paths match nothing: correct or remove it",
            patch.subject
        );
    }
    Ok(())
}

fn files(repo: &Path, moved: Vec<RawFile>) -> Result<Vec<OverlayFile>> {
    let mut paths = Vec::new();
    match repo.join(".git").symlink_metadata() {
        Ok(_) => paths = git::listed(repo, &MIRRORED)?,
        Err(_) => MIRRORED
            .iter()
            .try_for_each(|dir| walk(repo, dir, &mut paths))?,
    }
    let mut sources: BTreeMap<String, String> = paths.into_iter().map(|p| (p.clone(), p)).collect();
    for RawFile { source, installed } in moved {
        ensure!(
            is_inside(&source) && is_inside(&installed),
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
        ensure!(
            meta.is_file(),
            "{}: not a regular file: the overlay has only those",
            full.display()
        );
        files.push(OverlayFile {
            path,
            source,
            content: fs::read(&full)
                .with_context(|| format!("{}: cannot be read", full.display()))?,
            executable: meta.permissions().mode() & 0o111 != 0,
        });
    }
    Ok(files)
}

fn walk(repo: &Path, dir: &str, paths: &mut Vec<String>) -> Result<()> {
    let Ok(entries) = fs::read_dir(repo.join(dir)) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry.with_context(|| format!("{dir}: cannot be read"))?;
        let name = entry.file_name();
        let name = name
            .to_str()
            .with_context(|| format!("{dir}: has a file name that is not UTF-8"))?;
        let path = format!("{dir}/{name}");
        if entry.file_type()?.is_dir() {
            walk(repo, &path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}
