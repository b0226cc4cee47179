// SPDX-License-Identifier: GPL-2.0

//! The table of bugs as one HTML file that needs no other.

use super::clang::Analysed;
use super::data::{Answer, Verdict};
use super::{Ours, Row};
use html_escape::encode_text;
use std::fmt::Write;

/// Nothing is loaded from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const COLUMNS: [&str; 6] = [
    "mistake",
    "these types",
    "lockdep",
    "KASAN",
    "Clang's context analysis",
    "upstream's untyped API",
];

/// The page of all rows. `controls` is the number of reports about the programs that must be reported.
pub fn page(rows: &[Row], clang: &Analysed, controls: usize, version: &str, style: &str) -> String {
    let heads: String = COLUMNS
        .iter()
        .map(|name| format!("<th>{name}</th>"))
        .collect();
    let body: String = rows.iter().map(row).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Bugs around VMAs</title><style>\n{style}</style></head><body>\n\
         <h1>Bugs around VMAs, and what finds them</h1>\n{}\
         <table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table>\n</body></html>\n",
        intro(rows, clang, controls, version)
    )
}

fn intro(rows: &[Row], clang: &Analysed, controls: usize, version: &str) -> String {
    let count = |ours: Ours| rows.iter().filter(|row| row.ours == ours).count();
    let unfound = rows.iter().filter(|row| finds_nothing(row)).count();
    let answers = |of: fn(&Row) -> &Option<Answer>| {
        let all = rows.iter().filter_map(|row| of(row).as_ref());
        all.filter(|answer| answer.is_measured()).count()
    };
    let lockdep = rows.iter().filter(|row| row.bug.lockdep.case.is_some());
    let mut text = String::new();
    let mut say = |line: String| text += &format!("<p>{}</p>\n", inline(&line));
    say(format!(
        "{} mistakes, Linux {version}. With these types rustc rejects {}. {} compile, of which nothing finds {unfound} when \
         the code runs. {} are in the lock itself or inside of the abstraction, where a test is named.",
        rows.len(),
        count(Ours::Rejected),
        count(Ours::Compiles),
        count(Ours::Tested),
    ));
    say(format!(
        "Answers marked \"measured\" come from a test: {} of lockdep by `make lockdep-test`; {} of Clang {} and {} of \
         upstream's API by this run. The other answers are read from the kernel's source or documentation. Lockdep and \
         KASAN see a mistake only in a kernel that is built with them, and only when the code runs.",
        lockdep.count(),
        answers(|row| &row.clang_says),
        clang.version,
        answers(|row| &row.upstream_says),
    ));
    if clang.left_out() == 0 {
        say(format!(
            "The analysis was on: it made {controls} reports about programs whose locks are annotated, among them one that \
             takes the semaphore of the mmap lock directly. Neither fields of a VMA nor the functions of the \
             mmap lock are annotated."
        ));
    } else {
        say(format!(
            "Clang {} is too old: its answers were not measured.",
            clang.version
        ));
    }
    say(
        "\"No call\" means that upstream's safe API cannot express it, so a driver writes it in `unsafe`. In a program, a \
         line under `#[cfg(misuse)]` is the mistake, and `#[cfg(not(misuse))]` its correction."
            .to_string(),
    );
    text
}

fn finds_nothing(row: &Row) -> bool {
    let runtime = row.bug.runtime.as_deref();
    runtime.is_some_and(|runtime| runtime.starts_with("nothing"))
}

fn row(row: &Row) -> String {
    let bug = &row.bug;
    let first = format!(
        "<b>{}</b><br><small>{}</small><br>{}",
        inline(&bug.title),
        inline(&bug.source),
        inline(&bug.mistake)
    );
    let lockdep = answer(
        bug.lockdep.verdict,
        &bug.lockdep.why,
        bug.lockdep.case.is_some(),
    );
    let compiler = |says: &Option<Answer>| {
        says.as_ref().map_or_else(String::new, |says| {
            answer(says.verdict, &says.why, says.is_measured())
        })
    };
    let mut upstream = compiler(&row.upstream_says);
    upstream += &folded("program", &row.upstream_program);
    upstream += &folded("message", &row.upstream_said);
    let cells = [
        first,
        ours(row),
        lockdep,
        answer(bug.kasan.verdict, &bug.kasan.why, false),
        compiler(&row.clang_says),
        upstream,
    ];
    let mut text = "<tr>".to_string();
    for (name, cell) in COLUMNS.iter().zip(cells) {
        // A String takes all that is written to it.
        let _ = write!(text, "<td data-of=\"{name}\">{cell}</td>");
    }
    text + "</tr>\n"
}

fn ours(row: &Row) -> String {
    let bug = &row.bug;
    let mut text = match row.ours {
        Ours::Rejected => {
            let (error, label) = headline(&row.said);
            let mut text = format!(
                "<span class=\"good\">rejected</span><br><code>{}</code>",
                encode_text(error)
            );
            if !label.is_empty() {
                text += &format!("<br><code>^ {}</code>", encode_text(label));
            }
            text
        }
        Ours::Compiles => {
            let runtime = bug.runtime.as_deref().unwrap_or_default();
            let found = "<b class=\"bad\">COMPILES</b><br>At run time: ";
            found.to_string() + &inline(runtime)
        }
        Ours::Tested => "<span class=\"none\">not a matter of types</span>".to_string(),
    };
    if let Some(note) = &bug.note {
        text += &format!("<br>{}", inline(note));
    }
    for (what, name) in [
        ("case", &bug.case),
        ("litmus test", &bug.litmus),
        ("model", &bug.model),
        ("test", &bug.test),
        ("program", &bug.snippet),
    ] {
        if let Some(name) = name {
            text += &format!("<br><small>{what}: {}</small>", encode_text(name));
        }
    }
    text + &folded("program", &row.program) + &folded("message", &row.said)
}

/// The first error, and the label under its line; empty if the line has none.
fn headline(said: &str) -> (&str, &str) {
    let mut lines = said.lines().skip_while(|line| !line.starts_with("error"));
    let error = lines.next().unwrap_or_default();
    let mut marked = lines.take_while(|line| !line.is_empty());
    let label = marked.find_map(|line| line.rsplit_once('^'));
    (error, label.map_or("", |(_, label)| label.trim()))
}

fn answer(verdict: Verdict, why: &str, measured: bool) -> String {
    let class = match verdict {
        Verdict::Reports | Verdict::Rejects => "good",
        Verdict::Silent | Verdict::Compiles => "bad",
        _ => "none",
    };
    let mark = match measured {
        true => " <span class=\"measured\">measured</span>",
        false => "",
    };
    let (verdict, why) = (verdict.text(), inline(why));
    format!("<span class=\"{class}\">{verdict}</span>{mark}<br>{why}")
}

/// A listing that is shown on a click.
fn folded(summary: &str, listing: &str) -> String {
    match listing.is_empty() {
        true => String::new(),
        false => {
            let listing = encode_text(listing);
            format!("<details><summary>{summary}</summary><pre>{listing}</pre></details>")
        }
    }
}

/// Text between backticks is code.
fn inline(text: &str) -> String {
    let mut html = String::new();
    for (number, part) in text.split('`').enumerate() {
        let part = encode_text(part);
        html += &match number % 2 {
            0 => part.into_owned(),
            _ => format!("<code>{part}</code>"),
        };
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &str, ours: Ours) -> Row {
        let text = format!(
            "title = 'a <b>'\nsource = 'CVE'\nmistake = 'uses `x`'\nclang = 'q'\nupstream = 'n'\n\
             lockdep.verdict = 'silent'\nlockdep.why = 'd'\nkasan.verdict = 'reports'\nkasan.why = 'e'\n{lines}"
        );
        Row {
            bug: toml::from_str(&text).unwrap(),
            ours,
            program: "fn f() {}".to_string(),
            said: "warning: odd\n\nerror[E1]: a < b\n more".to_string(),
            clang_says: None,
            upstream_says: None,
            upstream_program: String::new(),
            upstream_said: String::new(),
            problems: Vec::new(),
        }
    }

    #[test]
    fn headline_is_an_error_and_its_label() {
        let said = "warning: odd\n1 | a\n  | ^ b\n\nerror[E1]: no\n1 | c\n  | ^^^ d\n";
        assert_eq!(headline(said), ("error[E1]: no", "d"));
        let below = "error[E1]: no\n1 | c\n  | ^^^\n  | |\n  | d\n\nerror: e\n  | ^ f\n";
        assert_eq!(headline(below), ("error[E1]: no", ""));
        assert_eq!(headline("warning: odd\n"), ("", ""));
    }

    #[test]
    fn rows_say_what_compiles() {
        let rows = [
            of("case = 'x'", Ours::Rejected),
            of(
                "compiles = true\nruntime = 'nothing'\nsnippet = 's'",
                Ours::Compiles,
            ),
            of(
                "compiles = true\nruntime = 'lockdep'\ntest = 't'",
                Ours::Compiles,
            ),
            of("litmus = 'l'", Ours::Tested),
        ];
        let page = page(&rows, &Analysed::default(), 0, "7.3", "");
        for part in [
            "4 mistakes, Linux 7.3. With these types rustc rejects 1. 2 compile, of which nothing finds 1 ",
            "a &lt;b&gt;",
            "uses <code>x</code>",
            "<code>error[E1]: a &lt; b</code>",
            "<b class=\"bad\">COMPILES</b><br>At run time: nothing",
            "not a matter of types",
            "litmus test: l",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
