// SPDX-License-Identifier: GPL-2.0

//! Parsing of case files and of diagnostics, without running rustc.

use crate::Revision;
use crate::case::CaseFile;
use crate::diagnostic::Outcome;
use crate::judge::judge;
use crate::kernel::{flags, words};

#[test]
fn shell_words() {
    assert_eq!(
        words("a  'b c' \"d e\" f\\ g;h"),
        ["a", "b c", "d e", "f g", ";", "h"]
    );
    assert_eq!(
        words("-Zcrate-attr='feature(x,y)' ''"),
        ["-Zcrate-attr=feature(x,y)", ""]
    );
}

#[test]
fn flags_of_the_crate_itself_are_left_out() {
    let record = "cmd := other\nsavedcmd_rust/kernel.o := A=b ccache /opt/rustc --edition=2021 -Wx @./f --extern a --extern b \
                  --emit=metadata=c --crate-type rlib -L./rust -L rust --crate-name kernel /s/lib.rs --sysroot=/dev/null ; ld x\n";
    assert_eq!(
        flags(record).unwrap(),
        ["--edition=2021", "-Wx", "@./f", "--sysroot=/dev/null"]
    );
    let clippy = record.replace("/opt/rustc", "/usr/bin/clippy-driver");
    assert_eq!(flags(&clippy), flags(record));
    assert_eq!(flags("savedcmd_rust/kernel.o := gcc -c x\n"), None);
    assert_eq!(flags("savedcmd_rust/core.o := rustc -c x\n"), None);
}

fn verdict(success: bool, stderr: &str) -> Vec<String> {
    let case = CaseFile::parse("//! Text.\nx //~ E0001 \"reason\"\n").unwrap();
    judge(
        &case,
        Revision::Misuse,
        &Outcome::parse(success, stderr, "case.rs"),
    )
}

const EXPECTED: &str = r#"{"message":"the reason","level":"error","code":{"code":"E0001"},"spans":[{"file_name":"case.rs","line_start":2,"line_end":2,"is_primary":true,"label":null,"expansion":null}],"children":[]}"#;

#[test]
fn error_without_a_place_must_be_expected() {
    assert!(verdict(false, EXPECTED).is_empty());
    let extra = r#"{"message":"out of luck","level":"error","code":null,"spans":[],"children":[]}"#;
    assert_eq!(
        verdict(false, &format!("{EXPECTED}\n{extra}")),
        ["elsewhere: unexpected error \"out of luck\""]
    );
    let crash = extra.replace("\"error\"", "\"error: internal compiler error\"");
    assert_eq!(
        verdict(false, &format!("{EXPECTED}\n{crash}")),
        ["elsewhere: unexpected error \"out of luck\""]
    );
    let summary = extra.replace("out of luck", "aborting due to 1 previous error");
    assert!(verdict(false, &format!("{EXPECTED}\n{summary}")).is_empty());
}

#[test]
fn library_error_is_known_by_code_and_text() {
    let inside = EXPECTED.replace("case.rs", "library.rs");
    assert!(verdict(false, &inside).is_empty());
    assert_eq!(verdict(false, &inside.replace("E0001", "E0002")).len(), 2);
    let called = r#"{"message":"","level":"note","code":null,"spans":[{"file_name":"case.rs","line_start":1,"line_end":1,"is_primary":true,"label":null,"expansion":null}],"children":[]}"#;
    let elsewhere = inside.replace("\"children\":[]", &format!("\"children\":[{called}]"));
    assert_eq!(
        verdict(false, &elsewhere).len(),
        2,
        "it says itself that it came from line 1"
    );
}

#[test]
fn a_compiler_that_died_is_no_success() {
    assert_eq!(
        verdict(false, "rustc: cannot allocate memory\n"),
        [
            "line 2: no E0001 with the text \"reason\"",
            "rustc failed without an error in the case and said: rustc: cannot allocate memory",
        ]
    );
    let case = CaseFile::parse("//! Text.\nx //~ E0001 \"reason\"\n").unwrap();
    assert_eq!(
        judge(
            &case,
            Revision::Correct,
            &Outcome::parse(false, "", "case.rs")
        ),
        ["rustc failed without an error in the case and said: nothing"]
    );
}

#[test]
fn all_cases_are_well_formed() {
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    for path in crate::case_files(&cases).unwrap() {
        CaseFile::read(&path).unwrap_or_else(|e| panic!("{}: {e:#}", path.display()));
    }
}
