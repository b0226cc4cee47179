// SPDX-License-Identifier: GPL-2.0

//! That a page is checked: one with something of everything passes, and each way to break it is found.

use super::check::{check, check_in};
use super::{Column, Figure, Listing, Listings, Mark, PURPOSE, Page, Part, Row, Section, Table};
use crate::host::{self, Packages};
use crate::places::Places;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result};
use std::fs;

/// A way to break a page, and what is then said.
struct Damage {
    what: &'static str,
    /// The first place of this in the HTML...
    from: &'static str,
    /// ...becomes that.
    to: &'static str,
    said: &'static str,
}

const DAMAGES: &[Damage] = &[
    Damage {
        what: "a heading that is too wide",
        from: "<h1>",
        to: "<h1 style=\"width: 3000px\">",
        said: "pixels wider than the window",
    },
    Damage {
        what: "a section that is not there",
        from: "<section id=\"second\">",
        to: "<section id=\"other\">",
        said: "not the sections that there are",
    },
    Damage {
        what: "a link that leads nowhere",
        from: "<a href=\"#second\">",
        to: "<a href=\"#nowhere\">",
        said: "leads nowhere",
    },
    Damage {
        what: "a picture without a size",
        from: "<svg ",
        to: "<svg style=\"display: none\" ",
        said: "not the figures that there are",
    },
    Damage {
        what: "a label that is cut",
        from: "<text x=\"20\"",
        to: "<text x=\"-9\"",
        said: "\"first\" is cut",
    },
    Damage {
        what: "labels in one place",
        from: "y=\"80\"",
        to: "y=\"44\"",
        said: "\"first\" and \"second\" lie on each other",
    },
    Damage {
        what: "a table that is hidden",
        from: "<table>",
        to: "<table hidden>",
        said: "0 of 1 tables are shown",
    },
    Damage {
        what: "listings that are hidden",
        from: "<details>",
        to: "<details hidden>",
        said: "0 of 1 listings are shown",
    },
    Damage {
        what: "a listing that is too wide when it is shown",
        from: "<pre ",
        to: "<pre style=\"width: 3000px\" ",
        said: "pixels wider than the window",
    },
    Damage {
        what: "a script that fails",
        from: "</head>",
        to: "<script>missing();</script></head>",
        said: "script: Uncaught ReferenceError: missing is not defined",
    },
    Damage {
        what: "something from elsewhere",
        from: "</header>",
        to: "<img src=\"http://example.invalid/x.png\"></header>",
        said: "asks for http://example.invalid/x.png",
    },
    Damage {
        what: "no script",
        from: "<script>",
        to: "<script type=\"text/plain\">",
        said: "the page did not measure itself",
    },
    Damage {
        what: "nothing to see",
        from: "<body>",
        to: "<body style=\"opacity: 0\">",
        said: "it is blank or nearly so",
    },
];

/// Checks the sample as it is, and broken in every way.
pub fn prove(places: &Places, packages: &Packages, progress: &Progress) -> Result<Outcome> {
    host::require(places, packages, PURPOSE, progress)?;
    let mut step = progress.step("page");
    step.expect(Some(1 + DAMAGES.len() as u64));
    let page = sample();
    let dir = places.build.join("page");
    let log = places.log("page-sample");
    let file = super::write(&dir, &page)?;
    step.advance("as it is");
    let mut outcome = check(&dir, &page, &log, progress)?;

    let html =
        fs::read_to_string(&file).with_context(|| format!("{}: has gone", file.display()))?;
    let broken = dir.join("broken");
    fs::create_dir_all(&broken).with_context(|| format!("{}: cannot be made", broken.display()))?;
    for damage in DAMAGES {
        step.advance(damage.what);
        let file = broken.join("index.html");
        fs::write(&file, html.replacen(damage.from, damage.to, 1))
            .with_context(|| format!("{}: cannot be written", file.display()))?;
        let failures = check_in(&broken, &page, 0, &log, progress)?.failures;
        outcome.check(
            failures.iter().any(|line| line.contains(damage.said)),
            || {
                format!(
                    "a page with {} is taken for a good one: {failures:?}",
                    damage.what
                )
            },
        );
    }
    if outcome.failed == 0 {
        step.done(&outcome.counts());
    }
    Ok(outcome)
}

/// Something of everything that a page can have.
pub fn sample() -> Page {
    let svg = "<svg role=\"img\" aria-label=\"two bars\" width=\"960\" height=\"120\" viewBox=\"0 0 960 120\" \
               xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" font-size=\"18\">\
               <text x=\"20\" y=\"44\">first</text><rect x=\"140\" y=\"30\" width=\"700\" height=\"18\" fill=\"#0072b2\"/>\
               <text x=\"20\" y=\"80\">second</text><rect x=\"140\" y=\"66\" width=\"400\" height=\"18\" fill=\"#d55e00\"/>\
               </svg>";
    let column = |name: &str, is_number| Column {
        name: name.to_string(),
        is_number,
    };
    let row = |cells: [&str; 2], mark| Row {
        cells: cells.map(str::to_string).to_vec(),
        mark,
    };
    let listing = |heading: &str| Listing {
        heading: heading.to_string(),
        text: format!(
            "{heading}:\n\tmov %rdi, %rax\n\tret{}\n",
            " # long".repeat(20)
        ),
    };
    Page {
        title: "A page with something of everything".to_string(),
        intro: vec!["Its text has `code` in it, and <no markup>.".to_string()],
        sections: vec![
            Section {
                id: "first".to_string(),
                heading: "A picture & a table".to_string(),
                parts: vec![
                    Part::Text("Words. ".repeat(60)),
                    Part::Figure(Figure {
                        name: "two-bars".to_string(),
                        svg: svg.to_string(),
                        caption: "Two bars".to_string(),
                    }),
                    Part::Table(Table {
                        caption: "Figures".to_string(),
                        columns: vec![column("what", false), column("how many", true)],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::render;

    #[test]
    fn every_damage_does_something() {
        let html = render::html(&sample());
        for damage in DAMAGES {
            assert!(html.contains(damage.from), "{}", damage.what);
        }
    }
}
