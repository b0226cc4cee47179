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
                .map(|curve| Entry {
                    name: &curve.name,
                    tone: curve.tone,
                    symbol: symbol(curve),
                })
                .collect(),
            height: HEIGHT as u32,
        };
        frame.draw(|area| self.content(area))
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

        for curve in &self.curves {
            let style = style::line(symbol(curve), curve.tone);
            let points: Vec<(i32, i32)> =
                curve.points.iter().map(|(a, b)| (x(*a), y(*b))).collect();
            area.draw(&PathElement::new(points.clone(), style))?;
            for at in points {
                let radius = 2 + style.stroke_width as i32 / 2;
                area.draw(&Circle::new(at, radius, style.color.filled()))?;
            }
        }
        Ok(())
    }
}

fn symbol(curve: &Curve) -> Symbol {
    match curve.broad {
        true => Symbol::BroadLine,
        false => Symbol::Line,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::growth;

    #[test]
    fn every_point_is_on_its_line() {
        let svg = growth().draw().unwrap();
        assert_eq!(svg.matches("<circle").count(), 24);
        // Lines of more than two points, and the corner of the axes.
        let lines = svg.lines().filter(|line| line.starts_with("<polyline"));
        let long = lines.filter(|line| line.matches(',').count() > 2);
        assert_eq!(long.count(), 4 + 1);
    }

    #[test]
    fn axes_and_lines_are_named() {
        let svg = growth().draw().unwrap();
        for text in ["VMAs", "instructions", "walk, C", "look up, Rust", "100k"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}");
        }
    }
}
