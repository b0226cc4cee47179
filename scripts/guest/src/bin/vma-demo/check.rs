// SPDX-License-Identifier: GPL-2.0

//! Checks of the driver's answers.

use crate::abi::{READERS_UNKNOWN, Record, held, locking};
use crate::compare::{Pair, compare};
use crate::device::{Answer, WAYS, Way, held_name};
use crate::mappings::{CHECKED, Made};
use crate::moment::{Miss, POINTS, Seen};
use crate::record;
use vma_guest::errno;
use vma_guest::maps::Line;

/// A line of the table.
pub struct Row {
    pub pair: Pair,
    /// The lock that the driver held, for each way to lock.
    pub held: [&'static str; WAYS.len()],
    /// A description of the VMA.
    pub what: String,
    /// The faults of the driver's answers about it.
    pub faults: Vec<String>,
}

impl Row {
    /// Returns true if driver and `/proc/self/maps` agree on this VMA.
    pub fn agrees(&self) -> bool {
        matches!(self.pair, Pair::Same(_)) && self.faults.is_empty()
    }
}

/// Pairs the driver's list with that of `/proc/self/maps`, and looks at every answer.
pub fn rows(seen: &[Seen], lines: &[Line<'_>], made: &[Made]) -> Vec<Row> {
    let driver = seen.iter().map(|seen| record::area(seen.record));
    let mut next_seen = seen.iter();

    compare(driver, lines.iter().map(|line| line.area))
        .into_iter()
        .map(|pair| {
            let (in_driver, in_maps) = match pair {
                Pair::Same(area) => (Some(area), Some(area)),
                Pair::Different { driver, maps } => (Some(driver), Some(maps)),
                Pair::OnlyDriver(driver) => (Some(driver), None),
                Pair::OnlyMaps(maps) => (None, Some(maps)),
            };
            // `compare()` keeps the order of the driver's list.
            let seen = in_driver.and_then(|_| next_seen.next());
            let name = in_maps
                .and_then(|maps| lines.iter().find(|line| line.area == maps))
                .map(|line| line.name);
            let made = in_driver.and_then(|area| {
                made.iter()
                    .find(|made| made.start == area.start && made.end == area.end)
            });

            let mut faults = seen.map(answer_faults).unwrap_or_default();
            if let (Some(seen), Some(made)) = (seen, made) {
                let [.., flags] = seen.record;
                if flags & CHECKED != made.flags {
                    faults.push(format!(
                        "flags {flags:#x}, wanted {:#x} of {CHECKED:#x}",
                        made.flags
                    ));
                }
            }
            Row {
                pair,
                held: seen.map_or([""; 4], |seen| {
                    seen.answers[0].map(|answer| answer.map_or("-", |a| held_name(a[6])))
                }),
                what: what(made, name),
                faults,
            }
        })
        .collect()
}

/// The mappings of this program that the driver did not list.
pub fn not_listed<'a>(seen: &[Seen], made: &'a [Made]) -> Vec<&'a Made> {
    let listed = |made: &&Made| {
        seen.iter()
            .any(|seen| seen.record[..2] == [made.start, made.end])
    };
    made.iter().filter(|made| !listed(made)).collect()
}

/// Returns the number of answers about VMAs.
pub fn answers(seen: &[Seen]) -> usize {
    seen.len() * POINTS.len() * WAYS.len()
}

fn what(made: Option<&Made>, name: Option<&str>) -> String {
    match (made, name) {
        (Some(made), _) => made.kind.into(),
        (None, Some("") | None) => "anonymous".into(),
        (None, Some(name)) => name
            .chars()
            .map(|c| {
                if c == ' ' || c.is_ascii_graphic() {
                    c
                } else {
                    '?'
                }
            })
            .collect(),
    }
}

fn answer_faults(seen: &Seen) -> Vec<String> {
    let [start, end, ..] = seen.record;
    let addrs = [start, start.midpoint(end), end.wrapping_sub(1)];
    let mut faults = Vec::new();
    for ((point, addr), answers) in POINTS.iter().zip(addrs).zip(&seen.answers) {
        for (way, answer) in WAYS.iter().zip(answers) {
            if let Err(fault) = check_answer(seen.record, addr, way, answer) {
                faults.push(format!("{} at the {point}: {fault}", way.name));
            }
        }
    }
    faults
}

fn check_answer(record: Record, asked: u64, way: &Way, answer: &Answer) -> Result<(), String> {
    let &[
        addr,
        how,
        start,
        end,
        offset,
        flags,
        held,
        readers,
        zero,
        zero_too,
    ] = answer
        .as_ref()
        .map_err(|&number| format!("refused with {}", errno::name(number)))?;

    if [addr, how, zero, zero_too] != [asked, way.number, 0, 0] {
        return Err(format!(
            "the request came back changed: {addr:#x}, {how}, {zero}, {zero_too}"
        ));
    }
    let found = [start, end, offset, flags];
    if found != record {
        return Err(format!("{}, flags {flags:#x}", record::area(found)));
    }
    let lock_is_right = match way.number {
        locking::RCU | locking::HANDED_OVER => held == held::VMA,
        locking::MMAP => held == held::MMAP,
        _ => held == held::VMA || held == held::MMAP,
    };
    if !lock_is_right {
        return Err(format!("held the lock {}", held_name(held)));
    }
    if held == held::VMA && (readers == 0 || readers == READERS_UNKNOWN) {
        return Err("held the VMA read lock, but the VMA had no readers".into());
    }
    Ok(())
}

/// Returns the faults of the answers about an address where there is no VMA.
pub fn miss_faults(miss: &Miss) -> Vec<String> {
    WAYS.iter()
        .zip(&miss.answers)
        .filter_map(|(way, answer)| {
            let wanted = no_vma(way);
            (*answer != Err(wanted)).then(|| {
                let got = answer.map_or_else(errno::name, |_| "a VMA".into());
                format!(
                    "{:#x}, {}: {got}, wanted {}",
                    miss.addr,
                    way.name,
                    errno::name(wanted)
                )
            })
        })
        .collect()
}

/// The documented error where there is no VMA.
pub fn no_vma(way: &Way) -> i32 {
    if way.number == locking::RCU {
        libc::EAGAIN
    } else {
        libc::ENOENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::flag;
    use vma_guest::area::Area;

    const RECORD: Record = [0x1000, 0x4000, 0, flag::READ | flag::WRITE];

    fn answer(addr: u64, way: &Way) -> Answer {
        let held = if way.number == locking::MMAP {
            held::MMAP
        } else {
            held::VMA
        };
        let [start, end, offset, flags] = RECORD;
        Ok([addr, way.number, start, end, offset, flags, held, 1, 0, 0])
    }

    fn seen() -> Seen {
        let answers =
            [0x1000, 0x2800, 0x3fff].map(|addr| WAYS.each_ref().map(|way| answer(addr, way)));
        Seen {
            record: RECORD,
            answers,
        }
    }

    fn line(name: &str) -> Line<'_> {
        Line {
            area: record::area(RECORD),
            name,
        }
    }

    fn made(flags: u64) -> Made {
        Made {
            start: 0x1000,
            end: 0x4000,
            kind: "a test",
            flags,
        }
    }

    #[test]
    fn a_right_description_agrees() {
        let rows = rows(&[seen()], &[line("[heap]")], &[]);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].faults, [""; 0]);
        assert!(rows[0].agrees());
        assert_eq!(rows[0].what, "[heap]");
        assert_eq!(rows[0].held, ["vma", "mmap", "vma", "vma"]);
    }

    #[test]
    fn each_word_of_each_answer_counts() {
        for point in 0..POINTS.len() {
            for way in 0..WAYS.len() {
                for word in 0..10 {
                    let mut seen = seen();
                    seen.answers[point][way].as_mut().unwrap()[word] ^= 0x80;
                    // Any number of readers may be there.
                    let is_fault = word != 7;
                    let row = &rows(&[seen], &[line("")], &[])[0];
                    assert_eq!(
                        row.faults.len(),
                        usize::from(is_fault),
                        "point {point}, way {way}, word {word}"
                    );
                    assert_eq!(row.agrees(), !is_fault);
                }
            }
        }
    }

    #[test]
    fn a_refusal_and_the_wrong_lock_are_faults() {
        let mut refused = seen();
        refused.answers[1][0] = Err(libc::EAGAIN);
        assert_eq!(
            rows(&[refused], &[line("")], &[])[0].faults,
            ["RCU at the middle: refused with EAGAIN"]
        );

        for (way, held) in [(0, held::MMAP), (1, held::VMA), (2, held::MMAP)] {
            let mut seen = seen();
            seen.answers[0][way].as_mut().unwrap()[6] = held;
            assert_eq!(rows(&[seen], &[line("")], &[])[0].faults.len(), 1);
        }

        for readers in [0, READERS_UNKNOWN] {
            let mut seen = seen();
            seen.answers[0][0].as_mut().unwrap()[7] = readers;
            assert_eq!(rows(&[seen], &[line("")], &[])[0].faults.len(), 1);
        }
    }

    #[test]
    fn flags_of_own_mappings_count() {
        let row = &rows(&[seen()], &[line("")], &[made(0)])[0];
        assert!(row.agrees());
        assert_eq!(row.what, "a test");

        for flags in [flag::FILE, flag::GROWSDOWN, flag::MAYBE_GUARD] {
            assert!(!rows(&[seen()], &[line("")], &[made(flags)])[0].agrees());
        }
    }

    #[test]
    fn own_mappings_must_be_listed() {
        let ranges = [[0x1000, 0x4000], [0x1000, 0x3000], [0x5000, 0x6000]];
        let made = ranges.map(|[start, end]| Made {
            start,
            end,
            ..made(0)
        });
        let missing = not_listed(&[seen()], &made);
        let missing = missing.iter().map(|made| [made.start, made.end]);
        assert!(missing.eq(ranges[1..].iter().copied()));
    }

    #[test]
    fn answers_stay_with_their_vma() {
        let mut second = seen();
        second.record = [0x8000, 0x9000, 0, 0];
        // Only the driver knows the first; the second's answers are about the first, which is
        // wrong.
        let area = record::area(second.record);
        let rows = rows(&[seen(), second], &[Line { area, name: "" }], &[]);
        assert!(matches!(rows[0].pair, Pair::OnlyDriver(_)) && rows[0].faults.is_empty());
        assert!(
            matches!(rows[1].pair, Pair::Same(_)) && rows[1].faults.len() == answers(&[seen()])
        );
    }

    #[test]
    fn skipped_vma_takes_no_answers() {
        let first = Area {
            start: 0,
            ..record::area(RECORD)
        };
        let maps = [
            Line {
                area: first,
                ..line("")
            },
            line(""),
        ];
        let rows = rows(&[seen()], &maps, &[]);
        assert!(matches!(rows[0].pair, Pair::OnlyMaps(_)) && rows[0].held == [""; 4]);
        assert!(rows[1].agrees() && rows[1].held[0] == "vma");
    }

    #[test]
    fn a_hole_must_be_refused_as_documented() {
        let right = WAYS.each_ref().map(|way| Err(no_vma(way)));
        let numbers = [libc::EAGAIN, libc::ENOENT, libc::ENOENT, libc::ENOENT];
        assert_eq!(right, numbers.map(Err));
        let faults = |answers| miss_faults(&Miss { addr: 0, answers }).len();
        assert_eq!(faults(right), 0);

        for way in 0..WAYS.len() {
            for wrong in [Ok([0; 10]), Err(libc::EINVAL)] {
                let mut answers = right;
                answers[way] = wrong;
                assert_eq!(faults(answers), 1);
            }
        }
    }
}
