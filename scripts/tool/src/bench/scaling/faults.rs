// SPDX-License-Identifier: GPL-2.0

//! How many page faults threads get done beside others. Who takes only VMA locks for them does not wait for the mmap
//! lock, so a writer in the same address space is to cost no more than one in another. Judged is the time in which
//! memory is touched: what comes between, giving it back, has the other processors forget about it, and has to wait
//! until the host runs them.

use crate::bench::lines::{Fault, Line};
use crate::bench::spread::Spread;
use crate::report::Outcome;
use serde::Serialize;

/// How much of its rate a thread keeps at least. On a busy host the median of all turns may be off by a fifth; a thread
/// that waits for the mmap lock keeps a third.
const KEPT: f64 = 0.6;

/// How many turns there have to be.
const ENOUGH: usize = 5;

/// So many threads beside somebody.
#[derive(Debug, Serialize)]
pub struct Row {
    pub threads: u64,
    pub beside: String,
    /// That somebody's.
    pub language: String,
    /// Page faults in a millisecond of all threads together, while they touch memory.
    pub alone: Spread,
    pub elsewhere: Spread,
    pub here: Spread,
    /// The same, with the time that it takes to give the memory back.
    pub here_with_returns: Spread,
    /// What is kept of the rate, in each turn, beside somebody here instead of elsewhere before and after.
    pub kept: Spread,
}

#[derive(Debug, Serialize)]
pub struct Faults {
    pub processors: u32,
    pub rows: Vec<Row>,
}

/// Faults in a millisecond of touching.
fn rate(turn: &Fault) -> f64 {
    turn.threads as f64 * turn.faults as f64 * 1e6 / turn.touching.max(1) as f64
}

fn with_returns(turn: &Fault) -> f64 {
    turn.faults as f64 * 1e6 / turn.ticks.max(1) as f64
}

impl Row {
    /// From turns that come in fours: alone, elsewhere, here, elsewhere.
    fn of(turns: &[&Fault]) -> Self {
        let first = turns[0];
        let mut row = Self {
            threads: first.threads,
            beside: first.beside.clone(),
            language: first.language.clone(),
            alone: Spread::default(),
            elsewhere: Spread::default(),
            here: Spread::default(),
            here_with_returns: Spread::default(),
            kept: Spread::default(),
        };
        for turns in turns.chunks_exact(4) {
            let [alone, before, here, after] = [0, 1, 2, 3].map(|at| rate(turns[at]));
            row.alone.add(alone);
            row.elsewhere.add((before + after) / 2.0);
            row.here.add(here);
            row.here_with_returns.add(with_returns(turns[2]));
            row.kept.add(2.0 * here / (before + after));
        }
        row
    }

    fn name(&self) -> String {
        let Self {
            threads,
            beside,
            language,
            ..
        } = self;
        match language.as_str() {
            "none" => format!("{threads} thread(s) beside a {beside}"),
            language => format!("{threads} thread(s) beside {beside} in {language}"),
        }
    }
}

impl Faults {
    pub fn of(processors: u32, lines: &[Line]) -> Self {
        let mut all: Vec<Vec<&Fault>> = Vec::new();
        let key = |turn: &Fault| (turn.threads, turn.beside.clone(), turn.language.clone());
        for line in lines {
            let Line::Fault(turn) = line else {
                continue;
            };
            match all.iter_mut().find(|turns| key(turns[0]) == key(turn)) {
                Some(turns) => turns.push(turn),
                None => all.push(vec![turn]),
            }
        }
        let rows = all.iter().map(|turns| Row::of(turns)).collect();
        Self { processors, rows }
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let processors = self.processors;
        let is_enough = |row: &Row| row.kept.all.len() >= ENOUGH;
        let enough = !self.rows.is_empty() && self.rows.iter().all(is_enough);
        outcome.check(enough, || {
            format!("page faults, {processors} processor(s): less than {ENOUGH} turns of each kind")
        });
        for row in &self.rows {
            let kept = row.kept.median;
            outcome.check(kept >= KEPT, || {
                let name = row.name();
                format!(
                    "page faults, {processors} processor(s): {name}: keep {kept:.2} of their rate: less than {KEPT}"
                )
            });
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five turns of a thread, in which 100 faults took so long alone, beside somebody elsewhere, and here.
    fn faults(ticks: [u64; 3]) -> Faults {
        let [alone, elsewhere, here] = ticks;
        let ways = [
            ("none", alone),
            ("elsewhere", elsewhere),
            ("here", here),
            ("elsewhere", elsewhere),
        ];
        let lines = |_| {
            ways.map(|(at, ticks)| {
                let text = format!("fault 1 read-vma rust {at} 100 200000 {ticks}");
                Line::parse(&text).unwrap()
            })
        };
        let lines: Vec<Line> = (0..ENOUGH).flat_map(lines).collect();
        Faults::of(2, &lines)
    }

    #[test]
    fn threads_that_go_on_pass() {
        let faults = faults([100_000, 100_000, 160_000]);
        assert_eq!(faults.judge().failures, [""; 0]);
        assert_eq!(faults.judge().passed, 2);
        let row = &faults.rows[0];
        assert_eq!(row.alone.median, 1000.0);
        assert_eq!(row.here_with_returns.median, 500.0);
    }

    #[test]
    fn threads_that_wait_are_a_failure() {
        assert_eq!(
            faults([100_000, 100_000, 175_000]).judge().failures,
            [
                "page faults, 2 processor(s): 1 thread(s) beside read-vma in rust: keep 0.57 of their rate: less than 0.6"
            ]
        );
        assert_eq!(Faults::of(1, &[]).judge().failed, 1);
    }
}
