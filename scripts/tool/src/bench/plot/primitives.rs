// SPDX-License-Identifier: GPL-2.0

//! What each primitive of the API costs: by itself, and as a multiple of what C takes.

use super::bars::{self, Bars, Kind};
use super::dots::{self, Dots};
use super::rows::{Group, Row, Value};
use super::{Scale, Symbol, Tone};

/// One primitive, in instructions without those of an empty call.
#[derive(Clone, Debug)]
pub struct Primitive {
    pub group: String,
    pub name: String,
    pub c: f64,
    pub rust: f64,
    /// Without inline helpers.
    pub rust_calls: Option<f64>,
    /// By the API that is in the kernel already, where that has it.
    pub upstream: Option<f64>,
}

/// How many times as many instructions as C. What costs nothing in C has no ratio.
pub fn ratios(primitives: &[Primitive]) -> Dots {
    let series = |name: &str, tone, symbol| dots::Series {
        name: name.to_string(),
        tone,
        symbol,
    };
    let row = |of: &Primitive| {
        let ratio = |cost: f64| (of.c > 0.0).then(|| Value::from(cost / of.c));
        Row {
            label: of.name.clone(),
            values: vec![
                ratio(of.rust),
                of.rust_calls.and_then(ratio),
                of.upstream.and_then(ratio),
            ],
        }
    };
    Dots {
        title: "Instructions of Rust, as a multiple of those of C".to_string(),
        about: "Guest instructions of a call, without those of an empty one; to the left of 1 Rust takes fewer"
            .to_string(),
        unit: "Rust / C".to_string(),
        series: vec![
            series("these types, helpers inline", Tone::Rust, Symbol::Dot),
            series("these types, helpers called", Tone::RustCalls, Symbol::Square),
            series("the API in the kernel", Tone::Upstream, Symbol::Cross),
        ],
        groups: grouped(primitives, row),
    }
}

/// How many instructions each takes, in C and in Rust with inline helpers.
pub fn costs(primitives: &[Primitive]) -> Bars {
    let series = |name: &str, tone| bars::Series {
        name: name.to_string(),
        tone,
    };
    let row = |of: &Primitive| Row {
        label: of.name.clone(),
        values: vec![Some(of.c.into()), Some(of.rust.into())],
    };
    Bars {
        title: "Instructions of each primitive".to_string(),
        about: "Guest instructions of a call, without those of an empty one".to_string(),
        unit: "instructions".to_string(),
        kind: Kind::Beside,
        scale: Scale::Log,
        series: vec![
            series("C", Tone::C),
            series("Rust, helpers inline", Tone::Rust),
        ],
        groups: grouped(primitives, row),
    }
}

/// Groups in the order in which they are first named.
fn grouped(primitives: &[Primitive], row: impl Fn(&Primitive) -> Row) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for primitive in primitives {
        let at = groups
            .iter()
            .position(|group| group.name == primitive.group);
        let at = at.unwrap_or_else(|| {
            groups.push(Group {
                name: primitive.group.clone(),
                rows: Vec::new(),
            });
            groups.len() - 1
        });
        groups[at].rows.push(row(primitive));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primitive(group: &str, c: f64, rust: f64) -> Primitive {
        Primitive {
            group: group.to_string(),
            name: "x".to_string(),
            c,
            rust,
            rust_calls: Some(2.0 * rust),
            upstream: None,
        }
    }

    #[test]
    fn what_costs_nothing_in_c_has_no_ratio() {
        let dots = ratios(&[primitive("a", 10.0, 9.0), primitive("a", 0.0, 0.0)]);
        let values = |row: usize| -> Vec<Option<f64>> {
            let values = dots.groups[0].rows[row].values.iter();
            values.map(|value| value.map(|v| v.median)).collect()
        };
        assert_eq!(values(0), [Some(0.9), Some(1.8), None]);
        assert_eq!(values(1), [None; 3]);
    }

    #[test]
    fn groups_stay_together() {
        let all = ["a", "b", "a"].map(|group| primitive(group, 1.0, 1.0));
        let bars = costs(&all);
        let groups = bars.groups.iter();
        let found: Vec<_> = groups.map(|g| (g.name.as_str(), g.rows.len())).collect();
        assert_eq!(found, [("a", 2), ("b", 1)]);
    }
}
