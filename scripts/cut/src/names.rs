// SPDX-License-Identifier: GPL-2.0

//! The names in a piece of code.

use std::collections::BTreeSet;

/// All identifiers of a text, but not those in its comments and strings.
pub fn mentioned(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let line = match line.trim_start() {
            line if line.starts_with("//") => continue,
            line => line,
        };
        let line = line.split(" //").next().unwrap_or(line);
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        names.extend(words.filter(|word| !word.is_empty()));
    }
    names
}
