// SPDX-License-Identifier: GPL-2.0

//! Made-up figures, one picture of each kind and as crowded as they get: a browser looks for labels that are cut or lie on
//! each other.

use super::bars::{self, Bars, Kind};
use super::curves::{Curve, Curves};
use super::dots::Dots;
use super::primitives::{self, Primitive};
use super::rows::{Group, Row, Value};
use super::{Scale, Tone};
use crate::page::{Figure, Page, Part, Section};
use anyhow::Result;

/// All of them.
pub fn page() -> Result<Page> {
    let figures = [
        ("ratios", ratios(90).draw()?),
        ("costs", costs(90).draw()?),
        ("growth", growth().draw()?),
        ("rates", rates().draw()?),
        ("parts", parts().draw()?),
    ];
    let sections = figures.map(|(name, svg)| Section {
        id: format!("section-{name}"),
        heading: name.to_string(),
        parts: vec![Part::Figure(Figure {
            name: name.to_string(),
            svg,
            caption: "Made up".to_string(),
        })],
    });
    Ok(Page {
        title: "Every kind of picture".to_string(),
        intro: vec!["None of these figures was measured.".to_string()],
        sections: sections.into(),
    })
}

/// So many in groups of fifteen, some of which cost next to nothing.
fn primitives(count: usize) -> Vec<Primitive> {
    let primitive = |at: usize| {
        let c = (at * at * at) as f64;
        Primitive {
            group: format!("Group {}", at / 15),
            name: format!("vma-operation-{at}"),
            c,
            rust: c * (1.0 - 0.01 * (at % 7) as f64),
            rust_calls: Some(c * (1.0 + 0.1 * (at % 40) as f64)),
            upstream: (at % 3 == 0).then_some(c * (1.0 + 0.4 * (at % 20) as f64)),
        }
    };
    (0..count).map(primitive).collect()
}

/// Three ratios of each of so many operations.
pub fn ratios(count: usize) -> Dots {
    primitives::ratios(&primitives(count))
}

/// Instructions of so many operations, in two languages.
pub fn costs(count: usize) -> Bars {
    primitives::costs(&primitives(count))
}

fn row(label: &str, values: &[f64]) -> Row {
    Row {
        label: label.to_string(),
        values: values.iter().map(|value| Some((*value).into())).collect(),
    }
}

fn series(names: &[(&str, Tone)]) -> Vec<bars::Series> {
    let names = names.iter();
    names
        .map(|(name, tone)| bars::Series {
            name: name.to_string(),
            tone: *tone,
        })
        .collect()
}

/// Rates in four settings, with their spread.
pub fn rates() -> Bars {
    let value = |median: f64| {
        Some(Value {
            median,
            low: median * 0.93,
            high: median * 1.04,
        })
    };
    let rates = |label: &str, by: f64| Row {
        label: label.to_string(),
        values: vec![
            value(410.0 * by),
            value(380.0 * by),
            value(790.0 * by),
            (by < 1.0).then(|| value(150.0 * by)).flatten(),
        ],
    };
    let group = |name: &str| Group {
        name: name.to_string(),
        rows: vec![rates("mmap lock, C", 0.9), rates("VMA lock, Rust", 1.0)],
    };
    Bars {
        title: "Rates of readers and of page faults".to_string(),
        about: "In a thousand a second, with the least and the most of all turns".to_string(),
        unit: "1000 / s".to_string(),
        kind: Kind::Beside,
        scale: Scale::Linear,
        series: series(&[
            ("1 processor", Tone::Other(4)),
            ("1 processor, a writer", Tone::Other(1)),
            ("2 processors", Tone::Other(0)),
            ("2 processors, a writer", Tone::Other(5)),
        ]),
        groups: vec![group("Readers"), group("Page faults")],
    }
}

/// Parts of a whole.
pub fn parts() -> Bars {
    Bars {
        title: "Writes to shared cache lines".to_string(),
        about: "Of one operation, by what is in the line".to_string(),
        unit: "writes".to_string(),
        kind: Kind::Stacked,
        scale: Scale::Linear,
        series: series(&[
            ("mmap_lock", Tone::Other(0)),
            ("vm_refcnt", Tone::Other(1)),
            ("mm_count", Tone::Other(2)),
        ]),
        groups: vec![Group {
            name: String::new(),
            rows: vec![
                row("look up, VMA lock", &[0.0, 2.0, 0.0]),
                row("look up, mmap lock", &[2.0, 0.0, 1.0]),
            ],
        }],
    }
}

/// Two operations in two languages, at sizes up to a million.
pub fn growth() -> Curves {
    let curve = |name: &str, tone, broad, by: f64| Curve {
        name: name.to_string(),
        tone: Tone::Other(tone),
        points: (0..6)
            .map(|exponent| (10_f64.powi(exponent + 1), by * f64::from(40 + 3 * exponent)))
            .collect(),
        broad,
    };
    Curves {
        title: "Cost of a VMA among few and among many".to_string(),
        about: "Guest instructions of a VMA that is walked over".to_string(),
        across: "VMAs".to_string(),
        up: "instructions".to_string(),
        scales: (Scale::Log, Scale::Linear),
        curves: vec![
            curve("walk, C", 0, true, 1.0),
            curve("walk, Rust", 0, false, 0.98),
            curve("look up, C", 1, true, 2.0),
            curve("look up, Rust", 1, false, 2.02),
        ],
    }
}
