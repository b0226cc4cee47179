// SPDX-License-Identifier: GPL-2.0

//! Boots a kernel with KUnit; kunit.py parses the results. A suite of ours that did not run is a failure, and so is an
//! unexpected warning in the kernel's log. kunit.py does not boot: its `exec` uses KVM if there is a /dev/kvm, gives the guest
//! one processor, and does not pass progress on.

use crate::boot::{self, Processors};
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc::{self, Event, Logged};
use crate::report::Outcome;
use crate::splat;
use crate::suite::Run;
use anyhow::{Context, Result, bail};
use regex_lite::Regex;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The time limit of a boot with all suites.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Boots the kernel built for `config` and counts its tests.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let boot = Boot::of(config, run.session.arguments.filter.as_deref());
    Ok(judged(run, &boot, |_| false)?.0)
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
    run: &Run,
    boot: &Boot,
    is_known: impl Fn(&str) -> bool,
) -> Result<(Outcome, String)> {
    let (kernel, places) = (run.kernel, run.session.places);
    let mut step = run.session.progress.step(&boot.name);
    let out = places.out(boot.config.name);
    let log_name = boot.name.replace(' ', "-");
    let kernel_log = places.log(&format!("{log_name}-kernel"));
    let shown = places.show(&kernel_log);
    let booted = Logged {
        log: &kernel_log,
        append: false,
        timeout: Some(TIMEOUT),
    };
    let ended = booted.run(boot_command(kernel, boot)?, |event| match event {
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
    let log = places.log(&log_name);
    let (parsed, _) = proc::watched(&log, cmd, |_| ())?;
    let Ok(text) = fs::read_to_string(&results) else {
        eprint!("{}", proc::tail(&kernel_log, 20));
        bail!("{}: no results: see {shown}", boot.name);
    };
    let bytes = fs::read(&kernel_log).context("the kernel's log has gone")?;
    let said = String::from_utf8_lossy(&bytes).into_owned();
    if let Some(filter) = boot.filter.filter(|_| nothing_matches(&said)) {
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
        let limit = TIMEOUT.as_secs();
        outcome.fail(format!(
            "the kernel did not end within {limit} s: see {shown}"
        ));
    }
    let complaints = splat::find(&said, usize::MAX).into_iter();
    for (line, text) in complaints.filter(|(_, text)| !is_known(text)).take(5) {
        outcome.fail(format!("unexpected kernel warning: {shown}:{line}: {text}"));
    }
    if boot.filter.is_none() {
        let dot_config = fs::read_to_string(out.join(".config"));
        let dot_config = dot_config.context("the kernel has no .config")?;
        for suite in expected_suites(&places.tree(), &kernel.ours, &dot_config) {
            if !outcome.names.contains(&suite) {
                outcome.fail(format!(
                    "suite {suite} did not run: see {}",
                    places.show(&log)
                ));
            }
        }
    }
    Ok((step.ended(outcome), said))
}

/// QEMU has no processor with L1TF, for which the kernel then refuses entries that a test makes.
const CLAIMED_BUG: &str = "setcpuid=l1tf";

/// kunit.py's own `exec` would take KVM wherever there is a /dev/kvm, whether or not that works.
pub fn boot_command(kernel: &Kernel, boot: &Boot) -> Result<Command> {
    let config = boot.config;
    let out = kernel.places.out(config.name);
    let glob = boot.filter.map(|glob| format!("kunit.filter_glob={glob}"));
    if config.machine.qemu.is_empty() {
        let mut cmd = proc::command(out.join("linux"));
        cmd.args("mem=1G console=tty kunit_shutdown=halt kunit.enable=1".split(' '));
        cmd.arg(format!("dtb={}", device_tree(kernel, config)?.display()));
        cmd.args(glob).args(boot.append.split_whitespace());
        return Ok(cmd);
    }
    let (glob, append) = (glob.unwrap_or_default(), boot.append);
    let console = config.machine.console;
    let bug = match config.machine.has_code_of_x86() {
        true => CLAIMED_BUG,
        false => "",
    };
    let append = format!(
        "console={console} panic=-1 {bug} kunit_shutdown=reboot kunit.enable=1 {glob} {append}"
    );
    let mut cmd = boot::qemu(kernel, config, Processors::Parallel(2), append.trim_end());
    cmd.args(["-serial", "stdio", "-monitor", "none"]);
    Ok(cmd)
}

/// Compiles the device tree of a configuration, with the kernel's own dtc.
fn device_tree(kernel: &Kernel, config: Config) -> Result<PathBuf> {
    let (places, name) = (kernel.places, config.name);
    let out = places.out(name);
    let blob = out.join(format!("{name}.dtb"));
    let source = places.repo.join(format!("scripts/configs/{name}.dts"));
    let mut cmd = proc::command(out.join("scripts/dtc/dtc"));
    cmd.args(["-q", "-I", "dts", "-O", "dtb", "-o"]);
    cmd.arg(&blob).arg(&source);
    let log = places.log(&format!("dtc-{name}"));
    if !proc::watched(&log, cmd, |_| ())?.0 {
        eprint!("{}", proc::tail(&log, 20));
        bail!("{}: dtc refuses it", places.show(&source));
    }
    Ok(blob)
}

/// The test or suite that a line of KTAP says has ended.
fn finished_test(line: &str) -> Option<&str> {
    let words = line.rsplit(']').next()?.trim_start();
    let words = words.strip_prefix("not ").unwrap_or(words);
    let (number, name) = words.strip_prefix("ok ")?.split_once(' ')?;
    number.parse::<u32>().ok().map(|_| name)
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
    let is_failure =
        |line: &str| line.trim_start().starts_with(&begin) && line.contains(" FAILED at ");
    let is_detail = |line: &&str| {
        let text = line.trim_start();
        let others = ["#", "ok ", "not ok "];
        text != *line && !others.iter().any(|word| text.starts_with(word))
    };
    let lines = log.lines().map(without_time);
    let mut lines = lines.skip_while(|line| !is_failure(line));
    let first = lines.next().map(|line| &line.trim_start()[begin.len()..]);
    let details = lines.take_while(is_detail).take(8).map(str::trim);
    first
        .into_iter()
        .chain(details)
        .map(str::to_string)
        .collect()
}

/// The counts of kunit.py's JSON, with what failed.
fn count(json: &str, success: bool) -> Result<Outcome> {
    let group: Value = serde_json::from_str(json).context("kunit.py's results are not JSON")?;
    let mut outcome = Outcome::default();
    walk(&group, "", &mut outcome);
    let misc = |name: &str| group["misc"][name].as_u64().unwrap_or(0) as usize;
    // Failures that kunit.py does not attribute to a test case: a suite that crashed, a wrong plan.
    let all = misc("failed") + misc("crashed") + misc("errors");
    let unattributed = all.saturating_sub(outcome.failed);
    if unattributed > 0 {
        let why = "results are missing or not as announced: a suite crashed or was cut short";
        outcome.fail(why.to_string());
        outcome.failed += unattributed - 1;
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
/// `#![cfg(CONFIG_X)]`, `#![cfg(CONFIG_X = "y")]` or `#![cfg(not(CONFIG_X))]` at its top. The suite of a sample driver
/// runs if its Makefile builds it into the kernel.
fn expected_suites(tree: &Path, ours: &[String], dot_config: &str) -> Vec<String> {
    let regex = |pattern| Regex::new(pattern).expect("a constant");
    let definition = regex(r"#\[kunit_tests\((\w+)\)\]");
    let condition = regex(r#"(?m)^#!\[cfg\((not\()?(CONFIG_\w+)(?: = "y")?\)?\)\]"#);
    let object = regex(r"obj-\$\((CONFIG_\w+)\)");
    let is_set = |name: &str| {
        let mut lines = dot_config.lines();
        lines.any(|line| line.strip_prefix(name) == Some("=y"))
    };
    let mut suites = Vec::new();
    for file in ours.iter().filter(|file| file.ends_with(".rs")) {
        let path = tree.join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let makefile = fs::read_to_string(path.with_file_name("Makefile")).unwrap_or_default();
        let mut objects = object.captures_iter(&makefile);
        let mut conditions = condition.captures_iter(&text);
        let is_built = !file.starts_with("samples/") || objects.any(|found| is_set(&found[1]));
        if is_built && conditions.all(|found| is_set(&found[2]) == found.get(1).is_none()) {
            let names = definition.captures_iter(&text);
            suites.extend(names.map(|found| found[1].to_string()));
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
        let misc = r#"{"failed":1,"crashed":1,"errors":0}"#;
        let outcome = count(&json(cases, misc), false).unwrap();
        assert_eq!(outcome.counts(), "1 passed, 2 failed, 1 skipped");
        assert_eq!(outcome.failures, ["rust_vma_a.two", "rust_vma_a.four"]);
        assert_eq!(outcome.names, ["rust_vma_a"]);
    }

    #[test]
    fn crashes_outside_of_cases_count() {
        let one = r#"{"name":"one","status":"PASS"}"#;
        let crashed = r#"{"failed":0,"crashed":1,"errors":2}"#;
        for (misc, success, failed) in [(crashed, false, 3), ("{}", false, 1), ("{}", true, 0)] {
            let outcome = count(&json(one, misc), success).unwrap();
            assert_eq!((outcome.passed, outcome.failed), (1, failed));
        }
        assert!(count("no json", true).is_err());
    }

    #[test]
    fn failed_assertion_shows_expectation() {
        let log = "[    1.0]     # other: ASSERTION FAILED at a.rs:1\r\n[    1.0]     Expected no\r\n\
                   [    1.0]     # a_case: ASSERTION FAILED at rust/x.rs:30\r\n\
                   [    1.0]     Expected a == b to be true, but is false\r\n\
                   [    1.0]     # a_case: other.speed: slow\r\n[    1.0]     not ok 1 a_case\r\n";
        let place = "ASSERTION FAILED at rust/x.rs:30";
        let expected = [place, "Expected a == b to be true, but is false"];
        assert_eq!(assertion(log, "a_case"), expected);
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
    fn progress_counts_ended_tests() {
        assert_eq!(finished_test("[    0.5]     ok 3 a_test"), Some("a_test"));
        assert_eq!(finished_test("not ok 12 suite"), Some("suite"));
        assert_eq!(finished_test("[    0.5] ok then"), None);
        assert_eq!(finished_test("    # Subtest: x"), None);
    }

    #[test]
    fn lists_suites_that_this_kernel_has() {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("a.rs", "#[kunit_tests(a)]\nmod a {}\n#[kunit_tests(b)]\n"),
            ("theirs.rs", "#[kunit_tests(theirs)]\n"),
            ("with.rs", "#![cfg(CONFIG_L)]\n#[kunit_tests(with)]\n"),
            (
                "built_in.rs",
                "#![cfg(CONFIG_M = \"y\")]\n#[kunit_tests(built_in)]\n",
            ),
            (
                "without.rs",
                "#![cfg(not(CONFIG_L))]\n#[kunit_tests(without)]\n",
            ),
            ("samples/foo.rs", "#[kunit_tests(foo)]\n"),
            ("samples/Makefile", "obj-$(CONFIG_FOO) += foo.o\n"),
        ] {
            fs::create_dir_all(dir.path().join("samples")).unwrap();
            fs::write(dir.path().join(file), text).unwrap();
        }
        let ours = [
            "a.rs",
            "with.rs",
            "built_in.rs",
            "without.rs",
            "samples/foo.rs",
            "x.c",
        ]
        .map(str::to_string);
        for (dot_config, expected) in [
            ("", "a b without"),
            ("CONFIG_L=y\n", "a b with"),
            ("# CONFIG_L is not set\nCONFIG_LL=y\n", "a b without"),
            ("CONFIG_FOO=m\nCONFIG_M=m\n", "a b without"),
            ("CONFIG_M=y\n", "a b built_in without"),
            ("CONFIG_FOO=y\n", "a b without foo"),
        ] {
            let found = expected_suites(dir.path(), &ours, dot_config);
            assert_eq!(found.join(" "), expected, "{dot_config}");
        }
    }
}
