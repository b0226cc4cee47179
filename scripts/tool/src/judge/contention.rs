// SPDX-License-Identifier: GPL-2.0

//! The rates of readers while a writer is at work, how long the writer's calls take meanwhile, and whether readers of VMA
//! locks keep their rate. This needs a host that runs both processors of the guest at the same time, which shows in the
//! turns with a writer in another address space: it costs a reader nothing else. There is one such turn before and one
//! after each turn with a writer in the same address space. If one of them is slower than the turn alone, none of the four
//! counts, nor if nothing was read while the writer wrote. On one processor a reader and a writer take turns anyway, and
//! all turns count.
//!
//! The same of page faults while another task writes or reads. Page faults that take only VMA locks do not wait for the
//! mmap lock, so a writer in the same address space should cost no more than one in another. The time in which memory is
//! touched is judged: giving it back interrupts the other processors, and waits until the host runs them.

use super::bounds::BOUNDS;
use super::records::{self, Reader, Record, Turn, of_kind};
use super::{Language, Spread, Table, cells, check, group, ratio};
use crate::report::Outcome;
use itertools::Itertools;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Default, Serialize)]
pub struct Figures {
    pub contention: Vec<Contention>,
    pub faults: Vec<Faults>,
}

impl Figures {
    pub fn add(&mut self, processors: u32, readers: &[Record], faults: &[Record]) {
        self.contention.push(Contention::of(processors, readers));
        self.faults.push(Faults::of(processors, faults));
    }

    pub fn judge(&self) -> (Outcome, String) {
        let (mut outcome, mut tables) = (Outcome::default(), Vec::new());
        for (readers, faults) in self.contention.iter().zip(&self.faults) {
            outcome.add(readers.judge());
            outcome.add(faults.judge());
            tables.extend(readers.tables());
            tables.push(faults.table());
        }
        (outcome, tables.iter().map(Table::text).join("\n"))
    }
}

#[derive(Serialize)]
pub struct Contention {
    pub processors: u32,
    readers: Vec<Rates>,
    calls: Vec<Call>,
}

/// Reads per millisecond.
#[derive(Serialize)]
struct Rates {
    #[serde(flatten)]
    reader: Reader,
    alone: Spread,
    elsewhere: Spread,
    here: Spread,
    /// The greatest part of all rounds in which nothing was read.
    missed: f64,
    turns: usize,
}

/// Microseconds of a call of the writer's.
#[derive(Serialize)]
struct Call {
    call: String,
    reader: Option<Reader>,
    median: Spread,
    p99: Spread,
    worst: f64,
}

impl Rates {
    /// The part of the rate that is kept with the writer in this address space instead of another.
    fn kept(&self) -> f64 {
        ratio(self.here.median, self.elsewhere.median)
    }
}

fn per_ms(turn: &Turn) -> f64 {
    turn.done.operations as f64 * 1e6 / turn.done.ticks.max(1) as f64
}

fn describe(reader: Option<&Reader>) -> String {
    let Some(Reader {
        operation,
        language,
        hold_us,
    }) = reader
    else {
        return "no reader".to_string();
    };
    let held = if *hold_us > 0 {
        format!(", held {hold_us} us")
    } else {
        String::new()
    };
    format!("{operation}, {}{held}", language.title())
}

impl Contention {
    fn of(processors: u32, records: &[Record]) -> Self {
        let mut contention = Self {
            processors,
            readers: Vec::new(),
            calls: Vec::new(),
        };
        let by_reader = records.iter().filter_map(|record| match record {
            Record::Turn(turn) => Some((Some(&turn.reader), record)),
            Record::Waits(waits) => Some((waits.reader.as_ref(), record)),
            _ => None,
        });
        for (reader, records) in group(by_reader) {
            contention.add(reader, &records);
        }
        contention
    }

    fn add(&mut self, reader: Option<&Reader>, records: &[&Record]) {
        let waits = of_kind!(records, Waits).map(|one| (&one.call, &one.times));
        let waits: BTreeMap<_, _> = group(waits).into_iter().collect();
        let place = |place| {
            of_kind!(records, Turn)
                .filter(|turn| turn.writer == place)
                .collect_vec()
        };
        let (alone, around, here) = (place("none"), place("elsewhere"), place("here"));
        // One before and one after each.
        let around = around.chunks(2).collect_vec();
        let quiet = if self.processors == 1 {
            0.0
        } else {
            BOUNDS.contention.quiet
        };
        let counts = |at: &usize| {
            let least = quiet * per_ms(alone[*at]);
            here[*at].done.operations > 0 && around[*at].iter().all(|turn| per_ms(turn) >= least)
        };
        let turns = alone.len().min(around.len()).min(here.len());
        let chosen = match reader {
            Some(_) => (0..turns).filter(counts).collect_vec(),
            None => (0..waits.values().map(Vec::len).max().unwrap_or(0)).collect_vec(),
        };
        for (call, times) in waits {
            let of = |name| {
                let times = chosen.iter().filter_map(|at| times.get(*at)?.get(name));
                Spread::of(times.map(|ns| ns / 1e3))
            };
            self.calls.push(Call {
                call: call.clone(),
                reader: reader.cloned(),
                median: of("median"),
                p99: of("p99"),
                worst: of("worst").high,
            });
        }
        if let Some(reader) = reader {
            let of = |turns: &[&Turn], value: fn(&Turn) -> f64| {
                let turns = chosen.iter().filter_map(|at| turns.get(*at));
                Spread::of(turns.map(|turn| value(turn)))
            };
            let before = around.iter().map(|turns| turns[0]).collect_vec();
            let missed = |turn: &Turn| 1.0 - turn.done.operations as f64 / turn.rounds as f64;
            self.readers.push(Rates {
                reader: reader.clone(),
                alone: of(&alone, per_ms),
                elsewhere: of(&before, per_ms),
                here: of(&here, per_ms),
                missed: of(&here, missed).high,
                turns: here.len(),
            });
        }
    }

    fn judge(&self) -> Outcome {
        let (bounds, count) = (&BOUNDS.contention, self.processors);
        let (mut outcome, all) = (Outcome::default(), self.readers.len());
        let judged = self
            .readers
            .iter()
            .filter(|one| one.here.all.len() >= bounds.enough);
        let judged = judged.collect_vec();
        let busy = all - judged.len();
        check!(
            outcome,
            all > 0 && busy == 0,
            "the host seldom ran {count} processor(s) for the whole of a turn: {busy} of {all} readers have less than {} turns that count: try again when the host is less busy",
            bounds.enough
        );
        for one in judged
            .iter()
            .filter(|one| one.reader.operation.ends_with("-vma"))
        {
            let kept = one.kept();
            check!(
                outcome,
                kept >= bounds.kept,
                "{}, {count} processor(s): keeps {kept:.2} of its rate while a writer is at work: less than {}",
                describe(Some(&one.reader)),
                bounds.kept
            );
        }
        outcome
    }

    pub fn tables(&self) -> [Table; 2] {
        let count = self.processors;
        let median = |spread: &Spread| format!("{:.1}", spread.median);
        let reader = |one: &Rates| {
            cells![
                describe(Some(&one.reader)),
                median(&one.alone),
                median(&one.elsewhere),
                median(&one.here),
                format!("{:.0} %", 100.0 * one.kept()),
                format!("{:.1} %", 100.0 * one.missed),
                format!("{}/{}", one.here.all.len(), one.turns)
            ]
        };
        let call = |one: &Call| {
            let name = describe(one.reader.as_ref());
            let worst = format!("{:.1}", one.worst);
            cells![name, one.call, median(&one.median), median(&one.p99), worst]
        };
        [
            Table::new(
                format!(
                    "Reads per ms while a writer maps and unmaps a page, {count} processor(s), median of the turns that count"
                ),
                "reader | no writer | writer elsewhere | writer here | kept | missed | turns",
                self.readers.iter().map(reader),
            ),
            Table::new(
                format!("Duration of the writer's calls in us, {count} processor(s)"),
                "reader | call | median | 99 % | worst",
                self.calls.iter().map(call),
            ),
        ]
    }
}

/// Page faults per millisecond of all threads together.
#[derive(Serialize)]
pub struct Faults {
    processors: u32,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    threads: u64,
    /// Of the other task, if it is not a writer.
    reader: Option<(String, Language)>,
    alone: Spread,
    elsewhere: Spread,
    here: Spread,
    here_with_returns: Spread,
    kept: Spread,
}

impl Row {
    fn threads(&self) -> String {
        let reader = self.reader.as_ref();
        let other = reader.map(|(operation, of)| format!("{operation}, {}", of.title()));
        format!(
            "{} thread(s), {}",
            self.threads,
            other.as_deref().unwrap_or("writer")
        )
    }
}

impl Faults {
    /// Turns come in fours: alone, elsewhere, here, elsewhere.
    fn of(processors: u32, records: &[Record]) -> Self {
        type Turn = records::Faults;
        let rate =
            |turn: &Turn| (turn.threads * turn.faults) as f64 * 1e6 / turn.touching.max(1) as f64;
        let elsewhere = |four: &[&Turn]| (rate(four[1]) + rate(four[3])) / 2.0;
        let turns = of_kind!(records, Faults).map(|turn| ((turn.threads, &turn.reader), turn));
        let row = |((threads, reader), turns): ((u64, &Option<_>), Vec<&Turn>)| {
            let of = |value: &dyn Fn(&[&Turn]) -> f64| Spread::of(turns.chunks_exact(4).map(value));
            Row {
                threads,
                reader: reader.clone(),
                alone: of(&|four| rate(four[0])),
                elsewhere: of(&elsewhere),
                here: of(&|four| rate(four[2])),
                here_with_returns: of(&|four| {
                    four[2].faults as f64 * 1e6 / four[2].ticks.max(1) as f64
                }),
                kept: of(&|four| ratio(rate(four[2]), elsewhere(four))),
            }
        };
        let rows = group(turns).into_iter().map(row).collect();
        Self { processors, rows }
    }

    fn judge(&self) -> Outcome {
        let (mut outcome, bounds) = (Outcome::default(), &BOUNDS.faults);
        let start = format!("page faults, {} processor(s)", self.processors);
        let mut rows = self.rows.iter();
        let enough = rows.all(|row| row.kept.all.len() >= bounds.enough) && !self.rows.is_empty();
        check!(
            outcome,
            enough,
            "{start}: less than {} turns of each kind",
            bounds.enough
        );
        for row in &self.rows {
            let rate = row.kept.median;
            outcome.check(rate >= bounds.kept, || {
                let threads = row.threads();
                let least = bounds.kept;
                format!("{start}, {threads}: keeps {rate:.2} of its rate: less than {least}")
            });
        }
        outcome
    }

    pub fn table(&self) -> Table {
        let row = |row: &Row| {
            let places = [
                &row.alone,
                &row.elsewhere,
                &row.here,
                &row.here_with_returns,
            ];
            let places = places.map(|place| format!("{:.1}", place.median));
            let kept = format!("{:.0} %", 100.0 * row.kept.median);
            [row.threads()]
                .into_iter()
                .chain(places)
                .chain([kept])
                .collect()
        };
        Table::new(
            format!(
                "Page faults per ms while memory is touched, {} processor(s), by the place of another task",
                self.processors
            ),
            "threads, the other task | alone | elsewhere | here | with giving back | kept",
            self.rows.iter().map(row),
        )
    }
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::super::Rust;
    use super::records::{Done, Waits};
    use super::*;

    const WAYS: [&str; 4] = ["none", "elsewhere", "here", "elsewhere"];

    fn reader(operation: &str, hold_us: u64) -> Reader {
        Reader { operation: operation.to_string(), language: Rust, hold_us }
    }

    /// Turns with their reads in 1000 rounds, and their ticks.
    fn four(reader: &Reader, turns: [(u64, u64); 4]) -> Vec<Record> {
        let turn = |(way, (operations, ticks)): (&str, (u64, u64))| {
            let sum = 5;
            Record::Turn(Turn {
                reader: reader.clone(),
                writer: way.to_string(),
                rounds: 1000,
                done: Done { operations, ticks, sum },
            })
        };
        WAYS.into_iter().zip(turns).map(turn).collect()
    }

    fn turns(reader: &Reader, [alone, elsewhere, here]: [u64; 3]) -> Vec<Record> {
        four(reader, [alone, elsewhere, here, elsewhere].map(|ticks| (1000, ticks)))
    }

    fn of(processors: u32, operation: &str, all: &[[u64; 3]]) -> Contention {
        let all = all.iter().flat_map(|ticks| turns(&reader(operation, 0), *ticks));
        Contention::of(processors, &all.collect_vec())
    }

    #[test]
    fn rates_are_of_successful_reads() {
        let counts = [(1000, 1_000_000), (1000, 1_250_000), (900, 1_000_000), (1000, 1_250_000)];
        let table = &Contention::of(2, &four(&reader("read-vma", 20), counts)).tables()[0];
        let cells = ["1000.0", "800.0", "900.0", "112 %", "10.0 %", "1/1"];
        assert_eq!(
            (&*table.rows[0][0], &table.rows[0][1..]),
            ("read-vma, Rust, held 20 us", &cells.map(str::to_string)[..])
        );
    }

    #[test]
    fn slow_vma_reader_fails() {
        let good = of(2, "read-vma", &[[1000, 1000, 1240]; 3]).judge();
        assert_eq!((good.passed, good.failed), (2, 0));
        let slow = of(2, "read-vma", &[[1000, 1000, 1240], [1000, 1000, 1280], [1000, 1000, 1300]]);
        let said = "read-vma, Rust, 2 processor(s): keeps 0.78 of its rate while a writer is at work: less than 0.8";
        assert_eq!(slow.judge().failures, [said]);
        // Nothing is read with the writer elsewhere.
        let counts = [(1000, 1000), (0, 1000), (1000, 1000), (0, 1000)];
        let records = vec![four(&reader("read-vma", 0), counts); 3].concat();
        assert_eq!(Contention::of(1, &records).judge().failed, 1);
        let mmap = of(2, "read-mmap", &[[1000, 1000, 100_000]; 3]);
        assert_eq!((mmap.judge().failed, mmap.readers[0].kept()), (0, 0.01));
    }

    #[test]
    fn turns_on_a_busy_host_do_not_count() {
        let good = [1000, 1000, 1000];
        let turns = [good, good, [1000, 1300, 90_000]];
        let busy = of(2, "read-vma", &turns);
        assert_eq!((busy.readers[0].here.all.len(), busy.readers[0].kept()), (2, 1.0));
        let failures = busy.judge().failures;
        let said = "the host seldom ran 2 processor(s) for the whole of a turn: 1 of 1 readers have less than 3 turns";
        assert!(failures.len() == 1 && failures[0].starts_with(said), "{failures:?}");
        let again = [good, good, turns[2], good];
        assert_eq!(of(2, "read-vma", &again).judge().failed, 0);
        assert_eq!(of(2, "read-vma", &[]).judge().failed, 1);
        let counted = |all: &Contention| all.readers[0].here.all.len();
        // Nothing was read while the writer wrote; one of the two turns around is slow.
        let (whole, nothing, slow) = ((1000, 1000), (0, 1000), (1000, 2000));
        for four_turns in [[whole, whole, nothing, whole], [whole, whole, whole, slow]] {
            let records = four(&reader("read-vma", 0), four_turns);
            assert_eq!(counted(&Contention::of(2, &records)), 0);
        }
        // On one processor all turns count.
        let late = |processors| of(processors, "read-vma", &[[1000, 4000, 4000]]);
        assert_eq!([counted(&late(1)), counted(&late(2))], [1, 0]);
    }

    #[test]
    fn waits_are_those_of_the_turns_that_count() {
        let waits = |reader: Option<&Reader>, times: [f64; 3]| {
            let names = ["median", "p99", "worst"].map(str::to_string);
            vec![Record::Waits(Waits {
                reader: reader.cloned(),
                call: "mmap".to_string(),
                times: names.into_iter().zip(times).collect(),
            })]
        };
        let reader = reader("read-mmap", 0);
        let records = [
            waits(None, [1000.0, 2000.0, 3000.0]),
            waits(Some(&reader), [4000.0, 5000.0, 6000.0]),
            turns(&reader, [1000, 1000, 1000]),
            waits(Some(&reader), [8000.0, 5000.0, 9000.0]),
            turns(&reader, [1000, 9000, 1000]),
        ];
        let table = &Contention::of(2, &records.concat()).tables()[1];
        let rows = table.rows.iter().map(|row| row.join(" ")).collect_vec();
        assert_eq!(rows, ["no reader mmap 1.0 2.0 3.0", "read-mmap, Rust mmap 4.0 5.0 6.0"]);
    }

    /// Turns of 100 page faults by the time of touching.
    fn faults(threads: u64, reader: Option<&str>, [alone, elsewhere, here]: [u64; 3]) -> Vec<Record> {
        let reader = reader.map(|operation| (operation.to_string(), Rust));
        let turn = |touching| {
            Record::Faults(records::Faults { threads, reader: reader.clone(), faults: 100, ticks: 200_000, touching })
        };
        [alone, elsewhere, here, elsewhere].map(turn).to_vec()
    }

    #[test]
    fn threads_that_lose_their_rate_fail() {
        let start = "page faults, 2 processor(s)";
        let slow = format!("{start}, 1 thread(s), read-vma, Rust: keeps 0.57 of its rate: less than 0.6");
        let few = format!("{start}: less than 5 turns of each kind");
        for (count, here, said) in
            [(5, 160_000, None), (5, 175_000, Some(&slow)), (4, 100_000, Some(&few)), (0, 0, Some(&few))]
        {
            let records = vec![faults(1, Some("read-vma"), [100_000, 100_000, here]); count].concat();
            let failures = Faults::of(2, &records).judge().failures;
            assert_eq!(failures.iter().collect_vec(), Vec::from_iter(said));
        }
    }

    #[test]
    fn the_table_shows_all_places() {
        // With a turn that does not come to its end.
        let mut records = faults(2, None, [200_000, 400_000, 500_000]);
        records.extend(faults(1, Some("read-vma"), [1; 3]).into_iter().take(3));
        let faults = Faults::of(1, &records);
        let cells = ["2 thread(s), writer", "1000.0", "500.0", "400.0", "500.0", "80 %"];
        assert_eq!(faults.table().rows[0], cells);
        assert!(faults.rows[1].kept.all.is_empty());
    }
}
