// SPDX-License-Identifier: GPL-2.0

//! The directories: the checkout, build/ in it, and the cache that clones share.

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The directories of one run.
#[derive(Clone, Debug)]
pub struct Places {
    pub repo: PathBuf,
    pub build: PathBuf,
    pub cache: PathBuf,
    /// The caller's kernel tree, used instead of the source package.
    pub kdir: Option<PathBuf>,
}

impl Places {
    pub fn new(repo: &Path, kdir: Option<&Path>) -> Result<Self> {
        let repo = fs::canonicalize(repo)
            .with_context(|| format!("{}: no such checkout", repo.display()))?;
        let advice = |dir: &Path| {
            format!(
                "KDIR={}: give the top directory of a kernel tree",
                dir.display()
            )
        };
        let kdir = kdir.map(|dir| fs::canonicalize(dir).with_context(|| advice(dir)));
        let kdir = kdir.transpose()?;
        Ok(Self {
            build: repo.join("build"),
            cache: cache_dir(|name| env::var(name).ok())?,
            repo,
            kdir,
        })
    }

    /// Takes another series of kernels of the archive, which is built in a directory of its own.
    pub fn choose(&mut self, series: &str) -> Result<()> {
        if self.kdir.is_some() {
            bail!("SERIES={series}: KDIR= is a tree already: give one of them");
        }
        let is_series = series
            .split('.')
            .all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if !is_series || !series.contains('.') {
            bail!("SERIES={series}: no series of kernels: give one such as 7.2");
        }
        self.build = self.build.join(series);
        Ok(())
    }

    /// The kernel tree that is configured and built.
    pub fn tree(&self) -> PathBuf {
        let own = || self.build.join("linux");
        self.kdir.clone().unwrap_or_else(own)
    }

    /// The `O=` directory of a configuration; a caller's tree has its own, so that changing between trees rebuilds
    /// nothing.
    pub fn out(&self, config: &str) -> PathBuf {
        match &self.kdir {
            None => self.build.join(config),
            Some(dir) => {
                let digest = Sha256::digest(dir.as_os_str().as_encoded_bytes());
                let tag: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
                self.build.join(format!("kdir-{tag}")).join(config)
            }
        }
    }

    pub fn log(&self, step: &str) -> PathBuf {
        self.build.join("logs").join(format!("{step}.log"))
    }

    /// A path as a reader standing in the checkout would type it.
    pub fn show(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.repo);
        below.unwrap_or(path).display().to_string()
    }

    /// A text for readers elsewhere, without the directories of this machine.
    pub fn without_paths(&self, text: &str) -> String {
        let home = env::var("HOME").ok().filter(|home| home.len() > 1);
        let mut names = vec![
            (format!("{}/", self.repo.display()), ""),
            (self.repo.display().to_string(), "."),
            (self.cache.display().to_string(), "VMA_CACHE"),
        ];
        names.extend(
            self.kdir
                .iter()
                .map(|dir| (dir.display().to_string(), "KDIR")),
        );
        names.extend(home.map(|home| (home, "~")));
        // One may be inside another.
        names.sort_by_key(|(dir, _)| Reverse(dir.len()));
        let replaced = |text: String, (dir, name): (String, &str)| text.replace(&dir, name);
        names.into_iter().fold(text.to_string(), replaced)
    }
}

fn cache_dir(var: impl Fn(&str) -> Option<String>) -> Result<PathBuf> {
    let set = |name| Some(PathBuf::from(var(name).filter(|value| !value.is_empty())?));
    let dir = match (set("VMA_CACHE"), set("XDG_CACHE_HOME"), set("HOME")) {
        (Some(dir), _, _) => dir,
        (_, Some(dir), _) => dir.join("linux-rust-vma"),
        (_, _, Some(home)) => home.join(".cache").join("linux-rust-vma"),
        _ => bail!("no directory for the cache: set VMA_CACHE or HOME"),
    };
    if !dir.is_absolute() {
        bail!(
            "VMA_CACHE={}: the cache must be an absolute path",
            dir.display()
        );
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_follows_the_variables_in_order() {
        let all = [
            ("VMA_CACHE", "/a"),
            ("XDG_CACHE_HOME", "/b"),
            ("HOME", "/c"),
        ];
        let in_home = "/c/.cache/linux-rust-vma";
        for (vars, expected) in [
            (&all[..], "/a"),
            (&all[1..], "/b/linux-rust-vma"),
            (&all[2..], in_home),
            (&[("VMA_CACHE", ""), ("HOME", "/c")], in_home),
            (&[], "no directory for the cache: set VMA_CACHE or HOME"),
            (
                &[("VMA_CACHE", "x")],
                "VMA_CACHE=x: the cache must be an absolute path",
            ),
        ] {
            let var = |name: &str| Some(vars.iter().find(|(n, _)| *n == name)?.1.to_string());
            let found = cache_dir(var).map_or_else(|e| e.to_string(), |p| p.display().to_string());
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn readers_elsewhere_see_no_directory_of_ours() {
        let places = Places {
            repo: "/r".into(),
            build: "/r/build".into(),
            cache: "/r/cache".into(),
            kdir: Some("/k/linux".into()),
        };
        let text = "see /r/build/a.log, in /r: /k/linux/mm and /r/cache/x";
        let expected = "see build/a.log, in .: KDIR/mm and VMA_CACHE/x";
        assert_eq!(places.without_paths(text), expected);
    }

    #[test]
    fn trees_do_not_share_a_build_directory() {
        let place = |kdir: Option<&str>| Places {
            repo: "/r".into(),
            build: "/r/build".into(),
            cache: "/c".into(),
            kdir: kdir.map(PathBuf::from),
        };
        assert_eq!(place(None).out("um"), Path::new("/r/build/um"));
        assert_ne!(place(Some("/k1")).out("um"), place(Some("/k2")).out("um"));
        assert!(place(Some("/k1")).out("um").starts_with("/r/build"));
    }
}
