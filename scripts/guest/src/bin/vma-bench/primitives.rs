// SPDX-License-Identifier: GPL-2.0

//! The cost of each primitive. A run begins just after an interrupt of the timer and is over before
//! the next one, so that there is nothing in it but what is measured.

use crate::abi::{kind, place};
use crate::device::{Device, Devices, Order, Primitive};
use crate::{costs, plan, say};
use bench_records::{Caller, Done, Record};
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use std::time::Instant;
use vma_guest::sys::{self, memory};

/// Runs of each primitive that count, after one that does not.
const RUNS: usize = 7;

/// How long a run should be, in instructions. The timer's interrupts come every four million.
const TICKS_PER_RUN: u64 = 500_000;

/// Rounds that show about how long one is.
const FIRST_ROUNDS: u64 = 100;

/// Pages of a driver's mapping.
const PAGES: usize = 1024;

/// Rounds of operations that take long and leave work for later: enough that interrupts of the timer, and
/// that work, are as many in each run.
const LONG: usize = 3000;

/// Anonymous mappings in a row, and which of them are looked up.
const ROW: usize = 8;
const FIRST: usize = 1;
const SECOND: usize = 7;

/// Where everything is.
const ROW_AT: usize = 0;
const FILE_AT: usize = 1;
const DRIVER_AT: usize = 2;
const CALL_AT: usize = 3;

/// An operation of user space: its name, and a function that repeats it and returns what it did.
type Call = (&'static str, fn(&Devices, &Device) -> Result<Done>);

const CALLS: [Call; 5] = [
    ("fault-page", |devices, device| {
        fault(devices, device, kind::PLAIN)
    }),
    ("fault-insert-page", |devices, device| {
        fault(devices, device, kind::MIXED)
    }),
    ("fault-insert-pfn", |devices, device| {
        fault(devices, device, kind::PFN)
    }),
    ("mmap-munmap", map_and_unmap),
    ("split", split),
];

pub fn measure(devices: &Devices) -> Result<()> {
    let primitives = devices
        .all()
        .map(|device| Ok((device, device.primitives()?)))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let count: usize = primitives.iter().map(|(_, all)| all.len()).sum();
    plan(RUNS * (1 + count + CALLS.len() * devices.both().len()));

    costs::calibrate(devices, RUNS)?;
    prepare()?;

    // All languages that have it, one after the other, run after run.
    for primitive in &primitives[0].1 {
        let having: Vec<(&Device, &Primitive)> = primitives
            .iter()
            .filter_map(|(device, all)| {
                let same = all.iter().find(|other| other.name == primitive.name)?;
                Some((*device, same))
            })
            .collect();
        each(devices, &having)?;
    }
    for (_, all) in &primitives[1..] {
        for primitive in all {
            if !primitives[0].1.iter().any(|c| c.name == primitive.name) {
                return Err(Error::other(format!("C has no {}", primitive.name)));
            }
        }
    }
    for (name, call) in CALLS {
        for run in 0..=RUNS {
            for device in devices.both() {
                let done = call(devices, device)?;
                if run > 0 {
                    record(Caller::User, name, device, done);
                }
            }
        }
    }
    Ok(())
}

fn record(caller: Caller, name: &str, device: &Device, done: Done) {
    say(&Record::Primitive(bench_records::Primitive {
        caller,
        name: name.to_string(),
        language: device.language,
        done,
    }));
}

/// Makes the places that stay the same.
pub fn prepare() -> Result<()> {
    make_row()?;
    let executable = File::open("/proc/self/exe")?;
    let page = sys::page_size();
    let file = Some((executable.as_raw_fd(), 0));
    memory::map(
        memory::place(FILE_AT),
        page,
        libc::PROT_READ,
        libc::MAP_PRIVATE,
        file,
    )
}

/// Mappings that cannot be merged, each with a page that was written to.
fn make_row() -> Result<()> {
    let page = sys::page_size();
    for number in 0..ROW {
        let addr = memory::place(ROW_AT) + number * page;
        memory::map_anonymous(addr, page)?;
        memory::set_byte(addr, 1);
        memory::name(addr, page, c"bench")?;
        if number % 2 == 0 {
            memory::protect(addr, page, libc::PROT_READ)?;
        }
    }
    Ok(())
}

/// Where a primitive is done; the mappings of drivers are made anew.
pub fn place(device: &Device, primitive: &Primitive) -> Result<[usize; 2]> {
    let kind = match primitive.place {
        place::FILE => return Ok([memory::place(FILE_AT), 0]),
        place::MIXED => kind::MIXED,
        place::PFN => kind::PFN,
        place::ANON => {
            return Ok([FIRST, SECOND].map(|n| memory::place(ROW_AT) + n * sys::page_size()));
        }
        other => {
            return Err(Error::other(format!(
                "{}: no place {other}",
                primitive.name
            )));
        }
    };
    let addr = memory::place(DRIVER_AT);
    device.map(addr, PAGES, kind)?;
    Ok([addr, 0])
}

fn each(devices: &Devices, having: &[(&Device, &Primitive)]) -> Result<()> {
    let run = |(device, primitive): &(&Device, &Primitive), rounds| {
        let addr = place(device, primitive)?;
        devices.tick()?;
        let order = Order {
            rounds,
            addr,
            ..Order::default()
        };
        device.run_primitive(primitive, order)
    };

    let (_, primitive) = having[0];
    let first = run(&having[0], FIRST_ROUNDS)?;
    let rounds = FIRST_ROUNDS * TICKS_PER_RUN / first.ticks.max(1);
    let rounds = match primitive.is_once_per_page {
        true => PAGES as u64,
        false => rounds.max(1),
    };
    for one in having {
        run(one, rounds)?;
    }
    for _ in 0..RUNS {
        for one in having {
            let (device, primitive) = one;
            let done = run(one, rounds)?;
            record(Caller::Driver, &primitive.name, device, done);
        }
    }
    Ok(())
}

/// Times something that is done again and again.
fn timed(
    devices: &Devices,
    rounds: usize,
    mut once: impl FnMut(usize) -> Result<u64>,
) -> Result<Done> {
    let mut sum = 0;

    devices.tick()?;
    let start = Instant::now();
    for round in 0..rounds {
        sum += once(round)?;
    }
    let ticks = start.elapsed().as_nanos() as u64;
    Ok(Done {
        ticks,
        operations: rounds as u64,
        sum,
    })
}

/// Touches pages that are mapped by the driver's fault handler.
fn fault(devices: &Devices, device: &Device, kind: u64) -> Result<Done> {
    let page = sys::page_size();
    let addr = memory::place(CALL_AT);
    // The pages of one page table, the first of which brings the table.
    let pages = page / size_of::<u64>();

    device.map(addr, pages, kind)?;
    memory::touch(addr);
    timed(devices, pages - 1, |round| {
        Ok(1 + u64::from(memory::byte(addr + (round + 1) * page)))
    })
}

/// Maps a page of the driver and unmaps it.
fn map_and_unmap(devices: &Devices, device: &Device) -> Result<Done> {
    let addr = memory::place(CALL_AT);

    memory::unmap(addr, PAGES * sys::page_size())?;
    timed(devices, LONG, |_| {
        device.map(addr, 1, kind::PLAIN)?;
        memory::unmap(addr, sys::page_size())?;
        Ok(1)
    })
}

/// Maps three pages of the driver, unmaps that in the middle, and then the others.
fn split(devices: &Devices, device: &Device) -> Result<Done> {
    let page = sys::page_size();
    let addr = memory::place(CALL_AT);

    memory::unmap(addr, PAGES * page)?;
    timed(devices, LONG, |_| {
        device.map(addr, 3, kind::PLAIN)?;
        memory::unmap(addr + page, page)?;
        memory::unmap(addr, 3 * page)?;
        Ok(1)
    })
}
