// SPDX-License-Identifier: GPL-2.0

//! How many times as much as something else: a mark for each series, all of a row on one line, on an axis around 1.

use super::axis::Axis;
use super::frame::{Area, Drawn, Entry, Frame};
use super::rows::{Group, Layout, Place, Row};
use super::style::{self, BLACK, LEFT, PALE, SMALL, Symbol, Tone};
use anyhow::Result;
use plotters::prelude::*;

/// Further values are beyond the end of the axis, with their figure.
const FURTHEST: f64 = 4.0;
const ROW: i32 = 18;
/// Half of what a mark takes.
const MARK: i32 = 11;

/// One kind of ratio.
pub struct Series {
    pub name: String,
    pub tone: Tone,
    pub symbol: Symbol,
}

pub struct Dots {
    pub title: String,
    pub about: String,
    /// What the axis says.
    pub unit: String,
    pub series: Vec<Series>,
    pub groups: Vec<Group>,
}

impl Dots {
    /// The picture as SVG.
    pub fn draw(&self) -> Result<String> {
        let rows = || self.groups.iter().flat_map(|group| &group.rows);
        let values = rows().flat_map(|row| row.values.iter().flatten());
        let shown = values.map(|value| value.median.min(FURTHEST));
        let axis = Axis::ratio(shown);
        let layout = Layout {
            groups: &self.groups,
            row_height: ROW,
            axis,
            ticks: axis.ratio_ticks(0.06),
            unit: &self.unit,
            right: rows().map(beyond).max().unwrap_or(0),
        };
        let frame = Frame {
            title: &self.title,
            about: &self.about,
            legend: self
                .series
                .iter()
                .map(|series| Entry {
                    name: &series.name,
                    tone: series.tone,
                    symbols: vec![series.symbol],
                })
                .collect(),
            height: layout.height(),
        };
        frame.draw(|area| layout.draw(area, |area, place| self.row(area, place)))
    }

    fn row(&self, area: &Area, place: &Place) -> Drawn {
        let (left, right) = place.ends;
        let y = place.y;
        area.draw(&PathElement::new([(left, y), (right, y)], PALE))?;
        // Each row has its piece of the line that says 1.
        let one = place.x(1.0);
        let piece = [(one, y - ROW / 2), (one, y + ROW / 2)];
        area.draw(&PathElement::new(piece, BLACK))?;
        // The first is drawn last, so that nothing hides it.
        let all = self.series.iter().zip(&place.row.values).rev();
        let mut free = right;
        for (series, value) in all.filter_map(|(series, value)| Some((series, (*value)?.median))) {
            if value > FURTHEST {
                style::mark(area, series.symbol, series.tone, (free + MARK, y))?;
                let text = (free + 2 * MARK, y);
                style::text(area, &style::number(value), text, SMALL, LEFT)?;
                free += width(value);
            } else {
                let at = (place.x(value), y);
                style::mark(area, series.symbol, series.tone, at)?;
            }
        }
        Ok(())
    }
}

/// What a row needs beyond the end of the axis.
fn beyond(row: &Row) -> i32 {
    let values = row.values.iter().flatten().map(|value| value.median);
    values.filter(|value| *value > FURTHEST).map(width).sum()
}

/// What a value needs there, with its mark.
fn width(value: f64) -> i32 {
    2 * MARK + style::width(&style::number(value), SMALL) as i32
}

#[cfg(test)]
mod tests {
    use super::super::sample::ratios;
    use super::*;

    #[test]
    fn every_value_has_its_mark() {
        let svg = ratios(9).draw().unwrap();
        // And one in the legend; the first costs nothing, and has none.
        assert_eq!(svg.matches("<circle").count(), 8 + 1);
        assert!(
            svg.contains("vma-operation-8<") || svg.contains("vma-operation-8\n"),
            "{svg}"
        );
    }

    #[test]
    fn what_is_too_far_away_has_its_figure() {
        let mut dots = ratios(2);
        dots.groups[0].rows[1].values[2] = Some(37.0.into());
        let svg = dots.draw().unwrap();
        assert!(svg.contains("\n37\n"), "{svg}");
    }

    #[test]
    fn more_rows_make_it_taller() {
        let height = |svg: String| -> u32 {
            let rest = svg.split_once("height=\"").unwrap().1;
            rest.split_once('"').unwrap().0.parse().unwrap()
        };
        let (few, many) = (ratios(10).draw().unwrap(), ratios(90).draw().unwrap());
        assert!(height(many) > height(few) + 80 * ROW as u32);
    }
}
