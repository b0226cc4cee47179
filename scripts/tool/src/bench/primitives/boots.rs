// SPDX-License-Identifier: GPL-2.0

//! A kernel that was booted twice: what is true of a build has to come out both times.

use super::{Primitive, Primitives};
use crate::bench::spread::APART;
use crate::report::Outcome;
use serde::Serialize;
use std::collections::BTreeSet;

/// What C helpers are in a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Helpers {
    /// Part of the Rust code that uses them.
    Inline,
    /// Functions that Rust calls.
    Calls,
}

impl Helpers {
    pub fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Calls => "calls",
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Measured {
    pub config: &'static str,
    pub helpers: Helpers,
    pub boots: [Primitives; 2],
}

impl Measured {
    /// What it is taken to cost: what the first boot says, with which the second has to agree.
    pub fn figures(&self) -> &Primitives {
        &self.boots[0]
    }

    /// Whether each boot is sound, and both say the same.
    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for (boot, number) in self.boots.iter().zip(1..) {
            let mut one = boot.judge();
            for failure in &mut one.failures {
                *failure = format!("{}, boot {number}: {failure}", self.config);
            }
            outcome.add(one);
        }
        let mut agree = self.judge_agreement();
        for failure in &mut agree.failures {
            *failure = format!("{}: {failure}", self.config);
        }
        outcome.add(agree);
        outcome
    }

    fn judge_agreement(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let primitives = self.boots.iter().flat_map(|boot| &boot.all);
        let names: BTreeSet<&str> = primitives.map(|one| one.name.as_str()).collect();
        for name in names {
            let wrong = self.apart(name);
            match wrong.is_empty() {
                true => outcome.passed += 1,
                false => wrong.into_iter().for_each(|line| outcome.fail(line)),
            }
        }
        outcome
    }

    /// What the two boots say otherwise about a primitive.
    fn apart(&self, name: &str) -> Vec<String> {
        let [first, second] = self.boots.each_ref().map(|boot| boot.named(name));
        let (Some(first), Some(second)) = (first, second) else {
            return vec![format!("{name}: was measured in one of two boots")];
        };
        let languages: BTreeSet<_> = first.sides.keys().chain(second.sides.keys()).collect();
        let apart = languages.into_iter().filter_map(|language| {
            let medians = (first.gross(*language), second.gross(*language));
            let (Some(one), Some(other)) = medians else {
                return Some(format!(
                    "{name} in {language}: was measured in one of two boots"
                ));
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

    /// How far any run of a primitive is from the median of its boot, and the boots' medians from each other, as a part.
    pub fn width(&self, name: &str) -> f64 {
        let [first, second] = self.boots.each_ref().map(|boot| boot.named(name));
        let (Some(first), Some(second)) = (first, second) else {
            return f64::NAN;
        };
        let apart = |primitive: &Primitive| {
            let sides = primitive.sides.iter();
            sides
                .filter_map(|(language, side)| {
                    let other = second.gross(*language)?;
                    Some((side.gross.median - other).abs() / other)
                })
                .fold(0.0, f64::max)
        };
        first.width().max(second.width()).max(apart(first))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{lines, parsed};
    use super::*;

    /// A kernel in whose second boot `from` is `to`.
    fn measured(from: &str, to: &str) -> Measured {
        let first = lines(&[("read", &[400.0, 402.0])]);
        let second: Vec<String> = first
            .iter()
            .map(|line| line.replace(from, to))
            .filter(|line| !line.is_empty())
            .collect();
        Measured {
            config: "k",
            helpers: Helpers::Inline,
            boots: [parsed(&first), parsed(&second)],
        }
    }

    fn failures(from: &str, to: &str) -> Vec<String> {
        measured(from, to).judge().failures
    }

    #[test]
    fn two_boots_that_agree_pass() {
        assert_eq!(failures("none", ""), [""; 0]);
        assert_eq!(failures("rust 1000 402000", "rust 1000 402402"), [""; 0]);
    }

    #[test]
    fn two_boots_that_are_apart_are_a_failure() {
        assert_eq!(
            failures("rust 1000 402000", "rust 1000 402800"),
            [
                "k: read in Rust: 402.00 instructions in one boot, 402.80 in another: more than 0.1 % apart"
            ]
        );
    }

    #[test]
    fn what_is_in_one_boot_only_is_a_failure() {
        assert_eq!(
            failures("primitive read rust 1000 402000 5", ""),
            [
                "k, boot 2: read: was not measured in Rust",
                "k: read in Rust: was measured in one of two boots"
            ]
        );
        let renamed = failures("read", "write");
        assert_eq!(
            renamed,
            [
                "k: read: was measured in one of two boots",
                "k: write: was measured in one of two boots"
            ]
        );
    }

    #[test]
    fn the_width_is_that_of_both_boots() {
        assert_eq!(measured("none", "").width("read"), 0.0);
        let apart = measured("rust 1000 402000", "rust 1000 201000");
        assert_eq!(apart.width("read"), 1.0);
        assert!(apart.width("write").is_nan());
    }
}
