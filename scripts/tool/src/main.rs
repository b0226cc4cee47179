// SPDX-License-Identifier: GPL-2.0

//! Does what the make targets say: from a bare machine to a booted and tested kernel.

mod apt;
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
mod misorder;
mod model;
mod neighbours;
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
mod space;
mod splat;
mod stress;
mod suite;
mod tap;
mod targets;
mod toolchain;
mod version;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use places::Places;
use progress::Progress;
use std::path::PathBuf;
use std::process::ExitCode;

/// Called by make; `make help` says what each target does.
#[derive(Parser)]
struct Arguments {
    /// The checkout.
    #[arg(long)]
    repo: PathBuf,
    /// The cargo that built this tool.
    #[arg(long)]
    cargo: PathBuf,
    /// A kernel tree of one's own.
    #[arg(long)]
    kdir: Option<PathBuf>,
    /// The rustc that builds the kernel.
    #[arg(long)]
    rustc: Option<PathBuf>,
    /// x86_64, x86_64-debug or um.
    #[arg(long)]
    config: Option<String>,
    /// Which KUnit suites to run.
    #[arg(long)]
    filter: Option<String>,
    /// Which compile-fail, misorder or drivers cases to run.
    #[arg(long)]
    case: Option<String>,
    /// The function to show.
    #[arg(long)]
    func: Option<String>,
    /// The seed of the random numbers of the stress test and the fuzzer.
    #[arg(long)]
    seed: Option<u64>,
    /// How much the stress test is to do.
    #[arg(long)]
    operations: Option<u64>,
    /// For how long the fuzzer runs.
    #[arg(long)]
    minutes: Option<u64>,
    /// What primitives are compared with, and stored in.
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
    Apply,
    Revert,
    Patches,
    Kunit,
    Kcsan,
    Misorder,
    Bench,
    BenchCompare,
    BenchBaseline,
    Asm,
    Code,
    BuildCost,
    Drivers,
    Stress,
    Fuzz,
    Neighbours,
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
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
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

/// Whether the target did all it should.
fn run(arguments: &Arguments) -> Result<bool> {
    proc::end_children_on_signals()?;
    proc::set_verbose(arguments.verbose);
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
    };
    let _lock = lock::Lock::take(&places.build.join(".lock"), "build/")?;
    match arguments.target {
        Target::Run => session.run(),
        Target::Test => session.test(),
        Target::Apply => session.apply(),
        Target::Revert => session.revert(),
        Target::Patches => session.patches(),
        Target::Kunit => session.kunit(),
        Target::Kcsan => session.kcsan(),
        Target::Misorder => session.misorder(),
        Target::Bench => session.bench(),
        Target::BenchCompare => session.bench_compare(),
        Target::BenchBaseline => session.bench_baseline(),
        Target::Asm => session.asm(),
        Target::Code => session.code(),
        Target::BuildCost => session.build_cost(),
        Target::Drivers => session.drivers(),
        Target::Stress => session.stress(),
        Target::Fuzz => session.fuzz(),
        Target::Neighbours => session.neighbours(),
        Target::CompileFail => session.compile_fail(),
        Target::Conformance => session.conformance(),
        Target::Ledger => session.ledger(),
        Target::Model => session.model(),
        Target::Lint => session.lint(),
        Target::Doc => session.doc(),
        Target::Shell => session.shell(),
        Target::Clean => session.clean(),
    }
}
