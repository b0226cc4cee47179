// SPDX-License-Identifier: GPL-2.0

//! The figures of a primitive side by side: both kernels, all languages.

use super::super::lines::{Caller, Language};
use super::{Helpers, Measured, NOTHING, Primitive};
use serde::Serialize;
use std::collections::BTreeMap;

/// A primitive. Costs are those of its body, or of all that a program has it do.
#[derive(Debug, PartialEq, Serialize)]
pub struct Row {
    pub caller: Caller,
    pub primitive: String,
    /// Of the kernel that inlines helpers, if there is one.
    pub inline: Option<Figures>,
    pub calls: Option<Called>,
    /// How far apart any two figures of one thing are, as a part.
    pub spread: f64,
}

/// Of one kernel; ratios are multiples of what C takes.
#[derive(Debug, PartialEq, Serialize)]
pub struct Figures {
    pub c: f64,
    pub rust: f64,
    pub ratio: f64,
    pub upstream: Option<f64>,
    pub upstream_ratio: Option<f64>,
}

/// In the kernel where helpers are calls.
#[derive(Debug, PartialEq, Serialize)]
pub struct Called {
    pub figures: Figures,
    /// Helper calls on the way.
    pub helpers: u64,
    /// Instructions that Rust takes more than C, and so many for each call.
    pub more: f64,
    pub per_call: Option<f64>,
}

impl Figures {
    fn of(kernel: &Measured, name: &str) -> Option<Self> {
        let figures = kernel.figures();
        let primitive = figures.named(name)?;
        let body = |language| figures.body(primitive, language);
        let (c, rust, upstream) = (
            body(Language::C)?,
            body(Language::Rust)?,
            body(Language::Upstream),
        );
        Some(Self {
            c,
            rust,
            ratio: rust / c,
            upstream,
            upstream_ratio: upstream.map(|upstream| upstream / c),
        })
    }
}

impl Called {
    fn of(kernel: &Measured, name: &str, helpers: u64) -> Option<Self> {
        let figures = Figures::of(kernel, name)?;
        let more = figures.rust - figures.c;
        Some(Self {
            helpers,
            more,
            per_call: (helpers > 0).then(|| more / helpers as f64),
            figures,
        })
    }
}

impl Row {
    /// A row for each primitive, in the order in which they were measured.
    pub fn all(kernels: &[Measured], helper_calls: &BTreeMap<String, u64>) -> Vec<Self> {
        let mut primitives: Vec<&Primitive> = Vec::new();
        for one in kernels.iter().flat_map(|kernel| &kernel.figures().all) {
            if one.name != NOTHING && !primitives.iter().any(|other| other.name == one.name) {
                primitives.push(one);
            }
        }
        let of = |helpers| kernels.iter().find(|kernel| kernel.helpers == helpers);
        let row = |Primitive { caller, name, .. }: &Primitive| Self {
            caller: *caller,
            primitive: name.clone(),
            inline: of(Helpers::Inline).and_then(|kernel| Figures::of(kernel, name)),
            calls: of(Helpers::Calls).and_then(|kernel| {
                let helpers = helper_calls.get(name).copied().unwrap_or(0);
                Called::of(kernel, name, helpers)
            }),
            spread: kernels
                .iter()
                .map(|kernel| kernel.width(name))
                .fold(0.0, f64::max),
        };
        primitives.into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{lines, parsed};
    use super::*;

    fn kernel(helpers: Helpers, costs: &[f64]) -> Measured {
        let boot = || parsed(&lines(&[("read", costs)]));
        Measured {
            config: "k",
            helpers,
            boots: [boot(), boot()],
        }
    }

    #[test]
    fn both_kernels_are_in_a_row() {
        let kernels = [
            kernel(Helpers::Inline, &[40.0, 24.0, 48.0]),
            kernel(Helpers::Calls, &[40.0, 52.0]),
        ];
        let calls = BTreeMap::from([("read".to_string(), 2)]);
        let rows = Row::all(&kernels, &calls);
        assert_eq!(rows.len(), 1);
        let inline = rows[0].inline.as_ref().unwrap();
        assert_eq!(
            (inline.c, inline.rust, inline.upstream),
            (32.0, 16.0, Some(40.0))
        );
        assert_eq!((inline.ratio, inline.upstream_ratio), (0.5, Some(1.25)));
        let called = rows[0].calls.as_ref().unwrap();
        assert_eq!((called.figures.rust, called.figures.upstream), (44.0, None));
        assert_eq!(
            (called.more, called.helpers, called.per_call),
            (12.0, 2, Some(6.0))
        );
        assert_eq!((rows[0].caller, rows[0].spread), (Caller::Driver, 0.0));
        let none = Row::all(&kernels, &BTreeMap::new());
        assert_eq!(none[0].calls.as_ref().unwrap().per_call, None);
    }

    #[test]
    fn a_kernel_or_a_twin_may_be_missing() {
        let calls = [kernel(Helpers::Calls, &[40.0, 52.0])];
        let rows = Row::all(&calls, &BTreeMap::new());
        assert!(rows[0].inline.is_none() && rows[0].calls.is_some());
        let one = [kernel(Helpers::Inline, &[40.0])];
        let rows = Row::all(&one, &BTreeMap::new());
        assert!(rows[0].inline.is_none() && rows[0].calls.is_none());
    }

    #[test]
    fn the_spread_is_that_of_all_kernels() {
        let mut kernels = [
            kernel(Helpers::Inline, &[40.0, 24.0]),
            kernel(Helpers::Calls, &[40.0, 52.0]),
        ];
        kernels[1].boots[0] = parsed(&lines(&[("read", &[60.0, 52.0])]));
        assert_eq!(Row::all(&kernels, &BTreeMap::new())[0].spread, 0.5);
    }
}
