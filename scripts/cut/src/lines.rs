// SPDX-License-Identifier: GPL-2.0

//! Takes ranges out of a text whose lines are formatted, so that those left are formatted, too.

use std::ops::Range;

/// The text without the ranges: no line that has become empty, and no two empty lines where there was one. Lines with a
/// marked byte end with the comment that keeps a list vertical.
pub fn without(text: &str, ranges: &[Range<usize>], marks: &[usize]) -> String {
    let is_out = |at: usize| ranges.iter().any(|range| range.contains(&at));
    let mut kept: Vec<String> = Vec::new();
    let mut after_cut = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let place = start..start + line.len();
        start = place.end;
        let touches = ranges
            .iter()
            .any(|r| r.start < place.end && r.end > place.start);
        let rest: String = match touches {
            false => line.to_string(),
            true => {
                let bytes = line.char_indices();
                let left = bytes.filter(|(at, _)| !is_out(place.start + at));
                left.map(|(_, c)| c).collect()
            }
        };
        let words = rest.trim();
        if touches && (words.is_empty() || words == "//") {
            after_cut = true;
            // The mark that keeps a list vertical goes to the line that is the last one now.
            let before = kept.iter_mut().rev().find(|line| !line.trim().is_empty());
            if let (true, Some(before)) = (words == "//", before) {
                if before.ends_with(",\n") {
                    before.truncate(before.len() - 1);
                    before.push_str(" //\n");
                }
            }
            continue;
        }
        let before = kept.last().map_or("", |line| line.trim());
        if after_cut && words.is_empty() && (before.is_empty() || before.ends_with('{')) {
            continue;
        }
        if after_cut && words.starts_with('}') && before.is_empty() {
            kept.pop();
        }
        after_cut &= words.is_empty();
        let is_marked = marks.iter().any(|mark| place.contains(mark));
        kept.push(match (is_marked && !words.ends_with("//"), touches) {
            (true, _) => format!("{} //\n", rest.trim_end()),
            (false, true) => format!("{}\n", rest.trim_end()),
            (false, false) => rest,
        });
    }
    if after_cut {
        while kept.last().is_some_and(|line| line.trim().is_empty()) {
            kept.pop();
        }
    }
    kept.concat()
}
