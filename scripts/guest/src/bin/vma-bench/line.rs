// SPDX-License-Identifier: GPL-2.0

//! The lines for the host: words with spaces between them, the first of which says what it is.
//!
//! - `plan LINES`: how many lines follow.
//! - `loop INSTRUCTIONS TICKS`: the clock against known instructions.
//! - `cost MAPPINGS VMAS OPERATION LANGUAGE OPERATIONS TICKS SUM`: a run of an operation, with so
//!   many mappings that were made for it, and so many VMAs in all.
//! - `primitive NAME LANGUAGE ROUNDS TICKS SUM`: a run of a primitive, in a loop of the driver's.
//! - `call NAME LANGUAGE ROUNDS TICKS SUM`: the same for what user space does in a loop of its own.
//! - `turn OPERATION LANGUAGE HOLD WRITER ROUNDS OPERATIONS TICKS`: a turn of a reader.
//! - `waits OPERATION LANGUAGE HOLD CALL CALLS MEDIAN P99 WORST`: how long the calls of a writer in
//!   the same address space took beside that reader, or beside none.
//! - `size SPAN GAPS VMAS OPERATION LANGUAGE OPERATIONS TICKS SUM`: as `cost`, with mappings spread
//!   over so many bytes, and `gaps` between them or `none`.
//! - `fault THREADS BESIDE LANGUAGE WHERE FAULTS TICKS TOUCHING`: a turn of threads that have page
//!   faults, beside somebody who writes or reads there. The threads took TICKS each, and all of
//!   them TOUCHING for the faults alone.
//! - `stretch OPERATION LANGUAGE OPERATIONS SUM`: a run of which somebody else knows what it wrote.
//! - `error TEXT`: it cannot go on.
//!
//! Ticks and times are nanoseconds, `HOLD` is microseconds.

use crate::device::{Done, Operation};
use crate::summary::Summary;

/// How large the address space is.
#[derive(Clone, Copy)]
pub struct Size {
    pub mappings: usize,
    pub vmas: u64,
}

/// Who writes to VMAs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// Nobody.
    None,
    /// A process with an address space of its own.
    Elsewhere,
    /// A thread of the reader's process.
    Here,
}

impl Writer {
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Elsewhere => "elsewhere",
            Self::Here => "here",
        }
    }
}

/// A reader: an operation, in which language, and for how long it holds its lock.
#[derive(Clone, Copy)]
pub struct Reader {
    pub operation: &'static Operation,
    pub language: &'static str,
    pub hold_us: u64,
}

pub fn plan(lines: usize) {
    println!("plan {lines}");
}

pub fn calibration(instructions: u64, ticks: u64) {
    println!("loop {instructions} {ticks}");
}

pub fn cost(size: Size, operation: &Operation, language: &str, done: &Done) {
    let Size { mappings, vmas } = size;
    let name = operation.name;
    let Done {
        ticks,
        operations,
        sum,
    } = done;
    println!("cost {mappings} {vmas} {name} {language} {operations} {ticks} {sum}");
}

/// Whose loop it is that does something again and again.
#[derive(Clone, Copy)]
pub enum Loop {
    Driver,
    User,
}

pub fn primitive(by: Loop, name: &str, language: &str, done: &Done) {
    let by = match by {
        Loop::Driver => "primitive",
        Loop::User => "call",
    };
    let Done {
        ticks,
        operations,
        sum,
    } = done;
    println!("{by} {name} {language} {operations} {ticks} {sum}");
}

pub fn size(
    (span, gaps): (usize, bool),
    vmas: u64,
    operation: &Operation,
    language: &str,
    done: &Done,
) {
    let name = operation.name;
    let Done {
        ticks,
        operations,
        sum,
    } = done;
    let gaps = if gaps { "gaps" } else { "none" };
    println!("size {span} {gaps} {vmas} {name} {language} {operations} {ticks} {sum}");
}

pub fn stretch(name: &str, language: &str, done: &Done) {
    let Done {
        operations, sum, ..
    } = done;
    println!("stretch {name} {language} {operations} {sum}");
}

/// Threads with page faults, and how that went.
pub struct Faults {
    pub faults: u64,
    pub ticks: u64,
    pub touching: u64,
}

pub fn faults(threads: usize, beside: &str, language: &str, at: Writer, turn: &Faults) {
    let at = at.name();
    let Faults {
        faults,
        ticks,
        touching,
    } = turn;
    println!("fault {threads} {beside} {language} {at} {faults} {ticks} {touching}");
}

fn reader(reader: Option<Reader>) -> String {
    match reader {
        Some(Reader {
            operation,
            language,
            hold_us,
        }) => format!("{} {language} {hold_us}", operation.name),
        None => "none none 0".into(),
    }
}

pub fn turn(by: Reader, writer: Writer, rounds: u64, done: &Done) {
    let (by, writer) = (reader(Some(by)), writer.name());
    let Done {
        ticks, operations, ..
    } = done;
    println!("turn {by} {writer} {rounds} {operations} {ticks}");
}

pub fn waits(by: Option<Reader>, call: &str, summary: Summary) {
    let by = reader(by);
    let Summary {
        count,
        median,
        p99,
        worst,
    } = summary;
    println!("waits {by} {call} {count} {median} {p99} {worst}");
}
