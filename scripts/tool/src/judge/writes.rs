// SPDX-License-Identifier: GPL-2.0

//! The cache lines that an operation writes, and how often, because several processors cannot write a line at the same
//! time. A plugin of the emulator counts stores, see scripts/cache-lines. C and Rust work on the same VMAs of the same
//! process, so a line has the same address in both.

use super::bounds::BOUNDS;
use super::costs::Costs;
use super::records::{Record, Stretch, of_kind};
use super::{C, Language, Rust, Spread, Table, Upstream, cells, check, group, work};
use crate::report::Outcome;
use anyhow::{Context, Result, bail, ensure};
use itertools::Itertools;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The bytes of a cache line, as a power of two.
const LINE: u32 = 6;
/// The addresses of vmalloc() on x86-64 without KASLR: here, those of the stack.
const VMALLOC: Range<u64> = 0xffff_c900_0000_0000..0xffff_e900_0000_0000;
/// The addresses of struct page on x86-64 without KASLR. A run may use other pages than the next.
const PAGES: Range<u64> = 0xffff_ea00_0000_0000..0xffff_eb00_0000_0000;

/// Other processors may want the lines of the kinds down to `Other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    MmapLock,
    VmaLock,
    Sequence,
    Fields,
    Page,
    Other,
    Task,
    Processor,
    Stack,
}

impl Kind {
    fn title(self) -> &'static str {
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
}

/// The functions of a kernel, sorted by address.
pub struct Symbols(Vec<(u64, String)>);

impl Symbols {
    pub fn of(system_map: &str) -> Result<Self> {
        let mut functions = Vec::new();
        for line in system_map.lines() {
            let symbol = line.split(' ').collect_tuple();
            let (address, kind, name) = symbol.with_context(|| format!("not a symbol: {line}"))?;
            if matches!(kind, "t" | "T") {
                functions.push((hex(address)?, name.to_string()));
            }
        }
        functions.sort();
        Ok(Self(functions))
    }

    /// The functions between which the plugin counts: those of the driver in C, and those of the drivers in Rust, which the
    /// compiler merges if they are equal.
    pub fn marks(&self) -> Result<Vec<u64>> {
        let is_mark = |name: &str| {
            (name.starts_with("vma_bench_") || name.contains("rust_vma_bench"))
                && !name.starts_with("__pfx_")
                && (name.ends_with("mark_begin") || name.ends_with("mark_end"))
        };
        let marks = self.0.iter().filter(|(_, name)| is_mark(name));
        let marks = marks.map(|(address, _)| *address).collect_vec();
        let count = marks.len();
        ensure!(
            count >= 3,
            "the kernel has {count} functions that are marks, not 3 or more"
        );
        Ok(marks)
    }

    fn at(&self, address: u64) -> Option<&str> {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        Some(&self.0.get(after.checked_sub(1)?)?.1)
    }
}

fn hex(text: &str) -> Result<u64> {
    u64::from_str_radix(text, 16).with_context(|| format!("not a number: {text}"))
}

/// Stores, and how many of them are atomic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Count {
    stores: f64,
    atomic: f64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.stores += other.stores;
        self.atomic += other.atomic;
    }

    fn exceeds(self, other: Self) -> bool {
        let once = BOUNDS.writes.once;
        self.stores > other.stores + once || self.atomic > other.atomic + once
    }

    fn cell(self) -> String {
        format!("{:.2} ({:.2})", self.stores, self.atomic)
    }
}

type Lines = BTreeMap<u64, Count>;

/// The counts of the plugin in a run: stores by line, and the lines of a kind.
#[derive(Default)]
struct Run {
    counts: Lines,
    processor: BTreeSet<u64>,
    task: BTreeSet<u64>,
}

fn runs(counted: &str, symbols: &Symbols) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for line in counted.lines() {
        let words = line.split(' ').collect_vec();
        match (&words[..], runs.last_mut()) {
            (["stretch"], _) => runs.push(Run::default()),
            (["access", address, by, how, _, stores], Some(run)) => {
                let (at, stores) = (hex(address)? >> LINE, stores.parse::<f64>()?);
                if *how == "cpu" {
                    run.processor.insert(at);
                }
                if stores > 0.0 {
                    let atomic = if *how == "locked" { stores } else { 0.0 };
                    run.counts
                        .entry(at)
                        .or_default()
                        .add(Count { stores, atomic });
                    if symbols.at(hex(by)?) == Some(&BOUNDS.writes.task) {
                        run.task.insert(at);
                    }
                }
            }
            _ => bail!("not understood: {line}"),
        }
    }
    Ok(runs)
}

/// The median of all runs for each line, because an interrupt occurs in few of them.
fn medians(runs: &[(&Stretch, &Run)]) -> Lines {
    let median = |line: &u64, of: fn(&Count) -> f64| {
        let counts = runs.iter().map(|(done, run)| {
            let count = run.counts.get(line).map_or(0.0, of);
            count / done.operations.max(1) as f64
        });
        Spread::of(counts).median
    };
    let lines: BTreeSet<_> = runs.iter().flat_map(|(_, run)| run.counts.keys()).collect();
    let lines = lines.into_iter().map(|line| {
        let (stores, atomic) = (median(line, |of| of.stores), median(line, |of| of.atomic));
        (*line, Count { stores, atomic })
    });
    lines.filter(|(_, count)| count.stores > 0.0).collect()
}

#[derive(Serialize)]
pub struct Writes {
    rows: Vec<Row>,
    #[serde(skip)]
    failures: BTreeMap<String, Vec<String>>,
}

#[derive(Serialize)]
struct Row {
    operation: String,
    kind: Kind,
    c: Count,
    rust: Count,
    upstream: Option<Count>,
}

type Operation = BTreeMap<Language, Lines>;

impl Writes {
    /// Combines the runs of the guest with what the plugin counted in them.
    pub fn of(records: &[Record], counted: &str, symbols: &Symbols) -> Result<Self> {
        let (done, runs) = (
            of_kind!(records, Stretch).collect_vec(),
            runs(counted, symbols)?,
        );
        let (count, seen) = (done.len(), runs.len());
        if count != seen || runs.is_empty() {
            bail!("the guest has done {count} runs, the plugin has seen {seen}");
        }
        let all = done
            .iter()
            .copied()
            .zip(&runs)
            .map(|run| (&run.0.operation, run));
        let operations = group(all).into_iter().map(|(name, runs)| {
            let languages = group(runs.iter().map(|run| (run.0.language, *run))).into_iter();
            let languages = languages.map(|(language, runs)| (language, medians(&runs)));
            let times = work(runs.iter().map(|(done, _)| done.operations));
            (name, (languages.collect::<Operation>(), times))
        });
        let operations = operations.collect_vec();

        let bounds = &BOUNDS.writes;
        let written = |names: &[String], of: fn(&Count) -> f64| -> BTreeSet<u64> {
            let operations = operations.iter().filter(|(name, _)| names.contains(name));
            let lines = operations.flat_map(|(_, (languages, _))| languages.range(..=Rust));
            let lines = lines.flat_map(|(_, lines)| lines);
            let lines = lines.filter(|(_, count)| of(count) > bounds.once);
            lines.map(|(line, _)| *line).collect()
        };
        let kinds = [
            (
                Kind::Processor,
                runs.iter()
                    .flat_map(|run| &run.processor)
                    .copied()
                    .collect(),
            ),
            (
                Kind::Task,
                runs.iter().flat_map(|run| &run.task).copied().collect(),
            ),
            (
                Kind::MmapLock,
                written(&bounds.mmap_lock, |count| count.atomic),
            ),
            (
                Kind::VmaLock,
                written(&bounds.vma_lock, |count| count.atomic),
            ),
            (
                Kind::Sequence,
                written(&bounds.sequence, |count| count.stores),
            ),
            (Kind::Fields, written(&bounds.fields, |count| count.stores)),
        ];
        let kind = |line: u64| match kinds.iter().find(|(_, lines)| lines.contains(&line)) {
            _ if VMALLOC.contains(&(line << LINE)) => Kind::Stack,
            Some((kind, _)) => *kind,
            None if PAGES.contains(&(line << LINE)) => Kind::Page,
            None => Kind::Other,
        };
        let mut writes = Self {
            rows: Vec::new(),
            failures: BTreeMap::new(),
        };
        for (name, (languages, times)) in &operations {
            writes.add(name, languages, times, kind);
        }
        Ok(writes)
    }

    fn add(&mut self, name: &str, of: &Operation, times: &[u64], kind: impl Fn(u64) -> Kind) {
        let (mut wrong, mut sums) = (Vec::new(), BTreeMap::<Kind, [Count; 3]>::new());
        if times.len() != 1 {
            wrong.push(format!(
                "{name}: not done equally often in each run: {times:?}"
            ));
        }
        let mut compare = |what: String, [c, rust, _]: [Count; 3]| {
            if rust.exceeds(c) {
                wrong.push(format!(
                    "{name}: Rust writes {what} {:.2} times, {:.2} of them atomically, C {:.2} and {:.2}",
                    rust.stores, rust.atomic, c.stores, c.atomic
                ));
            }
        };
        for line in of.values().flat_map(BTreeMap::keys).sorted().dedup() {
            let count = |language| of.get(&language)?.get(line).copied();
            let counts = Language::ALL.map(|language| count(language).unwrap_or_default());
            let kind = kind(*line);
            let sums = sums.entry(kind).or_default();
            sums.iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| sum.add(count));
            if kind <= Kind::Other && kind != Kind::Page {
                compare(
                    format!("the line {:#x} ({})", line << LINE, kind.title()),
                    counts,
                );
            }
        }
        if let Some(counts) = sums.get(&Kind::Page) {
            compare("struct page".to_string(), *counts);
        }
        let bounds = &BOUNDS.writes;
        for (lock, names) in [
            (Kind::MmapLock, &bounds.mmap_lock),
            (Kind::VmaLock, &bounds.vma_lock),
        ] {
            let is_written =
                |counts: &[Count; 3]| counts[..2].iter().all(|of| of.atomic > bounds.once);
            if names.iter().any(|one| one == name) && !sums.get(&lock).is_some_and(is_written) {
                wrong.push(format!(
                    "{name}: was not seen to write the {}",
                    lock.title()
                ));
            }
        }
        self.rows
            .extend(sums.into_iter().map(|(kind, [c, rust, upstream])| Row {
                operation: name.to_string(),
                kind,
                c,
                rust,
                upstream: of.contains_key(&Upstream).then_some(upstream),
            }));
        self.failures.insert(name.to_string(), wrong);
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        check!(
            outcome,
            !self.rows.is_empty(),
            "written lines: nothing was counted"
        );
        for (operation, failures) in &self.failures {
            if self.rows.iter().any(|row| row.operation == *operation) {
                outcome.none(failures.clone());
            }
        }
        outcome
    }

    pub fn table(&self) -> Table {
        let rows = self.rows.iter().filter(|row| row.kind <= Kind::Other);
        Table::new(
            "Stores to shared cache lines for each VMA or call (of them atomic ones)",
            "operation | line | C | Rust | upstream",
            rows.map(|row| {
                let upstream = row.upstream.map_or_else(String::new, Count::cell);
                cells![
                    row.operation,
                    row.kind.title(),
                    row.c.cell(),
                    row.rust.cell(),
                    upstream
                ]
            }),
        )
    }
}

/// An upper bound for many processors, from the lines that they write: see Documentation/mm/vma_rust_scaling.rst for the
/// model and its limits. A line that several processors write moves from one to the next for each write, which takes a time
/// that no processor can shorten, and no other can write it meanwhile. So all of them together write it at most once in
/// that time; a line that one of them writes sets no limit.
#[derive(Serialize)]
pub struct Projection {
    processors: &'static [u32],
    curves: Vec<Curve>,
}

#[derive(Serialize)]
struct Curve {
    name: String,
    language: Language,
    transfer_ns: f64,
    /// Of one operation.
    writes: f64,
    alone_ns: f64,
    rates: Vec<f64>,
}

/// Operations, the line that they write, and whether all processors write the same one.
const CASES: [(&str, Kind, bool, &str); 3] = [
    ("read-mmap", Kind::MmapLock, true, "mmap lock, one mm"),
    ("read-vma", Kind::VmaLock, true, "VMA lock, one VMA"),
    ("read-vma", Kind::VmaLock, false, "VMA lock, a VMA each"),
];

/// Operations per microsecond.
fn rate(processors: u32, alone_ns: f64, writes: f64, transfer_ns: f64) -> f64 {
    let waited = if processors == 1 {
        0.0
    } else {
        writes * transfer_ns
    };
    let free = f64::from(processors) * 1e3 / (alone_ns + waited);
    if waited > 0.0 {
        free.min(1e3 / waited)
    } else {
        free
    }
}

impl Projection {
    /// `costs` are those of walks and look-ups; the layout that was measured last is taken.
    pub fn of(writes: &Writes, costs: &Costs) -> Self {
        let (model, mut curves) = (&BOUNDS.projection, Vec::new());
        for (operation, kind, is_shared, name) in CASES {
            let mut rows = writes.rows.iter();
            let row = rows.find(|row| row.operation == operation && row.kind == kind);
            let alone = costs.figures.iter().rfind(|one| one.operation == operation);
            let Some((row, alone)) = row.zip(alone) else {
                continue;
            };
            let transfers = if is_shared {
                &model.transfers_ns[..]
            } else {
                &[0.0]
            };
            let sides = [(C, row.c, &alone.c), (Rust, row.rust, &alone.rust)];
            for (&transfer_ns, (language, count, alone)) in
                transfers.iter().cartesian_product(sides)
            {
                let (writes, alone_ns) = (count.atomic, alone.median * model.instruction_ns);
                let transfer = if is_shared {
                    format!(", {transfer_ns} ns")
                } else {
                    String::new()
                };
                let processors = model.processors.iter();
                curves.push(Curve {
                    name: format!("{name}{transfer}, {}", language.title()),
                    language,
                    transfer_ns,
                    writes,
                    alone_ns,
                    rates: processors
                        .map(|n| rate(*n, alone_ns, writes, transfer_ns))
                        .collect(),
                });
            }
        }
        let processors = &model.processors;
        Self { processors, curves }
    }

    pub fn table(&self) -> Table {
        let row = |curve: &Curve| {
            let rates = curve.rates.iter().map(|rate| format!("{rate:.1}"));
            [curve.name.clone()].into_iter().chain(rates).collect()
        };
        Table::new(
            "Projected, not measured: look-ups per us at most, by the number of processors",
            &format!("lock, transfer | {}", self.processors.iter().join(" | ")),
            self.curves.iter().map(row),
        )
    }
}

/// Together with the costs, if they were measured, the writes limit many processors.
#[derive(Serialize)]
pub struct Figures {
    pub writes: Writes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projection: Option<Projection>,
}

impl Figures {
    pub fn text(&self) -> String {
        let projection = self.projection.as_ref().map(|one| one.table().text());
        self.writes.table().text()
            + &projection.map_or_else(String::new, |text| format!("\n{text}"))
    }
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::super::costs::By;
    use super::super::records::{Cost, Done, Layout};
    use super::*;

    const MM: &str = "ffff888001c5b790";
    const VMA: &str = "ffff888001eae200";
    const REST: &str = "ffff888001aaa008";
    const LOCKED: Access = (VMA, "locked", 20);
    const SYMBOLS: &str = "ffffffff81000100 T other\nffffffff81000000 T __rcu_read_lock\nffffffff81000040 D data\n";

    /// An address, how it is written, and the number of stores in 10 rounds.
    type Access<'a> = (&'a str, &'a str, u32);

    fn counted(accesses: &[Access]) -> String {
        let mut text = "stretch\naccess ffffc90000001000 ffffffff81000100 plain 0 90\n\
                        access ffff888001d58ffc ffffffff81000010 plain 10 10\n\
                        access ffff88803ec14000 ffffffff81000110 cpu 5 5\n"
            .to_string();
        for (at, how, stores) in accesses {
            text += &format!("access {at} ffffffff81000120 {how} 10 {stores}\n");
        }
        text
    }

    fn stretch(operation: &str, language: Language, operations: u64) -> Record {
        Record::Stretch(Stretch { operation: operation.to_string(), language, operations })
    }

    /// A run of read-mmap and of read-vma in both languages.
    fn writes(c: &[Access], rust: &[Access]) -> Writes {
        let runs = ["read-mmap", "read-vma"].into_iter().cartesian_product([C, Rust]);
        let runs = runs.map(|(operation, language)| stretch(operation, language, 10));
        let mmap = counted(&[(MM, "locked", 20), (MM, "plain", 10)]);
        let counted = mmap.repeat(2) + &counted(c) + &counted(rust);
        Writes::of(&runs.collect_vec(), &counted, &Symbols::of(SYMBOLS).unwrap()).unwrap()
    }

    #[test]
    fn marks_are_found() {
        let symbols = Symbols::of(
            "f0 t __pfx_vma_bench_mark_begin\nf1 T vma_bench_mark_begin\nf2 T vma_bench_mark_end\n\
             f3 t _RNvNtCs_14rust_vma_bench10primitives10mark_begin\nf4 t benchmark_end\n\
             f5 t __pfx__RNvNtCs_14rust_vma_bench10primitives10mark_begin\n",
        );
        assert_eq!(symbols.unwrap().marks().unwrap(), [0xf1, 0xf2, 0xf3]);
        assert!(Symbols::of("x").is_err());
        let one = Symbols::of("f1 T vma_bench_mark_begin\n");
        assert!(one.unwrap().marks().is_err());
    }

    #[test]
    fn lines_are_told_apart() {
        let writes = writes(&[LOCKED], &[LOCKED]);
        let outcome = writes.judge();
        assert_eq!((outcome.passed, outcome.failed), (3, 0));
        let count = |operation, kind| {
            let mut rows = writes.rows.iter();
            let row = rows.find(|row| row.operation == operation && row.kind == kind)?;
            Some((row.c.stores, row.rust.atomic))
        };
        let kinds = [Kind::VmaLock, Kind::MmapLock, Kind::Task, Kind::Processor, Kind::Stack];
        let expected = [Some((2.0, 2.0)), None, Some((1.0, 0.0)), Some((0.5, 0.0)), Some((9.0, 0.0))];
        assert_eq!(kinds.map(|kind| count("read-vma", kind)), expected);
        assert_eq!(count("read-mmap", Kind::MmapLock), Some((3.0, 2.0)));
        let cells = ["read-vma", "VMA lock", "2.00 (2.00)", "2.00 (2.00)", ""];
        assert_eq!(writes.table().rows[1..], [cells.map(str::to_string).to_vec()]);
    }

    #[test]
    fn writes_that_c_does_not_do_fail() {
        let start = "read-vma: Rust writes";
        let more = "times, 0.00 of them atomically, C";
        let rest = format!("{start} the line 0xffff888001aaa000 (other) 1.00 {more} 0.00 and 0.00");
        let lock = format!("{start} the line 0xffff888001eae200 (VMA lock) 3.00 times, 3.00 of them atomically, C");
        let pages = format!("{start} struct page 2.00 {more} 1.00 and 0.00");
        let unlocked = "read-vma: was not seen to write the VMA lock";
        let (plain, other) = ((VMA, "plain", 20), (REST, "plain", 10));
        let more = (VMA, "locked", 30);
        let page = |at, stores| [LOCKED, (at, "plain", stores)];
        let [fewer, fewer_atomic] = ["2.00", "3.00"].map(|least| format!("{lock} {least} and 2.00"));
        let (first, second) = ("ffffea0000000000", "ffffea0000000040");
        type Case<'a> = (&'a [Access<'a>], &'a [Access<'a>], Option<&'a str>);
        let cases: [Case; 7] = [
            (&[LOCKED], &[LOCKED, other], Some(&rest)),
            (&[LOCKED, other], &[LOCKED], None),
            (&[LOCKED], &[more], Some(&fewer)),
            // As many writes, but more atomic ones.
            (&[LOCKED, (VMA, "plain", 10)], &[more], Some(&fewer_atomic)),
            // Other pages are as good.
            (&page(first, 10), &page(second, 10), None),
            (&page(first, 10), &page(second, 20), Some(&pages)),
            (&[plain], &[plain], Some(unlocked)),
        ];
        for (c, rust, said) in cases {
            assert_eq!(writes(c, rust).judge().failures, Vec::from_iter(said));
        }
    }

    #[test]
    fn missing_runs_fail() {
        let symbols = Symbols::of(SYMBOLS).unwrap();
        let (rows, failures) = (Vec::new(), BTreeMap::new());
        assert_eq!(Writes { rows, failures }.judge().failed, 1);
        let seen = "the guest has done 0 runs, the plugin has seen 1";
        for (counted, said) in [("stretch\n", seen), ("access 1 2", "not understood: access 1 2")] {
            let error = Writes::of(&[], counted, &symbols).err().unwrap().to_string();
            assert_eq!(error, said);
        }
        let uneven = [stretch("x", C, 10), stretch("x", Rust, 11)];
        let writes = Writes::of(&uneven, &counted(&[]).repeat(2), &symbols).unwrap();
        assert_eq!(writes.judge().failures, ["x: not done equally often in each run: [10, 11]"]);
    }

    #[test]
    fn equal_counts_and_costs_make_equal_curves() {
        let run = |(language, operations): (Language, u64)| {
            let (mappings, span, gaps) = (operations, 0, false);
            Record::Cost(Cost {
                layout: Layout { mappings, span, gaps },
                vmas: 1,
                operation: "read-vma".to_string(),
                language,
                done: Done { operations, ticks: 1500, sum: 0 },
            })
        };
        let costs = [(C, 5), (Rust, 5), (C, 3), (Rust, 3)].map(run);
        let projection = Projection::of(&writes(&[LOCKED], &[LOCKED]), &Costs::of(By::Count, &costs));
        let curves = &projection.curves;
        assert_eq!(curves.len(), 6);
        assert!(curves.chunks(2).all(|pair| pair[0].rates == pair[1].rates));
        let row = &projection.table().rows[5];
        assert_eq!((&*row[0], &*row[10]), ("VMA lock, a VMA each, Rust", "1024.0"));
    }

    #[test]
    fn a_shared_line_is_written_once_at_a_time() {
        assert_eq!([1, 512].map(|n| rate(n, 500.0, 2.0, 0.0)), [2.0, 1024.0]);
        // Two processors that wait for two transfers each, then the limit of the line.
        let rates = [1, 2, 4, 512].map(|n| rate(n, 300.0, 2.0, 100.0));
        assert_eq!(rates, [1e3 / 300.0, 4.0, 5.0, 5.0]);
    }
}
