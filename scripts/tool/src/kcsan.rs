// SPDX-License-Identifier: GPL-2.0

//! The evidence that the flags of a VMA have to be loaded as they are: KCSAN reports the plain load of a C twin and not its
//! `READ_ONCE()`, and the accessor is one load.
//!
//! KCSAN instruments C only, so of the accessor itself the compiled code is looked at.

use crate::code;
use crate::kconfig::Config;
use crate::kunit::{self, Boot};
use crate::report::Outcome;
use crate::suite::Run;
use anyhow::Result;

const SUITE: &str = "rust_vma_data_race.*";
const SETTER: &str = "vma_set_maybe_guard";

/// Runs the suite on the built kernel, and judges its log.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let (kernel, progress) = (run.kernel, run.session.progress);
    let is_race = |line: &str| line.contains("BUG: KCSAN: data-race in ");
    let boot = Boot::of(config, Some(SUITE));
    let (mut outcome, log) = kunit::judged(run, &boot, is_race)?;
    let reports: Vec<&str> = log.lines().filter(|line| is_race(line)).collect();
    let of = |function: &str| count(&reports, function);
    let other = reports.len() - reports.iter().filter(|line| line.contains("vma_")).count();
    progress.say(&format!(
        "  reports: plain load {}, READ_ONCE() {}, of other code {other}",
        of("vma_flags_plain_load"),
        of("vma_flags_read_once"),
    ));
    outcome.check(of("vma_flags_plain_load") > 0, || {
        "KCSAN does not report the plain load: it watches too seldom, or there is no race"
            .to_string()
    });
    outcome.check(of("vma_flags_read_once") == 0, || {
        "KCSAN reports the load by READ_ONCE()".to_string()
    });

    let object = kernel.places.out(config.name).join("rust/kernel.o");
    let listing = code::function(kernel, &object, "flags_loaded_once")?;
    for line in &listing {
        progress.say(&format!("    {line}"));
    }
    let loads = loads(&listing);
    outcome.check(loads == 1, || {
        format!("Vma::flags() compiles to {loads} loads from the VMA, not one")
    });
    Ok(outcome)
}

/// The reports of a race between a function and the one that sets the flag.
fn count(reports: &[&str], function: &str) -> usize {
    reports
        .iter()
        .filter(|line| line.contains(function) && line.contains(SETTER))
        .count()
}

/// Instructions that read memory through the argument.
fn loads(listing: &[String]) -> usize {
    listing
        .iter()
        .filter(|line| line.contains("(%rdi)"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_races_with_the_setter_count() {
        let reports = [
            "BUG: KCSAN: data-race in rust_helper_vma_flags_plain_load / rust_helper_vma_set_maybe_guard",
            "BUG: KCSAN: data-race in rust_helper_vma_flags_plain_load / something_else",
            "BUG: KCSAN: data-race in tick_nohz / tick_nohz",
        ];
        assert_eq!(count(&reports, "vma_flags_plain_load"), 1);
        assert_eq!(count(&reports, "vma_flags_read_once"), 0);
    }

    #[test]
    fn loads_through_the_argument_count() {
        let listing = ["endbr64", "movq 0x20(%rdi), %rax", "retq"].map(str::to_string);
        assert_eq!(loads(&listing), 1);
        assert_eq!(loads(&["xorl %eax, %eax".to_string()]), 0);
    }
}
