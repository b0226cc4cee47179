// SPDX-License-Identifier: GPL-2.0

//! The rates of readers while a writer is at work, how long the writer's calls take meanwhile, and whether readers of VMA
//! locks keep their rate.
//!
//! This needs a host that runs both processors of the guest at the same time, which shows in the turns with a writer in
//! another address space: it costs a reader nothing else. There is one such turn before and one after each turn with a
//! writer in the same address space. If one of them is slower than the turn alone, none of the four counts, nor if nothing
//! was read while the writer wrote.
//!
//! On one processor a reader and a writer take turns anyway, and all turns count.

use super::spread::Spread;
use crate::page::Table;
use crate::report::Outcome;
use bench_records::{self as records, Place, Record, Times, Turn};
use serde::Serialize;
use std::collections::BTreeMap;

/// The part of its rate that a reader of VMA locks keeps at least, with a writer in its address space instead of another.
const KEPT: f64 = 0.8;

/// The part of its rate that a reader keeps at least with a writer in another address space, unless the host is busy.
const QUIET: f64 = 0.8;

/// The number of turns that have to count.
const ENOUGH: usize = 3;

/// A reader, with a writer in each place: reads per millisecond in the turns that count.
#[derive(Debug, Serialize)]
struct Reader {
    #[serde(flatten)]
    reader: records::Reader,
    alone: Spread,
    elsewhere: Spread,
    here: Spread,
    /// The greatest part of attempts that did not get the lock.
    missed: f64,
    /// The number of all turns.
    turns: usize,
}

/// How long a call of the writer takes during the turns of a reader that count, in microseconds.
#[derive(Debug, Serialize)]
struct Call {
    call: String,
    /// `None` if there is no reader.
    reader: Option<records::Reader>,
    median: Spread,
    p99: Spread,
    /// In all turns.
    worst: f64,
}

#[derive(Debug, Serialize)]
pub struct Contention {
    pub processors: u32,
    readers: Vec<Reader>,
    calls: Vec<Call>,
}

/// The records of one reader, in the order of its turns.
struct Turns<'a> {
    reader: &'a Option<records::Reader>,
    alone: Vec<&'a Turn>,
    /// Two for each of the others.
    elsewhere: Vec<&'a Turn>,
    here: Vec<&'a Turn>,
    /// Of a writer here, by its call.
    waits: BTreeMap<&'a str, Vec<&'a Times>>,
}

/// Reads per millisecond.
fn rate(turn: &Turn) -> f64 {
    turn.done.operations as f64 * 1e6 / turn.done.ticks.max(1) as f64
}

fn spread<T>(turns: &[T], chosen: &[usize], value: impl Fn(&T) -> f64) -> Spread {
    let chosen = chosen.iter().filter_map(|at| turns.get(*at));
    chosen.map(value).collect()
}

fn locks_vma(reader: &records::Reader) -> bool {
    reader.operation.ends_with("-vma")
}

fn describe(reader: &records::Reader) -> String {
    let records::Reader {
        operation,
        language,
        hold_us,
    } = reader;
    match hold_us {
        0 => format!("{operation}, {language}"),
        us => format!("{operation}, {language}, held {us} us"),
    }
}

impl<'a> Turns<'a> {
    /// Groups records by reader.
    fn all(records: &'a [Record], readers: &'a [Option<records::Reader>]) -> Vec<Self> {
        let of = |reader: &'a Option<records::Reader>| {
            let mut turns = Self {
                reader,
                alone: Vec::new(),
                elsewhere: Vec::new(),
                here: Vec::new(),
                waits: BTreeMap::new(),
            };
            for record in records {
                match record {
                    Record::Turn(turn) if reader.as_ref() == Some(&turn.reader) => {
                        match turn.writer {
                            Place::None => turns.alone.push(turn),
                            Place::Elsewhere => turns.elsewhere.push(turn),
                            Place::Here => turns.here.push(turn),
                        }
                    }
                    Record::Waits(waits) if *reader == waits.reader => {
                        turns
                            .waits
                            .entry(&waits.call)
                            .or_default()
                            .push(&waits.times);
                    }
                    _ => (),
                }
            }
            turns
        };
        readers.iter().map(of).collect()
    }

    /// Returns the turns that count.
    fn chosen(&self, processors: u32) -> Vec<usize> {
        if self.reader.is_none() {
            return (0..self.waits.values().map(Vec::len).max().unwrap_or(0)).collect();
        }
        let quiet = if processors == 1 { 0.0 } else { QUIET };
        let all = self.alone.iter().zip(self.elsewhere.chunks(2)).enumerate();
        all.filter(|(at, (alone, around))| {
            let was_read = self
                .here
                .get(*at)
                .is_some_and(|turn| turn.done.operations > 0);
            was_read && around.iter().all(|turn| rate(turn) >= quiet * rate(alone))
        })
        .map(|(at, _)| at)
        .collect()
    }
}

impl Reader {
    /// Returns the part of the rate that is kept with the writer in this address space instead of another.
    fn kept(&self) -> f64 {
        self.here.median / self.elsewhere.median
    }

    fn counted(&self) -> usize {
        self.here.all.len()
    }
}

impl Contention {
    pub fn of(processors: u32, records: &[Record]) -> Self {
        let mut readers: Vec<Option<records::Reader>> = Vec::new();
        for record in records {
            let reader = match record {
                Record::Turn(turn) => Some(turn.reader.clone()),
                Record::Waits(waits) => waits.reader.clone(),
                _ => continue,
            };
            if !readers.contains(&reader) {
                readers.push(reader);
            }
        }
        let mut contention = Self {
            processors,
            readers: Vec::new(),
            calls: Vec::new(),
        };
        for turns in Turns::all(records, &readers) {
            let chosen = turns.chosen(processors);
            for (call, times) in &turns.waits {
                let us = |value: fn(&Times) -> u64| {
                    spread(times, &chosen, |times| value(times) as f64 / 1e3)
                };
                contention.calls.push(Call {
                    call: call.to_string(),
                    reader: turns.reader.clone(),
                    median: us(|times| times.median),
                    p99: us(|times| times.p99),
                    worst: us(|times| times.worst).high,
                });
            }
            if let Some(reader) = turns.reader {
                let before: Vec<&Turn> = turns.elsewhere.iter().step_by(2).copied().collect();
                let missed = |turn: &&Turn| 1.0 - turn.done.operations as f64 / turn.rounds as f64;
                contention.readers.push(Reader {
                    reader: reader.clone(),
                    alone: spread(&turns.alone, &chosen, |turn| rate(turn)),
                    elsewhere: spread(&before, &chosen, |turn| rate(turn)),
                    here: spread(&turns.here, &chosen, |turn| rate(turn)),
                    missed: spread(&turns.here, &chosen, missed).high,
                    turns: turns.here.len(),
                });
            }
        }
        contention
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let processors = self.processors;
        let (judged, busy): (Vec<&Reader>, Vec<&Reader>) = self
            .readers
            .iter()
            .partition(|reader| reader.counted() >= ENOUGH);
        outcome.check(busy.is_empty() && !judged.is_empty(), || {
            format!(
                "the host seldom ran {processors} processor(s) for the whole of a turn: {} of {} readers have less than \
                 {ENOUGH} turns that count: try again when the host is less busy",
                busy.len(),
                self.readers.len()
            )
        });
        for reader in judged.iter().filter(|reader| locks_vma(&reader.reader)) {
            let kept = reader.kept();
            outcome.check(kept >= KEPT, || {
                let name = describe(&reader.reader);
                format!(
                    "{name}, {processors} processor(s): keeps {kept:.2} of its rate while a writer is at work: less than {KEPT}"
                )
            });
        }
        outcome
    }

    pub fn tables(&self) -> [Table; 2] {
        let readers = self.readers.iter().map(|reader| {
            vec![
                describe(&reader.reader),
                format!("{:.1}", reader.alone.median),
                format!("{:.1}", reader.elsewhere.median),
                format!("{:.1}", reader.here.median),
                format!("{:.0} %", 100.0 * reader.kept()),
                format!("{:.1} %", 100.0 * reader.missed),
                format!("{}/{}", reader.counted(), reader.turns),
            ]
        });
        let calls = self.calls.iter().map(|call| {
            vec![
                call.reader
                    .as_ref()
                    .map_or("no reader".to_string(), describe),
                call.call.clone(),
                format!("{:.1}", call.median.median),
                format!("{:.1}", call.p99.median),
                format!("{:.1}", call.worst),
            ]
        });
        let processors = self.processors;
        [
            Table::new(
                &format!(
                    "Reads per ms while a writer maps and unmaps a page, {processors} processor(s), median of the turns that count"
                ),
                &[
                    "reader",
                    "no writer",
                    "writer elsewhere",
                    "writer here",
                    "kept",
                    "missed",
                    "turns",
                ],
                readers,
            ),
            Table::new(
                &format!("Duration of the writer's calls in us, {processors} processor(s)"),
                &["reader", "call", "median", "99 %", "worst"],
                calls,
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{reader, turns, waits};
    use super::*;

    fn contention(operation: &str, ticks: &[[u64; 3]]) -> Contention {
        let reader = reader(operation, 0);
        let records: Vec<Record> = ticks
            .iter()
            .flat_map(|ticks| turns(&reader, *ticks))
            .collect();
        Contention::of(2, &records)
    }

    #[test]
    fn rates_are_of_successful_reads() {
        let mut records = turns(&reader("read-vma", 20), [1_000_000, 1_250_000, 1_000_000]);
        if let Record::Turn(turn) = &mut records[2] {
            turn.done.operations = 900;
        }
        let contention = Contention::of(2, &records);
        let one = &contention.readers[0];
        assert_eq!(one.alone.all, [1000.0]);
        assert_eq!(one.kept(), 900.0 / 800.0);
        assert!((one.missed - 0.1).abs() < 1e-9);
        assert_eq!(
            contention.tables()[0].rows[0].cells,
            [
                "read-vma, Rust, held 20 us",
                "1000.0",
                "800.0",
                "900.0",
                "112 %",
                "10.0 %",
                "1/1"
            ]
        );
    }

    #[test]
    fn slow_vma_reader_is_a_failure() {
        let good = contention("read-vma", &[[1000, 1000, 1240]; 3]);
        assert_eq!(good.judge().failures, [""; 0]);
        assert_eq!(good.judge().passed, 2);
        let slow = [[1000, 1000, 1240], [1000, 1000, 1280], [1000, 1000, 1300]];
        assert_eq!(
            contention("read-vma", &slow).judge().failures,
            [
                "read-vma, Rust, 2 processor(s): keeps 0.78 of its rate while a writer is at work: less than 0.8"
            ]
        );
        let mmap = contention("read-mmap", &[[1000, 1000, 100_000]; 3]);
        assert_eq!(mmap.judge().failures, [""; 0]);
        assert_eq!(mmap.readers[0].kept(), 0.01);
    }

    #[test]
    fn turns_on_a_busy_host_do_not_count() {
        let mut ticks = vec![[1000, 1000, 1000], [1000, 1000, 1000], [1000, 1300, 90_000]];
        let busy = contention("read-vma", &ticks);
        assert_eq!((busy.readers[0].counted(), busy.readers[0].turns), (2, 3));
        assert_eq!(busy.readers[0].kept(), 1.0);
        let failures = busy.judge().failures;
        assert!(failures[0].starts_with("the host seldom ran 2 processor(s)"));
        assert_eq!(failures.len(), 1);

        ticks.push([1000, 1000, 1000]);
        assert_eq!(contention("read-vma", &ticks).judge().failures, [""; 0]);
        assert_eq!(contention("read-vma", &[]).judge().failed, 1);

        // Nothing was read while the writer wrote.
        let mut records = turns(&reader("read-vma", 0), [1000; 3]);
        if let Record::Turn(turn) = &mut records[2] {
            turn.done.operations = 0;
        }
        assert_eq!(Contention::of(2, &records).readers[0].counted(), 0);

        // On one processor all turns count.
        let records = turns(&reader("read-vma", 0), [1000, 4000, 4000]);
        assert_eq!(Contention::of(1, &records).readers[0].counted(), 1);
        assert_eq!(Contention::of(2, &records).readers[0].counted(), 0);
    }

    #[test]
    fn waits_are_those_of_the_turns_that_count() {
        let reader = reader("read-mmap", 0);
        let mut records = vec![
            waits(None, 1000, 2000, 3000),
            waits(Some(&reader), 4000, 5000, 6000),
        ];
        records.extend(turns(&reader, [1000; 3]));
        records.push(waits(Some(&reader), 8000, 5000, 9000));
        records.extend(turns(&reader, [1000, 9000, 1000]));
        let contention = Contention::of(2, &records);
        let cells = |row: usize| contention.tables()[1].rows[row].cells.join(" ");
        assert_eq!(cells(0), "no reader mmap 1.0 2.0 3.0");
        assert_eq!(cells(1), "read-mmap, Rust mmap 4.0 5.0 6.0");
    }
}
