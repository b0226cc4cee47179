// SPDX-License-Identifier: GPL-2.0

//! Boots a kernel with KUnit; kunit.py parses the results. A suite of ours that did not run is a failure, and so is an
//! unexpected warning in the kernel's log. kunit.py does not boot: its `exec` uses KVM if there is a /dev/kvm, gives the guest
//! one processor, and does not pass progress on.

use crate::boot::{self, Processors};
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc::{self, Event, Logged};
use crate::progress::Progress;
use crate::report::Outcome;
use crate::splat;
use anyhow::{Context, Result, bail};
use regex_lite::Regex;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The time limit of a boot with all suites.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Boots the kernel built for `config` and counts its tests.
pub fn run(
    kernel: &Kernel,
    config: Config,
    filter: Option<&str>,
    progress: &Progress,
) -> Result<Outcome> {
    let boot = Boot::of(config, filter);
    Ok(judged(kernel, &boot, progress, |_| false)?.0)
}

/// A boot with KUnit.
pub struct Boot<'a> {
    /// The name of the step and of its logs.
    pub name: String,
    pub config: Config,
    pub filter: Option<&'a str>,
    /// More of the kernel's command line.
    pub append: &'a str,
}

impl<'a> Boot<'a> {
    pub fn of(config: Config, filter: Option<&'a str>) -> Self {
        Self {
            name: format!("kunit {}", config.name),
            config,
            filter,
            append: "",
        }
    }
}

/// Like [`run`], and returns the kernel's log. Warnings for which `is_known` is true are left to the caller.
pub fn judged(
    kernel: &Kernel,
    boot: &Boot,
    progress: &Progress,
    is_known: impl Fn(&str) -> bool,
) -> Result<(Outcome, String)> {
    let (config, filter) = (boot.config, boot.filter);
    let mut step = progress.step(&boot.name);
    let out = kernel.places.out(config.name);
    let log_name = boot.name.replace(' ', "-");
    let kernel_log = kernel.places.log(&format!("{log_name}-kernel"));
    let booted = Logged {
        log: &kernel_log,
        append: false,
        timeout: Some(TIMEOUT),
    };
    let ended = booted.run(boot_command(kernel, boot), |event| match event {
        Event::Line(line) => {
            if let Some(test) = finished_test(line) {
                step.advance(test);
            }
        }
        Event::Quiet => step.doing("running"),
    })?;

    let results = out.join(format!("{log_name}.json"));
    let _ = fs::remove_file(&results);
    let mut cmd = kernel.kunit("parse");
    cmd.arg(format!("--json={}", results.display()))
        .arg(&kernel_log);
    let log = kernel.places.log(&log_name);
    let (parsed, _) = proc::watched(&log, cmd, |_| ())?;
    let Ok(text) = fs::read_to_string(&results) else {
        eprint!("{}", proc::tail(&kernel_log, 20));
        bail!(
            "{}: no results: see {}",
            boot.name,
            kernel.places.show(&kernel_log)
        );
    };
    let shown = kernel.places.show(&kernel_log);
    let bytes = fs::read(&kernel_log).context("the kernel's log has gone")?;
    let said = String::from_utf8_lossy(&bytes).into_owned();
    if let Some(filter) = filter.filter(|_| nothing_matches(&said)) {
        let failure = format!("FILTER={filter}: no suite or test matches");
        return Ok((Outcome::failure(failure), said));
    }
    let mut outcome = count(&text, parsed)?;
    for failure in &mut outcome.failures {
        let case = failure.rsplit('.').next().unwrap_or_default();
        for line in assertion(&said, case) {
            *failure += &format!("; {}", kernel.in_checkout(&line));
        }
        *failure += &format!(" (log: {shown})");
    }
    if ended.timed_out {
        outcome.fail(format!(
            "the kernel did not end within {} s: see {shown}",
            TIMEOUT.as_secs()
        ));
    }
    let complaints = splat::find(&said, usize::MAX);
    for (line, text) in complaints
        .iter()
        .filter(|(_, text)| !is_known(text))
        .take(5)
    {
        outcome.fail(format!("unexpected kernel warning: {shown}:{line}: {text}"));
    }
    if filter.is_none() {
        let dot_config =
            fs::read_to_string(out.join(".config")).context("the kernel has no .config")?;
        let ran = outcome.names.clone();
        let expected = expected_suites(&kernel.places.tree(), &kernel.ours, &dot_config);
        for suite in expected.iter().filter(|suite| !ran.contains(suite)) {
            outcome.fail(format!(
                "suite {suite} did not run: see {}",
                kernel.places.show(&log)
            ));
        }
    }
    Ok((step.ended(outcome), said))
}

/// kunit.py's own `exec` would take KVM wherever there is a /dev/kvm, whether or not that works.
fn boot_command(kernel: &Kernel, boot: &Boot) -> Command {
    let config = boot.config;
    let out = kernel.places.out(config.name);
    let glob = boot.filter.map(|glob| format!("kunit.filter_glob={glob}"));
    if config.arch == "um" {
        let mut cmd = proc::command(out.join("linux"));
        cmd.args([
            "mem=1G",
            "console=tty",
            "kunit_shutdown=halt",
            "kunit.enable=1",
        ]);
        cmd.args(glob).args(boot.append.split_whitespace());
        return cmd;
    }
    let append = format!(
        "console=ttyS0 panic=-1 kunit_shutdown=reboot kunit.enable=1 {} {}",
        glob.unwrap_or_default(),
        boot.append
    );
    let mut cmd = boot::qemu(kernel, config, Processors::Parallel(2), append.trim_end());
    cmd.args(["-serial", "stdio", "-monitor", "none"]);
    cmd
}

/// The test or suite that a line of KTAP says has ended.
fn finished_test(line: &str) -> Option<&str> {
    let words = line.rsplit(']').next()?.trim_start();
    let rest = words
        .strip_prefix("not ")
        .unwrap_or(words)
        .strip_prefix("ok ")?;
    let (number, name) = rest.split_once(' ')?;
    number.parse::<u32>().ok()?;
    Some(name)
}

/// A line of a kernel log without its time stamp.
fn without_time(line: &str) -> &str {
    let rest = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let is_time = |stamp: &str| stamp.trim().parse::<f64>().is_ok();
    match rest.filter(|(stamp, _)| is_time(stamp)) {
        Some((_, text)) => text.strip_prefix(' ').unwrap_or(text).trim_end(),
        None => line.trim_end(),
    }
}

/// Checks for a plan of no suites.
fn nothing_matches(log: &str) -> bool {
    let mut lines = log.lines().map(without_time);
    lines.any(|line| line == "KTAP version 1") && lines.next() == Some("1..0")
}

/// The first failed assertion of a test: where it is, and what was expected.
fn assertion(log: &str, case: &str) -> Vec<String> {
    let begin = format!("# {case}: ");
    let is_failure = |line: &str| {
        let text = line.trim_start().strip_prefix(&begin);
        text.is_some_and(|text| text.contains(" FAILED at "))
    };
    let is_detail = |line: &&str| {
        let text = line.trim_start();
        text != *line
            && ["#", "ok ", "not ok "]
                .iter()
                .all(|word| !text.starts_with(word))
    };
    let mut lines = log
        .lines()
        .map(without_time)
        .skip_while(|line| !is_failure(line));
    let first = lines
        .next()
        .map(|line| line.trim_start()[begin.len()..].to_string());
    let details = lines.take_while(is_detail).take(8);
    let details = details.map(|line| line.trim().to_string());
    first.into_iter().chain(details).collect()
}

/// The counts of kunit.py's JSON, with what failed.
fn count(json: &str, success: bool) -> Result<Outcome> {
    let group: Value = serde_json::from_str(json).context("kunit.py's results are not JSON")?;
    let mut outcome = Outcome::default();
    walk(&group, "", &mut outcome);
    let misc = |name: &str| group["misc"][name].as_u64().unwrap_or(0) as usize;
    // Failures that kunit.py does not attribute to a test case: a suite that crashed, a wrong plan.
    let unattributed =
        (misc("failed") + misc("crashed") + misc("errors")).saturating_sub(outcome.failed);
    if unattributed > 0 {
        outcome.fail_many(
            unattributed,
            "results are missing or not as announced: a suite crashed or was cut short",
        );
    }
    if !success && outcome.failed == 0 {
        outcome.fail("kunit.py says the run failed".to_string());
    }
    Ok(outcome)
}

fn walk(group: &Value, path: &str, outcome: &mut Outcome) {
    let list = |name: &str| group[name].as_array().cloned().unwrap_or_default();
    for case in list("test_cases") {
        let name = case["name"].as_str().unwrap_or("?");
        match case["status"].as_str() {
            Some("PASS") => outcome.passed += 1,
            Some("SKIP") => outcome.skipped += 1,
            _ => outcome.fail(format!("{path}{name}")),
        }
        if path.is_empty() {
            outcome.names.push(name.to_string());
        }
    }
    for sub in list("sub_groups") {
        let name = sub["name"].as_str().unwrap_or("?").to_string();
        walk(&sub, &format!("{path}{name}."), outcome);
        if path.is_empty() {
            outcome.names.push(name);
        }
    }
}

/// The suites that our own files define for this configuration. A file that is for some kernels only says so with
/// `#![cfg(CONFIG_X)]` or `#![cfg(not(CONFIG_X))]` at its top. The suite of a sample driver runs if its Makefile builds it
/// into the kernel.
fn expected_suites(tree: &Path, ours: &[String], dot_config: &str) -> Vec<String> {
    let definition = Regex::new(r"#\[kunit_tests\((\w+)\)\]").expect("a constant");
    let condition = Regex::new(r"(?m)^#!\[cfg\((not\()?(CONFIG_\w+)\)?\)\]").expect("a constant");
    let object = Regex::new(r"obj-\$\((CONFIG_\w+)\)").expect("a constant");
    let is_set = |name: &str| {
        dot_config
            .lines()
            .any(|line| line.strip_prefix(name) == Some("=y"))
    };
    let mut suites = Vec::new();
    for file in ours.iter().filter(|file| file.ends_with(".rs")) {
        let path = tree.join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let makefile = fs::read_to_string(path.with_file_name("Makefile")).unwrap_or_default();
        let is_sample = file.starts_with("samples/");
        if is_sample
            && !object
                .captures_iter(&makefile)
                .any(|found| is_set(&found[1]))
        {
            continue;
        }
        if condition
            .captures_iter(&text)
            .all(|found| is_set(&found[2]) == found.get(1).is_none())
        {
            suites.extend(
                definition
                    .captures_iter(&text)
                    .map(|found| found[1].to_string()),
            );
        }
    }
    suites
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cases: &str, misc: &str) -> String {
        format!(
            r#"{{"name":"all","test_cases":[],"misc":{misc},"sub_groups":[
               {{"name":"rust_vma_a","sub_groups":[],"test_cases":[{cases}],"misc":{{}}}}]}}"#
        )
    }

    #[test]
    fn results_are_counted_and_failures_named() {
        let cases = r#"{"name":"one","status":"PASS"},{"name":"two","status":"FAIL"},{"name":"three","status":"SKIP"},
            {"name":"four","status":"ERROR"}"#;
        let outcome = count(
            &json(cases, r#"{"failed":1,"crashed":1,"errors":0}"#),
            false,
        )
        .unwrap();
        assert_eq!((outcome.passed, outcome.failed, outcome.skipped), (1, 2, 1));
        assert_eq!(outcome.failures, ["rust_vma_a.two", "rust_vma_a.four"]);
        assert_eq!(outcome.names, ["rust_vma_a"]);
    }

    #[test]
    fn crashes_outside_of_cases_count() {
        let one = r#"{"name":"one","status":"PASS"}"#;
        let outcome = count(&json(one, r#"{"failed":0,"crashed":1,"errors":2}"#), false).unwrap();
        assert_eq!((outcome.passed, outcome.failed), (1, 3));
        let outcome = count(&json(one, "{}"), false).unwrap();
        assert_eq!((outcome.passed, outcome.failed), (1, 1));
        let outcome = count(&json(one, "{}"), true).unwrap();
        assert_eq!((outcome.passed, outcome.failed), (1, 0));
        assert!(count("no json", true).is_err());
    }

    #[test]
    fn a_failed_assertion_is_shown_with_what_was_expected() {
        let log = "[    1.0]     # other: ASSERTION FAILED at a.rs:1\r\n[    1.0]     Expected no\r\n\
                   [    1.0]     # a_case: ASSERTION FAILED at rust/x.rs:30\r\n\
                   [    1.0]     Expected a == b to be true, but is false\r\n\
                   [    1.0]     # a_case: other.speed: slow\r\n[    1.0]     not ok 1 a_case\r\n";
        assert_eq!(
            assertion(log, "a_case"),
            [
                "ASSERTION FAILED at rust/x.rs:30",
                "Expected a == b to be true, but is false"
            ]
        );
        assert!(assertion(log, "case").is_empty());
    }

    #[test]
    fn a_filter_that_matches_nothing_is_noticed() {
        assert!(nothing_matches(
            "[ 1.0] x\r\n[ 1.0] KTAP version 1\r\n[ 1.0] 1..0\r\n"
        ));
        assert!(!nothing_matches("[ 1.0] KTAP version 1\r\n[ 1.0] 1..2\r\n"));
        assert!(!nothing_matches("[ 1.0] Kernel panic\r\n"));
    }

    #[test]
    fn ended_tests_are_recognised_for_the_progress() {
        assert_eq!(finished_test("[    0.5]     ok 3 a_test"), Some("a_test"));
        assert_eq!(finished_test("not ok 12 suite"), Some("suite"));
        assert_eq!(finished_test("[    0.5] ok then"), None);
        assert_eq!(finished_test("    # Subtest: x"), None);
    }

    #[test]
    fn suites_come_from_our_files_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("rust")).unwrap();
        let suites = "#[kunit_tests(rust_vma_a)]\nmod a {}\n#[kunit_tests(rust_vma_b)]\n";
        fs::write(dir.path().join("rust/a.rs"), suites).unwrap();
        fs::write(dir.path().join("rust/b.rs"), "#[kunit_tests(theirs)]\n").unwrap();
        let expected = expected_suites(dir.path(), &["rust/a.rs".into(), "rust/x.c".into()], "");
        assert_eq!(expected, ["rust_vma_a", "rust_vma_b"]);
    }

    #[test]
    fn sample_driver_is_expected_where_it_is_built_in() {
        let dir = tempfile::tempdir().unwrap();
        let sample = dir.path().join("samples/foo");
        fs::create_dir_all(&sample).unwrap();
        fs::write(sample.join("Makefile"), "obj-$(CONFIG_FOO) += foo.o\n").unwrap();
        fs::write(sample.join("foo.rs"), "#[kunit_tests(foo)]\n").unwrap();
        let ours = ["samples/foo/foo.rs".to_string()];
        let expected = |dot_config: &str| expected_suites(dir.path(), &ours, dot_config);
        assert_eq!(expected("CONFIG_FOO=y\n"), ["foo"]);
        assert!(expected("CONFIG_FOO=m\n").is_empty());
        assert!(expected("").is_empty());
    }

    #[test]
    fn a_file_for_some_kernels_is_not_expected_on_others() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("with.rs"),
            "#![cfg(CONFIG_L)]\n#[kunit_tests(with_lock)]\n",
        )
        .unwrap();
        fs::write(
            dir.path().join("without.rs"),
            "#![cfg(not(CONFIG_L))]\n#[kunit_tests(without_lock)]\n",
        )
        .unwrap();
        let ours = ["with.rs".to_string(), "without.rs".to_string()];
        assert_eq!(
            expected_suites(dir.path(), &ours, "CONFIG_L=y\n"),
            ["with_lock"]
        );
        assert_eq!(
            expected_suites(dir.path(), &ours, "# CONFIG_L is not set\nCONFIG_LL=y\n"),
            ["without_lock"]
        );
    }
}
