// SPDX-License-Identifier: GPL-2.0

//! Compares a page with what a browser without a screen shows of it, in a large window and in that of a phone.

use super::{Contents, Page};
use crate::proc::{self, Event, Logged};
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

const BROWSER: &str = "chromium-headless-shell";
const TIMEOUT: Duration = Duration::from_secs(60);
/// Milliseconds of the page's own clock, which end early if nothing is left to wait for.
const SETTLED: u32 = 10_000;

/// The least size of a screenshot, in thousandths of a byte for each pixel: a blank one compresses to less.
const DRAWN: usize = 10;

pub struct Window {
    width: usize,
    height: usize,
    screenshot: &'static str,
}

pub const LARGE: Window = Window {
    width: 1280,
    height: 2000,
    screenshot: "page.png",
};
const PHONE: Window = Window {
    width: 390,
    height: 844,
    screenshot: "page-phone.png",
};

/// The result of measure.js.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    width: usize,
    shown: Contents,
    problems: Vec<String>,
    /// True if measuring came to its end.
    done: bool,
}

/// Opens the page of a directory in each window. Each problem is a failure.
pub fn check(dir: &Path, page: &Page, log: &Path, progress: &Progress) -> Result<Outcome> {
    let mut outcome = check_in(&LARGE, dir, page, log, progress)?;
    outcome.add(check_in(&PHONE, dir, page, log, progress)?);
    Ok(outcome)
}

pub fn check_in(
    window: &Window,
    dir: &Path,
    page: &Page,
    log: &Path,
    progress: &Progress,
) -> Result<Outcome> {
    Ok(match window.open(dir, log, progress) {
        Ok(verdict) => {
            let mut outcome = window.compare(page, &verdict);
            let size = fs::metadata(dir.join(window.screenshot)).map_or(0, |file| file.len());
            outcome.check(
                size as usize * 1000 > window.width * window.height * DRAWN,
                || format!("at {window}: the screenshot is blank: {size} bytes"),
            );
            outcome
        }
        Err(error) => Outcome::failure(format!("at {window}: {error:#}")),
    })
}

impl Window {
    fn compare(&self, page: &Page, verdict: &Verdict) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.check(verdict.done, || {
            format!("at {self}: measuring the page did not come to its end")
        });
        outcome.check(verdict.width == self.width, || {
            format!("at {self}: the page is {} pixels wide", verdict.width)
        });
        outcome.check(verdict.problems.is_empty(), || {
            format!("at {self}: {}", verdict.problems.join("; "))
        });
        let (there, shown) = (page.contents(), &verdict.shown);
        outcome.check(there == *shown, || {
            format!("at {self}: the page has {there:?}, but shows {shown:?}")
        });
        outcome
    }

    /// Opens index.html of a directory. A browser that crashes before it opens the page gets a second chance.
    fn open(&self, dir: &Path, log: &Path, progress: &Progress) -> Result<Verdict> {
        for _ in 0..2 {
            if let Some(output) = self.run(dir, log)? {
                return verdict(&output)?.with_context(|| {
                    format!("the page did not measure itself: see {}", log.display())
                });
            }
            progress.say(&format!("  {BROWSER} crashed at its start"));
        }
        bail!("{BROWSER} crashes at its start: see {}", log.display())
    }

    /// Returns the page as the browser prints it, or nothing if the browser crashed before that.
    fn run(&self, dir: &Path, log: &Path) -> Result<Option<String>> {
        // A home of its own, so that it neither finds nor leaves anything.
        let home = tempfile::tempdir().context("no directory for the browser")?;
        let screenshot = dir.join(self.screenshot);
        if screenshot.exists() {
            fs::remove_file(&screenshot)
                .with_context(|| format!("{}: cannot be removed", screenshot.display()))?;
        }
        let mut cmd = proc::command(BROWSER);
        cmd.current_dir(dir)
            .env("HOME", home.path())
            // The page is our own and loads nothing; root cannot have a sandbox.
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--hide-scrollbars", "--disable-breakpad"])
            .arg("--disable-dev-shm-usage")
            .arg(format!("--user-data-dir={}", home.path().display()))
            .arg(format!("--virtual-time-budget={SETTLED}"))
            .arg(format!("--window-size={},{}", self.width, self.height))
            .arg(format!("--screenshot={}", screenshot.display()))
            .args(["--dump-dom", "index.html"]);
        let logged = Logged {
            log,
            append: false,
            timeout: Some(TIMEOUT),
        };
        let mut output = String::new();
        let ended = logged.run(cmd, |event| {
            if let Event::Line(line) = event {
                output += line;
                output.push('\n');
            }
        })?;
        if ended.timed_out {
            let seconds = TIMEOUT.as_secs();
            bail!("the browser did not end within {seconds} seconds: is a script in a loop?");
        }
        match (ended.status.success(), output.contains("<html")) {
            (true, _) => Ok(Some(output)),
            (false, false) => Ok(None),
            (false, true) => bail!("the browser crashed: see {}", log.display()),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// Reads the verdict from an attribute of the root element, which is the first that is printed.
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
        .with_context(|| format!("the verdict of the page is malformed: {text}"))?;
    Ok(Some(verdict))
}

#[cfg(test)]
mod tests {
    use super::super::proof::sample;
    use super::*;

    #[test]
    fn reads_the_verdict_of_the_browser() {
        let output = "[1:ERROR] <noise>\n<!DOCTYPE html>\n<html lang=\"en\" data-verdict=\"{\
            &quot;width&quot;:390,&quot;shown&quot;:{&quot;sections&quot;:[&quot;a&quot;],\
            &quot;figures&quot;:[],&quot;tables&quot;:2,&quot;listings&quot;:0},\
            &quot;problems&quot;:[&quot;a: \\&quot;&lt;b&gt; &amp;amp;\\&quot; is cut&quot;],\
            &quot;done&quot;:true}\"><head>\n";
        let verdict = verdict(output).unwrap().unwrap();
        assert_eq!((verdict.width, verdict.shown.tables), (390, 2));
        assert_eq!(verdict.shown.sections, ["a"]);
        assert_eq!(verdict.problems, ["a: \"<b> &amp;\" is cut"]);

        let none = "<html lang=\"en\"><p data-verdict=\"{}\">";
        assert!(super::verdict(none).unwrap().is_none());
        assert!(super::verdict("<html data-verdict=\"{}\">").is_err());
    }

    #[test]
    fn every_difference_is_a_failure() {
        type Change = fn(&mut Verdict);
        let changes: [(Change, &str); 7] = [
            (|_| (), ""),
            (|v| v.done = false, "did not come to its end"),
            (|v| v.width = 500, "is 500 pixels wide"),
            (|v| v.problems.push("x is cut".to_string()), ": x is cut"),
            (|v| drop(v.shown.sections.pop()), "but shows"),
            (|v| v.shown.tables += 1, "tables: 2"),
            (|v| v.shown.listings = 0, "listings: 0"),
        ];
        let page = sample();
        for (change, text) in changes {
            let mut verdict = Verdict {
                width: LARGE.width,
                shown: page.contents(),
                problems: Vec::new(),
                done: true,
            };
            change(&mut verdict);
            let failures = LARGE.compare(&page, &verdict).failures;
            assert_eq!(failures.len(), usize::from(!text.is_empty()));
            assert!(failures.join("").contains(text), "{failures:?}");
        }
    }
}
