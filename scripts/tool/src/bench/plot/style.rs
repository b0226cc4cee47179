// SPDX-License-Identifier: GPL-2.0

//! Colours, marks and text, the same in every picture. The colours are those of Okabe and Ito, which differ for people who
//! see fewer of them, too; where two values may fall together their marks differ as well.

use super::frame::{Area, Drawn};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// In pixels.
pub const TEXT: f64 = 13.0;
pub const SMALL: f64 = 11.0;
const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

pub const BLACK: RGBColor = RGBColor(34, 34, 34);
pub const GREY: RGBColor = RGBColor(150, 150, 150);
pub const PALE: RGBColor = RGBColor(228, 228, 228);

/// Whose value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    C,
    Rust,
    /// Without inline helpers.
    RustCalls,
    /// The API that is in the kernel already.
    Upstream,
    /// One of several that are none of these.
    Other(usize),
}

const OTHERS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(110, 110, 110),
];

impl Tone {
    pub fn colour(self) -> RGBColor {
        match self {
            Self::C => RGBColor(110, 110, 110),
            Self::Rust => RGBColor(0, 114, 178),
            Self::RustCalls => RGBColor(230, 159, 0),
            Self::Upstream => RGBColor(213, 94, 0),
            Self::Other(number) => OTHERS[number % OTHERS.len()],
        }
    }
}

/// The same colour with more light in it.
pub fn pale(RGBColor(red, green, blue): RGBColor) -> RGBColor {
    let lighter = |part: u8| part + (255 - part) / 2;
    RGBColor(lighter(red), lighter(green), lighter(blue))
}

/// How a value is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    Bar,
    Dot,
    Square,
    Cross,
    Line,
    BroadLine,
    /// A point of that.
    BroadDot,
}

/// A font of so many pixels: the SVG backend writes less than it is told.
pub fn font(size: f64) -> FontDesc<'static> {
    FontDesc::new(FontFamily::Name(FAMILY), size * 1.24, FontStyle::Normal)
}

pub fn text(area: &Area, text: &str, at: (i32, i32), size: f64, place: Pos) -> Drawn {
    let style = font(size).color(&BLACK).pos(place);
    area.draw_text(text, &style, at)?;
    Ok(())
}

/// A mark in a row or in the legend, around its place.
pub fn mark(area: &Area, symbol: Symbol, tone: Tone, (x, y): (i32, i32)) -> Drawn {
    let colour = tone.colour();
    match symbol {
        Symbol::Bar => area.draw(&Rectangle::new(
            [(x - 7, y - 5), (x + 7, y + 5)],
            colour.filled(),
        ))?,
        Symbol::Dot => area.draw(&Circle::new((x, y), 4, colour.filled()))?,
        Symbol::BroadDot => area.draw(&Circle::new((x, y), 6, pale(colour).filled()))?,
        Symbol::Square => {
            let corners = [(-6, -6), (6, -6), (6, 6), (-6, 6), (-6, -6)];
            let path = corners.map(|(dx, dy)| (x + dx, y + dy));
            area.draw(&PathElement::new(path, colour.stroke_width(2)))?;
        }
        Symbol::Cross => {
            for path in [
                [(x - 5, y - 5), (x + 5, y + 5)],
                [(x - 5, y + 5), (x + 5, y - 5)],
            ] {
                area.draw(&PathElement::new(path, colour.stroke_width(2)))?;
            }
        }
        Symbol::Line | Symbol::BroadLine => area.draw(&PathElement::new(
            [(x - 8, y), (x + 8, y)],
            line(symbol, tone),
        ))?,
    }
    Ok(())
}

/// How a line is drawn. Where a broad one and another agree, both are seen.
pub fn line(symbol: Symbol, tone: Tone) -> ShapeStyle {
    match symbol {
        Symbol::BroadLine => pale(tone.colour()).stroke_width(7),
        _ => tone.colour().stroke_width(2),
    }
}

/// How wide a text is at most: fonts differ.
pub fn width(text: &str, size: f64) -> f64 {
    let em: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | '|' | '\'' | ' ' | '(' | ')' => 0.42,
            'm' | 'w' | 'M' | 'W' | '%' => 1.02,
            'A'..='Z' => 0.78,
            _ => 0.65,
        })
        .sum();
    em * size
}

/// The text in lines that are no wider than that, cut between words.
pub fn wrapped(text: &str, most: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// A figure with as many digits as tell something.
pub fn number(value: f64) -> String {
    let size = value.abs();
    let plain = |text: String| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    };
    match size {
        _ if size >= 1e9 => plain(format!("{:.1}", value / 1e9)) + "G",
        _ if size >= 1e6 => plain(format!("{:.1}", value / 1e6)) + "M",
        _ if size >= 1e4 => plain(format!("{:.1}", value / 1e3)) + "k",
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 10.0 => plain(format!("{value:.1}")),
        _ => plain(format!("{value:.2}")),
    }
}

pub const LEFT: Pos = Pos {
    h_pos: HPos::Left,
    v_pos: VPos::Center,
};
pub const RIGHT: Pos = Pos {
    h_pos: HPos::Right,
    v_pos: VPos::Center,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let all = [
            (0.0, "0"),
            (0.996, "1"),
            (0.85, "0.85"),
            (12.34, "12.3"),
            (100.4, "100"),
            (9999.0, "9999"),
            (60_000.0, "60k"),
            (1_250_000.0, "1.2M"),
            (3e9, "3G"),
        ];
        for (value, text) in all {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn lines_are_no_wider_than_they_may_be() {
        let text = "some words, of which none is very long by itself";
        let lines = wrapped(text, 120.0, TEXT);
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|line| width(line, TEXT) <= 120.0));
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrapped("unbreakable", 5.0, TEXT), ["unbreakable"]);
    }

    #[test]
    fn languages_differ_in_colour() {
        let tones = [Tone::C, Tone::Rust, Tone::RustCalls, Tone::Upstream];
        for (at, tone) in tones.iter().enumerate() {
            let others = &tones[at + 1..];
            assert!(others.iter().all(|other| other.colour() != tone.colour()));
        }
    }
}
