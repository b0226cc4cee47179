// SPDX-License-Identifier: GPL-2.0

//! The figures as pictures, in one SVG: what a VMA costs among few and among many, and what readers keep of their rate
//! beside a writer.

use super::contention::Contention;
use super::cost::{Costs, is_walk};
use super::table;
use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (900, 900);
const FONT: &str = "sans-serif";
const BLUE: RGBColor = RGBColor(31, 119, 180);
const RED: RGBColor = RGBColor(214, 39, 40);
/// A broad line for C and a thin one for Rust, so that both are seen where they agree.
const COLOURS: [RGBColor; 6] = [
    RGBColor(174, 199, 232),
    BLUE,
    RGBColor(199, 199, 199),
    RGBColor(90, 90, 90),
    RGBColor(255, 152, 150),
    RED,
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws everything into a file.
pub fn write(file: &Path, costs: &Costs, contention: &Contention) -> Result<()> {
    draw(file, costs, contention).map_err(|e| anyhow!("{}: cannot be drawn: {e}", file.display()))
}

fn draw(
    file: &Path,
    costs: &Costs,
    contention: &Contention,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let halves = root.split_evenly((2, 1));
    cost(&halves[0], costs)?;
    rates(&halves[1], contention)?;
    root.present()?;
    Ok(())
}

/// A line for each operation that walks, in each language.
fn cost(area: &Area, costs: &Costs) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let all = costs.figures.iter().filter(|f| is_walk(&f.operation));
    let (mut vmas, mut top) = (1.0_f64, 1.0_f64);
    for figure in all {
        vmas = vmas.max(figure.vmas as f64);
        top = top.max(figure.c.cost.high).max(figure.rust.cost.high);
    }
    let mut chart = ChartBuilder::on(area)
        .caption("Walking all VMAs: guest instructions for each", (FONT, 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((10.0..vmas * 1.5).log_scale(), 0.0..top * 1.2)?;
    chart
        .configure_mesh()
        .x_desc("VMAs")
        .y_desc("instructions")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .draw()?;
    let mut colours = COLOURS.iter();
    for operation in costs.operations().into_iter().filter(|name| is_walk(name)) {
        for (language, is_rust) in [("C", false), ("Rust", true)] {
            let colour = *colours.next().unwrap_or(&BLACK);
            let points: Vec<(f64, f64)> = costs
                .of_operation(operation)
                .map(|figure| {
                    let side = if is_rust { &figure.rust } else { &figure.c };
                    (figure.vmas as f64, side.cost.median)
                })
                .collect();
            let width = if is_rust { 2 } else { 6 };
            chart
                .draw_series(LineSeries::new(points.clone(), colour.stroke_width(width)))?
                .label(format!("{}, {language}", table::describe(operation)))
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(width))
                });
            let dots = points
                .into_iter()
                .map(|at| Circle::new(at, 4, colour.filled()));
            chart.draw_series(dots)?;
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.filled())
        .border_style(BLACK)
        .label_font((FONT, 14))
        .draw()?;
    Ok(())
}

/// A bar for each reader: the part of its rate that it keeps.
fn rates(
    area: &Area,
    contention: &Contention,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    // Bars go up from below.
    let readers: Vec<_> = contention.readers.iter().rev().collect();
    let top = readers
        .iter()
        .map(|reader| reader.kept())
        .fold(1.0, f64::max);
    let count = readers.len();
    let mut chart = ChartBuilder::on(area)
        .caption(
            "Readers beside a writer of the same address space: what they keep of their rate",
            (FONT, 20),
        )
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(230)
        .build_cartesian_2d(
            0.0..top * 1.1,
            (0..count.saturating_sub(1)).into_segmented(),
        )?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_label_formatter(&|part| format!("{:.0} %", 100.0 * part))
        .y_labels(count)
        .y_label_formatter(&|at| match at {
            SegmentValue::CenterOf(at) if *at < count => {
                let reader = readers[*at];
                table::name(&reader.operation, &reader.language, reader.hold_us)
            }
            _ => String::new(),
        })
        .label_style((FONT, 14))
        .draw()?;
    let bars = readers.iter().enumerate().map(|(at, reader)| {
        let colour = match reader.locks_vma() {
            true => BLUE,
            false => RED,
        };
        let corners = [
            (0.0, SegmentValue::Exact(at)),
            (reader.kept(), SegmentValue::Exact(at + 1)),
        ];
        let mut bar = Rectangle::new(corners, colour.filled());
        bar.set_margin(4, 4, 0, 0);
        bar
    });
    chart.draw_series(bars)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::lines::Line;
    use super::*;

    #[test]
    fn everything_is_in_the_picture() {
        let lines: Vec<Line> = [
            "cost 10 22 walk-vma c 100 10000 5",
            "cost 10 22 walk-vma rust 100 10100 5",
            "cost 60000 60012 walk-vma c 100 10000 5",
            "cost 60000 60012 walk-vma rust 100 10100 5",
            "turn read-mmap c 0 none 10 10 1000",
            "turn read-mmap c 0 elsewhere 10 10 1000",
            "turn read-mmap c 0 here 10 10 4000",
            "turn read-mmap c 0 elsewhere 10 10 1000",
            "turn read-vma c 0 none 10 10 1000",
            "turn read-vma c 0 elsewhere 10 10 1000",
            "turn read-vma c 0 here 10 10 1000",
            "turn read-vma c 0 elsewhere 10 10 1000",
        ]
        .iter()
        .map(|line| Line::parse(line).unwrap())
        .collect();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bench.svg");
        write(&file, &Costs::of(&lines), &Contention::of(&lines)).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        for part in [
            "walk, a VMA lock each, Rust",
            "mmap lock, C",
            "VMA lock, C",
            "<polyline",
            "<rect",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }
}
