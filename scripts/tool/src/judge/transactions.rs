// SPDX-License-Identifier: GPL-2.0

//! Transactions of Binder, of the kernel's own and of the one with typed VMAs.

use super::records::{Record, Transactions, of_kind};
use super::{Spread, Table, group, ratio, shown};
use crate::report::Outcome;
use serde::Serialize;

/// The typed one may take this many times the instructions of the other. The figures of two boots differ by less than what
/// is more than one here.
const MOST: f64 = 1.005;

/// Instructions per transaction with a payload, on two kernels.
#[derive(Debug, PartialEq, Serialize)]
pub struct Figure {
    pub payload: u64,
    pub typed: Spread,
    pub upstream: Spread,
}

/// The figures of two boots that measured the same payloads.
pub fn figures(typed: &[Record], upstream: &[Record]) -> Vec<Figure> {
    let of = |records: &[Record]| -> Vec<(u64, Spread)> {
        let runs = of_kind!(records, Transactions);
        let runs = runs.map(|run: &Transactions| (run.payload, run.ticks as f64));
        let by_payload = group(runs).into_iter();
        by_payload
            .map(|(payload, all)| (payload, Spread::of(all)))
            .collect()
    };
    let upstream = of(upstream);
    let find = |payload| upstream.iter().find(|(other, _)| *other == payload);
    of(typed)
        .into_iter()
        .map(|(payload, typed)| Figure {
            payload,
            typed,
            upstream: find(payload)
                .map(|(_, all)| all.clone())
                .unwrap_or_default(),
        })
        .collect()
}

pub fn judge(figures: &[Figure]) -> Outcome {
    let mut outcome = Outcome::default();
    for figure in figures {
        let (typed, upstream) = (figure.typed.median, figure.upstream.median);
        // Also false if there is none of the other.
        outcome.check(ratio(typed, upstream) <= MOST, || {
            format!(
                "a transaction of {} bytes takes {typed:.0} instructions, and {upstream:.0} without typed VMAs: more than \
                 {MOST} times as many",
                figure.payload
            )
        });
    }
    outcome.check(!figures.is_empty(), || {
        "no transaction was measured".to_string()
    });
    outcome
}

pub fn table(figures: &[Figure]) -> Table {
    let rows = figures.iter().map(|figure| {
        let (typed, upstream) = (figure.typed.median, figure.upstream.median);
        let cells = [(upstream, 0), (typed, 0), (ratio(typed, upstream), 4)];
        let cells = cells.map(|(value, decimals)| shown(value, decimals));
        [vec![figure.payload.to_string()], cells.to_vec()].concat()
    });
    Table::new(
        "Instructions of a transaction of Rust Binder, until the answer is there",
        "bytes | without the overlay | typed VMAs | ratio",
        rows,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(ticks: [u64; 3]) -> Vec<Record> {
        let record =
            |(payload, ticks): (u64, u64)| Record::Transactions(Transactions { payload, ticks });
        let runs = [(8, ticks[0]), (8, ticks[1]), (1024, ticks[2])];
        runs.map(record).to_vec()
    }

    #[test]
    fn more_instructions_than_without_fail() {
        let upstream = boot([100, 300, 4000]);
        let equal = figures(&upstream, &upstream);
        assert_eq!(equal.len(), 2);
        assert_eq!((equal[0].payload, equal[0].typed.median), (8, 200.0));
        assert_eq!(judge(&equal).last_line(), "3 passed, 0 failed");

        let slower = figures(&boot([100, 300, 4030]), &upstream);
        let failure = "a transaction of 1024 bytes takes 4030 instructions, and 4000 without typed VMAs: more than 1.005 times \
                       as many";
        assert_eq!(judge(&slower).failures, [failure]);
        assert!(table(&slower).text().contains("1.0075"));
    }

    #[test]
    fn missing_figures_fail() {
        let some = boot([100, 300, 4000]);
        assert_eq!(judge(&figures(&some, &some[..2])).failed, 1);
        assert_eq!(judge(&figures(&[], &some)).failed, 1);
    }
}
