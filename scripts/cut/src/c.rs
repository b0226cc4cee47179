// SPDX-License-Identifier: GPL-2.0

//! Items of C files: functions.

use crate::{Item, Kind};

/// The functions, each with the comment above it. Directives are no part of them.
pub fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let (mut at, mut start) = (0, None);
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let words = line.trim_end();
        let is_outside = words.is_empty() || words.starts_with('#');
        match start {
            None if !is_outside => start = Some(at),
            // A function has empty lines, too, but no other line that begins with a brace.
            Some(first) if words == "}" => {
                if let Some(name) = name(&text[first..end]) {
                    items.push(Item {
                        name: Some(name.clone()),
                        ..Item::new(name, Kind::Other, None, first..end)
                    });
                }
                start = None;
            }
            // Something else: a comment or a declaration by itself.
            Some(first) if is_outside && !text[first..at].contains("\n{") => start = None,
            _ => {}
        }
        at = end;
    }
    items
}

/// The name before the parenthesis of a definition, as Rust has it.
fn name(text: &str) -> Option<String> {
    let body = text.find("\n{")?;
    let head = &text[..body];
    let head = head.rfind("*/").map_or(head, |end| &head[end + 2..]);
    let before = head.split('(').next()?;
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let name = before.trim_end().rsplit(|c| !is_name(c)).next()?;
    let name = name.strip_prefix("rust_helper_").unwrap_or(name);
    (!name.is_empty()).then(|| name.to_string())
}

/// Without conditions that have nothing in them.
pub fn tidied(text: String) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    loop {
        let is = |line: &str, words: &[&str]| {
            words.iter().any(|word| line.trim_start().starts_with(word))
        };
        let mut pair = None;
        let mut open: Option<usize> = None;
        for (n, line) in lines.iter().enumerate() {
            if is(line, &["#if"]) {
                open = Some(n);
            } else if is(line, &["#endif"]) {
                if let Some(first) = open {
                    pair = Some((first, n));
                    break;
                }
            } else if !is(line, &["#else"]) && !line.trim().is_empty() {
                open = None;
            }
        }
        let Some((first, last)) = pair else {
            break;
        };
        lines.drain(first..=last);
        let blank = |n: usize| lines.get(n).is_none_or(|line| line.trim().is_empty());
        if first > 0 && blank(first - 1) && blank(first) {
            if first < lines.len() {
                lines.remove(first);
            } else {
                lines.remove(first - 1);
            }
        }
    }
    // No empty line before the end of a condition.
    let mut kept: Vec<&str> = Vec::new();
    for line in lines {
        if line.starts_with("#endif") && kept.last().is_some_and(|l| l.trim().is_empty()) {
            kept.pop();
        }
        kept.push(line);
    }
    kept.concat()
}
