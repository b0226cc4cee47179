// SPDX-License-Identifier: GPL-2.0

//! What was measured, as a page.

use super::contention::Contention;
use super::cost::Costs;
use super::{plot, table};
use crate::page::{Column, Figure, Page, Part, Row, Section, Table};
use anyhow::Result;

pub fn page(costs: &Costs, contention: &Contention) -> Result<Page> {
    Ok(Page {
        title: "The same work on VMAs in C and in Rust".to_string(),
        intro: vec![
            "Measured in one kernel in an emulated machine: with one processor, whose clock counts instructions, and with \
             two, for what readers and a writer wait for each other."
                .to_string(),
        ],
        sections: vec![
            Section {
                id: "costs".to_string(),
                heading: "Costs".to_string(),
                parts: vec![
                    figure("walks", plot::walks(costs).draw()?, "Walks, broad in C and thin in Rust"),
                    Part::Table(cost_table(costs)),
                ],
            },
            Section {
                id: "contention".to_string(),
                heading: "Readers and a writer".to_string(),
                parts: vec![
                    figure(
                        "readers",
                        plot::readers(contention).draw()?,
                        "The median of the turns that count",
                    ),
                    Part::Table(reader_table(contention)),
                ],
            },
        ],
    })
}

pub fn figure(name: &str, svg: String, caption: &str) -> Part {
    Part::Figure(Figure {
        name: name.to_string(),
        svg,
        caption: caption.to_string(),
    })
}

/// Columns of which the first is a name.
pub fn columns(names: &[&str]) -> Vec<Column> {
    let names = names.iter().enumerate();
    names
        .map(|(at, name)| Column {
            name: name.to_string(),
            is_number: at > 0,
        })
        .collect()
}

fn cost_table(costs: &Costs) -> Table {
    let rows = costs.figures.iter().map(|figure| Row {
        cells: vec![
            table::describe(&figure.operation).to_string(),
            figure.vmas.to_string(),
            format!("{:.2}", figure.c.cost.median),
            format!("{:.2}", figure.rust.cost.median),
            format!("{:.4}", figure.ratio()),
        ],
        mark: None,
    });
    Table {
        caption: "Guest instructions for each VMA or call".to_string(),
        columns: columns(&["operation", "VMAs", "C", "Rust", "Rust / C"]),
        rows: rows.collect(),
    }
}

fn reader_table(contention: &Contention) -> Table {
    let rows = contention.readers.iter().map(|reader| Row {
        cells: vec![
            table::name(&reader.operation, &reader.language, reader.hold_us),
            format!("{:.1}", reader.alone.median),
            format!("{:.1}", reader.elsewhere.median),
            format!("{:.1}", reader.here.median),
            format!("{:.0} %", 100.0 * reader.kept()),
        ],
        mark: None,
    });
    Table {
        caption: "Reads per ms beside a writer that maps and unmaps a page".to_string(),
        columns: columns(&["reader", "no writer", "in another", "in this mm", "kept"]),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::Line;
    use super::*;

    #[test]
    fn what_was_measured_is_on_the_page() {
        let lines: Vec<Line> = [
            "cost 10 22 walk-vma c 100 10000 5",
            "cost 10 22 walk-vma rust 100 10100 5",
            "turn read-vma c 0 none 10 10 1000000",
            "turn read-vma c 0 elsewhere 10 10 1000000",
            "turn read-vma c 0 here 10 10 2000000",
            "turn read-vma c 0 elsewhere 10 10 1000000",
        ]
        .iter()
        .map(|line| Line::parse(line).unwrap())
        .collect();
        let page = page(&Costs::of(&lines), &Contention::of(2, &lines)).unwrap();
        let cells: Vec<&str> = page
            .sections
            .iter()
            .flat_map(|section| &section.parts)
            .filter_map(|part| match part {
                Part::Table(table) => Some(&table.rows[0].cells),
                _ => None,
            })
            .flatten()
            .map(String::as_str)
            .collect();
        assert_eq!(
            cells[..5],
            ["walk, a VMA lock each", "22", "100.00", "101.00", "1.0100"]
        );
        assert_eq!(cells[5..], ["VMA lock, C", "10.0", "10.0", "5.0", "50 %"]);
        assert_eq!(page.figures().count(), 2);
    }
}
