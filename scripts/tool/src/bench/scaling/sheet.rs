// SPDX-License-Identifier: GPL-2.0

//! What scales how, as a section of the page.

mod faults;
mod projection;
mod sizes;
mod writes;

use super::Scaling;
use crate::bench::contention::Contention;
use crate::bench::plot;
use crate::bench::sheet::figure;
use crate::page::{Part, Row, Section};
use anyhow::Result;

pub fn section(scaling: &Scaling<'_>) -> Result<Section> {
    let mut parts = vec![
        Part::Text(
            "Cache lines that an operation writes and that other processors may want, counted in the emulator, and what \
             many processors can do at most if nothing else holds them up: a line goes from one to the next for each \
             atomic write. `Documentation/mm/vma_rust_scaling.rst` has the model."
                .to_string(),
        ),
        writes::picture(scaling.writes)?,
        Part::Table(writes::table(scaling.writes)),
        projection::picture(scaling.projection)?,
    ];
    parts.extend(sizes::pictures(scaling.sizes)?);
    parts.push(Part::Table(sizes::table(scaling.sizes)));
    parts.push(faults::picture(scaling.faults)?);
    parts.extend(scaling.faults.iter().map(faults::table).map(Part::Table));
    for contention in scaling.contention {
        parts.push(readers(contention)?);
    }
    Ok(Section {
        id: "scaling".to_string(),
        heading: "Larger machines and address spaces".to_string(),
        parts,
    })
}

/// The readers that the page does not show elsewhere, by how many processors they had.
fn readers(contention: &Contention) -> Result<Part> {
    let count = contention.processors;
    let mut bars = plot::readers(contention);
    bars.title = format!("{}, {}", bars.title, processors(count));
    Ok(figure(
        &format!("readers-{count}"),
        bars.draw()?,
        "The median of the turns that count; on one processor a reader and a writer take turns anyway",
    ))
}

fn processors(count: u32) -> String {
    match count {
        1 => "1 processor".to_string(),
        _ => format!("{count} processors"),
    }
}

fn rows(rows: impl Iterator<Item = Vec<String>>) -> Vec<Row> {
    rows.map(|cells| Row { cells, mark: None }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::faults::Faults;
    use super::super::projection::Projection;
    use super::super::sizes::Sizes;
    use super::super::symbols::Symbols;
    use super::super::writes::Writes;
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
            "turn read-vma c 0 none 10 10 1000000",
            "turn read-vma c 0 elsewhere 10 10 1000000",
            "turn read-vma c 0 here 10 10 2000000",
            "turn read-vma c 0 elsewhere 10 10 1000000",
        ]
        .iter()
        .map(|line| Line::parse(line).unwrap())
        .collect();
        let counts = "stretch\naccess ffff888001eae200 ffffffff81000120 locked 10 20\n\
            access ffffc90000001000 ffffffff81000120 plain 0 10\n";
        let symbols = Symbols::parse("ffffffff81000100 T other\n").unwrap();
        let writes = Writes::of(&lines, &counts.repeat(2), &symbols).unwrap();
        let projection = Projection::of(&writes, |_| Some([500.0, 500.0]));
        let section = section(&Scaling {
            contention: &[Contention::of(1, &lines)],
            faults: &[Faults::of(2, &lines)],
            sizes: &Sizes::of(&lines),
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
        let figures: Vec<(&str, &str)> = section
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Figure(figure) => Some((figure.name.as_str(), figure.svg.as_str())),
                _ => None,
            })
            .collect();
        let shown = [
            ("cache-lines", "look up, VMA lock, Rust"),
            ("projection", "VMA lock, a VMA each, Rust"),
            ("sizes", "lock two VMAs, Rust"),
            ("faults", "1 thread, a writer"),
            ("readers-1", "VMA lock, C"),
        ];
        assert_eq!(figures.len(), shown.len());
        for ((name, svg), (expected, text)) in figures.iter().zip(shown) {
            assert_eq!(*name, expected);
            assert!(svg.contains(&format!("\n{text}\n")), "{name}: {svg}");
        }
        assert!(figures[4].1.contains(", 1 processor\n"));
    }
}
