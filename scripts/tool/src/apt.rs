// SPDX-License-Identifier: GPL-2.0

//! The distribution's package manager: what it offers, installing as root or through sudo, and the archive's address,
//! which is the host's own and never written down here.

use crate::proc;
use crate::version::Version;
use anyhow::{Context, Result, bail};
use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;

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

/// Installs packages; `on` hears what apt says.
pub fn install(packages: &[String], log: &Path, on: &mut dyn FnMut(&str)) -> Result<()> {
    let root = rustix::process::geteuid().is_root();
    if !root {
        may_sudo(packages)?;
    }
    let apt = |args: &[&str]| -> Command {
        let mut cmd = if root {
            proc::command("apt-get")
        } else {
            proc::command("sudo")
        };
        if !root {
            cmd.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        }
        cmd.env("DEBIAN_FRONTEND", "noninteractive");
        cmd.args([
            "-q",
            "-o",
            "DPkg::Lock::Timeout=120",
            "-o",
            "Acquire::Retries=2",
        ])
        .args(args);
        cmd
    };
    let mut run = |cmd: Command, append| {
        proc::Logged {
            log,
            append,
            timeout: None,
        }
        .run(cmd, |event| {
            if let proc::Event::Line(line) = event {
                on(line);
            }
        })
    };
    // Old lists may still do, and the installation says what is wrong if they do not.
    let _ = run(apt(&["update"]), false)?;
    let mut cmd = apt(&["install", "-y", "--no-install-recommends"]);
    cmd.args(packages);
    if !run(cmd, true)?.status.success() {
        eprint!("{}", proc::tail(log, 20));
        bail!(
            "apt could not install {}: see {}",
            packages.join(" "),
            log.display()
        );
    }
    Ok(())
}

fn may_sudo(packages: &[String]) -> Result<()> {
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
    let mut cmd = proc::command("apt-get");
    cmd.args([
        "indextargets",
        "--format",
        "$(REPO_URI)|$(ORIGIN)|$(LABEL)|$(RELEASE)|$(COMPONENT)",
    ]);
    let targets = proc::text(cmd)
        .context("apt-get indextargets failed: check the host's apt configuration")?;
    match archive_of(&targets) {
        Some(uri) => Ok(uri),
        None => bail!(
            "the host's apt sources name no Debian archive: add one, or give a kernel tree with KDIR="
        ),
    }
}

fn archive_of(targets: &str) -> Option<String> {
    let fields: Vec<Vec<&str>> = targets
        .lines()
        .map(|l| l.split('|').collect())
        .filter(|f: &Vec<_>| f.len() == 5)
        .collect();
    // With lists fetched, the release file says whose archive it is; before that, only the sources' own words are there.
    let labelled = fields.iter().find(|f| f[1] == "Debian" && f[2] == "Debian");
    let unlabelled = || {
        fields.iter().find(|f| {
            let unknown = f[1].is_empty() || f[1].starts_with('$');
            unknown && !f[3].contains("security") && !f[3].contains('/') && f[4] == "main"
        })
    };
    labelled.or_else(unlabelled).map(|f| f[0].to_string())
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
        let targets = "http://s/sec|Debian|Debian-Security|x-security|main\nhttp://o/|Other|Other|x|main\n\
                       http://d/|Debian|Debian|x|main\n";
        assert_eq!(archive_of(targets).as_deref(), Some("http://d/"));
        assert_eq!(archive_of("http://o/|Other|Other|x|main\n"), None);
    }

    #[test]
    fn before_the_first_update_the_sources_must_do() {
        let targets =
            "http://s/|$(ORIGIN)|$(LABEL)|x-security|main\nhttp://d/|$(ORIGIN)|$(LABEL)|x|main\n";
        assert_eq!(archive_of(targets).as_deref(), Some("http://d/"));
        assert_eq!(archive_of("http://s/||||\n"), None);
    }
}
