// SPDX-License-Identifier: GPL-2.0

//! Pictures of figures, as SVG: rows of dots or bars, and curves. They take plain data; what the benchmark measured becomes
//! such data here. C is a broad line and Rust a thin one.

mod axis;
pub mod bars;
pub mod curves;
pub mod dots;
mod frame;
pub mod primitives;
pub mod rows;
pub mod sample;
mod style;

pub use axis::Scale;
pub use style::{Symbol, Tone};

use super::contention::{Contention, Reader};
use super::cost::{Costs, is_walk};
use super::table;
use bars::{Bars, Kind};
use curves::{Curve, Curves};
use rows::{Group, Row, Value};

/// What a VMA costs among few and among many: a line for each operation that walks, in each language.
pub fn walks(costs: &Costs) -> Curves {
    let operations = costs.operations().into_iter().filter(|name| is_walk(name));
    let curves = operations.enumerate().flat_map(|(at, operation)| {
        [("C", true), ("Rust", false)].map(|(language, is_c)| Curve {
            name: format!("{}, {language}", table::describe(operation)),
            tone: Tone::Other(at),
            points: costs
                .of_operation(operation)
                .map(|figure| {
                    let side = if is_c { &figure.c } else { &figure.rust };
                    (figure.vmas as f64, side.cost.median)
                })
                .collect(),
            broad: is_c,
        })
    });
    Curves {
        title: "Walking all VMAs of an address space".to_string(),
        about: "Guest instructions for each VMA, by how many there are".to_string(),
        across: "VMAs".to_string(),
        up: "instructions".to_string(),
        scales: (Scale::Log, Scale::Linear),
        curves: curves.collect(),
    }
}

/// What readers keep of their rate beside a writer of the same address space.
pub fn readers(contention: &Contention) -> Bars {
    let of = |vma: bool, name: &str| Group {
        name: name.to_string(),
        rows: contention
            .readers
            .iter()
            .filter(|reader| reader.locks_vma() == vma)
            .map(kept)
            .collect(),
    };
    let mut groups = vec![of(true, "VMA lock"), of(false, "mmap lock")];
    groups.retain(|group| !group.rows.is_empty());
    Bars {
        title: "Readers beside a writer of the same address space".to_string(),
        about: "What they keep of the rate that they have beside a writer of another one"
            .to_string(),
        unit: "% of the rate".to_string(),
        kind: Kind::Beside,
        scale: Scale::Linear,
        series: vec![bars::Series {
            name: "kept".to_string(),
            tone: Tone::Rust,
        }],
        groups,
    }
}

/// A reader of which no turn counts has no value.
fn kept(reader: &Reader) -> Row {
    let kept = 100.0 * reader.kept();
    Row {
        label: table::name(&reader.operation, &reader.language, reader.hold_us),
        values: vec![kept.is_finite().then(|| Value::from(kept))],
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::Line;
    use super::*;

    fn lines(lines: &[&str]) -> Vec<Line> {
        lines.iter().map(|l| Line::parse(l).unwrap()).collect()
    }

    #[test]
    fn each_walk_has_a_line_in_each_language() {
        let costs = Costs::of(&lines(&[
            "cost 10 22 walk-vma c 100 10000 5",
            "cost 10 22 walk-vma rust 100 10100 5",
            "cost 10 22 read-vma c 100 10100 5",
            "cost 60000 60012 walk-vma c 100 10000 5",
            "cost 60000 60012 walk-vma rust 100 10100 5",
        ]));
        let curves = walks(&costs);
        let names: Vec<&str> = curves.curves.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(
            names,
            ["walk, a VMA lock each, C", "walk, a VMA lock each, Rust"]
        );
        assert_eq!(curves.curves[1].points, [(22.0, 101.0), (60_012.0, 101.0)]);
        assert!(
            curves
                .draw()
                .unwrap()
                .contains("\nwalk, a VMA lock each, Rust\n")
        );
    }

    #[test]
    fn readers_have_a_bar_each_by_their_lock() {
        let contention = Contention::of(
            2,
            &lines(&[
                "turn read-mmap c 0 none 10 10 1000",
                "turn read-mmap c 0 elsewhere 10 10 1000",
                "turn read-mmap c 0 here 10 10 4000",
                "turn read-mmap c 0 elsewhere 10 10 1000",
                "turn read-vma c 0 none 10 10 1000",
                "turn read-vma c 0 elsewhere 10 10 1000",
                "turn read-vma c 0 here 10 10 1000",
                "turn read-vma c 0 elsewhere 10 10 1000",
                // The host was busy.
                "turn hold-vma c 20 none 10 10 1000",
                "turn hold-vma c 20 elsewhere 10 10 9000",
                "turn hold-vma c 20 here 10 10 1000",
                "turn hold-vma c 20 elsewhere 10 10 1000",
            ]),
        );
        let bars = readers(&contention);
        let of = |group: usize| -> Vec<Option<f64>> {
            let rows = bars.groups[group].rows.iter();
            rows.map(|row| row.values[0].map(|value| value.median))
                .collect()
        };
        assert_eq!(of(0), [Some(100.0), None]);
        assert_eq!(of(1), [Some(25.0)]);
        assert!(bars.draw().unwrap().contains("\nVMA lock, C, held 20 us\n"));
    }
}
