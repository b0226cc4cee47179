// SPDX-License-Identifier: GPL-2.0

//! One case: the reasons for which its misuse must not compile, and what it asks of the kernel.

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A case's annotations.
#[derive(Debug)]
pub(crate) struct CaseFile {
    /// The explanation of the misuse, from the `//!` lines.
    pub shows: String,
    pub reasons: Vec<Reason>,
    /// `//@never: "text"`: what no diagnostic of the misuse may say.
    pub never: Vec<String>,
    /// Options such as `CONFIG_SMP`, or `!CONFIG_SMP` for its absence.
    pub needs: Vec<String>,
    /// Every option it mentions.
    pub options: BTreeSet<String>,
}

/// `//~ E0277 "text"`: an error that the misuse has to cause.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub line: usize,
    /// The code, the lint's name, or `error` where rustc gives none.
    pub code: String,
    /// Part of what rustc says in that diagnostic.
    pub text: String,
}

impl CaseFile {
    pub fn read(path: &Path) -> Result<Self> {
        let source = fs::read_to_string(path).context("cannot be read as text")?;
        Self::parse(&source)
    }

    pub fn parse(source: &str) -> Result<Self> {
        let (mut reasons, mut needs, mut never) = (Vec::new(), Vec::new(), Vec::new());
        for (number, line) in (1..).zip(source.lines()) {
            if let Some(list) = line.trim().strip_prefix("//@needs:") {
                let options: Vec<String> = list
                    .split([',', ' '])
                    .filter(|o| !o.is_empty())
                    .map(str::to_string)
                    .collect();
                let well_formed = |o: &String| o.trim_start_matches('!').starts_with("CONFIG_");
                ensure!(
                    !options.is_empty() && options.iter().all(well_formed),
                    "line {number}: //@needs: CONFIG_NAME was expected"
                );
                needs.extend(options);
                continue;
            }
            if let Some(quoted) = line.trim().strip_prefix("//@never:") {
                let text = unquote(quoted.trim()).filter(|text| !text.trim().is_empty());
                never.push(
                    text.with_context(|| {
                        format!("line {number}: //@never: \"text\" was expected")
                    })?,
                );
                continue;
            }
            for annotation in line.split("//~").skip(1) {
                reasons.push(reason(annotation, number)?);
            }
        }
        ensure!(
            source.lines().any(|l| l.starts_with("//! ")),
            "has no //! line that says what is wrong and which lock is right"
        );
        ensure!(
            !reasons.is_empty(),
            "names no reason: //~ CODE \"text\" at the end of a line that must not compile"
        );
        Ok(Self {
            shows: shows(source),
            reasons,
            never,
            needs,
            options: options(source),
        })
    }

    /// The expectation for code that is not a case: no diagnostics.
    pub fn of_an_example(source: &str) -> Self {
        Self {
            shows: String::new(),
            reasons: Vec::new(),
            never: Vec::new(),
            needs: Vec::new(),
            options: options(source),
        }
    }
}

fn shows(source: &str) -> String {
    let lines = source.lines().filter_map(|l| l.strip_prefix("//! "));
    lines.collect::<Vec<_>>().join(" ")
}

fn options(source: &str) -> BTreeSet<String> {
    let words = source.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|w| w.starts_with("CONFIG_"))
        .map(str::to_string)
        .collect()
}

fn reason(annotation: &str, number: usize) -> Result<Reason> {
    let up = annotation.bytes().take_while(|b| *b == b'^').count();
    let rest = annotation[up..].trim();
    let parts = rest.split_once(' ').map(|(code, text)| (code, text.trim()));
    let Some((code, text)) = parts.and_then(|(code, text)| Some((code, unquote(text)?))) else {
        bail!("line {number}: //~ CODE \"text\" was expected instead of //~{annotation}");
    };
    ensure!(
        !text.trim().is_empty(),
        "line {number}: a reason without text would fit every error"
    );
    ensure!(
        up < number,
        "line {number}: //~{annotation} points above the file"
    );
    Ok(Reason {
        line: number - up,
        code: code.to_string(),
        text,
    })
}

/// A string as Rust writes it, of which only `\"` and `\\` are escapes.
fn unquote(quoted: &str) -> Option<String> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(chars.next()?),
            '"' => return None,
            _ => text.push(c),
        }
    }
    Some(text)
}
