// SPDX-License-Identifier: GPL-2.0

//! Verdicts: outcomes that pass and outcomes that fail.

use super::Bench;

const GOOD: &str = r#"// SPDX-License-Identifier: GPL-2.0
//! Writing needs the lock.

#[cfg(misuse)]
type Held = kernel::No;
#[cfg(not(misuse))]
type Held = kernel::Yes;

fn f(held: &Held) {
    kernel::write(held); //~ E0277 "does not hold the lock"
}
"#;

/// The good case with something replaced: what is wrong with misuse and correct.
fn judge(from: &str, to: &str) -> (String, String) {
    assert!(GOOD.contains(from), "{from:?} is not in the case");
    Bench::new().judge(&GOOD.replacen(from, to, 1))
}

fn passes(case: &str) {
    assert_eq!(
        Bench::new().judge(case),
        (String::new(), String::new()),
        "{case}"
    );
}

#[test]
fn the_good_case_passes() {
    passes(GOOD);
}

#[test]
fn text_matches_any_part_of_a_message() {
    for text in [
        "`No` does not hold the lock",
        "take the lock first",
        "`lock()` takes it",
        "required by a bound in",
    ] {
        passes(&GOOD.replace("does not hold the lock", text));
    }
}

#[test]
fn the_text_may_have_quotes_in_it() {
    let case = GOOD.replace("kernel::write(held); //~ E0277 \"does not hold the lock\"", "let _ = held;\n    #[cfg(misuse)]\n    compile_error!(\"say \\\"please\\\"\"); //~ error \"say \\\"please\\\"\"");
    passes(&case);
}

#[test]
fn a_misuse_that_says_what_misleads_fails() {
    let never = |text: &str| GOOD.replacen("\n\n", &format!("\n//@never: {text:?}\n\n"), 1);
    passes(&never("fully-qualified path"));
    let (misuse, correct) = Bench::new().judge(&never("`lock()` takes it"));
    assert_eq!(misuse, "rustc says \"`lock()` takes it\", which misleads");
    assert_eq!(correct, "");
    let (misuse, _) = Bench::new().judge(&GOOD.replacen("\n\n", "\n//@never: it\n\n", 1));
    assert!(
        misuse.contains("//@never: \"text\" was expected"),
        "{misuse}"
    );
}

#[test]
fn a_misuse_that_compiles_fails() {
    let (misuse, correct) = judge("type Held = kernel::No", "type Held = kernel::Yes");
    assert_eq!(
        misuse,
        "compiles; line 10: no E0277 with the text \"does not hold the lock\""
    );
    assert_eq!(correct, "");
}

#[test]
fn another_code_fails() {
    let (misuse, correct) = judge("E0277", "E0599");
    assert_eq!(
        misuse,
        "line 10: unexpected error E0277 \"`No` does not hold the lock\"; line 10: no E0599 with the text \"does not hold the lock\""
    );
    assert_eq!(correct, "");
}

#[test]
fn another_text_fails() {
    let (misuse, correct) = judge("\"does not hold the lock\"", "\"does hold the lock\"");
    assert_eq!(
        misuse,
        "line 10: unexpected error E0277 \"`No` does not hold the lock\"; line 10: no E0277 with the text \"does hold the lock\""
    );
    assert_eq!(correct, "");
}

#[test]
fn another_line_fails() {
    let (misuse, _) = judge(
        "\n    kernel::write(held); //~",
        "\n    kernel::write(held);\n    //~",
    );
    assert!(
        misuse.contains("line 10: unexpected error E0277") && misuse.contains("line 11: no E0277"),
        "{misuse}"
    );
}

#[test]
fn a_reason_may_stand_below_its_line() {
    passes(&GOOD.replace("(held); //~", "(held);\n    //~^"));
    passes(&GOOD.replace("(held); //~", "(held);\n\n    //~^^"));
}

#[test]
fn an_extra_error_fails() {
    let (misuse, correct) = judge("fn f(", "#[cfg(misuse)]\nfn g() -> u8 { \"\" }\n\nfn f(");
    assert_eq!(
        misuse,
        "line 10: unexpected error E0308 \"mismatched types\""
    );
    assert_eq!(correct, "");
}

#[test]
fn an_error_that_hides_the_expected_one_fails() {
    let (misuse, _) = judge("fn f(", "#[cfg(misuse)]\nuse kernel::Missing;\n\nfn f(");
    assert!(misuse.contains("unexpected error E0432"), "{misuse}");
}

#[test]
fn several_errors_need_a_reason_each_line() {
    let two = "kernel::write(held); //~ E0277 \"hold the lock\"\n    kernel::write(held); //~ E0277 \"hold the lock\"";
    passes(&GOOD.replace(
        "kernel::write(held); //~ E0277 \"does not hold the lock\"",
        two,
    ));
    let one_missing = two.replacen(" //~ E0277 \"hold the lock\"", "", 1);
    let (misuse, _) = judge(
        "kernel::write(held); //~ E0277 \"does not hold the lock\"",
        &one_missing,
    );
    assert_eq!(
        misuse,
        "line 10: unexpected error E0277 \"`No` does not hold the lock\""
    );
}

#[test]
fn one_line_may_have_several_reasons() {
    passes(&GOOD.replace(
        "kernel::write(held); //~",
        "kernel::write(held); #[cfg(misuse)] let _: u8 = held; //~ E0308 \"mismatched types\" //~",
    ));
}

#[test]
fn a_correct_version_that_fails_is_reported() {
    let (misuse, correct) = judge("type Held = kernel::Yes", "type Held = kernel::No");
    assert_eq!(misuse, "");
    assert_eq!(
        correct,
        "line 10: error E0277 \"`No` does not hold the lock\""
    );
}

#[test]
fn a_correct_version_that_warns_is_reported() {
    let (misuse, correct) = judge(
        "fn f(",
        "#[cfg(not(misuse))]\nuse core::cell::Cell;\n\nfn f(",
    );
    assert_eq!(misuse, "");
    assert_eq!(
        correct,
        "line 10: warning unused_imports \"unused import: `core::cell::Cell`\""
    );
}

#[test]
fn the_flags_of_the_kernel_apply() {
    let (_, correct) = judge(
        "fn f(held: &Held)",
        "pub fn g() {}\n\nmod m { pub fn h() {} }\n\nfn f(held: &Held)",
    );
    assert!(correct.contains("warning unreachable_pub"), "{correct}");
    passes(&GOOD.replace(
        "fn f(held: &Held) {",
        "fn f(held: &Held) {\n    #[cfg(not(from_a_file))]\n    nonsense();",
    ));
}

#[test]
fn an_unknown_cfg_is_reported() {
    let (_, correct) = judge("fn f(", "#[cfg(not(misused))]\nfn g() {}\n\nfn f(");
    assert!(correct.contains("warning unexpected_cfgs"), "{correct}");
    passes(&GOOD.replace(
        "fn f(",
        "#[cfg(any(CONFIG_ABSENT, CONFIG_OTHER = \"m\"))]\nfn g() {}\n\nfn f(",
    ));
}

#[test]
fn a_lint_counts_by_its_name() {
    let case = GOOD.replace(
        "kernel::write(held); //~ E0277 \"does not hold the lock\"",
        "let _ = held;\n    #[cfg(misuse)]\n    let x = 1; //~ unused_variables \"unused variable: `x`\"",
    );
    passes(&case.replace("lock.\n", "lock.\n#![deny(unused_variables)]\n"));
    let (misuse, correct) = Bench::new().judge(&case);
    assert!(
        misuse.starts_with("compiles; ") && correct.is_empty(),
        "{misuse} {correct}"
    );
}

#[test]
fn kernel_macro_error_is_at_its_call() {
    let call = "let _ = held;\n    #[cfg(misuse)]\n    kernel::write_unlocked!()";
    let case = GOOD.replace("kernel::write(held)", call);
    passes(&case);
    let (misuse, _) = Bench::new().judge(&case.replace("(); //~", "();\n    //~"));
    assert!(
        misuse.starts_with("line 12: unexpected error E0277"),
        "{misuse}"
    );
}

#[test]
fn kernel_crate_error_is_known_by_code() {
    let case = "//! There are eight levels.\n\n#[cfg(misuse)]\n\
                const L: usize = kernel::level::<8>(); //~ E0080 \"there are levels 0 to 7\"\n\
                #[cfg(not(misuse))]\nconst L: usize = kernel::level::<7>();\n";
    passes(case);
    let (misuse, _) = Bench::new().judge(&case.replace("0 to 7", "0 to 8"));
    assert!(
        misuse.contains("unexpected error E0080") && misuse.contains("line 4: no E0080"),
        "{misuse}"
    );
}

#[test]
fn a_case_that_is_no_rust_fails_both_ways() {
    let (misuse, correct) = judge("fn f(", "}\nfn f(");
    assert!(
        misuse.contains("unexpected closing delimiter")
            && correct.contains("unexpected closing delimiter"),
        "{misuse} {correct}"
    );
}
