// SPDX-License-Identifier: GPL-2.0

//! What operations cost where the same number of VMAs is close together and far apart. The tree
//! that they are in does not care how long a range is; but a gap is a range, too, so VMAs with gaps
//! between them and VMAs without are not the same thing.

use crate::device::{Devices, LOOKUPS, Order, WALK_MMAP, WALKS};
use crate::line;
use crate::mappings::Mappings;
use crate::turns;
use std::io::Result;

/// How many mappings there are besides those of the program itself.
const MAPPINGS: usize = 1_000;

/// Over how many bytes they are spread: the last is half of what a process has.
const SPANS: [usize; 4] = [4 << 20, 1 << 30, 1 << 40, 64 << 40];

/// Runs of each operation that count, after one that does not.
const RUNS: usize = 7;

/// How much work is in a run: VMAs that are looked at.
const VMAS_PER_RUN: u64 = 10_000;

/// Each span without gaps and, where there is room for them, with.
fn all() -> impl Iterator<Item = (usize, bool)> {
    let with_gaps = SPANS.into_iter().skip(1).map(|span| (span, true));
    SPANS.into_iter().map(|span| (span, false)).chain(with_gaps)
}

pub fn measure(devices: &Devices) -> Result<()> {
    let operations = WALKS.len() + LOOKUPS.len();
    line::plan(all().count() * operations * RUNS * devices.both().len());
    for (span, gaps) in all() {
        let mappings = Mappings::spread(MAPPINGS, span, gaps)?;
        let once = Order {
            rounds: 1,
            addr: [mappings.third(1), mappings.third(2)],
            ..Order::default()
        };
        let vmas = devices.c.run(&WALK_MMAP, once)?.operations;
        let walk = (VMAS_PER_RUN / vmas).max(1);
        let walks = WALKS.iter().map(|walks| (walks, walk));
        for (operation, rounds) in walks.chain(LOOKUPS.iter().map(|one| (one, VMAS_PER_RUN))) {
            let order = Order { rounds, ..once };
            turns::take(devices, RUNS, operation, order, |device, done| {
                line::size((span, gaps), vmas, operation, device.language, done);
            })?;
        }
    }
    Ok(())
}
