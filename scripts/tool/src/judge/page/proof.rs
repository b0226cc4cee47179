// SPDX-License-Identifier: GPL-2.0

//! Tests of the check itself: a page with every kind of part passes, as do charts that are as crowded as they get, and
//! every way to break the page is found.

use super::{PACKAGES, Page, Part, Table, WINDOWS, figure, host, section};
use crate::code::Listing;
use crate::host::Packages;
use crate::judge::{cells, check};
use crate::places::Places;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::Result;
use std::fs;

/// Ways to break a page: a name, the text of which the first occurrence in the HTML is replaced, its replacement, and the
/// expected failure.
#[rustfmt::skip]
const DAMAGES: [(&str, &str, &str, &str); 13] = [
    ("a heading that is too wide", "<h1>", "<h1 style=\"width: 3000px\">", "pixels wider than the window"),
    ("a missing section", "<section id=\"second\">", "<section id=\"other\">", "shows Contents { sections: [\"first\", \"other\"]"),
    ("a broken link", "<a href=\"#second\">", "<a href=\"#nowhere\">", "leads nowhere"),
    ("a chart without a size", "<svg", "<svg style=\"display: none\"", "figures: []"),
    ("a label that is cut", "</svg>", "<text x=\"-99\" y=\"9\">left</text></svg>", "\"left\" is cut"),
    ("labels in one place", "</svg>", "<text x=\"9\" y=\"9\">one</text><text x=\"9\" y=\"9\">two</text></svg>",
     "\"one\" and \"two\" overlap"),
    ("a hidden table", "<table>", "<table hidden>", "tables: 0"),
    ("hidden listings", "<details>", "<details hidden>", "listings: 0"),
    ("a listing that is too wide when it is shown", "<pre", "<pre style=\"width: 3000px\"", "pixels wider than the window"),
    ("a failing script", "</head>", "<script>missing();</script></head>", "missing is not defined"),
    ("an image from elsewhere", "</header>", "<img src=\"http://example.invalid/x.png\"></header>",
     "loads http://example.invalid/x.png"),
    ("no script", "<script>", "<script type=\"text/plain\">", "the page did not measure itself"),
    ("invisible content", "<body>", "<body style=\"opacity: 0\">", "the screenshot is blank"),
];

/// A page with every kind of part.
pub fn sample() -> Page {
    let listing = |heading: &str| Listing {
        heading: heading.to_string(),
        text: format!(
            "{heading}:\n\tmov %rdi, %rax\n\tret{}\n",
            " # long".repeat(20)
        ),
    };
    let rows = [
        cells!["plain", "7"],
        cells!["less than that", "6"],
        cells!["more than that", "8"],
    ];
    let table = Table {
        marks: [(1, "better"), (2, "worse")].into(),
        ..Table::new("Figures", "what | how many", rows)
    };
    let listings = vec![listing("one"), listing("two")];
    Page {
        title: "A page with every kind of part".to_string(),
        intro: "This text has `code` in it, and <no markup>.".to_string(),
        sections: vec![
            section(
                "first",
                "A chart & a table",
                [
                    Part::Text("Words. ".repeat(60)),
                    figure("sample", "Some bars"),
                    table.into(),
                ],
            ),
            section(
                "second",
                "Listings",
                [
                    Part::Listings("`one` beside `two`".to_string(), listings),
                    Part::Text("More words. ".repeat(60)),
                ],
            ),
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
    let charts = names.map(|name| figure(name, "Crowded"));
    Page {
        title: "A chart of each kind".to_string(),
        intro: "None of this was measured.".to_string(),
        sections: vec![section("charts", "Charts", charts)],
    }
}

/// Checks the samples as they are, and one of them broken in every way.
pub fn prove(places: &Places, packages: &Packages, progress: &Progress) -> Result<Outcome> {
    host::require(places, packages, PACKAGES, progress)?;
    let (dir, log) = (places.build.join("page"), places.log("page"));
    let (mut outcome, mut step) = (Outcome::default(), progress.step("page"));
    for (name, page) in [("charts", crowded()), ("sample", sample())] {
        step.advance(name);
        page.write(&dir.join(name))?;
        outcome.add(page.check(&dir.join(name), &log));
    }
    let whole = fs::read_to_string(dir.join("sample/index.html"))?;
    let broken = dir.join("broken");
    fs::create_dir_all(&broken)?;
    for (what, old, new, said) in DAMAGES {
        step.advance(what);
        fs::write(broken.join("index.html"), whole.replacen(old, new, 1))?;
        let failures = sample().check_in(WINDOWS[0], &broken, &log).failures;
        let is_found = whole.contains(old) && failures.iter().any(|failure| failure.contains(said));
        check!(
            outcome,
            is_found,
            "a page with {what} passes, or fails for another reason: {failures:?}"
        );
    }
    Ok(step.ended(outcome))
}
