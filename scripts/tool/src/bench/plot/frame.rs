// SPDX-License-Identifier: GPL-2.0

//! What every picture has: a title, a line about its units, a legend, and a text for those who do not see it.

use super::style::{self, Symbol, TEXT, Tone};
use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

pub const WIDTH: u32 = 960;
const MARGIN: i32 = 16;
const TITLE: f64 = 18.0;
const LINE: i32 = 22;

/// A name in the legend, with how its values look.
pub struct Entry<'a> {
    pub name: &'a str,
    pub tone: Tone,
    /// One on the other.
    pub symbols: Vec<Symbol>,
}

/// A picture without its content.
pub struct Frame<'a> {
    pub title: &'a str,
    /// Units, and which way is better.
    pub about: &'a str,
    pub legend: Vec<Entry<'a>>,
    /// Of the content.
    pub height: u32,
}

impl Frame<'_> {
    /// The whole picture as SVG; `content` draws what is below the legend.
    pub fn draw(&self, content: impl FnOnce(&Area) -> Drawn) -> Result<String> {
        let mut svg = String::new();
        let head = self.head();
        let height = head.bottom as u32 + self.height;
        let drawn = || -> Drawn {
            let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
            root.fill(&WHITE)?;
            for (text, at, size, weight) in &head.texts {
                let font = style::font(*size).style(*weight).color(&style::BLACK);
                root.draw_text(text, &font, *at)?;
            }
            for (entry, (x, y)) in self.legend.iter().zip(&head.entries) {
                for symbol in &entry.symbols {
                    style::mark(&root, *symbol, entry.tone, (x + 8, *y))?;
                }
                let place = Pos::new(HPos::Left, VPos::Center);
                style::text(&root, entry.name, (x + 24, *y), TEXT, place)?;
            }
            let (_, below) = root.split_vertically(head.bottom);
            content(&below)?;
            root.present()?;
            Ok(())
        };
        drawn().map_err(|e| anyhow!("{}: cannot be drawn: {e}", self.title))?;
        Ok(self.described(&svg))
    }

    /// The picture with what a screen reader says.
    fn described(&self, svg: &str) -> String {
        let said = escaped(&format!("{}. {}", self.title, self.about));
        let title = escaped(self.title);
        let open = format!("<svg role=\"img\" aria-label=\"{said}\" ");
        let svg = svg.replacen("<svg ", &open, 1);
        svg.replacen('>', &format!(">\n<title>{title}</title>"), 1)
    }

    fn head(&self) -> Head {
        let mut head = Head::default();
        let inner = f64::from(WIDTH as i32 - 2 * MARGIN);
        let mut y = MARGIN;
        for line in style::wrapped(self.title, inner, TITLE * 1.1) {
            head.texts.push((line, (MARGIN, y), TITLE, FontStyle::Bold));
            y += LINE + 4;
        }
        for line in style::wrapped(self.about, inner, TEXT) {
            head.texts
                .push((line, (MARGIN, y), TEXT, FontStyle::Normal));
            y += LINE - 4;
        }
        if !self.legend.is_empty() {
            y += 14;
            let mut x = MARGIN;
            for entry in &self.legend {
                let width = 24 + style::width(entry.name, TEXT) as i32 + 20;
                if x > MARGIN && x + width > WIDTH as i32 {
                    x = MARGIN;
                    y += LINE;
                }
                head.entries.push((x, y));
                x += width;
            }
            y += LINE / 2;
        }
        head.bottom = y + 8;
        head
    }
}

/// Where everything above the content is.
#[derive(Default)]
struct Head {
    texts: Vec<(String, (i32, i32), f64, FontStyle)>,
    entries: Vec<(i32, i32)>,
    bottom: i32,
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame<'a>(title: &'a str, names: &[&'a str]) -> Frame<'a> {
        Frame {
            title,
            about: "units",
            legend: names
                .iter()
                .map(|name| Entry {
                    name,
                    tone: Tone::C,
                    symbols: vec![Symbol::Bar],
                })
                .collect(),
            height: 10,
        }
    }

    #[test]
    fn a_picture_says_what_it_is() {
        let svg = frame("a < b & \"c\"", &["one"]).draw(|_| Ok(())).unwrap();
        assert!(
            svg.contains("<title>a &lt; b &amp; &quot;c&quot;</title>"),
            "{svg}"
        );
        assert!(
            svg.contains("aria-label=\"a &lt; b &amp; &quot;c&quot;. units\""),
            "{svg}"
        );
        assert!(svg.trim_end().ends_with("</svg>"), "{svg}");
    }

    #[test]
    fn long_titles_and_legends_take_more_lines() {
        let bottom = |title: &str, names: &[&str]| frame(title, names).head().bottom;
        let long = "words ".repeat(30);
        assert!(bottom(&long, &["x"]) > bottom("words", &["x"]));
        let wide: Vec<&str> = (0..4).map(|_| &long[..60]).collect();
        let head = frame("t", &wide).head();
        assert_eq!(head.entries.len(), 4);
        assert!(head.entries[0].1 < head.entries[3].1);
        assert!(bottom("t", &wide) > bottom("t", &wide[..1]));
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        let error = frame("the title", &[])
            .draw(|_| Err("no".into()))
            .unwrap_err();
        assert_eq!(error.to_string(), "the title: cannot be drawn: no");
    }
}
