// SPDX-License-Identifier: GPL-2.0

//! Mechanical checks: formatting, checkpatch on the series, clippy on the tools, licence lines, words, and no host names or
//! paths of this machine.

use crate::places::Places;
use crate::proc;
use crate::progress::Progress;
use crate::report::Outcome;
use crate::toolchain::Rust;
use anyhow::{Context, Result, bail};
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
    let (repo, places) = (&subject.places.repo, subject.places);
    let mut tools = Vec::new();
    tools.extend(rustfmt(subject).map(|cmd| ("rustfmt on the overlay".to_string(), cmd)));
    for patch in subject.patches {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy();
        tools.push((format!("checkpatch {name}"), checkpatch(places, patch)));
    }
    // Not every cargo comes with its formatter and linter.
    for line in [
        "fmt --all --check",
        "clippy --release --locked --workspace --all-targets -- -D warnings",
    ] {
        let cargo = |arguments: &[&str]| {
            let mut cmd = proc::cargo(subject.cargo, places);
            cmd.args(arguments);
            cmd
        };
        let words: Vec<&str> = line.split(' ').collect();
        if proc::text(cargo(&[words[0], "--version"])).is_some() {
            tools.push((format!("cargo {}", words[0]), cargo(&words)));
        }
    }
    for (name, cmd) in tools {
        step.doing(&name);
        let log = places.log(&format!("lint-{}", name.replace(' ', "-")));
        let (success, _) = proc::watched(&log, cmd, |_| ())?;
        if !success {
            eprint!("{}", proc::tail(&log, 20));
        }
        outcome.check(success, || format!("{name}: see {}", places.show(&log)));
    }

    let unlicensed = unlicensed(repo)?;
    outcome.check(unlicensed.is_empty(), || {
        format!("no `{LICENCE}` at the top of: {}", unlicensed.join(", "))
    });
    let hosts: Vec<String> = configured_hosts()
        .iter()
        .map(|host| literal(host))
        .collect();
    let paths = [
        repo.display().to_string(),
        env::var("HOME").unwrap_or_default(),
    ];
    let paths = paths.iter().map(|path| path.trim_end_matches('/'));
    let paths: Vec<String> = paths
        .filter(|path| path.len() > 1)
        .map(whole_path)
        .collect();
    let words = fs::read_to_string(repo.join(WORDS))?;
    let words: Vec<String> = words
        .lines()
        .filter(is_pattern)
        .map(str::to_string)
        .collect();
    let ours = [":!COPYING", ":!scripts/Cargo.lock", ":!scripts/words.txt"];
    let raw = [RAW_ACCESS.to_string()];
    for (complaint, patterns, files) in [
        (
            "host names of this machine's configuration",
            &hosts[..],
            &["."][..],
        ),
        ("paths of this machine", &paths, &["."]),
        ("words that scripts/words.txt refuses", &words, &ours),
        (
            "the samples are drivers of the safe API alone",
            &raw,
            &["samples/*.rs"],
        ),
    ] {
        let found = grep(repo, patterns, files)?;
        outcome.check(found.is_empty(), || {
            format!("{complaint}:\n{}", found.trim_end())
        });
    }
    outcome.check(!words.is_empty(), || format!("{WORDS} is empty"));
    Ok(step.ended(outcome))
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

const LICENCE: &str = "SPDX-License-Identifier: GPL-2.0";

/// Code of a driver that bypasses the abstractions, outside comments.
const RAW_ACCESS: &str = r"^((?!//).)*\b(unsafe|bindings)\b";

/// The lines of tracked files that match one of the patterns, by git.
fn grep(repo: &Path, patterns: &[String], files: &[&str]) -> Result<String> {
    if patterns.is_empty() {
        return Ok(String::new());
    }
    let mut cmd = proc::command("git");
    cmd.arg("-C").arg(repo).args(["grep", "-InP"]);
    cmd.args(patterns.iter().flat_map(|pattern| ["-e", pattern]));
    cmd.arg("--").args(files);
    let output = proc::output(cmd)?;
    match output.status.code() {
        Some(0 | 1) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => bail!(
            "git grep: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}

/// Tracked files without the licence in their first two lines, except for the licence and the file that cargo writes.
fn unlicensed(repo: &Path) -> Result<Vec<String>> {
    let mut cmd = proc::command("git");
    cmd.arg("-C")
        .arg(repo)
        .args(["ls-files", "-z", "--", ".", ":!COPYING", ":!*Cargo.lock"]);
    let list = proc::text(cmd).context("git ls-files failed: lint needs a git checkout")?;
    // A file that is deleted and not yet committed cannot be read, and need not be.
    let is_unlicensed = |name: &&str| {
        let bytes = fs::read(repo.join(name));
        bytes.is_ok_and(|bytes| !has_licence(&String::from_utf8_lossy(&bytes)))
    };
    let names = list.split_terminator('\0').filter(is_unlicensed);
    Ok(names.map(str::to_string).collect())
}

fn has_licence(text: &str) -> bool {
    text.lines().take(2).any(|line| line.contains(LICENCE))
}

/// Checks that a line of the list of words is a regular expression.
fn is_pattern(line: &&str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

/// A pattern for a text.
fn literal(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('.', r"\.")
        .replace('+', r"\+")
}

/// A pattern for a path that is not part of a longer one.
fn whole_path(path: &str) -> String {
    format!(r"(?<![\w./}}-]){}(?![\w.-])", literal(path))
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
        ".npmrc",
        ".pip/pip.conf",
        ".config/pip/pip.conf",
        "/etc/pip.conf",
    ];
    let files = files.map(|file| home.join(file)).into_iter();
    let files = files.chain(["config.toml", "config"].map(|file| cargo_home.join(file)));
    texts.extend(files.filter_map(|file| fs::read_to_string(file).ok()));
    let variables = ["PIP_INDEX_URL", "NPM_CONFIG_REGISTRY"];
    texts.extend(variables.iter().filter_map(|name| env::var(name).ok()));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The patterns find something in this text.
    fn finds(patterns: &[String], text: &str) -> bool {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), text).unwrap();
        for words in ["init -q", "add file"] {
            let mut git = proc::command("git");
            git.arg("-C").arg(dir.path()).args(words.split(' '));
            assert!(proc::output(git).unwrap().status.success());
        }
        let found = grep(dir.path(), patterns, &["."]).unwrap();
        assert!(found.is_empty() || found.starts_with("file:1:"), "{found}");
        !found.is_empty()
    }

    #[test]
    fn licences_are_at_the_top() {
        assert!(has_licence(&format!("// {LICENCE}\n")));
        assert!(has_licence(&format!("#!/bin/sh\n# {LICENCE}\n")));
        assert!(!has_licence(&format!("\n\n// {LICENCE}\n")));
        assert!(!has_licence("fn main() {}\n"));
    }

    #[test]
    fn hosts_are_taken_from_addresses() {
        let text = "deb http://one.example.org/x y\nindex = sparse+https://user:pw@two.example:8080/z\nfile:///var/x\n";
        assert_eq!(hosts_in(text), ["one.example.org", "two.example"]);
        let host = [literal("one.example.org")];
        assert!(finds(&host, "from one.example.org"));
        assert!(!finds(&host, "from one-example.org"));
    }

    #[test]
    fn drivers_keep_to_the_safe_api() {
        let finds = |text| finds(&[RAW_ACCESS.to_string()], text);
        assert!(finds("    unsafe { f() }") && finds("use kernel::bindings;"));
        assert!(!finds("// Not unsafe.") && !finds("fn unsafely(rebindings: u8) {}"));
    }

    #[test]
    fn comments_name_their_subject() {
        let list = include_str!("../../words.txt").lines().filter(is_pattern);
        let list: Vec<String> = list.map(str::to_string).collect();
        assert!(
            finds(&list, "    /// Whether it is.")
                && finds(&list, concat!("# Wh", "at is needed."))
        );
        assert!(finds(&list, concat!("// It is not there any", " more.")));
        assert!(!finds(&list, "/// Returns true if it is."));
        assert!(!finds(&list, "let what = \"Whether\";"));
    }

    #[test]
    fn paths_are_whole() {
        let finds = |text| finds(&[whole_path("/home/me")], text);
        assert!(finds("cd /home/me/x") && finds("'/home/me'"));
        assert!(!finds("/home/meadow") && !finds("/srv/home/me") && !finds("usr/home/me.x"));
    }
}
