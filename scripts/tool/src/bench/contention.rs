// SPDX-License-Identifier: GPL-2.0

//! How fast readers are beside a writer, how long its calls take beside them, and whether readers of the VMA lock go on
//! undisturbed.

use super::lines::{Beside, Line};
use super::spread::Spread;
use crate::report::Outcome;
use serde::Serialize;

/// How much of its rate a VMA-lock reader keeps at least, beside a writer of the same address space.
const KEPT: f64 = 0.8;

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

    fn rate(&mut self, writer: &str) -> &mut Spread {
        match writer {
            "none" => &mut self.alone,
            "elsewhere" => &mut self.elsewhere,
            _ => &mut self.here,
        }
    }
}

/// Whether the lock that an operation takes is that of a VMA.
pub fn locks_vma(operation: &str) -> bool {
    operation.ends_with("-vma")
}

impl Contention {
    pub fn of(lines: &[Line]) -> Self {
        let mut contention = Self::default();
        for line in lines {
            match line {
                Line::Turn(turn) => {
                    let reader = contention.reader(&turn.beside);
                    let rate = turn.operations as f64 * 1e6 / turn.ticks.max(1) as f64;
                    reader.rate(&turn.beside.writer).add(rate);
                    let missed = 1.0 - turn.operations as f64 / turn.rounds.max(1) as f64;
                    reader.missed = reader.missed.max(missed);
                }
                Line::Waits(waits) if waits.beside.writer == "here" => {
                    let call = contention.call(&waits.beside, &waits.call);
                    let us = |ns: u64| ns as f64 / 1e3;
                    call.median.add(us(waits.median));
                    call.p99.add(us(waits.p99));
                    call.worst = call.worst.max(us(waits.worst));
                }
                _ => (),
            }
        }
        contention
    }

    fn reader(&mut self, beside: &Beside) -> &mut Reader {
        let same = |reader: &Reader| {
            (&reader.operation, &reader.language, reader.hold_us)
                == (&beside.operation, &beside.language, beside.hold_us)
        };
        let at = match self.readers.iter().position(same) {
            Some(at) => at,
            None => {
                self.readers.push(Reader {
                    operation: beside.operation.clone(),
                    language: beside.language.clone(),
                    hold_us: beside.hold_us,
                    alone: Spread::default(),
                    elsewhere: Spread::default(),
                    here: Spread::default(),
                    missed: 0.0,
                });
                self.readers.len() - 1
            }
        };
        &mut self.readers[at]
    }

    fn call(&mut self, beside: &Beside, name: &str) -> &mut Call {
        let reader = (beside.operation != "none").then(|| {
            (
                beside.operation.clone(),
                beside.language.clone(),
                beside.hold_us,
            )
        });
        let same = |call: &Call| call.call == name && call.reader == reader;
        let at = match self.calls.iter().position(same) {
            Some(at) => at,
            None => {
                self.calls.push(Call {
                    call: name.to_string(),
                    reader,
                    median: Spread::default(),
                    p99: Spread::default(),
                    worst: 0.0,
                });
                self.calls.len() - 1
            }
        };
        &mut self.calls[at]
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for reader in self.readers.iter().filter(|reader| reader.locks_vma()) {
            let kept = reader.kept();
            outcome.check(kept >= KEPT, || {
                let Reader {
                    operation,
                    language,
                    ..
                } = reader;
                format!("{operation} in {language}: keeps {kept:.2} of its rate beside a writer: less than {KEPT}")
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
        Contention::of(&lines)
    }

    #[test]
    fn rates_are_of_the_reads_that_succeed() {
        let contention = contention(&[
            "turn read-vma rust 0 none 1000 1000 1000000",
            "turn read-vma rust 0 elsewhere 1000 1000 1000000",
            "turn read-vma rust 0 here 1000 900 1000000",
            "turn read-vma rust 0 elsewhere 1000 1000 500000",
            "turn read-vma rust 0 elsewhere 1000 1000 800000",
        ]);
        let reader = &contention.readers[0];
        assert_eq!(reader.elsewhere.all, [1000.0, 2000.0, 1250.0]);
        assert_eq!(reader.kept(), 900.0 / 1250.0);
        assert!((reader.missed - 0.1).abs() < 1e-9);
        assert_eq!(
            contention.judge().failures,
            ["read-vma in rust: keeps 0.72 of its rate beside a writer: less than 0.8"]
        );
    }

    #[test]
    fn readers_of_the_mmap_lock_may_be_disturbed() {
        let contention = contention(&[
            "turn read-vma c 0 elsewhere 10 10 1000",
            "turn read-vma c 0 here 10 10 1250",
            "turn read-mmap c 0 elsewhere 10 10 1000",
            "turn read-mmap c 0 here 10 10 100000",
        ]);
        assert_eq!(contention.judge().failures, [""; 0]);
        assert_eq!(contention.judge().passed, 1);
        assert_eq!(contention.readers[1].kept(), 0.01);
    }

    #[test]
    fn waits_are_those_beside_the_readers() {
        let contention = contention(&[
            "waits none none 0 here mmap 9 1000 2000 3000",
            "waits read-mmap c 0 elsewhere mmap 9 1 1 1",
            "waits read-mmap c 0 here mmap 9 4000 5000 6000",
            "waits read-mmap c 0 here mmap 9 8000 5000 5000",
        ]);
        let [alone, beside] = &contention.calls[..] else {
            panic!("{:?}", contention.calls);
        };
        assert_eq!(alone.reader, None);
        assert_eq!(alone.worst, 3.0);
        assert_eq!((beside.median.median, beside.worst), (6.0, 6.0));
    }
}
