// SPDX-License-Identifier: GPL-2.0

//! Suites that passed, each with a hash of everything that decided it: the same inputs need not be tested twice.

use crate::kconfig::Config;
use crate::places::Places;
use crate::proc;
use crate::report::{Outcome, write_json};
use crate::session::Ready;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

/// A hash over inputs, each with its name.
pub struct Inputs(Sha256);

impl Inputs {
    /// The inputs of every suite: this program, the compilers and the kernel tree's version.
    pub fn new(ready: &Ready, places: &Places) -> Result<Self> {
        let mut inputs = Self(Sha256::new());
        inputs.add("compilers", format!("{:?}", ready.compilers).as_bytes());
        // This program, by a name that stays when `cargo test` links it anew.
        inputs.file(Path::new("/proc/self/exe"))?;
        inputs.file(&places.tree().join("Makefile"))?;
        Ok(inputs)
    }

    fn add(&mut self, name: &str, content: &[u8]) {
        for part in [name.as_bytes(), content] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    pub fn file(&mut self, file: &Path) -> Result<()> {
        let content = fs::read(file);
        let content = content.with_context(|| format!("{}: cannot be read", file.display()))?;
        self.add(&file.display().to_string(), &content);
        Ok(())
    }

    /// Every file of the checkout that git does not ignore.
    pub fn checkout(&mut self, places: &Places) -> Result<()> {
        let mut cmd = proc::command("git");
        cmd.arg("-C").arg(&places.repo);
        cmd.args("ls-files -z --cached --others --exclude-standard".split(' '));
        let names = proc::text(cmd).context("git ls-files fails: is this a git checkout?")?;
        for name in names.split_terminator('\0') {
            // A file that was deleted and not committed yet.
            let content = fs::read(places.repo.join(name)).unwrap_or_default();
            self.add(name, &content);
        }
        Ok(())
    }

    /// A kernel that was built: its image, its configuration and its modules.
    pub fn kernel(&mut self, places: &Places, config: Config) -> Result<()> {
        let out = places.out(config.name);
        self.file(&out.join(config.machine.image))?;
        self.file(&out.join(".config"))?;
        let order = fs::read_to_string(out.join("modules.order")).unwrap_or_default();
        for object in order.lines() {
            self.file(&out.join(object).with_extension("ko"))?;
        }
        Ok(())
    }

    pub fn digest(self) -> String {
        let bytes = self.0.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The outcome of a suite that passed with these inputs.
pub fn recall(file: &Path, inputs: &str) -> Option<Outcome> {
    let record = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let (known, passed, skipped): (String, usize, usize) = record;
    (known == inputs).then(|| Outcome {
        passed,
        skipped,
        unchanged: true,
        ..Outcome::default()
    })
}

pub fn remember(file: &Path, inputs: &str, outcome: &Outcome) -> Result<()> {
    fs::create_dir_all(file.parent().expect("below build/"))?;
    write_json(file, &(inputs, outcome.passed, outcome.skipped))
}

/// Removes a record before its suite runs, so that an interrupted or failed run is not taken for a success.
pub fn forget(file: &Path) {
    let _ = fs::remove_file(file);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_counts_for_the_same_inputs_only() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sub/x.json");
        let outcome = Outcome {
            passed: 3,
            skipped: 1,
            ..Outcome::default()
        };
        assert!(recall(&file, "a").is_none());
        remember(&file, "a", &outcome).unwrap();
        assert!(recall(&file, "b").is_none());
        let recalled = recall(&file, "a").unwrap();
        assert_eq!(recalled.counts(), "3 passed, 0 failed, 1 skipped");
        assert!(recalled.unchanged && !outcome.unchanged);
        forget(&file);
        assert!(recall(&file, "a").is_none());
    }

    #[test]
    fn every_change_of_an_input_changes_the_hash() {
        let hash = |inputs: &[(&str, &str)]| {
            let mut all = Inputs(Sha256::new());
            for (name, content) in inputs {
                all.add(name, content.as_bytes());
            }
            all.digest()
        };
        let all = [
            hash(&[("a", "b")]),
            hash(&[("a", "c")]),
            hash(&[("ab", "")]),
            hash(&[("a", "b"), ("", "")]),
            hash(&[]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one));
        }
        assert_eq!(all[0], hash(&[("a", "b")]));
    }
}
