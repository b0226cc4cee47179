// SPDX-License-Identifier: GPL-2.0

//! Git, kept away from what a caller's environment or configuration would make it do.

use anyhow::{Context, Result, bail, ensure};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The author of a patch, and its date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub name: String,
    pub email: String,
    /// As git takes it: seconds and zone.
    pub date: String,
}

impl Identity {
    /// The repository's configured identity; the date is that of its last commit, so that the same commit gives the same
    /// patches.
    pub fn of(repo: &Path) -> Result<Self> {
        let shown = repo.display();
        let advice = || {
            format!("{shown}: patches take author and date from git: clone the repository with git")
        };
        let date = in_repo(repo)
            .args(["log", "-1", "--date=raw", "--format=%ad"])
            .run()
            .with_context(advice)?;
        let config = |key: &str| in_repo(repo).args(["config", "--get", key]).run().ok();
        Self::configured(&date, config("user.name"), config("user.email"))
    }

    /// From a commit's date, and what is configured. Nobody's name is invented for Signed-off-by.
    pub fn configured(date: &str, name: Option<String>, email: Option<String>) -> Result<Self> {
        let given = |key: &str, value: Option<String>| {
            let value = value.map(|text| text.trim().to_string());
            let value = value.filter(|text| !text.is_empty());
            value.with_context(|| {
                format!("git has no {key} to sign the patches off with: run `git config {key} ...`")
            })
        };
        Ok(Self {
            name: given("user.name", name)?,
            email: given("user.email", email)?,
            date: date.trim().to_string(),
        })
    }

    /// One for patches that are checked and thrown away.
    pub fn of_a_check() -> Self {
        Self {
            name: "Series Check".into(),
            email: "check@series.invalid".into(),
            date: "1000000000 +0000".into(),
        }
    }
}

/// The commit of a checkout.
#[derive(Clone, Debug)]
pub struct Revision {
    pub commit: String,
    /// There is something that was not committed.
    pub is_dirty: bool,
}

impl Revision {
    pub fn of(repo: &Path) -> Result<Self> {
        let commit = in_repo(repo).args(["rev-parse", "HEAD"]).run()?;
        Ok(Self {
            commit: commit.trim().to_string(),
            is_dirty: uncommitted(repo, &[])?.is_some(),
        })
    }
}

/// Files below some directories: tracked, or neither tracked nor ignored.
pub(crate) fn listed(repo: &Path, dirs: &[&str]) -> Result<Vec<String>> {
    let mut git = in_repo(repo);
    git.args(["ls-files", "-z", "-co", "--exclude-standard", "--"]);
    let out = git.args(dirs).run()?;
    let paths = out.split('\0').filter(|p| !p.is_empty());
    Ok(paths.map(str::to_string).collect())
}

/// The contents that a file of a tree had in the last commits that changed it, the newest first. Nothing, if the tree is no
/// repository.
pub(crate) fn earlier(tree: &Path, path: &str) -> Result<Vec<Vec<u8>>> {
    const COMMITS: &str = "-20";
    let log = in_repo(tree)
        .args(["log", COMMITS, "--format=%H", "--"])
        .arg(path)
        .run();
    let Ok(log) = log else {
        return Ok(Vec::new());
    };
    let mut contents = Vec::new();
    for commit in log.lines() {
        let mut show = in_repo(tree);
        show.arg("show").arg(format!("{commit}:./{path}"));
        // A commit that removed it has none.
        let output = show.stdin(Stdio::null()).output()?;
        if output.status.success() {
            contents.push(output.stdout);
        }
    }
    Ok(contents)
}

/// The first of these files and directories that is not as it was committed.
pub(crate) fn uncommitted(repo: &Path, paths: &[&str]) -> Result<Option<String>> {
    let mut git = in_repo(repo);
    git.args(["status", "--porcelain", "-z", "--untracked-files=all", "--"]);
    let out = git.args(paths).run()?;
    let first = out.split('\0').next().and_then(|entry| entry.get(3..));
    Ok(first.map(str::to_string))
}

/// Git in the user's repository, which may belong to another user.
fn in_repo(repo: &Path) -> Command {
    let mut git = git(repo);
    git.args(["-c", "safe.directory=*", "-c", "core.fsmonitor=false"]);
    git
}

/// Git in a repository for checks, which no configuration reaches, and whose commits nobody signs off.
pub fn of_a_check(dir: &Path) -> Command {
    isolated(dir, &Identity::of_a_check())
}

/// Git in a repository of ours, which no configuration of the user or the host reaches.
pub(crate) fn isolated(dir: &Path, who: &Identity) -> Command {
    let mut git = git(dir);
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), &who.name);
        git.env(format!("GIT_{role}_EMAIL"), &who.email);
        git.env(format!("GIT_{role}_DATE"), &who.date);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_ATTR_NOSYSTEM", "1");
    let settings = "core.autocrlf=false core.hooksPath=/dev/null core.attributesFile=/dev/null \
        core.excludesFile=/dev/null gc.auto=0 maintenance.auto=false commit.gpgSign=false";
    for setting in settings.split_whitespace() {
        git.args(["-c", setting]);
    }
    git
}

fn git(dir: &Path) -> Command {
    let mut git = Command::new("git");
    // A hook's GIT_DIR, for one, would send git to another repository.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") && name != "GIT_EXEC_PATH" {
            git.env_remove(name);
        }
    }
    git.arg("-C")
        .arg(dir)
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0");
    git
}

/// Runs a command to its end; what it wrote, or the last line of its complaint.
pub trait Run {
    fn run(&mut self) -> Result<String>;
}

impl Run for Command {
    fn run(&mut self) -> Result<String> {
        let output = match self.stdin(Stdio::null()).output() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => bail!("git: not found: install git"),
            output => output.context("git: cannot be started")?,
        };
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint = complaint.lines().rfind(|line| !line.trim().is_empty());
        let complaint = complaint.unwrap_or("no message");
        ensure!(output.status.success(), "git: {complaint}");
        String::from_utf8(output.stdout).context("git: wrote something that is not UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_committed_is_dirt() {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path();
        assert!(Revision::of(repo).is_err());
        let who = Identity::of_a_check();
        isolated(repo, &who).arg("init").run().unwrap();
        let mut commit = isolated(repo, &who);
        let message = "commit --allow-empty --message=m".split(' ');
        commit.args(message).run().unwrap();
        let revision = Revision::of(repo).unwrap();
        assert!(revision.commit.len() == 40 && !revision.is_dirty);
        std::fs::write(repo.join("x"), "").unwrap();
        assert!(Revision::of(repo).unwrap().is_dirty);
    }
}
