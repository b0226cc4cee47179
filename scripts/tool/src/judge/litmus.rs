// SPDX-License-Identifier: GPL-2.0

//! The litmus tests of the orderings that VMA locks need, run by herd7 with the kernel's own model and judged by the kernel's
//! own scripts. Every ordering of a test must be needed: the test is run once more without it, and must then see what it
//! looks for.

mod weaker;

use super::{check, emptied};
use crate::places::Places;
use crate::proc;
use crate::progress::Progress;
use crate::report::{self, Outcome};
use anyhow::{Context, Result, ensure};
use fs_err as fs;
use itertools::Itertools;
use serde::Serialize;
use serde_json::json;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const TESTS: &str = "Documentation/litmus-tests/vma";
const FORBIDDEN: &str = " * Result: Never\n";
const POSSIBLE: &str = " * Result: Sometimes\n";

/// A test, or one that lacks an ordering.
#[derive(Serialize)]
struct Checked {
    name: String,
    /// The ordering that it lacks.
    without: Option<String>,
    /// The words of herd7, with the number of executions that have what is looked for, and that have not.
    observation: Option<String>,
    ok: bool,
}

/// Runs every test and what is made of it, prints a line for each, and writes them down.
pub fn run(places: &Places, tree: &Path, herd: &Path, progress: &Progress) -> Result<Outcome> {
    let mut step = progress.step("litmus");
    let dir = places.build.join("litmus");
    emptied(&dir)?;
    let herd = Herd::new(tree, herd, &dir)?;
    let readme = fs::read_to_string(places.repo.join(TESTS).join("README"))?;
    let (mut outcome, mut all) = (Outcome::default(), Vec::new());
    let names = names(&places.repo)?;
    outcome.none(unlisted(&readme, &names));

    for name in names {
        let file = places.repo.join(TESTS).join(format!("{name}.litmus"));
        let text = fs::read_to_string(&file)?;
        let mut cases = vec![(name.clone(), None, text.clone())];
        if text.contains(FORBIDDEN) {
            let all = weaker::all(&text).with_context(|| name.clone())?;
            check!(outcome, !all.is_empty(), "{name}: it has no ordering");
            cases.extend((1..).zip(all).map(|(number, weaker)| {
                let text = weaker.text.replacen(FORBIDDEN, POSSIBLE, 1);
                (format!("{name}-{number}"), Some(weaker.without), text)
            }));
        }
        for (name, without, text) in cases {
            step.advance(&name);
            let (ok, observation) = herd.run(&name, &text)?;
            let verdict = if ok { "passed" } else { "failed" };
            let seen = observation.as_deref().unwrap_or("herd7 fails");
            let lacks = without.as_deref().unwrap_or_default();
            progress.hidden(|| println!("{verdict}  {name:38}  {seen:14}  {lacks}"));
            let why = match &without {
                None => "not as its comment says".to_string(),
                Some(line) => format!("it does not need {line}"),
            };
            let log = places.show(&herd.output(&name));
            check!(outcome, ok, "{name}: {seen}: {why}: see {log}");
            all.push(Checked {
                name,
                without,
                observation,
                ok,
            });
        }
    }

    let (passed, failed) = (outcome.passed, outcome.failed);
    let report = json!({"passed": passed, "failed": failed, "tests": all});
    report::write_json(&places.build.join("litmus.json"), &report)?;
    Ok(step.ended(outcome))
}

/// The names of the tests.
fn names(repo: &Path) -> Result<Vec<String>> {
    let files = fs::read_dir(repo.join(TESTS))?;
    let names = files.map_ok(|file| file.file_name().to_string_lossy().into_owned());
    let names: Vec<String> = names.try_collect()?;
    let names = names.iter().filter_map(|name| name.strip_suffix(".litmus"));
    Ok(names.map(str::to_string).sorted().collect())
}

/// The errors in the list of tests in the README.
fn unlisted(readme: &str, names: &[String]) -> Vec<String> {
    let files = readme
        .lines()
        .filter_map(|line| line.strip_suffix(".litmus"));
    let listed = files.map(str::to_string).sorted().collect_vec();
    let differ = |name: &&String| listed.contains(name) != names.contains(name);
    let all = listed.iter().chain(names).unique().filter(differ);
    all.map(|name| format!("{TESTS}/README: {name}: listed, or a file, but not both"))
        .collect()
}

/// The kernel's scripts, with a herd7.
struct Herd {
    model: PathBuf,
    path: OsString,
    dir: PathBuf,
}

impl Herd {
    fn new(tree: &Path, herd: &Path, dir: &Path) -> Result<Self> {
        let programs = herd.parent().context("herd7 has no directory")?;
        let old = env::var_os("PATH").unwrap_or_default();
        let path = [programs.to_path_buf()].into_iter();
        Ok(Self {
            model: tree.join("tools/memory-model"),
            path: env::join_paths(path.chain(env::split_paths(&old)))?,
            dir: dir.to_path_buf(),
        })
    }

    /// The file that the scripts write.
    fn output(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.litmus.out"))
    }

    /// Runs a test; returns whether the result is the one in its comment, and what herd7 has observed.
    fn run(&self, name: &str, text: &str) -> Result<(bool, Option<String>)> {
        let file = self.dir.join(format!("{name}.litmus"));
        fs::write(&file, text)?;
        let mut cmd = proc::command("sh");
        // The scripts write to LKMM_DESTDIR followed by the name of the file, which is absolute.
        cmd.args(["scripts/checklitmus.sh".as_ref(), file.as_os_str()])
            .current_dir(&self.model)
            .env("PATH", &self.path)
            .env("LKMM_DESTDIR", "")
            .env("LKMM_TIMEOUT_CMD", "timeout 60");
        let log = self.dir.join(format!("{name}.log"));
        let (ok, _) = proc::watched(&log, cmd, |_| ())?;
        let output = fs::read_to_string(self.output(name)).unwrap_or_default();
        let observation = observation(&output);
        ensure!(
            !ok || observation.is_some(),
            "{name}: the kernel's scripts pass what herd7 did not run"
        );
        Ok((ok, observation))
    }
}

/// "Never 0 3", for instance.
fn observation(output: &str) -> Option<String> {
    let mut lines = output.lines();
    let line = lines.find_map(|line| line.strip_prefix("Observation "))?;
    line.split_once(' ').map(|(_, seen)| seen.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_test() {
        let names = ["a".to_string(), "b+c".to_string()];
        let complaints = |readme| unlisted(readme, &names);
        assert!(complaints("a.litmus\n\tText.\n\nb+c.litmus\n").is_empty());
        for (readme, name) in [
            ("a.litmus\n", "b+c"),
            ("a.litmus\nb+c.litmus\nd.litmus\n", "d"),
        ] {
            let [complaint] = &complaints(readme)[..] else {
                panic!("{readme}")
            };
            assert!(complaint.contains(&format!(" {name}: ")), "{complaint}");
        }
    }

    #[test]
    fn an_observation_is_one_line() {
        let output = "States 2\nNo\nObservation start_read Never 0 3\nTime x 0.1\n";
        assert_eq!(observation(output).as_deref(), Some("Never 0 3"));
        assert_eq!(observation("Warning: error\n"), None);
    }

    #[test]
    fn every_test_says_its_result() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let names = names(&repo).unwrap();
        assert!(!names.is_empty());
        for name in names {
            let file = repo.join(TESTS).join(format!("{name}.litmus"));
            let text = fs::read_to_string(file).unwrap();
            assert!(
                text.contains(FORBIDDEN) != text.contains(POSSIBLE),
                "{name}"
            );
            assert!(text.starts_with(&format!("C {name}\n")), "{name}");
        }
    }
}
