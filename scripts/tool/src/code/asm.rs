// SPDX-License-Identifier: GPL-2.0

//! Listings of a function in each language, by llvm-objdump.

use super::primitives::{At, Code, is_upstream};
use crate::kbuild::Kernel;
use crate::objcode;
use crate::page::Listing;
use anyhow::{Result, bail};
use rustix::termios::tcgetwinsize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, stdout};

const BETWEEN: &str = " | ";

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

/// The listings of the functions that `wanted` names, one for each language.
pub fn listings(kernel: &Kernel, code: &Code, wanted: &str) -> Result<Vec<Listing>> {
    let found = find(code, wanted)?.into_iter();
    found
        .map(|(language, at)| {
            let mut lines = objcode::disassemble(kernel, at.file(), at.function)?;
            lines.push(format!("\n{} instructions", at.function.code.len()));
            for other in &at.reach()[1..] {
                let (count, path) = (other.function.code.len(), other.function.path());
                lines.push(format!("and {count} of {path}"));
            }
            Ok(Listing {
                heading: format!("{language}: {}", at.function.path()),
                text: lines.join("\n"),
            })
        })
        .collect()
}

/// The function of that name in each language. The name is that of a primitive, else of a function, else part of one.
fn find<'a>(code: &'a Code, wanted: &str) -> Result<Vec<(&'static str, At<'a>)>> {
    let name = wanted.replace('-', "_");
    let primitive = format!("prim_{name}");
    let is = |test: &dyn Fn(&str, &str) -> bool| -> BTreeMap<&'static str, BTreeMap<String, At>> {
        let c = code.c().map(|at| ("C", at));
        let rust = code.rust().map(|at| match is_upstream(at.function) {
            true => ("Rust, upstream's API", at),
            false => ("Rust", at),
        });
        let mut found = BTreeMap::new();
        for (language, at) in c.chain(rust) {
            let path = at.function.path();
            if test(&at.function.last_name(), &path) {
                // One function can be in several objects.
                let paths: &mut BTreeMap<_, _> = found.entry(language).or_default();
                paths.entry(path).or_insert(at);
            }
        }
        found
    };
    let mut found = is(&|last, _| last == primitive);
    if found.is_empty() {
        found = is(&|last, path| last == name || path == name || path == wanted);
    }
    if found.is_empty() {
        found = is(&|_, path| path.contains(wanted) || path.contains(&name));
    }
    if found.is_empty() {
        let near = near(&name, code).join(", ");
        bail!("FUNC={wanted}: no such function: {near} are similar");
    }
    let mut all = Vec::new();
    for (language, paths) in found {
        if paths.len() > 1 {
            let names: Vec<&str> = paths.keys().take(12).map(String::as_str).collect();
            let more = match paths.len().saturating_sub(names.len()) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            bail!(
                "FUNC={wanted}: several functions in {language}: name one of {}{more}",
                names.join(", ")
            );
        }
        all.extend(paths.into_values().map(|at| (language, at)));
    }
    Ok(all)
}

/// The names that are most similar to one.
fn near(name: &str, code: &Code) -> Vec<String> {
    let names: BTreeSet<String> = code
        .c()
        .chain(code.rust())
        .map(|at| {
            at.function
                .last_name()
                .trim_start_matches("prim_")
                .to_string()
        })
        .collect();
    let mut ranked: Vec<String> = names.into_iter().collect();
    ranked.sort_by(|a, b| strsim::jaro_winkler(name, b).total_cmp(&strsim::jaro_winkler(name, a)));
    ranked.truncate(5);
    ranked
}

/// Listings side by side, each cut to its share of the width.
pub fn beside(listings: &[Listing], width: Option<usize>) -> String {
    let columns: Vec<Vec<&str>> = listings
        .iter()
        .map(|l| {
            [l.heading.as_str(), ""]
                .into_iter()
                .chain(l.text.lines())
                .collect()
        })
        .collect();
    let longest = columns
        .iter()
        .flatten()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    let each = match width {
        Some(width) => (width + BETWEEN.len()) / columns.len() - BETWEEN.len(),
        None => longest,
    };
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for row in 0..rows {
        let cell = |column: &Vec<&str>| format!("{:each$.each$}", column.get(row).unwrap_or(&""));
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
        let code = Code::of(
            vec![object(&[("outer", &[RET]), ("prim_helper", &[RET])])],
            vec![object(&[
                ("_RNvCs1_1k5outer", &[RET]),
                ("other_helper", &[RET]),
            ])],
        );
        let found = find(&code, wanted)?.into_iter();
        Ok(found
            .map(|(language, at)| format!("{language} {}", at.function.path()))
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
        let listing = |heading: &str, text: &str| Listing {
            heading: heading.to_string(),
            text: text.to_string(),
        };
        let two = [listing("C", "pushq %rbx\nret"), listing("Rust", "ret")];
        let whole = beside(&two, None);
        assert_eq!(
            whole,
            "C          | Rust\n           |\npushq %rbx | ret\nret        |\n"
        );
        let narrow = beside(&two, Some(11));
        assert!(narrow.contains("\npush | ret\n"), "{narrow}");
    }
}
