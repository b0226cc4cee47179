// SPDX-License-Identifier: GPL-2.0

//! The series for `git am`, made by git itself in a repository that lives only as long as that.
//!
//! It tracks the kernel files that get insertions and nothing else; the kernel tree is only read.

use crate::git::{Identity, Run, isolated};
use crate::insert::Insertion;
use crate::later::Steps;
use crate::load::Patch;
use crate::ops::inserted;
use crate::tree::{Access, Hooks, Tree};
use crate::{COVER, Overlay};
use anyhow::{Context, Result, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The name that git gives to the cover letter.
const COVER_LETTER: &str = "0000-cover-letter.patch";

/// The subject of a series without a text of its own.
const NO_SUBJECT: &str = "the series";

impl Overlay {
    pub(crate) fn patches_by(
        &self,
        kdir: &Path,
        outdir: &Path,
        who: &Identity,
    ) -> Result<Vec<PathBuf>> {
        let tree = Tree::open(kdir, Access::Read, Hooks::default())?;
        let overlay = self.for_kernel(&tree.version.series)?;
        let bases = overlay.bases(&tree)?;
        let steps = overlay.steps()?;
        refuse_foreign(outdir)?;
        let parent = match outdir.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let shown = parent.display();
        let unwritable = || format!("{shown}: cannot be written to: choose another directory");
        fs::create_dir_all(parent).with_context(unwritable)?;
        let mut builder = tempfile::Builder::new();
        let scratch = builder.prefix(".patches-").tempdir_in(parent);
        let scratch = scratch.with_context(unwritable)?;
        let [work, series] = ["work", "series"].map(|name| scratch.path().join(name));
        fs::create_dir(&work)?;
        fs::create_dir(&series)?;
        overlay.commit_series(&bases, &steps, &work, who)?;
        let format =
            "format-patch -q --no-signature --zero-commit --abbrev=12 --no-renames --cover-letter";
        let mut git = isolated(&work, who);
        git.args(format.split(' '))
            // The diffstat has whole paths.
            .arg("--stat=1000,900")
            .args(["-o".as_ref(), series.as_os_str(), "base..HEAD".as_ref()]);
        git.run()?;
        self.write_cover_letter(&series.join(COVER_LETTER))?;
        let names = fs::read_dir(&series)?.map(|entry| Ok(outdir.join(entry?.file_name())));
        let mut paths: Vec<_> = names.collect::<Result<_>>()?;
        paths.sort();
        let replaced = replace(&series, outdir);
        replaced.with_context(|| format!("{}: cannot be replaced", outdir.display()))?;
        Ok(paths)
    }

    /// Puts the text of the repository into the letter that git has made, with its list and its diffstat.
    fn write_cover_letter(&self, path: &Path) -> Result<()> {
        let letter = fs::read_to_string(path).context("git has written no cover letter")?;
        let text = fs::read_to_string(self.repo.join(COVER)).unwrap_or_default();
        // The licence line is not for the mail.
        let lines = text
            .lines()
            .skip_while(|line| line.starts_with('#') || line.is_empty());
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let (subject, text) = text.split_once('\n').unwrap_or((NO_SUBJECT, ""));
        let text = match text.trim() {
            "" => self
                .patches
                .iter()
                .map(|patch| patch.body.trim())
                .next()
                .unwrap_or_default(),
            text => text,
        };
        let letter = letter.replace("*** SUBJECT HERE ***", subject);
        Ok(fs::write(path, letter.replace("*** BLURB HERE ***", text))?)
    }

    fn commit_series(
        &self,
        bases: &[(String, Vec<u8>, u32)],
        steps: &Steps,
        work: &Path,
        who: &Identity,
    ) -> Result<()> {
        let git = |args: &str| isolated(work, who).args(args.split(' ')).run();
        git("init -q --template= -b series")?;
        for (path, content, mode) in bases {
            put(work, path, content, *mode)?;
        }
        git("add -f -A")?;
        git("commit -q --allow-empty -m base")?;
        git("tag base")?;
        for (number, patch) in self.patches.iter().enumerate() {
            let changed = self
                .files
                .iter()
                .filter(|f| steps.is_changed(&f.path, number));
            for file in changed {
                if let Some(content) = steps.content(file, number + 1) {
                    let mode = if file.executable { 0o755 } else { 0o644 };
                    put(work, &file.path, &content, mode)?;
                }
            }
            let so_far = &self.patches[..=number];
            let is_new = |path: &str| {
                let mut insertions = self.insertions.iter();
                insertions.any(|i| i.file == path && patch.has(i))
            };
            for (path, base, mode) in bases.iter().filter(|(path, ..)| is_new(path)) {
                let belongs = |i: &&Insertion| i.file == *path && so_far.iter().any(|p| p.has(i));
                let ours: Vec<&Insertion> = self.insertions.iter().filter(belongs).collect();
                put(work, path, &inserted(path, base, &ours)?, *mode)?;
            }
            git("add -f -A")?;
            let message = format!("{}\n\n{}\n", patch.subject, patch.body.trim());
            let mut commit = isolated(work, who);
            commit.args("commit -q -s --allow-empty --cleanup=whitespace -m".split(' '));
            commit.arg(&message).run()?;
        }
        Ok(())
    }
}

impl Patch {
    /// Returns true if the patch has an insertion: by name, or by the path of its file.
    pub fn has(&self, insertion: &Insertion) -> bool {
        match &insertion.patch {
            Some(name) => self.id.as_ref() == Some(name),
            None => self.takes(&insertion.file),
        }
    }
}

fn put(root: &Path, path: &str, content: &[u8], mode: u32) -> Result<()> {
    let full = root.join(path);
    if let Some(parent) = full.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&full, content)?;
    Ok(fs::set_permissions(&full, Permissions::from_mode(mode))?)
}

/// The output directory is replaced as a whole: it must hold nothing but an earlier series.
fn refuse_foreign(outdir: &Path) -> Result<()> {
    let Ok(meta) = fs::symlink_metadata(outdir) else {
        return Ok(());
    };
    let shown = outdir.display();
    if !meta.is_dir() {
        bail!("{shown}: not a directory: choose another one for the patches");
    }
    for entry in fs::read_dir(outdir).with_context(|| format!("{shown}: cannot be read"))? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.ends_with(".patch") {
            bail!("{shown}: holds {name}, which is no patch: choose another directory for them");
        }
    }
    Ok(())
}

fn replace(new: &Path, outdir: &Path) -> Result<()> {
    if !outdir.exists() {
        return Ok(fs::rename(new, outdir)?);
    }
    // Exchanged in one step; the old series goes away with the scratch directory.
    if renameat_with(CWD, new, CWD, outdir, RenameFlags::EXCHANGE).is_err() {
        fs::rename(outdir, new.with_extension("old"))?;
        fs::rename(new, outdir)?;
    }
    Ok(())
}
