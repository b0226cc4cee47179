// SPDX-License-Identifier: GPL-2.0

//! What each primitive of the API costs, in guest instructions, in C, in Rust, and in the Rust that the kernel has without
//! it.
//!
//! A primitive is one function in each language, which is called in a loop. What a round takes is its gross cost. The
//! primitive `nothing` is a function with one instruction besides its return: the one that sets its result. So what
//! another takes beyond `nothing`, and one, is the number of instructions in its own body, with all that it calls, and
//! without its call, its return and the loop.
//!
//! Some are called by a program, whose loop, system calls and page faults are in what they take.

mod boots;
mod limits;
mod rows;
mod table;

pub use boots::{Helpers, Measured};
pub use limits::judge;
pub use rows::Row;
#[cfg(test)]
pub use rows::{Called, Figures};
pub use table::table;

use super::clock::Clock;
use super::lines::{self, Caller, Language, Line};
use super::spread::{APART, Spread};
use crate::report::Outcome;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The primitive that says what a call in the loop takes.
const NOTHING: &str = "nothing";

/// Counts that differ by so many instructions are the same.
const EXACT: f64 = 0.05;

/// In a run, C and Rust may differ by so many instructions in what is between the readings of the clock besides the rounds.
const BESIDES: f64 = 20.0;

/// What was measured in one boot.
#[derive(Debug, Default, Serialize)]
pub struct Primitives {
    pub clock: Clock,
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
    /// Instructions for a round of the loop.
    pub gross: Spread,
    /// How many rounds there were and the sum of what they read: the same in all runs.
    pub work: BTreeSet<(u64, u64)>,
}

impl Primitive {
    pub fn gross(&self, language: Language) -> Option<f64> {
        Some(self.sides.get(&language)?.gross.median)
    }

    /// How many instructions Rust takes more than C, if there are both.
    pub fn more(&self) -> Option<f64> {
        Some(self.gross(Language::Rust)? - self.gross(Language::C)?)
    }

    /// How many instructions more or less are the same.
    pub fn exact(&self) -> f64 {
        let work = self.sides.values().flat_map(|side| &side.work);
        let rounds = work.map(|(rounds, _)| *rounds).min().unwrap_or(0);
        let besides = EXACT + BESIDES / rounds.max(1) as f64;
        match self.caller {
            Caller::Driver => besides,
            // Runs of one thing may be as far apart.
            Caller::User => besides + APART * self.gross(Language::C).unwrap_or(0.0),
        }
    }

    /// How far the runs are from their median at most, as a part of it.
    pub fn width(&self) -> f64 {
        let widths = self.sides.values().map(|side| side.gross.width());
        widths.fold(0.0, f64::max)
    }

    /// What keeps it from being measurements of the same work.
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
            let each: Vec<String> = sides
                .iter()
                .map(|(language, side)| format!("{language} {:?}", side.work))
                .collect();
            let each = each.join(", ");
            wrong.push(format!("{name}: not the same rounds and sum: {each}"));
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
    pub fn of(lines: &[Line]) -> Self {
        let mut primitives = Self::default();
        for line in lines {
            match line {
                Line::Loop(timed) => primitives.clock.add(timed),
                Line::Primitive(run) => primitives.add(run),
                _ => (),
            }
        }
        primitives
    }

    fn add(&mut self, run: &lines::Primitive) {
        let at = match self.all.iter().position(|found| found.name == run.name) {
            Some(at) => at,
            None => {
                self.all.push(Primitive {
                    caller: run.caller,
                    name: run.name.clone(),
                    sides: BTreeMap::new(),
                });
                self.all.len() - 1
            }
        };
        let side = self.all[at].sides.entry(run.language).or_default();
        side.gross.add(run.ticks as f64 / run.rounds.max(1) as f64);
        side.work.insert((run.rounds, run.sum));
    }

    pub fn named(&self, name: &str) -> Option<&Primitive> {
        self.all.iter().find(|primitive| primitive.name == name)
    }

    /// The instructions of a primitive's body, or of all that a program has it do.
    pub fn body(&self, primitive: &Primitive, language: Language) -> Option<f64> {
        let gross = primitive.gross(language)?;
        Some(match primitive.caller {
            Caller::Driver => gross - self.named(NOTHING)?.gross(language)? + 1.0,
            Caller::User => gross,
        })
    }

    /// Whether these are measurements of the same work; what they come to is judged elsewhere.
    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        self.clock.judge(&mut outcome);
        self.judge_nothing(&mut outcome);
        for primitive in &self.all {
            let wrong = primitive.wrong();
            match wrong.is_empty() {
                true => outcome.passed += 1,
                false => wrong.into_iter().for_each(|line| outcome.fail(line)),
            }
        }
        outcome
    }

    /// The empty function has to be the same in all languages that anything was measured in.
    fn judge_nothing(&self, outcome: &mut Outcome) {
        let calibrated = self.all.iter().filter(|one| one.caller == Caller::Driver);
        let languages: BTreeSet<Language> = calibrated
            .flat_map(|one| one.sides.keys())
            .copied()
            .collect();
        let nothing = self.named(NOTHING);
        let costs: Vec<Option<f64>> = languages
            .iter()
            .map(|language| nothing?.gross(*language))
            .collect();
        let same = costs.iter().all(|cost| match (cost, costs[0]) {
            (Some(cost), Some(first)) => (cost - first).abs() <= EXACT,
            _ => false,
        });
        outcome.check(same && !costs.is_empty(), || {
            let each: Vec<String> = languages
                .iter()
                .zip(&costs)
                .map(|(language, cost)| match cost {
                    Some(cost) => format!("{language} {cost:.2}"),
                    None => format!("{language} -"),
                })
                .collect();
            format!(
                "{NOTHING}: a call has to cost the same in all languages, and does not: {}",
                match each.is_empty() {
                    true => "nothing was measured".to_string(),
                    false => each.join(", "),
                }
            )
        });
    }
}

/// Lines for tests: of `nothing`, which takes 9 instructions, and of others, with what they take in C, Rust and upstream.
#[cfg(test)]
fn lines(others: &[(&str, &[f64])]) -> Vec<String> {
    let mut lines = vec!["loop 1000 1000".to_string()];
    let nothing: (&str, &[f64]) = (NOTHING, &[9.0, 9.0, 9.0]);
    for (name, costs) in [nothing].iter().chain(others) {
        for (language, cost) in ["c", "rust", "upstream"].iter().zip(*costs) {
            let line = format!("primitive {name} {language} 1000 {:.0} 5", cost * 1000.0);
            lines.extend([line.clone(), line.clone(), line]);
        }
    }
    lines
}

#[cfg(test)]
fn parsed(lines: &[String]) -> Primitives {
    let lines: Vec<Line> = lines.iter().map(|l| Line::parse(l).unwrap()).collect();
    Primitives::of(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said after one line of a sound run was changed.
    fn failures(from: &str, to: &str) -> Vec<String> {
        let mut lines = lines(&[("read", &[40.0, 40.0, 43.0])]);
        let at = lines.iter().position(|line| line == from).unwrap();
        lines[at] = to.to_string();
        parsed(&lines).judge().failures
    }

    #[test]
    fn what_is_measured_soundly_passes() {
        let primitives = parsed(&lines(&[
            ("read", &[40.0, 42.0]),
            ("two", &[9.0, 9.0, 8.0]),
        ]));
        let outcome = primitives.judge();
        assert_eq!(outcome.failures, [""; 0]);
        assert_eq!(outcome.passed, 2 + 3);
        let read = primitives.named("read").unwrap();
        assert_eq!(primitives.body(read, Language::C), Some(32.0));
        assert_eq!(primitives.body(read, Language::Rust), Some(34.0));
        assert_eq!(primitives.body(read, Language::Upstream), None);
        assert_eq!(read.more(), Some(2.0));
    }

    #[test]
    fn what_a_program_calls_is_taken_whole() {
        let mut lines = lines(&[("read", &[40.0, 40.0])]);
        for language in ["c", "rust", "upstream"] {
            let line = format!("call split {language} 100 400000 5");
            lines.extend([line.clone(), line]);
        }
        lines.retain(|line| !line.starts_with("primitive nothing upstream"));
        let primitives = parsed(&lines);
        assert_eq!(primitives.judge().failures, [""; 0]);
        let split = primitives.named("split").unwrap();
        assert_eq!(primitives.body(split, Language::Rust), Some(4000.0));
        assert_eq!(split.exact(), 0.05 + 0.2 + 4.0);
    }

    #[test]
    fn a_missing_twin_is_a_failure_and_missing_upstream_is_none() {
        let mut lines = lines(&[("read", &[40.0, 42.0])]);
        lines.retain(|line| !line.starts_with("primitive read rust"));
        let said = parsed(&lines).judge().failures;
        assert_eq!(said, ["read: was not measured in Rust"]);
        lines.retain(|line| !line.starts_with("primitive read"));
        lines.push("primitive read rust 1000 42000 5".to_string());
        let said = parsed(&lines).judge().failures;
        assert_eq!(said, ["read: was not measured in C"]);
    }

    #[test]
    fn another_sum_is_a_failure_in_any_language() {
        for (language, shown) in [
            (
                "c",
                "C {(1000, 5), (1000, 6)}, Rust {(1000, 5)}, upstream's Rust {(1000, 5)}",
            ),
            (
                "upstream",
                "C {(1000, 5)}, Rust {(1000, 5)}, upstream's Rust {(1000, 5), (1000, 6)}",
            ),
        ] {
            let cost = if language == "c" { 40 } else { 43 };
            let line = format!("primitive read {language} 1000 {cost}000");
            let said = failures(&format!("{line} 5"), &format!("{line} 6"));
            assert_eq!(
                said,
                [format!("read: not the same rounds and sum: {shown}")]
            );
        }
    }

    #[test]
    fn runs_that_are_apart_are_a_failure() {
        let line = "primitive read rust 1000 40000 5";
        assert_eq!(failures(line, "primitive read rust 1000 40039 5"), [""; 0]);
        assert_eq!(
            failures(line, "primitive read rust 1000 40041 5"),
            [
                "read in Rust: from 40 to 40.041 instructions in one boot: more than 0.1 % from their median"
            ]
        );
    }

    #[test]
    fn the_empty_function_is_the_same_everywhere() {
        let said = |costs: &[f64]| {
            let mut lines = lines(&[("read", &[40.0, 40.0, 43.0])]);
            lines.retain(|line| !line.contains(NOTHING));
            for (language, cost) in ["c", "rust", "upstream"].iter().zip(costs) {
                lines.push(format!(
                    "primitive {NOTHING} {language} 1000 {:.0} 5",
                    cost * 1000.0
                ));
            }
            parsed(&lines).judge().failures
        };
        let start = "nothing: a call has to cost the same in all languages, and does not: ";
        assert_eq!(said(&[9.0, 9.04, 9.0]), [""; 0]);
        assert_eq!(
            said(&[9.0, 9.1, 9.0]),
            [format!("{start}C 9.00, Rust 9.10, upstream's Rust 9.00")]
        );
        assert_eq!(
            said(&[9.0, 9.0]),
            [format!("{start}C 9.00, Rust 9.00, upstream's Rust -")]
        );
        let empty = Primitives::default().judge().failures;
        assert!(
            empty.contains(&format!("{start}nothing was measured")),
            "{empty:?}"
        );
    }
}
