// SPDX-License-Identifier: GPL-2.0

//! A browser without a screen: it opens the page in a window of some size, and leaves what the page found about itself and
//! a screenshot.

use crate::proc::{self, Logged};
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

const BROWSER: &str = "chromium-headless-shell";
const TIMEOUT: Duration = Duration::from_secs(60);
/// Of the page's own clock, in milliseconds: the browser looks no sooner, unless there is nothing left to wait for.
const SETTLED: u32 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub width: usize,
    pub height: usize,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// What measure.js found.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    pub width: usize,
    pub height: usize,
    /// Ids of what has a size on the screen.
    pub sections: Vec<String>,
    pub figures: Vec<String>,
    pub tables: usize,
    pub listings: usize,
    pub problems: Vec<String>,
    /// Whether it came to its end.
    pub done: bool,
}

/// Opens index.html of a directory. A browser that does not even start is started once more, which is said; whatever it
/// finds about the page stands.
pub fn open(
    dir: &Path,
    window: Window,
    screenshot: &Path,
    log: &Path,
    progress: &Progress,
) -> Result<Verdict> {
    let first = run(dir, window, screenshot, log)?;
    let output = match first {
        Some(output) => output,
        None => {
            progress.say(&format!("  {BROWSER} crashed at its start: once more"));
            match run(dir, window, screenshot, log)? {
                Some(output) => output,
                None => bail!("{BROWSER} crashes at its start: see {}", log.display()),
            }
        }
    };
    match verdict(&output)? {
        Some(verdict) => Ok(verdict),
        None => bail!(
            "at {window}: the page did not measure itself: see {}",
            log.display()
        ),
    }
}

/// What it printed, or nothing if it crashed before that.
fn run(dir: &Path, window: Window, screenshot: &Path, log: &Path) -> Result<Option<String>> {
    // A home of its own, so that it neither finds nor leaves anything.
    let home = tempfile::tempdir().context("no directory for the browser")?;
    if screenshot.exists() {
        fs::remove_file(screenshot)
            .with_context(|| format!("{}: cannot be removed", screenshot.display()))?;
    }
    let mut cmd = proc::command(BROWSER);
    cmd.current_dir(dir)
        .env("HOME", home.path())
        // The page is our own and asks for nothing; root could not have a sandbox.
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .args(["--disable-breakpad", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", home.path().display()))
        .arg(format!("--virtual-time-budget={SETTLED}"))
        .arg(format!("--window-size={},{}", window.width, window.height))
        .arg(format!("--screenshot={}", screenshot.display()))
        .args(["--dump-dom", "index.html"]);
    let logged = Logged {
        log,
        append: false,
        timeout: Some(TIMEOUT),
    };
    let mut output = String::new();
    let ended = logged.run(cmd, |event| {
        if let proc::Event::Line(line) = event {
            output += line;
            output.push('\n');
        }
    })?;
    if ended.timed_out {
        let seconds = TIMEOUT.as_secs();
        bail!(
            "at {window}: the browser did not end within {seconds} seconds: does a script on the page?"
        );
    }
    match (ended.status.success(), output.contains("<html")) {
        (true, _) => Ok(Some(output)),
        (false, false) => Ok(None),
        (false, true) => bail!("at {window}: the browser crashed: see {}", log.display()),
    }
}

/// The verdict on the root element, which is the first that is printed.
fn verdict(output: &str) -> Result<Option<Verdict>> {
    let value = output
        .split_once("<html ")
        .and_then(|(_, rest)| rest.split_once('>'))
        .and_then(|(root, _)| root.split_once("data-verdict=\""))
        .and_then(|(_, rest)| rest.split_once('"'));
    let Some((value, _)) = value else {
        return Ok(None);
    };
    let text = value
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&");
    let verdict = serde_json::from_str(&text)
        .with_context(|| format!("what the page found is not understood: {text}"))?;
    Ok(Some(verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_read_as_the_browser_prints_it() {
        let output = "[1:ERROR] <noise>\n<!DOCTYPE html>\n<html lang=\"en\" data-verdict=\"{\
            &quot;width&quot;:390,&quot;height&quot;:900,&quot;sections&quot;:[&quot;a&quot;],\
            &quot;figures&quot;:[],&quot;tables&quot;:2,&quot;listings&quot;:0,\
            &quot;problems&quot;:[&quot;a: \\&quot;&lt;b&gt; &amp;amp;\\&quot; is cut&quot;],\
            &quot;done&quot;:true}\"><head>\n";
        let verdict = verdict(output).unwrap().unwrap();
        assert_eq!(
            (verdict.width, verdict.tables, verdict.done),
            (390, 2, true)
        );
        assert_eq!(verdict.sections, ["a"]);
        assert_eq!(verdict.problems, ["a: \"<b> &amp;\" is cut"]);
    }

    #[test]
    fn a_page_that_says_nothing_has_no_verdict() {
        assert!(
            verdict("<html lang=\"en\"><p data-verdict=\"{}\">")
                .unwrap()
                .is_none()
        );
        assert!(verdict("").unwrap().is_none());
        assert!(verdict("<html data-verdict=\"{}\">").is_err());
    }
}
