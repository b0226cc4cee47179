// SPDX-License-Identifier: GPL-2.0

//! Data races that KCSAN sees in Rust code. All suites run on a kernel whose Rust code is instrumented as its C code is: the
//! plain loads of the suite `rust_vma_data_race` have to be reported, and nothing else of Rust's.

use crate::kconfig::Config;
use crate::kunit::{self, Boot};
use crate::report::Outcome;
use crate::suite::Run;
use anyhow::Result;

/// How the symbol of a function in Rust begins.
const RUST: &str = " _R";

/// The functions of the suite that race: the plain loads and, for each, the accessor of the same field.
const FIELDS: [(&str, &str); 2] = [
    ("flags_by_plain_load", "flags_by_accessor"),
    ("refcnt_by_plain_load", "refcnt_by_accessor"),
];

/// Boots the built kernel, and judges its log.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let boot = Boot::of(config, None);
    let (mut outcome, log) = kunit::judged(run, &boot, is_known)?;
    let reports: Vec<&str> = log.lines().filter(|line| is_race(line)).collect();
    let of = |function: &str| count(&reports, function);
    for (plain, accessor) in FIELDS {
        let text = format!(
            "  reports: {plain} {}, {accessor} {}",
            of(plain),
            of(accessor)
        );
        run.session.progress.say(&text);
        outcome.check(of(plain) > 0, || {
            format!(
                "KCSAN does not report {plain}(): it watches too seldom, or does not see Rust code"
            )
        });
    }
    let of_c = reports.iter().filter(|line| !line.contains(RUST)).count();
    run.session
        .progress
        .say(&format!("  reports of C code alone: {of_c}"));
    Ok(outcome)
}

fn is_race(line: &str) -> bool {
    line.contains("BUG: KCSAN: data-race in ")
}

/// Returns true if a report fails nothing: it is about C code alone, whose races are not ours, or about a plain load.
fn is_known(line: &str) -> bool {
    is_race(line) && (!line.contains(RUST) || FIELDS.iter().any(|(plain, _)| line.contains(plain)))
}

/// The reports that name a function.
fn count(reports: &[&str], function: &str) -> usize {
    let named = reports.iter().filter(|line| line.contains(function));
    named.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn races_of_rust_code_fail() {
        let line = |text: &str| format!("[  3.1] BUG: KCSAN: data-race in {text}");
        for (text, known) in [
            ("mas_walk / mas_wr_store", true),
            ("_RNvNtCs_6kernel19flags_by_plain_load / vma_set", true),
            ("_RNvNtCs_6kernel17flags_by_accessor / vma_set", false),
            ("vm_area_free / _RNvNtCs_6kernel2mm3vma4read", false),
        ] {
            assert_eq!(is_known(&line(text)), known, "{text}");
        }
        assert!(!is_known("BUG: KASAN: use-after-free in mas_walk"));
        let line = line("_RNvNtCs_6kernel20refcnt_by_plain_load / vma_start_read");
        assert_eq!(count(&[&line, &line], FIELDS[1].0), 2);
        assert_eq!(count(&[&line], FIELDS[0].0), 0);
    }
}
