// SPDX-License-Identifier: GPL-2.0

//! How fast readers are beside a writer, how long its calls take beside them, and whether readers of the VMA lock go on
//! undisturbed.
//!
//! That takes a host which runs both processors of the guest at the same time. It shows in the turns with a writer in
//! another address space, which takes nothing from a reader but that. There is one before and one after each turn with
//! a writer in the same address space: where one of them is slower than a turn alone, none of the four counts. Neither
//! do they where nothing was read while the writer wrote.
//!
//! On one processor a reader and a writer take turns anyway, and all turns count.

use super::lines::{self, Line, Turn, Waits};
use super::spread::Spread;
use crate::report::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;

/// How much of its rate a VMA-lock reader keeps at least, beside a writer of the same address space.
const KEPT: f64 = 0.8;

/// How much of its rate a reader has at least beside a writer in another address space, if the host is not busy.
const QUIET: f64 = 0.8;

/// How many turns have to count.
const ENOUGH: usize = 3;

/// A reader, with a writer in each of the places.
#[derive(Debug, Serialize)]
pub struct Reader {
    pub operation: String,
    pub language: String,
    /// For how long it holds its lock besides the time that reading takes, in microseconds.
    pub hold_us: u64,
    /// Reads a millisecond.
    pub alone: Spread,
    pub elsewhere: Spread,
    pub here: Spread,
    /// The part of its attempts that did not get the lock, at most.
    pub missed: f64,
    /// Turns that there were; those that count have their rates above.
    pub turns: usize,
}

/// How long a call of the writer's takes beside a reader, in microseconds.
#[derive(Debug, Serialize)]
pub struct Call {
    pub call: String,
    /// `None` if nobody reads.
    pub reader: Option<(String, String, u64)>,
    pub median: Spread,
    pub p99: Spread,
    /// Of all turns.
    pub worst: f64,
}

#[derive(Debug, Default, Serialize)]
pub struct Contention {
    pub processors: u32,
    pub readers: Vec<Reader>,
    /// With a writer in the readers' address space.
    pub calls: Vec<Call>,
}

impl Reader {
    /// What it keeps of the rate that it has beside a writer in another address space.
    pub fn kept(&self) -> f64 {
        self.here.median / self.elsewhere.median
    }

    /// Whether the lock is that of the VMA.
    pub fn locks_vma(&self) -> bool {
        locks_vma(&self.operation)
    }

    /// How many turns count.
    pub fn counted(&self) -> usize {
        self.here.all.len()
    }
}

/// The lines about one reader, in the order of its turns.
#[derive(Default)]
struct Turns<'a> {
    alone: Vec<&'a Turn>,
    /// Two for each of the others.
    elsewhere: Vec<&'a Turn>,
    here: Vec<&'a Turn>,
    /// With a writer here, by its calls.
    waits: BTreeMap<&'a str, Vec<&'a Waits>>,
}

/// Reads a millisecond.
fn rate(turn: &Turn) -> f64 {
    turn.operations as f64 * 1e6 / turn.ticks.max(1) as f64
}

impl Turns<'_> {
    /// Which turns count, on so many processors.
    fn quiet(&self, processors: u32) -> Vec<usize> {
        let quiet = if processors == 1 { 0.0 } else { QUIET };
        let all = self.alone.iter().zip(self.elsewhere.chunks(2)).enumerate();
        all.filter(|(at, (alone, around))| {
            let enough = quiet * rate(alone);
            let wrote = self.here.get(*at).is_some_and(|turn| turn.operations > 0);
            wrote && around.iter().all(|turn| rate(turn) >= enough)
        })
        .map(|(at, _)| at)
        .collect()
    }
}

/// The spread of what the chosen turns give.
fn spread<T>(turns: &[T], chosen: &[usize], value: impl Fn(&T) -> f64) -> Spread {
    let mut spread = Spread::default();
    let chosen = chosen.iter().filter_map(|at| turns.get(*at));
    chosen.for_each(|turn| spread.add(value(turn)));
    spread
}

/// An operation, its language, and for how long it holds its lock.
type Key<'a> = (&'a str, &'a str, u64);

fn turns_of<'a, 't>(
    all: &'t mut Vec<(Key<'a>, Turns<'a>)>,
    by: &'a lines::Reader,
) -> &'t mut Turns<'a> {
    let key = (by.operation.as_str(), by.language.as_str(), by.hold_us);
    let at = match all.iter().position(|(found, _)| *found == key) {
        Some(at) => at,
        None => {
            all.push((key, Turns::default()));
            all.len() - 1
        }
    };
    &mut all[at].1
}

/// Whether the lock that an operation takes is that of a VMA.
pub fn locks_vma(operation: &str) -> bool {
    operation.ends_with("-vma")
}

impl Contention {
    pub fn of(processors: u32, lines: &[Line]) -> Self {
        let mut all: Vec<(Key, Turns)> = Vec::new();
        for line in lines {
            match line {
                Line::Turn(turn) => {
                    let turns = turns_of(&mut all, &turn.reader);
                    match turn.writer.as_str() {
                        "none" => turns.alone.push(turn),
                        "elsewhere" => turns.elsewhere.push(turn),
                        _ => turns.here.push(turn),
                    }
                }
                Line::Waits(waits) => {
                    let turns = turns_of(&mut all, &waits.reader);
                    turns.waits.entry(&waits.call).or_default().push(waits);
                }
                _ => (),
            }
        }
        let mut contention = Self {
            processors,
            ..Self::default()
        };
        for ((operation, language, hold_us), turns) in all {
            let before: Vec<&Turn> = turns.elsewhere.iter().step_by(2).copied().collect();
            let nobody = turns.here.is_empty();
            let chosen = match nobody {
                true => (0..lines.len()).collect(),
                false => turns.quiet(processors),
            };
            let reader = (operation.to_string(), language.to_string(), hold_us);
            for (call, waits) in &turns.waits {
                let us = |ns: u64| ns as f64 / 1e3;
                contention.calls.push(Call {
                    call: call.to_string(),
                    reader: (!nobody).then(|| reader.clone()),
                    median: spread(waits, &chosen, |waits| us(waits.median)),
                    p99: spread(waits, &chosen, |waits| us(waits.p99)),
                    worst: spread(waits, &chosen, |waits| us(waits.worst)).high,
                });
            }
            if !nobody {
                let missed = |turn: &&Turn| 1.0 - turn.operations as f64 / turn.rounds as f64;
                contention.readers.push(Reader {
                    operation: reader.0,
                    language: reader.1,
                    hold_us,
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
        let (judged, busy): (Vec<&Reader>, Vec<&Reader>) = self
            .readers
            .iter()
            .partition(|reader| reader.counted() >= ENOUGH);
        outcome.check(busy.is_empty() && !judged.is_empty(), || {
            format!(
                "the host seldom ran {} processor(s) for the whole of a turn: {} of {} readers have less than {ENOUGH} turns that \
                 count: run it again when the host has less to do",
                self.processors,
                busy.len(),
                self.readers.len()
            )
        });
        for reader in judged.iter().filter(|reader| reader.locks_vma()) {
            let kept = reader.kept();
            outcome.check(kept >= KEPT, || {
                let Reader {
                    operation,
                    language,
                    ..
                } = reader;
                format!(
                    "{operation} in {language}, {} processor(s): keeps {kept:.2} of its rate beside a writer: less than {KEPT}",
                    self.processors
                )
            });
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contention(lines: &[&str]) -> Contention {
        let lines: Vec<Line> = lines.iter().map(|l| Line::parse(l).unwrap()).collect();
        Contention::of(2, &lines)
    }

    /// Three turns of a reader, with so many ticks for 1000 reads alone, beside a writer elsewhere, and beside one here.
    fn turns(operation: &str, ticks: [[u64; 3]; 3]) -> Vec<String> {
        let mut lines = Vec::new();
        for turn in ticks {
            let [alone, elsewhere, here] = turn;
            let ways = [
                ("none", alone),
                ("elsewhere", elsewhere),
                ("here", here),
                ("elsewhere", elsewhere),
            ];
            for (writer, ticks) in ways {
                lines.push(format!(
                    "turn {operation} rust 0 {writer} 1000 1000 {ticks}"
                ));
            }
        }
        lines
    }

    fn lines_without_a_writer() -> Vec<String> {
        let lines = turns("read-vma", [[1000, 1000, 1000]; 3]);
        let nothing = "turn read-vma rust 0 here 1000 0 0".to_string();
        let is_here = |line: &String| line.contains(" here ");
        lines
            .into_iter()
            .map(|line| {
                if is_here(&line) {
                    nothing.clone()
                } else {
                    line
                }
            })
            .collect()
    }

    fn of(lines: &[String]) -> Contention {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        contention(&lines)
    }

    #[test]
    fn rates_are_of_the_reads_that_succeed() {
        let contention = contention(&[
            "turn read-vma rust 0 none 1000 1000 1000000",
            "turn read-vma rust 0 elsewhere 1000 1000 1250000",
            "turn read-vma rust 0 here 1000 900 1000000",
            "turn read-vma rust 0 elsewhere 1000 1000 1000000",
        ]);
        let reader = &contention.readers[0];
        assert_eq!(reader.alone.all, [1000.0]);
        assert_eq!(reader.kept(), 900.0 / 800.0);
        assert!((reader.missed - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_vma_reader_that_is_disturbed_is_a_failure() {
        let fine = of(&turns("read-vma", [[1000, 1000, 1240]; 3]));
        assert_eq!(fine.judge().failures, [""; 0]);
        assert_eq!(fine.judge().passed, 2);
        let slow = of(&turns(
            "read-vma",
            [[1000, 1000, 1240], [1000, 1000, 1280], [1000, 1000, 1300]],
        ));
        assert_eq!(
            slow.judge().failures,
            [
                "read-vma in rust, 2 processor(s): keeps 0.78 of its rate beside a writer: less than 0.8"
            ]
        );
    }

    #[test]
    fn readers_of_the_mmap_lock_may_be_disturbed() {
        let contention = of(&turns("read-mmap", [[1000, 1000, 100_000]; 3]));
        assert_eq!(contention.judge().failures, [""; 0]);
        assert_eq!(contention.readers[0].kept(), 0.01);
    }

    #[test]
    fn turns_on_a_busy_host_do_not_count() {
        let mut all = vec![[1000, 1000, 1000]; 2];
        all.push([1000, 1300, 90_000]);
        let lines = turns("read-vma", [all[0], all[1], all[2]]);
        let busy = of(&lines);
        assert_eq!((busy.readers[0].counted(), busy.readers[0].turns), (2, 3));
        assert_eq!(busy.readers[0].kept(), 1.0);
        let failures = busy.judge().failures;
        assert!(
            failures[0].starts_with("the host seldom ran 2 processor(s)"),
            "{failures:?}"
        );
        assert_eq!(failures.len(), 1);

        let enough = of(&[lines, turns("read-vma", [all[0]; 3])].concat());
        assert_eq!(enough.readers[0].counted(), 5);
        assert_eq!(enough.judge().failures, [""; 0]);
        assert_eq!(of(&[]).judge().failed, 1);

        let idle = lines_without_a_writer();
        assert_eq!(of(&idle).readers[0].counted(), 0);
    }

    #[test]
    fn on_one_processor_all_turns_count() {
        let lines: Vec<Line> = turns("read-vma", [[1000, 4000, 4000]; 3])
            .iter()
            .map(|line| Line::parse(line).unwrap())
            .collect();
        assert_eq!(Contention::of(1, &lines).readers[0].counted(), 3);
        assert_eq!(Contention::of(2, &lines).readers[0].counted(), 0);
    }

    #[test]
    fn waits_are_those_beside_the_readers() {
        let contention = contention(&[
            "waits none none 0 mmap 9 1000 2000 3000",
            "turn read-mmap c 0 none 10 10 1000",
            "turn read-mmap c 0 elsewhere 10 10 1000",
            "waits read-mmap c 0 mmap 9 4000 5000 6000",
            "turn read-mmap c 0 here 10 10 1000",
            "turn read-mmap c 0 elsewhere 10 10 1000",
            "turn read-mmap c 0 none 10 10 1000",
            "turn read-mmap c 0 elsewhere 10 10 1000",
            "waits read-mmap c 0 mmap 9 8000 5000 9000",
            "turn read-mmap c 0 here 10 10 1000",
            "turn read-mmap c 0 elsewhere 10 10 9000",
        ]);
        let [alone, beside] = &contention.calls[..] else {
            panic!("{:?}", contention.calls);
        };
        assert_eq!(alone.reader, None);
        assert_eq!(alone.worst, 3.0);
        // Those of the second turn do not count.
        assert_eq!((beside.median.median, beside.worst), (4.0, 6.0));
    }
}
