// SPDX-License-Identifier: GPL-2.0

use super::*;

const SOURCE: &str = "int f(void)\n{\n\tvm_flags_set(vma, VM_IO);\n}\n";
const ANSWERS: &str =
    "[answers.safe]\nrust = [\"Setup::set_flags()\"]\n[answers.none]\nreason = \"None.\"\n";

/// The problems of a data file with these rules and both answers.
fn problems(source: &str, rules: &str) -> Vec<String> {
    report(source, &format!("{ANSWERS}{rules}")).problems
}

fn rule(answer: &str, more: &str) -> String {
    format!("[[rules]]\nanswer = \"{answer}\"\n{more}\n")
}

/// The answer of the only site.
fn state(rules: &str) -> String {
    let report = report(SOURCE, &format!("{ANSWERS}{rules}"));
    let json = serde_json::to_value(&report).expect("can be written");
    json["sites"][0]["state"]
        .as_str()
        .expect("has one")
        .to_string()
}

#[test]
fn the_first_rule_wins() {
    let both = [
        rule("none", "call = 'vm_flags_set\\(.*VM_IO'"),
        rule("safe", "call = 'vm_flags'"),
    ];
    assert_eq!(state(&both.concat()), "reason");
    let both = [
        rule("safe", "call = 'vm_flags'"),
        rule("none", "call = 'vm_flags_set\\(.*VM_IO'"),
    ];
    assert_eq!(state(&both.concat()), "safe");
}

#[test]
fn a_site_without_a_rule_fails() {
    let rules = [
        rule("safe", "call = 'vm_flags_set\\(vma, VM_PFNMAP'"),
        rule("none", "call = 'x'"),
    ];
    let problems = problems(SOURCE, &rules.concat());
    let said = "drivers/a/b.c:3: vm_flags_set(vma, VM_IO): nobody has said which safe call replaces it; \
                add a rule to scripts/coverage/calls.toml";
    assert_eq!(problems[0], said);
    assert_eq!(state(&rules.concat()), "unclassified");
}

#[test]
fn a_rule_without_a_site_fails() {
    let safe = rule("safe", "call = 'vm_flags'");
    for (stale, said) in [
        (
            "call = 'vma_set_file'",
            "none: vma_set_file: no site is left for this rule: it is stale",
        ),
        // Another rule has won.
        (
            "call = 'vm_flags_set'",
            "none: vm_flags_set: no site is left for this rule: it is stale",
        ),
        (
            "call = 'vm_flags'\nfiles = [\"drivers/a/c.c\"]",
            "none: vm_flags in drivers/a/c.c: no site is left for this rule: it is stale",
        ),
        (
            "call = 'vm_flags'\nfunction = \"g\"",
            "none: vm_flags: no site is left for this rule: it is stale",
        ),
    ] {
        let problems = problems(SOURCE, &(safe.clone() + &rule("none", stale)));
        assert_eq!(problems, [format!("scripts/coverage/calls.toml: {said}")]);
    }
    // Of several files each needs a site.
    let files = rule(
        "safe",
        "call = 'vm_flags'\nfiles = [\"drivers/a/*.c\", \"drivers/a/c.c\"]",
    );
    let of_others = rule("none", "call = 'x'\nseries = [\"7.2\"]");
    let said = "scripts/coverage/calls.toml: safe: vm_flags in drivers/a/*.c and 1 more: no site is left in \
                drivers/a/c.c: it is stale";
    assert_eq!(problems(SOURCE, &(files + &of_others)), [said]);
}

#[test]
fn a_rule_may_be_of_some_series_only() {
    let old = rule("none", "call = 'vm_flags'\nseries = [\"7.2\"]");
    assert_eq!(
        state(&(old.clone() + &rule("safe", "call = 'vm_flags'"))),
        "safe"
    );
    assert_eq!(
        problems(SOURCE, &(old + &rule("safe", "call = 'vm_flags'"))),
        Vec::<String>::new()
    );
    let both = rule("none", "call = 'vm_flags'\nseries = [\"7.2\", \"7.3\"]");
    assert_eq!(state(&both), "reason");
}

#[test]
fn a_rule_may_be_of_one_c_function() {
    let of = |function: &str| {
        let first = rule(
            "none",
            &format!("call = 'vm_flags'\nfunction = \"{function}\""),
        );
        state(&(first + &rule("safe", "call = 'vm_flags'")))
    };
    assert_eq!((&*of("f"), &*of("g")), ("reason", "safe"));
}

#[test]
fn a_star_stays_within_a_directory() {
    let rules = [
        rule("safe", "call = 'vm_flags'\nfiles = [\"drivers/*.c\"]"),
        rule("none", "call = 'vm_flags'\nfiles = [\"drivers/**/*.c\"]"),
    ];
    assert_eq!(state(&rules.concat()), "reason");
}

#[test]
fn a_pattern_matches_from_the_start_of_a_call() {
    let rules = [
        rule("safe", "call = 'flags_set|VM_IO'"),
        rule("none", "call = 'x|vm_flags'"),
    ];
    assert_eq!(state(&rules.concat()), "reason");
}

#[test]
fn a_rule_has_an_answer_and_a_call() {
    let rest = [
        rule("safe", "call = 'vm_flags'"),
        rule("none", "call = 'x'\nseries = [\"7.2\"]"),
    ]
    .concat();
    let said = problems(SOURCE, &(rule("nowhere", "call = 'vm_flags_set'") + &rest));
    let no_answer = "scripts/coverage/calls.toml: nowhere: vm_flags_set: there is no such answer";
    assert_eq!(said[0], no_answer);
    // A rule for all calls of a file would classify those that are new.
    let of_file = rule("safe", "files = [\"drivers/a/b.c\"]");
    assert!(Rules::parse(&format!("{ANSWERS}{rest}{of_file}")).is_err());
}

#[test]
fn an_answer_is_one_of_three_and_is_given() {
    let rules = [
        rule("safe", "call = 'vm_flags'"),
        rule("none", "call = 'x'\nseries = [\"7.2\"]"),
    ]
    .concat();
    for answer in [
        "",
        "rust = [\"Setup\"]\nreason = \"None.\"",
        "elsewhere = \"No VMA.\"\nreason = \"None.\"",
        "reason = \" \"",
        "note = \"That is all.\"",
    ] {
        let used = rule("more", "call = 'y'\nseries = [\"7.2\"]");
        let said = problems(SOURCE, &format!("[answers.more]\n{answer}\n{rules}{used}"));
        assert_eq!(
            said,
            ["answers.more: has to have one of rust, reason and elsewhere"],
            "{answer}"
        );
    }
    let said = problems(
        SOURCE,
        &format!("[answers.more]\nelsewhere = \"No VMA.\"\n{rules}"),
    );
    assert_eq!(said, ["answers.more: no rule gives this answer"]);
    let is_read = |more: &str| Rules::parse(&format!("{ANSWERS}{more}{rules}")).is_ok();
    assert!(is_read("") && is_read("[answers.a]\nrust = []\n"));
    assert!(!is_read("[answers.a]\nrusty = []\n"), "no such word");
    assert!(!is_read(&rule("safe", "call = '('")), "no pattern");
    assert!(!is_read(&rule("safe", "calls = 'x'")), "no such word");
}

#[test]
fn sites_elsewhere_do_not_count() {
    let data = format!(
        "[answers.other]\nelsewhere = \"No VMA.\"\n{}",
        rule("other", "call = 'vm_flags'")
    );
    let report = report(SOURCE, &data);
    assert_eq!((report.by_site().covered, report.by_site().all), (0, 0));
    let text = report.text();
    assert!(text.contains("not counted:\n     1  No VMA.\n"), "{text}");
    assert!(text.contains("by file: 0 of 0"), "{text}");
}
