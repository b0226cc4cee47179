// SPDX-License-Identifier: GPL-2.0

//! Lines beside an anchor line, or in place of lines, put in and taken out again.
//!
//! A file keeps its own line endings and its missing final newline; taking the lines out again
//! gives the bytes that were there before.

use crate::git;
use crate::tree::Tree;
use memchr::memmem;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The side of the anchor line, or the place of this line and those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Position {
    After,
    Before,
    Instead,
}

/// Lines of the overlay for one file of the kernel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Insertion {
    pub file: String,
    pub anchor: String,
    pub position: Position,
    /// How many lines before the anchor are replaced, too.
    #[serde(default)]
    pub above: usize,
    /// The last line that is replaced: the first one that matches, from the anchor on. Without it, the anchor is.
    pub to: Option<String>,
    pub lines: Vec<String>,
    pub purpose: String,
    /// The patch that has it, if that of its file has not.
    pub patch: Option<String>,
    /// The first series of kernels that it is for.
    pub since: Option<String>,
    /// The first series that it is not for any longer.
    pub before: Option<String>,
}

/// All insertions at one side of one anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub anchor: String,
    pub position: Position,
    #[serde(default)]
    pub above: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub lines: Vec<String>,
    /// The text that was replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
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
        above,
        ref to,
        ref lines,
        ..
    } in insertions.iter().copied()
    {
        let is_same = |g: &&mut Group| (&g.anchor, g.position, &g.to) == (anchor, position, to);
        match groups.iter_mut().find(is_same) {
            Some(group) => group.lines.extend(lines.iter().cloned()),
            None => groups.push(Group {
                anchor: anchor.clone(),
                position,
                above,
                to: to.clone(),
                lines: lines.clone(),
                replaced: None,
            }),
        }
    }
    groups
}

impl Form {
    pub fn new(insertions: &[&Insertion], base: &[u8]) -> Self {
        let mut groups = groups(insertions);
        // Whoever puts them in says why one has no place.
        let _ = places(base, &mut groups);
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

    /// The last line that is replaced, of those from the anchor on.
    fn last_line<'a>(
        &self,
        bytes: &[u8],
        lines: &'a [Line],
        anchor: &'a Line,
    ) -> Result<&'a Line, String> {
        let Some(to) = &self.to else {
            return Ok(anchor);
        };
        let last = Regex::new(to).expect("checked when it was read");
        let is_last = |l: &&Line| {
            l.start >= anchor.start
                && last.is_match(&String::from_utf8_lossy(&bytes[l.start..l.end]))
        };
        let found = lines.iter().find(is_last);
        found.ok_or_else(|| format!("/{to}/ not found after anchor /{}/", self.anchor))
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
            Position::Instead => None,
        }
    }

    /// Where the lines may be.
    fn candidates(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let all = lines(bytes);
        if self.position != Position::Instead {
            let anchors = self.anchors(bytes, &all).into_iter();
            return anchors.filter_map(|a| self.find(bytes, &all, a)).collect();
        }
        let Some(first) = all.first() else {
            return Vec::new();
        };
        let text = self.text(bytes, &all, first, true);
        let begins_line = |at: &usize| *at == 0 || bytes[at - 1] == b'\n';
        let starts = memmem::find_iter(bytes, &text).filter(begins_line);
        let mut found: Vec<_> = starts.map(|at| at..at + text.len()).collect();
        // In place of the last line, which has no newline.
        let cut = unended(&text);
        if bytes.ends_with(cut) && begins_line(&(bytes.len() - cut.len())) {
            found.push(bytes.len() - cut.len()..bytes.len());
        }
        found
    }
}

/// Text without its last line end.
fn unended(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// A piece of a file that goes, and what comes there.
struct Piece {
    range: Range<usize>,
    position: Position,
    text: Vec<u8>,
}

/// The pieces of the groups, which get the text that they replace; or the anchor that has no place and why.
fn places(base: &[u8], groups: &mut [Group]) -> Result<Vec<Piece>, String> {
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
        let (range, ended) = match group.position {
            Position::Before => (line.start..line.start, true),
            Position::After => (line.next..line.next, line.end < line.next),
            Position::Instead => {
                let last = group.last_line(base, &all, line)?;
                let before = all.iter().rev().filter(|l| l.start < line.start);
                let first = before.take(group.above).last().unwrap_or(line);
                (first.start..last.next, true)
            }
        };
        let mut text = group.text(base, &all, line, ended);
        if group.position == Position::Instead {
            let old = &base[range.clone()];
            if !old.ends_with(b"\n") {
                text.truncate(unended(&text).len());
            }
            let old = std::str::from_utf8(old);
            let old = old.map_err(|_| format!("what follows /{}/ is not UTF-8", group.anchor))?;
            group.replaced = Some(old.to_string());
        }
        pieces.push(Piece {
            range,
            position: group.position,
            text,
        });
    }
    pieces.sort_by_key(|piece| (piece.range.start, piece.position));
    Ok(pieces)
}

/// The file with the lines in it, or the anchor that has no place and why.
pub(crate) fn put_in(base: &[u8], groups: &[Group]) -> Result<Vec<u8>, String> {
    let mut groups = groups.to_vec();
    let mut out = Vec::new();
    let mut done = 0;
    for Piece { range, text, .. } in places(base, &mut groups)? {
        let kept = base.get(done..range.start);
        out.extend_from_slice(kept.ok_or("replaced lines have another anchor in them")?);
        out.extend(text);
        done = range.end;
    }
    out.extend_from_slice(&base[done..]);
    let (found, without) = take_out(&out, &groups);
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
        if let [place] = &group.candidates(&rest)[..] {
            let replaced = group.replaced.as_deref().unwrap_or_default();
            rest.splice(place.clone(), replaced.bytes());
            found += 1;
        }
    }
    (found, rest)
}

/// The file of the kernel below the insertions, if git has put them there. Lines that were replaced are those of an earlier
/// commit.
pub(crate) fn base_by_git(
    tree: &Tree,
    path: &str,
    full: &[u8],
    insertions: &[&Insertion],
) -> anyhow::Result<Option<Vec<u8>>> {
    let groups = groups(insertions);
    let (found, base) = take_out(full, &groups);
    if found < groups.len() {
        return Ok(None);
    }
    if groups.iter().all(|g| g.position != Position::Instead) {
        return Ok(Some(base));
    }
    let earlier = git::earlier(&tree.root, path)?;
    // An anchor may match the line that takes the place of its own.
    let is_base =
        |base: &Vec<u8>| base != full && put_in(base, &groups).is_ok_and(|made| made == full);
    Ok(earlier.into_iter().find(is_base))
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
