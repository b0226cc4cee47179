// SPDX-License-Identifier: GPL-2.0

//! What operations write to cache lines that are shared, as a table.

use super::super::{table, writes};
use super::rows;
use crate::bench::sheet::columns;
use crate::bench::table::describe;
use crate::page::Table;
use writes::Writes;

/// Lines that are not shared are left out.
pub fn table(writes: &Writes) -> Table {
    let shared = writes.rows.iter().filter(|row| row.kind.is_shared());
    let cells = shared.map(|row| {
        vec![
            describe(&row.operation).to_string(),
            row.kind.name().to_string(),
            table::count(row.c),
            table::count(row.rust),
            row.upstream.map_or(String::new(), table::count),
        ]
    });
    Table {
        caption: "Stores to shared cache lines for each VMA or call, of them atomic ones"
            .to_string(),
        columns: columns(&["operation", "line", "C", "Rust", "upstream"]),
        rows: rows(cells),
    }
}
