// SPDX-License-Identifier: GPL-2.0

//! Completes this machine by scripts/bootstrap.sh, which installs packages, fetches the source and builds bindgen.

use crate::places::Places;
use crate::proc;
use crate::progress::Progress;
use crate::toolchain::{Llvm, Rust};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The input of the script.
#[derive(Clone)]
pub struct Packages {
    pub cargo: PathBuf,
    /// The caller's choice.
    pub rustc: Option<PathBuf>,
    /// Series of the kernel source, the preferred one first.
    pub series: Vec<String>,
}

/// The results of the script.
pub type Found = BTreeMap<String, String>;

impl Packages {
    /// Runs steps of the script. It shares the terminal, because sudo may ask for a password.
    pub fn setup(&self, places: &Places, steps: &[&str], progress: &Progress) -> Result<Found> {
        let step = progress.step(&format!("setup {}", steps.join(" ")));
        let mut cmd = proc::command("sh");
        cmd.arg(places.repo.join("scripts/bootstrap.sh"))
            .arg("--setup")
            .args(steps)
            .env("VMA_BUILD", &places.build)
            .env("VMA_CACHE", &places.cache)
            .env("VMA_CARGO", &self.cargo)
            .env("VMA_SERIES", self.series.join(" "))
            .env("VMA_RUSTC", self.rustc.as_deref().unwrap_or(Path::new("")))
            .env("CARGO_TERM_COLOR", "never")
            .stdin(Stdio::inherit())
            .stderr(Stdio::inherit());
        let mut output = None;
        progress.hidden(|| output = Some(cmd.output()));
        let output = output.expect("just run").context("sh: cannot be run")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter_map(|line| line.split_once('='));
        let found: Found = lines.map(|(k, v)| (k.to_string(), v.to_string())).collect();
        if !output.status.success() {
            match found.get("error") {
                Some(error) => bail!("{error}"),
                None => bail!(
                    "scripts/bootstrap.sh --setup {}: it failed",
                    steps.join(" ")
                ),
            }
        }
        step.done("all there");
        Ok(found)
    }
}

/// The compilers that were found.
#[derive(Clone, Debug)]
pub struct Compilers {
    pub rust: Rust,
    pub llvm: Llvm,
}

impl Compilers {
    /// Those of the step `packages`.
    pub fn of(found: &Found) -> Result<Self> {
        let value = |name: &str| {
            let value = found.get(name).map(String::as_str);
            value.with_context(|| format!("scripts/bootstrap.sh does not say {name}"))
        };
        Ok(Self {
            rust: Rust {
                rustc: value("rustc")?.into(),
                version: value("rust_version")?.to_string(),
                llvm_major: value("rust_llvm")?.parse()?,
            },
            llvm: Llvm {
                suffix: value("llvm")?.to_string(),
                major: value("llvm_major")?.parse()?,
            },
        })
    }
}

/// Ensures that the host has what one purpose, a step of the script, needs in addition.
pub fn require(
    places: &Places,
    packages: &Packages,
    purpose: &str,
    progress: &Progress,
) -> Result<()> {
    packages.setup(places, &[purpose], progress).map(drop)
}
