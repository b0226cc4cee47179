// SPDX-License-Identifier: GPL-2.0

//! The content of scripts/bench/bounds.toml, which says what each is.

use serde::Deserialize;
use std::sync::LazyLock;

pub static BOUNDS: LazyLock<Bounds> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../bench/bounds.toml")).expect("bounds.toml has all bounds")
});

/// A type for each table.
macro_rules! tables {
    ($($name:ident { $($key:ident: $type:ty),* })*) => {
        $(#[derive(Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name { $(pub $key: $type),* })*
    };
}

tables! {
    Bounds {
        clock: Clock, counts: Counts, helpers: Helpers, exceptions: Exceptions, baseline: Baseline, costs: Costs,
        writes: Writes, projection: Projection, contention: Contention, faults: Faults, code: Code, build_cost: BuildCost
    }
    Clock { exact: f64 }
    Counts { apart: f64, exact: f64, around: f64 }
    Helpers { call: f64, aligned_stack: f64 }
    Exceptions { near: f64 }
    Baseline { more: f64, more_fraction: f64 }
    Costs { most: f64, flat: f64, walk_loop: WalkLoop }
    WalkLoop { count: f64, span: f64, gaps: f64 }
    Writes {
        once: f64, mmap_lock: Vec<String>, vma_lock: Vec<String>, sequence: Vec<String>, fields: Vec<String>, task: String
    }
    Projection { processors: Vec<u32>, transfers_ns: Vec<f64>, instruction_ns: f64 }
    Contention { kept: f64, quiet: f64, enough: usize }
    Faults { kept: f64, enough: usize }
    Code { stack: u64 }
    BuildCost { runs: usize, time: f64, memory: f64 }
}
