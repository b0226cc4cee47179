// SPDX-License-Identifier: GPL-2.0

//! What is on the page, held against what a browser shows of it, in a large window and in that of a phone.

use super::browser::{self, Verdict, Window};
use super::{Page, Part, screenshot};
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::Result;
use std::path::Path;

/// The size of a window, and the file of its screenshot.
const WINDOWS: [(Window, &str); 2] = [
    (
        Window {
            width: 1280,
            height: 2000,
        },
        "page.png",
    ),
    (
        Window {
            width: 390,
            height: 844,
        },
        "page-phone.png",
    ),
];

/// Opens the page of a directory in each window. What is wrong is a failure, a line each.
pub fn check(dir: &Path, page: &Page, log: &Path, progress: &Progress) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for window in 0..WINDOWS.len() {
        outcome.add(check_in(dir, page, window, log, progress)?);
    }
    Ok(outcome)
}

/// The same in one window, by its number.
pub fn check_in(
    dir: &Path,
    page: &Page,
    number: usize,
    log: &Path,
    progress: &Progress,
) -> Result<Outcome> {
    let (window, name) = WINDOWS[number];
    let file = dir.join(name);
    Ok(match browser::open(dir, window, &file, log, progress) {
        Ok(verdict) => {
            let mut outcome = compare(page, &verdict, window);
            outcome.add(screenshot::judge(&file, window, verdict.height)?);
            outcome
        }
        Err(error) => Outcome::failure(format!("{error:#}")),
    })
}

fn compare(page: &Page, verdict: &Verdict, window: Window) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.check(verdict.done, || {
        format!("at {window}: measuring the page did not come to its end")
    });
    outcome.check(verdict.width == window.width, || {
        format!(
            "at {window}: the page is shown {} pixels wide",
            verdict.width
        )
    });
    outcome.check(verdict.problems.is_empty(), || {
        format!("at {window}: {}", verdict.problems.join("; "))
    });
    let sections = page.sections.iter().map(|section| section.id.as_str());
    let figures = page.figures().map(|figure| figure.name.as_str());
    for (what, there, shown) in [
        ("sections", sections.collect::<Vec<_>>(), &verdict.sections),
        ("figures", figures.collect(), &verdict.figures),
    ] {
        outcome.check(shown.iter().eq(&there), || {
            format!("at {window}: not the {what} that there are: {there:?}, but {shown:?}")
        });
    }
    let count = |is: fn(&Part) -> bool| page.parts().filter(|part| is(part)).count();
    for (what, there, shown) in [
        (
            "tables",
            count(|part| matches!(part, Part::Table(_))),
            verdict.tables,
        ),
        (
            "listings",
            count(|part| matches!(part, Part::Listings(_))),
            verdict.listings,
        ),
    ] {
        outcome.check(there == shown, || {
            format!("at {window}: {shown} of {there} {what} are shown")
        });
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::super::proof::sample;
    use super::*;

    const WINDOW: Window = WINDOWS[0].0;

    fn good(page: &Page) -> Verdict {
        let count = |is: fn(&Part) -> bool| page.parts().filter(|part| is(part)).count();
        Verdict {
            width: WINDOW.width,
            height: 3000,
            sections: page.sections.iter().map(|s| s.id.clone()).collect(),
            figures: page.figures().map(|f| f.name.clone()).collect(),
            tables: count(|part| matches!(part, Part::Table(_))),
            listings: count(|part| matches!(part, Part::Listings(_))),
            problems: Vec::new(),
            done: true,
        }
    }

    fn failures(change: impl FnOnce(&mut Verdict)) -> Vec<String> {
        let page = sample();
        let mut verdict = good(&page);
        change(&mut verdict);
        compare(&page, &verdict, WINDOW).failures
    }

    #[test]
    fn what_is_shown_as_it_is_passes() {
        assert_eq!(failures(|_| ()), [""; 0]);
    }

    #[test]
    fn everything_that_differs_is_one_failure() {
        type Change = fn(&mut Verdict);
        let changes: [(Change, &str); 7] = [
            (|v| v.done = false, "did not come to its end"),
            (|v| v.width = 500, "shown 500 pixels wide"),
            (|v| v.problems.push("x is cut".to_string()), ": x is cut"),
            (|v| drop(v.sections.pop()), "not the sections"),
            (|v| v.figures.clear(), "not the figures"),
            (|v| v.tables += 1, "2 of 1 tables"),
            (|v| v.listings = 0, "0 of 1 listings"),
        ];
        for (change, text) in changes {
            let found = failures(change);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("at 1280x2000: "), "{found:?}");
            assert!(found[0].contains(text), "{found:?}");
        }
    }
}
