// SPDX-License-Identifier: GPL-2.0

//! What many processors could do, as a picture.

use super::super::projection::Projection;
use super::super::table;
use crate::bench::plot::curves::{Curve, Curves};
use crate::bench::plot::{Scale, Tone};
use crate::bench::sheet::figure;
use crate::page::Part;
use anyhow::Result;

pub fn picture(projection: &Projection) -> Result<Part> {
    let svg = curves(projection).draw()?;
    Ok(figure("projection", svg, "Projected, not measured"))
}

fn curves(projection: &Projection) -> Curves {
    // C and Rust of one case come one after the other.
    let curves = projection.curves.iter().enumerate().map(|(at, curve)| {
        let processors = projection.processors.iter().map(|count| f64::from(*count));
        Curve {
            name: table::case(curve),
            tone: Tone::Other(at / 2),
            points: processors.zip(curve.rates.iter().copied()).collect(),
            broad: curve.language == "c",
        }
    });
    Curves {
        title: "Looking VMAs up on many processors".to_string(),
        about: "Look-ups per microsecond at most, by what the processors share".to_string(),
        across: "processors".to_string(),
        up: "look-ups per us".to_string(),
        scales: (Scale::Log, Scale::Log),
        curves: curves.collect(),
    }
}
