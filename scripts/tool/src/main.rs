// SPDX-License-Identifier: GPL-2.0

//! The make targets: from a bare machine to a booted and tested kernel.

mod bench;
mod binder;
mod bisect_series;
mod boot;
mod bugs;
mod code;
mod conformance;
mod coverage;
mod demo;
mod diagnostics;
mod drivers;
mod fuzz;
mod gdb;
mod host;
mod initramfs;
mod judge;
mod kbuild;
mod kconfig;
mod kcsan;
mod kunit;
mod kunit_failing;
mod ledger;
mod lint;
mod lock;
mod lockdep_test;
mod machine;
mod matrix;
mod next;
mod places;
mod proc;
mod programs;
mod progress;
mod report;
mod results;
mod rustdoc;
mod selftests;
mod series_cut;
mod session;
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

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{CommandFactory, FromArgMatches, Parser};
use places::Places;
use progress::Progress;
use session::Session;
use std::path::PathBuf;
use std::process::ExitCode;
use targets::TARGETS;

/// Called by make; `make help` says what each target and each variable does.
#[derive(Debug, Parser)]
struct Arguments {
    /// The checkout.
    #[arg(long)]
    repo: PathBuf,
    /// The cargo that built this tool.
    #[arg(long)]
    cargo: PathBuf,
    #[arg(long)]
    kdir: Option<PathBuf>,
    #[arg(long)]
    rustc: Option<PathBuf>,
    #[arg(long)]
    config: Option<String>,
    #[arg(long)]
    filter: Option<String>,
    #[arg(long)]
    case: Option<String>,
    #[arg(long)]
    func: Option<String>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 1_000_000)]
    operations: u64,
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    #[arg(long)]
    matrix: Option<String>,
    #[arg(long, default_value = "")]
    results: String,
    #[arg(long)]
    series: Option<String>,
    #[arg(long)]
    program: Option<PathBuf>,
    #[arg(long)]
    baseline: Option<PathBuf>,
    /// Show everything the children print.
    #[arg(long)]
    verbose: bool,
    #[arg(value_parser = PossibleValuesParser::new(TARGETS.iter().map(|target| target.name)))]
    target: String,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // One line, however long the chain of causes.
            eprintln!("error: {}", format!("{error:#}").replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

/// The exit code: 0 if the target did all that it should.
fn run() -> Result<u8> {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches)?;
    let target = targets::chosen(&matches)?;
    proc::end_children_on_signals()?;
    proc::set_verbose(arguments.verbose);
    let mut places = Places::new(&arguments.repo, arguments.kdir.as_deref())?;
    if let Some(series) = &arguments.series {
        places.choose(series)?;
    }
    let progress = Progress::new(arguments.verbose);
    let session = Session {
        places: &places,
        progress: &progress,
        arguments: &arguments,
    };
    let _lock = lock::Lock::take(&places.build.join(".lock"), "build/")?;
    session.make(target)
}
