// SPDX-License-Identifier: GPL-2.0

//! Records for tests.

pub use bench_records::Language::{C, Rust, Upstream};
use bench_records::{
    Caller, Cost, Done, Faults, Language, Layout, Loop, Place, Primitive, Reader, Record, Stretch,
    Times, Turn, Waits,
};

const WAYS: [Place; 4] = [Place::None, Place::Elsewhere, Place::Here, Place::Elsewhere];

pub fn clock() -> Record {
    Record::Loop(Loop {
        instructions: 1000,
        ticks: 1001,
    })
}

fn done(operations: u64, ticks: u64, sum: u64) -> Done {
    Done {
        operations,
        ticks,
        sum,
    }
}

/// 1000 rounds of a primitive, with the ticks of a round.
pub fn primitive(caller: Caller, name: &str, language: Language, ticks: f64) -> Record {
    Record::Primitive(Primitive {
        caller,
        name: name.to_string(),
        language,
        done: done(1000, (ticks * 1000.0).round() as u64, 5),
    })
}

/// A boot, with three runs of each primitive by its ticks in C, Rust and upstream's Rust. `nothing` takes 9.
pub fn boot(primitives: &[(&str, &[f64])]) -> Vec<Record> {
    let mut records = vec![Record::Loop(Loop {
        instructions: 1000,
        ticks: 1000,
    })];
    let nothing: (&str, &[f64]) = ("nothing", &[9.0; 3]);
    for (name, ticks) in [nothing].iter().chain(primitives) {
        for (language, ticks) in [C, Rust, Upstream].into_iter().zip(*ticks) {
            let record = primitive(Caller::Driver, name, language, *ticks);
            records.extend([record.clone(), record.clone(), record]);
        }
    }
    records
}

/// A run over 100 VMAs.
pub fn cost(operation: &str, layout: Layout, language: Language, ticks: u64) -> Record {
    Record::Cost(Cost {
        layout,
        vmas: layout.mappings as u64 + 12,
        operation: operation.to_string(),
        language,
        done: done(100, ticks, 5),
    })
}

pub fn reader(operation: &str, hold_us: u64) -> Reader {
    Reader {
        operation: operation.to_string(),
        language: Rust,
        hold_us,
    }
}

/// Turns of 1000 reads, with the ticks alone, with a writer elsewhere and with one here.
pub fn turns(reader: &Reader, [alone, elsewhere, here]: [u64; 3]) -> Vec<Record> {
    let ticks = [alone, elsewhere, here, elsewhere];
    let turn = |(writer, ticks)| {
        Record::Turn(Turn {
            reader: reader.clone(),
            writer,
            rounds: 1000,
            done: done(1000, ticks, 0),
        })
    };
    WAYS.into_iter().zip(ticks).map(turn).collect()
}

pub fn waits(reader: Option<&Reader>, median: u64, p99: u64, worst: u64) -> Record {
    Record::Waits(Waits {
        reader: reader.cloned(),
        call: "mmap".to_string(),
        times: Times {
            calls: 9,
            median,
            p99,
            worst,
        },
    })
}

/// Turns of 100 page faults, as [`turns()`].
pub fn faults(
    threads: u64,
    reader: Option<&str>,
    [alone, elsewhere, here]: [u64; 3],
) -> Vec<Record> {
    let touching = [alone, elsewhere, here, elsewhere];
    let turn = |(place, touching)| {
        Record::Faults(Faults {
            threads,
            reader: reader.map(|operation| (operation.to_string(), Rust)),
            place,
            faults: 100,
            ticks: 200_000,
            touching,
        })
    };
    WAYS.into_iter().zip(touching).map(turn).collect()
}

pub fn stretch(operation: &str, language: Language) -> Record {
    Record::Stretch(Stretch {
        operation: operation.to_string(),
        language,
        operations: 10,
    })
}
