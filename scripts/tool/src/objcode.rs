// SPDX-License-Identifier: GPL-2.0

//! The compiled code of the kernel crate: its assertions, and listings by llvm-objdump.

use crate::code::object::{Function, Object, count_relocations};
use crate::kbuild::Kernel;
use crate::kconfig::Config;
use crate::proc;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The kernel's own assertions of what a level says it holds, each with a helper around it.
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
    let counts = count_relocations(&out.join("rust/kernel.o"))?;
    Ok(judge(config.name, expected, &counts))
}

fn judge(config: &str, expected: bool, counts: &BTreeMap<String, usize>) -> Outcome {
    let mut outcome = Outcome::default();
    for name in ASSERTIONS {
        let helper = format!("rust_helper_{name}");
        let called = counts.get(&helper).copied().unwrap_or(0);
        outcome.check((called > 0) == expected, || match expected {
            true => format!("{config}: has DEBUG_VM and never calls {name}()"),
            false => format!("{config}: has no DEBUG_VM and calls {name}() {called} times"),
        });
    }
    outcome
}

/// The instructions of the one function whose name contains `part`, without addresses.
pub fn function(kernel: &Kernel, object: &Path, part: &str) -> Result<Vec<String>> {
    let read = Object::read(object)?;
    let named: Vec<&Function> = read
        .functions
        .iter()
        .filter(|f| f.name.contains(part))
        .collect();
    let [function] = named[..] else {
        bail!(
            "{}: {} functions are called *{part}*, not one",
            object.display(),
            named.len()
        );
    };
    disassemble(kernel, object, function)
}

/// The instructions of a function with labels, relocations and demangled names, without addresses. All relocations of
/// the section would come with `--disassemble-symbols`.
pub fn disassemble(kernel: &Kernel, object: &Path, function: &Function) -> Result<Vec<String>> {
    let program = kernel.compilers.llvm.program("llvm-objdump");
    let mut cmd = proc::command(&program);
    cmd.args([
        "--disassemble",
        "--reloc",
        "--demangle",
        "--symbolize-operands",
    ])
    .args([
        "--no-show-raw-insn",
        "--no-leading-addr",
        "--no-print-imm-hex",
    ])
    .arg(format!("--section={}", function.section))
    .arg(format!("--start-address={}", function.start))
    .arg(format!(
        "--stop-address={}",
        function.start + function.bytes
    ))
    .arg(object);
    let output = proc::output(cmd)?;
    if !output.status.success() {
        bail!(
            "{program} cannot read {}: {}",
            object.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(instructions(&String::from_utf8_lossy(&output.stdout)))
}

/// The lines below the name of the function.
fn instructions(listing: &str) -> Vec<String> {
    let lines = listing
        .lines()
        .skip_while(|line| !line.starts_with('<'))
        .skip(1);
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions_are_called_with_debug_vm_only() {
        let all = ASSERTIONS.map(|name| (format!("rust_helper_{name}"), 2));
        let all = BTreeMap::from(all);
        assert_eq!(judge("x", true, &all).failed, 0);
        assert_eq!(judge("x", false, &BTreeMap::new()).failed, 0);
        let failures = judge("x", false, &all).failures;
        assert!(
            failures[2].ends_with("calls vma_assert_locked() 2 times"),
            "{failures:?}"
        );
        assert_eq!(judge("x", true, &BTreeMap::new()).failed, ASSERTIONS.len());
    }

    #[test]
    fn instructions_follow_the_name() {
        let text = "\nx.o:\tfile format elf64-x86-64\n\nDisassembly of section .text:\n\n\
                    <<a as b>::f>:\n \tmovq\t(%rdi), %rax\n\t\t02: R_X86_64_PLT32\tg-0x4\n<L0>:\n \tretq\n";
        let lines = [
            "movq (%rdi), %rax",
            "02: R_X86_64_PLT32 g-0x4",
            "<L0>:",
            "retq",
        ];
        assert_eq!(instructions(text), lines);
    }
}
