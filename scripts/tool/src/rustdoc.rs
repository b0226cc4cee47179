// SPDX-License-Identifier: GPL-2.0

//! The kernel crate's documentation, built as the kernel builds it; a warning about a file of ours is a failure.

use crate::diagnostics;
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc;
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

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
    match warnings.len() {
        0 => (),
        n => bail!("{n} warning(s) about our own documentation: see {shown}"),
    }
    step.done("no warning about our own");
    Ok(out.join("Documentation/output/rust/rustdoc/kernel/mm/vma/index.html"))
}

/// The documentation of the kernel crate as JSON, made below a directory with the flags that the build recorded.
pub fn json(kernel: &Kernel, config: Config, dir: &Path, progress: &Progress) -> Result<String> {
    let step = progress.step("rustdoc JSON");
    let out = kernel.places.out(config.name);
    let record = fs::read_to_string(out.join("rust/.kernel.o.cmd"));
    let record = record.context("rust/.kernel.o.cmd cannot be read")?;
    let flags = compile_fail::kernel_flags(&record);
    let flags = flags.context("rust/.kernel.o.cmd has no call of rustc in it")?;
    let rust = &kernel.compilers.rust;
    let Some(rustdoc) = rust.beside("rustdoc") else {
        bail!("there is no rustdoc beside {}", rust.rustc.display());
    };
    let mut cmd = proc::command(rustdoc);
    cmd.current_dir(&out)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("OBJTREE", &out)
        .args(flags.iter().filter(|flag| !is_for_rustc_alone(flag)));
    for name in EXTERNS.split(' ') {
        cmd.args(["--extern", name]);
    }
    cmd.args("-L rust --crate-name kernel -Zunstable-options".split(' '))
        .args("--output-format json --cap-lints allow --output".split(' '))
        .arg(dir)
        .arg(kernel.places.tree().join("rust/kernel/lib.rs"));
    let log = kernel.places.log("rustdoc-json");
    let (success, _) = proc::watched(&log, cmd, |_| ())?;
    if !success {
        eprint!("{}", proc::tail(&log, 20));
        bail!("rustdoc fails: see {}", kernel.places.show(&log));
    }
    let text = fs::read_to_string(dir.join("kernel.json"));
    let text = text.context("rustdoc has written no kernel.json")?;
    step.done("the kernel crate");
    Ok(text)
}

/// The crates that the `kernel` crate names.
const EXTERNS: &str = "ffi pin_init build_error macros bindings uapi zerocopy zerocopy_derive";

fn is_for_rustc_alone(flag: &str) -> bool {
    flag.starts_with("--remap-path-scope") || flag.contains("clippy::")
}
