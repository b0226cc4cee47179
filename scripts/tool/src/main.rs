// SPDX-License-Identifier: GPL-2.0

//! The make targets: from a bare machine to a booted and tested kernel.

mod bench;
mod boot;
mod build_cost;
mod code;
mod conformance;
mod demo;
mod diagnostics;
mod drivers;
mod fuzz;
mod host;
mod initramfs;
mod kbuild;
mod kconfig;
mod kcsan;
mod kunit;
mod ledger;
mod lint;
mod lock;
mod lockdep_test;
mod model;
mod objcode;
mod page;
mod places;
mod proc;
mod programs;
mod progress;
mod report;
mod rustdoc;
mod selftests;
mod shell;
mod source;
mod splat;
mod stress;
mod suite;
mod tap;
mod targets;
mod tiers;
mod toolchain;
mod unchanged;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use places::Places;
use progress::Progress;
use std::path::PathBuf;
use std::process::ExitCode;
use tiers::Tier;

/// Called by make; `make help` says what each target does.
#[derive(Parser)]
struct Arguments {
    /// The checkout.
    #[arg(long)]
    repo: PathBuf,
    /// The cargo that built this tool.
    #[arg(long)]
    cargo: PathBuf,
    /// A kernel tree to use instead of the source package.
    #[arg(long)]
    kdir: Option<PathBuf>,
    /// The rustc that builds the kernel.
    #[arg(long)]
    rustc: Option<PathBuf>,
    /// x86_64, x86_64-debug or um.
    #[arg(long)]
    config: Option<String>,
    /// A glob of KUnit suites and tests.
    #[arg(long)]
    filter: Option<String>,
    /// Part of the names of the compile-fail, lockdep-test or drivers cases to run.
    #[arg(long)]
    case: Option<String>,
    /// The function to show.
    #[arg(long)]
    func: Option<String>,
    /// The seed of the random numbers of the stress test and the fuzzer.
    #[arg(long)]
    seed: Option<u64>,
    /// The number of operations of the stress test.
    #[arg(long)]
    operations: Option<u64>,
    /// The duration of the fuzzer.
    #[arg(long)]
    minutes: Option<u64>,
    /// The program to run in the guest of `make shell`.
    #[arg(long)]
    program: Option<PathBuf>,
    /// The file with the stored costs of primitives.
    #[arg(long)]
    baseline: Option<PathBuf>,
    /// Show everything the children print.
    #[arg(long)]
    verbose: bool,
    target: Target,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    Run,
    Test,
    TestAll,
    Apply,
    Revert,
    Patches,
    Kunit,
    Kcsan,
    LockdepTest,
    Bench,
    BenchCompare,
    BenchBaseline,
    Disasm,
    CodegenCheck,
    BuildCost,
    Drivers,
    Stress,
    Fuzz,
    Selftests,
    CompileFail,
    Conformance,
    Ledger,
    Model,
    Lint,
    Doc,
    Shell,
    Clean,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // One line, however long the chain of causes.
            let chain: Vec<String> = error
                .chain()
                .map(|e| e.to_string().replace('\n', " "))
                .collect();
            eprintln!("error: {}", chain.join(": "));
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    /// The variables of single targets that were given.
    fn given(&self) -> Vec<&'static str> {
        let given = [
            ("CONFIG", self.config.is_some()),
            ("FILTER", self.filter.is_some()),
            ("CASE", self.case.is_some()),
            ("FUNC", self.func.is_some()),
            ("SEED", self.seed.is_some()),
            ("OPERATIONS", self.operations.is_some()),
            ("MINUTES", self.minutes.is_some()),
            ("PROGRAM", self.program.is_some()),
            ("BASELINE", self.baseline.is_some()),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(name, _)| name).collect()
    }
}

impl Target {
    /// The variables that it takes, in addition to those of every target.
    fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Kunit => &["CONFIG", "FILTER"],
            Self::Drivers | Self::CompileFail => &["CONFIG", "CASE"],
            Self::LockdepTest => &["CASE"],
            Self::Stress => &["CONFIG", "SEED", "OPERATIONS"],
            Self::Fuzz => &["SEED", "MINUTES"],
            Self::Disasm => &["CONFIG", "FUNC"],
            Self::CodegenCheck | Self::Conformance => &["CONFIG"],
            Self::Shell => &["CONFIG", "PROGRAM"],
            Self::BenchCompare | Self::BenchBaseline => &["BASELINE"],
            _ => &[],
        }
    }
}

/// Refuses a variable that the target would ignore.
fn refuse_unused(arguments: &Arguments) -> Result<()> {
    let taken = arguments.target.variables();
    if let Some(name) = arguments.given().iter().find(|name| !taken.contains(name)) {
        let target = arguments.target.to_possible_value();
        bail!(
            "make {}: it takes no {name}=: {}",
            target.as_ref().map_or("", |target| target.get_name()),
            match taken {
                [] => "only KDIR=, RUSTC= and VERBOSE=".to_string(),
                taken => format!("only {}=, KDIR=, RUSTC= and VERBOSE=", taken.join("=, ")),
            }
        );
    }
    Ok(())
}

/// The exit code: 0 if the target did all that it should.
fn run(arguments: &Arguments) -> Result<u8> {
    proc::end_children_on_signals()?;
    proc::set_verbose(arguments.verbose);
    refuse_unused(arguments)?;
    let places = Places::new(&arguments.repo, arguments.kdir.as_deref())?;
    let progress = Progress::new(arguments.verbose);
    let session = targets::Session {
        places: &places,
        progress: &progress,
        cargo: &arguments.cargo,
        rustc: arguments.rustc.as_deref(),
        config: arguments.config.as_deref(),
        filter: arguments.filter.as_deref(),
        case: arguments.case.as_deref(),
        func: arguments.func.as_deref(),
        stress: stress::Plan {
            seed: arguments.seed.unwrap_or(stress::DEFAULT.seed),
            operations: arguments.operations.unwrap_or(stress::DEFAULT.operations),
        },
        fuzz: fuzz::Plan {
            seed: arguments.seed.unwrap_or(fuzz::DEFAULT.seed),
            seconds: arguments
                .minutes
                .map_or(fuzz::DEFAULT.seconds, |minutes| 60 * minutes),
            ..fuzz::DEFAULT
        },
        baseline: arguments.baseline.as_deref(),
        program: arguments.program.as_deref(),
    };
    let _lock = lock::Lock::take(&places.build.join(".lock"), "build/")?;
    let succeeded = match arguments.target {
        Target::Run => session.run(),
        Target::Test => session.test(Tier::Test),
        Target::TestAll => session.test(Tier::All),
        Target::Apply => session.apply(),
        Target::Revert => session.revert(),
        Target::Patches => session.patches(),
        Target::Kunit => session.kunit(),
        Target::Kcsan => session.kcsan(),
        Target::LockdepTest => session.lockdep_test(),
        Target::Bench => session.bench(),
        Target::BenchCompare => session.bench_compare(),
        Target::BenchBaseline => session.bench_baseline(),
        Target::Disasm => session.disasm(),
        Target::CodegenCheck => session.codegen_check(),
        Target::BuildCost => session.build_cost(),
        Target::Drivers => session.drivers(),
        Target::Stress => session.stress(),
        Target::Fuzz => session.fuzz(),
        Target::Selftests => session.selftests(),
        Target::CompileFail => session.compile_fail(),
        Target::Conformance => session.conformance(),
        Target::Ledger => session.ledger(),
        Target::Model => session.model(),
        Target::Lint => session.lint(),
        Target::Doc => session.doc(),
        Target::Shell => return session.shell(),
        Target::Clean => session.clean(),
    };
    Ok(u8::from(!succeeded?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(words: &[&str]) -> Option<String> {
        let fixed = ["vma-tool", "--repo", "/r", "--cargo", "cargo"];
        let arguments = Arguments::parse_from(fixed.iter().chain(words));
        refuse_unused(&arguments)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn variables_that_a_target_ignores_are_refused() {
        assert_eq!(refusal(&["--config", "um", "kunit"]), None);
        assert_eq!(refusal(&["--kdir", "/k", "--verbose", "ledger"]), None);
        assert_eq!(
            refusal(&["--config", "um", "run"]).unwrap(),
            "make run: it takes no CONFIG=: only KDIR=, RUSTC= and VERBOSE="
        );
        assert_eq!(
            refusal(&["--baseline", "/none", "bench"]).unwrap(),
            "make bench: it takes no BASELINE=: only KDIR=, RUSTC= and VERBOSE="
        );
        assert_eq!(
            refusal(&["--seed", "2", "--case", "x", "drivers"]).unwrap(),
            "make drivers: it takes no SEED=: only CONFIG=, CASE=, KDIR=, RUSTC= and VERBOSE="
        );
    }
}
