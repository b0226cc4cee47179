// SPDX-License-Identifier: GPL-2.0

//! A run as JUnit's XML: a suite for each step. Each failure is a case, by its text, because readers merge cases of one name;
//! the checks that passed, which have no names here, are one case with their number.

use super::Run;
use crate::report::Step;
use anyhow::Result;
use chrono::{DateTime, Utc};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeSet;
use std::time::Duration;

pub fn report(run: &Run) -> Result<String> {
    let mut report = Report::new(format!("make {}", run.target));
    report.set_timestamp(DateTime::<Utc>::from(run.report.start));
    report.set_time(Duration::from_secs_f64(run.report.seconds()));
    report.add_test_suites(run.report.steps.iter().map(|step| suite(run, step)));
    Ok(report.to_string()?)
}

fn suite(run: &Run, step: &Step) -> TestSuite {
    let mut suite = TestSuite::new(&*step.name);
    suite.set_timestamp(DateTime::<Utc>::from(step.start));
    suite.set_time(Duration::from_secs_f64(step.seconds));
    for (name, value) in properties(run, step) {
        suite.add_property((name, &*value));
    }
    let case = |name: &str, status| {
        let mut case = TestCase::new(name, status);
        case.set_classname(&*step.name);
        case
    };
    let mut known = BTreeSet::new();
    for (n, text) in run.failures(step).into_iter().enumerate() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(&*text).set_description(&*text);
        let name = match known.insert(text.clone()) {
            true => text,
            false => format!("{text} ({n})"),
        };
        suite.add_test_case(case(&name, status));
    }
    let (passed, skipped) = (step.outcome.passed, step.outcome.skipped);
    if passed > 0 {
        let mut case = case("passed", TestCaseStatus::success());
        case.set_assertions(passed);
        suite.add_test_case(case);
    }
    if skipped > 0 {
        let mut status = TestCaseStatus::skipped();
        status.set_message(format!("{skipped} checks"));
        suite.add_test_case(case("skipped", status));
    }
    suite
}

fn properties(run: &Run, step: &Step) -> Vec<(&'static str, String)> {
    let (outcome, host) = (&step.outcome, &run.host);
    let mut properties = vec![
        ("commit", run.revision.commit.clone()),
        ("dirty", run.revision.is_dirty.to_string()),
        ("passed", outcome.passed.to_string()),
        ("failed", outcome.failed.to_string()),
        ("skipped", outcome.skipped.to_string()),
        ("unchanged", outcome.unchanged.to_string()),
        ("host.architecture", host.architecture.to_string()),
        ("host.processors", host.processors.to_string()),
        ("host.memory_mib", host.memory_mib.to_string()),
        ("host.distribution", host.distribution.clone()),
    ];
    if let Some(kernel) = run.kernel(step) {
        properties.push(("kernel.config", kernel.config.name.to_string()));
        if let Some(toolchain) = &kernel.toolchain {
            properties.extend([
                ("kernel.version", toolchain.kernel.clone()),
                ("rustc", toolchain.rustc.clone()),
                ("rustc.llvm", toolchain.llvm.clone()),
                ("clang", toolchain.clang.clone()),
            ]);
        }
    }
    properties
}
