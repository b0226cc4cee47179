// SPDX-License-Identifier: GPL-2.0

//! A picture in files: as it is drawn, and in pixels for whoever cannot show that.

use super::Figure;
use crate::proc;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

const CONVERTER: &str = "rsvg-convert";
/// Pixels of the PNG for one of the SVG, in each direction.
const ZOOM: &str = "2";

/// Writes NAME.svg and NAME.png.
pub fn write(dir: &Path, figure: &Figure) -> Result<()> {
    let name = &figure.name;
    if !figure.svg.trim_start().starts_with("<svg ") {
        bail!("{name}: no SVG");
    }
    let svg = dir.join(format!("{name}.svg"));
    fs::write(&svg, &figure.svg)
        .with_context(|| format!("{}: cannot be written", svg.display()))?;
    let png = dir.join(format!("{name}.png"));
    let mut cmd = proc::command(CONVERTER);
    cmd.args(["--zoom", ZOOM, "--output"]).arg(&png).arg(&svg);
    let output = proc::output(cmd)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().next().unwrap_or("no reason given");
        bail!("{}: {CONVERTER}: {first}", svg.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_svg_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let figure = Figure {
            name: "x".to_string(),
            svg: "<p>".to_string(),
            caption: String::new(),
        };
        let error = write(dir.path(), &figure).unwrap_err();
        assert_eq!(error.to_string(), "x: no SVG");
    }
}
