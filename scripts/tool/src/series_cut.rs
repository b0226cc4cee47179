// SPDX-License-Identifier: GPL-2.0

//! Asks the compiler what of each file has to come in a later patch than the file, and stores it for `make patches`.

use crate::kconfig::X86_64_DEBUG;
use crate::session::Session;
use anyhow::{Context, Result};
use overlay::{LATER, Workplace};
use std::fs;

/// Patches with more lines of code are hard to review. Only the tests of the tool insist on it.
const LARGE: usize = 600;

/// The kernel with the most options is built for it, up to the examples in comments.
pub fn run(session: &Session) -> Result<u8> {
    let ready = session.ready()?;
    let kernel = session.kernel(&ready);
    let build = kernel.build(X86_64_DEBUG, session.progress)?;
    let scratch = session.places.build.join("series-cut");
    fs::create_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
    let mut step = session.progress.step("series-cut");
    let place = Workplace {
        rustc: ready.compilers.rust.rustc.clone(),
        tree: session.places.tree(),
        build,
        scratch,
    };
    let series = ready.overlay.cut(&place, &mut |line| step.doing(line))?;
    ready.overlay.write_cut(&series)?;
    step.done("found");
    for warning in &series.tolerated {
        println!("not read yet: {warning}");
    }
    let overlay = session.overlay()?;
    let sizes = overlay.sizes()?;
    for size in &sizes {
        let mark = if size.lines > LARGE { " (large)" } else { "" };
        println!("{:5} {}{mark}", size.lines, size.id);
    }
    println!("{} patches in {LATER}", sizes.len());
    Ok(0)
}
