// SPDX-License-Identifier: GPL-2.0

//! The cost of each primitive. A run begins just after an interrupt of the timer and is over before
//! the next one, so that there is nothing in it but what is measured. For the plugin of the emulator
//! that counts loads and stores, every operation and every primitive is run.

use crate::abi::{kind, place};
use crate::device::{Device, Devices, Done, LOOKUPS, Operation, Order, WALKS};
use crate::mappings::Mappings;
use crate::{costs, plan, say};
use serde_json::json;
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use std::time::Instant;
use vma_guest::sys::{self, memory};

/// Runs of each primitive that count.
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

/// Rounds of a run for the plugin, and of one that walks all VMAs. The mappings are in addition to
/// those of the program itself, far from those that the primitives use.
const COUNTED: u64 = 200;
const WALKED: u64 = 20;
const MAPPINGS: usize = 10;

/// Anonymous mappings in a row, and which of them are looked up.
const ROW: usize = 8;
const LOOKED_UP: [usize; 2] = [1, 7];

/// Where everything is.
const ROW_AT: usize = 0;
const FILE_AT: usize = 1;
const DRIVER_AT: usize = 2;
const CALL_AT: usize = 3;

/// An operation of user space: its name, and a function that repeats it and returns what it did.
type Call = (&'static str, fn(&Devices, &Device) -> Result<Done>);

const CALLS: [Call; 7] = [
    ("fault-page", |devices, device| {
        fault(devices, device, kind::PLAIN)
    }),
    ("fault-insert-page", |devices, device| {
        fault(devices, device, kind::MIXED)
    }),
    ("fault-insert-pfn", |devices, device| {
        fault(devices, device, kind::PFN)
    }),
    ("fault-insert-slot", |devices, device| {
        fault(devices, device, kind::SLOT)
    }),
    ("fault-insert-piece", |devices, device| {
        fault(devices, device, kind::PIECES)
    }),
    ("mmap-munmap", |devices, device| {
        again(devices, || {
            device.map(memory::place(CALL_AT), 1, kind::PLAIN)?;
            memory::unmap(memory::place(CALL_AT), sys::page_size())
        })
    }),
    // Maps three pages of the driver, unmaps that in the middle, and then the others.
    ("split", |devices, device| {
        let (addr, page) = (memory::place(CALL_AT), sys::page_size());
        again(devices, || {
            device.map(addr, 3, kind::PLAIN)?;
            memory::unmap(addr + page, page)?;
            memory::unmap(addr, 3 * page)
        })
    }),
];

pub fn measure(devices: &Devices) -> Result<()> {
    let primitives = primitives(devices)?;
    let of_c = |one: &&(&Device, Operation)| one.0.language == devices.c().language;
    let names: Vec<&str> = primitives
        .iter()
        .filter(of_c)
        .map(|one| one.1.name)
        .collect();
    if let Some((_, one)) = primitives.iter().find(|one| !names.contains(&one.1.name)) {
        return Err(Error::other(format!("C has no {}", one.name)));
    }
    plan(RUNS * (1 + primitives.len() + CALLS.len() * devices.both().len()));
    costs::calibrate(devices, RUNS)?;
    prepare()?;
    // All languages that have it, one after the other, run after run.
    for name in names {
        let having = primitives.iter().filter(|one| one.1.name == name);
        each(devices, &having.copied().collect::<Vec<_>>())?;
    }
    for (name, call) in CALLS {
        // After a run that does not count.
        for run in 0..=RUNS {
            for device in devices.both() {
                let done = call(devices, device)?;
                if run > 0 {
                    record("user", name, device, done);
                }
            }
        }
    }
    Ok(())
}

/// Runs everything for the plugin; a timer interrupt comes into few of the runs.
pub fn writes(devices: &Devices) -> Result<()> {
    let primitives = primitives(devices)?;
    let operations = (WALKS.len() + LOOKUPS.len()) * devices.both().len();
    plan(RUNS * (operations + primitives.len()));
    let counted = |operation: &Operation, device: &Device, rounds, addr| -> Result<()> {
        let operations = device.run(operation, Order::new(rounds, addr))?.operations;
        let language = device.language;
        say(
            "stretch",
            json!({"operation": operation.name, "language": language, "operations": operations}),
        );
        Ok(())
    };
    let mappings = Mappings::row(MAPPINGS)?;
    let walks = WALKS.map(|walk| (walk, WALKED)).into_iter();
    for (operation, rounds) in walks.chain(LOOKUPS.map(|look| (look, COUNTED))) {
        for _ in 0..RUNS {
            for device in devices.both() {
                counted(&operation, device, rounds, mappings.thirds())?;
            }
        }
    }
    drop(mappings);
    prepare()?;
    for (device, primitive) in &primitives {
        for _ in 0..RUNS {
            counted(primitive, device, COUNTED, place(device, primitive)?)?;
        }
    }
    Ok(())
}

/// All primitives, with the drivers that have them.
fn primitives(devices: &Devices) -> Result<Vec<(&Device, Operation)>> {
    let mut all = Vec::new();
    for device in devices.all() {
        all.extend(device.primitives()?.into_iter().map(|one| (device, one)));
    }
    Ok(all)
}

fn record(caller: &str, name: &str, device: &Device, done: Done) {
    let language = device.language;
    say(
        "primitive",
        json!({"caller": caller, "name": name, "language": language, "done": done}),
    );
}

/// Makes the places that stay the same.
fn prepare() -> Result<()> {
    let page = sys::page_size();
    // Mappings that cannot be merged, each with a page that was written to.
    for number in 0..ROW {
        let addr = memory::place(ROW_AT) + number * page;
        memory::map_anonymous(addr, page)?;
        memory::set_byte(addr, 1);
        memory::name(addr, page, c"bench")?;
        if number % 2 == 0 {
            memory::protect(addr, page, libc::PROT_READ)?;
        }
    }
    let executable = File::open("/proc/self/exe")?;
    let file = Some((executable.as_raw_fd(), 0));
    memory::map(
        memory::place(FILE_AT),
        page,
        libc::PROT_READ,
        libc::MAP_PRIVATE,
        file,
    )
}

/// Where a primitive is done; the mappings of drivers are made anew.
fn place(device: &Device, primitive: &Operation) -> Result<[usize; 2]> {
    let kind = match primitive.place {
        place::FILE => return Ok([memory::place(FILE_AT), 0]),
        place::MIXED => kind::MIXED,
        place::PFN => kind::PFN,
        place::ANON => {
            return Ok(LOOKED_UP.map(|n| memory::place(ROW_AT) + n * sys::page_size()));
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
    // The kernel drains this processor's batch of pages for the LRU lists. Every other zap of a page
    // that was accessed searches the batch, so its cost would depend on what was mapped before. No
    // page of the file is mapped, so nothing else becomes cold.
    memory::advise(memory::place(FILE_AT), sys::page_size(), libc::MADV_COLD)?;
    Ok([addr, 0])
}

fn each(devices: &Devices, having: &[(&Device, Operation)]) -> Result<()> {
    let run = |(device, primitive): &(&Device, Operation), rounds| {
        let addr = place(device, primitive)?;
        devices.tick()?;
        device.run(primitive, Order::new(rounds, addr))
    };

    let first = run(&having[0], FIRST_ROUNDS)?;
    let rounds = match having[0].1.is_once_per_page {
        true => PAGES as u64,
        false => (FIRST_ROUNDS * TICKS_PER_RUN / first.ticks.max(1)).max(1),
    };
    // The first of these runs does not count.
    for number in 0..=RUNS {
        for one in having {
            let done = run(one, rounds)?;
            if number > 0 {
                record("driver", one.1.name, one.0, done);
            }
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

/// Repeats what maps pages of the driver and unmaps them.
fn again(devices: &Devices, mut once: impl FnMut() -> Result<()>) -> Result<Done> {
    memory::unmap(memory::place(CALL_AT), PAGES * sys::page_size())?;
    timed(devices, LONG, |_| once().map(|()| 1))
}
