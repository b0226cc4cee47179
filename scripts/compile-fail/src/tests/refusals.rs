// SPDX-License-Identifier: GPL-2.0

//! Runs that cannot begin, cases that say nothing, and cases that are left out.

use super::Bench;
use crate::run;
use std::fs;

const CASE: &str = "//! One is no text.\n\nfn f() -> u8 {\n    #[cfg(misuse)]\n    return \"\"; //~ E0308 \"mismatched types\"\n    #[cfg(not(misuse))]\n    1\n}\n";

fn refused(bench: &Bench, named: &[&str]) {
    bench.put("cases/case.rs", CASE);
    let Err(error) = bench.run(None) else {
        panic!("was run")
    };
    let message = format!("{error:#}");
    assert!(!message.contains('\n'), "more than one line: {message:?}");
    for part in named {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[test]
fn nothing_built_there() {
    let bench = Bench::new();
    fs::remove_file(bench.build().join("rust/libkernel.rmeta")).unwrap();
    refused(
        &bench,
        &[
            "build: no built kernel crate",
            "build the kernel there first",
        ],
    );
    fs::remove_dir_all(bench.build()).unwrap();
    refused(
        &bench,
        &[
            "build: no built kernel crate",
            "build the kernel there first",
        ],
    );
}

#[test]
fn half_built() {
    for file in [
        "include/config/auto.conf",
        "include/generated/rustc_cfg",
        "rust/.kernel.o.cmd",
    ] {
        let bench = Bench::new();
        fs::remove_file(bench.build().join(file)).unwrap();
        refused(&bench, &["build: ", file, "build the kernel there first"]);
    }
    let bench = Bench::new();
    bench.put(
        "build/rust/.kernel.o.cmd",
        "savedcmd_rust/other.o := rustc\n",
    );
    refused(&bench, &["rust/.kernel.o.cmd has no call of rustc in it"]);
}

#[test]
fn built_by_another_compiler() {
    let bench = Bench::new();
    bench.put(
        "build/include/config/auto.conf",
        "CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.0.0 (older)\"\n",
    );
    refused(
        &bench,
        &[
            "built by rustc 1.0.0 (older), but ",
            "build it again",
            "RUSTC=",
        ],
    );
    bench.put("build/include/config/auto.conf", "CONFIG_RUST=y\n");
    refused(&bench, &["built by another compiler, but "]);
}

#[test]
fn no_compiler_and_no_cases() {
    let bench = Bench::new();
    let message = |cases: &str, rustc: &str| {
        let result = run(
            &bench.dir.path().join(cases),
            &bench.build(),
            rustc.as_ref(),
            None,
            1,
            &|_| {},
        );
        format!("{:#}", result.unwrap_err())
    };
    bench.put("cases/case.rs", CASE);
    assert!(
        message("cases", "/nonexistent/rustc")
            .contains("/nonexistent/rustc: cannot be started: install rustc")
    );
    assert!(message("nowhere", "rustc").contains("nowhere: no directory with compile-fail cases"));
    assert!(
        message("build/include", "rustc").contains("include: no compile-fail case (*.rs) in it")
    );
}

#[test]
fn the_filter_picks_by_name() {
    let bench = Bench::new();
    bench.put("cases/one.rs", CASE);
    bench.put("cases/two.rs", CASE);
    let names = |filter| {
        let report = bench.run(filter).unwrap();
        report
            .cases
            .iter()
            .map(|c| format!("{} {}", c.name, c.revision))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(Some("tw")), ["two correct", "two misuse"]);
    assert_eq!(
        names(None),
        ["one correct", "one misuse", "two correct", "two misuse"]
    );
    assert!(names(Some("three")).is_empty());
}

#[test]
fn a_case_may_need_options() {
    let bench = Bench::new();
    let outcome = |needs: &str| {
        bench.put("cases/case.rs", &format!("{needs}\n{CASE}"));
        let report = bench.run(None).unwrap();
        assert_eq!(report.failed, 0, "{report:?}");
        (
            report.passed,
            report.left_out,
            report.cases[0].detail.clone(),
        )
    };
    assert_eq!(outcome("//@needs: CONFIG_SMP"), (2, 0, String::new()));
    assert_eq!(
        outcome("//@needs: !CONFIG_MISSING, CONFIG_SMP"),
        (2, 0, String::new())
    );
    assert_eq!(
        outcome("//@needs: CONFIG_NR"),
        (0, 2, "left out: needs CONFIG_NR".into())
    );
    assert_eq!(
        outcome("//@needs: CONFIG_SMP\n//@needs: !CONFIG_SMP"),
        (0, 2, "left out: needs !CONFIG_SMP".into())
    );
}

#[test]
fn a_report_is_data() {
    let bench = Bench::new();
    bench.put("cases/case.rs", CASE);
    let json = serde_json::to_value(bench.run(None).unwrap()).unwrap();
    assert_eq!(
        (json["passed"].as_u64(), json["failed"].as_u64()),
        (Some(2), Some(0))
    );
    assert_eq!(json["cases"][1]["revision"], "misuse");
    assert!(json["cases"][1]["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_case_must_say_what_it_is_about() {
    let bench = Bench::new();
    let both = |case: &str, expected: &str| {
        let (misuse, correct) = bench.judge(case);
        assert!(
            misuse == correct && misuse.contains(expected),
            "{misuse:?} {correct:?}"
        );
    };
    both(&CASE.replace("//! ", "// "), "has no //! line");
    both(
        &CASE.replace(" //~ E0308 \"mismatched types\"", ""),
        "names no reason",
    );
    both(
        &CASE.replace("\"mismatched types\"", ""),
        "line 5: //~ CODE \"text\" was expected instead of //~ E0308",
    );
    both(
        &CASE.replace("\"mismatched types\"", "\"\""),
        "line 5: a reason without text",
    );
    both(&CASE.replace("//~", "//~^^^^^"), "line 5: //~^^^^^");
    both(
        &format!("//@needs:\n{CASE}"),
        "line 1: //@needs: CONFIG_NAME was expected",
    );
    both(
        &format!("//@needs: SMP\n{CASE}"),
        "line 1: //@needs: CONFIG_NAME was expected",
    );
}

#[test]
fn examples_must_compile_without_a_warning() {
    let bench = Bench::new();
    let examples = |text: &str| {
        bench.put("examples.md", text);
        let markdown = bench.dir.path().join("examples.md");
        crate::examples(&markdown, &bench.build(), &super::rustc())
    };
    let report = examples(
        "```rust\npub fn good() {}\n```\n```rust\npub fn bad() -> u32 {}\n```\n\
         ```rust\npub fn warned() { let unused = 0; }\n```\n",
    )
    .unwrap();
    assert_eq!((report.passed, report.failed), (1, 2));
    let names: Vec<_> = report.cases.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["examples.md:2", "examples.md:5", "examples.md:8"]);
    assert!(report.cases[1].detail.contains("E0308"), "{report:?}");
    assert!(report.cases[2].detail.contains("unused"), "{report:?}");
    let none = examples("no example").unwrap_err();
    assert!(format!("{none:#}").contains("no block of Rust"));
}
