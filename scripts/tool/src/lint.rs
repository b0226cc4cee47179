// SPDX-License-Identifier: GPL-2.0

//! Mechanical checks: formatting, checkpatch on the series, clippy on the tools, licence lines, words, and no host names or
//! paths of this machine.

use crate::places::Places;
use crate::proc;
use crate::progress::Progress;
use crate::report::Outcome;
use crate::toolchain::Rust;
use anyhow::{Context, Result};
use regex_lite::Regex;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Words that are refused.
const WORDS: &str = "scripts/words.txt";

/// The subject of all checks.
pub struct Subject<'a> {
    pub places: &'a Places,
    pub rust: &'a Rust,
    pub cargo: &'a Path,
    /// Overlay files, relative to the tree.
    pub ours: &'a [String],
    pub patches: &'a [PathBuf],
}

/// Runs every check; all of them, whatever the first ones find.
pub fn run(subject: &Subject, progress: &Progress) -> Result<Outcome> {
    let mut step = progress.step("lint");
    let mut outcome = Outcome::default();
    let mut tool = |name: &str, cmd: Command, outcome: &mut Outcome| -> Result<()> {
        step.doing(name);
        let log = subject
            .places
            .log(&format!("lint-{}", name.replace(' ', "-")));
        let (success, _) = proc::watched(&log, cmd, |_| ())?;
        if !success {
            eprint!("{}", proc::tail(&log, 20));
        }
        outcome.check(success, || {
            format!("{name}: see {}", subject.places.show(&log))
        });
        Ok(())
    };

    if let Some(cmd) = rustfmt(subject) {
        tool("rustfmt on the overlay", cmd, &mut outcome)?;
    }
    for patch in subject.patches {
        let name = patch
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        tool(
            &format!("checkpatch {name}"),
            checkpatch(subject.places, patch),
            &mut outcome,
        )?;
    }
    if cargo_has(subject, "fmt") {
        tool(
            "cargo fmt",
            cargo(subject, &["fmt", "--all", "--check"]),
            &mut outcome,
        )?;
    }
    if cargo_has(subject, "clippy") {
        let args = [
            "clippy",
            "--release",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        tool("cargo clippy", cargo(subject, &args), &mut outcome)?;
    }

    let tracked = tracked(&subject.places.repo)?;
    let unlicensed: Vec<&str> = tracked
        .iter()
        .filter(|f| !has_licence(f))
        .map(|f| f.name.as_str())
        .collect();
    outcome.check(unlicensed.is_empty(), || {
        format!(
            "no `SPDX-License-Identifier: GPL-2.0` at the top of: {}",
            unlicensed.join(", ")
        )
    });
    let hosts = configured_hosts();
    let named = places_of(&tracked, |text| {
        hosts
            .iter()
            .find(|host| text.contains(host.as_str()))
            .cloned()
    });
    outcome.check(named.is_empty(), || {
        format!(
            "host names of this machine's configuration: {}",
            named.join(", ")
        )
    });
    let paths = own_paths(&subject.places.repo);
    let found = places_of(&tracked, |text| {
        paths.iter().find(|path| mentions(text, path)).cloned()
    });
    outcome.check(found.is_empty(), || {
        format!("paths of this machine: {}", found.join(", "))
    });
    let refused = words(&fs::read_to_string(subject.places.repo.join(WORDS))?)?;
    let texts: Vec<Tracked> = tracked.iter().filter(|f| is_ours(f)).cloned().collect();
    let unclear = places_of(&texts, |line| unclear(&refused, line));
    outcome.check(!refused.is_empty() && unclear.is_empty(), || {
        format!("words that {WORDS} refuses:\n{}", unclear.join("\n"))
    });
    // The drivers that time setters call unsafe ones, too.
    let samples = tracked.iter().filter(|file| {
        file.name.starts_with("samples/")
            && file.name != "samples/rust/vma/bench/fields.rs"
            && file.name.ends_with(".rs")
    });
    let samples: Vec<Tracked> = samples.cloned().collect();
    let raw = places_of(&samples, raw_access);
    outcome.check(!samples.is_empty() && raw.is_empty(), || {
        format!(
            "the samples are drivers of the safe API alone: {}",
            raw.join(", ")
        )
    });

    if outcome.failed == 0 {
        step.done(&outcome.counts());
    }
    Ok(outcome)
}

fn rustfmt(subject: &Subject) -> Option<Command> {
    let tree = subject.places.tree();
    let files = subject.ours.iter().filter(|file| file.ends_with(".rs"));
    let rustfmt = subject.rust.beside("rustfmt")?;
    let mut cmd = proc::command(rustfmt);
    cmd.arg("--check")
        .arg("--config-path")
        .arg(tree.join(".rustfmt.toml"));
    cmd.args(files.map(|file| subject.places.repo.join(file)));
    Some(cmd)
}

fn checkpatch(places: &Places, patch: &Path) -> Command {
    let tree = places.tree();
    let mut cmd = proc::command("perl");
    cmd.arg(tree.join("scripts/checkpatch.pl"))
        .arg("--strict")
        .arg("--show-types")
        .arg("--no-summary");
    // The series' last patch adds the MAINTAINERS entry for all of it.
    cmd.arg("--ignore=FILE_PATH_CHANGES");
    cmd.arg(format!("--root={}", tree.display()))
        .arg(patch)
        .current_dir(&places.build);
    cmd
}

fn cargo(subject: &Subject, args: &[&str]) -> Command {
    let mut cmd = proc::command(subject.cargo);
    cmd.current_dir(subject.places.repo.join("scripts"))
        .args(args);
    cmd.env("CARGO_TARGET_DIR", subject.places.build.join("target"))
        .env("CARGO_TERM_COLOR", "never");
    cmd
}

/// Not every cargo comes with its formatter and linter.
fn cargo_has(subject: &Subject, tool: &str) -> bool {
    proc::text(cargo(subject, &[tool, "--version"])).is_some()
}

/// A file under version control.
#[derive(Clone)]
struct Tracked {
    name: String,
    text: String,
}

fn tracked(repo: &Path) -> Result<Vec<Tracked>> {
    let mut cmd = proc::command("git");
    cmd.arg("-C").arg(repo).args(["ls-files", "-z"]);
    let list = proc::text(cmd).context("git ls-files failed: lint needs a git checkout")?;
    let names = list.split('\0').filter(|name| !name.is_empty());
    // A file that is deleted and not yet committed cannot be read, and need not be.
    let files = names.filter_map(|name| {
        let bytes = fs::read(repo.join(name)).ok()?;
        Some(Tracked {
            name: name.to_string(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    });
    Ok(files.collect())
}

fn has_licence(file: &Tracked) -> bool {
    // The licence itself, and the file that cargo writes.
    let exempt = ["COPYING", "Cargo.lock"];
    let base = file.name.rsplit('/').next().unwrap_or_default();
    let mut first = file.text.lines().take(2);
    exempt.contains(&base) || first.any(|line| line.contains("SPDX-License-Identifier: GPL-2.0"))
}

/// Returns the regular expressions of a list, a line each.
fn words(list: &str) -> Result<Vec<Regex>> {
    let lines = list.lines();
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| Regex::new(line).with_context(|| format!("{WORDS}: {line}")))
        .collect()
}

/// Returns true for a file whose words are ours.
fn is_ours(file: &Tracked) -> bool {
    !["COPYING", "scripts/Cargo.lock", WORDS].contains(&file.name.as_str())
}

/// The words of a line that are refused.
fn unclear(refused: &[Regex], line: &str) -> Option<String> {
    let mut found = refused.iter().filter_map(|word| word.find(line));
    found.next().map(|word| word.as_str().trim().to_string())
}

fn places_of(files: &[Tracked], find: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let hits = files.iter().flat_map(|file| {
        let lines = file.text.lines().enumerate();
        lines
            .filter_map(|(at, line)| Some(format!("{}:{}: {}", file.name, at + 1, find(line)?)))
            .collect::<Vec<_>>()
    });
    hits.collect()
}

/// The first word of a driver's line that bypasses the abstractions, outside comments.
fn raw_access(line: &str) -> Option<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words
        .find(|word| ["unsafe", "bindings"].contains(word))
        .map(str::to_string)
}

/// Hosts that this machine's package managers are configured with.
fn configured_hosts() -> BTreeSet<String> {
    let mut texts = Vec::new();
    let mut cmd = proc::command("apt-get");
    cmd.args(["indextargets", "--format", "$(REPO_URI)"]);
    texts.extend(proc::text(cmd));
    let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
    let cargo_home = env::var_os("CARGO_HOME").map_or(home.join(".cargo"), PathBuf::from);
    let files = [
        home.join(".npmrc"),
        home.join(".pip/pip.conf"),
        home.join(".config/pip/pip.conf"),
        PathBuf::from("/etc/pip.conf"),
        cargo_home.join("config.toml"),
        cargo_home.join("config"),
    ];
    texts.extend(
        files
            .iter()
            .filter_map(|file| fs::read_to_string(file).ok()),
    );
    texts.extend(
        ["PIP_INDEX_URL", "NPM_CONFIG_REGISTRY"]
            .iter()
            .filter_map(|name| env::var(name).ok()),
    );
    texts.iter().flat_map(|text| hosts_in(text)).collect()
}

fn hosts_in(text: &str) -> Vec<String> {
    let after = text.split("://").skip(1);
    let host = after.filter_map(|rest| {
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "-.@:".contains(c)))
            .unwrap_or(rest.len());
        let host = rest[..end].rsplit('@').next()?.split(':').next()?;
        host.contains('.').then(|| host.to_string())
    });
    host.collect()
}

/// The checkout's path and the user's home.
fn own_paths(repo: &Path) -> Vec<String> {
    let home = env::var("HOME").unwrap_or_default();
    let paths = [repo.display().to_string(), home];
    paths
        .into_iter()
        .map(|path| path.trim_end_matches('/').to_string())
        .filter(|path| path.len() > 1)
        .collect()
}

/// Checks that a text has this whole path.
fn mentions(text: &str, path: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    text.match_indices(path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + path.len()..].chars().next();
        !before.is_some_and(|c| is_name(c) || c == '/' || c == '}') && !after.is_some_and(is_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> Tracked {
        Tracked {
            name: name.to_string(),
            text: text.to_string(),
        }
    }

    #[test]
    fn licences_are_at_the_top() {
        let tag = "SPDX-License-Identifier: GPL-2.0";
        assert!(has_licence(&file("a.rs", &format!("// {tag}\n"))));
        assert!(has_licence(&file("a.sh", &format!("#!/bin/sh\n# {tag}\n"))));
        assert!(!has_licence(&file("a.rs", &format!("\n\n// {tag}\n"))));
        assert!(!has_licence(&file("a.rs", "fn main() {}\n")));
        assert!(has_licence(&file("scripts/Cargo.lock", "version = 4\n")));
    }

    #[test]
    fn hosts_are_taken_from_addresses() {
        let text = "deb http://one.example.org/x y\nindex = sparse+https://user:pw@two.example:8080/z\nfile:///var/x\n";
        assert_eq!(hosts_in(text), ["one.example.org", "two.example"]);
        let found = places_of(&[file("a", "x\nfrom one.example.org\n")], |line| {
            line.contains("one.example.org").then(|| "one".to_string())
        });
        assert_eq!(found, ["a:2: one"]);
    }

    #[test]
    fn drivers_keep_to_the_safe_api() {
        assert_eq!(raw_access("    unsafe { f() }").as_deref(), Some("unsafe"));
        assert_eq!(
            raw_access("use kernel::bindings;").as_deref(),
            Some("bindings")
        );
        assert_eq!(raw_access("// Not unsafe."), None);
        assert_eq!(raw_access("fn unsafely(rebindings: u8) {}"), None);
    }

    #[test]
    fn comments_name_their_subject() {
        let list = include_str!("../../words.txt");
        let refused = words(list).unwrap();
        let found = |line| unclear(&refused, line);
        assert_eq!(found("    /// Whether it is."), Some("/// Whether".into()));
        assert_eq!(found("# What is needed."), Some("# What".into()));
        assert_eq!(
            found(concat!("// It is not there any", " more.")),
            Some("any more.".into())
        );
        assert_eq!(found("/// Returns true if it is."), None);
        assert_eq!(found("let what = \"Whether\";"), None);
    }

    #[test]
    fn paths_are_whole() {
        assert!(mentions("cd /home/me/x", "/home/me"));
        assert!(mentions("'/home/me'", "/home/me"));
        assert!(!mentions("/home/meadow", "/home/me"));
        assert!(!mentions("/srv/home/me", "/home/me"));
        assert!(!mentions("usr/src/x", "/src"));
    }
}
