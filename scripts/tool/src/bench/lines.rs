// SPDX-License-Identifier: GPL-2.0

//! What the program in the guest says: a measurement a line, in words. What each means stands in its own line.rs.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::fmt;

#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    Plan(u64),
    Loop(Loop),
    Primitive(Primitive),
    Cost(Cost),
    Turn(Turn),
    Waits(Waits),
    Size(Size),
    Fault(Fault),
    Stretch(Stretch),
    Error(String),
}

/// A loop of known instructions.
#[derive(Debug, PartialEq, Eq)]
pub struct Loop {
    pub instructions: u64,
    pub ticks: u64,
}

/// What a primitive is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    C,
    /// With our types.
    Rust,
    /// Rust with what the kernel has without them.
    Upstream,
}

/// In whose loop a primitive is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Caller {
    Driver,
    /// A program, by system calls or by page faults.
    User,
}

/// A run of a primitive: what so many calls took, and the sum of what they read.
#[derive(Debug, PartialEq, Eq)]
pub struct Primitive {
    pub caller: Caller,
    pub name: String,
    pub language: Language,
    pub rounds: u64,
    pub ticks: u64,
    pub sum: u64,
}

/// A run of an operation.
#[derive(Debug, PartialEq, Eq)]
pub struct Cost {
    pub mappings: u64,
    pub vmas: u64,
    pub operation: String,
    pub language: String,
    pub operations: u64,
    pub ticks: u64,
    pub sum: u64,
}

/// An operation that reads, its language, and for how long it holds its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    pub operation: String,
    pub language: String,
    pub hold_us: u64,
}

/// A turn of a reader.
#[derive(Debug, PartialEq, Eq)]
pub struct Turn {
    pub reader: Reader,
    /// Where somebody writes.
    pub writer: String,
    pub rounds: u64,
    pub operations: u64,
    pub ticks: u64,
}

/// How long the writer's calls took in a turn, in nanoseconds.
#[derive(Debug, PartialEq, Eq)]
pub struct Waits {
    pub reader: Reader,
    pub call: String,
    pub calls: u64,
    pub median: u64,
    pub p99: u64,
    pub worst: u64,
}

/// A run of an operation, with mappings spread over so many bytes, with or without gaps.
#[derive(Debug, PartialEq, Eq)]
pub struct Size {
    pub span: u64,
    pub gaps: bool,
    pub vmas: u64,
    pub operation: String,
    pub language: String,
    pub operations: u64,
    pub ticks: u64,
    pub sum: u64,
}

/// A turn of threads that have page faults, beside somebody.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub threads: u64,
    pub beside: String,
    pub language: String,
    /// Where that somebody is.
    pub at: String,
    pub faults: u64,
    /// How long it took each thread, and all of them without giving the memory back.
    pub ticks: u64,
    pub touching: u64,
}

/// A run of which a plugin of the emulator's counted what was loaded and stored.
#[derive(Debug, PartialEq, Eq)]
pub struct Stretch {
    pub operation: String,
    pub language: String,
    pub operations: u64,
    pub sum: u64,
}

impl Language {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "c" => Some(Self::C),
            "rust" => Some(Self::Rust),
            "upstream" => Some(Self::Upstream),
            _ => None,
        }
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

impl Line {
    pub fn parse(text: &str) -> Result<Self> {
        parse(text).with_context(|| format!("not understood: {text}"))
    }
}

fn parse(text: &str) -> Result<Line> {
    let (kind, rest) = text.split_once(' ').context("one word")?;
    let mut words = Words(rest.split(' '));
    let line = match kind {
        "plan" => Line::Plan(words.number()?),
        "loop" => Line::Loop(Loop {
            instructions: words.number()?,
            ticks: words.number()?,
        }),
        "primitive" => Line::Primitive(words.primitive(Caller::Driver)?),
        "call" => Line::Primitive(words.primitive(Caller::User)?),
        "cost" => Line::Cost(Cost {
            mappings: words.number()?,
            vmas: words.number()?,
            operation: words.text()?,
            language: words.text()?,
            operations: words.number()?,
            ticks: words.number()?,
            sum: words.number()?,
        }),
        "turn" => Line::Turn(Turn {
            reader: words.reader()?,
            writer: words.text()?,
            rounds: words.number()?,
            operations: words.number()?,
            ticks: words.number()?,
        }),
        "waits" => Line::Waits(Waits {
            reader: words.reader()?,
            call: words.text()?,
            calls: words.number()?,
            median: words.number()?,
            p99: words.number()?,
            worst: words.number()?,
        }),
        "size" => Line::Size(Size {
            span: words.number()?,
            gaps: words.text()? == "gaps",
            vmas: words.number()?,
            operation: words.text()?,
            language: words.text()?,
            operations: words.number()?,
            ticks: words.number()?,
            sum: words.number()?,
        }),
        "fault" => Line::Fault(Fault {
            threads: words.number()?,
            beside: words.text()?,
            language: words.text()?,
            at: words.text()?,
            faults: words.number()?,
            ticks: words.number()?,
            touching: words.number()?,
        }),
        "stretch" => Line::Stretch(Stretch {
            operation: words.text()?,
            language: words.text()?,
            operations: words.number()?,
            sum: words.number()?,
        }),
        "error" => return Ok(Line::Error(rest.to_string())),
        _ => bail!("no such line"),
    };
    match words.0.next() {
        None => Ok(line),
        Some(_) => bail!("too many words"),
    }
}

struct Words<'a>(std::str::Split<'a, char>);

impl Words<'_> {
    fn text(&mut self) -> Result<String> {
        self.0.next().map(str::to_string).context("too few words")
    }

    fn number(&mut self) -> Result<u64> {
        let word = self.text()?;
        word.parse().with_context(|| format!("{word} is no number"))
    }

    fn language(&mut self) -> Result<Language> {
        let word = self.text()?;
        Language::parse(&word).with_context(|| format!("{word} is no language"))
    }

    fn primitive(&mut self, caller: Caller) -> Result<Primitive> {
        Ok(Primitive {
            caller,
            name: self.text()?,
            language: self.language()?,
            rounds: self.number()?,
            ticks: self.number()?,
            sum: self.number()?,
        })
    }

    fn reader(&mut self) -> Result<Reader> {
        Ok(Reader {
            operation: self.text()?,
            language: self.text()?,
            hold_us: self.number()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_read() {
        assert_eq!(Line::parse("plan 7").unwrap(), Line::Plan(7));
        for (kind, caller) in [("primitive", Caller::Driver), ("call", Caller::User)] {
            let primitive = Primitive {
                caller,
                name: "mmap-read".into(),
                language: Language::Upstream,
                rounds: 1000,
                ticks: 41_050,
                sum: 7,
            };
            let line = Line::parse(&format!("{kind} mmap-read upstream 1000 41050 7")).unwrap();
            assert_eq!(line, Line::Primitive(primitive));
        }
        let cost = Cost {
            mappings: 10,
            vmas: 22,
            operation: "walk-vma".into(),
            language: "c".into(),
            operations: 44,
            ticks: 5500,
            sum: 9,
        };
        let line = Line::parse("cost 10 22 walk-vma c 44 5500 9").unwrap();
        assert_eq!(line, Line::Cost(cost));
        let reader = || Reader {
            operation: "hold-vma".into(),
            language: "rust".into(),
            hold_us: 20,
        };
        let turn = Turn {
            reader: reader(),
            writer: "here".into(),
            rounds: 100,
            operations: 99,
            ticks: 2000,
        };
        let line = Line::parse("turn hold-vma rust 20 here 100 99 2000").unwrap();
        assert_eq!(line, Line::Turn(turn));
        let waits = Waits {
            reader: reader(),
            call: "mmap".into(),
            calls: 4,
            median: 1,
            p99: 2,
            worst: 3,
        };
        let line = Line::parse("waits hold-vma rust 20 mmap 4 1 2 3").unwrap();
        assert_eq!(line, Line::Waits(waits));
        let size = Size {
            span: 4096,
            gaps: true,
            vmas: 3,
            operation: "lock-two".into(),
            language: "c".into(),
            operations: 7,
            ticks: 8,
            sum: 9,
        };
        let line = Line::parse("size 4096 gaps 3 lock-two c 7 8 9").unwrap();
        assert_eq!(line, Line::Size(size));
        let fault = Fault {
            threads: 2,
            beside: "writer".into(),
            language: "none".into(),
            at: "here".into(),
            faults: 5,
            ticks: 6,
            touching: 7,
        };
        let line = Line::parse("fault 2 writer none here 5 6 7").unwrap();
        assert_eq!(line, Line::Fault(fault));
        let stretch = Stretch {
            operation: "read-vma".into(),
            language: "rust".into(),
            operations: 1000,
            sum: 1,
        };
        let line = Line::parse("stretch read-vma rust 1000 1").unwrap();
        assert_eq!(line, Line::Stretch(stretch));
        assert_eq!(
            Line::parse("error no such device").unwrap(),
            Line::Error("no such device".into())
        );
    }

    #[test]
    fn other_lines_are_refused_with_their_text() {
        for text in [
            "plan",
            "plan x",
            "plan 1 2",
            "loop 1",
            "Plan 1",
            "cost 1 2 3",
            "primitive mmap-read c++ 1 2 3",
            "primitive mmap-read c 1 2",
            "call split c 1 2",
        ] {
            let error = format!("{:#}", Line::parse(text).unwrap_err());
            assert!(
                error.starts_with(&format!("not understood: {text}: ")),
                "{error}"
            );
        }
    }
}
