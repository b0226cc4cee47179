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

use super::contention::Contention;
use faults::Faults;
use projection::Projection;
use sizes::Sizes;
use writes::Writes;

/// All that is shown together.
pub struct Scaling<'a> {
    /// What of it is shown nowhere else.
    pub contention: &'a [Contention],
    /// On one processor, and on two.
    pub faults: &'a [Faults],
    pub sizes: &'a Sizes,
    pub writes: &'a Writes,
    pub projection: &'a Projection,
}
