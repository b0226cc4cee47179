// SPDX-License-Identifier: GPL-2.0

//! Listings of functions, by llvm-objdump.

use super::object::Function;
use super::primitives::{At, Code};
use crate::kbuild::Kernel;
use crate::proc;
use anyhow::{Context, Result, bail};
use rustix::termios::tcgetwinsize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, stdout};
use std::path::Path;

const BETWEEN: &str = " | ";

pub struct Listing {
    pub heading: String,
    pub text: String,
}

/// The width of the output: COLUMNS, else that of the terminal, else unlimited.
pub fn width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok().and_then(|n| n.parse().ok());
    let of_terminal = || {
        let out = stdout();
        let size = out.is_terminal().then(|| tcgetwinsize(&out).ok())??;
        Some(usize::from(size.ws_col))
    };
    columns.or_else(of_terminal).filter(|width| *width > 0)
}

/// The instructions of a function with labels, relocations and demangled names, without addresses. All relocations of
/// the section would come with `--disassemble-symbols`.
fn disassemble(kernel: &Kernel, object: &Path, function: &Function) -> Result<Vec<String>> {
    let program = kernel.compilers.llvm.program("llvm-objdump");
    let mut cmd = proc::command(&program);
    let stop = function.start + function.bytes;
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
    .arg(format!("--stop-address={stop}"))
    .arg(object);
    let text = proc::text(cmd);
    let text = text.with_context(|| format!("{program} cannot read {}", object.display()))?;
    Ok(instructions(&text))
}

/// The lines below the name of the function.
fn instructions(listing: &str) -> Vec<String> {
    let lines = listing.lines().skip_while(|line| !line.starts_with('<'));
    let words = lines
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .filter(|words| !words.is_empty())
        .map(|words| words.join(" "))
        .collect()
}

/// The listings of the functions that `wanted` names, one for each language.
pub fn listings(kernel: &Kernel, code: &Code, wanted: &str) -> Result<Vec<Listing>> {
    let found = find(code, wanted)?.into_iter();
    found
        .map(|(language, at)| {
            let mut lines = disassemble(kernel, at.file(), at.function)?;
            lines.push(format!("\n{} instructions", at.function.code.len()));
            for other in &at.reach()[1..] {
                let (count, path) = (other.function.code.len(), other.function.path());
                lines.push(format!("and {count} of {path}"));
            }
            Ok(Listing {
                heading: format!("{}: {}", title(language), at.function.path()),
                text: lines.join("\n"),
            })
        })
        .collect()
}

fn title(language: &str) -> &str {
    match language {
        "c" => "C",
        "rust" => "Rust",
        _ => "Rust, upstream's API",
    }
}

/// The function of that name in each language. The name is that of a primitive, else of a function, else part of one.
fn find<'a>(code: &'a Code, wanted: &str) -> Result<Vec<(&'static str, At<'a>)>> {
    let name = wanted.replace('-', "_");
    let primitive = format!("prim_{name}");
    let all: Vec<_> = code.all().collect();
    let is = |test: &dyn Fn(&str, &str) -> bool| {
        let mut found: BTreeMap<&'static str, BTreeMap<String, At>> = BTreeMap::new();
        for (language, at) in &all {
            let path = at.function.path();
            if test(&at.function.last_name(), &path) {
                // One function can be in several objects.
                found
                    .entry(language)
                    .or_default()
                    .entry(path)
                    .or_insert(*at);
            }
        }
        (!found.is_empty()).then_some(found)
    };
    let found = is(&|last, _| last == primitive)
        .or_else(|| is(&|last, path| last == name || path == name || path == wanted))
        .or_else(|| is(&|_, path| path.contains(wanted) || path.contains(&name)));
    let Some(found) = found else {
        let names = all.iter().map(|(_, at)| at.function.last_name());
        let names = names.map(|name| name.trim_start_matches("prim_").to_string());
        let mut near: Vec<String> = names.collect::<BTreeSet<_>>().into_iter().collect();
        near.sort_by_key(|other| (-1e6 * strsim::jaro_winkler(&name, other)) as i64);
        near.truncate(5);
        bail!(
            "FUNC={wanted}: no such function: {} are similar",
            near.join(", ")
        );
    };
    let mut one_each = Vec::new();
    for (language, paths) in found {
        if paths.len() > 1 {
            let names: Vec<&str> = paths.keys().take(12).map(String::as_str).collect();
            let (names, more) = (names.join(", "), paths.len().saturating_sub(12));
            let more = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            let language = title(language);
            bail!("FUNC={wanted}: several functions in {language}: name one of {names}{more}");
        }
        one_each.extend(paths.into_values().map(|at| (language, at)));
    }
    Ok(one_each)
}

/// Listings side by side, each cut to its share of the width.
pub fn beside(listings: &[Listing], width: Option<usize>) -> String {
    let lines = |l: &Listing| -> Vec<String> {
        let lines = [&l.heading, ""].into_iter().chain(l.text.lines());
        lines.map(str::to_string).collect()
    };
    let columns: Vec<Vec<String>> = listings.iter().map(lines).collect();
    let lengths = columns.iter().flatten().map(|line| line.chars().count());
    let each = match width {
        Some(width) => (width + BETWEEN.len()) / columns.len() - BETWEEN.len(),
        None => lengths.max().unwrap_or(0),
    };
    let mut text = String::new();
    for row in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
        let cell = |column: &Vec<String>| {
            format!("{:each$.each$}", column.get(row).map_or("", String::as_str))
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        text += cells.join(BETWEEN).trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{RET, object};
    use super::*;

    fn found(wanted: &str) -> Result<Vec<String>> {
        let c = [("outer", &[RET][..]), ("prim_helper", &[RET])];
        let rust = [("_RNvCs1_1k5outer", &[RET][..]), ("other_helper", &[RET])];
        let (c, rust) = (vec![object(&c)], vec![object(&rust)]);
        let code = Code { c, rust };
        let found = find(&code, wanted)?.into_iter();
        Ok(found
            .map(|(language, at)| format!("{} {}", title(language), at.function.path()))
            .collect())
    }

    #[test]
    fn functions_are_found_in_c_and_rust() {
        assert_eq!(found("outer").unwrap(), ["C outer", "Rust k::outer"]);
        assert_eq!(found("other-helper").unwrap(), ["Rust other_helper"]);
        assert_eq!(found("helper").unwrap(), ["C prim_helper"]);
    }

    #[test]
    fn a_wrong_name_is_answered_with_similar_ones() {
        let error = found("outre").unwrap_err().to_string();
        assert!(error.contains("no such function: outer"), "{error}");
        let error = found("er").unwrap_err().to_string();
        assert!(error.contains("several functions in C"), "{error}");
    }

    #[test]
    fn listings_stand_side_by_side_and_are_cut() {
        let two = [("C", "pushq %rbx\nret"), ("Rust", "ret")].map(|(heading, text)| Listing {
            heading: heading.to_string(),
            text: text.to_string(),
        });
        let whole = "C          | Rust\n           |\npushq %rbx | ret\nret        |\n";
        assert_eq!(beside(&two, None), whole);
        let narrow = beside(&two, Some(11));
        assert!(narrow.contains("\npush | ret\n"), "{narrow}");
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
