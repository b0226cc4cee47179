// SPDX-License-Identifier: GPL-2.0

//! The drivers, and what they can do.

use crate::abi::{self, Name, Run, operation};
use serde::Serialize;
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use vma_guest::sys::{self, memory};

const RUN: u32 = sys::encode_iowr::<Run>(abi::IOC_TYPE, abi::RUN_NR);
const NAME: u32 = sys::encode_iowr::<Name>(abi::IOC_TYPE, abi::NAME_NR);

/// One of the drivers.
pub struct Device {
    /// The language of its code, and for `upstream` of the API that upstream has.
    pub language: &'static str,
    file: File,
}

/// An operation or a primitive of a driver.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    number: u64,
    pub name: &'static str,
    /// The mapping that a primitive needs at its first address.
    pub place: u64,
    pub is_once_per_page: bool,
}

const fn operation(number: u64, name: &'static str) -> Operation {
    Operation {
        number,
        name,
        place: 0,
        is_once_per_page: false,
    }
}

/// Counts the VMAs on its way.
pub const WALK_MMAP: Operation = operation(operation::WALK_MMAP, "walk-mmap");

const READ_VMA: Operation = operation(operation::READ_VMA, "read-vma");
const READ_MMAP: Operation = operation(operation::READ_MMAP, "read-mmap");

/// Operations whose cost is measured: those that walk, and those that look VMAs up.
pub const WALKS: [Operation; 3] = [
    operation(operation::WALK_VMA, "walk-vma"),
    operation(operation::WALK_LOOP, "walk-loop"),
    WALK_MMAP,
];
pub const LOOKUPS: [Operation; 3] = [
    READ_VMA,
    READ_MMAP,
    operation(operation::LOCK_TWO, "lock-two"),
];

/// Readers that let go of their lock at once, and those that hold it for a time.
pub const READERS: [Operation; 2] = [READ_VMA, READ_MMAP];
pub const HOLDERS: [Operation; 2] = [
    operation(operation::HOLD_VMA, "hold-vma"),
    operation(operation::HOLD_MMAP, "hold-mmap"),
];

/// The request of a run.
#[derive(Clone, Copy)]
pub struct Order {
    pub rounds: u64,
    pub addr: [usize; 2],
    pub hold_us: u64,
}

impl Order {
    pub fn new(rounds: u64, addr: [usize; 2]) -> Self {
        Self {
            rounds,
            addr,
            hold_us: 0,
        }
    }
}

/// The result of a run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Done {
    pub operations: u64,
    pub ticks: u64,
    /// The sum of all values that were read.
    pub sum: u64,
}

/// The drivers: the two that can do everything, and one that uses what is upstream.
pub struct Devices([Device; 3]);

impl Devices {
    pub fn open() -> Result<Self> {
        Ok(Self([
            Device::open("c")?,
            Device::open("rust")?,
            Device::open("upstream")?,
        ]))
    }

    pub fn c(&self) -> &Device {
        &self.0[0]
    }

    /// C and Rust, in the order in which they take turns.
    pub fn both(&self) -> &[Device] {
        &self.0[..2]
    }

    /// Those of which each has some primitives.
    pub fn all(&self) -> &[Device] {
        &self.0
    }

    /// Returns just after an interrupt of the timer.
    pub fn tick(&self) -> Result<()> {
        let tick = operation(operation::TICK, "tick");
        self.c().run(&tick, Order::new(1, [0; 2]))?;
        Ok(())
    }

    /// The loop of known instructions, which only C can have. Returns how many those are.
    pub fn run_loop(&self, rounds: u64) -> Result<(u64, Done)> {
        let loops = operation(operation::LOOP, "loop");
        let done = self.c().run(&loops, Order::new(rounds, [0; 2]))?;
        Ok((2 * rounds, done))
    }
}

impl Device {
    fn open(language: &'static str) -> Result<Self> {
        let path = format!("/dev/vma-bench-{language}");
        let file = File::options().read(true).write(true).open(&path);
        let file = file.map_err(|e| {
            Error::other(format!(
                "{path}: {e}; it takes a kernel with CONFIG_SAMPLE_RUST_VMA_BENCH"
            ))
        })?;
        Ok(Self { language, file })
    }

    /// All primitives that the driver has.
    pub fn primitives(&self) -> Result<Vec<Operation>> {
        let mut all = Vec::new();
        for number in 0.. {
            let mut words: Name = [number, 0, 0, 0, 0, 0, 0, 0];
            match sys::ioctl_words(&self.file, NAME, &mut words) {
                Ok(()) => all.push(Operation::of(&words)),
                Err(e) if e.raw_os_error() == Some(libc::ENOENT) => break,
                Err(e) => return Err(e),
            }
        }
        Ok(all)
    }

    /// Maps pages of the driver, of one of the kinds of [`abi::kind`].
    pub fn map(&self, addr: usize, pages: usize, kind: u64) -> Result<()> {
        let page = sys::page_size();
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let offset = (kind * abi::kind::PAGES) as i64 * page as i64;
        let file = Some((self.file.as_raw_fd(), offset));
        memory::map(addr, pages * page, prot, libc::MAP_SHARED, file)
    }

    /// Has the driver do an operation on this process's VMAs.
    pub fn run(&self, operation: &Operation, order: Order) -> Result<Done> {
        assert!(order.rounds <= abi::MAX_ROUNDS && order.hold_us <= abi::MAX_HOLD);
        let [first, second] = order.addr.map(|addr| addr as u64);
        let number = operation.number;
        let mut words: Run = [number, order.rounds, first, second, order.hold_us, 0, 0, 0];
        sys::ioctl_words(&self.file, RUN, &mut words)
            .map_err(|e| Error::other(format!("{} in {}: {e}", operation.name, self.language)))?;
        let [.., ticks, operations, sum] = words;
        Ok(Done {
            operations,
            ticks,
            sum,
        })
    }
}

impl Operation {
    /// A primitive by its description.
    fn of(words: &Name) -> Self {
        let [number, place, once_per_page, ..] = *words;
        let name = words[abi::NAME_AT..]
            .iter()
            .flat_map(|word| word.to_ne_bytes());
        let name = name.take_while(|byte| *byte != 0).collect();
        Self {
            number: operation::PRIMITIVES + number,
            name: String::from_utf8(name).expect("names are ASCII").leak(),
            place,
            is_once_per_page: once_per_page != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = include_str!("../../../../../samples/rust/vma/bench/vma_bench.h");

    #[test]
    fn both_sides_mean_the_same_by_a_number() {
        let named = WALKS.iter().chain(&LOOKUPS).chain(&HOLDERS);
        let named = named.map(|one| (one.name.to_uppercase().replace('-', "_"), one.number));
        let others = [
            ("LOOP", operation::LOOP),
            ("TICK", operation::TICK),
            ("PRIMITIVES", operation::PRIMITIVES),
            ("PLACE_ANON", abi::place::ANON),
            ("PLACE_FILE", abi::place::FILE),
            ("PLACE_MIXED", abi::place::MIXED),
            ("PLACE_PFN", abi::place::PFN),
            ("KIND_PAGES", abi::kind::PAGES),
            ("KIND_PLAIN", abi::kind::PLAIN),
            ("KIND_MIXED", abi::kind::MIXED),
            ("KIND_PFN", abi::kind::PFN),
            ("MAX_ROUNDS", abi::MAX_ROUNDS),
        ];
        for (name, value) in named.chain(others.map(|(name, value)| (name.to_string(), value))) {
            let line = format!("\n#define VMA_BENCH_{name} {value}\n");
            assert!(HEADER.contains(&line), "{line}");
        }
        for (name, number) in [("run", abi::RUN_NR), ("name", abi::NAME_NR)] {
            let line = format!(
                "#define VMA_BENCH_{} _IOWR('{}', {number:#x}, struct vma_bench_{name})",
                name.to_uppercase(),
                char::from(abi::IOC_TYPE),
            );
            assert!(HEADER.contains(&line), "{line}");
        }
    }

    #[test]
    fn a_name_ends_where_its_zeros_begin() {
        let [first, second] = [b"mmap-rea", b"d\0\0\0\0\0\0\0"].map(|n| u64::from_ne_bytes(*n));
        let primitive = Operation::of(&[3, 2, 1, first, second, 0, 0, 0]);
        assert_eq!((primitive.name, primitive.place), ("mmap-read", 2));
        assert_eq!(primitive.number, operation::PRIMITIVES + 3);
        assert!(primitive.is_once_per_page);
    }
}
