// SPDX-License-Identifier: GPL-2.0

//! Lines beside an anchor line, put in and taken out again.
//!
//! A file keeps its own line endings and its missing final newline; taking the lines out again
//! gives the bytes that were there before.

use memchr::memmem;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The side of the anchor line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Position {
    After,
    Before,
}

/// Lines of the overlay for one file of the kernel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Insertion {
    pub file: String,
    pub anchor: String,
    pub position: Position,
    pub lines: Vec<String>,
    pub purpose: String,
    /// The patch that has it, if that of its file has not.
    pub patch: Option<String>,
}

/// All insertions at one side of one anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub anchor: String,
    pub position: Position,
    pub lines: Vec<String>,
}

/// The insertions of one file, as they were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Form {
    pub insertions: usize,
    pub groups: Vec<Group>,
    /// Lines of them that the file of the kernel does not have: as long as one is there, somebody
    /// edited the insertions rather than removed them.
    pub marks: Vec<String>,
}

/// One line of a file: where its text begins and ends, and where the next line begins.
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

fn lines(bytes: &[u8]) -> Vec<Line> {
    let mut next = 0;
    let line = |text: &[u8]| {
        let start = next;
        next += text.len();
        let plain = text.strip_suffix(b"\n");
        let plain = plain.map_or(text, |text| text.strip_suffix(b"\r").unwrap_or(text));
        let end = start + plain.len();
        Line { start, end, next }
    };
    bytes.split_inclusive(|b| *b == b'\n').map(line).collect()
}

pub(crate) fn groups(insertions: &[&Insertion]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for &Insertion {
        ref anchor,
        position,
        ref lines,
        ..
    } in insertions.iter().copied()
    {
        let is_same = |g: &&mut Group| g.anchor == *anchor && g.position == position;
        match groups.iter_mut().find(is_same) {
            Some(group) => group.lines.extend(lines.iter().cloned()),
            None => groups.push(Group {
                anchor: anchor.clone(),
                position,
                lines: lines.clone(),
            }),
        }
    }
    groups
}

impl Form {
    pub fn new(insertions: &[&Insertion], base: &[u8]) -> Self {
        let groups = groups(insertions);
        let lines = groups.iter().flat_map(|g| &g.lines).map(|l| l.trim());
        let is_new =
            |line: &&str| !line.is_empty() && memmem::find(base, line.as_bytes()).is_none();
        Self {
            insertions: insertions.len(),
            marks: lines.filter(is_new).map(str::to_string).collect(),
            groups,
        }
    }
}

impl Group {
    fn anchors<'a>(&self, bytes: &[u8], lines: &'a [Line]) -> Vec<&'a Line> {
        let anchor = Regex::new(&self.anchor).expect("checked when it was read");
        let is_anchor =
            |l: &&Line| anchor.is_match(&String::from_utf8_lossy(&bytes[l.start..l.end]));
        lines.iter().filter(is_anchor).collect()
    }

    /// The lines for an anchor, each with its newline behind it or, after a last line that has
    /// none, before it.
    fn text(&self, bytes: &[u8], lines: &[Line], anchor: &Line, behind: bool) -> Vec<u8> {
        let endings = [anchor, &lines[0]].map(|l| &bytes[l.end..l.next]);
        let eol = endings.into_iter().find(|e| !e.is_empty()).unwrap_or(b"\n");
        let order = |line: &String| match behind {
            true => [line.as_bytes(), eol].concat(),
            false => [eol, line.as_bytes()].concat(),
        };
        self.lines.iter().flat_map(order).collect()
    }

    /// Where the lines are, if they stand beside this anchor.
    fn find(&self, bytes: &[u8], lines: &[Line], anchor: &Line) -> Option<Range<usize>> {
        let text = self.text(bytes, lines, anchor, true);
        let (before, after) = (&bytes[..anchor.start], &bytes[anchor.next..]);
        match self.position {
            Position::Before => {
                let start = before.len().checked_sub(text.len())?;
                (before[start..] == text).then_some(start..before.len())
            }
            Position::After if after.starts_with(&text) => {
                Some(anchor.next..anchor.next + text.len())
            }
            Position::After => {
                let text = self.text(bytes, lines, anchor, false);
                (bytes[anchor.end..] == text).then_some(anchor.end..bytes.len())
            }
        }
    }
}

/// The file with the lines in it, or the anchor that has no place and why.
pub(crate) fn put_in(base: &[u8], groups: &[Group]) -> Result<Vec<u8>, String> {
    let all = lines(base);
    let mut pieces = Vec::new();
    for group in groups {
        let hits = group.anchors(base, &all);
        let [line] = hits[..] else {
            let found = match hits.len() {
                0 => "not found".to_string(),
                n => format!("found {n} times instead of once"),
            };
            return Err(format!("anchor /{}/ {found}", group.anchor));
        };
        let (at, ended) = match group.position {
            Position::Before => (line.start, true),
            Position::After => (line.next, line.end < line.next),
        };
        pieces.push((at, group.position, group.text(base, &all, line, ended)));
    }
    pieces.sort_by_key(|(at, position, _)| (*at, *position));
    let mut out = Vec::new();
    let mut done = 0;
    for (at, _, text) in pieces {
        out.extend_from_slice(&base[done..at]);
        out.extend(text);
        done = at;
    }
    out.extend_from_slice(&base[done..]);
    let (found, without) = take_out(&out, groups);
    match found == groups.len() && without == base {
        true => Ok(out),
        false => Err("lines that could not be taken out again".to_string()),
    }
}

/// How many of the groups are in the file, and the file without them.
pub(crate) fn take_out(full: &[u8], groups: &[Group]) -> (usize, Vec<u8>) {
    let mut rest = full.to_vec();
    let mut found = 0;
    for group in groups {
        let all = lines(&rest);
        let anchors = group.anchors(&rest, &all).into_iter();
        let places: Vec<_> = anchors.filter_map(|a| group.find(&rest, &all, a)).collect();
        if let [place] = &places[..] {
            rest.drain(place.clone());
            found += 1;
        }
    }
    (found, rest)
}

/// The file of the kernel below the insertions, which are there in one of these forms or not at
/// all. `None` if somebody edited them.
pub(crate) fn base(full: &[u8], forms: &[Form]) -> Option<Vec<u8>> {
    let mut forms: Vec<&Form> = forms.iter().collect();
    forms.sort_by_key(|form| std::cmp::Reverse(form.groups.len()));
    let mut is_absent = true;
    for form in forms {
        let (found, rest) = take_out(full, &form.groups);
        let is_line = |mark: &String| {
            let mut all = lines(&rest).into_iter();
            all.any(|l| rest[l.start..l.end].trim_ascii() == mark.as_bytes())
        };
        if found == form.groups.len() && !form.marks.iter().any(is_line) {
            return Some(rest);
        }
        let is_there = |mark: &String| memmem::find(full, mark.as_bytes()).is_some();
        is_absent &= found == 0 && !form.marks.iter().any(is_there);
    }
    is_absent.then(|| full.to_vec())
}
