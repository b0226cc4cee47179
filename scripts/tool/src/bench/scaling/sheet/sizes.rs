// SPDX-License-Identifier: GPL-2.0

//! What operations cost in small and in large address spaces, as a table.

use super::super::{sizes, table};
use super::rows;
use crate::bench::sheet::columns;
use crate::bench::table::describe;
use crate::page::Table;
use sizes::Sizes;

pub fn table(sizes: &Sizes) -> Table {
    let cells = sizes.figures.iter().map(|figure| {
        vec![
            describe(&figure.operation).to_string(),
            format!("{} {}", table::bytes(figure.span), sizes::gaps(figure.gaps)),
            format!("{:.2}", figure.c.median),
            format!("{:.2}", figure.rust.median),
            format!("{:.4}", figure.ratio()),
        ]
    });
    Table {
        caption: "Guest instructions for each VMA or call, 1000 mappings spread over so much"
            .to_string(),
        columns: columns(&["operation", "over", "C", "Rust", "Rust / C"]),
        rows: rows(cells),
    }
}
