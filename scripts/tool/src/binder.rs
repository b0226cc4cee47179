// SPDX-License-Identifier: GPL-2.0

//! The cost of Rust Binder with typed VMAs: instructions of its transactions, and of those of the kernel without the
//! overlay.

use crate::boot::{Guest, Processors};
use crate::code::two_trees;
use crate::initramfs::Initramfs;
use crate::judge::records::{self, Record};
use crate::judge::transactions;
use crate::kbuild::Kernel;
use crate::kconfig::{Config, X86_64_BINDER};
use crate::report::{Outcome, write_json};
use crate::source;
use crate::suite::Run;
use anyhow::{Result, bail};
use std::path::Path;
use std::time::Duration;

const PROGRAM: &str = "vma-binder";
const TIMEOUT: Duration = Duration::from_secs(600);

/// Builds both kernels, measures on each, and judges.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let session = run.session;
    if session.places.kdir.is_some() {
        bail!("KDIR= is a tree with the overlay: nothing to compare it with");
    }
    let program = session.program(PROGRAM)?;
    let mut outcome = Outcome::default();
    let typed = measured(run, run.kernel, config, &program, &mut outcome)?;

    let pristine = source::pristine(session.places, &run.ready.packages, session.progress)?;
    let places = two_trees::elsewhere(session.places, pristine);
    let kernel = Kernel {
        places: &places,
        ours: Vec::new(),
        ..session.kernel(run.ready)
    };
    kernel.build(X86_64_BINDER, session.progress)?;
    let upstream = measured(run, &kernel, X86_64_BINDER, &program, &mut outcome)?;

    let figures = transactions::figures(&typed, &upstream);
    write_json(&session.places.build.join("binder.json"), &figures)?;
    let table = transactions::table(&figures).text();
    session.progress.hidden(|| println!("{table}"));
    outcome.add(transactions::judge(&figures));
    Ok(outcome)
}

fn measured(
    run: &Run,
    kernel: &Kernel,
    config: Config,
    program: &Path,
    outcome: &mut Outcome,
) -> Result<Vec<Record>> {
    let mut step = run.session.progress.step("transactions");
    let guest = Guest {
        name: "transactions",
        files: Initramfs::new(program),
        init: PROGRAM,
        append: "-- measure",
        processors: Processors::Counting,
        plugin: None,
        timeout: TIMEOUT,
    };
    let boot = guest.boot(kernel, config, &mut |line| match line {
        Some(_) => step.advance("measured"),
        None => step.doing("measuring"),
    })?;
    step.done(&format!(
        "{} measurements",
        boot.output.len().saturating_sub(1)
    ));
    let ended = records::Boot {
        name: "transactions",
        lines: &boot.output,
        code: boot.code,
        outcome: boot.outcome,
        log: &boot.shown,
    };
    Ok(records::parse(ended, outcome))
}
