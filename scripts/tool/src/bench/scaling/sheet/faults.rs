// SPDX-License-Identifier: GPL-2.0

//! Page faults beside others, as tables.

use super::super::{faults, table};
use super::rows;
use crate::bench::sheet::columns;
use crate::page::Table;
use faults::Faults;

pub fn table(faults: &Faults) -> Table {
    let cells = faults.rows.iter().map(|row| {
        vec![
            table::beside(row),
            row.threads.to_string(),
            format!("{:.1}", row.alone.median),
            format!("{:.1}", row.elsewhere.median),
            format!("{:.1}", row.here.median),
            format!("{:.0} %", 100.0 * row.kept.median),
        ]
    });
    Table {
        caption: format!(
            "Page faults per ms while memory is touched, {} processor(s)",
            faults.processors
        ),
        columns: columns(&[
            "beside",
            "threads",
            "alone",
            "in another",
            "in this mm",
            "kept",
        ]),
        rows: rows(cells),
    }
}
