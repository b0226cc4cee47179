// SPDX-License-Identifier: GPL-2.0

//! The page of all measurements: one HTML file that needs no other, with its charts also as SVG and PNG files. A browser
//! without a screen checks that it is readable.

mod proof;

pub use proof::prove;

use super::contention::Faults;
use super::primitives::{self, Exceptions};
use super::{Figures, Table, build_cost, check, code};
use crate::code::Listing;
use crate::host::{self, Packages};
use crate::kbuild;
use crate::places::Places;
use crate::proc::{self, Event, Logged};
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use html_escape::encode_quoted_attribute as escape;
use itertools::Itertools;
use regex_lite::Regex;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// The name in packages.toml of the packages that a page needs.
const PACKAGES: &str = "page";
const BROWSER: &str = "chromium-headless-shell";
const TIMEOUT: Duration = Duration::from_secs(60);
/// Milliseconds of the page's own clock, which end early if nothing is left to wait for.
const SETTLED: u32 = 10_000;
/// The least size of a screenshot, in bytes for each hundred pixels: a blank one compresses to less.
const DRAWN: u64 = 1;
/// Of a large window and of a phone.
const WINDOWS: [(&str, u64, u64); 2] = [("page.png", 1280, 2000), ("page-phone.png", 390, 844)];
/// Nothing is loaded from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

pub struct Page {
    title: String,
    intro: String,
    sections: Vec<Section>,
}

struct Section {
    id: String,
    heading: String,
    parts: Vec<Part>,
}

/// Text between backticks is code.
enum Part {
    Text(String),
    /// The name of a chart of plot.py, and a caption.
    Figure(String, String),
    Table(Table),
    /// A summary, and listings that are shown on a click.
    Listings(String, Vec<Listing>),
}

impl From<Table> for Part {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

fn figure(name: &str, caption: &str) -> Part {
    Part::Figure(name.to_string(), caption.to_string())
}

fn section(id: &str, heading: &str, parts: impl IntoIterator<Item = Part>) -> Section {
    Section {
        id: id.to_string(),
        heading: heading.to_string(),
        parts: parts.into_iter().collect(),
    }
}

fn prose(text: &str) -> String {
    let pieces = text.split('`').map(escape).enumerate();
    let piece = |(at, piece)| match at % 2 {
        1 => format!("<code>{piece}</code>"),
        _ => format!("{piece}"),
    };
    pieces.map(piece).collect()
}

fn table(table: &Table) -> String {
    let number = |at: usize| if at > 0 { " class=\"number\"" } else { "" };
    let head = |(at, name): (usize, &String)| {
        format!("<th scope=\"col\"{}>{}</th>", number(at), escape(name))
    };
    let heads: String = table.columns.iter().enumerate().map(head).collect();
    let row = |(index, row): (usize, &Vec<String>)| {
        // The word as well as the colour.
        let (class, small) = match table.marks.get(&index) {
            Some(mark) => (
                format!(" class=\"{mark}\""),
                format!(" <small>{mark}</small>"),
            ),
            None => (String::new(), String::new()),
        };
        let cell = |(at, cell): (usize, &String)| {
            let small = if at > 0 { "" } else { &small };
            format!("<td{}>{}{small}</td>", number(at), escape(cell))
        };
        let cells: String = row.iter().enumerate().map(cell).collect();
        format!("<tr{class}>{cells}</tr>")
    };
    let rows: String = table.rows.iter().enumerate().map(row).collect();
    format!(
        "<div class=\"wide\" tabindex=\"0\"><table><caption>{}</caption><thead><tr>{heads}</tr></thead>\
         <tbody>{rows}</tbody></table></div>",
        prose(&table.caption)
    )
}

/// `svg` returns the picture with a name.
type Svg<'a> = &'a dyn Fn(&str) -> Result<String>;

impl Part {
    fn html(&self, svg: Svg) -> Result<String> {
        Ok(match self {
            Self::Text(text) => format!("<p>{}</p>", prose(text)),
            Self::Figure(name, caption) => format!(
                "<figure id=\"{name}\"><div class=\"wide\" tabindex=\"0\">{}</div><figcaption>{} \
                 (<a href=\"{name}.svg\">SVG</a>, <a href=\"{name}.png\">PNG</a>)</figcaption></figure>",
                svg(name)?,
                prose(caption)
            ),
            Self::Table(one) => table(one),
            Self::Listings(summary, listings) => {
                let side = |one: &Listing| {
                    let (heading, text) = (escape(&one.heading), escape(&one.text));
                    format!("<div><h3>{heading}</h3><pre tabindex=\"0\">{text}</pre></div>")
                };
                let sides: String = listings.iter().map(side).collect();
                let summary = prose(summary);
                format!(
                    "<details><summary>{summary}</summary><div class=\"sides\">{sides}</div></details>"
                )
            }
        })
    }
}

/// The parts of the page that a reader must be able to see.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Contents {
    sections: Vec<String>,
    figures: Vec<String>,
    tables: usize,
    listings: usize,
}

impl Page {
    fn contents(&self) -> Contents {
        let mut contents = Contents::default();
        for section in &self.sections {
            contents.sections.push(section.id.clone());
            for part in &section.parts {
                match part {
                    Part::Text(_) => (),
                    Part::Figure(name, _) => contents.figures.push(name.clone()),
                    Part::Table(_) => contents.tables += 1,
                    Part::Listings(..) => contents.listings += 1,
                }
            }
        }
        contents
    }

    /// Checks that ids are unique, because they occur in links and in file names.
    fn check_ids(&self) -> Result<()> {
        let contents = self.contents();
        let ids = contents
            .sections
            .iter()
            .chain(&contents.figures)
            .collect_vec();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        for id in &ids {
            let is_word = !id.is_empty() && id.chars().all(is_plain);
            ensure!(
                is_word,
                "{id:?} is not an id: use lowercase letters, digits and -"
            );
        }
        match ids.iter().duplicates().next() {
            Some(id) => bail!("two parts of a page have the id {id}"),
            None => Ok(()),
        }
    }

    /// One file that needs no other.
    fn html(&self, svg: Svg) -> Result<String> {
        let link = |one: &Section| {
            let heading = escape(&one.heading);
            format!("<li><a href=\"#{}\">{heading}</a></li>", one.id)
        };
        let section = |one: &Section| {
            let parts = one
                .parts
                .iter()
                .map(|part| part.html(svg))
                .collect::<Result<String>>()?;
            let (id, heading) = (&one.id, escape(&one.heading));
            anyhow::Ok(format!(
                "<section id=\"{id}\"><h2>{heading}</h2>{parts}</section>"
            ))
        };
        Ok(format!(
            include_str!("../../../bench/page.html"),
            policy = escape(POLICY),
            title = escape(&self.title),
            style = include_str!("../../../bench/style.css"),
            script = include_str!("../../../bench/measure.js"),
            intro = prose(&self.intro),
            links = self.sections.iter().map(link).collect::<String>(),
            sections = self
                .sections
                .iter()
                .map(section)
                .collect::<Result<String>>()?,
        ))
    }

    /// Draws the charts from the figures in a directory, and writes index.html there.
    fn write(&self, dir: &Path) -> Result<()> {
        self.check_ids()?;
        fs::create_dir_all(dir)?;
        let mut python = proc::command(kbuild::python());
        python.args(["-B", "-c", include_str!("../../../bench/plot.py")]);
        python.arg(dir).args(self.contents().figures);
        let output = proc::output(python)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "plot.py: {said}");
        let html = self.html(&|name| Ok(fs::read_to_string(dir.join(format!("{name}.svg")))?))?;
        Ok(fs::write(dir.join("index.html"), html)?)
    }

    /// Compares the page with what the browser shows of it.
    fn judge(&self, found: &Verdict, width: u64) -> Outcome {
        let mut outcome = Outcome::default();
        check!(
            outcome,
            found.done,
            "measuring the page did not come to its end"
        );
        check!(
            outcome,
            found.width == width,
            "the page is {} pixels wide",
            found.width
        );
        outcome.check(found.problems.is_empty(), || found.problems.join("; "));
        let (there, shown) = (self.contents(), &found.shown);
        check!(
            outcome,
            there == *shown,
            "the page has {there:?}, but shows {shown:?}"
        );
        outcome
    }

    /// Each problem is a failure.
    fn check(&self, dir: &Path, log: &Path) -> Outcome {
        let mut outcome = Outcome::default();
        for window in WINDOWS {
            outcome.add(self.check_in(window, dir, log));
        }
        outcome
    }

    fn check_in(&self, window: (&str, u64, u64), dir: &Path, log: &Path) -> Outcome {
        let (screenshot, width, height) = window;
        let mut outcome = match opened(window, dir, log) {
            Ok(found) => self.judge(&found, width),
            Err(error) => return Outcome::failure(format!("at {width}x{height}: {error:#}")),
        };
        let size = fs::metadata(dir.join(screenshot)).map_or(0, |file| file.len());
        let is_drawn = size * 100 > width * height * DRAWN;
        check!(outcome, is_drawn, "the screenshot is blank: {size} bytes");
        let mut all = Outcome::default();
        all.add_of(&format!("at {width}x{height}: "), outcome);
        all
    }
}

/// The result of measure.js.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Verdict {
    width: u64,
    shown: Contents,
    problems: Vec<String>,
    /// True if measuring came to its end.
    done: bool,
}

impl Verdict {
    /// Reads it from an attribute of the root element, which is the first that is printed.
    fn read(output: &str) -> Result<Option<Self>> {
        let find = |pattern, text: &str| {
            let found = Regex::new(pattern).expect("a constant").captures(text)?;
            Some(found[1].to_string())
        };
        let root = find("<html( [^>]*)>", output).unwrap_or_default();
        let Some(value) = find("data-verdict=\"([^\"]*)\"", &root) else {
            return Ok(None);
        };
        let text = html_escape::decode_html_entities(&value);
        let verdict = serde_json::from_str(&text);
        verdict.with_context(|| format!("the verdict of the page is malformed: {text}"))
    }
}

/// Opens index.html. A browser that crashes before that gets a second chance.
fn opened(window: (&str, u64, u64), dir: &Path, log: &Path) -> Result<Verdict> {
    let output = match browse(window, dir, log)? {
        None => browse(window, dir, log)?,
        output => output,
    };
    let output =
        output.with_context(|| format!("{BROWSER} crashes at its start: see {}", log.display()))?;
    let found = Verdict::read(&output)?;
    found.with_context(|| format!("the page did not measure itself: see {}", log.display()))
}

/// Returns the page as the browser prints it, or nothing if the browser crashed before that.
fn browse(window: (&str, u64, u64), dir: &Path, log: &Path) -> Result<Option<String>> {
    let (screenshot, width, height) = window;
    let screenshot = dir.join(screenshot);
    if screenshot.exists() {
        fs::remove_file(&screenshot)?;
    }
    // A home of its own, so that it neither finds nor leaves anything. The page is our own and loads nothing; root cannot
    // have a sandbox.
    let home = tempfile::tempdir().context("no directory for the browser")?;
    let mut cmd = proc::command(BROWSER);
    cmd.current_dir(dir).env("HOME", home.path());
    cmd.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
    ]);
    cmd.args(["--disable-breakpad", "--disable-dev-shm-usage"]);
    cmd.arg(format!("--user-data-dir={}", home.path().display()));
    cmd.arg(format!("--virtual-time-budget={SETTLED}"));
    cmd.arg(format!("--window-size={width},{height}"));
    cmd.arg(format!("--screenshot={}", screenshot.display()));
    cmd.args(["--dump-dom", "index.html"]);
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
    let seconds = TIMEOUT.as_secs();
    ensure!(
        !ended.timed_out,
        "the browser did not end within {seconds} seconds: is a script in a loop?"
    );
    match (ended.status.success(), output.contains("<html")) {
        (true, _) => Ok(Some(output)),
        (false, false) => Ok(None),
        (false, true) => bail!("the browser crashed: see {}", log.display()),
    }
}

/// Installs missing packages, writes the page of a directory with figures, and checks it.
pub fn step(
    places: &Places,
    packages: &Packages,
    progress: &Progress,
    dir: &Path,
    page: &Page,
) -> Result<Outcome> {
    host::require(places, packages, PACKAGES, progress)?;
    let mut step = progress.step("page");
    step.doing("charts");
    page.write(dir)?;
    step.doing("checking");
    Ok(step.ended(page.check(dir, &places.log("page"))))
}

/// The page of `make bench`. `listings` are those of the primitives that have an exception.
pub fn measured(
    figures: &Figures,
    code: &code::Report,
    cost: &build_cost::Report,
    exceptions: &Exceptions,
    listings: Vec<Vec<Listing>>,
) -> Result<Page> {
    let missing = "no page: not everything on it was measured";
    let primitives = figures.primitives.as_ref().context(missing)?;
    let (costs, sizes) = figures
        .costs
        .as_ref()
        .zip(figures.sizes.as_ref())
        .context(missing)?;
    let writes = figures.writes.as_ref().context(missing)?;
    let projection = writes.projection.as_ref().context(missing)?;
    let contention = figures.contention.as_ref().context(missing)?;
    let readers = contention.contention.iter().flat_map(|one| {
        let name = format!("readers-{}", one.processors);
        let tables = one.tables().map(Part::from);
        [figure(&name, "Medians of the turns that count")]
            .into_iter()
            .chain(tables)
    });
    let broad = "Medians, broad in C and thin in Rust";
    let faults = contention.faults.iter().map(Faults::table).map(Part::from);
    let scaling = [
        "Cache lines that an operation writes and that other processors may want, counted in the emulator, and an upper \
         bound for many processors: a line moves from one to the next for each atomic write. \
         `Documentation/mm/vma_rust_scaling.rst` has the model."
            .into(),
        figure("cache-lines", "Medians. The table has the operations that write the same as another"),
        writes.writes.table().into(),
        figure("projection", "Projected, not measured"),
        projection.table().into(),
        figure("sizes", broad),
        figure("sizes-gaps", broad),
        sizes.table().into(),
        figure("faults", "Medians, with the least and the most of all turns"),
    ];
    let reasons = exceptions
        .exception
        .iter()
        .zip(listings)
        .map(|(one, sides)| {
            let (name, more, reason) = (&one.primitive, one.instructions, &one.reason);
            Part::Listings(format!("{name}: {more} more: {reason}"), sides)
        });
    let reason = "These primitives take more instructions in Rust than in C. The listings are of the kernel that inlines \
                  helpers.";
    let unused = code.unused.as_ref().map(|unused| Part::Text(unused.line()));
    let text = [
        figure(
            "stack",
            "The function and those of the abstraction that it calls, without what it calls in C",
        ),
        figure(
            "text",
            "Functions that modules may call are in the kernel whether one does or not",
        ),
    ];
    let code_table = code::primitives_table(&code.primitives).into();
    Ok(Page {
        title: "The same work on VMAs in C and in Rust".to_string(),
        intro: "Measured in one kernel in an emulated machine: with one processor whose clock counts instructions, and with \
                one and two fast ones to see how readers and a writer delay each other."
            .to_string(),
        sections: vec![
            section("primitives", "Primitives", [
                figure("ratios", "Medians"),
                figure("instructions", "The same as counts"),
                primitives::table(&primitives.rows).into(),
            ]),
            section("costs", "Costs", [
                "`walk-vma` walks all VMAs with a VMA lock each, as does `walk-loop`, which in C is a bare loop; `walk-mmap` \
                 holds the mmap read lock. `read-vma` and `read-mmap` look a VMA up under one of these locks, `hold-vma` and \
                 `hold-mmap` also hold it for a while, and `lock-two` locks two VMAs."
                    .into(),
                figure("walks", "Walks, broad in C and thin in Rust"),
                costs.table().into(),
            ]),
            section("contention", "Readers and a writer", readers),
            section("scaling", "Larger machines and address spaces", scaling.into_iter().chain(faults)),
            section("reasons", "Where Rust takes more", [reason.into()].into_iter().chain(reasons)),
            section("code", "Code", text.into_iter().chain(unused).chain([code_table])),
            section("build-cost", "Cost of building", [cost.table().into()]),
        ],
    })
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::proof::sample;
    use super::*;
    use crate::judge::cells;

    fn rendered(page: &Page) -> String {
        page.html(&|name| Ok(format!("<svg>{name}</svg>"))).unwrap()
    }

    #[test]
    fn ids_are_unique_words() {
        sample().check_ids().unwrap();
        for (id, said) in [
            ("second", "two parts of a page have the id second"),
            ("a b", "\"a b\" is not an id"),
            ("", "\"\" is not an id"),
        ] {
            let mut page = sample();
            page.sections[0].id = id.to_string();
            let error = page.check_ids().unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn text_is_escaped() {
        let html = rendered(&Page { title: "<b>&\"".to_string(), intro: "a `<code>` here".to_string(), ..sample() });
        assert!(html.contains("<h1>&lt;b&gt;&amp;&quot;</h1>"));
        assert!(html.contains("a <code>&lt;code&gt;</code> here"));
        assert!(!html.contains("<b>") && !rendered(&sample()).contains("<no markup>"));
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
            assert!(html.contains(part), "{part}");
        }
        for word in ["src=", "@import", "url(", "<link"] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn reads_the_verdict_of_the_browser() {
        let verdict = Verdict::read(concat!(
            "[1:ERROR] <noise>\n<!DOCTYPE html>\n<html lang=\"en\" data-verdict=\"{&quot;width&quot;:390,",
            "&quot;shown&quot;:{&quot;sections&quot;:[],&quot;figures&quot;:[],&quot;tables&quot;:0,&quot;listings&quot;:0},",
            "&quot;done&quot;:true,&quot;problems&quot;:[&quot;a: \\&quot;&lt;b&gt; &amp;amp;\\&quot; is cut&quot;]}\"><head>\n",
        ));
        let verdict = verdict.unwrap().unwrap();
        assert_eq!((verdict.width, &*verdict.problems[0]), (390, "a: \"<b> &amp;\" is cut"));
        let elsewhere = Verdict::read("<html lang=\"en\"><p data-verdict=\"{}\">");
        assert!(elsewhere.unwrap().is_none());
        assert!(Verdict::read("<html data-verdict=\"{\">").is_err());
    }

    #[test]
    fn every_difference_fails() {
        let page = sample();
        let good = Verdict { width: 1280, shown: page.contents(), problems: Vec::new(), done: true };
        let shown = "sections: [\"first\", \"second\"], figures: [\"sample\"], tables: 1, listings: 1";
        assert_eq!(format!("{:?}", good.shown), format!("Contents {{ {shown} }}"));
        type Change = fn(&mut Verdict);
        let changes: [(Change, Option<&str>); 7] = [
            (|_| (), None),
            (|of| of.done = false, Some("did not come to its end")),
            (|of| of.width = 500, Some("is 500 pixels wide")),
            (|of| of.problems = cells!["x is cut"], Some("x is cut")),
            (|of| of.shown.sections.truncate(1), Some("but shows")),
            (|of| of.shown.tables = 2, Some("tables: 2")),
            (|of| of.shown.listings = 0, Some("listings: 0")),
        ];
        for (change, said) in changes {
            let mut found = good.clone();
            change(&mut found);
            let failures = page.judge(&found, 1280).failures;
            assert_eq!(failures.len(), usize::from(said.is_some()));
            assert!(failures.concat().contains(said.unwrap_or("")), "{failures:?}");
        }
    }
}
