// SPDX-License-Identifier: GPL-2.0

//! The call sites in C source.
//!
//! A site is a call, a function that is named as an operation or an argument, or an assignment to a member. Declarations,
//! definitions, exports and members with the name of a function are none. There is no parser: a name is declared if a type
//! comes before it.

use crate::{calls, strip};
use anyhow::{Context, Result};
use memchr::memmem::Finder;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use walkdir::WalkDir;

/// A call site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Site {
    /// The path in the kernel tree.
    pub file: String,
    pub line: usize,
    /// The C function that has the call.
    pub function: Option<String>,
    /// The group of calls in the report.
    pub group: &'static str,
    /// The name with its arguments, or the member with what is assigned to it.
    pub call: String,
}

/// The sites in directories of a kernel tree, by file and line.
pub fn tree(tree: &Path, directories: &[&str]) -> Result<Vec<Site>> {
    let mut files = Vec::new();
    for directory in directories {
        for entry in WalkDir::new(tree.join(directory)) {
            let entry = entry.context("the kernel tree cannot be read")?;
            let extension = entry.path().extension().and_then(|text| text.to_str());
            if entry.file_type().is_file() && matches!(extension, Some("c" | "h")) {
                files.push(entry.into_path());
            }
        }
    }
    let finders: Vec<Finder> = calls::NEEDLES.iter().map(Finder::new).collect();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut sites = thread::scope(|scope| -> Result<Vec<Site>> {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                let files = files.iter().skip(first).step_by(threads);
                let finders = &finders;
                scope.spawn(move || some_files(tree, files, finders))
            })
            .collect();
        let mut sites = Vec::new();
        for worker in workers {
            sites.extend(worker.join().expect("no panic")?);
        }
        Ok(sites)
    })?;
    sites.sort();
    Ok(sites)
}

fn some_files<'a>(
    tree: &Path,
    files: impl Iterator<Item = &'a PathBuf>,
    finders: &[Finder],
) -> Result<Vec<Site>> {
    let mut sites = Vec::new();
    for path in files {
        let source = fs::read(path);
        let source = source.with_context(|| format!("{}: cannot be read", path.display()))?;
        if finders.iter().any(|finder| finder.find(&source).is_some()) {
            let name = path.strip_prefix(tree).unwrap_or(path).display();
            sites.extend(file(&name.to_string(), &source));
        }
    }
    Ok(sites)
}

/// Keywords after which a name is a call.
const KEYWORDS: [&str; 7] = ["return", "else", "do", "case", "goto", "sizeof", "typeof"];

/// The sites in a file.
pub fn file(name: &str, source: &[u8]) -> Vec<Site> {
    let code = String::from_utf8_lossy(&strip::code(source)).into_owned();
    let mut sites = Vec::new();
    let mut at = 0;
    while let Some((start, word)) = next_word(&code, at) {
        at = start + word.len();
        let before = code[..start].trim_end();
        let after = &code[at..];
        if let Some((group, call)) = site(before, word, after) {
            sites.push(Site {
                file: name.to_string(),
                line: 1 + code[..start].matches('\n').count(),
                function: function(&code[..start]),
                group,
                call,
            });
        }
    }
    sites
}

/// The group and the text of a site, if this word is one.
fn site(before: &str, word: &str, after: &str) -> Option<(&'static str, String)> {
    let parent = before.strip_suffix("->").or(before.strip_suffix('.'));
    if let Some(parent) = parent {
        let group = calls::member(word, last_word(parent.trim_end()))?;
        return Some((group, assignment(word, after)?));
    }
    let group = calls::function(word)?;
    let previous = last_word(before);
    let is_declared =
        before.ends_with('*') || !(previous.is_empty() || KEYWORDS.contains(&previous));
    let export = before.strip_suffix('(').map(str::trim_end).map(last_word);
    if is_declared || export.is_some_and(|word| word.starts_with("EXPORT_SYMBOL")) {
        return None;
    }
    let arguments = after.trim_start();
    let call = match arguments.starts_with('(') {
        true => format!("{word}{}", one_line(parenthesised(arguments))),
        false => word.to_string(),
    };
    Some((group, call))
}

/// `member = value`, or with the operator that changes it.
fn assignment(member: &str, after: &str) -> Option<String> {
    // pgprot_val(vma->vm_page_prot) = ...
    let after = after.trim_start();
    let after = after.strip_prefix(')').unwrap_or(after).trim_start();
    const OPERATORS: [&str; 11] = [
        "=", "+=", "-=", "|=", "&=", "^=", "<<=", ">>=", "*=", "++", "--",
    ];
    let mut operators = OPERATORS.iter();
    let operator = operators.find(|operator| after.starts_with(**operator))?;
    let value = &after[operator.len()..];
    if *operator == "=" && value.starts_with('=') {
        return None;
    }
    let end = value.find(';').unwrap_or(value.len());
    let text = format!("{member} {operator} {}", one_line(&value[..end]));
    Some(text.trim_end().to_string())
}

/// The C function in which a text ends. Braces in the first column begin and end functions.
fn function(before: &str) -> Option<String> {
    let start = before.rfind("\n{")?;
    if before[start..].contains("\n}") {
        return None;
    }
    let head = &before[..start];
    let first = head.rfind([';', '}']).map_or(0, |at| at + 1);
    let head = &head[first..];
    let name = last_word(head[..head.find('(')?].trim_end());
    (!name.is_empty()).then(|| name.to_string())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The first word from a position on, unless it is a number.
fn next_word(text: &str, from: usize) -> Option<(usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| is_word(*byte))?;
        let length = bytes[at..]
            .iter()
            .take_while(|byte| is_word(**byte))
            .count();
        if !bytes[at].is_ascii_digit() {
            return Some((at, &text[at..at + length]));
        }
        at += length;
    }
}

/// The word at the end of a text, or nothing.
fn last_word(text: &str) -> &str {
    let bytes = text.as_bytes().iter().rev();
    let length = bytes.take_while(|byte| is_word(**byte)).count();
    &text[text.len() - length..]
}

/// A text up to the parenthesis that closes its first one.
fn parenthesised(text: &str) -> &str {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => (),
        }
        if depth == 0 {
            return &text[..=at];
        }
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
