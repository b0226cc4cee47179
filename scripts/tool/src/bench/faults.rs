// SPDX-License-Identifier: GPL-2.0

//! The rates of page faults while another task writes or reads. Page faults that take only VMA locks do not wait for the
//! mmap lock, so a writer in the same address space should cost no more than one in another. The time in which memory is
//! touched is judged: giving it back interrupts the other processors, and waits until the host runs them.

use super::spread::Spread;
use crate::page::Table;
use crate::report::Outcome;
use bench_records::{self as records, Language, Record};
use serde::Serialize;

/// The part of its rate that a thread keeps at least. On a busy host the median of all turns may be off by a fifth; a
/// thread that waits for the mmap lock keeps a third.
const KEPT: f64 = 0.6;

/// The number of turns that are needed.
const ENOUGH: usize = 5;

/// Threads, and the other task: page faults per millisecond of all threads together while they touch memory.
#[derive(Debug, Serialize)]
struct Row {
    threads: u64,
    /// None if the other task is a writer.
    reader: Option<(String, Language)>,
    alone: Spread,
    elsewhere: Spread,
    here: Spread,
    /// The rate including the time to give the memory back.
    here_with_returns: Spread,
    /// The part of the rate that is kept with the other task here instead of elsewhere, before and after.
    kept: Spread,
}

#[derive(Debug, Serialize)]
pub struct Faults {
    processors: u32,
    rows: Vec<Row>,
}

fn rate(turn: &records::Faults) -> f64 {
    turn.threads as f64 * turn.faults as f64 * 1e6 / turn.touching.max(1) as f64
}

impl Row {
    /// Takes turns in fours: alone, elsewhere, here, elsewhere.
    fn of(turns: &[&records::Faults]) -> Self {
        let fours = || turns.chunks_exact(4);
        let elsewhere = |turns: &[&records::Faults]| (rate(turns[1]) + rate(turns[3])) / 2.0;
        Self {
            threads: turns[0].threads,
            reader: turns[0].reader.clone(),
            alone: fours().map(|turns| rate(turns[0])).collect(),
            elsewhere: fours().map(elsewhere).collect(),
            here: fours().map(|turns| rate(turns[2])).collect(),
            here_with_returns: fours()
                .map(|turns| turns[2].faults as f64 * 1e6 / turns[2].ticks.max(1) as f64)
                .collect(),
            kept: fours()
                .map(|turns| rate(turns[2]) / elsewhere(turns))
                .collect(),
        }
    }

    fn other(&self) -> String {
        match &self.reader {
            None => "writer".to_string(),
            Some((operation, language)) => format!("{operation}, {language}"),
        }
    }

    fn name(&self) -> String {
        format!("{} thread(s), {}", self.threads, self.other())
    }
}

impl Faults {
    pub fn of(processors: u32, records: &[Record]) -> Self {
        let mut all: Vec<Vec<&records::Faults>> = Vec::new();
        for record in records {
            let Record::Faults(turn) = record else {
                continue;
            };
            let is_same = |turns: &&mut Vec<&records::Faults>| {
                (turns[0].threads, &turns[0].reader) == (turn.threads, &turn.reader)
            };
            match all.iter_mut().find(is_same) {
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
                    "page faults, {processors} processor(s), {name}: keeps {kept:.2} of its rate: less than {KEPT}"
                )
            });
        }
        outcome
    }

    pub fn table(&self) -> Table {
        let rows = self.rows.iter().map(|row| {
            vec![
                row.name(),
                format!("{:.1}", row.alone.median),
                format!("{:.1}", row.elsewhere.median),
                format!("{:.1}", row.here.median),
                format!("{:.1}", row.here_with_returns.median),
                format!("{:.0} %", 100.0 * row.kept.median),
            ]
        });
        let columns = [
            "threads, the other task",
            "alone",
            "elsewhere",
            "here",
            "with giving back",
            "kept",
        ];
        let caption = format!(
            "Page faults per ms while memory is touched, {} processor(s), by the place of another task",
            self.processors
        );
        Table::new(&caption, &columns, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::faults;
    use super::*;

    /// Turns of a thread, with the ticks of 100 faults.
    fn turns(count: usize, ticks: [u64; 3]) -> Faults {
        let turns = (0..count).flat_map(|_| faults(1, Some("read-vma"), ticks));
        Faults::of(2, &turns.collect::<Vec<_>>())
    }

    #[test]
    fn threads_that_lose_their_rate_are_a_failure() {
        let good = turns(5, [100_000, 100_000, 160_000]);
        assert_eq!(good.judge().failures, [""; 0]);
        assert_eq!(good.judge().passed, 2);
        assert_eq!(
            turns(5, [100_000, 100_000, 175_000]).judge().failures,
            [
                "page faults, 2 processor(s), 1 thread(s), read-vma, Rust: keeps 0.57 of its rate: less than 0.6"
            ]
        );
        assert_eq!(turns(4, [100_000; 3]).judge().failed, 1);
        assert_eq!(Faults::of(1, &[]).judge().failed, 1);
    }

    #[test]
    fn the_table_shows_all_places() {
        let mut records = faults(2, None, [200_000, 400_000, 500_000]);
        // A turn that does not come to its end.
        records.extend(faults(1, Some("read-mmap"), [1; 3]).into_iter().take(3));
        let faults = Faults::of(1, &records);
        assert_eq!(
            faults.table().rows[0].cells,
            [
                "2 thread(s), writer",
                "1000.0",
                "500.0",
                "400.0",
                "500.0",
                "80 %"
            ]
        );
        assert!(faults.rows[1].kept.all.is_empty());
    }
}
