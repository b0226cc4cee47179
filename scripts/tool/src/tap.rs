// SPDX-License-Identifier: GPL-2.0

//! Parses the TAP output of a program, and judges it together with the program's exit code. A result that is missing or
//! doubled is a failure. kunit.py parses KTAP only: it has no exit codes, accepts doubled results, and its JSON has no reasons
//! of skipped tests.

use crate::report::{Outcome, write_json};
use anyhow::Result;
use regex_lite::Regex;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
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
        let results = self.tests.len();
        match self.plan {
            Some(plan) if results < plan => outcome.fail(format!(
                "it was cut short: {plan} tests were announced, {results} have a result"
            )),
            Some(_) => (),
            None => outcome.fail("there is no plan (1..N)".to_string()),
        }
        let reason = self.reason_for_nothing();
        match &reason {
            Some(reason) if allowed(reason) => outcome.skipped = outcome.skipped.max(1),
            Some(reason) => outcome.fail(format!("nothing was tested: {reason}")),
            None if self.tests.is_empty() => outcome.fail("no test ran".to_string()),
            None => (),
        }
        match (end, bad_tests) {
            (End::Bad(how), _) => outcome.fail(format!("it ended badly: {how}")),
            (End::Exit(0), true) => {
                outcome.fail("its exit code is 0, although a test failed".to_string())
            }
            (End::Exit(SKIPPED), _) if reason.is_some() || outcome.skipped > 0 => (),
            (End::Exit(0), false) | (_, true) => (),
            (End::Exit(code), false) => {
                outcome.fail(format!("its exit code is {code}, although no test failed"))
            }
        }
        outcome
    }

    /// The reason why nothing was tested, if that was so and there is one.
    fn reason_for_nothing(&self) -> Option<String> {
        let reasons = self.tests.iter().map(|test| match &test.verdict {
            Verdict::Skip(reason) => Some(reason),
            _ => None,
        });
        let reasons: Option<Vec<&String>> = reasons.collect();
        let first = reasons.and_then(|reasons| reasons.first().map(|reason| reason.to_string()));
        self.nothing.clone().or(first)
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
    /// The results that a program had which a script called: they are explanations of the script's own.
    pub fn inner(&self) -> impl Iterator<Item = Test> {
        let results = self.notes.iter().filter_map(|note| result(note));
        results.map(|(_, test)| test)
    }

    fn explained(&self) -> String {
        if let Some(inner) = self.inner().find(|test| test.verdict == Verdict::NotOk) {
            return format!("{}: {}", self.name, inner.name);
        }
        let Some(note) = self.notes.first() else {
            return self.name.clone();
        };
        let note = note.strip_prefix("message: ").unwrap_or(note);
        // A string of YAML's; one that JSON has not stays as it is.
        let note = serde_json::from_str(note).unwrap_or_else(|_| note.to_string());
        format!("{}: {note}", self.name)
    }
}

/// Writes the results of some programs, and what they come to.
pub fn write(file: &Path, programs: &[(&str, &Tap)], outcome: &Outcome) -> Result<()> {
    let programs: BTreeMap<_, _> = programs
        .iter()
        .map(|(name, tap)| (name, &tap.tests))
        .collect();
    let value = serde_json::json!({ "outcome": outcome, "programs": programs });
    write_json(file, &value)
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
        Regex::new(
            r"^(not )?ok(?: +(\d+))?(?: +-)?(?: +(.*?))??(?:\s+#\s*((?i:skip|todo|xfail))\S*\s*(.*))?$",
        )
        .expect("checked by a test")
    });
    let found = RESULT.captures(line)?;
    let part = |at| found.get(at).map_or("", |part| part.as_str());
    let why = part(5).to_string();
    let verdict = match &*part(4).to_ascii_lowercase() {
        "" if found.get(1).is_some() => Verdict::NotOk,
        "" => Verdict::Ok,
        "todo" => Verdict::Todo(why),
        "xfail" => Verdict::Skip(format!("known to fail: {why}")),
        _ => Verdict::Skip(why),
    };
    // Selftests may have the name only where the reason should be.
    let name = [part(3), part(5)].into_iter().find(|name| !name.is_empty());
    let test = Test {
        name: name.unwrap_or_default().trim().to_string(),
        verdict,
        notes: Vec::new(),
    };
    Some((part(2).parse().ok(), test))
}

/// The text after `SKIP` in a plan's directive.
fn skip_reason(directive: &str) -> Option<String> {
    let (word, reason) = directive.trim().split_at_checked(4)?;
    let is_skip = word.eq_ignore_ascii_case("skip");
    is_skip.then(|| reason.trim().to_string())
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

    /// Output, the exit code, and the counts and failures that they come to.
    #[rustfmt::skip]
    const CASES: &[(&str, u8, &str, &[&str])] = &[
        // Each kind of result; our programs explain one after it, in YAML.
        ("TAP version 14\n1..4\nok 1 - one\nok 2 - two # SKIP no such device\nnot ok 3 - three\n\
          \x20 ---\n  message: \"too \\\"short\\\"\"\n  ...\nok 4 - four\n",
            1, "2 passed, 1 failed, 1 skipped", &["three: too \"short\""]),
        // Selftests explain before the result.
        ("TAP version 13\n1..2\n# Starting 2 tests from 1 test cases.\n#  RUN           a.x ...\n\
          #            OK  a.x\nok 1 a.x\n#  RUN           a.y ...\n# a.c:9:y:Expected 0 == 1\n\
          #          FAIL  a.y\nnot ok 2 a.y\n# FAILED: 1 / 2 tests passed.\n",
            1, "1 passed, 1 failed", &["a.y: a.c:9:y:Expected 0 == 1"]),
        // A script explains a result by those of the program that it called.
        ("TAP version 13\n# ok 1 a\n# not ok 2 b\nnot ok 1 x # exit=1\n1..1\n",
            1, "0 passed, 1 failed", &["x # exit=1: b"]),
        // A plan may come last, and must come once.
        ("TAP version 13\nok 1 a\nok 2 b\n1..2\n", 0, "2 passed, 0 failed", &[]),
        ("TAP version 13\nok 1 a\n", 0, "1 passed, 1 failed", &["there is no plan (1..N)"]),
        ("1..1\nok 1 a\n1..1\n", 0, "1 passed, 1 failed", &["there are two plans"]),
        ("1..many\nok 1 a\n", 0, "1 passed, 1 failed", &["there is no plan (1..N)"]),
        ("TAP version 13\n1..3\nok 1 a\nok 2 b\n",
            0, "2 passed, 1 failed", &["it was cut short: 3 tests were announced, 2 have a result"]),
        ("1..2\nok 1 a\nok 2 b\nBail out! x\n", 1, "2 passed, 2 failed",
            &["it gave up: x", "its exit code is 1, although no test failed"]),
        // Numbers are given once and as announced, or not at all.
        ("1..2\nok 1 a\nok 1 b\n", 0, "2 passed, 1 failed", &["there are two results of test 1"]),
        ("1..1\nok 1 a\nok 2 b\n", 0, "2 passed, 1 failed", &["test 2 was not announced"]),
        ("TAP version 14\n1..2\nok - a\nok\n", 0, "2 passed, 0 failed", &[]),
        // A child of fork() that repeats what its parent had not written out yet.
        ("TAP version 13\n1..1\nTAP version 13\n1..1\nok 1 a\n",
            0, "1 passed, 2 failed", &["it began twice", "there are two plans"]),
        // Silence is no success.
        ("", 0, "0 passed, 2 failed", &["there is no plan (1..N)", "no test ran"]),
        ("TAP version 14\n1..0\n", 0, "0 passed, 1 failed", &["no test ran"]),
        // To skip all tests is a failure, if its reason is not known.
        ("1..2\nok 1 a # SKIP no memory\nok 2 b # skip: none\n",
            0, "0 passed, 1 failed, 2 skipped", &["nothing was tested: no memory"]),
        ("1..0 # SKIP Cannot open '/dev/mem'\n",
            4, "0 passed, 1 failed", &["nothing was tested: Cannot open '/dev/mem'"]),
        // One result is enough for the others to be skipped.
        ("1..3\nok 1 a # SKIP x\nok 2 # SKIP b - missing\nok 3 c\n",
            0, "1 passed, 0 failed, 2 skipped", &[]),
        ("1..1\nok 1 a # TODO x\n", 0, "0 passed, 1 failed", &["a: not finished: x"]),
        // A script says so by its exit code, too.
        ("1..2\nok 1 a\nok 2 b # SKIP x\n", 4, "1 passed, 0 failed, 1 skipped", &[]),
        // The exit code has to fit.
        ("1..1\nok 1 a\n",
            1, "1 passed, 1 failed", &["its exit code is 1, although no test failed"]),
        ("1..1\nok 1 a\n",
            4, "1 passed, 1 failed", &["its exit code is 4, although no test failed"]),
        ("1..1\nnot ok 1 a\n",
            0, "0 passed, 2 failed", &["a", "its exit code is 0, although a test failed"]),
        ("1..1\nnot ok 1 a\n", 1, "0 passed, 1 failed", &["a"]),
    ];

    #[test]
    fn output_is_judged_with_the_exit_code() {
        for (text, code, counts, failures) in CASES {
            let outcome = judge(text, *code);
            assert_eq!(
                (&*outcome.counts(), outcome.failures.join("; ")),
                (*counts, failures.join("; "))
            );
        }
    }

    #[test]
    fn a_bad_end_and_a_known_reason_for_nothing() {
        let tap = Tap::parse("1..3\nok 1 a\n".lines());
        let bad = tap.judge(&End::Bad("signal 9".to_string()), |_| false);
        assert_eq!(bad.failures[1..], ["it ended badly: signal 9"]);
        let all = "1..2\nok 1 a # SKIP no memory\nok 2 b # skip: none\n";
        for (text, skipped) in [(all, 2), ("1..0 # SKIP no memory\n", 1)] {
            let known = |reason: &str| reason.contains("no memory");
            let outcome = Tap::parse(text.lines()).judge(&End::Exit(4), known);
            assert_eq!(
                outcome.counts(),
                format!("0 passed, 0 failed, {skipped} skipped")
            );
        }
    }

    #[test]
    fn directives_are_words_after_a_hash() {
        let skip = |why: &str| Verdict::Skip(why.to_string());
        for (line, name, verdict) in [
            ("ok 1 a # SKIP", "a", skip("")),
            (
                "ok 2 # SKIP b - missing",
                "b - missing",
                skip("b - missing"),
            ),
            (
                "not ok 1 a # TODO later",
                "a",
                Verdict::Todo("later".into()),
            ),
            ("ok 1 # XFAIL a", "a", skip("known to fail: a")),
            ("ok 1 a # XPASS", "a # XPASS", Verdict::Ok),
            ("ok 1 skip is it", "skip is it", Verdict::Ok),
            ("not ok 1 # error a", "# error a", Verdict::NotOk),
        ] {
            let test = result(line).unwrap().1;
            assert_eq!((&*test.name, test.verdict), (name, verdict));
        }
        let tap = Tap::parse("ok 1 a # SKIP x\nok 2 b # SKIP x\n".lines());
        assert_eq!(tap.skips(), BTreeMap::from([("x", 2)]));
    }

    #[test]
    fn other_lines_are_no_results() {
        for line in "okay 1 a|  ok 1 subtest|# ok 1 a|not okay|all ok 1|OK 1 a".split('|') {
            assert_eq!(finished_test(line), None, "{line}");
        }
        assert_eq!(finished_test("ok 7 - a b\r").as_deref(), Some("a b"));
    }
}
