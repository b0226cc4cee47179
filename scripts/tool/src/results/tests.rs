// SPDX-License-Identifier: GPL-2.0

//! Nothing of a run gets lost on its way to other programs.

use super::*;
use crate::kconfig::X86_64_DEBUG;
use crate::report::{End, Outcome};
use quick_junit::TestCaseStatus;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::SystemTime;

const TOOLCHAIN: &str = "kernel = '7.3.4'\nrustc = '1.96.0'\nllvm = '22.1.2'\nclang = '22.1.1'";

fn places() -> Places {
    Places {
        repo: "/r".into(),
        build: "/r/build".into(),
        cache: "/c".into(),
        kdir: None,
    }
}

fn step(name: &str, kernel: Option<Config>, end: End, outcome: Outcome) -> Step {
    Step {
        name: name.to_string(),
        seconds: 1.5,
        outcome,
        start: SystemTime::UNIX_EPOCH,
        kernel,
        end,
    }
}

/// A run with every kind of step: the texts of its failures have a path, and two are the same.
fn report() -> Report {
    let mut report = Report::new();
    let mut bad = Outcome {
        passed: 7,
        skipped: 2,
        ..Outcome::default()
    };
    for text in [
        "a: see /r/build/logs/a.log",
        "b < \u{1b}[1m&\u{0}",
        "b < \u{1b}[1m&\u{0}",
    ] {
        bad.fail(text.to_string());
    }
    // Counted, and not said.
    bad.failed += 1;
    let skipped = Outcome {
        skipped: 1,
        ..Outcome::default()
    };
    let recalled = Outcome {
        unchanged: true,
        ..Outcome::success()
    };
    let debug = Some(X86_64_DEBUG);
    let not_run = Outcome::failure("not run: there is no kernel".to_string());
    report.steps = vec![
        step("ledger", None, End::Complete, recalled),
        step("build x86_64-debug", debug, End::Build, Outcome::success()),
        step("kunit x86_64-debug", debug, End::Complete, bad),
        step("bench sizes", debug, End::NotRun, not_run.clone()),
        step("fuzz", debug, End::Broken, not_run),
        step("demo x86_64-debug", debug, End::Complete, skipped),
    ];
    report
}

fn run<'a>(places: &'a Places, report: &'a Report) -> Run<'a> {
    Run {
        target: "test",
        revision: Revision {
            commit: "0123456789abcdef0123456789abcdef01234567".to_string(),
            is_dirty: true,
        },
        version: Some("7.3.4".to_string()),
        kernels: vec![Kernel {
            config: X86_64_DEBUG,
            toolchain: Some(toml::from_str(TOOLCHAIN).unwrap()),
            config_sha256: Some("ab".to_string()),
        }],
        host: Host {
            architecture: "x86_64",
            processors: 2,
            memory_mib: 4096,
            distribution: "Debian".to_string(),
        },
        is_whole: true,
        report,
        places,
    }
}

/// Fields of the first object, at least, that are not empty.
fn assert_fields(objects: &Value, fields: &str) {
    for field in fields.split_whitespace() {
        let found = objects[0].pointer(&format!("/{}", field.replace('.', "/")));
        let is_there = found.is_some_and(|value| !value.is_null() && value != "");
        assert!(is_there, "{field} is missing: {}", objects[0]);
    }
}

#[test]
fn kcidb_has_the_whole_run() {
    let (places, report) = (places(), report());
    let value = kcidb::report(&run(&places, &report));
    assert_fields(
        &value["checkouts"],
        "id origin git_commit_hash start_time valid misc.target misc.dirty misc.kernel_version misc.duration",
    );
    assert_fields(
        &value["builds"],
        "id checkout_id origin config_name architecture compiler start_time duration status misc.kernel_version \
         misc.rustc misc.rustc_llvm misc.clang misc.config_sha256",
    );
    assert_fields(
        &value["tests"],
        "id build_id origin path comment status start_time duration environment.misc.architecture \
         environment.misc.processors environment.misc.memory_mib environment.misc.distribution misc.passed misc.failed \
         misc.skipped misc.failures",
    );
    let of_tests = |field: &str| -> Vec<Value> {
        let tests = value["tests"].as_array().unwrap().iter();
        tests
            .map(|test| test.pointer(field).cloned().unwrap_or_default())
            .collect()
    };
    assert_eq!(
        of_tests("/path"),
        ["ledger", "kunit", "bench_sizes", "fuzz", "demo"]
    );
    assert_eq!(
        of_tests("/status"),
        ["PASS", "FAIL", "MISS", "ERROR", "SKIP"]
    );
    assert_eq!(of_tests("/misc/failed"), [0, 4, 1, 1, 0]);
    assert_eq!(
        of_tests("/misc/unchanged"),
        [true, false, false, false, false]
    );
    let failures = &of_tests("/misc/failures")[1];
    assert_eq!(failures.as_array().unwrap().len(), 4);
    assert_eq!(failures[0], "a: see build/logs/a.log");
    assert_eq!(failures[3], "failure 4 of 4, without a text");
    // Every test is of a build that is there, and every build of the checkout.
    let ids = |objects: &str, field: &str| -> Vec<String> {
        let objects = value[objects].as_array().unwrap().iter();
        objects
            .map(|object| object[field].as_str().unwrap().to_string())
            .collect()
    };
    let builds = ids("builds", "id");
    assert!(
        ids("tests", "build_id")
            .iter()
            .all(|id| builds.contains(id))
    );
    assert!(
        ids("builds", "checkout_id")
            .iter()
            .all(|id| [id] == [&ids("checkouts", "id")[0]])
    );
    assert_eq!(value["builds"][1]["config_name"], "none");
}

#[test]
fn a_build_that_failed_is_no_success() {
    let (places, mut report) = (places(), report());
    report.steps[1].outcome = Outcome::failure("it does not build".to_string());
    let value = kcidb::report(&run(&places, &report));
    assert_eq!(value["builds"][0]["status"], "FAIL");
    assert_eq!(value["builds"][0]["log_excerpt"], "it does not build");
}

#[test]
fn junit_has_a_case_for_each_failure() {
    let (places, report) = (places(), report());
    let xml = junit::report(&run(&places, &report)).unwrap();
    let read = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((read.failures, read.skipped), (report.total().failed, 2));
    let names: Vec<&str> = read
        .test_suites
        .iter()
        .map(|suite| suite.name.as_str())
        .collect();
    let steps: Vec<&str> = report.steps.iter().map(|step| &*step.name).collect();
    assert_eq!(names, steps);
    let kunit = &read.test_suites[2];
    assert_eq!((kunit.tests, kunit.failures, kunit.skipped), (6, 4, 1));
    let cases = kunit.test_cases.iter();
    let failed = cases.filter(|case| matches!(case.status, TestCaseStatus::NonSuccess { .. }));
    let names: BTreeSet<&str> = failed.map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), 4, "a reader would merge two of {names:?}");
    assert!(names.contains("a: see build/logs/a.log"));
    let properties: BTreeSet<&str> = kunit.properties.iter().map(|p| p.name.as_str()).collect();
    let expected = "clang commit dirty failed host.architecture host.distribution host.memory_mib host.processors \
                    kernel.config kernel.version passed rustc rustc.llvm skipped unchanged";
    assert_eq!(properties, expected.split_whitespace().collect());
}

#[test]
fn files_of_an_earlier_run_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let places = Places {
        build: dir.path().to_path_buf(),
        ..places()
    };
    forget(&places, "test").unwrap();
    fs::create_dir(dir.path().join("results")).unwrap();
    for file in files(&places, "test")
        .iter()
        .chain(&files(&places, "kunit"))
    {
        fs::write(file, "").unwrap();
    }
    forget(&places, "test").unwrap();
    assert!(files(&places, "test").iter().all(|file| !file.exists()));
    assert!(files(&places, "kunit").iter().all(|file| file.exists()));
}

#[test]
fn this_host_is_described() {
    let host = Host::read().unwrap();
    assert!(host.memory_mib > 100 && host.processors > 0);
    assert_eq!(total_mib("X: 1 kB\nMemTotal:    2048 kB\n"), Some(2));
    let release = "NAME=\"X\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    assert_eq!(distribution(release), "Debian GNU/Linux 12 (bookworm)");
    assert_eq!(distribution(""), "unknown");
}
