// SPDX-License-Identifier: GPL-2.0

//! What operations cost in small and in large address spaces, as pictures and as a table.

use super::super::{sizes, table};
use super::rows;
use crate::bench::plot::curves::{Curve, Curves};
use crate::bench::plot::{Scale, Tone};
use crate::bench::sheet::{columns, figure};
use crate::bench::table::describe;
use crate::page::{Part, Table};
use anyhow::Result;
use sizes::{Figure, Sizes};
use std::collections::BTreeSet;

/// One where mappings leave no gaps, and one where they do.
pub fn pictures(sizes: &Sizes) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for (name, gaps) in [("sizes", false), ("sizes-gaps", true)] {
        let curves = curves(sizes, gaps);
        if !curves.curves.is_empty() {
            let spans: BTreeSet<u64> = figures(sizes, gaps).map(|figure| figure.span).collect();
            let spans: Vec<String> = spans.into_iter().map(table::bytes).collect();
            let caption = format!(
                "Medians at {}, broad in C and thin in Rust",
                spans.join(", ")
            );
            parts.push(figure(name, curves.draw()?, &caption));
        }
    }
    Ok(parts)
}

fn figures(sizes: &Sizes, gaps: bool) -> impl Iterator<Item = &Figure> {
    sizes
        .figures
        .iter()
        .filter(move |figure| figure.gaps == gaps)
}

/// A line for each operation in each language.
fn curves(sizes: &Sizes, gaps: bool) -> Curves {
    let mut operations: Vec<&str> = Vec::new();
    for figure in figures(sizes, gaps) {
        if !operations.contains(&figure.operation.as_str()) {
            operations.push(&figure.operation);
        }
    }
    let curves = operations.iter().enumerate().flat_map(|(at, operation)| {
        [("C", true), ("Rust", false)].map(|(language, is_c)| Curve {
            name: format!("{}, {language}", describe(operation)),
            tone: Tone::Other(at),
            points: figures(sizes, gaps)
                .filter(|figure| figure.operation == *operation)
                .map(|figure| point(figure, is_c))
                .collect(),
            broad: is_c,
        })
    });
    Curves {
        title: format!(
            "VMAs near to each other and far apart, {}",
            sizes::gaps(gaps)
        ),
        about: "Guest instructions for each VMA or call, by how far 1000 mappings are spread"
            .to_string(),
        across: "MiB over which the mappings are spread".to_string(),
        up: "instructions".to_string(),
        scales: (Scale::Log, Scale::Linear),
        curves: curves.collect(),
    }
}

/// MiB, and what it costs.
fn point(figure: &Figure, is_c: bool) -> (f64, f64) {
    let side = if is_c { &figure.c } else { &figure.rust };
    (figure.span as f64 / f64::from(1 << 20), side.median)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::lines::Line;

    #[test]
    fn distances_are_along_a_line_for_each_language() {
        let lines = [
            "4194304 none 1012 read-vma c 10 1000 5",
            "4194304 none 1012 read-vma rust 10 1010 5",
            "1073741824 none 1012 read-vma c 10 1020 5",
            "1073741824 none 1012 read-vma rust 10 1030 5",
            "1073741824 gaps 1012 lock-two c 10 2000 5",
            "1073741824 gaps 1012 lock-two rust 10 2010 5",
        ]
        .map(|rest| Line::parse(&format!("size {rest}")).unwrap());
        let sizes = Sizes::of(&lines);
        let [c, rust] = &curves(&sizes, false).curves[..] else {
            panic!("not two lines");
        };
        assert_eq!(c.name, "look up, VMA lock, C");
        assert_eq!(rust.name, "look up, VMA lock, Rust");
        assert_eq!(c.points, [(4.0, 100.0), (1024.0, 102.0)]);
        assert_eq!(rust.points, [(4.0, 101.0), (1024.0, 103.0)]);
        assert!(c.broad && !rust.broad);
        assert_eq!(curves(&sizes, true).curves[1].points, [(1024.0, 201.0)]);
        let [Part::Figure(without), Part::Figure(with)] = &pictures(&sizes).unwrap()[..] else {
            panic!("not two pictures");
        };
        assert_eq!(
            without.caption,
            "Medians at 4 MiB, 1 GiB, broad in C and thin in Rust"
        );
        assert_eq!(with.name, "sizes-gaps");
        assert_eq!(pictures(&Sizes::of(&lines[..4])).unwrap().len(), 1);
    }
}
