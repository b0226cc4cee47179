// SPDX-License-Identifier: GPL-2.0

//! Parses the TAP output of a program, and judges it together with the program's exit code. A result that is missing or
//! doubled is a failure. kunit.py parses KTAP only: it has no exit codes, accepts doubled results, and its JSON has no reasons
//! of skipped tests.

use crate::report::Outcome;
use anyhow::{Context, Result};
use regex_lite::Regex;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// The exit code with which a kernel selftest says that it had nothing to do here.
const SKIPPED: u8 = 4;

/// The version of TAP that our own programs write.
pub const OURS: u32 = 14;

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    NotOk,
    /// With its reason.
    Skip(String),
    /// Announced as unfinished work, which is no result.
    Todo(String),
}

/// One line of result with the lines of explanation that belong to it.
#[derive(Debug, Serialize)]
pub struct Test {
    pub name: String,
    pub verdict: Verdict,
    pub notes: Vec<String>,
}

/// The end of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Exit(u8),
    /// In any other way, in words.
    Bad(String),
}

/// Everything a program said.
#[derive(Debug, Default)]
pub struct Tap {
    pub tests: Vec<Test>,
    plan: Option<usize>,
    /// The plan's reason to run nothing.
    nothing: Option<String>,
    /// Some selftests do not say it.
    pub version: Option<u32>,
    seen: HashSet<usize>,
    problems: Vec<String>,
    /// Explanations of a test whose result is still to come.
    before: Vec<String>,
}

impl Tap {
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut tap = Self::default();
        for line in lines {
            tap.line(line.trim_end());
        }
        tap
    }

    fn line(&mut self, line: &str) {
        if let Some(why) = line.strip_prefix("Bail out!") {
            self.problems.push(format!("it gave up: {}", why.trim()));
        } else if let Some(version) = line.strip_prefix("TAP version ") {
            if self.version.is_some() {
                self.problems.push("it began twice".to_string());
            }
            self.version = version.trim().parse().ok();
        } else if line.starts_with("1..") {
            self.planned(line);
        } else if let Some((number, test)) = result(line) {
            self.ended(number, test);
        } else {
            self.explained(line);
        }
    }

    fn planned(&mut self, line: &str) {
        if self.plan.is_some() {
            self.problems.push("there are two plans".to_string());
        }
        self.plan = plan(line);
        if let (Some(0), Some((_, directive))) = (self.plan, line.split_once('#')) {
            self.nothing = skip_reason(directive);
        }
    }

    fn ended(&mut self, number: Option<usize>, mut test: Test) {
        let number = number.unwrap_or(self.tests.len() + 1);
        if !self.seen.insert(number) {
            self.problems
                .push(format!("there are two results of test {number}"));
        }
        if self.plan.is_some_and(|plan| number == 0 || number > plan) {
            self.problems
                .push(format!("test {number} was not announced"));
        }
        test.notes = std::mem::take(&mut self.before);
        self.tests.push(test);
    }

    /// Version 14 is that of our own programs, which explain a result after it; the kernel's selftests do before it.
    fn explained(&mut self, line: &str) {
        let Some(note) = note(line) else { return };
        if note.starts_with("RUN ") {
            self.before.clear();
        } else if self.version != Some(OURS) {
            self.before.push(note.to_string());
        } else if let Some(test) = self.tests.last_mut() {
            test.notes.push(note.to_string());
        }
    }

    /// Counts the results, with one failure for everything that is not as it should be. Running nothing is a failure,
    /// unless `allowed` says of the reason given that it is all right.
    pub fn judge(&self, end: &End, allowed: impl Fn(&str) -> bool) -> Outcome {
        let mut outcome = Outcome::default();
        for test in &self.tests {
            match &test.verdict {
                Verdict::Ok => outcome.passed += 1,
                Verdict::NotOk => outcome.fail(test.explained()),
                Verdict::Skip(_) => outcome.skipped += 1,
                Verdict::Todo(why) => outcome.fail(format!("{}: not finished: {why}", test.name)),
            }
        }
        let bad_tests = self.tests.iter().any(|test| test.verdict == Verdict::NotOk);
        for problem in &self.problems {
            outcome.fail(problem.clone());
        }
        self.judge_plan(&mut outcome);
        let reason = self.reason_for_nothing();
        match &reason {
            Some(reason) if allowed(reason) => outcome.skipped = outcome.skipped.max(1),
            Some(reason) => outcome.fail(format!("nothing was tested: {reason}")),
            None if self.tests.is_empty() => outcome.fail("no test ran".to_string()),
            None => (),
        }
        match end {
            End::Bad(how) => outcome.fail(format!("it ended badly: {how}")),
            End::Exit(0) if bad_tests => {
                outcome.fail("its exit code is 0, although a test failed".to_string())
            }
            End::Exit(SKIPPED) if reason.is_some() => (),
            End::Exit(code) if *code != 0 && !bad_tests => {
                outcome.fail(format!("its exit code is {code}, although no test failed"))
            }
            End::Exit(_) => (),
        }
        outcome
    }

    fn judge_plan(&self, outcome: &mut Outcome) {
        let results = self.tests.len();
        match self.plan {
            Some(plan) if results < plan => outcome.fail(format!(
                "it was cut short: {plan} tests were announced, {results} have a result"
            )),
            Some(_) => (),
            None => outcome.fail("there is no plan (1..N)".to_string()),
        }
    }

    /// The reason why nothing was tested, if that was so and there is one.
    fn reason_for_nothing(&self) -> Option<String> {
        if self.nothing.is_some() {
            return self.nothing.clone();
        }
        let mut reasons = self.tests.iter().map(|test| match &test.verdict {
            Verdict::Skip(reason) => Some(reason),
            _ => None,
        });
        let first = reasons.next()??;
        reasons
            .all(|reason| reason.is_some())
            .then(|| first.clone())
    }

    /// The reasons of what was skipped, each with how often it was given.
    pub fn skips(&self) -> BTreeMap<&str, usize> {
        let mut skips = BTreeMap::new();
        for test in &self.tests {
            if let Verdict::Skip(reason) = &test.verdict {
                *skips.entry(reason.as_str()).or_default() += 1;
            }
        }
        skips
    }
}

impl Test {
    fn explained(&self) -> String {
        match self.notes.first() {
            Some(note) => {
                let note = note.strip_prefix("message: ").unwrap_or(note);
                // A string of YAML's; one that JSON has not stays as it is.
                let note = serde_json::from_str(note).unwrap_or_else(|_| note.to_string());
                format!("{}: {note}", self.name)
            }
            None => self.name.clone(),
        }
    }
}

/// Writes the results of some programs, and what they come to.
pub fn write(file: &Path, programs: &[(&str, &Tap)], outcome: &Outcome) -> Result<()> {
    let programs: BTreeMap<_, _> = programs
        .iter()
        .map(|(name, tap)| (name, &tap.tests))
        .collect();
    let value = serde_json::json!({ "outcome": outcome, "programs": programs });
    let text = serde_json::to_string_pretty(&value)? + "\n";
    fs::write(file, text).with_context(|| format!("{}: cannot be written", file.display()))
}

/// The number of tests that a plan announces.
pub fn plan(line: &str) -> Option<usize> {
    let count = line.strip_prefix("1..")?.split('#').next()?;
    count.trim().parse().ok()
}

/// The name of the test that a line has the result of.
pub fn finished_test(line: &str) -> Option<String> {
    result(line.trim_end()).map(|(_, test)| test.name)
}

/// A line of result, with the number of its test if it has one.
fn result(line: &str) -> Option<(Option<usize>, Test)> {
    static RESULT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(not )?ok(?: +(\d+))?(?: +-)?(?: +(.*))?$").expect("checked by a test")
    });
    static DIRECTIVE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)^(.*?)(?:^|\s+)#\s*(skip|todo|xfail)\S*\s*(.*)$")
            .expect("checked by a test")
    });
    let found = RESULT.captures(line)?;
    let text = found.get(3).map_or("", |text| text.as_str());
    let by_word = |is_ok| if is_ok { Verdict::Ok } else { Verdict::NotOk };
    let (name, verdict) = match DIRECTIVE.captures(text) {
        None => (text, by_word(found.get(1).is_none())),
        Some(directive) => {
            let [name, word, reason] = [1, 2, 3].map(|at| directive.get(at).expect("always there"));
            let why = reason.as_str().to_string();
            let verdict = match word.as_str().to_ascii_lowercase().as_str() {
                "todo" => Verdict::Todo(why),
                "xfail" => Verdict::Skip(format!("known to fail: {why}")),
                _ => Verdict::Skip(why),
            };
            // Selftests may have the name only where the reason should be.
            let name = match name.as_str() {
                "" => reason.as_str(),
                name => name,
            };
            (name, verdict)
        }
    };
    let test = Test {
        name: name.trim().to_string(),
        verdict,
        notes: Vec::new(),
    };
    Some((found.get(2).and_then(|n| n.as_str().parse().ok()), test))
}

/// The text after `SKIP` in a plan's directive.
fn skip_reason(directive: &str) -> Option<String> {
    let directive = directive.trim();
    let word = directive.get(..4)?;
    word.eq_ignore_ascii_case("skip")
        .then(|| directive[word.len()..].trim().to_string())
}

/// The text of a line of explanation, which is a comment or part of an indented block.
fn note(line: &str) -> Option<&str> {
    let text = match line.strip_prefix('#') {
        Some(comment) => comment.trim(),
        None => line.strip_prefix("  ")?.trim(),
    };
    let is_frame = ["", "---", "..."].contains(&text);
    (!is_frame).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str, code: u8) -> Outcome {
        Tap::parse(text.lines()).judge(&End::Exit(code), |_| false)
    }

    fn counts(outcome: &Outcome) -> (usize, usize, usize) {
        (outcome.passed, outcome.failed, outcome.skipped)
    }

    #[test]
    fn results_are_counted_by_their_kind() {
        let text = "TAP version 14\n1..4\nok 1 - one\nok 2 - two # SKIP no such device\nnot ok 3 - three\n\
                    \x20 ---\n  message: \"too \\\"short\\\"\"\n  ...\nok 4 - four\n";
        let outcome = judge(text, 1);
        assert_eq!(counts(&outcome), (2, 1, 1));
        assert_eq!(outcome.failures, ["three: too \"short\""]);
    }

    #[test]
    fn selftests_explain_before_the_result() {
        let text = "TAP version 13\n1..2\n# Starting 2 tests from 1 test cases.\n#  RUN           a.x ...\n\
                    #            OK  a.x\nok 1 a.x\n#  RUN           a.y ...\n# a.c:9:y:Expected 0 == 1\n\
                    #          FAIL  a.y\nnot ok 2 a.y\n# FAILED: 1 / 2 tests passed.\n";
        let outcome = judge(text, 1);
        assert_eq!(outcome.failures, ["a.y: a.c:9:y:Expected 0 == 1"]);
        assert_eq!(counts(&outcome), (1, 1, 0));
    }

    #[test]
    fn a_plan_may_come_last_and_must_come_once() {
        assert_eq!(
            counts(&judge("TAP version 13\nok 1 a\nok 2 b\n1..2\n", 0)),
            (2, 0, 0)
        );
        let none = judge("TAP version 13\nok 1 a\n", 0);
        assert_eq!(none.failures, ["there is no plan (1..N)"]);
        let two = judge("TAP version 13\n1..1\nok 1 a\n1..1\n", 0);
        assert_eq!(two.failures, ["there are two plans"]);
        let broken = judge("TAP version 13\n1..many\nok 1 a\n", 0);
        assert_eq!(broken.failures, ["there is no plan (1..N)"]);
    }

    #[test]
    fn what_is_cut_off_is_a_failure() {
        let text = "TAP version 13\n1..3\nok 1 a\nok 2 b\n";
        let outcome = judge(text, 0);
        assert_eq!(
            outcome.failures,
            ["it was cut short: 3 tests were announced, 2 have a result"]
        );
        let bad = Tap::parse(text.lines()).judge(&End::Bad("signal 9".to_string()), |_| false);
        assert_eq!(bad.failures.len(), 2);
        assert_eq!(bad.failures[1], "it ended badly: signal 9");
        assert_eq!(
            judge("TAP version 13\n1..2\nok 1 a\nok 2 b\nBail out! x\n", 1).failed,
            2
        );
    }

    #[test]
    fn numbers_are_given_once_and_as_announced() {
        let twice = judge("TAP version 13\n1..2\nok 1 a\nok 1 b\n", 0);
        assert_eq!(twice.failures, ["there are two results of test 1"]);
        let more = judge("TAP version 13\n1..1\nok 1 a\nok 2 b\n", 0);
        assert_eq!(more.failures, ["test 2 was not announced"]);
        let without = judge("TAP version 14\n1..2\nok - a\nok\n", 0);
        assert_eq!(counts(&without), (2, 0, 0));
        // A child of fork() that repeats what its parent had not written out yet.
        let again = judge("TAP version 13\n1..1\nTAP version 13\n1..1\nok 1 a\n", 0);
        assert_eq!(again.failures, ["it began twice", "there are two plans"]);
    }

    #[test]
    fn silence_is_no_success() {
        assert!(judge("", 0).failed > 0);
        assert_eq!(judge("TAP version 14\n1..0\n", 0).failures, ["no test ran"]);
    }

    #[test]
    fn a_program_that_only_skips_needs_a_reason_that_is_known() {
        let all = "TAP version 13\n1..2\nok 1 a # SKIP no memory\nok 2 b # skip: none\n";
        let outcome = judge(all, 0);
        assert_eq!(outcome.failures, ["nothing was tested: no memory"]);
        assert_eq!(outcome.skipped, 2);
        let known = |reason: &str| reason.contains("no memory");
        let outcome = Tap::parse(all.lines()).judge(&End::Exit(4), known);
        assert_eq!(counts(&outcome), (0, 0, 2));

        let before = "1..0 # SKIP Cannot open '/dev/mem'\n";
        assert_eq!(
            judge(before, 4).failures,
            ["nothing was tested: Cannot open '/dev/mem'"]
        );
        let outcome = Tap::parse(before.lines()).judge(&End::Exit(4), |_| true);
        assert_eq!(counts(&outcome), (0, 0, 1));
    }

    #[test]
    fn one_result_is_enough_for_the_others_to_be_skipped() {
        let text = "TAP version 13\n1..3\nok 1 a # SKIP x\nok 2 # SKIP b - missing\nok 3 c\n";
        let tap = Tap::parse(text.lines());
        let outcome = tap.judge(&End::Exit(0), |_| false);
        assert_eq!(counts(&outcome), (1, 0, 2));
        assert_eq!(tap.tests[1].name, "b - missing");
        assert_eq!(
            tap.skips().into_iter().collect::<Vec<_>>(),
            [("b - missing", 1), ("x", 1)]
        );
    }

    #[test]
    fn directives_are_words_after_a_hash() {
        let verdict = |line: &str| result(line).unwrap().1.verdict;
        assert_eq!(verdict("ok 1 a # SKIP"), Verdict::Skip(String::new()));
        assert_eq!(
            verdict("not ok 1 a # TODO later"),
            Verdict::Todo("later".into())
        );
        assert_eq!(
            verdict("ok 1 # XFAIL a"),
            Verdict::Skip("known to fail: a".into())
        );
        assert_eq!(verdict("ok 1 a # XPASS"), Verdict::Ok);
        assert_eq!(verdict("ok 1 skip is in the name"), Verdict::Ok);
        assert_eq!(verdict("not ok 1 # error a"), Verdict::NotOk);
        assert_eq!(
            judge("TAP version 14\n1..1\nok 1 a # TODO x\n", 0).failed,
            1
        );
    }

    #[test]
    fn other_lines_are_no_results() {
        for line in [
            "okay 1 a",
            "  ok 1 subtest",
            "# ok 1 a",
            "not okay",
            "all ok 1",
        ] {
            assert_eq!(finished_test(line), None, "{line}");
        }
        assert_eq!(finished_test("ok 7 - a b\r").as_deref(), Some("a b"));
    }

    #[test]
    fn the_exit_code_has_to_fit() {
        let good = "TAP version 13\n1..1\nok 1 a\n";
        assert_eq!(
            judge(good, 1).failures,
            ["its exit code is 1, although no test failed"]
        );
        assert_eq!(judge(good, 4).failed, 1);
        let bad = "TAP version 13\n1..1\nnot ok 1 a\n";
        assert_eq!(
            judge(bad, 0).failures,
            ["a", "its exit code is 0, although a test failed"]
        );
        assert_eq!(judge(bad, 1).failures, ["a"]);
    }
}
