// SPDX-License-Identifier: GPL-2.0

//! What the compiler made of the abstraction, read out of object files by LLVM's own tools.

use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// Where the kernel says what a level claims to hold: helpers around the kernel's own assertions.
const ASSERTIONS: [&str; 7] = [
    "mmap_assert_locked",
    "mmap_assert_write_locked",
    "vma_assert_locked",
    "vma_assert_write_locked",
    "vma_assert_stabilised",
    "vma_assert_rmap_locked",
    "vma_assert_rmap_write_locked",
];

/// A kernel with DEBUG_VM calls every assertion of a lock level; one without calls none.
pub fn assertions(kernel: &Kernel, config: Config) -> Result<Outcome> {
    let out = kernel.places.out(config.name);
    let dot_config =
        fs::read_to_string(out.join(".config")).context("the kernel has no .config")?;
    let expected = dot_config.lines().any(|line| line == "CONFIG_DEBUG_VM=y");
    let object = out.join("rust/kernel.o");
    let relocations = objdump(kernel, &["--reloc"], &object)?;
    let mut outcome = Outcome::default();
    for name in ASSERTIONS {
        let called = calls(&relocations, name);
        outcome.check((called > 0) == expected, || match expected {
            true => format!("{}: has DEBUG_VM and never calls {name}()", config.name),
            false => format!(
                "{}: has no DEBUG_VM and calls {name}() {called} times",
                config.name
            ),
        });
    }
    Ok(outcome)
}

/// How many relocations name a helper.
fn calls(relocations: &str, helper: &str) -> usize {
    let symbol = format!("rust_helper_{helper}");
    relocations
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .filter(|target| target.split(['-', '+']).next() == Some(&symbol))
        .count()
}

/// The instructions of the one function whose name contains `part`, without addresses.
pub fn function(kernel: &Kernel, object: &Path, part: &str) -> Result<Vec<String>> {
    let symbols = objdump(kernel, &["--syms"], object)?;
    let mut names: Vec<&str> = symbols
        .lines()
        .filter(|line| line.contains(" F ") && line.contains(part))
        .filter_map(|line| line.split_whitespace().last())
        .filter(|name| !name.starts_with("__pfx_") && !name.starts_with("__cfi_"))
        .collect();
    names.dedup();
    let [name] = names[..] else {
        bail!(
            "{}: {} functions are called *{part}*, not one",
            object.display(),
            names.len()
        );
    };
    let only = format!("--disassemble-symbols={name}");
    let options = [only.as_str(), "--no-show-raw-insn", "--no-leading-addr"];
    let listing = objdump(kernel, &options, object)?;
    let after = listing.split_once(">:").map_or("", |(_, rest)| rest);
    Ok(after
        .lines()
        .map(|line| line.trim().replace('\t', " "))
        .filter(|line| !line.is_empty())
        .collect())
}

/// What llvm-objdump says about a file.
pub fn objdump(kernel: &Kernel, options: &[&str], object: &Path) -> Result<String> {
    let program = kernel.compilers.llvm.program("llvm-objdump");
    let mut cmd = proc::command(&program);
    cmd.args(options).arg(object);
    let output = proc::output(cmd)?;
    if !output.status.success() {
        bail!(
            "{program} cannot read {}: {}",
            object.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relocations_are_counted_by_the_whole_name() {
        let text = "\
RELOCATION RECORDS FOR [.text]:
OFFSET           TYPE                     VALUE
0000000000000014 R_X86_64_PLT32           rust_helper_vma_assert_locked-0x4
0000000000000024 R_X86_64_PLT32           rust_helper_vma_assert_locked-0x4
0000000000000034 R_X86_64_PLT32           rust_helper_vma_assert_locked_not-0x4
0000000000000044 R_X86_64_PLT32           vma_assert_locked-0x4
";
        assert_eq!(calls(text, "vma_assert_locked"), 2);
        assert_eq!(calls(text, "vma_assert_write_locked"), 0);
    }
}
