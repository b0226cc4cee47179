// SPDX-License-Identifier: GPL-2.0

//! Applies the series patch by patch, and builds and tests each step, so that a bisection meets no broken commit.

use crate::kbuild::{self, Kernel};
use crate::kconfig::{Config, X86_64, X86_64_DEBUG};
use crate::kunit::{self, Boot};
use crate::matrix;
use crate::places::Places;
use crate::proc;
use crate::report::Outcome;
use crate::session::{Ready, Session};
use crate::source;
use crate::suite::Run;
use anyhow::{Context, Result, bail};
use overlay::Run as _;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The suites of ours; those of the kernel need not run again and again.
const SUITES: &str = "rust_vma*";

/// Steps that passed need not be built again, if they are the same.
const PASSED: &str = "passed.txt";

/// With CASE=, only the patches whose names have it in them are built; with MATRIX=, only a part of them.
pub fn run(session: &Session) -> Result<Outcome> {
    if session.places.kdir.is_some() {
        bail!("KDIR=: the patches are applied to a tree of their own: run it without");
    }
    let ready = session.ready()?;
    let series =
        session.patches_to_check(&ready.overlay, &session.places.tree(), "bisect-patches")?;
    let places = Places {
        build: session.places.build.join("bisect"),
        ..session.places.clone()
    };
    fs::create_dir_all(places.build.join("logs"))?;
    let steps = Steps {
        session,
        ready: &ready,
        places,
        series,
    };
    steps.fresh_tree()?;
    steps.run()
}

struct Steps<'a> {
    session: &'a Session<'a>,
    ready: &'a Ready,
    /// Those of the scratch tree.
    places: Places,
    series: Vec<PathBuf>,
}

impl Steps<'_> {
    /// The kernel's source, with a repository of the files that the series changes and no others: git need not look at the
    /// whole tree.
    fn fresh_tree(&self) -> Result<()> {
        let progress = self.session.progress;
        let pristine = source::pristine(self.session.places, &self.ready.packages, progress)?;
        let tree = self.places.tree();
        // Files that are as they were keep their time, so that they are not built again.
        let _ = fs::remove_dir_all(tree.join(".git"));
        let step = progress.step("copy of the tree");
        let mut cmd = proc::command("rsync");
        cmd.args(["--archive", "--checksum", "--delete", "--exclude=/.git"]);
        cmd.arg(pristine.join("")).arg(&tree);
        if !proc::watched(&self.places.log("tree"), cmd, |_| ())?.0 {
            bail!("the source could not be copied: see build/bisect/logs/tree.log");
        }
        step.done("as it was");
        self.git("init -q --template= -b series")?;
        let mut add = self.git_command();
        add.args(["add", "-f", "--"])
            .args(self.ready.overlay.insertion_files());
        add.run()?;
        self.git("commit -q -m pristine")
    }

    fn git_command(&self) -> Command {
        overlay::git_of_a_check(&self.places.tree())
    }

    fn git(&self, arguments: &str) -> Result<()> {
        let mut cmd = self.git_command();
        cmd.args(arguments.split(' '));
        cmd.run().map(drop)
    }

    fn run(&self) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let case = self.session.arguments.case.as_deref().unwrap_or_default();
        let count = self.series.len();
        let range = match &self.session.arguments.matrix {
            Some(part) => matrix::range(count, part)?,
            None => 0..count,
        };
        let planned = self.ready.overlay.planned()?;
        let store = self.places.build.join(PASSED);
        let stored = fs::read_to_string(&store).unwrap_or_default();
        let mut passed: BTreeSet<String> = stored.lines().map(str::to_string).collect();
        let mut so_far = Sha256::new();
        so_far.update(format!("{:?}", self.ready.compilers));
        for (number, patch) in self.series.iter().enumerate() {
            let shown = self.session.places.show(patch);
            so_far.update(fs::read(patch).with_context(|| shown.clone())?);
            let mut am = self.git_command();
            am.args(["am", "-q"]).arg(patch);
            am.run().with_context(|| shown.clone())?;
            let id = &planned[number].id;
            if !range.contains(&number) || !id.contains(case) {
                continue;
            }
            let is_end = number == 0 || number + 1 == count;
            let configs: &[Config] = match is_end {
                true => &[X86_64, X86_64_DEBUG],
                false => &[X86_64],
            };
            let place = format!("{}/{count} {id}", number + 1);
            for config in configs {
                let key = self.key(&so_far, *config)?;
                let line = if passed.contains(&key) {
                    outcome.passed += 1;
                    "passed before".to_string()
                } else {
                    match self.step(*config, number + 1) {
                        Ok(tested) if tested.failed == 0 => {
                            outcome.passed += 1;
                            passed.insert(key);
                            let lines: Vec<&str> = passed.iter().map(String::as_str).collect();
                            fs::write(&store, lines.join("\n"))?;
                            format!("{} tests passed", tested.passed)
                        }
                        Ok(tested) => {
                            let why = tested.failures.join("; ");
                            outcome.fail(format!("{place} on {}: {why}", config.name));
                            tested.counts()
                        }
                        Err(error) => {
                            let why = format!("{error:#}");
                            outcome.fail(format!("{place} on {}: {why}", config.name));
                            why
                        }
                    }
                };
                let progress = self.session.progress;
                progress.hidden(|| println!("{place}: {}: {line}", config.name));
            }
        }
        if outcome.passed + outcome.failed == 0 {
            bail!("CASE={case}: no patch has this in its name");
        }
        Ok(outcome)
    }

    /// A digest of all that a step depends on: the patches up to it, the compilers, and the options.
    fn key(&self, so_far: &Sha256, config: Config) -> Result<String> {
        let mut key = so_far.clone();
        key.update(config.options(&self.places.repo, true)?);
        let digest: Vec<String> = key.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(digest.concat())
    }

    fn step(&self, config: Config, patches: usize) -> Result<Outcome> {
        let files = self.ready.overlay.files_after(patches)?;
        let session = Session {
            places: &self.places,
            progress: self.session.progress,
            arguments: self.session.arguments,
        };
        let kernel = Kernel {
            places: &self.places,
            ours: files.keys().cloned().collect(),
            offered: Some(kbuild::offered(
                &self.places.tree(),
                self.ready.overlay.files(),
            )),
            ..session.kernel(self.ready)
        };
        kernel.build(config, session.progress)?;
        if !files.values().any(|text| text.contains("#[kunit_tests(")) {
            return Ok(Outcome::default());
        }
        let run = Run::new(&session, self.ready, &kernel);
        let mut boot = Boot::of(config, Some(SUITES));
        boot.name = format!("kunit {} {patches}", config.name);
        Ok(kunit::judged(&run, &boot, |_| false)?.0)
    }
}
