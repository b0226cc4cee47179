// SPDX-License-Identifier: GPL-2.0

//! Lines put beside an anchor line, as operations on bytes: where they go, and how to get the
//! original back.
//!
//! A file keeps its own line endings and its missing final newline; taking the lines out again
//! gives the bytes that were there before.

use memchr::memmem;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};

/// On which side of the anchor line the new lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Position {
    After,
    Before,
}

/// Lines of ours for one file of the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Insertion {
    pub file: String,
    pub anchor: Regex,
    pub position: Position,
    pub lines: Vec<String>,
    /// The patch that brings it, where its file alone does not say.
    pub patch: Option<String>,
}

/// Bytes added to a file, all insertions that meet at one place together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Piece {
    /// Where in the original file.
    pub offset: usize,
    pub text: String,
    /// Lines of it that the original file has nowhere: while one of them is still there, the
    /// piece has not been taken out by somebody else.
    pub marks: Vec<String>,
}

/// Why an insertion has no place in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub anchor: String,
    /// How many lines the anchor matches: not one.
    pub matches: usize,
}

/// What looking for our pieces in an edited file gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// All found; the file without them.
    Removed(Vec<u8>),
    /// None left.
    Absent,
    /// Some found, or found changed, or found more than once.
    Unclear,
}

/// One line of a file: where its text begins and ends, and where the next line begins.
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

fn lines(bytes: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let newline = bytes[start..].iter().position(|&b| b == b'\n');
        let next = newline.map_or(bytes.len(), |at| start + at + 1);
        let mut end = newline.map_or(bytes.len(), |at| start + at);
        if newline.is_some() && end > start && bytes[end - 1] == b'\r' {
            end -= 1;
        }
        lines.push(Line { start, end, next });
        start = next;
    }
    lines
}

/// One insertion with its place and the exact bytes it adds.
pub(crate) struct Placed {
    offset: usize,
    position: Position,
    text: String,
}

/// Finds the place of every insertion in a file, in the order of the file.
pub(crate) fn place(bytes: &[u8], insertions: &[&Insertion]) -> Result<Vec<Placed>, Misfit> {
    let lines = lines(bytes);
    let ending = |line: &Line| &bytes[line.end..line.next];
    let usual_ending = lines
        .first()
        .map(ending)
        .filter(|e| !e.is_empty())
        .unwrap_or(b"\n");
    let mut known: Vec<(&str, &Line)> = Vec::new();
    let mut placed = Vec::new();
    for insertion in insertions {
        let anchor = insertion.anchor.as_str();
        let line = match known.iter().find(|(a, _)| *a == anchor) {
            Some((_, line)) => line,
            None => anchor_line(bytes, &lines, insertion)?,
        };
        known.push((anchor, line));
        let own = ending(line);
        let eol = if own.is_empty() { usual_ending } else { own };
        let eol = std::str::from_utf8(eol).expect("line endings are ASCII");
        let (offset, text) = match insertion.position {
            Position::Before => (line.start, ended(&insertion.lines, eol)),
            Position::After if own.is_empty() => (line.next, begun(&insertion.lines, eol)),
            Position::After => (line.next, ended(&insertion.lines, eol)),
        };
        placed.push(Placed {
            offset,
            position: insertion.position,
            text,
        });
    }
    placed.sort_by_key(|p| p.offset);
    Ok(placed)
}

fn anchor_line<'a>(
    bytes: &[u8],
    lines: &'a [Line],
    insertion: &Insertion,
) -> Result<&'a Line, Misfit> {
    let text = |l: &Line| String::from_utf8_lossy(&bytes[l.start..l.end]);
    let hits: Vec<&Line> = lines
        .iter()
        .filter(|l| insertion.anchor.is_match(&text(l)))
        .collect();
    match hits[..] {
        [line] => Ok(line),
        _ => Err(Misfit {
            anchor: insertion.anchor.as_str().to_string(),
            matches: hits.len(),
        }),
    }
}

fn ended(lines: &[String], eol: &str) -> String {
    lines.iter().flat_map(|line| [line, eol]).collect()
}

fn begun(lines: &[String], eol: &str) -> String {
    lines.iter().flat_map(|line| [eol, line]).collect()
}

/// What the insertions add to the original file they were placed in.
pub(crate) fn pieces(base: &[u8], placed: Vec<Placed>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for Placed { offset, text, .. } in placed {
        match pieces.last_mut().filter(|last| last.offset == offset) {
            Some(last) => last.text.push_str(&text),
            None => pieces.push(Piece {
                offset,
                text,
                marks: Vec::new(),
            }),
        }
    }
    for piece in &mut pieces {
        let lines = piece.text.lines().map(str::trim);
        let marks =
            lines.filter(|line| !line.is_empty() && memmem::find(base, line.as_bytes()).is_none());
        piece.marks = marks.map(str::to_string).collect();
    }
    pieces
}

/// In how many of their places the insertions are in the file already, and how many places they have.
pub(crate) fn already_there(bytes: &[u8], placed: &[Placed]) -> (usize, usize) {
    let groups: Vec<&[Placed]> = placed
        .chunk_by(|a, b| (a.offset, a.position) == (b.offset, b.position))
        .collect();
    let there = groups.iter().filter(|group| {
        let text: String = group.iter().map(|p| p.text.as_str()).collect();
        match group[0].position {
            Position::After => bytes[group[0].offset..].starts_with(text.as_bytes()),
            Position::Before => bytes[..group[0].offset].ends_with(text.as_bytes()),
        }
    });
    (there.count(), groups.len())
}

/// The original file with the pieces in.
pub(crate) fn insert(base: &[u8], pieces: &[Piece]) -> Vec<u8> {
    let mut out =
        Vec::with_capacity(base.len() + pieces.iter().map(|p| p.text.len()).sum::<usize>());
    let mut done = 0;
    for piece in pieces {
        out.extend_from_slice(&base[done..piece.offset]);
        out.extend_from_slice(piece.text.as_bytes());
        done = piece.offset;
    }
    out.extend_from_slice(&base[done..]);
    out
}

/// The file without its pieces, each exactly where [`insert`] put it.
pub(crate) fn remove(full: &[u8], pieces: &[Piece]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(full.len());
    let mut done = 0;
    let mut before = 0;
    for piece in pieces {
        let start = piece.offset.checked_add(before)?;
        let end = start.checked_add(piece.text.len())?;
        if start < done || full.get(start..end)? != piece.text.as_bytes() {
            return None;
        }
        out.extend_from_slice(&full[done..start]);
        done = end;
        before += piece.text.len();
    }
    out.extend_from_slice(&full[done..]);
    Some(out)
}

/// The file without its pieces, wherever they are now: for a file that was edited in other places.
pub(crate) fn search(full: &[u8], pieces: &[Piece]) -> Search {
    let mut rest = full.to_vec();
    let mut found = 0;
    for piece in pieces {
        let text = piece.text.as_bytes();
        let whole_lines = |&at: &usize| match text.ends_with(b"\n") {
            true => at == 0 || rest[at - 1] == b'\n',
            // Put after a last line that had no newline: it begins with one instead.
            false => matches!(rest.get(at + text.len()), None | Some(b'\n' | b'\r')),
        };
        let places: Vec<usize> = memmem::find_iter(&rest, text).filter(whole_lines).collect();
        match places[..] {
            [at] => {
                rest.drain(at..at + text.len());
                found += 1;
            }
            [] => {}
            _ => return Search::Unclear,
        }
    }
    let marked = |p: &Piece| {
        p.marks.is_empty()
            || p.marks
                .iter()
                .any(|m| memmem::find(full, m.as_bytes()).is_some())
    };
    if found == pieces.len() {
        Search::Removed(rest)
    } else if found == 0 && !pieces.iter().any(marked) {
        Search::Absent
    } else {
        Search::Unclear
    }
}
