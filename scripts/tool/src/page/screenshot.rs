// SPDX-License-Identifier: GPL-2.0

//! Whether there is something to be seen on a screenshot, all the way down.

use super::browser::Window;
use crate::report::Outcome;
use anyhow::{Context, Result};
use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Colours that text alone has, with its edges.
const COLOURS: usize = 8;
/// Pieces of the height, none of which may be empty as far as the page reaches.
const BANDS: usize = 8;

/// What was drawn.
struct Pixels {
    width: usize,
    height: usize,
    /// Red, green and blue, or those and how much of them.
    depth: usize,
    bytes: Vec<u8>,
}

/// Judges a screenshot of a page that is so high.
pub fn judge(file: &Path, window: Window, page_height: usize) -> Result<Outcome> {
    Ok(Pixels::read(file)?.judge(window, page_height))
}

impl Pixels {
    fn read(file: &Path) -> Result<Self> {
        let decode = || -> Result<Self> {
            let mut decoder = png::Decoder::new(BufReader::new(File::open(file)?));
            decoder.set_transformations(png::Transformations::normalize_to_color8());
            let mut reader = decoder.read_info()?;
            let size = reader.output_buffer_size().context("too large")?;
            let mut bytes = vec![0; size];
            let info = reader.next_frame(&mut bytes)?;
            Ok(Self {
                width: info.width as usize,
                height: info.height as usize,
                depth: info.color_type.samples(),
                bytes,
            })
        };
        decode().with_context(|| format!("{}: no screenshot", file.display()))
    }

    fn judge(&self, window: Window, page_height: usize) -> Outcome {
        let mut outcome = Outcome::default();
        let size = (self.width, self.height);
        outcome.check(size == (window.width, window.height), || {
            format!("at {window}: the screenshot has {}x{}", size.0, size.1)
        });
        let colours = self.colours(0, self.height).len();
        outcome.check(colours >= COLOURS, || {
            format!("at {window}: the screenshot has {colours} colours: it is blank or nearly so")
        });
        let reached = self.height.min(page_height);
        let empty = (0..BANDS).find(|band| {
            let row = |band: usize| band * reached / BANDS;
            self.colours(row(*band), row(band + 1)).len() < 2
        });
        outcome.check(empty.is_none(), || {
            let part = empty.unwrap_or_default() + 1;
            format!("at {window}: nothing is drawn in part {part} of {BANDS} of the screenshot, from above")
        });
        outcome
    }

    fn colours(&self, from: usize, to: usize) -> HashSet<&[u8]> {
        let row = self.width * self.depth;
        let rows = self.bytes.get(from * row..to * row).unwrap_or_default();
        let mut pixels: Vec<&[u8]> = rows.chunks_exact(self.depth).collect();
        pixels.dedup();
        pixels.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        width: 16,
        height: 80,
    };

    /// A screenshot whose pixels have the shade that a function gives.
    fn judged(shade: impl Fn(usize, usize) -> u8, page_height: usize) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.png");
        let (width, height) = (WINDOW.width as u32, WINDOW.height as u32);
        let mut encoder = png::Encoder::new(File::create(&file).unwrap(), width, height);
        encoder.set_color(png::ColorType::Rgb);
        let bytes: Vec<u8> = (0..WINDOW.width * WINDOW.height)
            .flat_map(|at| [shade(at % WINDOW.width, at / WINDOW.width); 3])
            .collect();
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&bytes)
            .unwrap();
        judge(&file, WINDOW, page_height).unwrap().failures
    }

    #[test]
    fn what_is_drawn_all_over_passes() {
        assert_eq!(judged(|x, _| x as u8, 80), [""; 0]);
    }

    #[test]
    fn a_blank_one_fails() {
        let failures = judged(|_, _| 255, 80);
        assert_eq!(failures.len(), 2, "{failures:?}");
        assert!(
            failures[0].contains("1 colours: it is blank"),
            "{failures:?}"
        );
        assert!(failures[1].contains("part 1 of 8"), "{failures:?}");
    }

    #[test]
    fn one_that_ends_early_fails_unless_the_page_does() {
        let half = |x: usize, y: usize| if y < 41 { x as u8 } else { 255 };
        let failures = judged(half, 1000);
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].contains("part 6 of 8"), "{failures:?}");
        assert_eq!(judged(half, 40), [""; 0]);
    }

    #[test]
    fn another_size_fails() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.png");
        assert!(judge(&file, WINDOW, 80).is_err());
        let pixels = Pixels {
            width: 10,
            height: 10,
            depth: 3,
            bytes: (0..=255).cycle().take(300).collect(),
        };
        let failures = pixels.judge(WINDOW, 10).failures;
        assert_eq!(failures, ["at 16x80: the screenshot has 10x10"]);
    }
}
