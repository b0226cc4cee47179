// SPDX-License-Identifier: GPL-2.0

//! Bars in rows: one below the other, to compare series, or one after the other, where they are parts of a whole.

use super::axis::{Axis, Scale};
use super::frame::{Area, Drawn, Entry, Frame};
use super::rows::{Group, Layout, Place, Row};
use super::style::{self, BLACK, LEFT, SMALL, Symbol, Tone};
use anyhow::Result;
use plotters::prelude::*;

/// One kind of bar.
pub struct Series {
    pub name: String,
    pub tone: Tone,
}

/// How the bars of a row lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Beside,
    Stacked,
}

pub struct Bars {
    pub title: String,
    pub about: String,
    /// What the axis says.
    pub unit: String,
    pub kind: Kind,
    pub scale: Scale,
    pub series: Vec<Series>,
    pub groups: Vec<Group>,
}

impl Bars {
    /// The picture as SVG.
    pub fn draw(&self) -> Result<String> {
        let rows = || self.groups.iter().flat_map(|group| &group.rows);
        let axis = match self.kind {
            Kind::Stacked => Axis::of(self.scale, rows().map(total)),
            Kind::Beside => {
                let values = rows().flat_map(|row| row.values.iter().flatten());
                Axis::of(self.scale, values.flat_map(|v| [v.median, v.high]))
            }
        };
        let figures = rows().flat_map(|row| self.figures(row));
        let right = figures
            .map(|text| style::width(&text, SMALL))
            .fold(0.0, f64::max);
        let layout = Layout {
            groups: &self.groups,
            row_height: self.row_height(),
            axis,
            ticks: axis.ticks(0.08),
            unit: &self.unit,
            right: right as i32,
        };
        let frame = Frame {
            title: &self.title,
            about: &self.about,
            legend: self.legend(),
            height: layout.height(),
        };
        frame.draw(|area| layout.draw(area, |area, place| self.row(area, place)))
    }

    /// One series needs none.
    fn legend(&self) -> Vec<Entry<'_>> {
        let series = self.series.iter().filter(|_| self.series.len() > 1);
        series
            .map(|series| Entry {
                name: &series.name,
                tone: series.tone,
                symbols: vec![Symbol::Bar],
            })
            .collect()
    }

    fn lanes(&self) -> i32 {
        match self.kind {
            Kind::Stacked => 1,
            Kind::Beside => self.series.len().max(1) as i32,
        }
    }

    /// Of a bar. Up to two share a line of text.
    fn thickness(&self) -> i32 {
        match self.lanes() {
            1 => 12,
            2 => 7,
            _ => 12,
        }
    }

    fn row_height(&self) -> i32 {
        self.lanes() * (self.thickness() + 1) + 6
    }

    /// What is written to the right of a row's bars: of all that share a line, or of each.
    fn figures(&self, row: &Row) -> Vec<String> {
        let one = |value: &Option<_>| match value {
            Some(super::rows::Value { median, .. }) => style::number(*median),
            None => "-".to_string(),
        };
        match (self.kind, self.lanes()) {
            (Kind::Stacked, _) => vec![style::number(total(row))],
            (_, 1 | 2) => {
                let all: Vec<String> = row.values.iter().map(one).collect();
                vec![all.join(" | ")]
            }
            _ => row.values.iter().map(one).collect(),
        }
    }

    fn row(&self, area: &Area, place: &Place) -> Drawn {
        let mut ends = Vec::new();
        let pitch = self.thickness() + 1;
        let top = place.y - self.lanes() * pitch / 2;
        let mut sum = 0.0;
        for (at, (series, value)) in self.series.iter().zip(&place.row.values).enumerate() {
            let lane = if self.kind == Kind::Stacked {
                0
            } else {
                at as i32
            };
            let y = top + lane * pitch;
            let Some(value) = value else {
                ends.push((place.ends.0, y));
                continue;
            };
            let from = match self.kind {
                Kind::Stacked if sum > 0.0 => place.x(sum),
                _ => place.ends.0,
            };
            sum += value.median;
            let to = match self.kind {
                Kind::Stacked => place.x(sum),
                Kind::Beside => place.x(value.median),
            };
            let corners = [(from, y), (to, y + self.thickness())];
            area.draw(&Rectangle::new(corners, series.tone.colour().filled()))?;
            let middle = y + self.thickness() / 2;
            let (low, high) = (place.x(value.low), place.x(value.high));
            if self.kind == Kind::Beside && high > low + 1 {
                area.draw(&PathElement::new([(low, middle), (high, middle)], BLACK))?;
                for end in [low, high] {
                    let stroke = [(end, middle - 3), (end, middle + 3)];
                    area.draw(&PathElement::new(stroke, BLACK))?;
                }
            }
            ends.push((to.max(high), y));
        }
        let figures = self.figures(place.row);
        let furthest = ends.iter().map(|(x, _)| *x).max().unwrap_or(place.ends.0);
        if let [figure] = &figures[..] {
            return style::text(area, figure, (furthest + 6, place.y), SMALL, LEFT);
        }
        for (figure, (x, y)) in figures.iter().zip(ends) {
            let at = (x + 6, y + self.thickness() / 2);
            style::text(area, figure, at, SMALL, LEFT)?;
        }
        Ok(())
    }
}

fn total(row: &Row) -> f64 {
    row.values.iter().flatten().map(|value| value.median).sum()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{costs, parts, rates};

    #[test]
    fn every_value_has_its_bar_and_figure() {
        let svg = costs(12).draw().unwrap();
        // The background, two in the legend, and the bars.
        assert_eq!(svg.matches("<rect").count(), 1 + 2 + 24);
        assert!(
            svg.contains("\n0 | 0\n") && svg.contains("\n1331 | 1278\n"),
            "{svg}"
        );
    }

    #[test]
    fn a_value_that_is_missing_is_no_bar() {
        let svg = rates().draw().unwrap();
        let missing = 2;
        assert_eq!(svg.matches("<rect").count(), 1 + 4 + 16 - missing);
        assert_eq!(svg.matches("\n-\n").count(), missing);
    }

    #[test]
    fn parts_follow_each_other() {
        let svg = parts().draw().unwrap();
        let bars: Vec<(i32, i32)> = svg
            .lines()
            .filter(|line| line.starts_with("<rect") && line.contains("height=\"12\""))
            .map(|line| {
                let figure = |name: &str| -> i32 {
                    let rest = line.split_once(&format!(" {name}=\"")).unwrap().1;
                    rest.split_once('"').unwrap().0.parse().unwrap()
                };
                (figure("x"), figure("width"))
            })
            .collect();
        assert_eq!(bars.len(), 6);
        assert_eq!(bars[3].0 + bars[3].1, bars[5].0);
        assert!(svg.contains("\n3\n"), "{svg}");
    }
}
