// SPDX-License-Identifier: GPL-2.0

//! What was made of a function in each language, side by side.

use super::object::{Function, Instruction, Target, demangle};
use super::primitives::{At, Code, is_upstream};
use crate::page::Listing;
use anyhow::{Result, bail};
use rustix::termios::tcgetwinsize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, stdout};

/// The narrowest column that is of use; what does not fit beside the others comes below them.
const NARROWEST: usize = 40;
const BETWEEN: &str = " | ";

/// The listings of the functions that `wanted` names.
pub fn show(code: &Code, wanted: &str, width: Option<usize>) -> Result<String> {
    let columns = columns(code, wanted)?;
    Ok(beside(&columns, width))
}

/// The same for a page.
pub fn listings(code: &Code, wanted: &str) -> Result<Vec<Listing>> {
    let columns = columns(code, wanted)?.into_iter();
    Ok(columns
        .map(|column| Listing {
            heading: column.title,
            text: column.lines.join("\n"),
        })
        .collect())
}

/// How wide what we print may be: what the user says, else the terminal; without either as wide as it is.
pub fn width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|n| n.parse().ok());
    said.or_else(|| {
        let out = stdout();
        let size = out.is_terminal().then(|| tcgetwinsize(&out).ok())??;
        Some(usize::from(size.ws_col))
    })
    .filter(|width| *width > 0)
}

struct Column {
    title: String,
    lines: Vec<String>,
}

/// The functions of that name in all languages, a primitive's first of all.
fn columns(code: &Code, wanted: &str) -> Result<Vec<Column>> {
    let name = wanted.replace('-', "_");
    let primitive = format!("prim_{name}");
    let is = |test: &dyn Fn(&Function) -> bool| -> Vec<(&'static str, At)> {
        let c = code.c().map(|at| ("C", at));
        let rust = code.rust().map(|at| match is_upstream(at.function) {
            true => ("Rust, upstream's API", at),
            false => ("Rust", at),
        });
        c.chain(rust).filter(|(_, at)| test(at.function)).collect()
    };
    let mut found = is(&|f| f.last_name() == primitive);
    if found.is_empty() {
        found = is(&|f| f.name == name || f.last_name() == name || f.path() == wanted);
    }
    if found.is_empty() {
        found = is(&|f| f.path().contains(wanted) || f.path().contains(&name));
    }
    // One function can be in several objects.
    let mut languages: BTreeMap<&str, BTreeMap<String, At>> = BTreeMap::new();
    for (language, at) in found {
        let paths = languages.entry(language).or_default();
        paths.entry(at.function.path()).or_insert(at);
    }
    if languages.is_empty() {
        let near = near(&name, code).join(", ");
        bail!("FUNC={wanted}: no such function: {near} come near");
    }
    let mut columns = Vec::new();
    for (language, paths) in languages {
        if paths.len() > 1 {
            let all: Vec<&str> = paths.keys().take(12).map(String::as_str).collect();
            let more = match paths.len().saturating_sub(all.len()) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            bail!(
                "FUNC={wanted}: several are called so in {language}: take one of {}{more}",
                all.join(", ")
            );
        }
        columns.extend(paths.into_iter().map(|(path, at)| Column {
            title: format!("{language}: {path}"),
            lines: listing(at),
        }));
    }
    Ok(columns)
}

/// The names that are most like one.
fn near(name: &str, code: &Code) -> Vec<String> {
    let names: BTreeSet<String> = code
        .c()
        .chain(code.rust())
        .map(|at| at.function.last_name())
        .map(|last| {
            last.strip_prefix("prim_")
                .map_or(last.clone(), str::to_string)
        })
        .collect();
    let mut ranked: Vec<(f64, String)> = names
        .into_iter()
        .map(|other| (strsim::jaro_winkler(name, &other), other))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().take(5).map(|(_, name)| name).collect()
}

/// A function's instructions, with labels in place of addresses and names in place of relocations.
fn listing(at: At) -> Vec<String> {
    let function = at.function;
    let targets: BTreeSet<u64> = function
        .code
        .iter()
        .filter_map(|i| match i.target {
            Some(Target::Inside(to)) => Some(to),
            _ => None,
        })
        .collect();
    let labels: BTreeMap<u64, usize> = targets.into_iter().zip(1..).collect();
    let mut lines: Vec<String> = function
        .code
        .iter()
        .map(|i| {
            let label = labels.get(&i.at).map_or(String::new(), |n| format!("{n}:"));
            format!("{label:4}{}", operands(i, &labels))
        })
        .collect();
    lines.push(String::new());
    lines.push(format!("{} instructions", function.code.len()));
    let ours = at.reach();
    for other in &ours[1..] {
        let (count, path) = (other.function.code.len(), other.function.path());
        lines.push(format!("and {count} of {path}"));
    }
    lines
}

fn operands(i: &Instruction, labels: &BTreeMap<u64, usize>) -> String {
    let word = i.text.split(' ').take_while(|word| !is_operand(word));
    let word = word.collect::<Vec<_>>().join(" ");
    match &i.target {
        Some(Target::Return) => "ret".to_string(),
        Some(Target::Inside(to)) => format!("{word} {}", labels[to]),
        Some(Target::Symbol(name)) => format!("{word} {}", demangle(name)),
        Some(Target::Patched) => format!("{word} (patched)"),
        Some(Target::Computed) | None => named(i),
    }
}

fn is_operand(word: &str) -> bool {
    word.starts_with(['%', '$', '*', '(', '-']) || word.starts_with(|c: char| c.is_ascii_digit())
}

/// An instruction with what its relocations name where they are put in.
fn named(i: &Instruction) -> String {
    let mut text = i.text.clone();
    for reference in &i.refers {
        let places = [
            ("(%rip)", format!("{reference}(%rip)")),
            ("$0", format!("${reference}")),
        ];
        match places.iter().find(|(place, _)| text.contains(place)) {
            Some((place, name)) => text = text.replacen(place, name, 1),
            None => text += &format!(" # {reference}"),
        }
    }
    text
}

/// Columns beside each other where there is room, the others below.
fn beside(columns: &[Column], width: Option<usize>) -> String {
    let fit = match width {
        None => columns.len(),
        Some(width) => ((width + BETWEEN.len()) / (NARROWEST + BETWEEN.len())).max(1),
    };
    // Two languages belong together even where it is narrow.
    let fit = fit.max(2).min(columns.len());
    let mut text = String::new();
    for (number, group) in columns.chunks(fit).enumerate() {
        if number > 0 {
            text.push('\n');
        }
        let each = width.map(|w| (w + BETWEEN.len()) / group.len() - BETWEEN.len());
        let cut = |line: &str| match each {
            Some(each) if line.chars().count() > each => line
                .chars()
                .take(each.saturating_sub(1))
                .chain(['…'])
                .collect(),
            _ => line.to_string(),
        };
        let blocks: Vec<Vec<String>> = group.iter().map(|c| c.fitted(&cut)).collect();
        let widths: Vec<usize> = blocks
            .iter()
            .map(|b| b.iter().map(|l| l.chars().count()).max().unwrap_or(0))
            .collect();
        let rows = blocks.iter().map(Vec::len).max().unwrap_or(0);
        for row in 0..rows {
            let cells: Vec<String> = blocks
                .iter()
                .zip(&widths)
                .map(|(block, width)| {
                    let line = block.get(row).map_or("", |line| line);
                    format!("{line:width$}")
                })
                .collect();
            text += cells.join(BETWEEN).trim_end();
            text.push('\n');
        }
    }
    text
}

impl Column {
    fn fitted(&self, cut: &impl Fn(&str) -> String) -> Vec<String> {
        let title = cut(&self.title);
        let rule = "-".repeat(title.chars().count());
        let lines = self.lines.iter().map(|line| cut(line));
        [title, rule].into_iter().chain(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::{Object, tests::LISTING};
    use super::*;

    fn code() -> Code {
        let other = LISTING
            .replace("outer", "_RNvCs1_1k5outer")
            .replace("helper", "other_helper");
        Code::of(vec![Object::parse(LISTING)], vec![Object::parse(&other)])
    }

    #[test]
    fn both_languages_stand_side_by_side() {
        let text = show(&code(), "outer", None).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let titles: Vec<&str> = lines[0].split('|').map(str::trim).collect();
        assert_eq!(titles, ["C: outer", "Rust: k::outer"]);
        assert!(
            lines[4].starts_with("    callq helper ") && lines[4].ends_with("callq other_helper")
        );
        assert!(lines[5].starts_with("    je 1 "), "{text}");
        assert!(lines[8].starts_with("1:  movl $1, count(%rip)"), "{text}");
        assert!(text.contains("11 instructions"), "{text}");
        assert!(text.contains("and 2 of helper"), "{text}");
        let narrow = show(&code(), "outer", Some(30)).unwrap();
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 30),
            "{narrow}"
        );
        assert!(narrow.contains('…'), "{narrow}");
    }

    #[test]
    fn what_has_no_twin_is_shown_alone() {
        let text = show(&code(), "other-helper", None).unwrap();
        assert!(text.starts_with("Rust: other_helper\n"), "{text}");
        assert!(!text.contains('|'), "{text}");
    }

    #[test]
    fn a_name_that_is_wrong_is_answered_with_those_near() {
        let error = show(&code(), "outre", None).unwrap_err().to_string();
        assert!(error.contains("no such function: outer"), "{error}");
        let error = show(&code(), "er", None).unwrap_err().to_string();
        assert!(error.contains("several"), "{error}");
    }
}
