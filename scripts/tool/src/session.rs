// SPDX-License-Identifier: GPL-2.0

//! A run of the tool: what was asked for, and what is made ready for its target.

use crate::Arguments;
use crate::bench;
use crate::code;
use crate::host::{Compilers, Packages};
use crate::judge::baseline::Baseline;
use crate::kbuild::{self, Kernel};
use crate::kconfig::Config;
use crate::machine::HOST;
use crate::matrix;
use crate::places::Places;
use crate::programs;
use crate::progress::Progress;
use crate::tiers::{self, Row, Tier};
use anyhow::{Context, Result, bail};
use overlay::Overlay;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub struct Session<'a> {
    pub places: &'a Places,
    pub progress: &'a Progress,
    pub arguments: &'a Arguments,
}

/// A host and a tree that are ready to build.
pub struct Ready {
    pub packages: Packages,
    pub overlay: Overlay,
    pub compilers: Compilers,
    bindgen: PathBuf,
}

impl Session<'_> {
    pub fn overlay(&self) -> Result<Overlay> {
        Overlay::load(&self.places.repo)
    }

    pub fn packages(&self, overlay: &Overlay) -> Packages {
        Packages {
            cargo: self.arguments.cargo.clone(),
            rustc: self.arguments.rustc.clone(),
            series: match &self.arguments.series {
                Some(series) => vec![series.clone()],
                None => overlay.supported_versions.clone(),
            },
        }
    }

    /// Packages, source, bindgen and overlay.
    pub fn ready(&self) -> Result<Ready> {
        self.ready_with(self.overlay()?)
    }

    pub fn ready_with(&self, overlay: Overlay) -> Result<Ready> {
        let packages = self.packages(&overlay);
        let steps = ["packages", "source", "bindgen"];
        let is_needed = |step: &&str| *step != "source" || self.places.kdir.is_none();
        let steps: Vec<&str> = steps.into_iter().filter(is_needed).collect();
        let found = packages.setup(self.places, &steps, self.progress)?;
        let compilers = Compilers::of(&found)?;
        let (rust, llvm) = (&compilers.rust.version, compilers.llvm.major);
        let text = format!("  {:22} rustc {rust}, LLVM {llvm}", "compilers");
        self.progress.say(&text);
        let bindgen = found.get("bindgen").context("there is no bindgen")?.into();
        self.put_in(&overlay, &self.places.tree())?;
        Ok(Ready {
            packages,
            overlay,
            compilers,
            bindgen,
        })
    }

    pub fn kernel<'r>(&'r self, ready: &'r Ready) -> Kernel<'r> {
        Kernel {
            places: self.places,
            packages: &ready.packages,
            compilers: &ready.compilers,
            bindgen: &ready.bindgen,
            ours: ready.overlay.files().map(str::to_string).collect(),
            offered: self.offered(ready),
        }
    }

    /// Our options in the tree, if it is of an older kernel, which does not have all.
    fn offered(&self, ready: &Ready) -> Option<BTreeSet<String>> {
        let tree = self.places.tree();
        let version = overlay::kernel_version(&tree).ok()?;
        let newest = ready.overlay.supported_versions.first();
        let is_older = newest.is_some_and(|newest| *newest != version.series);
        is_older.then(|| kbuild::offered(&tree, ready.overlay.files()))
    }

    /// One of the guest's programs, built for this machine.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        let (places, cargo) = (self.places, &self.arguments.cargo);
        programs::build(places, cargo, (HOST, None), name, self.progress)
    }

    /// Applies the overlay, and says in a line what that did.
    pub fn put_in(&self, overlay: &Overlay, tree: &Path) -> Result<String> {
        let step = self.progress.step("overlay");
        let done = overlay.apply(tree)?;
        let (written, unchanged) = (done.files_written, done.files_unchanged);
        let result = match done.nothing_to_do {
            true => format!("up to date: {unchanged} files"),
            false => format!("{written} files written, {unchanged} as they were"),
        };
        step.done(&result);
        let (count, shown) = (done.insertions, self.places.show(tree));
        Ok(format!(
            "{result}, {count} insertions in {shown} ({})",
            done.version
        ))
    }

    /// The tree that the overlay goes into, fetched if need be.
    pub fn tree(&self, overlay: &Overlay) -> Result<PathBuf> {
        if self.places.kdir.is_none() {
            let packages = self.packages(overlay);
            packages.setup(self.places, &["source"], self.progress)?;
        }
        Ok(self.places.tree())
    }

    /// Writes the series into build/patches.
    pub fn write_patches(&self, overlay: &Overlay, tree: &Path) -> Result<Vec<PathBuf>> {
        self.written("patches", |dir| overlay.patches(tree, dir))
    }

    /// Writes it into a directory below build/ for a check, with what is not committed yet; returns it without the cover
    /// letter.
    pub fn patches_to_check(
        &self,
        overlay: &Overlay,
        tree: &Path,
        dir: &str,
    ) -> Result<Vec<PathBuf>> {
        let mut patches = self.written(dir, |dir| overlay.patches_to_check(tree, dir))?;
        patches.remove(0);
        Ok(patches)
    }

    fn written(
        &self,
        dir: &str,
        write: impl FnOnce(&Path) -> Result<Vec<PathBuf>>,
    ) -> Result<Vec<PathBuf>> {
        let dir = self.places.build.join(dir);
        let step = self.progress.step("patches");
        let patches = write(&dir)?;
        step.done(&format!("{} in {}", patches.len(), self.places.show(&dir)));
        Ok(patches)
    }

    pub fn config_or(&self, default: Config) -> Result<Config> {
        let asked = self.arguments.config.as_deref();
        asked.map_or(Ok(default), Config::by_name)
    }

    /// The suites of a tier, or of the part of it that was asked for.
    pub fn rows(&self, tier: Tier) -> Result<Vec<Row>> {
        let mut rows = tiers::load(&self.places.repo)?;
        rows.retain(|row| tier == Tier::All || row.tier == tier);
        match &self.arguments.matrix {
            Some(part) => matrix::part(rows, part),
            None => Ok(rows),
        }
    }

    /// The kernel that was asked for, of those that boot with a guest.
    pub fn guest_config(&self, default: Config) -> Result<Config> {
        let config = self.config_or(default)?;
        let name = config.name;
        if config.machine.programs.is_none() {
            bail!("CONFIG={name}: it has no guest: take x86_64, x86_64-debug or arm64");
        }
        Ok(config)
    }

    /// The same, of those whose guests run the host's programs.
    pub fn host_config(&self, default: Config) -> Result<Config> {
        let config = self.guest_config(default)?;
        let name = config.name;
        if !config.machine.is_host() {
            bail!(
                "CONFIG={name}: programs of this host do not run there: take x86_64 or x86_64-debug"
            );
        }
        Ok(config)
    }

    /// The kernel that was asked for, of those whose machine code can be read.
    pub fn code_config(&self, default: Config) -> Result<Config> {
        let config = self.config_or(default)?;
        let name = config.name;
        if !config.machine.has_code_of_x86() {
            bail!("CONFIG={name}: only machine code of x86 can be read: take x86_64-bench");
        }
        Ok(config)
    }

    /// Builds the plugin of QEMU.
    pub fn plugin(&self) -> Result<PathBuf> {
        programs::build_library(
            self.places,
            &self.arguments.cargo,
            bench::PLUGIN,
            self.progress,
        )
    }

    /// The number of helper calls of each primitive where helpers are not inlined.
    pub fn helper_calls(&self, kernel: &Kernel) -> Result<BTreeMap<String, u64>> {
        code::helper_calls(kernel, bench::called(kernel))
    }

    /// The stored costs of primitives, and their file.
    pub fn baseline(&self) -> Result<(PathBuf, Baseline)> {
        let file = self.baseline_file();
        let baseline = Baseline::load(&file).with_context(|| self.places.show(&file))?;
        Ok((file, baseline))
    }

    pub fn baseline_file(&self) -> PathBuf {
        let default = || self.places.repo.join(bench::BASELINE);
        self.arguments.baseline.clone().unwrap_or_else(default)
    }
}
