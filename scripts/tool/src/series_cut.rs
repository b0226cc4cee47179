// SPDX-License-Identifier: GPL-2.0

//! Asks the compiler what of each file has to come in a later patch than the file, and stores it for `make patches`.

use crate::kbuild::Kernel;
use crate::kconfig::{X86_64, X86_64_DEBUG};
use crate::progress::Step;
use crate::session::Session;
use anyhow::{Context, Result};
use overlay::{LATER, Workplace};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;

/// Patches with more lines of code are hard to review. Only the tests of the tool insist on it.
const LARGE: usize = 600;

/// The kernel with the most options is built for it, up to the examples in comments.
pub fn run(session: &Session) -> Result<u8> {
    if let Some(series) = &session.arguments.series {
        return older(session, series);
    }
    let ready = session.ready()?;
    let kernel = session.kernel(&ready);
    let build = kernel.build(X86_64_DEBUG, session.progress)?;
    let other = kernel.build_rust(X86_64, session.progress)?;
    let scratch = session.places.build.join("series-cut");
    fs::create_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
    let mut step = session.progress.step("series-cut");
    let place = Workplace {
        rustc: ready.compilers.rust.rustc.clone(),
        tree: session.places.tree(),
        build,
        other: Some(other),
        scratch,
    };
    let mut reasons = Reasons::new(session, &mut step)?;
    let series = ready.overlay.cut(&place, &mut |line| reasons.say(line))?;
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

/// The items that an older kernel cannot have: the same question, asked once. Its own crate is built first, because only then
/// are the options known with which rustc is called.
fn older(session: &Session, series: &str) -> Result<u8> {
    let mut overlay = session.overlay()?;
    overlay.forget_older();
    let ready = session.ready_with(overlay)?;
    let (tree, scratch) = (
        session.places.tree(),
        session.places.build.join("series-cut"),
    );
    fs::create_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
    ready.overlay.revert(&tree)?;
    let pristine = Kernel {
        offered: Some(BTreeSet::new()),
        ..session.kernel(&ready)
    };
    let build = pristine.build_examples(X86_64_DEBUG, session.progress)?;
    session.put_in(&ready.overlay, &tree)?;
    // The bindings are made before the crate is compiled, which may fail: that is the question.
    let built = session
        .kernel(&ready)
        .build_examples(X86_64_DEBUG, session.progress);
    if let Err(why) = built {
        println!("with all of the overlay: {why:#}");
    }
    let mut step = session.progress.step("series-cut");
    let place = Workplace {
        rustc: ready.compilers.rust.rustc.clone(),
        tree,
        build,
        other: None,
        scratch,
    };
    let mut reasons = Reasons::new(session, &mut step)?;
    let text = ready
        .overlay
        .cut_for(&place, series, &mut |line| reasons.say(line))?;
    ready.overlay.write_older(series, &text)?;
    step.done("found");
    println!(
        "{}: what Linux {series} cannot have",
        overlay::older_file(series)
    );
    Ok(0)
}

/// Why each item comes later, in a log, too.
struct Reasons<'a, 'p> {
    log: File,
    step: &'a mut Step<'p>,
}

impl<'a, 'p> Reasons<'a, 'p> {
    fn new(session: &Session, step: &'a mut Step<'p>) -> Result<Self> {
        let log = session.places.log("series-cut");
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        Ok(Self { log: file, step })
    }

    fn say(&mut self, line: &str) {
        self.step.doing(line);
        // Without it, the result is the same.
        let _ = writeln!(self.log, "{line}");
    }
}
