// SPDX-License-Identifier: GPL-2.0

//! Rows in groups, with what they are called on the left and an axis above and below them.

use super::axis::Axis;
use super::frame::{Area, Drawn, WIDTH};
use super::style::{self, GREY, LEFT, PALE, RIGHT, SMALL, TEXT};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A value, with the least and the most that it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self {
            median: value,
            low: value,
            high: value,
        }
    }
}

/// A row, with a value for each series, or none.
#[derive(Clone, Debug)]
pub struct Row {
    pub label: String,
    pub values: Vec<Option<Value>>,
}

/// Rows that belong together; a group without a name is only set apart.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub rows: Vec<Row>,
}

/// How the rows lie.
pub struct Layout<'a> {
    pub groups: &'a [Group],
    pub row_height: i32,
    pub axis: Axis,
    pub ticks: Vec<f64>,
    pub unit: &'a str,
    /// What stays free to the right of the axis, for figures.
    pub right: i32,
}

/// A row's place.
pub struct Place<'a> {
    pub row: &'a Row,
    /// Of its middle.
    pub y: i32,
    /// Where the axis begins and ends.
    pub ends: (i32, i32),
    axis: Axis,
}

impl Place<'_> {
    pub fn x(&self, value: f64) -> i32 {
        let (left, right) = self.ends;
        left + (self.axis.at(value) * f64::from(right - left)).round() as i32
    }
}

const MARGIN: i32 = 16;
/// For the axis and its unit, above and below.
const AXIS: i32 = 24;
const UNIT: i32 = 22;
const NAME: i32 = 26;
const BETWEEN: i32 = 8;

impl Layout<'_> {
    pub fn height(&self) -> u32 {
        let groups = self.groups.iter();
        let rows: i32 = groups.map(|group| self.height_of(group)).sum();
        (rows + 2 * AXIS + UNIT) as u32
    }

    fn height_of(&self, group: &Group) -> i32 {
        let name = if group.name.is_empty() { 0 } else { NAME };
        name + group.rows.len() as i32 * self.row_height + BETWEEN
    }

    fn ends(&self) -> (i32, i32) {
        let rows = self.groups.iter().flat_map(|group| &group.rows);
        let label = rows
            .map(|row| style::width(&row.label, TEXT))
            .fold(60.0, f64::max);
        let left = MARGIN + 12 + label.min(0.5 * f64::from(WIDTH)) as i32 + 8;
        (left, WIDTH as i32 - MARGIN - 8 - self.right)
    }

    /// Draws axis and labels, and has `paint` draw the values of each row.
    pub fn draw(&self, area: &Area, paint: impl Fn(&Area, &Place) -> Drawn) -> Drawn {
        let ends = self.ends();
        let bottom = self.height() as i32 - AXIS - UNIT;
        let at = |value: f64| ends.0 + (self.axis.at(value) * f64::from(ends.1 - ends.0)) as i32;
        for tick in &self.ticks {
            let x = at(*tick);
            area.draw(&PathElement::new([(x, AXIS), (x, bottom)], PALE))?;
            let centre = |v_pos| Pos::new(HPos::Center, v_pos);
            let text = style::number(*tick);
            style::text(area, &text, (x, AXIS - 6), SMALL, centre(VPos::Bottom))?;
            style::text(area, &text, (x, bottom + 8), SMALL, centre(VPos::Top))?;
        }
        for y in [AXIS, bottom] {
            area.draw(&PathElement::new([(ends.0, y), (ends.1, y)], GREY))?;
        }
        let middle = ((ends.0 + ends.1) / 2, bottom + AXIS + 10);
        let centre = Pos::new(HPos::Center, VPos::Center);
        style::text(area, self.unit, middle, TEXT, centre)?;

        let mut y = AXIS + BETWEEN / 2;
        for group in self.groups {
            if !group.name.is_empty() {
                let font = style::font(TEXT)
                    .style(FontStyle::Bold)
                    .color(&style::BLACK);
                let name = (MARGIN, y + NAME / 2);
                area.draw_text(&group.name, &font.pos(LEFT), name)?;
                y += NAME;
            }
            for row in &group.rows {
                let place = Place {
                    row,
                    y: y + self.row_height / 2,
                    ends,
                    axis: self.axis,
                };
                style::text(area, &row.label, (ends.0 - 8, place.y), TEXT, RIGHT)?;
                paint(area, &place)?;
                y += self.row_height;
            }
            y += BETWEEN;
        }
        Ok(())
    }
}
