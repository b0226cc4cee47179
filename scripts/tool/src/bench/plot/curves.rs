// SPDX-License-Identifier: GPL-2.0

//! How something grows with something else, as lines. A broad one is paler, so that another of the same colour is seen on
//! it.

use super::axis::{Axis, Scale};
use super::frame::{Area, Drawn, Entry, Frame, WIDTH};
use super::style::{self, GREY, PALE, RIGHT, SMALL, Symbol, TEXT, Tone};
use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// One line.
pub struct Curve {
    pub name: String,
    pub tone: Tone,
    pub points: Vec<(f64, f64)>,
    pub broad: bool,
}

pub struct Curves {
    pub title: String,
    pub about: String,
    /// What the axis below says.
    pub across: String,
    /// What the axis on the left says.
    pub up: String,
    pub scales: (Scale, Scale),
    pub curves: Vec<Curve>,
}

const HEIGHT: i32 = 420;
/// The area of the lines.
const LEFT: i32 = 72;
const RIGHT_END: i32 = WIDTH as i32 - 40;
const TOP: i32 = 30;
const BOTTOM: i32 = HEIGHT - 56;

impl Curves {
    /// The picture as SVG.
    pub fn draw(&self) -> Result<String> {
        let frame = Frame {
            title: &self.title,
            about: &self.about,
            legend: self
                .curves
                .iter()
                .zip(self.symbols())
                .map(|(curve, symbols)| Entry {
                    name: &curve.name,
                    tone: curve.tone,
                    symbols: symbols.to_vec(),
                })
                .collect(),
            height: HEIGHT as u32,
        };
        frame.draw(|area| self.content(area))
    }

    /// How each line is drawn, and its points: thin ones that agree differ in these.
    fn symbols(&self) -> Vec<[Symbol; 2]> {
        let mut points = [Symbol::Dot, Symbol::Square, Symbol::Cross]
            .into_iter()
            .cycle();
        let curves = self.curves.iter();
        curves
            .map(|curve| match curve.broad {
                true => [Symbol::BroadLine, Symbol::BroadDot],
                false => [Symbol::Line, points.next().unwrap_or(Symbol::Dot)],
            })
            .collect()
    }

    fn content(&self, area: &Area) -> Drawn {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let across = Axis::of(self.scales.0, points().map(|(x, _)| *x));
        let up = Axis::of(self.scales.1, points().map(|(_, y)| *y));
        let x = |value: f64| LEFT + (across.at(value) * f64::from(RIGHT_END - LEFT)) as i32;
        let y = |value: f64| BOTTOM - (up.at(value) * f64::from(BOTTOM - TOP)) as i32;

        let centre = |v_pos| Pos::new(HPos::Center, v_pos);
        for tick in across.ticks(0.07) {
            let at = x(tick);
            area.draw(&PathElement::new([(at, TOP), (at, BOTTOM)], PALE))?;
            let text = style::number(tick);
            style::text(area, &text, (at, BOTTOM + 8), SMALL, centre(VPos::Top))?;
        }
        for tick in up.ticks(0.08) {
            let at = y(tick);
            area.draw(&PathElement::new([(LEFT, at), (RIGHT_END, at)], PALE))?;
            style::text(area, &style::number(tick), (LEFT - 8, at), SMALL, RIGHT)?;
        }
        let corner = [(LEFT, TOP), (LEFT, BOTTOM), (RIGHT_END, BOTTOM)];
        area.draw(&PathElement::new(corner, GREY))?;
        let below = ((LEFT + RIGHT_END) / 2, BOTTOM + 38);
        style::text(area, &self.across, below, TEXT, centre(VPos::Center))?;
        style::text(area, &self.up, (16, TOP - 18), TEXT, style::LEFT)?;

        // The thin ones on the broad ones, and the first of those on the others.
        let mut drawn: Vec<_> = self.curves.iter().zip(self.symbols()).rev().collect();
        drawn.sort_by_key(|(curve, _)| !curve.broad);
        for (curve, [line, point]) in drawn {
            let points: Vec<(i32, i32)> =
                curve.points.iter().map(|(a, b)| (x(*a), y(*b))).collect();
            let style = style::line(line, curve.tone);
            area.draw(&PathElement::new(points.clone(), style))?;
            for at in points {
                style::mark(area, point, curve.tone, at)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::growth;
    use super::*;

    #[test]
    fn every_point_is_marked() {
        let svg = growth().draw().unwrap();
        // Two broad lines, a thin one with dots and one with squares; the legend has one of each mark.
        assert_eq!(svg.matches("<circle").count(), 3 * (6 + 1));
        let corners = |line: &str| line.matches(',').count();
        let paths = |count: usize| {
            let lines = svg.lines().filter(|line| line.starts_with("<polyline"));
            lines.filter(|line| corners(line) == count).count()
        };
        assert_eq!(paths(5), 6 + 1);
        assert_eq!(paths(6), 4);
    }

    #[test]
    fn thin_lines_differ_in_their_points() {
        let mut curves = growth();
        for curve in &mut curves.curves {
            curve.broad = false;
        }
        let points: Vec<Symbol> = curves.symbols().iter().map(|[_, point]| *point).collect();
        assert_ne!(points[0], points[1]);
        assert_ne!(points[1], points[2]);
        assert_ne!(points[0], points[2]);
    }

    #[test]
    fn axes_and_lines_are_named() {
        let svg = growth().draw().unwrap();
        for text in ["VMAs", "instructions", "walk, C", "look up, Rust", "100k"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
    }
}
