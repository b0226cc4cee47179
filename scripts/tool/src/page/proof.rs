// SPDX-License-Identifier: GPL-2.0

//! Tests of the check itself: a page with every kind of part passes, as do charts that are as crowded as they get, and
//! every way to break the page is found.

use super::check::{LARGE, check, check_in};
use super::{Listing, Listings, Mark, PURPOSE, Page, Part, Row, Section, Table, columns, figure};
use crate::host::{self, Packages};
use crate::places::Places;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result, bail};
use std::fs;

/// Ways to break a page: a name, the text of which the first occurrence in the HTML is replaced, its replacement, and the
/// expected failure.
const DAMAGES: &str = r##"
a heading that is too wide | <h1> | <h1 style="width: 3000px"> | pixels wider than the window
a missing section | <section id="second"> | <section id="other"> | shows Contents { sections: ["first", "other"]
a broken link | <a href="#second"> | <a href="#nowhere"> | leads nowhere
a chart without a size | <svg | <svg style="display: none" | figures: []
a label that is cut | </svg> | <text x="-99" y="9">left</text></svg> | "left" is cut
labels in one place | </svg> | <text x="9" y="9">one</text><text x="9" y="9">two</text></svg> | "one" and "two" overlap
a hidden table | <table> | <table hidden> | tables: 0
hidden listings | <details> | <details hidden> | listings: 0
a listing that is too wide when it is shown | <pre | <pre style="width: 3000px" | pixels wider than the window
a failing script | </head> | <script>missing();</script></head> | missing is not defined
an image from elsewhere | </header> | <img src="http://example.invalid/x.png"></header> | loads http://example.invalid/x.png
no script | <script> | <script type="text/plain"> | the page did not measure itself
invisible content | <body> | <body style="opacity: 0"> | the screenshot is blank
"##;

/// Checks the samples as they are, and one of them broken in every way.
pub fn prove(places: &Places, packages: &Packages, progress: &Progress) -> Result<Outcome> {
    host::require(places, packages, PURPOSE, progress)?;
    let mut step = progress.step("page");
    let damages = DAMAGES
        .trim()
        .lines()
        .map(|line| line.split(" | ").collect::<Vec<_>>());
    let damages: Vec<_> = damages.collect();
    step.expect(Some(2 + damages.len() as u64));
    let log = places.log("page-sample");
    let dir = places.build.join("page");
    let mut outcome = Outcome::default();
    let pages = [("charts", crowded()), ("sample", sample())];
    for (name, page) in &pages {
        step.advance(name);
        super::write(&dir.join(name), page)?;
        outcome.add(check(&dir.join(name), page, &log, progress)?);
    }

    let file = dir.join("sample/index.html");
    let html =
        fs::read_to_string(&file).with_context(|| format!("{}: cannot be read", file.display()))?;
    let broken = dir.join("broken");
    fs::create_dir_all(&broken).with_context(|| format!("{}: cannot be made", broken.display()))?;
    for damage in damages {
        let [what, from, to, said] = damage[..] else {
            bail!("proof.rs: not four parts: {damage:?}");
        };
        step.advance(what);
        let file = broken.join("index.html");
        fs::write(&file, html.replacen(from, to, 1))
            .with_context(|| format!("{}: cannot be written", file.display()))?;
        let failures = check_in(&LARGE, &broken, &pages[1].1, &log, progress)?.failures;
        outcome.check(
            html.contains(from) && failures.iter().any(|line| line.contains(said)),
            || format!("a page with {what} passes, or fails for another reason: {failures:?}"),
        );
    }
    if outcome.failed == 0 {
        step.done(&outcome.counts());
    }
    Ok(outcome)
}

/// A page with every kind of part.
pub fn sample() -> Page {
    let listing = |heading: &str| Listing {
        heading: heading.to_string(),
        text: format!(
            "{heading}:\n\tmov %rdi, %rax\n\tret{}\n",
            " # long".repeat(20)
        ),
    };
    let row = |cells: [&str; 2], mark| Row {
        cells: cells.map(str::to_string).to_vec(),
        mark,
    };
    Page {
        title: "A page with every kind of part".to_string(),
        intro: "This text has `code` in it, and <no markup>.".to_string(),
        sections: vec![
            Section {
                id: "first".to_string(),
                heading: "A chart & a table".to_string(),
                parts: vec![
                    Part::Text("Words. ".repeat(60)),
                    figure("sample", "Some bars"),
                    Part::Table(Table {
                        caption: "Figures".to_string(),
                        columns: columns(&["what", "how many"]),
                        rows: vec![
                            row(["plain", "7"], None),
                            row(["less than that", "6"], Some(Mark::Better)),
                            row(["more than that", "8"], Some(Mark::Worse)),
                        ],
                    }),
                ],
            },
            Section {
                id: "second".to_string(),
                heading: "Listings".to_string(),
                parts: vec![
                    Part::Listings(Listings {
                        summary: "`one` beside `two`".to_string(),
                        sides: vec![listing("one"), listing("two")],
                    }),
                    Part::Text("More words. ".repeat(60)),
                ],
            },
        ],
    }
}

/// A chart of each kind, as crowded as they get.
fn crowded() -> Page {
    let names = [
        "sample-beside",
        "sample-stacked",
        "sample-dots",
        "sample-curves",
    ];
    Page {
        title: "A chart of each kind".to_string(),
        intro: "None of this was measured.".to_string(),
        sections: vec![Section {
            id: "charts".to_string(),
            heading: "Charts".to_string(),
            parts: names.map(|name| figure(name, "Crowded")).into(),
        }],
    }
}
