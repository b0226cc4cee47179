// SPDX-License-Identifier: GPL-2.0

//! What was measured, as a page.

use super::contention::Contention;
use super::cost::Costs;
use super::exceptions::Exception;
use super::lines::Caller;
use super::plot::primitives::{self, Primitive};
use super::{plot, primitives as measured, table};
use crate::page::{Column, Figure, Listing, Listings, Mark, Page, Part, Row, Section, Table};
use anyhow::Result;

pub fn page(primitives: &[measured::Row], costs: &Costs, contention: &Contention) -> Result<Page> {
    let drawn: Vec<Primitive> = primitives.iter().filter_map(drawn).collect();
    Ok(Page {
        title: "The same work on VMAs in C and in Rust".to_string(),
        intro: vec![
            "Measured in one kernel in an emulated machine: with one processor, whose clock counts instructions, and with \
             two, for what readers and a writer wait for each other."
                .to_string(),
        ],
        sections: vec![
            Section {
                id: "primitives".to_string(),
                heading: "Primitives".to_string(),
                parts: vec![
                    figure(
                        "ratios",
                        primitives::ratios(&drawn).draw()?,
                        "Medians",
                    ),
                    figure(
                        "instructions",
                        primitives::costs(&drawn).draw()?,
                        "The same as counts",
                    ),
                    Part::Table(primitive_table(primitives)),
                ],
            },
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

/// Of each primitive that takes more instructions than C, why, and its listings.
pub fn reasons<'a>(all: impl Iterator<Item = (&'a Exception, Vec<Listing>)>) -> Section {
    let mut parts = vec![Part::Text(
        "Each of these takes more instructions in Rust than in C, for the reason that is given. The listings are of the \
         kernel that inlines helpers."
            .to_string(),
    )];
    parts.extend(all.map(|(exception, sides)| {
        Part::Listings(Listings {
            summary: format!(
                "{}: {} more: {}",
                exception.primitive, exception.instructions, exception.reason
            ),
            sides,
        })
    }));
    Section {
        id: "reasons".to_string(),
        heading: "Where Rust takes more".to_string(),
        parts,
    }
}

pub fn figure(name: &str, svg: String, caption: &str) -> Part {
    Part::Figure(Figure {
        name: name.to_string(),
        svg,
        caption: caption.to_string(),
    })
}

/// A primitive for the pictures, which are of the kernel that inlines helpers.
fn drawn(row: &measured::Row) -> Option<Primitive> {
    let inline = row.inline.as_ref()?;
    let group = match row.caller {
        Caller::Driver => "one call",
        Caller::User => "from a program, with its system calls and page faults",
    };
    Some(Primitive {
        group: group.to_string(),
        name: row.primitive.clone(),
        c: inline.c,
        rust: inline.rust,
        rust_calls: row.calls.as_ref().map(|called| called.figures.rust),
        upstream: inline.upstream,
    })
}

fn primitive_table(primitives: &[measured::Row]) -> Table {
    let rows = primitives.iter().map(|row| {
        let inline = row.inline.as_ref();
        let more = inline.map(|figures| figures.rust - figures.c);
        let mut cells = vec![row.primitive.clone()];
        cells.extend(row.cells());
        Row {
            cells,
            // An instruction more or less.
            mark: match more {
                Some(more) if more > 0.5 => Some(Mark::Worse),
                Some(more) if more < -0.5 => Some(Mark::Better),
                _ => None,
            },
        }
    });
    Table {
        caption: "Guest instructions of each primitive, without its call; what is called from a program is \
                  counted with all that brings it into the kernel and back"
            .to_string(),
        columns: columns(&[
            "primitive",
            "C",
            "Rust",
            "Rust / C",
            "the API in the kernel",
            "the same / C",
            "Rust, helpers called",
            "helper calls",
            "more than C",
        ]),
        rows: rows.collect(),
    }
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

    /// A primitive that takes 10 instructions in C.
    fn row(caller: Caller, rust: f64) -> measured::Row {
        let figures = |rust: f64| measured::Figures {
            c: 10.0,
            rust,
            ratio: rust / 10.0,
            upstream: None,
            upstream_ratio: None,
        };
        measured::Row {
            caller,
            primitive: "read".to_string(),
            inline: Some(figures(rust)),
            calls: Some(measured::Called {
                figures: figures(12.0),
                helpers: 1,
                more: 2.0,
                per_call: Some(2.0),
            }),
            spread: 0.0,
        }
    }

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
        let rows = [row(Caller::Driver, 8.0), row(Caller::User, 11.0)];
        let page = page(&rows, &Costs::of(&lines), &Contention::of(2, &lines)).unwrap();
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
        let (primitives, cells) = cells.split_at(9);
        assert_eq!(
            primitives,
            [
                "read", "10.00", "8.00", "0.8000", "-", "-", "12.00", "1", "2.00"
            ]
        );
        assert_eq!(
            cells[..5],
            ["walk, a VMA lock each", "22", "100.00", "101.00", "1.0100"]
        );
        assert_eq!(cells[5..], ["VMA lock, C", "10.0", "10.0", "5.0", "50 %"]);
        assert_eq!(page.figures().count(), 4);
        let Part::Table(table) = &page.sections[0].parts[2] else {
            panic!("the primitives have no table");
        };
        let marks: Vec<Option<Mark>> = table.rows.iter().map(|row| row.mark).collect();
        assert_eq!(marks, [Some(Mark::Better), Some(Mark::Worse)]);
        for name in ["one call", "from a program"] {
            let mut figures = page.figures();
            assert!(figures.any(|figure| figure.svg.contains(name)), "{name}");
        }
    }
}
