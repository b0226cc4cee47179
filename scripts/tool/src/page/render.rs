// SPDX-License-Identifier: GPL-2.0

//! The page as HTML.

use super::{Column, Mark, Page, Part, Row, Table};
use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeMap;

/// Nothing is loaded from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("measure.js");

/// Returns one file that needs no other. `svg` returns the picture with a name.
pub fn html(page: &Page, svg: impl Fn(&str) -> Result<String>) -> Result<String> {
    let figures = page.figures();
    let svgs = figures.map(|figure| Ok((figure.name.as_str(), svg(&figure.name)?)));
    let svgs: BTreeMap<&str, String> = svgs.collect::<Result<_>>()?;
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (page.title) }
                style { (PreEscaped(STYLE)) }
                script { (PreEscaped(SCRIPT)) }
            }
            body {
                header { h1 { (page.title) } p { (prose(&page.intro)) } }
                nav aria-label="Contents" {
                    ul {
                        @for section in &page.sections {
                            li { a href={ "#" (section.id) } { (section.heading) } }
                        }
                    }
                }
                main {
                    @for section in &page.sections {
                        section id=(section.id) {
                            h2 { (section.heading) }
                            @for part in &section.parts { (self::part(part, &svgs)) }
                        }
                    }
                }
            }
        }
    };
    Ok(markup.into_string() + "\n")
}

fn part(part: &Part, svgs: &BTreeMap<&str, String>) -> Markup {
    match part {
        Part::Text(text) => html! { p { (prose(text)) } },
        Part::Figure(figure) => html! {
            figure id=(figure.name) {
                div.wide tabindex="0" { (PreEscaped(&svgs[figure.name.as_str()])) }
                figcaption {
                    (prose(&figure.caption)) " ("
                    a href={ (figure.name) ".svg" } { "SVG" } ", "
                    a href={ (figure.name) ".png" } { "PNG" } ")"
                }
            }
        },
        Part::Table(table) => self::table(table),
        Part::Listings(listings) => html! {
            details {
                summary { (prose(&listings.summary)) }
                div.sides {
                    @for side in &listings.sides {
                        div { h3 { (side.heading) } pre tabindex="0" { (side.text) } }
                    }
                }
            }
        },
    }
}

/// Every other piece between backticks is code.
fn prose(text: &str) -> Markup {
    html! {
        @for (at, piece) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

fn table(table: &Table) -> Markup {
    html! {
        div.wide tabindex="0" {
            table {
                caption { (prose(&table.caption)) }
                thead {
                    tr {
                        @for column in &table.columns {
                            th scope="col" class=[class(column)] { (column.name) }
                        }
                    }
                }
                tbody {
                    @for Row { cells, mark } in &table.rows {
                        tr class=[mark.map(word)] {
                            @for (at, (cell, column)) in cells.iter().zip(&table.columns).enumerate() {
                                td class=[class(column)] {
                                    (cell)
                                    // The word as well as the colour.
                                    @if let (0, Some(mark)) = (at, mark) { " " small { (word(*mark)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn class(column: &Column) -> Option<&'static str> {
    column.is_number.then_some("number")
}

fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Better => "better",
        Mark::Worse => "worse",
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::sample;
    use super::*;

    fn rendered(page: &Page) -> String {
        html(page, |name| Ok(format!("<svg>{name}</svg>"))).unwrap()
    }

    #[test]
    fn text_is_escaped() {
        let mut page = sample();
        page.title = "<b>&\"".to_string();
        page.intro = "a `<code>` here".to_string();
        let html = rendered(&page);
        assert!(html.contains("<h1>&lt;b&gt;&amp;&quot;</h1>"), "{html}");
        assert!(html.contains("a <code>&lt;code&gt;</code> here"), "{html}");
        assert!(!html.contains("<b>"));
    }

    #[test]
    fn page_is_complete_and_loads_nothing() {
        let html = rendered(&sample());
        for part in [
            "<a href=\"#first\">A chart &amp; a table</a>",
            "<section id=\"second\">",
            "<figure id=\"sample\">",
            "<svg>sample</svg>",
            "<tr class=\"worse\"><td>more than that <small>worse</small></td><td class=\"number\">8</td>",
            "<details><summary><code>one</code> beside",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        for word in ["src=", "@import", "url(", "<link"] {
            assert!(!html.contains(word), "{word}");
        }
    }
}
