// SPDX-License-Identifier: GPL-2.0

//! A table of the page as text.

use crate::page::Table;

pub fn text(table: &Table) -> String {
    let names = table.columns.iter().map(|column| column.name.as_str());
    let mut rows = vec![names.collect::<Vec<_>>()];
    let cells = table.rows.iter().map(|row| &row.cells);
    rows.extend(cells.map(|cells| cells.iter().map(String::as_str).collect()));
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
    let widths: Vec<usize> = (0..table.columns.len()).filter_map(width).collect();
    let mut text = format!("{}\n", table.caption);
    for row in &rows {
        let cells = row.iter().zip(&table.columns).zip(&widths);
        let cells: Vec<String> = cells
            .map(|((cell, column), width)| match column.is_number {
                true => format!("{cell:>width$}"),
                false => format!("{cell:width$}"),
            })
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sheet::columns;
    use crate::page::Row;

    #[test]
    fn names_are_on_the_left_and_numbers_on_the_right() {
        let row = |cells: [&str; 2]| Row {
            cells: cells.map(str::to_string).to_vec(),
            mark: None,
        };
        let table = Table {
            caption: "bytes".to_string(),
            columns: columns(&["", "text"]),
            rows: vec![row(["a", "12"]), row(["long", "4"])],
        };
        assert_eq!(text(&table), "bytes\n      text\na       12\nlong     4\n");
    }
}
