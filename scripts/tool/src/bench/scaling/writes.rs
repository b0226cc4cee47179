// SPDX-License-Identifier: GPL-2.0

//! Which cache lines an operation writes, and how often: what cannot be had by many processors at the same time. A
//! plugin of the emulator's counts that, see scripts/cache-lines. C and Rust work on the same VMAs of the same process,
//! so a line has the same address in both.

use super::symbols::Symbols;
use crate::bench::lines::{self, Line};
use crate::bench::spread::Spread;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The bytes of a cache line, as a power of two.
const LINE: u32 = 6;

/// Where x86-64 without KASLR has what vmalloc() gives: here, the stack.
const VMALLOC: std::ops::Range<u64> = 0xffff_c900_0000_0000..0xffff_e900_0000_0000;

/// Operations that write the line of the mmap lock atomically, and no other that is shared; and the same for the lock
/// of a VMA.
const OF_MMAP: [&str; 3] = ["walk-mmap", "read-mmap", "mmap-read"];
const OF_VMA: [&str; 4] = ["walk-vma", "read-vma", "lock-two", "lock-vma-under-rcu"];

/// Operations that write no line but those and one more that is shared: that of the sequence number of the mmap lock's
/// writers; and operations that write fields of a VMA.
const OF_SEQUENCE: [&str; 1] = ["mmap-write"];
const OF_FIELDS: [&str; 2] = ["set-flags", "set-page-prot"];

/// A function that writes nothing but what belongs to the task.
const OF_TASK: &str = "__rcu_read_lock";

/// Where x86-64 without KASLR has a description of each page. Pages are not the same ones in each run.
const PAGES: std::ops::Range<u64> = 0xffff_ea00_0000_0000..0xffff_eb00_0000_0000;

/// How much more than C Rust may write a line, for each operation: what comes once in a run.
const ONCE: f64 = 0.01;

/// What a line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The mmap lock of an address space.
    MmapLock,
    /// The lock of a VMA.
    VmaLock,
    /// The sequence number of the writers of an address space.
    Sequence,
    /// Fields of a VMA.
    Fields,
    /// The descriptions of pages.
    Page,
    Other,
    /// What no other processor has to do with.
    Task,
    Processor,
    Stack,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::MmapLock => "mmap lock",
            Self::VmaLock => "VMA lock",
            Self::Sequence => "mm sequence",
            Self::Fields => "VMA fields",
            Self::Page => "page",
            Self::Other => "other",
            Self::Task => "own task",
            Self::Processor => "own processor",
            Self::Stack => "stack",
        }
    }

    pub fn is_shared(self) -> bool {
        !matches!(self, Self::Task | Self::Processor | Self::Stack)
    }
}

/// Writes for each operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Count {
    pub stores: f64,
    /// Those of atomic instructions.
    pub atomic: f64,
}

/// An operation, and what it writes on lines of one kind.
#[derive(Debug, Serialize)]
pub struct Row {
    pub operation: String,
    pub kind: Kind,
    pub c: Count,
    pub rust: Count,
    /// What the interface does that is upstream, where it has the operation.
    pub upstream: Option<Count>,
}

#[derive(Debug, Default, Serialize)]
pub struct Writes {
    pub rows: Vec<Row>,
    /// Where Rust writes what C does not, or more often, and other things that are wrong.
    #[serde(skip)]
    wrong: Vec<String>,
}

/// One run, by line: what each processor instruction did.
#[derive(Default)]
struct Run {
    counts: BTreeMap<u64, Count>,
    of_processor: BTreeSet<u64>,
    of_task: BTreeSet<u64>,
}

/// The runs that the plugin has seen.
fn runs(counted: &str, symbols: &Symbols) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for text in counted.lines() {
        if text == "stretch" {
            runs.push(Run::default());
            continue;
        }
        let words: Vec<&str> = text.split(' ').collect();
        let (["access", at, by, how, _, stores], Some(run)) = (&words[..], runs.last_mut()) else {
            bail!("not understood: {text}");
        };
        let hex = |word: &str| u64::from_str_radix(word, 16).context(text.to_string());
        let line = hex(at)? >> LINE;
        let stores: f64 = stores.parse().context(text.to_string())?;
        if *how == "cpu" {
            run.of_processor.insert(line);
        }
        if stores > 0.0 {
            let count = run.counts.entry(line).or_default();
            count.stores += stores;
            if *how == "locked" {
                count.atomic += stores;
            }
            if symbols.function(hex(by)?) == OF_TASK {
                run.of_task.insert(line);
            }
        }
    }
    Ok(runs)
}

/// What all runs of an operation in a language have in common: an interrupt comes into few of them.
type Medians = BTreeMap<u64, Count>;

fn medians(runs: &[(&lines::Stretch, &Run)]) -> Medians {
    let lines: BTreeSet<u64> = runs
        .iter()
        .flat_map(|(_, run)| run.counts.keys().copied())
        .collect();
    let median = |line: u64, value: fn(&Count) -> f64| {
        let mut spread = Spread::default();
        for (stretch, run) in runs {
            let count = run.counts.get(&line).copied().unwrap_or_default();
            spread.add(value(&count) / stretch.operations.max(1) as f64);
        }
        spread.median
    };
    lines
        .into_iter()
        .map(|line| {
            let count = Count {
                stores: median(line, |count| count.stores),
                atomic: median(line, |count| count.atomic),
            };
            (line, count)
        })
        .filter(|(_, count)| count.stores > 0.0)
        .collect()
}

/// An operation, by line in each language.
struct Operation {
    name: String,
    c: Medians,
    rust: Medians,
    upstream: Option<Medians>,
}

/// The functions that begin and end what is counted: those of the driver in C, and those of the drivers in Rust, of
/// which the compiler makes one where they are the same.
pub fn marks(symbols: &Symbols) -> Result<Vec<u64>> {
    let is_mark = |name: &str| {
        let is_ours = name.starts_with("vma_bench_") || name.contains("rust_vma_bench");
        let is_padding = name.starts_with("__pfx_");
        is_ours && !is_padding && (name.ends_with("mark_begin") || name.ends_with("mark_end"))
    };
    let marks = symbols.find_all(is_mark);
    if marks.len() < 3 {
        bail!(
            "the kernel has {} functions that mark what is counted, not 3 or more",
            marks.len()
        );
    }
    Ok(marks)
}

impl Writes {
    /// From what the guest says of its runs and what the plugin has counted in them.
    pub fn of(lines: &[Line], counted: &str, symbols: &Symbols) -> Result<Self> {
        let runs = runs(counted, symbols)?;
        let stretches: Vec<&lines::Stretch> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Stretch(stretch) => Some(stretch),
                _ => None,
            })
            .collect();
        if stretches.len() != runs.len() || runs.is_empty() {
            bail!(
                "the guest has done {} runs, the plugin has seen {}",
                stretches.len(),
                runs.len()
            );
        }
        let mut names: Vec<&str> = Vec::new();
        for stretch in &stretches {
            if !names.contains(&stretch.operation.as_str()) {
                names.push(&stretch.operation);
            }
        }
        let of = |operation: &str, language: &str| {
            let all = stretches.iter().copied().zip(&runs);
            let is = |stretch: &lines::Stretch| {
                (stretch.operation.as_str(), stretch.language.as_str()) == (operation, language)
            };
            let some: Vec<(&lines::Stretch, &Run)> =
                all.filter(|(stretch, _)| is(stretch)).collect();
            (!some.is_empty()).then(|| medians(&some))
        };
        let operation = |name: &&'_ str| Operation {
            name: name.to_string(),
            c: of(name, "c").unwrap_or_default(),
            rust: of(name, "rust").unwrap_or_default(),
            upstream: of(name, "upstream"),
        };
        let all: Vec<Operation> = names.iter().map(operation).collect();
        let kind = kinds(&all, &runs);
        let mut writes = Self::default();
        for operation in &all {
            writes.add(operation, &kind);
            let work: BTreeSet<u64> = stretches
                .iter()
                .filter(|stretch| stretch.operation == operation.name)
                .map(|stretch| stretch.operations)
                .collect();
            if work.len() != 1 {
                writes.wrong.push(format!(
                    "{}: not done equally often in each run: {work:?}",
                    operation.name
                ));
            }
        }
        Ok(writes)
    }

    fn add(&mut self, operation: &Operation, kind: impl Fn(u64) -> Kind) {
        let Operation {
            name,
            c,
            rust,
            upstream,
        } = operation;
        let mut rows: BTreeMap<Kind, [Count; 3]> = BTreeMap::new();
        let sides = [Some(c), Some(rust), upstream.as_ref()];
        let lines: BTreeSet<&u64> = sides
            .iter()
            .flatten()
            .flat_map(|side| side.keys())
            .collect();
        for line in lines {
            let counts = sides.map(|side| {
                side.and_then(|side| side.get(line).copied())
                    .unwrap_or_default()
            });
            let kind = kind(*line);
            for (sum, count) in rows.entry(kind).or_default().iter_mut().zip(counts) {
                sum.stores += count.stores;
                sum.atomic += count.atomic;
            }
            if kind.is_shared() && kind != Kind::Page {
                let what = format!("the line {:#x} ({})", line << LINE, kind.name());
                self.compare(name, &what, counts);
            }
        }
        if let Some(counts) = rows.get(&Kind::Page) {
            self.compare(name, "the descriptions of pages", *counts);
        }
        let locks = match name.as_str() {
            name if OF_MMAP.contains(&name) => Some(Kind::MmapLock),
            name if OF_VMA.contains(&name) => Some(Kind::VmaLock),
            _ => None,
        };
        if let Some(kind) = locks {
            let is_locked = |[c, rust, _]: &[Count; 3]| c.atomic > ONCE && rust.atomic > ONCE;
            if !rows.get(&kind).is_some_and(is_locked) {
                let kind = kind.name();
                self.wrong
                    .push(format!("{name}: was not seen to write the {kind}"));
            }
        }
        for (kind, [c, rust, of_upstream]) in rows {
            self.rows.push(Row {
                operation: name.clone(),
                kind,
                c,
                rust,
                upstream: upstream.as_ref().map(|_| of_upstream),
            });
        }
    }

    /// Rust must not write it more often than C.
    fn compare(&mut self, name: &str, what: &str, [c, rust, _]: [Count; 3]) {
        if rust.stores > c.stores + ONCE || rust.atomic > c.atomic + ONCE {
            self.wrong.push(format!(
                "{name}: Rust writes {what} {:.2} times, {:.2} of them atomically, C {:.2} and {:.2}",
                rust.stores, rust.atomic, c.stores, c.atomic
            ));
        }
    }

    /// What an operation writes on lines of a kind, in C and in Rust.
    pub fn count(&self, operation: &str, kind: Kind) -> Option<(Count, Count)> {
        let row = self
            .rows
            .iter()
            .find(|row| row.operation == operation && row.kind == kind)?;
        Some((row.c, row.rust))
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let operations: BTreeSet<&str> =
            self.rows.iter().map(|row| row.operation.as_str()).collect();
        outcome.check(!operations.is_empty(), || {
            "written lines: nothing was counted".to_string()
        });
        for operation in operations {
            let prefix = format!("{operation}: ");
            let mut wrong = self.wrong.iter().filter(|text| text.starts_with(&prefix));
            match wrong.next() {
                None => outcome.passed += 1,
                Some(first) => outcome.fail(first.clone()),
            }
            wrong.for_each(|text| outcome.fail(text.clone()));
        }
        outcome
    }
}

/// What each line has.
fn kinds(all: &[Operation], runs: &[Run]) -> impl Fn(u64) -> Kind {
    let written = |names: &[&str], how: fn(&Count) -> f64| -> BTreeSet<u64> {
        let operations = all.iter().filter(|one| names.contains(&one.name.as_str()));
        let counts = operations.flat_map(|one| one.c.iter().chain(&one.rust));
        let often = counts.filter(|(_, count)| how(count) > ONCE);
        often.map(|(line, _)| *line).collect()
    };
    let mmap = written(&OF_MMAP, |count| count.atomic);
    let vma = written(&OF_VMA, |count| count.atomic);
    let sequence = written(&OF_SEQUENCE, |count| count.stores);
    let fields = written(&OF_FIELDS, |count| count.stores);
    let together = |of: fn(&Run) -> &BTreeSet<u64>| -> BTreeSet<u64> {
        runs.iter()
            .flat_map(|run| of(run).iter().copied())
            .collect()
    };
    let processor = together(|run| &run.of_processor);
    let task = together(|run| &run.of_task);
    move |line| match line {
        _ if VMALLOC.contains(&(line << LINE)) => Kind::Stack,
        _ if processor.contains(&line) => Kind::Processor,
        _ if task.contains(&line) => Kind::Task,
        _ if mmap.contains(&line) => Kind::MmapLock,
        _ if vma.contains(&line) => Kind::VmaLock,
        _ if sequence.contains(&line) => Kind::Sequence,
        _ if fields.contains(&line) => Kind::Fields,
        _ if PAGES.contains(&(line << LINE)) => Kind::Page,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MM: &str = "ffff888001c5b790";
    const VMA: &str = "ffff888001eae200";
    const REST: &str = "ffff888001aaa008";

    fn symbols() -> Symbols {
        Symbols::parse("ffffffff81000000 T __rcu_read_lock\nffffffff81000100 T other\n").unwrap()
    }

    /// What is counted when 10 rounds write places so often each.
    fn counted(places: &[(&str, &str, u64)]) -> String {
        let mut text = "stretch\naccess ffffc90000001000 ffffffff81000100 plain 0 90\n\
            access ffff888001d58ffc ffffffff81000010 plain 10 10\n\
            access ffff88803ec14000 ffffffff81000110 cpu 5 5\n"
            .to_string();
        for (place, how, stores) in places {
            text += &format!("access {place} ffffffff81000120 {how} 10 {stores}\n");
        }
        text
    }

    /// One run of each in both languages.
    fn writes(c: &[(&str, &str, u64)], rust: &[(&str, &str, u64)]) -> Writes {
        let stretch = |operation: &str, language: &str| {
            Line::parse(&format!("stretch {operation} {language} 10 7")).unwrap()
        };
        let lines = [
            stretch("read-mmap", "c"),
            stretch("read-mmap", "rust"),
            stretch("read-vma", "c"),
            stretch("read-vma", "rust"),
        ];
        let mmap = counted(&[(MM, "locked", 20), (MM, "plain", 10)]);
        let text = [mmap.clone(), mmap, counted(c), counted(rust)].concat();
        Writes::of(&lines, &text, &symbols()).unwrap()
    }

    #[test]
    fn marks_are_those_of_all_drivers() {
        let map = "f0 t __pfx_vma_bench_mark_begin\nf1 T vma_bench_mark_begin\nf2 T vma_bench_mark_end\n\
            f3 t _RNvNtCs_14rust_vma_bench10primitives10mark_begin\nf4 t benchmark_end\n\
            f5 t __pfx__RNvNtCs_14rust_vma_bench10primitives10mark_begin\n";
        let marks_of = |map: &str| marks(&Symbols::parse(map).unwrap());
        assert_eq!(marks_of(map).unwrap(), [0xf1, 0xf2, 0xf3]);
        assert!(marks_of("f1 T vma_bench_mark_begin\n").is_err());
    }

    #[test]
    fn lines_are_told_apart() {
        let writes = writes(&[(VMA, "locked", 20)], &[(VMA, "locked", 20)]);
        assert_eq!(writes.judge().failures, [""; 0]);
        assert_eq!(writes.judge().passed, 3);
        let both = |stores, atomic| {
            let count = Count { stores, atomic };
            Some((count, count))
        };
        assert_eq!(writes.count("read-mmap", Kind::MmapLock), both(3.0, 2.0));
        assert_eq!(writes.count("read-vma", Kind::VmaLock), both(2.0, 2.0));
        assert_eq!(writes.count("read-vma", Kind::MmapLock), None);
        assert_eq!(writes.count("read-vma", Kind::Task), both(1.0, 0.0));
        assert_eq!(writes.count("read-vma", Kind::Processor), both(0.5, 0.0));
        assert_eq!(writes.count("read-vma", Kind::Stack), both(9.0, 0.0));
    }

    #[test]
    fn a_line_that_c_does_not_write_is_a_failure() {
        let more = writes(
            &[(VMA, "locked", 20)],
            &[(VMA, "locked", 20), (REST, "plain", 10)],
        );
        assert_eq!(
            more.judge().failures,
            [
                "read-vma: Rust writes the line 0xffff888001aaa000 (other) 1.00 times, 0.00 of them atomically, C 0.00 and 0.00"
            ]
        );
        let less = writes(
            &[(VMA, "locked", 20), (REST, "plain", 10)],
            &[(VMA, "locked", 20)],
        );
        assert_eq!(less.judge().failed, 0);
    }

    #[test]
    fn a_line_that_is_written_more_often_is_a_failure() {
        let more = writes(&[(VMA, "locked", 20)], &[(VMA, "locked", 30)]);
        assert_eq!(
            more.judge().failures,
            [
                "read-vma: Rust writes the line 0xffff888001eae200 (VMA lock) 3.00 times, 3.00 of them atomically, C 2.00 and 2.00"
            ]
        );
        // The lock is taken with the same number of writes, and more of them cost more.
        let atomic = writes(
            &[(VMA, "locked", 20), (VMA, "plain", 10)],
            &[(VMA, "locked", 30)],
        );
        assert_eq!(atomic.judge().failed, 1);
    }

    #[test]
    fn pages_need_not_be_the_same() {
        let page = |number| ["ffffea0000000000", "ffffea0000000040"][number];
        let both = |number, stores| [(VMA, "locked", 20), (page(number), "plain", stores)];
        assert_eq!(writes(&both(0, 10), &both(1, 10)).judge().failed, 0);
        assert_eq!(
            writes(&both(0, 10), &both(1, 20)).judge().failures,
            [
                "read-vma: Rust writes the descriptions of pages 2.00 times, 0.00 of them atomically, C 1.00 and 0.00"
            ]
        );
    }

    #[test]
    fn what_was_not_seen_is_a_failure() {
        let nothing = writes(&[(VMA, "plain", 20)], &[(VMA, "plain", 20)]);
        assert_eq!(
            nothing.judge().failures,
            ["read-vma: was not seen to write the VMA lock"]
        );
        assert_eq!(Writes::default().judge().failed, 1);
        let error = |text: &str| {
            Writes::of(&[], text, &symbols())
                .map(|_| ())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            error("stretch\n"),
            "the guest has done 0 runs, the plugin has seen 1"
        );
        assert_eq!(error("access 1 2"), "not understood: access 1 2");
    }
}
