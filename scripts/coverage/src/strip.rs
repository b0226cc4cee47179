// SPDX-License-Identifier: GPL-2.0

//! C source without what is no code: comments, the contents of strings and preprocessor directives become spaces, so
//! that positions and lines stay.

/// The code of a C file.
pub fn code(source: &[u8]) -> Vec<u8> {
    let mut text = source.to_vec();
    comments_and_strings(&mut text);
    directives(&mut text);
    text
}

fn blank(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

fn comments_and_strings(text: &mut [u8]) {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(b"//") {
            let end = at + line_end(rest);
            blank(&mut text[at..end]);
            at = end;
        } else if rest.starts_with(b"/*") {
            let length = find(&rest[2..], b"*/").map_or(rest.len(), |end| end + 4);
            blank(&mut text[at..at + length]);
            at += length;
        } else if let quote @ (b'"' | b'\'') = rest[0] {
            match quoted(&rest[1..], quote) {
                Some(length) => {
                    blank(&mut text[at + 1..at + 1 + length]);
                    at += length + 2;
                }
                // An apostrophe, of an #error for example.
                None => at += 1,
            }
        } else {
            at += 1;
        }
    }
}

/// The length of the contents of a string or a character, unless the line ends before.
fn quoted(text: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'\n' => return None,
            byte if byte == quote => return Some(at),
            _ => at += 1,
        }
    }
    None
}

fn directives(text: &mut [u8]) {
    let mut at = 0;
    while at < text.len() {
        let end = at + line_end(&text[at..]);
        let first = text[at..end]
            .iter()
            .find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'#') {
            blank(&mut text[at..end]);
        }
        at = end + 1;
    }
}

/// The length of a line with those that a backslash appends to it.
fn line_end(text: &[u8]) -> usize {
    let is_end = |at: &usize| text[*at] == b'\n' && (*at == 0 || text[*at - 1] != b'\\');
    (0..text.len()).find(is_end).unwrap_or(text.len())
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, needle)
}
