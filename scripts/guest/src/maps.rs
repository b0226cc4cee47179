// SPDX-License-Identifier: GPL-2.0

//! `/proc/self/maps`, parsed.

use crate::area::{Area, Perms};

/// A line: the VMA, and what the kernel calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub area: Area,
    pub name: &'a str,
}

/// The page of the x86 vsyscall. It has a line, but it is in no process's tree of VMAs.
const GATE: &str = "[vsyscall]";

/// Returns the lines of the process's VMAs, and whether there was one of the gate page.
pub fn parse(text: &str) -> Result<(Vec<Line<'_>>, bool), String> {
    let mut lines = text
        .lines()
        .map(parse_line)
        .collect::<Result<Vec<_>, _>>()?;
    let all = lines.len();
    lines.retain(|line| line.name != GATE);
    let has_gate = lines.len() < all;
    Ok((lines, has_gate))
}

/// Parses a line of a map.
pub fn parse_line(line: &str) -> Result<Line<'_>, String> {
    fields(line).ok_or_else(|| format!("not a line of a map: {line}"))
}

fn fields(line: &str) -> Option<Line<'_>> {
    let hex = |number| u64::from_str_radix(number, 16).ok();

    // Only the name can have spaces in it.
    let (range, rest) = line.split_once(' ')?;
    let (perms, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let (_device, rest) = rest.split_once(' ')?;
    let (_inode, name) = rest.split_once(' ').unwrap_or((rest, ""));

    let (start, end) = range.split_once('-')?;
    let area = Area {
        start: hex(start)?,
        end: hex(end)?,
        perms: Perms(perms.as_bytes().try_into().ok()?),
        offset: hex(offset)?,
    };
    (area.start < area.end).then_some(Line {
        area,
        name: name.trim(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_names() {
        let text = "00010000-00012000 r-xp 00003000 fd:02 17     /a file (deleted)\n\
                    7fff00000000-7fff00001000 rw-s 00000000 00:00 0\n\
                    7fff00002000-7fff00003000 ---p 1234567890 00:00 0                  [odd]\n";
        let (lines, has_gate) = parse(text).unwrap();
        assert!(!has_gate);
        let expected = [
            (0x10000, 0x12000, b"r-xp", 0x3000, "/a file (deleted)"),
            (0x7fff_0000_0000, 0x7fff_0000_1000, b"rw-s", 0, ""),
            (
                0x7fff_0000_2000,
                0x7fff_0000_3000,
                b"---p",
                0x12_3456_7890,
                "[odd]",
            ),
        ]
        .map(|(start, end, perms, offset, name)| Line {
            area: Area {
                start,
                end,
                perms: Perms(*perms),
                offset,
            },
            name,
        });
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_gate_page_is_left_out_by_name() {
        let text = "00010000-00012000 r-xp 00000000 00:00 0\n\
                    ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
        let (lines, has_gate) = parse(text).unwrap();
        assert!(has_gate);
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn refuses_other_text() {
        for text in [
            "\n",
            "no line at all",
            "00010000 r-xp 00000000 00:00 0",
            "00010000-0001g000 r-xp 00000000 00:00 0",
            "00010000-00010000 r-xp 00000000 00:00 0",
            "00010000-00012000 r-x 00000000 00:00 0",
            "00010000-00012000 r-xp 00000000",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn this_process_has_lines() {
        let text = std::fs::read_to_string("/proc/self/maps").unwrap();
        let (lines, _) = parse(&text).unwrap();
        assert!(lines.iter().any(|line| line.name == "[stack]"));
        assert!(
            lines
                .windows(2)
                .all(|pair| pair[0].area.end <= pair[1].area.start)
        );
    }
}
