// SPDX-License-Identifier: GPL-2.0

//! The cost of each primitive of the API, in guest instructions, in C, in Rust, and in the Rust that upstream has.
//!
//! A primitive is a function in each language, which a driver calls in a loop. A round of the loop is its gross cost. The
//! function of the primitive `nothing` has one instruction before its return, which sets the result. So the gross
//! cost minus that of `nothing`, plus one, is the number of instructions in the body of a primitive, with all functions
//! that it calls, and without its call, its return and the loop.
//!
//! Some primitives are called by a program, whose loop, system calls and page faults are part of the cost.
//!
//! Each kernel is booted twice, and both boots have to agree.

use super::spread::{APART, Spread};
use crate::report::Outcome;
use bench_records::{self as records, Caller, Language, Record};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The primitive that measures a call in the loop.
pub const NOTHING: &str = "nothing";

/// Counts are equal if they differ by no more instructions than this...
const EXACT: f64 = 0.05;
/// ...and by no more than this in a whole run, for the instructions between the readings of the clock and the rounds.
const AROUND: f64 = 20.0;

/// The measurements of one boot.
#[derive(Debug, Default, Serialize)]
pub struct Primitives {
    /// Ticks per instruction.
    pub clock: Spread,
    pub all: Vec<Primitive>,
}

#[derive(Debug, Serialize)]
pub struct Primitive {
    pub caller: Caller,
    pub name: String,
    #[serde(flatten)]
    pub sides: BTreeMap<Language, Side>,
}

/// A primitive in one language.
#[derive(Debug, Default, Serialize)]
pub struct Side {
    /// Instructions of a round of the loop.
    pub gross: Spread,
    /// The number of rounds and the sum of all values read: equal in all runs.
    pub work: BTreeSet<(u64, u64)>,
}

/// The form of C helpers in a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Helpers {
    /// Part of the Rust code that uses them.
    Inline,
    /// Functions that Rust calls.
    Calls,
}

/// A kernel that was booted twice.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub config: &'static str,
    pub helpers: Helpers,
    pub boots: [Primitives; 2],
}

impl Primitive {
    pub fn gross(&self, language: Language) -> Option<f64> {
        Some(self.sides.get(&language)?.gross.median)
    }

    /// Returns how many more instructions Rust takes than C, if there are both.
    pub fn more(&self) -> Option<f64> {
        Some(self.gross(Language::Rust)? - self.gross(Language::C)?)
    }

    /// Returns the difference up to which counts are equal.
    pub fn exact(&self) -> f64 {
        let work = self.sides.values().flat_map(|side| &side.work);
        let rounds = work.map(|(rounds, _)| *rounds).min().unwrap_or(0);
        let exact = EXACT + AROUND / rounds.max(1) as f64;
        match self.caller {
            Caller::Driver => exact,
            // Runs of the same work may be that far apart.
            Caller::User => exact + APART * self.gross(Language::C).unwrap_or(0.0),
        }
    }

    /// Returns why these are not measurements of the same work.
    fn wrong(&self) -> Vec<String> {
        let Self { name, sides, .. } = self;
        let mut wrong = Vec::new();
        for language in [Language::C, Language::Rust] {
            if !sides.contains_key(&language) {
                wrong.push(format!("{name}: was not measured in {language}"));
            }
        }
        let work: BTreeSet<_> = sides.values().flat_map(|side| &side.work).collect();
        if work.len() != 1 {
            let each = sides
                .iter()
                .map(|(language, side)| format!("{language} {:?}", side.work));
            let each = each.collect::<Vec<_>>().join(", ");
            wrong.push(format!("{name}: rounds and sums differ: {each}"));
        }
        for (language, Side { gross, .. }) in sides {
            if let Some(apart) = gross.apart() {
                wrong.push(format!("{name} in {language}: {apart}"));
            }
        }
        wrong
    }
}

impl Primitives {
    pub fn of(records: &[Record]) -> Self {
        let mut primitives = Self::default();
        for record in records {
            match record {
                Record::Loop(timed) => primitives.clock.add_loop(timed),
                Record::Primitive(run) => primitives.add(run),
                _ => (),
            }
        }
        primitives
    }

    fn add(&mut self, run: &records::Primitive) {
        let at = self.all.iter().position(|found| found.name == run.name);
        let at = at.unwrap_or_else(|| {
            self.all.push(Primitive {
                caller: run.caller,
                name: run.name.clone(),
                sides: BTreeMap::new(),
            });
            self.all.len() - 1
        });
        let side = self.all[at].sides.entry(run.language).or_default();
        let rounds = run.done.operations;
        side.gross.add(run.done.ticks as f64 / rounds.max(1) as f64);
        side.work.insert((rounds, run.done.sum));
    }

    pub fn named(&self, name: &str) -> Option<&Primitive> {
        self.all.iter().find(|primitive| primitive.name == name)
    }

    /// Returns the instructions in the body of a primitive, or the gross cost if a program calls it.
    pub fn body(&self, primitive: &Primitive, language: Language) -> Option<f64> {
        let gross = primitive.gross(language)?;
        Some(match primitive.caller {
            Caller::Driver => gross - self.named(NOTHING)?.gross(language)? + 1.0,
            Caller::User => gross,
        })
    }

    /// Judges whether these are measurements of the same work, not the costs.
    fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        self.clock.judge_clock(&mut outcome);
        self.judge_nothing(&mut outcome);
        for primitive in &self.all {
            judge_all(&mut outcome, primitive.wrong());
        }
        outcome
    }

    /// Checks that a call costs the same in all languages in which a driver was measured.
    fn judge_nothing(&self, outcome: &mut Outcome) {
        let drivers = self.all.iter().filter(|one| one.caller == Caller::Driver);
        let languages: BTreeSet<Language> =
            drivers.flat_map(|one| one.sides.keys()).copied().collect();
        let cost = |language: &Language| self.named(NOTHING)?.gross(*language);
        let first = languages.first().and_then(cost);
        let is_same = |language| Some((cost(language)? - first?).abs() <= EXACT);
        let same = languages
            .iter()
            .all(|language| is_same(language) == Some(true));
        outcome.check(same && first.is_some(), || {
            let each = languages.iter().map(|language| match cost(language) {
                Some(cost) => format!("{language} {cost:.2}"),
                None => format!("{language} -"),
            });
            let each = each.collect::<Vec<_>>().join(", ");
            format!("{NOTHING}: a call does not cost the same in all languages: {each}")
        });
    }
}

impl Helpers {
    pub fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Calls => "calls",
        }
    }
}

impl Measured {
    /// Returns the figures that count: those of the first boot, with which the second has to agree.
    pub fn figures(&self) -> &Primitives {
        &self.boots[0]
    }

    /// Judges whether each boot measured the same work, and whether both agree.
    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for (boot, number) in self.boots.iter().zip(1..) {
            let mut one = boot.judge();
            for failure in &mut one.failures {
                *failure = format!("{}, boot {number}: {failure}", self.config);
            }
            outcome.add(one);
        }
        let primitives = self.boots.iter().flat_map(|boot| &boot.all);
        let names: BTreeSet<&str> = primitives.map(|one| one.name.as_str()).collect();
        for name in names {
            let apart = self.apart(name).into_iter();
            judge_all(
                &mut outcome,
                apart
                    .map(|text| format!("{}: {text}", self.config))
                    .collect(),
            );
        }
        outcome
    }

    /// Returns how the two boots differ in a primitive.
    fn apart(&self, name: &str) -> Vec<String> {
        let [first, second] = self.boots.each_ref().map(|boot| boot.named(name));
        let gross = |side: Option<&Primitive>, language| side?.gross(language);
        let both = [first, second].into_iter().flatten();
        let languages: BTreeSet<Language> =
            both.flat_map(|one| one.sides.keys()).copied().collect();
        let apart = languages.into_iter().filter_map(|language| {
            let medians = (gross(first, language), gross(second, language));
            let (Some(one), Some(other)) = medians else {
                return Some(format!("{name} in {language}: was measured in one of two boots"));
            };
            ((one - other).abs() > APART * one).then(|| {
                format!(
                    "{name} in {language}: {one:.2} instructions in one boot, {other:.2} in another: more than {} % apart",
                    100.0 * APART
                )
            })
        });
        apart.collect()
    }

    /// Returns how far any run of a primitive is from the median of its boot, or the two medians from each other, as a
    /// fraction.
    pub fn width(&self, name: &str) -> f64 {
        let [first, second] = self.boots.each_ref().map(|boot| boot.named(name));
        let (Some(first), Some(second)) = (first, second) else {
            return f64::NAN;
        };
        let widths = [first, second]
            .into_iter()
            .flat_map(|one| one.sides.values());
        let widths = widths.map(|side| side.gross.width());
        let apart = first.sides.iter().filter_map(|(language, side)| {
            let other = second.gross(*language)?;
            Some((side.gross.median - other).abs() / other)
        });
        widths.chain(apart).fold(0.0, f64::max)
    }
}

/// Counts a check as passed if there is no failure.
fn judge_all(outcome: &mut Outcome, failures: Vec<String>) {
    match failures.is_empty() {
        true => outcome.passed += 1,
        false => failures.into_iter().for_each(|text| outcome.fail(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{C, Rust, Upstream, boot, primitive};
    use super::*;

    /// Failures of two boots with `read`, the second of which is changed.
    fn failures(ticks: &[f64], change: impl Fn(&mut Vec<Record>)) -> Vec<String> {
        let first = boot(&[("read", ticks)]);
        let mut second = first.clone();
        change(&mut second);
        Measured {
            config: "k",
            helpers: Helpers::Inline,
            boots: [Primitives::of(&first), Primitives::of(&second)],
        }
        .judge()
        .failures
    }

    fn remove(records: &mut Vec<Record>, name: &str, language: Language) {
        records.retain(|record| {
            !matches!(record, Record::Primitive(run) if run.name == name && run.language == language)
        });
    }

    fn add(records: &mut Vec<Record>, name: &str, language: Language, ticks: f64) {
        records.push(primitive(Caller::Driver, name, language, ticks));
    }

    #[test]
    fn body_is_the_cost_beyond_nothing() {
        let mut records = boot(&[("read", &[40.0, 42.0])]);
        for language in [C, Rust, Upstream] {
            records.push(primitive(Caller::User, "split", language, 4000.0));
        }
        let primitives = Primitives::of(&records);
        assert_eq!(primitives.judge().failures, [""; 0]);
        assert_eq!(primitives.judge().passed, 2 + 3);
        let body = |name, language| primitives.body(primitives.named(name).unwrap(), language);
        assert_eq!(body("read", C), Some(32.0));
        assert_eq!(body("read", Rust), Some(34.0));
        assert_eq!(body("read", Upstream), None);
        assert_eq!(body("split", Rust), Some(4000.0));
        assert_eq!(primitives.named("read").unwrap().more(), Some(2.0));
        assert!((primitives.named("split").unwrap().exact() - 4.07).abs() < 1e-9);
        assert_eq!(failures(&[400.0, 402.0], |_| ()), [""; 0]);
    }

    #[test]
    fn boots_that_differ_are_a_failure() {
        let with_rust = |ticks: f64| {
            failures(&[400.0, 402.0], |records| {
                remove(records, "read", Rust);
                add(records, "read", Rust, ticks);
            })
        };
        assert_eq!(with_rust(402.4), [""; 0]);
        assert_eq!(
            with_rust(402.8),
            [
                "k: read in Rust: 402.00 instructions in one boot, 402.80 in another: more than 0.1 % apart"
            ]
        );
        assert_eq!(
            failures(&[400.0, 402.0], |records| remove(records, "read", Rust)),
            [
                "k, boot 2: read: was not measured in Rust",
                "k: read in Rust: was measured in one of two boots"
            ]
        );
        let one_boot = failures(&[400.0, 400.0], |records| {
            records
                .retain(|record| !matches!(record, Record::Primitive(run) if run.name == "read"));
        });
        assert_eq!(one_boot.len(), 2);
    }

    #[test]
    fn runs_that_differ_are_a_failure() {
        let with_run = |ticks, sum| {
            failures(&[40.0, 40.0, 43.0], |records| {
                add(records, "read", Rust, ticks);
                if let Some(Record::Primitive(run)) = records.last_mut() {
                    run.done.sum = sum;
                }
            })
        };
        assert_eq!(with_run(40.039, 5), [""; 0]);
        assert_eq!(
            with_run(40.041, 5),
            [
                "k, boot 2: read in Rust: from 40 to 40.041 instructions in one boot: more than 0.1 % from their median"
            ]
        );
        assert_eq!(
            with_run(40.0, 6),
            [
                "k, boot 2: read: rounds and sums differ: C {(1000, 5)}, Rust {(1000, 5), (1000, 6)}, \
                 upstream's Rust {(1000, 5)}"
            ]
        );
    }

    #[test]
    fn a_call_costs_the_same_in_all_languages() {
        let with_nothing = |rust: Option<f64>| {
            failures(&[40.0, 40.0], |records| {
                remove(records, NOTHING, Rust);
                if let Some(ticks) = rust {
                    add(records, NOTHING, Rust, ticks);
                }
            })
        };
        assert!(
            with_nothing(Some(9.04))
                .iter()
                .all(|text| !text.contains("a call"))
        );
        let start = "k, boot 2: nothing: a call does not cost the same in all languages";
        for (ticks, shown) in [(Some(9.1), "9.10"), (None, "-")] {
            let expected = format!("{start}: C 9.00, Rust {shown}, upstream's Rust 9.00");
            assert_eq!(with_nothing(ticks)[0], expected);
        }
        let empty = Primitives::default().judge().failures;
        assert!(
            empty.iter().any(|text| text.starts_with(&start[11..])),
            "{empty:?}"
        );
    }

    #[test]
    fn the_width_is_that_of_runs_and_boots() {
        let width = |ticks: &[f64], name: &str| {
            let boots =
                [&[400.0, 402.0], ticks].map(|ticks| Primitives::of(&boot(&[("read", ticks)])));
            let (config, helpers) = ("k", Helpers::Calls);
            Measured {
                config,
                helpers,
                boots,
            }
            .width(name)
        };
        assert_eq!(width(&[400.0, 402.0], "read"), 0.0);
        assert_eq!(width(&[400.0, 201.0], "read"), 1.0);
        assert!(width(&[400.0, 402.0], "write").is_nan());
    }
}
