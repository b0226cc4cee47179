// SPDX-License-Identifier: GPL-2.0

//! Each rule of the scanner and of the data file by an example made by hand; and that the files of this checkout can be
//! read.

mod api;
mod rules;
mod sites;

use crate::api::Api;
use crate::rules::Rules;
use crate::scan;
use crate::{Report, Subject};
use std::path::{Path, PathBuf};

fn repo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

const API: &str = "pub struct Setup; impl Setup { pub fn set_flags(&self) {} }";

/// The report on one C file of the kernel 7.3, with a data file.
fn report(source: &str, data: &str) -> Report {
    let rules = Rules::parse(data).expect("is TOML");
    let subject = Subject {
        version: "7.3.4".to_string(),
        series: "7.3".to_string(),
        sites: scan::file("drivers/a/b.c", source.as_bytes()),
        rules,
        api: Api::parse(API).expect("is Rust"),
    };
    subject.check()
}

#[test]
fn files_of_this_checkout_can_be_read() {
    let rules = Rules::read(&repo()).expect("can be read");
    assert_eq!(rules.problems(), Vec::<String>::new());
    let ours = |name: &&str| !name.starts_with("kernel::");
    let names: Vec<&str> = rules.names().filter(ours).collect();
    let api = Api::read(&repo(), Path::new("/none"), names.iter().copied()).expect("can be read");
    let problems: Vec<String> = names.iter().filter_map(|name| api.problem(name)).collect();
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn the_report_counts_sites_and_files() {
    let source = "void f(void)\n{\n\tvm_flags_set(vma, VM_IO);\n\tvm_iomap_memory(vma, 0, 1);\n}\n";
    let data = "[answers.a]\nrust = [\"Setup::set_flags()\"]\n[answers.b]\nreason = \"None.\"\n\
                [[rules]]\nanswer = \"a\"\ncall = 'vm_flags_set'\n\
                [[rules]]\nanswer = \"b\"\ncall = 'vm_iomap'\n";
    let report = report(source, data);
    assert_eq!(report.problems, Vec::<String>::new());
    // Two sites, two rules, one safe call.
    assert_eq!(report.passed(), 5);
    let text = report.text();
    let last = "by call site: 1 of 2, 50.0 %; by file: 0 of 1, 0.0 %\n";
    assert!(text.ends_with(last), "{text}");
    assert!(text.contains("   1  None.\n"), "{text}");
    let dir = tempfile::tempdir().expect("a directory");
    report.write(dir.path()).expect("can be written");
    let json = std::fs::read_to_string(dir.path().join("coverage.json")).expect("is there");
    assert!(
        json.contains("\"call\": \"vm_flags_set(vma, VM_IO)\""),
        "{json}"
    );
    assert!(json.contains("\"function\": \"f\""), "{json}");
}
