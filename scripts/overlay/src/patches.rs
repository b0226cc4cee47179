// SPDX-License-Identifier: GPL-2.0

//! The series for `git am`, made by git itself in a repository that lives only as long as that.
//!
//! It tracks the kernel files that get insertions and nothing else; the kernel tree is only read.

use crate::git::{Identity, Run, isolated};
use crate::insert::{self, Insertion};
use crate::inspect::{self, Base};
use crate::load::Patch;
use crate::tree::{Access, Tree};
use crate::{CONFIG, Overlay};
use anyhow::{Context, Result, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Kernel files that get insertions, as they are without them, and their mode.
type Bases = BTreeMap<String, (Vec<u8>, u32)>;

impl Overlay {
    pub(crate) fn patches_by(
        &self,
        kdir: &Path,
        outdir: &Path,
        who: &Identity,
    ) -> Result<Vec<PathBuf>> {
        let tree = Tree::open(kdir, Access::Read)?;
        let bases = self.bases(&tree)?;
        refuse_foreign(outdir)?;
        let parent = outdir
            .parent()
            .filter(|p| *p != Path::new(""))
            .unwrap_or(Path::new("."));
        let unwritable = || {
            format!(
                "{}: cannot be written to: choose another directory",
                parent.display()
            )
        };
        fs::create_dir_all(parent).with_context(unwritable)?;
        let scratch = tempfile::Builder::new()
            .prefix(".patches-")
            .tempdir_in(parent)
            .with_context(unwritable)?;
        let (work, series) = (scratch.path().join("work"), scratch.path().join("series"));
        for dir in [&work, &series] {
            fs::create_dir(dir)?;
        }
        fs::set_permissions(&series, Permissions::from_mode(0o755))?;
        self.commit_series(&bases, &work, who)?;
        let format = [
            "format-patch",
            "-q",
            "--no-signature",
            "--zero-commit",
            "--abbrev=12",
            "--no-renames",
            "-o",
        ];
        isolated(&work, who)
            .args(format)
            .arg(&series)
            .arg("base..HEAD")
            .run()?;
        let mut names: Vec<_> = fs::read_dir(&series)?
            .map(|e| Ok(e?.file_name()))
            .collect::<Result<_>>()?;
        names.sort();
        replace(&series, outdir)
            .with_context(|| format!("{}: cannot be replaced", outdir.display()))?;
        Ok(names.into_iter().map(|name| outdir.join(name)).collect())
    }

    fn bases(&self, tree: &Tree) -> Result<Bases> {
        let it = self.inspect(tree)?;
        let shown = tree.root.display();
        if it.elsewhere {
            bail!("{shown}: has the series already: give a tree without it with KDIR=");
        }
        let mut bases = Bases::new();
        for path in self.insertion_files() {
            let forms = it
                .old
                .as_ref()
                .and_then(|m| m.insertions.get(path))
                .cloned()
                .unwrap_or_default();
            match inspect::base(tree, path, &forms)? {
                Base::Clean { base, mode, .. } => bases.insert(path.to_string(), (base, mode)),
                Base::Edited => bail!("{shown}: {}", inspect::edited_lines(path)),
                Base::Missing | Base::Unusable(_) => bail!(
                    "{shown}: {path}: not in this tree: use a kernel that fits, or adapt {CONFIG}"
                ),
            };
        }
        Ok(bases)
    }

    fn commit_series(&self, bases: &Bases, work: &Path, who: &Identity) -> Result<()> {
        let git = || isolated(work, who);
        git()
            .args(["init", "-q", "--template=", "-b", "series"])
            .run()?;
        for (path, (content, mode)) in bases {
            put(work, path, content, *mode)?;
        }
        git().args(["add", "-f", "-A"]).run()?;
        git()
            .args(["commit", "-q", "--allow-empty", "-m", "base"])
            .run()?;
        git().args(["tag", "base"]).run()?;
        for (number, patch) in self.patches.iter().enumerate() {
            for file in self.files.iter().filter(|f| patch.takes(&f.path)) {
                put(
                    work,
                    &file.path,
                    &file.content,
                    if file.executable { 0o755 } else { 0o644 },
                )?;
            }
            for (path, (base, mode)) in bases {
                let so_far = &self.patches[..=number];
                let belongs = |i: &&Insertion| {
                    so_far
                        .iter()
                        .any(|p| self.insertions_of(p).any(|own| std::ptr::eq(own, *i)))
                };
                let insertions: Vec<&Insertion> = self
                    .insertions
                    .iter()
                    .filter(|i| i.file == *path)
                    .filter(belongs)
                    .collect();
                let placed = insert::place(base, &insertions)
                    .map_err(|m| anyhow::anyhow!(inspect::misfit_text(path, &m)))?;
                let pieces = insert::pieces(base, placed);
                put(work, path, &insert::insert(base, &pieces), *mode)?;
            }
            git().args(["add", "-f", "-A"]).run()?;
            let message = format!("{}\n\n{}\n", patch.subject, patch.body.trim());
            git()
                .args(["commit", "-q", "-s", "--cleanup=whitespace", "-m", &message])
                .run()?;
        }
        Ok(())
    }

    /// Insertions that come with a patch: by name, or by the path of their file.
    pub(crate) fn insertions_of(&self, patch: &Patch) -> impl Iterator<Item = &Insertion> {
        self.insertions.iter().filter(|i| match &i.patch {
            Some(name) => patch.is(name),
            None => patch.takes(&i.file),
        })
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
        if !name.to_string_lossy().ends_with(".patch") {
            bail!(
                "{shown}: holds {}, which is no patch: choose another directory for them",
                name.to_string_lossy()
            );
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
