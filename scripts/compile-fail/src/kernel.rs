// SPDX-License-Identifier: GPL-2.0

//! The compiler as the kernel build called it.
//!
//! The flags are those that the build recorded for the `kernel` crate itself: they have to be the same for
//! a crate that is linked with it, and differ with architecture, configuration and version.

use crate::Revision;
use crate::case::CaseFile;
use crate::diagnostic::Outcome;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const RECORD: &str = "rust/.kernel.o.cmd";

pub(crate) struct Compiler {
    rustc: PathBuf,
    build_dir: PathBuf,
    flags: Vec<String>,
    options: BTreeSet<String>,
}

impl Compiler {
    pub fn of_kernel(build_dir: &Path, rustc: &Path) -> Result<Self> {
        let shown = build_dir.display();
        let advice = "build the kernel there first, with CONFIG_RUST=y";
        ensure!(
            build_dir.join("rust/libkernel.rmeta").is_file(),
            "{shown}: no built kernel crate (rust/libkernel.rmeta): {advice}"
        );
        let read = |file: &str| {
            fs::read_to_string(build_dir.join(file))
                .with_context(|| format!("{shown}: {file} cannot be read: {advice}"))
        };
        same_compiler(build_dir, rustc, &read("include/config/auto.conf")?)?;
        let flags = flags(&read(RECORD)?)
            .with_context(|| format!("{shown}: {RECORD} has no call of rustc in it: {advice}"))?;
        let options = read("include/generated/rustc_cfg")?;
        let options = options
            .lines()
            .filter_map(|l| l.strip_prefix("--cfg="))
            .filter(|o| !o.contains('='));
        Ok(Self {
            rustc: rustc.to_path_buf(),
            build_dir: fs::canonicalize(build_dir)
                .with_context(|| format!("{shown}: cannot be opened"))?,
            flags,
            options: options.map(str::to_string).collect(),
        })
    }

    /// The first of these options that the kernel does not have as asked for.
    pub fn lacks(&self, needs: &[String]) -> Option<String> {
        let lacking = |need: &&String| match need.strip_prefix('!') {
            Some(unwanted) => self.options.contains(unwanted),
            None => !self.options.contains(*need),
        };
        needs.iter().find(lacking).cloned()
    }

    pub fn compile(
        &self,
        path: &Path,
        case: &CaseFile,
        revision: Revision,
        scratch: &Path,
    ) -> Result<Outcome> {
        let path = fs::canonicalize(path)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let metadata = scratch.join(format!("{stem}.{}.rmeta", revision.name()));
        let mut rustc = Command::new(&self.rustc);
        rustc
            .current_dir(&self.build_dir)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUST_MODFILE", "case");
        rustc
            .env("OBJTREE", &self.build_dir)
            .env_remove("RUSTFLAGS");
        rustc
            .args(&self.flags)
            .args(["-L", "rust", "--extern", "kernel"]);
        if self.build_dir.join("rust/libpin_init.rmeta").is_file() {
            rustc.args(["--extern", "pin_init"]);
        }
        rustc.args([
            "--crate-type=rlib",
            "--crate-name=case",
            "-Zcrate-attr=no_std",
        ]);
        // The functions of a case are there to be type-checked, not called.
        rustc.args([
            "-Adead_code",
            "--check-cfg=cfg(misuse, correct)",
            "--cfg",
            revision.name(),
        ]);
        // So that a misspelt `misuse` is seen; what options there are, the kernel does not tell rustc.
        let option = |name| format!("--check-cfg=cfg({name}, values(any()))");
        rustc.args(case.options.iter().map(option));
        rustc.arg(format!("--emit=metadata={}", metadata.display()));
        rustc
            .args(["--error-format=json", "--diagnostic-width=140"])
            .arg(&path);
        let output = rustc
            .stdin(Stdio::null())
            .output()
            .with_context(|| cannot_start(&self.rustc))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        Ok(Outcome::parse(
            output.status.success(),
            &stderr,
            &path.to_string_lossy(),
        ))
    }
}

fn cannot_start(rustc: &Path) -> String {
    format!(
        "{}: cannot be started: install rustc or give one with RUSTC=",
        rustc.display()
    )
}

/// Metadata can be read by the very compiler that wrote it, and by no other.
fn same_compiler(build_dir: &Path, rustc: &Path, auto_conf: &str) -> Result<()> {
    let built_by = auto_conf
        .lines()
        .find_map(|l| l.strip_prefix("CONFIG_RUSTC_VERSION_TEXT="));
    let built_by = built_by
        .map(|v| v.trim_matches('"').to_string())
        .unwrap_or_default();
    let output = Command::new(rustc)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .with_context(|| cannot_start(rustc))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_string();
    if built_by != version {
        let built_by = if built_by.is_empty() {
            "another compiler"
        } else {
            &built_by
        };
        bail!(
            "{}: the kernel was built by {built_by}, but {} is {version}: build it again or give the compiler with RUSTC=",
            build_dir.display(),
            rustc.display(),
        );
    }
    Ok(())
}

/// The flags that the build recorded for the kernel crate, except those that are about this one crate.
pub fn flags(record: &str) -> Option<Vec<String>> {
    let line = record
        .lines()
        .find_map(|l| l.strip_prefix("savedcmd_rust/kernel.o :="))?;
    let mut words = words(line).into_iter();
    words.find(|w| w.ends_with("rustc") || w.ends_with("clippy-driver"))?;
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            ";" => break,
            "--extern" | "--crate-type" | "--crate-name" | "-L" | "-o" | "--out-dir" => {
                words.next();
            }
            _ if [
                "--emit",
                "--extern=",
                "--crate-type=",
                "--crate-name=",
                "-L",
                "--out-dir=",
            ]
            .iter()
            .any(|p| word.starts_with(p)) => {}
            _ if word.ends_with(".rs") && !word.starts_with('-') => {}
            _ => flags.push(word),
        }
    }
    Some(flags)
}

/// Splits a shell command; a `;` outside of quotes is a word of its own.
pub fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, ' ' | '\t' | ';') => {
                words.extend(word.take());
                if c == ';' {
                    words.push(";".to_string());
                }
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
