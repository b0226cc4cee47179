// SPDX-License-Identifier: GPL-2.0

//! Items of files in no language that is known here: lines.

use crate::{Item, Kind};

/// Each line by itself; one at the left margin also has the indented lines below it.
pub fn items(text: &str) -> Vec<Item> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        lines.push((start..start + line.len(), line));
        start += line.len();
    }
    let is_margin = |line: &str| line.starts_with(|c: char| !c.is_whitespace());
    let mut items: Vec<Item> = Vec::new();
    let mut above = None;
    for (n, (range, line)) in lines.iter().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let mut range = range.clone();
        if is_margin(line) {
            let below = lines[n + 1..].iter().take_while(|(_, l)| !is_margin(l));
            range.end = below.map(|(r, _)| r.end).last().unwrap_or(range.end);
            above = Some(items.len());
        }
        let parent = above.filter(|n| *n != items.len());
        let key = match parent {
            Some(parent) => format!("{}: {}", items[parent].key, line.trim()),
            None => line.trim().to_string(),
        };
        items.push(Item::new(key, Kind::Other, parent, range));
    }
    items
}
