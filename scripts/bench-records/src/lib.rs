// SPDX-License-Identifier: GPL-2.0

//! The measurements that `vma-bench` in the guest sends to the host, one JSON object per line. Ticks and times are
//! nanoseconds of the guest's clock, which are instructions on a processor that counts them.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// The number of records that follow.
    Plan(u64),
    Loop(Loop),
    Primitive(Primitive),
    Cost(Cost),
    Turn(Turn),
    Waits(Waits),
    Faults(Faults),
    Stretch(Stretch),
    /// The reason why the program cannot go on.
    Error(String),
}

/// A loop with a known number of instructions, to check the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loop {
    pub instructions: u64,
    pub ticks: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    C,
    /// Rust with the lock-typed VMAs.
    Rust,
    /// Rust with the API that upstream has.
    Upstream,
}

/// The side that contains the loop around a primitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Caller {
    Driver,
    /// A program, by system calls or by page faults.
    User,
}

/// The result of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub operations: u64,
    pub ticks: u64,
    /// The sum of all values that were read.
    pub sum: u64,
}

/// A run of a primitive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primitive {
    pub caller: Caller,
    pub name: String,
    pub language: Language,
    pub done: Done,
}

/// Mappings that were made for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    pub mappings: usize,
    /// The number of bytes over which they are spread.
    pub span: usize,
    /// True if there are gaps between them.
    pub gaps: bool,
}

/// A run of an operation that walks all VMAs or looks some up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub layout: Layout,
    /// All VMAs of the process.
    pub vmas: u64,
    pub operation: String,
    pub language: Language,
    pub done: Done,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    pub operation: String,
    pub language: Language,
    /// How long the lock is held in addition to the time that reading takes, in microseconds.
    pub hold_us: u64,
}

/// The address space in which the other task is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// There is no other task.
    None,
    Elsewhere,
    Here,
}

/// A turn of a reader, with a writer in some place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub reader: Reader,
    pub writer: Place,
    pub rounds: u64,
    pub done: Done,
}

/// How long a call took, over all calls of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    pub calls: u64,
    pub median: u64,
    pub p99: u64,
    pub worst: u64,
}

/// How long the calls of a writer in the same address space took during a turn of a reader, or without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    pub reader: Option<Reader>,
    pub call: String,
    pub times: Times,
}

/// A turn of threads that have page faults while another task is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    pub threads: u64,
    /// The reader's operation and language, or none if the other task is a writer.
    pub reader: Option<(String, Language)>,
    pub place: Place,
    pub faults: u64,
    /// The time of each thread.
    pub ticks: u64,
    /// The time of all threads together, except for giving the memory back.
    pub touching: u64,
}

/// A run during which a plugin of the emulator counted loads and stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    pub operation: String,
    pub language: Language,
    pub operations: u64,
}

impl Record {
    pub fn parse(line: &str) -> serde_json::Result<Self> {
        serde_json::from_str(line)
    }
}

/// The line that `Record::parse()` accepts.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::C => "C",
            Self::Rust => "Rust",
            Self::Upstream => "upstream's Rust",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_round_trips_and_rest_is_refused() {
        let reader = Reader {
            operation: "hold-vma".to_string(),
            language: Language::Rust,
            hold_us: 20,
        };
        let record = Record::Waits(Waits {
            reader: Some(reader),
            call: "mmap".to_string(),
            times: Times::default(),
        });
        let line = record.to_string();
        assert!(line.starts_with("{\"waits\":{\"reader\":{\"operation\":\"hold-vma\","));
        assert_eq!(Record::parse(&line).unwrap(), record);
        for line in [
            "",
            "plan 1",
            "{\"plan\":-1}",
            "{\"plan\":1",
            "{\"turn\":{}}",
        ] {
            assert!(Record::parse(line).is_err(), "{line}");
        }
    }
}
