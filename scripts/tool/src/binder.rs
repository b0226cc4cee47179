// SPDX-License-Identifier: GPL-2.0

//! The cost of Rust Binder with typed VMAs: instructions of its transactions, and of those of the kernel without the
//! overlay.

use crate::bench;
use crate::boot::{Guest, Processors};
use crate::code::two_trees;
use crate::judge::records::Record;
use crate::judge::transactions;
use crate::kbuild::Kernel;
use crate::kconfig::{Config, X86_64_BINDER};
use crate::report::{Outcome, write_json};
use crate::suite::Run;
use anyhow::Result;
use std::time::Duration;

const PROGRAM: &str = "vma-binder";
const TIMEOUT: Duration = Duration::from_secs(600);

/// Builds both kernels, measures on each, and judges.
pub fn run(run: &Run, config: Config) -> Result<Outcome> {
    let session = run.session;
    let program = session.program(PROGRAM)?;
    let mut outcome = Outcome::default();
    let mut measured = |kernel: &Kernel, config: Config| -> Result<Vec<Record>> {
        let guest = Guest {
            append: "-- measure",
            processors: Processors::Counting,
            ..Guest::new("transactions", PROGRAM, &program, TIMEOUT)
        };
        bench::measured(kernel, config, guest, session.progress, &mut outcome)
    };
    let (typed, upstream) = two_trees::pristine(session, run.ready, |kernel| {
        let typed = measured(run.kernel, config)?;
        kernel.build(X86_64_BINDER, session.progress)?;
        Ok((typed, measured(kernel, X86_64_BINDER)?))
    })?;

    let figures = transactions::figures(&typed, &upstream);
    write_json(&session.places.build.join("binder.json"), &figures)?;
    let table = transactions::table(&figures).text();
    session.progress.hidden(|| println!("{table}"));
    outcome.add(transactions::judge(&figures));
    Ok(outcome)
}
