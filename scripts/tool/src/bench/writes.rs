// SPDX-License-Identifier: GPL-2.0

//! The cache lines that an operation writes, and how often, because several processors cannot write a line at the same
//! time. A plugin of the emulator counts stores, see scripts/cache-lines. C and Rust work on the same VMAs of the same
//! process, so a line has the same address in both.

use super::spread::Spread;
use crate::page::Table;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use bench_records::{Language, Record, Stretch};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The bytes of a cache line, as a power of two.
const LINE: u32 = 6;

/// The addresses of vmalloc() on x86-64 without KASLR: here, those of the stack.
const VMALLOC: std::ops::Range<u64> = 0xffff_c900_0000_0000..0xffff_e900_0000_0000;

/// The addresses of struct page on x86-64 without KASLR. A run may use other pages than the next.
const PAGES: std::ops::Range<u64> = 0xffff_ea00_0000_0000..0xffff_eb00_0000_0000;

/// Operations that atomically write the line of the mmap lock, and no other shared line; and the same for the lock of a
/// VMA.
const OF_MMAP: [&str; 3] = ["walk-mmap", "read-mmap", "mmap-read"];
const OF_VMA: [&str; 4] = ["walk-vma", "read-vma", "lock-two", "lock-vma-under-rcu"];

/// Operations that write those lines and one more shared line, that of the sequence count of the mmap lock; and
/// operations that write fields of a VMA.
const OF_SEQUENCE: [&str; 1] = ["mmap-write"];
const OF_FIELDS: [&str; 2] = ["set-flags", "set-page-prot"];

/// A function that writes only to the line of its task.
const OF_TASK: &str = "__rcu_read_lock";

/// How many more writes than C Rust may do for each operation: those that happen once in a run.
const ONCE: f64 = 0.01;

/// The data on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    MmapLock,
    VmaLock,
    /// The sequence count of the mmap lock.
    Sequence,
    /// Fields of a VMA.
    Fields,
    Page,
    Other,
    /// Lines that no other processor accesses.
    Task,
    Processor,
    Stack,
}

impl Kind {
    fn name(self) -> &'static str {
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

    fn is_shared(self) -> bool {
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

impl Count {
    fn text(self) -> String {
        format!("{:.2} ({:.2})", self.stores, self.atomic)
    }
}

/// The writes of an operation to lines of one kind.
#[derive(Debug, Serialize)]
struct Row {
    operation: String,
    kind: Kind,
    c: Count,
    rust: Count,
    /// Of the API that upstream has, if it has the operation.
    upstream: Option<Count>,
}

#[derive(Debug, Default, Serialize)]
pub struct Writes {
    rows: Vec<Row>,
    /// Failures, which begin with the name of their operation.
    #[serde(skip)]
    wrong: Vec<String>,
}

/// The functions of a kernel, by address.
pub struct Symbols(Vec<(u64, String)>);

impl Symbols {
    /// Reads a System.map.
    pub fn parse(map: &str) -> Result<Self> {
        let mut all = Vec::new();
        for line in map.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [address, kind, name] = words[..] else {
                bail!("not a symbol: {line}");
            };
            let address = u64::from_str_radix(address, 16).with_context(|| line.to_string())?;
            if matches!(kind, "t" | "T") {
                all.push((address, name.to_string()));
            }
        }
        all.sort();
        Ok(Self(all))
    }

    /// Returns the name of the function that contains an address.
    fn function(&self, address: u64) -> &str {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        after.checked_sub(1).map_or("", |at| &self.0[at].1)
    }

    /// Returns the functions between which the plugin counts: those of the driver in C, and those of the drivers in
    /// Rust, which the compiler merges if they are equal.
    pub fn marks(&self) -> Result<Vec<u64>> {
        let is_mark = |name: &str| {
            let is_ours = name.starts_with("vma_bench_") || name.contains("rust_vma_bench");
            let is_padding = name.starts_with("__pfx_");
            is_ours && !is_padding && (name.ends_with("mark_begin") || name.ends_with("mark_end"))
        };
        let marks = self.0.iter().filter(|(_, name)| is_mark(name));
        let marks: Vec<u64> = marks.map(|(address, _)| *address).collect();
        if marks.len() < 3 {
            bail!(
                "the kernel has {} functions that are marks, not 3 or more",
                marks.len()
            );
        }
        Ok(marks)
    }
}

/// One run, by line.
#[derive(Default)]
struct Run {
    counts: BTreeMap<u64, Count>,
    of_processor: BTreeSet<u64>,
    of_task: BTreeSet<u64>,
}

/// Reads the output of the plugin.
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

type Lines = BTreeMap<u64, Count>;

/// Returns the median of all runs for each line, because an interrupt occurs in few of them.
fn medians(runs: &[(&Stretch, &Run)]) -> Lines {
    let lines = runs.iter().flat_map(|(_, run)| run.counts.keys().copied());
    let lines: BTreeSet<u64> = lines.collect();
    let median = |line: u64, value: fn(&Count) -> f64| {
        let values = runs.iter().map(|(stretch, run)| {
            let count = run.counts.get(&line).copied().unwrap_or_default();
            value(&count) / stretch.operations.max(1) as f64
        });
        values.collect::<Spread>().median
    };
    let counts = lines.into_iter().map(|line| {
        let count = Count {
            stores: median(line, |count| count.stores),
            atomic: median(line, |count| count.atomic),
        };
        (line, count)
    });
    counts.filter(|(_, count)| count.stores > 0.0).collect()
}

/// An operation, with its lines in each language.
struct Operation {
    name: String,
    c: Lines,
    rust: Lines,
    upstream: Option<Lines>,
}

impl Writes {
    /// Combines the runs of the guest with what the plugin counted in them.
    pub fn of(records: &[Record], counted: &str, symbols: &Symbols) -> Result<Self> {
        let runs = runs(counted, symbols)?;
        let stretches = records.iter().filter_map(|record| match record {
            Record::Stretch(stretch) => Some(stretch),
            _ => None,
        });
        let stretches: Vec<&Stretch> = stretches.collect();
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
        let of = |operation: &str, language: Language| {
            let all = stretches.iter().copied().zip(&runs);
            let some: Vec<(&Stretch, &Run)> = all
                .filter(|(one, _)| one.operation == operation && one.language == language)
                .collect();
            (!some.is_empty()).then(|| medians(&some))
        };
        let operation = |name: &&str| Operation {
            name: name.to_string(),
            c: of(name, Language::C).unwrap_or_default(),
            rust: of(name, Language::Rust).unwrap_or_default(),
            upstream: of(name, Language::Upstream),
        };
        let all: Vec<Operation> = names.iter().map(operation).collect();
        let kind = kinds(&all, &runs);
        let mut writes = Self::default();
        for operation in &all {
            let name = &operation.name;
            writes.add(operation, &kind);
            let work = stretches
                .iter()
                .filter(|stretch| stretch.operation == *name);
            let work: BTreeSet<u64> = work.map(|stretch| stretch.operations).collect();
            if work.len() != 1 {
                let wrong = format!("{name}: not done equally often in each run: {work:?}");
                writes.wrong.push(wrong);
            }
        }
        Ok(writes)
    }

    fn add(&mut self, operation: &Operation, kind: impl Fn(u64) -> Kind) {
        let name = &operation.name;
        let upstream = operation.upstream.as_ref();
        let sides = [Some(&operation.c), Some(&operation.rust), upstream];
        let lines = sides.iter().flatten().flat_map(|side| side.keys());
        let lines: BTreeSet<u64> = lines.copied().collect();
        let mut rows: BTreeMap<Kind, [Count; 3]> = BTreeMap::new();
        for line in lines {
            let count = |side: Option<&Lines>| side.and_then(|side| side.get(&line).copied());
            let counts = sides.map(|side| count(side).unwrap_or_default());
            let kind = kind(line);
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
            self.compare(name, "struct page", *counts);
        }
        let lock = match name.as_str() {
            name if OF_MMAP.contains(&name) => Some(Kind::MmapLock),
            name if OF_VMA.contains(&name) => Some(Kind::VmaLock),
            _ => None,
        };
        if let Some(kind) = lock {
            let is_locked = |[c, rust, _]: &[Count; 3]| c.atomic > ONCE && rust.atomic > ONCE;
            if !rows.get(&kind).is_some_and(is_locked) {
                let wrong = format!("{name}: was not seen to write the {}", kind.name());
                self.wrong.push(wrong);
            }
        }
        for (kind, [c, rust, of_upstream]) in rows {
            self.rows.push(Row {
                operation: name.clone(),
                kind,
                c,
                rust,
                upstream: upstream.map(|_| of_upstream),
            });
        }
    }

    /// Checks that Rust writes no more often than C.
    fn compare(&mut self, name: &str, what: &str, [c, rust, _]: [Count; 3]) {
        if rust.stores > c.stores + ONCE || rust.atomic > c.atomic + ONCE {
            self.wrong.push(format!(
                "{name}: Rust writes {what} {:.2} times, {:.2} of them atomically, C {:.2} and {:.2}",
                rust.stores, rust.atomic, c.stores, c.atomic
            ));
        }
    }

    /// Returns the writes of an operation to lines of a kind, in C and in Rust.
    pub fn count(&self, operation: &str, kind: Kind) -> Option<(Count, Count)> {
        let mut rows = self.rows.iter();
        let row = rows.find(|row| row.operation == operation && row.kind == kind)?;
        Some((row.c, row.rust))
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let operations = self.rows.iter().map(|row| row.operation.as_str());
        let operations: BTreeSet<&str> = operations.collect();
        outcome.check(!operations.is_empty(), || {
            "written lines: nothing was counted".to_string()
        });
        for operation in operations {
            let prefix = format!("{operation}: ");
            let wrong = self.wrong.iter().filter(|text| text.starts_with(&prefix));
            let before = outcome.failed;
            wrong.for_each(|text| outcome.fail(text.clone()));
            outcome.passed += usize::from(outcome.failed == before);
        }
        outcome
    }

    pub fn table(&self) -> Table {
        let rows = self.rows.iter().filter(|row| row.kind.is_shared());
        let rows = rows.map(|row| {
            vec![
                row.operation.clone(),
                row.kind.name().to_string(),
                row.c.text(),
                row.rust.text(),
                row.upstream.map_or(String::new(), Count::text),
            ]
        });
        Table::new(
            "Stores to shared cache lines for each VMA or call (of them atomic ones)",
            &["operation", "line", "C", "Rust", "upstream"],
            rows,
        )
    }
}

/// Returns a function that tells the kind of a line.
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
    let processor: BTreeSet<u64> = runs
        .iter()
        .flat_map(|run| run.of_processor.clone())
        .collect();
    let task: BTreeSet<u64> = runs.iter().flat_map(|run| run.of_task.clone()).collect();
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
    use super::super::samples::{C, Rust, stretch};
    use super::*;

    const MM: &str = "ffff888001c5b790";
    const VMA: &str = "ffff888001eae200";
    const REST: &str = "ffff888001aaa008";
    const PAGE: [&str; 2] = ["ffffea0000000000", "ffffea0000000040"];

    /// An address, how it is written and the number of stores in 10 rounds.
    type Access = (&'static str, &'static str, u64);

    fn symbols() -> Symbols {
        Symbols::parse("ffffffff81000100 T other\nffffffff81000000 T __rcu_read_lock\n").unwrap()
    }

    fn counted(accesses: &[Access]) -> String {
        let mut text = "stretch\naccess ffffc90000001000 ffffffff81000100 plain 0 90\n\
            access ffff888001d58ffc ffffffff81000010 plain 10 10\n\
            access ffff88803ec14000 ffffffff81000110 cpu 5 5\n"
            .to_string();
        for (address, how, stores) in accesses {
            text += &format!("access {address} ffffffff81000120 {how} 10 {stores}\n");
        }
        text
    }

    /// A run of read-mmap and of read-vma in both languages.
    fn writes(c: &[Access], rust: &[Access]) -> Writes {
        let records = [
            stretch("read-mmap", C),
            stretch("read-mmap", Rust),
            stretch("read-vma", C),
            stretch("read-vma", Rust),
        ];
        let mmap = counted(&[(MM, "locked", 20), (MM, "plain", 10)]);
        let text = [mmap.clone(), mmap, counted(c), counted(rust)].concat();
        Writes::of(&records, &text, &symbols()).unwrap()
    }

    #[test]
    fn symbols_and_marks_are_found() {
        assert_eq!(symbols().function(0xffff_ffff_8100_00ff), "__rcu_read_lock");
        assert_eq!(symbols().function(1), "");
        assert!(Symbols::parse("x").is_err());
        let map = "f0 t __pfx_vma_bench_mark_begin\nf1 T vma_bench_mark_begin\nf2 T vma_bench_mark_end\n\
            f3 t _RNvNtCs_14rust_vma_bench10primitives10mark_begin\nf4 t benchmark_end\n\
            f5 t __pfx__RNvNtCs_14rust_vma_bench10primitives10mark_begin\n";
        let marks = |map: &str| Symbols::parse(map).unwrap().marks();
        assert_eq!(marks(map).unwrap(), [0xf1, 0xf2, 0xf3]);
        assert!(marks("f1 T vma_bench_mark_begin\n").is_err());
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
        let table = writes.table();
        assert_eq!(table.rows.len(), 2);
        assert_eq!(
            table.rows[1].cells,
            ["read-vma", "VMA lock", "2.00 (2.00)", "2.00 (2.00)", ""]
        );
    }

    #[test]
    fn writes_that_c_does_not_do_are_a_failure() {
        let vma = (VMA, "locked", 20);
        let failures = |c: &[Access], rust: &[Access]| writes(c, rust).judge().failures;
        assert_eq!(
            failures(&[vma], &[vma, (REST, "plain", 10)]),
            [
                "read-vma: Rust writes the line 0xffff888001aaa000 (other) 1.00 times, 0.00 of them atomically, C 0.00 and 0.00"
            ]
        );
        assert_eq!(failures(&[vma, (REST, "plain", 10)], &[vma]), [""; 0]);
        assert_eq!(
            failures(&[vma], &[(VMA, "locked", 30)]),
            [
                "read-vma: Rust writes the line 0xffff888001eae200 (VMA lock) 3.00 times, 3.00 of them atomically, C 2.00 and 2.00"
            ]
        );
        // As many writes, but more atomic ones.
        assert_eq!(
            failures(&[vma, (VMA, "plain", 10)], &[(VMA, "locked", 30)]).len(),
            1
        );
        // Other pages are as good.
        let page = |number: usize, stores| [vma, (PAGE[number], "plain", stores)];
        assert_eq!(failures(&page(0, 10), &page(1, 10)), [""; 0]);
        assert_eq!(
            failures(&page(0, 10), &page(1, 20)),
            [
                "read-vma: Rust writes struct page 2.00 times, 0.00 of them atomically, C 1.00 and 0.00"
            ]
        );
    }

    #[test]
    fn missing_writes_and_runs_are_a_failure() {
        let nothing = writes(&[(VMA, "plain", 20)], &[(VMA, "plain", 20)]);
        assert_eq!(
            nothing.judge().failures,
            ["read-vma: was not seen to write the VMA lock"]
        );
        assert_eq!(Writes::default().judge().failed, 1);
        let error = |text: &str| {
            let writes = Writes::of(&[], text, &symbols());
            writes.map(|_| ()).unwrap_err().to_string()
        };
        assert_eq!(
            error("stretch\n"),
            "the guest has done 0 runs, the plugin has seen 1"
        );
        assert_eq!(error("access 1 2"), "not understood: access 1 2");
    }
}
