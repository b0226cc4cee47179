// SPDX-License-Identifier: GPL-2.0

//! The rows of scripts/bugs/bugs.toml, the answers that they share, and the rules for both.

use crate::lockdep_test;
use anyhow::{Context, Result};
use fs_err as fs;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The fewest rows of the table.
const ROWS: usize = 40;

/// The start of the reason of an answer that is not measured.
const DOCUMENTED: &str = "by its documentation";

/// The first word of a test that `make lockdep-test` runs.
const LOCKDEP_TEST: &str = "lockdep-test ";

/// Both data files.
pub struct Data {
    pub bugs: Vec<Bug>,
    pub answers: Answers,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    bug: Vec<Bug>,
}

/// One mistake.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    pub title: String,
    /// A CVE, a commit or another public report.
    pub source: String,
    pub mistake: String,
    pub case: Option<String>,
    pub litmus: Option<String>,
    pub model: Option<String>,
    pub test: Option<String>,
    /// True if the mistake compiles with these types.
    #[serde(default)]
    pub compiles: bool,
    /// A program with the mistake, which has to compile.
    pub snippet: Option<String>,
    /// The check that finds a mistake that compiles, when the code runs.
    pub runtime: Option<String>,
    pub note: Option<String>,
    pub lockdep: Checker,
    pub kasan: Checker,
    /// Names in the other file.
    pub clang: String,
    pub upstream: String,
}

/// The answer of lockdep or KASAN.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Checker {
    pub verdict: Verdict,
    /// The case of `make lockdep-test` that has measured it.
    pub case: Option<String>,
    pub why: String,
}

/// The content of answers.toml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Programs in C that the analysis must report, with the number of reports.
    pub controls: BTreeMap<String, usize>,
    pub clang: BTreeMap<String, Answer>,
    pub upstream: BTreeMap<String, Answer>,
}

/// The answer of a compiler.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// True if the program of this name has measured it.
    #[serde(default)]
    pub snippet: bool,
    /// C names that upstream's code must not contain.
    #[serde(default)]
    pub lacks: Vec<String>,
    pub verdict: Verdict,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Verdict {
    #[serde(rename = "reports")]
    Reports,
    #[serde(rename = "may report")]
    MayReport,
    #[serde(rename = "silent")]
    Silent,
    #[serde(rename = "does not apply")]
    DoesNotApply,
    #[serde(rename = "compiles")]
    Compiles,
    #[serde(rename = "rejects")]
    Rejects,
    #[serde(rename = "no call")]
    NoCall,
}

use Verdict::{Compiles, DoesNotApply, MayReport, NoCall, Rejects, Reports, Silent};

impl Verdict {
    pub fn text(self) -> &'static str {
        match self {
            Reports => "reports",
            MayReport => "may report",
            Silent => "silent",
            DoesNotApply => "does not apply",
            Compiles => "compiles",
            Rejects => "rejects",
            NoCall => "no call",
        }
    }
}

impl Answer {
    pub fn is_measured(&self) -> bool {
        self.snippet || !self.lacks.is_empty()
    }
}

impl Data {
    pub fn load(repo: &Path) -> Result<Self> {
        let read = |name: &str| fs::read_to_string(repo.join("scripts/bugs").join(name));
        let table: Table = toml::from_str(&read("bugs.toml")?).context("bugs.toml")?;
        let answers = toml::from_str(&read("answers.toml")?).context("answers.toml")?;
        let bugs = table.bug;
        Ok(Self { bugs, answers })
    }

    /// The compile-fail cases that rows name.
    pub fn cases(&self) -> BTreeSet<&str> {
        self.bugs
            .iter()
            .filter_map(|bug| bug.case.as_deref())
            .collect()
    }

    /// The answers of both compilers to a mistake. The rules say that they exist.
    pub fn answers_to(&self, bug: &Bug) -> (Option<&Answer>, Option<&Answer>) {
        let Answers {
            clang, upstream, ..
        } = &self.answers;
        (clang.get(&bug.clang), upstream.get(&bug.upstream))
    }

    /// The rules that the table as a whole violates.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let rows = self.bugs.len();
        if rows < ROWS {
            problems.push(format!("{rows} rows, but at least {ROWS} are expected"));
        }
        let mut titles = BTreeSet::new();
        for bug in self.bugs.iter().filter(|bug| !titles.insert(&bug.title)) {
            problems.push(format!("{}: this title is there twice", bug.title));
        }
        let Answers {
            clang, upstream, ..
        } = &self.answers;
        for (name, answer) in clang {
            let is_known = matches!(answer.verdict, Reports | Silent | DoesNotApply);
            let is_said = answer.why.to_lowercase().contains(DOCUMENTED);
            let is_right = is_known && answer.lacks.is_empty() && answer.snippet != is_said;
            let is_used = self.bugs.iter().any(|bug| bug.clang == *name);
            if !is_right || !is_used {
                problems.push(format!(
                    "clang.{name}: unused, or neither measured nor {DOCUMENTED}"
                ));
            }
        }
        for (name, answer) in upstream {
            let is_right = match answer.verdict {
                Compiles | Rejects => answer.snippet && answer.lacks.is_empty(),
                NoCall => !answer.snippet && !answer.lacks.is_empty(),
                DoesNotApply => !answer.is_measured(),
                _ => false,
            };
            let is_used = self.bugs.iter().any(|bug| bug.upstream == *name);
            if !is_right || !is_used {
                problems.push(format!(
                    "upstream.{name}: unused, or its verdict is not measured"
                ));
            }
        }
        problems
    }

    /// The rules that a row violates.
    pub fn problems_of(&self, bug: &Bug, repo: &Path) -> Vec<String> {
        let mut problems = Vec::new();
        let mut rule = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_string());
            }
        };
        let shown = [&bug.case, &bug.litmus, &bug.model, &bug.test];
        let shown = shown.iter().filter(|name| name.is_some()).count();
        let by_snippet = bug.compiles && bug.snippet.is_some();
        rule(
            shown == 1 || shown == 0 && by_snippet,
            "name one case, litmus, model or test",
        );
        rule(
            bug.compiles == bug.runtime.is_some(),
            "`compiles` and `runtime` belong together",
        );
        rule(
            bug.compiles || bug.snippet.is_none(),
            "a snippet is for what compiles",
        );
        rule(
            !(bug.compiles && bug.case.is_some()),
            "a case is for what does not compile",
        );
        for checker in [&bug.lockdep, &bug.kasan] {
            let is_known = matches!(checker.verdict, Reports | MayReport | Silent | DoesNotApply);
            rule(
                is_known && !checker.why.is_empty(),
                "a verdict and its reason are missing",
            );
        }
        rule(bug.kasan.case.is_none(), "no test measures KASAN");
        if let Some(case) = &bug.lockdep.case {
            rule(
                bug.lockdep.verdict == Reports && lockdep_test::has(case),
                "make lockdep-test has no such case that reports",
            );
        }
        let (clang, upstream) = self.answers_to(bug);
        rule(clang.is_some(), "no such answer of clang");
        rule(upstream.is_some(), "no such answer of upstream");
        if let Some(test) = &bug.test {
            rule(has_test(repo, test), "no such test");
        }
        if let Some(name) = &bug.litmus {
            let dir = repo.join("Documentation/litmus-tests/vma");
            rule(
                dir.join(format!("{name}.litmus")).is_file(),
                "no such litmus test",
            );
        }
        if let Some(name) = &bug.model {
            let runs = fs::read_to_string(repo.join("scripts/model/runs.toml"));
            let line = format!("name = \"{name}\"");
            let is_run = runs.is_ok_and(|runs| runs.lines().any(|run| run == line));
            rule(is_run, "no such run of a model");
        }
        problems
    }
}

/// Looks for a test, given as "FILE: FUNCTION" or as a case of `make lockdep-test`.
fn has_test(repo: &Path, test: &str) -> bool {
    if let Some(case) = test.strip_prefix(LOCKDEP_TEST) {
        return lockdep_test::has(case);
    }
    let Some((file, function)) = test.split_once(": ") else {
        return false;
    };
    let text = fs::read_to_string(repo.join(file)).unwrap_or_default();
    text.contains(&format!(" fn {function}("))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    const ROW: &str = "title = 'a'\nsource = 'b'\nmistake = 'c'\nclang = 'quiet'\nupstream = 'none'\n\
        lockdep.verdict = 'silent'\nlockdep.why = 'd'\nkasan.verdict = 'may report'\nkasan.why = 'e'\n";
    const ANSWERS: &str = "controls = {}\n\
        [clang.quiet]\nsnippet = true\nverdict = 'silent'\nwhy = 'f'\n\
        [upstream.none]\nlacks = ['g']\nverdict = 'no call'\nwhy = 'h'\n";

    fn repo() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn data(rows: &str, answers: &str) -> Data {
        let table: Table = toml::from_str(rows).unwrap();
        Data {
            bugs: table.bug,
            answers: toml::from_str(answers).unwrap(),
        }
    }

    fn problems_of(lines: &str) -> Vec<String> {
        let data = data(&format!("[[bug]]\n{ROW}{lines}"), ANSWERS);
        data.problems_of(&data.bugs[0], &repo())
    }

    #[test]
    fn a_row_is_shown_by_one_thing_that_exists() {
        for lines in [
            "case = 'x'",
            "litmus = 'start_read+start_write'",
            "model = 'three readers'",
            "test = 'lockdep-test mmap_under_vma_read'\ncompiles = true\nruntime = 'lockdep'",
            "test = 'rust/kernel/mm/vma/tests/killed.rs: waiting_to_read'",
            "compiles = true\nsnippet = 'x'\nruntime = 'nothing'",
            "case = 'x'\nnote = 'y'",
        ] {
            assert_eq!(problems_of(lines), [""; 0], "{lines}");
        }
        for (lines, problem) in [
            ("", "name one case"),
            (
                "case = 'x'\nlitmus = 'start_read+start_write'",
                "name one case",
            ),
            ("compiles = true\nruntime = 'nothing'", "name one case"),
            ("litmus = 'x'", "no such litmus test"),
            ("model = 'three'", "no such run"),
            ("test = 'lockdep-test x'", "no such test"),
            (
                "test = 'rust/kernel/mm/vma/tests/killed.rs: waiting'",
                "no such test",
            ),
            ("test = 'x.rs: y'", "no such test"),
            ("test = 'x'", "no such test"),
            ("case = 'x'\nruntime = 'y'", "belong together"),
            ("snippet = 'x'\ncase = 'x'", "what compiles"),
            (
                "case = 'x'\ncompiles = true\nruntime = 'y'",
                "what does not compile",
            ),
            ("case = 'x'\nkasan.case = 'y'", "measures KASAN"),
            (
                "case = 'x'\nlockdep.case = 'mmap_under_vma_read'",
                "that reports",
            ),
        ] {
            let problems = problems_of(lines);
            assert!(
                problems.iter().any(|p| p.contains(problem)),
                "{lines}: {problems:?}"
            );
        }
    }

    #[test]
    fn answers_are_measured_or_documented() {
        let problems = |rows: &str, answers: &str| data(rows, answers).problems();
        let row = |n: usize| format!("[[bug]]\n{}", ROW.replace("'a'", &format!("'{n}'")));
        let rows: String = (0..ROWS).map(row).collect();
        assert_eq!(problems(&rows, ANSWERS), [""; 0]);
        let few: String = (1..ROWS).map(row).collect();
        assert!(problems(&few, ANSWERS)[0].contains("at least"));
        assert!(problems(&(rows.clone() + &row(3)), ANSWERS)[0].starts_with("3: this title"));
        for (from, to) in [
            ("[clang.quiet]\nsnippet = true", "[clang.quiet]"),
            ("verdict = 'silent'", "verdict = 'compiles'"),
            ("why = 'f'", "why = 'By its documentation'"),
            ("lacks = ['g']\n", ""),
            ("'no call'", "'rejects'"),
            ("'no call'", "'does not apply'"),
            ("'no call'", "'silent'"),
            (
                "[clang.quiet]",
                "[clang.x]\nverdict = 'silent'\nwhy = 'by its documentation'\n[clang.quiet]",
            ),
        ] {
            let answers = ANSWERS.replacen(from, to, 1);
            assert_eq!(problems(&rows, &answers).len(), 1, "{from} {to}");
        }
    }

    #[test]
    fn the_data_files_are_sound() {
        let data = Data::load(&repo()).unwrap();
        let mut problems = data.problems();
        for bug in &data.bugs {
            problems.extend(data.problems_of(bug, &repo()));
            let (_, upstream) = data.answers_to(bug);
            assert!(upstream.is_some(), "{}", bug.title);
        }
        assert_eq!(problems, [""; 0]);
        let cases = repo().join("scripts/compile-fail/cases");
        for case in data.cases() {
            assert!(cases.join(format!("{case}.rs")).is_file(), "{case}");
        }
    }

    #[test]
    fn unknown_fields_and_verdicts_are_refused() {
        for wrong in ["x = 1\n", "lockdep.x = 1\n"] {
            let row = format!("[[bug]]\n{ROW}{wrong}");
            assert!(toml::from_str::<Table>(&row).is_err(), "{wrong}");
        }
        let row = format!("[[bug]]\n{}", ROW.replace("may report", "perhaps"));
        assert!(toml::from_str::<Table>(&row).is_err());
    }
}
