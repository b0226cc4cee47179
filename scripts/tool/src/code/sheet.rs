// SPDX-License-Identifier: GPL-2.0

//! The figures of compiled code, as a section of the page.

use super::Figures;
use super::size::Unused;
use crate::bench::sheet::figure;
use crate::page::{Part, Section, Table};
use anyhow::Result;
use std::collections::BTreeMap;

pub fn section(figures: &BTreeMap<String, Figures>, unused: Option<&Unused>) -> Result<Section> {
    let mut parts = vec![
        figure(
            "stack",
            "The function and those of the abstraction that it calls, without what it calls in C",
        ),
        figure(
            "text",
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
        cells
    });
    Table::new(
        "Instructions that there are, whether they are executed or not, bytes and stack of each primitive",
        &[
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
        ],
        rows,
    )
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
    fn every_primitive_is_in_the_table() {
        let cells = |stack| table(&figures(stack)).rows[0].cells.clone();
        assert_eq!(
            cells([0, 16]),
            [
                "lock-it", "7", "7", "-", "30", "30", "-", "0", "16", "-", "0"
            ]
        );
    }
}
