// SPDX-License-Identifier: GPL-2.0

//! The two drivers, and what they can do.

use crate::abi::{self, Run, operation};
use std::fs::File;
use std::io::{Error, Result};
use vma_guest::sys;

const RUN: u32 = sys::encode_iowr::<Run>(abi::IOC_TYPE, abi::RUN_NR);

/// One of the drivers, and what its language is called.
pub struct Device {
    pub language: &'static str,
    file: File,
}

/// An operation, and what it is called.
#[derive(Debug)]
pub struct Operation {
    pub number: u64,
    pub name: &'static str,
}

const fn operation(number: u64, name: &'static str) -> Operation {
    Operation { number, name }
}

/// Counts the VMAs on its way.
pub const WALK_MMAP: Operation = operation(operation::WALK_MMAP, "walk-mmap");

/// Operations whose cost is measured: those that walk, and those that look VMAs up.
pub const WALKS: [Operation; 3] = [
    operation(operation::WALK_VMA, "walk-vma"),
    operation(operation::WALK_LOOP, "walk-loop"),
    WALK_MMAP,
];
pub const LOOKUPS: [Operation; 3] = [
    operation(operation::READ_VMA, "read-vma"),
    operation(operation::READ_MMAP, "read-mmap"),
    operation(operation::LOCK_TWO, "lock-two"),
];

/// Readers that let go of their lock at once, and those that hold it for a time.
pub const READERS: [Operation; 2] = [
    operation(operation::READ_VMA, "read-vma"),
    operation(operation::READ_MMAP, "read-mmap"),
];
pub const HOLDERS: [Operation; 2] = [
    operation(operation::HOLD_VMA, "hold-vma"),
    operation(operation::HOLD_MMAP, "hold-mmap"),
];

/// What a run is to do.
#[derive(Clone, Copy, Default)]
pub struct Order {
    pub rounds: u64,
    pub addr: [usize; 2],
    pub hold_us: u64,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub ticks: u64,
    pub operations: u64,
    pub sum: u64,
}

/// Both drivers.
pub struct Devices {
    pub c: Device,
    pub rust: Device,
}

impl Devices {
    pub fn open() -> Result<Self> {
        Ok(Self {
            c: Device::open("c", "/dev/vma-bench-c")?,
            rust: Device::open("rust", "/dev/vma-bench-rust")?,
        })
    }

    /// In the order in which they take turns.
    pub fn both(&self) -> [&Device; 2] {
        [&self.c, &self.rust]
    }

    /// The loop of known instructions, which only C can have. Returns how many those are.
    pub fn run_loop(&self, rounds: u64) -> Result<(u64, Done)> {
        const LOOP: Operation = operation(operation::LOOP, "loop");
        let order = Order {
            rounds,
            ..Order::default()
        };
        Ok((2 * rounds, self.c.run(&LOOP, order)?))
    }
}

impl Device {
    fn open(language: &'static str, path: &str) -> Result<Self> {
        let file = File::open(path).map_err(|e| {
            Error::other(format!(
                "{path}: {e}; it takes a kernel with CONFIG_SAMPLE_RUST_VMA_BENCH"
            ))
        })?;
        Ok(Self { language, file })
    }

    /// Has the driver do an operation on this process's VMAs.
    pub fn run(&self, operation: &Operation, order: Order) -> Result<Done> {
        assert!(order.rounds <= abi::MAX_ROUNDS && order.hold_us <= abi::MAX_HOLD);
        let [first, second] = order.addr.map(|addr| addr as u64);
        let mut words: Run = [
            operation.number,
            order.rounds,
            first,
            second,
            order.hold_us,
            0,
            0,
            0,
        ];
        sys::ioctl_words(&self.file, RUN, &mut words).map_err(|e| {
            let Operation { name, .. } = operation;
            Error::other(format!("{name} in {}: {e}", self.language))
        })?;
        let [.., ticks, operations, sum] = words;
        Ok(Done {
            ticks,
            operations,
            sum,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = include_str!("../../../../../samples/rust/vma/bench/vma_bench.h");

    /// The value of a macro of the header's.
    fn defined(name: &str) -> u64 {
        let line = HEADER.lines().find_map(|line| {
            let (found, value) = line.strip_prefix("#define VMA_BENCH_")?.split_once(' ')?;
            (found == name).then_some(value)
        });
        line.expect(name).parse().expect(name)
    }

    #[test]
    fn both_sides_mean_the_same_by_a_number() {
        let all = WALKS.iter().chain(&LOOKUPS).chain(&HOLDERS);
        for operation in all {
            let name = operation.name.to_uppercase().replace('-', "_");
            assert_eq!(operation.number, defined(&name), "{name}");
        }
        assert_eq!(operation::LOOP, defined("LOOP"));
        assert_eq!(abi::MAX_ROUNDS, defined("MAX_ROUNDS"));
        assert!(HEADER.contains(&format!(
            "#define VMA_BENCH_RUN _IOWR('{}', {:#x}, struct vma_bench_run)",
            char::from(abi::IOC_TYPE),
            abi::RUN_NR
        )));
    }
}
