// SPDX-License-Identifier: GPL-2.0

//! Primitives. Each is a function in each language, which a driver calls in a loop. A round of the loop is its gross cost.
//! The function of the primitive `nothing` has one instruction before its return, which sets the result. So the gross cost
//! minus that of `nothing`, plus one, is the number of instructions in the body of a primitive, with all functions that it
//! calls, and without its call, its return and the loop. Some primitives are called by a program, whose loop, system calls
//! and page faults are part of the cost. Each kernel is booted twice, and both boots have to agree.

use super::baseline::Toolchain;
use super::bounds::BOUNDS;
use super::records::{Primitive as Run, Record, of_kind};
use super::{
    C, Language, Rust, Sides, Spread, Table, Upstream, cells, check, clock, group, judge_clock,
};
use super::{shown, sides};
use crate::report::Outcome;
use anyhow::{Context, Result};
use itertools::Itertools;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

pub const EXCEPTIONS: &str = "scripts/bench/exceptions.toml";
const NOTHING: &str = "nothing";

/// The measurements of all kernels.
#[derive(Serialize)]
pub struct Figures {
    pub toolchain: Toolchain,
    #[serde(rename = "primitives")]
    pub kernels: Vec<Kernel>,
    pub rows: Vec<Row>,
}

#[derive(Serialize)]
pub struct Kernel {
    pub config: String,
    /// "inline" or "calls".
    pub helpers: &'static str,
    pub boots: [Boot; 2],
}

#[derive(Serialize)]
pub struct Boot {
    clock: Spread,
    pub all: Vec<Primitive>,
}

#[derive(Serialize)]
pub struct Primitive {
    caller: String,
    pub name: String,
    #[serde(flatten)]
    sides: Sides,
}

/// By language.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    pub c: f64,
    pub rust: f64,
    pub upstream: Option<f64>,
}

/// The figures of a primitive side by side.
#[derive(Serialize)]
pub struct Row {
    caller: String,
    primitive: String,
    inline: Option<Costs>,
    calls: Option<Costs>,
    helper_calls: u64,
    spread: f64,
}

impl Boot {
    pub fn of(records: &[Record]) -> Self {
        let runs = of_kind!(records, Primitive);
        let runs = group(runs.map(|run| (&run.name, run))).into_iter();
        let primitive = |(name, runs): (&String, Vec<&Run>)| Primitive {
            caller: runs
                .first()
                .map_or_else(String::new, |run| run.caller.clone()),
            name: name.clone(),
            sides: sides(runs.iter().map(|run| (run.language, &run.done))),
        };
        Self {
            clock: clock(records),
            all: runs.map(primitive).collect(),
        }
    }

    fn named(&self, name: &str) -> Option<&Primitive> {
        self.all.iter().find(|one| one.name == name)
    }

    fn gross(&self, name: &str, language: Language) -> Option<f64> {
        self.named(name)?.gross(language)
    }

    /// The instructions in the body of a primitive, or the gross cost if a program calls it.
    fn body(&self, primitive: &Primitive, language: Language) -> Option<f64> {
        let cost = primitive.gross(language)?;
        match primitive.is_of_a_program() {
            true => Some(cost),
            false => Some(cost - self.gross(NOTHING, language)? + 1.0),
        }
    }

    /// Judges whether these are measurements of the same work, not the costs.
    fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        judge_clock(&self.clock, &mut outcome);
        // A call costs the same in all languages in which a driver was measured.
        let of_drivers = self.all.iter().filter(|one| !one.is_of_a_program());
        let having: BTreeSet<_> = of_drivers.flat_map(|one| one.sides.keys()).collect();
        let calls = having
            .iter()
            .map(|of| (of.title(), self.gross(NOTHING, **of)))
            .collect_vec();
        let known: Option<Vec<f64>> = calls.iter().map(|(_, cost)| *cost).collect();
        let known = known.map(Spread::of).filter(|known| !known.all.is_empty());
        let is_same = known.is_some_and(|known| known.high - known.low <= BOUNDS.counts.exact);
        outcome.check(is_same, || {
            let mut each = calls
                .iter()
                .map(|(of, cost)| format!("{of} {}", shown(*cost, 2)));
            let each = each.join(", ");
            format!("{NOTHING}: a call does not cost the same in all languages: {each}")
        });
        for one in &self.all {
            outcome.none(one.wrong());
        }
        outcome
    }
}

impl Primitive {
    fn is_of_a_program(&self) -> bool {
        self.caller == "user"
    }

    fn gross(&self, language: Language) -> Option<f64> {
        self.sides.get(&language).map(|side| side.gross.median)
    }

    /// The costs, if there are both of C and of Rust.
    pub fn costs(&self, of: impl Fn(Language) -> Option<f64>) -> Option<Costs> {
        Some(Costs {
            c: of(C)?,
            rust: of(Rust)?,
            upstream: of(Upstream),
        })
    }

    pub fn gross_costs(&self) -> Option<Costs> {
        self.costs(|language| self.gross(language))
    }

    /// The difference up to which counts are equal.
    fn exact(&self) -> f64 {
        let work = self.sides.values().flat_map(|side| &side.work);
        let rounds = work.map(|(rounds, _)| *rounds).min().unwrap_or(1).max(1);
        let equal = BOUNDS.counts.exact + BOUNDS.counts.around / rounds as f64;
        match self.is_of_a_program() {
            // Its runs may be that far apart.
            true => equal + BOUNDS.counts.apart * self.gross(C).unwrap_or(0.0),
            false => equal,
        }
    }

    fn wrong(&self) -> Vec<String> {
        let name = &self.name;
        let mut wrong = Vec::new();
        for of in [C, Rust].iter().filter(|of| !self.sides.contains_key(of)) {
            wrong.push(format!("{name}: was not measured in {}", of.title()));
        }
        if !self.sides.values().flat_map(|side| &side.work).all_equal() {
            let each = self.sides.iter();
            let mut each = each.map(|(of, side)| format!("{} {:?}", of.title(), side.work));
            wrong.push(format!(
                "{name}: rounds and sums differ: {}",
                each.join(", ")
            ));
        }
        for (language, side) in &self.sides {
            wrong.extend(side.gross.apart(&format!("{name} in {}", language.title())));
        }
        wrong
    }

    /// The failure if Rust takes more instructions than C, where helpers are inlined; or, where they are called, more than
    /// those of `calls` of helpers; and those of its exception, if one is known. A missing language is a failure elsewhere.
    fn beyond(&self, helpers: &str, known: Option<f64>, calls: u64) -> Option<String> {
        let Costs { c, rust, .. } = self.gross_costs()?;
        let (taken, equal) = (rust - c, self.exact());
        let start = format!("Rust takes {taken:.2} instructions more than C");
        let near = BOUNDS.exceptions.near.max(equal);
        if helpers == "calls" {
            let excepted = known.map_or(0.0, |known| known + near);
            let bounds = &BOUNDS.helpers;
            let most = bounds.call * calls as f64 + bounds.aligned_stack + excepted;
            let why = known.map_or("", |_| " and its exception");
            return (taken > most + equal).then(|| {
                format!(
                    "{start}: more than {most} for {calls} helper calls{why}: fix that, or give the reason for more calls in {EXCEPTIONS}"
                )
            });
        }
        match known {
            None if taken <= equal => None,
            None => Some(format!(
                "{start} ({c:.2}): fix that, or give the reason in {EXCEPTIONS}"
            )),
            Some(known) if (taken - known).abs() <= near => None,
            Some(_) if taken <= equal => Some(format!(
                "Rust takes no more instructions than C: remove its entry from {EXCEPTIONS}"
            )),
            Some(known) => Some(format!("{start}, not {known} as in {EXCEPTIONS}")),
        }
    }
}

impl Kernel {
    /// Judges whether each boot measured the same work, and whether both agree.
    fn judge(&self) -> Outcome {
        let (config, most) = (&self.config, BOUNDS.counts.apart);
        let mut outcome = Outcome::default();
        for (number, boot) in (1..).zip(&self.boots) {
            outcome.add_of(&format!("{config}, boot {number}: "), boot.judge());
        }
        let all = self.boots.iter().flat_map(|boot| &boot.all);
        for name in all.map(|one| &one.name).sorted().dedup() {
            let apart = |language: Language| {
                let start = format!("{config}: {name} in {}: ", language.title());
                match self.boots.each_ref().map(|boot| boot.gross(name, language)) {
                    [None, None] => None,
                    [Some(first), Some(second)] => ((first - second).abs() > most * first).then(|| {
                        format!(
                            "{start}{first:.2} instructions in one boot, {second:.2} in another: more than {} % apart",
                            100.0 * most
                        )
                    }),
                    _ => Some(format!("{start}was measured in one of two boots")),
                }
            };
            outcome.none(Language::ALL.into_iter().filter_map(apart));
        }
        outcome
    }

    /// How far any run of a primitive is from the median of its boot, or the two medians from each other.
    fn width(&self, name: &str) -> f64 {
        let [Some(first), Some(second)] = self.boots.each_ref().map(|boot| boot.named(name)) else {
            return f64::NAN;
        };
        let all = first.sides.values().chain(second.sides.values());
        let between = first.sides.iter().filter_map(|(language, side)| {
            let (one, other) = (side.gross.median, second.gross(*language)?);
            Some((one - other).abs() / other)
        });
        all.map(|side| side.gross.width())
            .chain(between)
            .fold(f64::NAN, f64::max)
    }
}

/// The primitives that take more instructions in Rust than in C, and those that call helpers more often than their code
/// shows, with the reasons.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exceptions {
    pub exception: Vec<Exception>,
    calls: Vec<Calls>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub primitive: String,
    pub instructions: f64,
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    primitive: String,
    calls: u64,
    reason: String,
}

/// The helper calls that the code of each primitive shows.
pub type Shown = BTreeMap<String, u64>;

impl Exceptions {
    pub fn load(repo: &Path) -> Result<Self> {
        let text = fs_err::read_to_string(repo.join(EXCEPTIONS))?;
        toml::from_str(&text).context(EXCEPTIONS)
    }

    /// With those of loops and programs.
    fn all_calls(&self, shown: &Shown) -> Shown {
        let more = self.calls.iter().map(|of| (of.primitive.clone(), of.calls));
        shown.clone().into_iter().chain(more).collect()
    }

    /// Judges whether each entry is about a primitive that exists, is the only one of its kind about it, has a reason, and
    /// says more calls than the code shows.
    fn judge(&self, primitives: &HashSet<&str>, shown: &Shown) -> Outcome {
        let (mut outcome, mut seen) = (Outcome::default(), HashSet::new());
        let (more, calls) = (self.exception.iter(), self.calls.iter());
        let more = more.map(|one| (0, &one.primitive, &one.reason));
        let calls = calls.map(|one| (1, &one.primitive, &one.reason));
        for (kind, name, reason) in more.chain(calls) {
            let mut check = |ok, what| check!(outcome, ok, "{EXCEPTIONS}: {name}: {what}");
            check(primitives.contains(&**name), "no such primitive: remove it");
            check(seen.insert((kind, name)), "has two entries: remove one");
            check(!reason.trim().is_empty(), "has no reason: give it");
        }
        for one in &self.calls {
            let (name, calls) = (&one.primitive, one.calls);
            let count = shown.get(name).copied().unwrap_or(0);
            check!(
                outcome,
                calls > count,
                "{EXCEPTIONS}: {name}: {calls} helper calls are no more than the {count} that its code shows: remove it"
            );
        }
        outcome
    }
}

/// Judges all kernels: whether the figures can be trusted, and whether Rust stays within its limits.
pub fn judge(kernels: &[Kernel], exceptions: &Exceptions, shown: &Shown) -> Outcome {
    let (mut outcome, total) = (Outcome::default(), exceptions.all_calls(shown));
    let mut names = HashSet::new();
    let known = exceptions.exception.iter();
    let known: BTreeMap<_, _> = known
        .map(|one| (&one.primitive, one.instructions))
        .collect();
    for kernel in kernels {
        outcome.add(kernel.judge());
        for one in &kernel.boots[0].all {
            let name = &one.name;
            names.insert(&**name);
            let calls = total.get(name).copied().unwrap_or(0);
            let wrong = one.beyond(kernel.helpers, known.get(name).copied(), calls);
            let wrong = wrong.map(|why| format!("{}: {name}: {why}", kernel.config));
            outcome.none(wrong);
        }
    }
    for (name, _) in shown.iter().filter(|(_, count)| **count > 0) {
        check!(
            outcome,
            names.contains(&**name),
            "{name}: calls helpers and was not measured"
        );
    }
    outcome.add(exceptions.judge(&names, shown));
    outcome
}

/// In the order of measurement.
pub fn rows(kernels: &[Kernel], exceptions: &Exceptions, shown: &Shown) -> Vec<Row> {
    let total = exceptions.all_calls(shown);
    let of = |helpers, name: &str| {
        let mut boots = kernels.iter().filter(|kernel| kernel.helpers == helpers);
        let (boot, one) = boots.find_map(|kernel| {
            let boot = &kernel.boots[0];
            Some((boot, boot.named(name)?))
        })?;
        one.costs(|language| boot.body(one, language))
    };
    let all = kernels.iter().flat_map(|kernel| &kernel.boots[0].all);
    let all = all
        .filter(|one| one.name != NOTHING)
        .unique_by(|one| &one.name);
    let row = |one: &Primitive| Row {
        caller: one.caller.clone(),
        primitive: one.name.clone(),
        inline: of("inline", &one.name),
        calls: of("calls", &one.name),
        helper_calls: total.get(&one.name).copied().unwrap_or(0),
        spread: kernels
            .iter()
            .map(|kernel| kernel.width(&one.name))
            .fold(f64::NAN, f64::max),
    };
    all.map(row).collect()
}

pub fn table(rows: &[Row]) -> Table {
    let mut marks = BTreeMap::new();
    let mut row = |(at, row): (usize, &Row)| {
        let (inline, calls) = (row.inline, row.calls);
        // Without the first kernel, C is that of the second.
        let c = inline.or(calls).map(|costs| costs.c);
        let (rust, upstream) = (inline.map(|of| of.rust), inline.and_then(|of| of.upstream));
        let ratio =
            |cost: Option<f64>| Some(cost?).zip(c.filter(|c| *c != 0.0)).map(|(a, c)| a / c);
        let more = calls.map(|costs| costs.rust - costs.c);
        let count = calls.map(|_| row.helper_calls);
        let each = more
            .zip(count.filter(|count| *count > 0))
            .map(|(a, n)| a / n as f64);
        if let Some(of) = inline.filter(|of| (of.rust - of.c).abs() > 0.5) {
            marks.insert(at, if of.rust > of.c { "worse" } else { "better" });
        }
        cells![
            row.primitive,
            shown(c, 2),
            shown(rust, 2),
            shown(ratio(rust), 4),
            shown(upstream, 2),
            shown(ratio(upstream), 4),
            shown(calls.map(|costs| costs.rust), 2),
            count.map_or_else(|| "-".to_string(), |count| count.to_string()),
            shown(more, 2),
            shown(each, 2),
            format!("{:.3} %", 100.0 * row.spread)
        ]
    };
    let cells = rows.iter().enumerate().map(&mut row).collect_vec();
    let caption = "Guest instructions of each primitive, without its call and the loop; those that a program calls, at the \
                   end, include its system calls and page faults. Helpers are inlined except in the four columns for \
                   helpers that are called. Medians, with the greatest distance from them in two boots";
    let columns = "primitive | C | Rust | Rust / C | upstream | upstream / C | Rust, helpers called | helper calls | \
                   more than C | per call | spread";
    Table {
        marks,
        ..Table::new(caption, columns, cells)
    }
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
pub mod tests {
    use super::*;
    use crate::judge::records::{Done, Loop};

    const TWO_MORE: &str = "[[exception]]\nprimitive = 'read'\ninstructions = 2\nreason = 'it checks'\n";
    const WALK: &str = "[[calls]]\nprimitive = 'walk'\ncalls = 9\nreason = 'a loop'\n";

    /// 1000 rounds, with the ticks of a round.
    fn primitive(name: &str, language: Language, ticks: f64, caller: &str, sum: u64) -> Record {
        let (caller, name) = (caller.to_string(), name.to_string());
        let done = Done { operations: 1000, ticks: (1000.0 * ticks).round() as u64, sum };
        Record::Primitive(Run { caller, name, language, done })
    }

    /// A boot, with three runs of `read` by its ticks in C, Rust and upstream's Rust. `nothing` takes 9.
    fn booted_by(caller: &str, read: &[f64]) -> Vec<Record> {
        let (instructions, ticks) = (1000, 1000);
        let mut records = vec![Record::Loop(Loop { instructions, ticks })];
        for (name, caller, ticks) in [("nothing", "driver", &[9.0; 3][..]), ("read", caller, read)] {
            for (language, ticks) in Language::ALL.into_iter().zip(ticks) {
                let run = primitive(name, language, *ticks, caller, 5);
                records.extend([run.clone(), run.clone(), run]);
            }
        }
        records
    }

    fn booted(read: &[f64]) -> Vec<Record> {
        booted_by("driver", read)
    }

    pub fn kernel(helpers: &'static str, first: &[f64], second: &[f64]) -> Kernel {
        of(helpers, &booted(first), &booted(second))
    }

    fn of(helpers: &'static str, first: &[Record], second: &[Record]) -> Kernel {
        Kernel { config: "k".to_string(), helpers, boots: [first, second].map(Boot::of) }
    }

    /// The failures of a boot after one of `first`, of which `name` in Rust is replaced.
    fn failures(first: &[f64], name: &str, runs: &[(f64, u64)], is_more: bool) -> Vec<String> {
        let first = booted(first);
        let is_it = |record: &Record| match record {
            Record::Primitive(run) => run.name == name && run.language == Rust,
            _ => false,
        };
        let mut second = first.clone();
        second.retain(|record| is_more || !is_it(record));
        second.extend(runs.iter().map(|(ticks, sum)| primitive(name, Rust, *ticks, "driver", *sum)));
        of("inline", &first, &second).judge().failures
    }

    fn exceptions(source: &str) -> Exceptions {
        toml::from_str(source).unwrap()
    }

    fn shown(calls: &[(&str, u64)]) -> Shown {
        calls.iter().map(|(name, count)| (name.to_string(), *count)).collect()
    }

    #[test]
    fn body_is_the_cost_beyond_nothing() {
        let mut records = booted(&[40.0, 42.0]);
        records.extend(Language::ALL.map(|language| primitive("split", language, 4000.0, "user", 5)));
        let boot = Boot::of(&records);
        let outcome = boot.judge();
        assert_eq!((outcome.passed, outcome.failed), (5, 0));
        let body = |name, language| boot.body(boot.named(name).unwrap(), language);
        let read = Language::ALL.map(|language| body("read", language));
        assert_eq!(read, [Some(32.0), Some(34.0), None]);
        assert_eq!(body("split", Rust), Some(4000.0));
        assert!((boot.named("split").unwrap().exact() - 4.07).abs() < 1e-9);
        assert!(Boot::of(&[]).judge().failures[1].contains("a call does not"));
    }

    #[test]
    fn boots_and_runs_that_differ_fail() {
        let read = [400.0, 402.0];
        let apart = "k: read in Rust: 402.00 instructions in one boot, 402.80 in another: more than 0.1 % apart";
        let range =
            "k, boot 2: read in Rust: from 40 to 40.041 instructions in one boot: more than 0.1 % from their median";
        let work = "k, boot 2: read: rounds and sums differ: C [(1000, 5)], Rust [(1000, 5), (1000, 6)], upstream's Rust \
                    [(1000, 5)]";
        let calls = "k, boot 2: nothing: a call does not cost the same in all languages: C 9.00, Rust";
        let missing =
            ["k, boot 2: read: was not measured in Rust", "k: read in Rust: was measured in one of two boots"];
        let all = [40.0, 40.0, 43.0];
        type Case<'a> = (&'a [f64], &'a str, &'a [(f64, u64)], bool, &'a [&'a str]);
        let cases: [Case; 9] = [
            (&read, "read", &[(402.4, 5)], false, &[]),
            (&read, "read", &[(402.8, 5)], false, &[apart]),
            (&read, "read", &[], false, &missing),
            (&all, "read", &[(40.039, 5)], true, &[]),
            (&all, "read", &[(40.041, 5)], true, &[range]),
            (&all, "read", &[(40.0, 6)], true, &[work]),
            (&all, "nothing", &[(9.04, 5)], false, &["k: nothing in Rust: 9.00 instructions"]),
            (&all, "nothing", &[(9.1, 5)], false, &[&format!("{calls} 9.10"), "k: nothing in Rust: 9.00 ins"]),
            (
                &all,
                "nothing",
                &[],
                false,
                &[&format!("{calls} -"), "k, boot 2: nothing: was not", "k: nothing in Rust: was"],
            ),
        ];
        for (first, name, runs, is_more, said) in cases {
            let failures = failures(first, name, runs, is_more);
            let is_said = failures.iter().zip(said).all(|(failure, said)| failure.starts_with(said));
            assert!(failures.len() == said.len() && is_said, "{failures:#?}");
        }
        assert_eq!(of("inline", &booted(&read), &booted(&[])).judge().failed, 2);
    }

    #[test]
    fn the_width_is_that_of_runs_and_boots() {
        let width = |name, second: &[f64]| kernel("calls", &[400.0, 402.0], second).width(name);
        assert_eq!(width("read", &[400.0, 402.0]), 0.0);
        assert_eq!(width("read", &[400.0, 201.0]), 1.0);
        assert!(width("write", &[400.0, 402.0]).is_nan());
    }

    #[test]
    fn rust_stays_within_its_limits() {
        const MORE: &str = "Rust takes 2.60 instructions more than C, not 2 as in scripts/bench/exceptions.toml";
        let twenty = TWO_MORE.replace("= 2", "= 20");
        let other = TWO_MORE.replace("read", "write");
        let three = WALK.replace("walk", "read").replace('9', "3");
        let no_more = "Rust takes no more instructions than C: remove its entry from";
        let start = "instructions more than C: more than";
        type Case<'a> = (&'static str, u64, f64, f64, &'a str, Option<&'a str>);
        let of_two = format!("19.00 {start} 18 for 2 helper calls:");
        let of_none = format!("3.00 {start} 2 for 0 helper calls:");
        let cases: [Case; 22] = [
            ("inline", 0, 40.0, 30.0, "", None),
            ("inline", 0, 40.0, 40.04, "", None),
            ("inline", 0, 40.0, 40.08, "", Some("Rust takes 0.08 instructions more than C (40.00): fix")),
            // An exception is exact and needed,
            ("inline", 0, 40.0, 42.4, TWO_MORE, None),
            ("inline", 0, 40.0, 41.6, TWO_MORE, None),
            ("inline", 0, 40.0, 42.6, TWO_MORE, Some(MORE)),
            ("inline", 0, 40.0, 41.4, TWO_MORE, Some("Rust takes 1.40 instructions more than C, not 2 as in")),
            ("inline", 0, 40.0, 40.0, TWO_MORE, Some(no_more)),
            ("inline", 0, 40.0, 40.0, &other, Some("write: no such primitive: remove it")),
            // and that of a program is as exact as its runs.
            ("user", 0, 10_000.0, 10_010.0, &twenty, None),
            ("user", 0, 10_000.0, 10_030.0, &twenty, None),
            ("user", 0, 10_000.0, 10_009.0, &twenty, Some(no_more)),
            ("user", 0, 10_000.0, 10_031.0, &twenty, Some("not 20 as in")),
            // Calls of helpers may take instructions.
            ("calls", 2, 40.0, 58.0, "", None),
            ("calls", 2, 40.0, 60.0, TWO_MORE, None),
            ("calls", 2, 40.0, 59.0, "", Some(&of_two)),
            ("calls", 0, 40.0, 43.0, "", Some(&of_none)),
            ("calls", 2, 40.0, 61.0, TWO_MORE, Some("more than 20.5 for 2 helper calls and its exception:")),
            ("calls", 2, 40.0, 66.0, &three, None),
            ("calls", 2, 40.0, 67.0, &three, Some("more than 26 for 3")),
            ("calls", 3, 40.0, 66.0, "", None),
            ("calls", 3, 40.0, 67.0, "", Some("more than 26 for 3")),
        ];
        for (helpers, calls, c, rust, source, said) in cases {
            let (caller, helpers) = match helpers {
                "user" => ("user", "inline"),
                helpers => ("driver", helpers),
            };
            let boot = booted_by(caller, &[c, rust]);
            let kernel = of(helpers, &boot, &boot);
            let failures = judge(&[kernel], &exceptions(source), &shown(&[("read", calls)])).failures;
            assert_eq!(failures.len(), usize::from(said.is_some()), "{failures:?}");
            assert!(failures.concat().contains(said.unwrap_or("")), "{failures:?}");
        }
    }

    #[test]
    fn missing_measurements_fail() {
        let one = kernel("inline", &[], &[40.0, 40.0]);
        let shown = shown(&[("read", 1), ("write", 0)]);
        let failures = judge(&[one], &exceptions(""), &shown).failures;
        let expected = [
            "k: read in C: was measured in one of two boots",
            "k: read in Rust: was measured in one of two boots",
            "read: calls helpers and was not measured",
        ];
        assert_eq!(failures, expected);
    }

    #[test]
    fn every_fault_of_an_exception_fails() {
        let no_more = "walk: 9 helper calls are no more than the 9 that its code shows: remove it";
        for (source, walk, said) in [
            (TWO_MORE.to_string() + WALK, 8, None),
            (TWO_MORE.repeat(2), 8, Some("read: has two entries: remove one")),
            (WALK.repeat(2), 8, Some("walk: has two entries: remove one")),
            (WALK.replace("walk", "write"), 8, Some("write: no such primitive: remove it")),
            (TWO_MORE.replace("it checks", " "), 8, Some("read: has no reason: give it")),
            (WALK.to_string(), 9, Some(no_more)),
        ] {
            let shown = shown(&[("walk", walk), ("read", 2)]);
            let failures = exceptions(&source).judge(&["read", "walk"].into(), &shown).failures;
            let said = said.map(|said| format!("{EXCEPTIONS}: {said}"));
            assert_eq!(failures, Vec::from_iter(said));
        }
        for wrong in ["[[exception]]\nprimitive = 'a'\n", "[[exceptions]]\nx = 1\n"] {
            assert!(toml::from_str::<Exceptions>(wrong).is_err());
        }
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let committed = Exceptions::load(&repo).unwrap();
        let names = committed.exception.iter().map(|one| &*one.primitive);
        let names = names.chain(committed.calls.iter().map(|one| &*one.primitive)).collect();
        assert_eq!(committed.judge(&names, &Shown::new()).failed, 0);
    }

    #[test]
    fn missing_figures_are_dashes() {
        let inline = || kernel("inline", &[40.0, 24.0, 48.0], &[40.0, 24.0, 48.0]);
        let calls = |c| kernel("calls", &[c, 52.0], &[40.0, 52.0]);
        let none = "read 32.00 16.00 0.5000 40.00 1.2500 - - - - 0.000 %";
        for (kernels, count, cells, mark) in [
            (
                vec![inline(), calls(40.0)],
                2,
                "read 32.00 16.00 0.5000 40.00 1.2500 44.00 2 12.00 6.00 0.000 %",
                Some(&"better"),
            ),
            (vec![inline()], 0, none, Some(&"better")),
            (vec![calls(40.0)], 0, "read 32.00 - - - - 44.00 0 12.00 - 0.000 %", None),
        ] {
            let table = table(&rows(&kernels, &exceptions(""), &shown(&[("read", count)])));
            assert_eq!((&*table.rows[0].join(" "), table.marks.get(&0)), (cells, mark));
        }
        let rows = rows(&[inline(), calls(60.0)], &exceptions(""), &Shown::new());
        assert_eq!(rows[0].spread, 0.5);
    }
}
