// SPDX-License-Identifier: GPL-2.0

//! The distribution's package manager: what it offers, installing as root or through sudo, and the archive's address,
//! which is the host's own and never written down here.

use crate::proc;
use crate::version::Version;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub fn available() -> bool {
    proc::find("apt-get").is_some() && proc::find("apt-cache").is_some()
}

/// The version that would be installed.
pub fn candidate(package: &str) -> Option<Version> {
    let mut cmd = proc::command("apt-cache");
    cmd.args(["policy", package]);
    candidate_of(&proc::text(cmd)?)
}

fn candidate_of(policy: &str) -> Option<Version> {
    let line = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate:"))?;
    Version::of_package(line.trim())
}

/// Fetches the lists, if that was not done within the last minutes.
pub fn update(log: &Path, on: &mut dyn FnMut(&str)) -> Result<()> {
    let fetched = fs::metadata("/var/lib/apt/lists/partial").and_then(|m| m.modified());
    let age = fetched.ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age < Duration::from_secs(600)) {
        return Ok(());
    }
    // Old lists may still do, and the installation says what is wrong if they do not.
    let _ = run(&["update"], log, false, on)?;
    Ok(())
}

/// Installs packages; `on` hears what apt says.
pub fn install(packages: &[String], log: &Path, on: &mut dyn FnMut(&str)) -> Result<()> {
    let names = packages.join(" ");
    require_right(packages)?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages.iter().map(String::as_str));
    if !run(&arguments, log, true, on)? {
        eprint!("{}", proc::tail(log, 20));
        bail!("apt could not install {names}: see {}", log.display());
    }
    Ok(())
}

/// Whether an apt-get with the right to change the system succeeded.
fn run(arguments: &[&str], log: &Path, append: bool, on: &mut dyn FnMut(&str)) -> Result<bool> {
    let mut cmd = if is_root() {
        proc::command("apt-get")
    } else {
        proc::command("sudo")
    };
    if !is_root() {
        cmd.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    cmd.env("DEBIAN_FRONTEND", "noninteractive");
    cmd.args([
        "-q",
        "-o",
        "DPkg::Lock::Timeout=120",
        "-o",
        "Acquire::Retries=2",
    ]);
    cmd.args(arguments);
    let run = proc::Logged {
        log,
        append,
        timeout: None,
    };
    let ended = run.run(cmd, |event| {
        if let proc::Event::Line(line) = event {
            on(line);
        }
    })?;
    Ok(ended.status.success())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Refuses, with the command for somebody else to run, when nothing may be installed here.
pub fn require_right(packages: &[String]) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    let by_hand = || format!("as root, run: apt-get install {}", packages.join(" "));
    if proc::find("sudo").is_none() {
        bail!("packages are missing and there is no sudo: {}", by_hand());
    }
    let mut ask = proc::command("sudo");
    ask.args(["-n", "true"]);
    if proc::output(ask)?.status.success() {
        return Ok(());
    }
    if std::io::stdin().is_terminal() {
        // In the foreground, so that it can ask for the password.
        let given = Command::new("sudo")
            .arg("-v")
            .status()
            .context("sudo: cannot be run")?;
        if given.success() {
            return Ok(());
        }
    }
    bail!("packages are missing and sudo refuses: {}", by_hand())
}

/// The base address of the archive that the host gets its packages from, taken from its own apt configuration.
pub fn archive() -> Result<String> {
    let mut targets = proc::command("apt-get");
    let format = "$(REPO_URI)|$(ORIGIN)|$(LABEL)";
    targets.args(["indextargets", "--format", format]);
    // Where no list was ever fetched there are no targets, but there are the addresses of what would be fetched.
    let mut addresses = proc::command("apt-get");
    addresses.args(["update", "--print-uris"]);
    let found = proc::text(targets).and_then(|text| labelled_archive(&text));
    match found.or_else(|| proc::text(addresses).and_then(|text| unlabelled_archive(&text))) {
        Some(uri) => Ok(uri),
        None => bail!(
            "the host's apt sources name no Debian archive: add one, or give a kernel tree with KDIR="
        ),
    }
}

/// The archive whose release file says that it is Debian's, and not that of its security updates.
fn labelled_archive(targets: &str) -> Option<String> {
    let suffix = "|Debian|Debian";
    targets
        .lines()
        .find_map(|line| line.strip_suffix(suffix))
        .map(str::to_string)
}

/// The first archive that is not one of security updates.
fn unlabelled_archive(uris: &str) -> Option<String> {
    let mut files = uris
        .lines()
        .filter_map(|line| line.strip_prefix('\'')?.split('\'').next());
    files.find_map(|file| {
        let (base, rest) = file.rsplit_once("/dists/")?;
        let suite = rest.split('/').next()?;
        (!suite.contains("security") && !base.contains("security")).then(|| format!("{base}/"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_read() {
        let policy = "tool:\n  Installed: (none)\n  Candidate: 1:22.1.8-1~x\n  Version table:\n";
        assert_eq!(candidate_of(policy), Some("22.1.8".parse().unwrap()));
        assert_eq!(
            candidate_of("tool:\n  Installed: (none)\n  Candidate: (none)\n"),
            None
        );
        assert_eq!(candidate_of(""), None);
    }

    #[test]
    fn the_archive_is_the_one_that_says_debian() {
        let targets =
            "http://s/sec|Debian|Debian-Security\nhttp://o/|Other|Other\nhttp://d/|Debian|Debian\n";
        assert_eq!(labelled_archive(targets).as_deref(), Some("http://d/"));
        assert_eq!(labelled_archive("http://o/|Other|Other\n"), None);
    }

    #[test]
    fn before_the_first_update_the_sources_must_do() {
        let uris = "'http://s/x/dists/a-security/InRelease' s_InRelease 0 \n\
                    'http://d/y/dists/a/InRelease' d_InRelease 0 \n";
        assert_eq!(unlabelled_archive(uris).as_deref(), Some("http://d/y/"));
        assert_eq!(
            unlabelled_archive("'http://s/x-security/dists/a/InRelease' s 0 \n"),
            None
        );
        assert_eq!(unlabelled_archive(""), None);
    }
}
