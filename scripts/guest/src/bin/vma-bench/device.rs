// SPDX-License-Identifier: GPL-2.0

//! The two drivers, and what they can do.

use crate::abi::{self, Name, Run, operation};
use bench_records::{Done, Language};
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use vma_guest::sys::{self, memory};

const RUN: u32 = sys::encode_iowr::<Run>(abi::IOC_TYPE, abi::RUN_NR);
const NAME: u32 = sys::encode_iowr::<Name>(abi::IOC_TYPE, abi::NAME_NR);

/// One of the drivers.
pub struct Device {
    pub language: Language,
    file: File,
}

/// A primitive of a driver: its number, its name, and what it wants at its first address.
#[derive(Debug)]
pub struct Primitive {
    pub number: u64,
    pub name: String,
    pub place: u64,
    pub is_once_per_page: bool,
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

/// The request of a run.
#[derive(Clone, Copy, Default)]
pub struct Order {
    pub rounds: u64,
    pub addr: [usize; 2],
    pub hold_us: u64,
}

/// The drivers: the two that can do everything, and one that uses what is upstream.
pub struct Devices {
    pub c: Device,
    pub rust: Device,
    pub upstream: Device,
}

impl Devices {
    pub fn open() -> Result<Self> {
        Ok(Self {
            c: Device::open(Language::C, "/dev/vma-bench-c")?,
            rust: Device::open(Language::Rust, "/dev/vma-bench-rust")?,
            upstream: Device::open(Language::Upstream, "/dev/vma-bench-upstream")?,
        })
    }

    /// In the order in which they take turns.
    pub fn both(&self) -> [&Device; 2] {
        [&self.c, &self.rust]
    }

    /// Those of which each has some primitives.
    pub fn all(&self) -> [&Device; 3] {
        [&self.c, &self.rust, &self.upstream]
    }

    /// Returns just after an interrupt of the timer.
    pub fn tick(&self) -> Result<()> {
        const TICK: Operation = operation(operation::TICK, "tick");
        self.c.run(
            &TICK,
            Order {
                rounds: 1,
                ..Order::default()
            },
        )?;
        Ok(())
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
    fn open(language: Language, path: &str) -> Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|e| {
                Error::other(format!(
                    "{path}: {e}; it takes a kernel with CONFIG_SAMPLE_RUST_VMA_BENCH"
                ))
            })?;
        Ok(Self { language, file })
    }

    /// All primitives that the driver has.
    pub fn primitives(&self) -> Result<Vec<Primitive>> {
        let mut all = Vec::new();
        for number in 0.. {
            let mut words: Name = [number, 0, 0, 0, 0, 0, 0, 0];
            match sys::ioctl_words(&self.file, NAME, &mut words) {
                Ok(()) => all.push(Primitive::of(&words)),
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
        self.run_number(operation.number, operation.name, order)
    }

    /// The same for a primitive.
    pub fn run_primitive(&self, primitive: &Primitive, order: Order) -> Result<Done> {
        let number = operation::PRIMITIVES + primitive.number;
        self.run_number(number, &primitive.name, order)
    }

    fn run_number(&self, number: u64, name: &str, order: Order) -> Result<Done> {
        assert!(order.rounds <= abi::MAX_ROUNDS && order.hold_us <= abi::MAX_HOLD);
        let [first, second] = order.addr.map(|addr| addr as u64);
        let mut words: Run = [number, order.rounds, first, second, order.hold_us, 0, 0, 0];
        sys::ioctl_words(&self.file, RUN, &mut words)
            .map_err(|e| Error::other(format!("{name} in {}: {e}", self.language)))?;
        let [.., ticks, operations, sum] = words;
        Ok(Done {
            ticks,
            operations,
            sum,
        })
    }
}

impl Primitive {
    fn of(words: &Name) -> Self {
        let [number, place, once_per_page, ..] = *words;
        let name = words[abi::NAME_AT..]
            .iter()
            .flat_map(|word| word.to_ne_bytes());
        let name = name.take_while(|byte| *byte != 0).collect();
        Self {
            number,
            name: String::from_utf8(name).expect("names are ASCII"),
            place,
            is_once_per_page: once_per_page != 0,
        }
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
        assert_eq!(operation::TICK, defined("TICK"));
        assert_eq!(operation::PRIMITIVES, defined("PRIMITIVES"));
        assert_eq!(abi::place::ANON, defined("PLACE_ANON"));
        assert_eq!(abi::place::FILE, defined("PLACE_FILE"));
        assert_eq!(abi::place::MIXED, defined("PLACE_MIXED"));
        assert_eq!(abi::place::PFN, defined("PLACE_PFN"));
        assert_eq!(abi::kind::PAGES, defined("KIND_PAGES"));
        assert_eq!(abi::kind::PLAIN, defined("KIND_PLAIN"));
        assert_eq!(abi::kind::MIXED, defined("KIND_MIXED"));
        assert_eq!(abi::kind::PFN, defined("KIND_PFN"));
        assert_eq!(abi::MAX_ROUNDS, defined("MAX_ROUNDS"));
        assert!(HEADER.contains(&format!(
            "#define VMA_BENCH_RUN _IOWR('{}', {:#x}, struct vma_bench_run)",
            char::from(abi::IOC_TYPE),
            abi::RUN_NR
        )));
        assert!(HEADER.contains(&format!(
            "#define VMA_BENCH_NAME _IOWR('{}', {:#x}, struct vma_bench_name)",
            char::from(abi::IOC_TYPE),
            abi::NAME_NR
        )));
    }

    #[test]
    fn a_name_ends_where_its_zeros_begin() {
        let name = u64::from_ne_bytes(*b"mmap-rea");
        let primitive = Primitive::of(&[
            3,
            2,
            1,
            name,
            u64::from_ne_bytes(*b"d\0\0\0\0\0\0\0"),
            0,
            0,
            0,
        ]);
        assert_eq!(primitive.name, "mmap-read");
        assert_eq!((primitive.number, primitive.place), (3, 2));
        assert!(primitive.is_once_per_page);
    }
}
