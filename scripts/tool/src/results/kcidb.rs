// SPDX-License-Identifier: GPL-2.0

//! A run in the terms of KCIDB, the database of the kernel's test systems, by version 5.3 of its schema: the checkout, a build
//! for each kernel, and a test for each suite. A number that KCIDB has no field for is in `misc`.

use super::{Host, Kernel, Run};
use crate::judge::baseline::Toolchain;
use crate::report::{End, Step};
use crate::tiers;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use std::time::SystemTime;

/// The origin of all identifiers. A farm that sends the results on replaces it by its own.
const ORIGIN: &str = "rust_vma";
/// The longest excerpt, in characters.
const EXCERPT: usize = 16384;
/// The build of suites that need no kernel, because a test of KCIDB belongs to a build.
const NO_KERNEL: &str = "none";

pub fn report(run: &Run) -> Value {
    let mut builds: Vec<Value> = run.kernels.iter().map(|kernel| run.build(kernel)).collect();
    let is_suite = |step: &&Step| step.end != End::Build;
    let suites: Vec<&Step> = run.report.steps.iter().filter(is_suite).collect();
    if suites.iter().any(|step| step.kernel.is_none()) {
        builds.push(json!({
            "checkout_id": run.id(),
            "id": run.build_id(NO_KERNEL),
            "origin": ORIGIN,
            "config_name": NO_KERNEL,
            "status": "PASS",
            "comment": "no kernel: the checkout and the host's tools",
        }));
    }
    json!({
        "version": { "major": 5, "minor": 3 },
        "checkouts": [{
            "id": run.id(),
            "origin": ORIGIN,
            "git_commit_hash": run.revision.commit,
            "start_time": time(run.report.start),
            "valid": true,
            "misc": without_nulls(json!({
                "target": run.target,
                "dirty": run.revision.is_dirty,
                "whole": run.is_whole,
                "kernel_version": run.version,
                "duration": run.report.seconds(),
            })),
        }],
        "builds": builds,
        "tests": suites.iter().map(|step| run.test(step)).collect::<Vec<_>>(),
    })
}

impl Run<'_> {
    fn id(&self) -> String {
        let start = time(self.report.start);
        format!("{ORIGIN}:{}:{}:{start}", self.revision.commit, self.target)
    }

    fn build_id(&self, config: &str) -> String {
        format!("{}:{config}", self.id())
    }

    fn build(&self, kernel: &Kernel) -> Value {
        let mut steps = self.report.steps.iter();
        let config = kernel.config;
        let step = steps.find(|step| step.end == End::Build && step.kernel == Some(config));
        let toolchain = kernel.toolchain.as_ref();
        let failures = step.map(|step| self.failures(step)).unwrap_or_default();
        without_nulls(json!({
            "checkout_id": self.id(),
            "id": self.build_id(config.name),
            "origin": ORIGIN,
            "config_name": config.name,
            "architecture": config.machine.arch,
            "compiler": toolchain.map(compiler),
            "start_time": step.map(|step| time(step.start)),
            "duration": step.map(|step| step.seconds),
            "status": if failures.is_empty() { "PASS" } else { "FAIL" },
            "log_excerpt": excerpt(&failures),
            "misc": without_nulls(json!({
                "kernel_version": toolchain.map(|toolchain| &toolchain.kernel),
                "rustc": toolchain.map(|toolchain| &toolchain.rustc),
                "rustc_llvm": toolchain.map(|toolchain| &toolchain.llvm),
                "clang": toolchain.map(|toolchain| &toolchain.clang),
                "config_sha256": kernel.config_sha256,
            })),
        }))
    }

    fn test(&self, step: &Step) -> Value {
        let (outcome, failures) = (&step.outcome, self.failures(step));
        let config = step.kernel.map_or(NO_KERNEL, |config| config.name);
        let path = path(tiers::suite(&step.name, step.kernel));
        without_nulls(json!({
            "build_id": self.build_id(config),
            "id": format!("{}:{path}", self.build_id(config)),
            "origin": ORIGIN,
            "path": path,
            "comment": step.name,
            "environment": environment(&self.host),
            "status": status(step),
            "start_time": time(step.start),
            "duration": step.seconds,
            "log_excerpt": excerpt(&failures),
            "misc": {
                "passed": outcome.passed,
                "failed": outcome.failed,
                "skipped": outcome.skipped,
                "unchanged": outcome.unchanged,
                "failures": failures,
            },
        }))
    }
}

fn status(step: &Step) -> &'static str {
    let outcome = &step.outcome;
    match (step.end, outcome.failed, outcome.passed) {
        (End::NotRun, ..) => "MISS",
        (End::Broken, ..) => "ERROR",
        (_, 0, 0) => "SKIP",
        (_, 0, _) => "PASS",
        _ => "FAIL",
    }
}

fn compiler(toolchain: &Toolchain) -> String {
    let Toolchain { rustc, clang, .. } = toolchain;
    match clang.starts_with("gcc") {
        true => format!("rustc {rustc} and {clang}"),
        false => format!("rustc {rustc} and clang {clang}"),
    }
}

fn environment(host: &Host) -> Value {
    json!({
        "comment": host.distribution,
        "misc": {
            "architecture": host.architecture,
            "processors": host.processors,
            "memory_mib": host.memory_mib,
            "distribution": host.distribution,
        },
    })
}

/// The failures as one text, as far as there is room.
fn excerpt(failures: &[String]) -> Option<String> {
    let text = failures.join("\n").replace('\0', "");
    (!failures.is_empty()).then(|| text.chars().take(EXCERPT).collect())
}

/// A name as a part of a path may be.
fn path(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    name.replace(|c| !is_allowed(c), "_")
}

fn time(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// KCIDB leaves out what is not known.
fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}
