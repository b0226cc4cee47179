// SPDX-License-Identifier: GPL-2.0

//! What becomes of it on larger machines and in larger address spaces: page faults beside others, VMAs that are far
//! apart, and the cache lines that an operation writes, from which follows what many processors can do at most.

pub mod faults;
pub mod projection;
pub mod sheet;
pub mod sizes;
pub mod symbols;
pub mod table;
pub mod writes;

use crate::report::Outcome;
use faults::Faults;
use projection::Projection;
use serde::Serialize;
use sizes::Sizes;
use writes::Writes;

#[derive(Debug, Serialize)]
pub struct Scaling {
    /// On one processor, and on two.
    pub faults: Vec<Faults>,
    pub sizes: Sizes,
    pub writes: Writes,
    pub projection: Projection,
}

impl Scaling {
    pub fn judge(&self) -> Outcome {
        let mut outcome = self.sizes.judge();
        outcome.add(self.writes.judge());
        self.faults
            .iter()
            .for_each(|faults| outcome.add(faults.judge()));
        outcome
    }
}
