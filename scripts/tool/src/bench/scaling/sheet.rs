// SPDX-License-Identifier: GPL-2.0

//! What scales how, as a section of the page.

use super::projection::Projection;
use super::{Scaling, faults, sizes, table, writes};
use crate::bench::plot::curves::{self, Curves};
use crate::bench::plot::{Scale, Tone};
use crate::bench::sheet::{columns, figure};
use crate::bench::table::describe;
use crate::page::{Part, Row, Section, Table};
use anyhow::Result;

pub fn section(scaling: &Scaling<'_>) -> Result<Section> {
    let mut parts = vec![
        Part::Text(
            "Cache lines that an operation writes and that other processors may want, counted in the emulator, and what \
             many processors can do at most if nothing else holds them up: a line goes from one to the next for each \
             atomic write. `Documentation/mm/vma_rust_scaling.rst` has the model."
                .to_string(),
        ),
        Part::Table(writes_table(scaling.writes)),
        figure(
            "projection",
            projection(scaling.projection).draw()?,
            "Projected, not measured",
        ),
        Part::Table(sizes_table(scaling.sizes)),
    ];
    parts.extend(scaling.faults.iter().map(faults_table).map(Part::Table));
    Ok(Section {
        id: "scaling".to_string(),
        heading: "Larger machines and address spaces".to_string(),
        parts,
    })
}

fn rows(rows: impl Iterator<Item = Vec<String>>) -> Vec<Row> {
    rows.map(|cells| Row { cells, mark: None }).collect()
}

/// Lines that are not shared are left out.
fn writes_table(writes: &writes::Writes) -> Table {
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

fn sizes_table(sizes: &sizes::Sizes) -> Table {
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

fn faults_table(faults: &faults::Faults) -> Table {
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

fn projection(projection: &Projection) -> Curves {
    // C and Rust of one case come one after the other.
    let curves = projection.curves.iter().enumerate().map(|(at, curve)| {
        let processors = projection.processors.iter().map(|count| f64::from(*count));
        curves::Curve {
            name: table::case(curve),
            tone: Tone::Other(at / 2),
            points: processors.zip(curve.rates.iter().copied()).collect(),
            broad: curve.language == "c",
        }
    });
    Curves {
        title: "Looking VMAs up on many processors".to_string(),
        about: "Look-ups per microsecond at most, by what the processors share".to_string(),
        across: "processors".to_string(),
        up: "look-ups per us".to_string(),
        scales: (Scale::Log, Scale::Log),
        curves: curves.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::symbols::Symbols;
    use super::*;
    use crate::bench::lines::Line;

    #[test]
    fn everything_is_in_the_section() {
        let lines: Vec<Line> = [
            "stretch read-vma c 10 7",
            "stretch read-vma rust 10 7",
            "size 4194304 none 1012 lock-two c 10 1000 5",
            "size 4194304 none 1012 lock-two rust 10 1010 5",
            "fault 1 writer none none 100 200000 100000",
            "fault 1 writer none elsewhere 100 200000 100000",
            "fault 1 writer none here 100 200000 125000",
            "fault 1 writer none elsewhere 100 200000 100000",
        ]
        .iter()
        .map(|line| Line::parse(line).unwrap())
        .collect();
        let counts = "stretch\naccess ffff888001eae200 ffffffff81000120 locked 10 20\n\
            access ffffc90000001000 ffffffff81000120 plain 0 10\n";
        let symbols = Symbols::parse("ffffffff81000100 T other\n").unwrap();
        let writes = writes::Writes::of(&lines, &counts.repeat(2), &symbols).unwrap();
        let projection = Projection::of(&writes, |_| Some([500.0, 500.0]));
        let section = section(&Scaling {
            faults: &[faults::Faults::of(2, &lines)],
            sizes: &sizes::Sizes::of(&lines),
            writes: &writes,
            projection: &projection,
        })
        .unwrap();
        let tables: Vec<String> = section
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Table(table) => Some(table.rows.iter().map(|row| row.cells.join(", "))),
                _ => None,
            })
            .map(|rows| rows.collect::<Vec<_>>().join("; "))
            .collect();
        assert_eq!(
            tables,
            [
                "look up, VMA lock, VMA lock, 2.00 (2.00), 2.00 (2.00), ",
                "lock two VMAs, 4 MiB without gaps, 100.00, 101.00, 1.0100",
                "writer, 1, 1000.0, 1000.0, 800.0, 80 %",
            ]
        );
        let has_figure = |part: &Part| matches!(part, Part::Figure(figure) if figure.svg.contains("a VMA each, Rust"));
        assert!(section.parts.iter().any(has_figure));
    }
}
