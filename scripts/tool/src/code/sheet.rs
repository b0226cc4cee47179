// SPDX-License-Identifier: GPL-2.0

//! What the code is, as a section of the page.

use super::Figures;
use super::size::Unused;
use crate::bench::plot::bars::{Bars, Kind, Series};
use crate::bench::plot::rows::{Group, Row, Value};
use crate::bench::plot::{Scale, Tone};
use crate::bench::sheet::{columns, figure};
use crate::page::{self, Part, Section, Table};
use anyhow::Result;
use std::collections::BTreeMap;

/// How many functions are drawn of those that are added to every kernel.
const DRAWN: usize = 15;

pub fn section(
    figures: &BTreeMap<String, Figures>,
    unused: Option<&Unused>,
    samples: &BTreeMap<String, u64>,
) -> Result<Section> {
    let mut parts = vec![
        figure(
            "stack",
            stack(figures).draw()?,
            "The function and those of the abstraction that it calls, without what it calls in C",
        ),
        figure(
            "text",
            text(unused, samples).draw()?,
            "Functions that modules may call are in the kernel whether one does or not",
        ),
    ];
    if let Some(unused) = unused {
        let (before, added) = unused.text();
        parts.push(Part::Text(format!(
            "A kernel in which nothing uses the abstraction has {added} bytes of text more for it in `rust/` \
             ({before} before), all of them functions that are exported or called by those."
        )));
    }
    parts.push(Part::Table(table(figures)));
    Ok(Section {
        id: "code".to_string(),
        heading: "Code".to_string(),
        parts,
    })
}

fn series(names: &[(&str, Tone)]) -> Vec<Series> {
    names
        .iter()
        .map(|(name, tone)| Series {
            name: name.to_string(),
            tone: *tone,
        })
        .collect()
}

fn row(label: &str, values: &[Option<u64>]) -> Row {
    let value = |bytes: &Option<u64>| bytes.map(|bytes| Value::from(bytes as f64));
    Row {
        label: label.to_string(),
        values: values.iter().map(value).collect(),
    }
}

/// Those that take any.
fn stack(figures: &BTreeMap<String, Figures>) -> Bars {
    let rows = figures.iter().filter_map(|(name, figures)| {
        let [c, rust] = [&figures.c, &figures.rust].map(|figure| figure.as_ref().map(|f| f.stack));
        (c.max(rust) > Some(0)).then(|| row(name, &[c, rust]))
    });
    Bars {
        title: "Stack of the primitives that take any".to_string(),
        about: "Bytes, at the deepest place".to_string(),
        unit: "bytes".to_string(),
        kind: Kind::Beside,
        scale: Scale::Linear,
        series: series(&[("C", Tone::Other(4)), ("Rust", Tone::Other(0))]),
        groups: vec![Group {
            name: String::new(),
            rows: rows.collect(),
        }],
    }
}

fn text(unused: Option<&Unused>, samples: &BTreeMap<String, u64>) -> Bars {
    let mut groups = vec![Group {
        name: "Sample drivers".to_string(),
        rows: samples
            .iter()
            .map(|(name, bytes)| row(name, &[Some(*bytes)]))
            .collect(),
    }];
    if let Some(unused) = unused {
        let largest = unused.added().take(DRAWN);
        groups.push(Group {
            name: "The largest functions of those that every kernel has".to_string(),
            rows: largest
                .map(|(function, bytes)| {
                    let name = function.replace("kernel::mm::vma::", "");
                    row(&name, &[Some(bytes)])
                })
                .collect(),
        });
    }
    Bars {
        title: "Text".to_string(),
        about: "Bytes of code".to_string(),
        unit: "bytes".to_string(),
        kind: Kind::Beside,
        scale: Scale::Linear,
        series: series(&[("bytes", Tone::Other(0))]),
        groups,
    }
}

/// Of each primitive, in C, in Rust and with upstream's own API.
pub fn table(figures: &BTreeMap<String, Figures>) -> Table {
    let cell = |figure: Option<String>| figure.unwrap_or_else(|| "-".to_string());
    let rows = figures.iter().map(|(name, figures)| {
        let of = |of: fn(&super::Figure) -> u64| {
            [&figures.c, &figures.rust, &figures.upstream]
                .map(|figure| cell(figure.as_ref().map(|figure| of(figure).to_string())))
        };
        let mut cells = vec![name.clone()];
        cells.extend(of(|figure| figure.instructions as u64));
        cells.extend(of(|figure| figure.bytes));
        cells.extend(of(|figure| figure.stack));
        cells.push(
            figures
                .rust
                .as_ref()
                .map_or(0, |rust| rust.helper_calls)
                .to_string(),
        );
        page::Row { cells, mark: None }
    });
    Table {
        caption: "Instructions that there are, whether they are executed or not, bytes and stack of each primitive"
            .to_string(),
        columns: columns(&[
            "primitive",
            "instructions, C",
            "Rust",
            "upstream",
            "bytes, C",
            "Rust",
            "upstream",
            "stack, C",
            "Rust",
            "upstream",
            "helpers",
        ]),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Figure;
    use super::*;

    fn figures(stack: [u64; 2]) -> BTreeMap<String, Figures> {
        let [c, rust] = stack.map(|stack| {
            Some(Figure {
                instructions: 7,
                bytes: 30,
                stack,
                helper_calls: 0,
                calls: Vec::new(),
                functions: Vec::new(),
            })
        });
        let figures = Figures {
            c,
            rust,
            upstream: None,
        };
        BTreeMap::from([("lock-it".to_string(), figures)])
    }

    #[test]
    fn every_primitive_is_in_the_table_and_those_with_a_stack_are_drawn() {
        let cells = |stack| table(&figures(stack)).rows[0].cells.clone();
        assert_eq!(
            cells([0, 16]),
            [
                "lock-it", "7", "7", "-", "30", "30", "-", "0", "16", "-", "0"
            ]
        );
        assert_eq!(stack(&figures([0, 16])).groups[0].rows.len(), 1);
        assert_eq!(stack(&figures([0, 0])).groups[0].rows.len(), 0);
    }

    #[test]
    fn samples_are_drawn_in_any_case() {
        let samples = BTreeMap::from([("rust_vma".to_string(), 4000)]);
        let section = section(&figures([8, 8]), None, &samples).unwrap();
        let drawn = section.parts.iter().find_map(|part| match part {
            Part::Figure(figure) if figure.name == "text" => Some(&figure.svg),
            _ => None,
        });
        assert!(drawn.unwrap().contains("rust_vma"));
    }
}
