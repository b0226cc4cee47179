// SPDX-License-Identifier: GPL-2.0

//! The page as HTML.

use super::{Column, Figure, Listings, Mark, Page, Part, Row, Section, Table};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Nothing comes from anywhere else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("measure.js");

/// One file that needs no other.
pub fn html(page: &Page) -> String {
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
                header {
                    h1 { (page.title) }
                    @for text in &page.intro { p { (prose(text)) } }
                }
                nav aria-label="Contents" {
                    ul {
                        @for section in &page.sections {
                            li { a href={ "#" (section.id) } { (section.heading) } }
                        }
                    }
                }
                main { @for part in &page.sections { (section(part)) } }
            }
        }
    };
    markup.into_string() + "\n"
}

fn section(section: &Section) -> Markup {
    html! {
        section id=(section.id) {
            h2 { (section.heading) }
            @for part in &section.parts {
                @match part {
                    Part::Text(text) => p { (prose(text)) },
                    Part::Figure(part) => (figure(part)),
                    Part::Table(part) => (table(part)),
                    Part::Listings(part) => (listings(part)),
                }
            }
        }
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

fn figure(figure: &Figure) -> Markup {
    html! {
        figure id=(figure.name) {
            div.wide tabindex="0" { (PreEscaped(&figure.svg)) }
            figcaption {
                (prose(&figure.caption)) " ("
                a href={ (figure.name) ".svg" } { "SVG" } ", "
                a href={ (figure.name) ".png" } { "PNG" } ")"
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    let class = |column: Option<&Column>| match column {
        Some(column) if column.is_number => Some("number"),
        _ => None,
    };
    html! {
        div.wide tabindex="0" {
            table {
                caption { (prose(&table.caption)) }
                thead {
                    tr {
                        @for column in &table.columns {
                            th scope="col" class=[class(Some(column))] { (column.name) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr class=[row.mark.map(word)] {
                            @for (at, cell) in row.cells.iter().enumerate() {
                                td class=[class(table.columns.get(at))] {
                                    (cell)
                                    @if at == 0 { (mark(row)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The word beside the colour, for those who do not see that.
fn mark(row: &Row) -> Markup {
    html! { @if let Some(mark) = row.mark { " " span.mark { (word(mark)) } } }
}

fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Better => "better",
        Mark::Worse => "worse",
    }
}

fn listings(listings: &Listings) -> Markup {
    html! {
        details {
            summary { (prose(&listings.summary)) }
            div.sides {
                @for side in &listings.sides {
                    div {
                        h3 { (side.heading) }
                        pre tabindex="0" { (side.text) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::sample;
    use super::*;

    #[test]
    fn text_is_text_and_not_markup() {
        let mut page = sample();
        page.title = "<b>&\"".to_string();
        page.intro = vec!["a `<code>` here".to_string()];
        let html = html(&page);
        assert!(html.contains("<h1>&lt;b&gt;&amp;&quot;</h1>"), "{html}");
        assert!(html.contains("a <code>&lt;code&gt;</code> here"), "{html}");
        assert!(!html.contains("<b>"));
    }

    #[test]
    fn every_part_is_on_the_page() {
        let page = sample();
        let html = html(&page);
        for section in &page.sections {
            assert!(html.contains(&format!("<section id=\"{}\">", section.id)));
            assert!(html.contains(&format!("<a href=\"#{}\">", section.id)));
        }
        for figure in page.figures() {
            assert!(html.contains(&format!("<figure id=\"{}\">", figure.name)));
            assert!(html.contains(&figure.svg));
        }
        assert!(html.contains("<tr class=\"worse\"><td>"), "{html}");
        assert!(html.contains("<span class=\"mark\">worse</span>"), "{html}");
        assert!(html.contains("<td class=\"number\">"), "{html}");
        assert!(html.contains("<details><summary>"), "{html}");
    }

    #[test]
    fn nothing_is_loaded() {
        let html = html(&sample());
        for word in ["src=", "@import", "url(", "<link"] {
            assert!(!html.contains(word), "{word}");
        }
    }
}
