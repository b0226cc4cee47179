// SPDX-License-Identifier: GPL-2.0

//! The kernel crate's documentation, built as the kernel builds it; a warning about a file of ours is a failure.

use crate::diagnostics;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc;
use crate::progress::Progress;
use anyhow::{Result, bail};
use std::path::PathBuf;

/// Builds it in the directory of a built kernel, and returns the page to begin with.
pub fn build(kernel: &Kernel, config: Config, progress: &Progress) -> Result<PathBuf> {
    let mut step = progress.step("documentation");
    let out = kernel.places.out(config.name);
    let log = kernel.places.log("doc");
    let shown = kernel.places.show(&log);
    let mut cmd = kernel.make(config, &out);
    cmd.arg("rustdoc");
    let (success, output) = proc::watched(&log, cmd, |line| step.doing(line))?;
    if !success {
        eprint!("{}", proc::tail(&log, 20));
        bail!("the documentation does not build: see {shown}");
    }
    let warnings = diagnostics::about(&output, &kernel.ours);
    for warning in &warnings {
        eprint!("{}", warning.text);
    }
    if !warnings.is_empty() {
        bail!(
            "{} warning(s) about our own documentation: see {shown}",
            warnings.len()
        );
    }
    step.done("no warning about our own");
    Ok(out.join("Documentation/output/rust/rustdoc/kernel/mm/vma/index.html"))
}
