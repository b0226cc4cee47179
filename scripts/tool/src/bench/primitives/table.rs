// SPDX-License-Identifier: GPL-2.0

//! The figures as people read them.

use super::super::lines::{Caller, Language};
use super::rows::Row;
use super::{Measured, NOTHING};

/// Rows, under what they are.
pub fn table(kernels: &[Measured], rows: &[Row]) -> String {
    let nothing = kernels.first().and_then(|kernel| {
        let nothing = kernel.figures().named(NOTHING)?;
        Some(&nothing.sides.get(&Language::C)?.gross)
    });
    let (runs, around) = nothing.map_or((0, 0.0), |gross| (gross.all.len(), gross.median - 1.0));
    let mut text = format!(
        "guest instructions of each primitive, without the loop and the call around it, which take {around:.2}\n\
         (one processor, two boots of each kernel, medians of {runs} runs, the widest difference beside them)\n\
         {:30} {:^48} {:^32}\n{:30} {:>9} {:>9} {:>8} {:>10} {:>8} {:>9} {:>7} {:>7} {:>8} {:>7}\n",
        "",
        "helpers inlined",
        "helpers called",
        "primitive",
        "C",
        "Rust",
        "Rust/C",
        "upstream",
        "/C",
        "Rust",
        "calls",
        "more",
        "per call",
        "spread"
    );
    for row in rows.iter().filter(|row| row.caller == Caller::Driver) {
        text += &line(row);
    }
    let user: Vec<&Row> = rows
        .iter()
        .filter(|row| row.caller == Caller::User)
        .collect();
    if !user.is_empty() {
        text += "from a program, with its system calls and page faults\n";
    }
    for row in user {
        text += &line(row);
    }
    text
}

fn line(row: &Row) -> String {
    let [
        c,
        rust,
        ratio,
        upstream,
        upstream_ratio,
        called,
        calls,
        more,
    ] = row.cells();
    let per_call = row.calls.as_ref().and_then(|called| called.per_call);
    format!(
        "{:30} {c:>9} {rust:>9} {ratio:>8} {upstream:>10} {upstream_ratio:>8} {called:>9} {calls:>7} {more:>7} {:>8} \
         {:>6.3}%\n",
        row.primitive,
        shown(per_call, 2),
        100.0 * row.spread
    )
}

impl Row {
    /// C, Rust, their ratio, upstream's Rust and its ratio; with helpers called Rust, the calls, and how many more than C.
    pub fn cells(&self) -> [String; 8] {
        let inline = self.inline.as_ref();
        let called = self.calls.as_ref();
        // Without the first kernel, C is that of the second.
        let c = inline
            .or(called.map(|called| &called.figures))
            .map(|figures| figures.c);
        [
            shown(c, 2),
            shown(inline.map(|figures| figures.rust), 2),
            shown(inline.map(|figures| figures.ratio), 4),
            shown(inline.and_then(|figures| figures.upstream), 2),
            shown(inline.and_then(|figures| figures.upstream_ratio), 4),
            shown(called.map(|called| called.figures.rust), 2),
            shown(called.map(|called| called.helpers as f64), 0),
            shown(called.map(|called| called.more), 2),
        ]
    }
}

/// A number with so many decimals, if there is one; nothing is not less than nothing.
fn shown(value: Option<f64>, decimals: usize) -> String {
    let shown = value.map(|value| format!("{value:.decimals$}"));
    let is_nothing = |text: &str| text.parse() == Ok(0.0);
    match shown {
        None => "-".to_string(),
        Some(text) if is_nothing(&text) => text.trim_start_matches('-').to_string(),
        Some(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Helpers, lines, parsed};
    use super::*;
    use std::collections::BTreeMap;

    fn kernel(helpers: Helpers, costs: &[f64]) -> Measured {
        let boot = || parsed(&lines(&[("read", costs)]));
        Measured {
            config: "k",
            helpers,
            boots: [boot(), boot()],
        }
    }

    /// The words of the last line.
    fn last(kernels: &[Measured], calls: u64) -> String {
        let calls = BTreeMap::from([("read".to_string(), calls)]);
        let text = table(kernels, &Row::all(kernels, &calls));
        assert!(text.contains("which take 8.00\n"), "{text}");
        assert!(text.contains("medians of 3 runs"), "{text}");
        let line = text.lines().last().unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn all_figures_are_in_a_line() {
        let inline = kernel(Helpers::Inline, &[40.0, 24.0, 48.0]);
        let called = kernel(Helpers::Calls, &[40.0, 52.0]);
        assert_eq!(
            last(&[inline, called], 2),
            "read 32.00 16.00 0.5000 40.00 1.2500 44.00 2 12.00 6.00 0.000%"
        );
    }

    #[test]
    fn numbers_are_as_people_write_them() {
        let numbers = [None, Some(-0.001), Some(0.0), Some(-0.006), Some(12.0)];
        let shown = numbers.map(|number| shown(number, 2));
        assert_eq!(shown, ["-", "0.00", "0.00", "-0.01", "12.00"]);
    }

    #[test]
    fn what_there_is_not_is_a_dash() {
        let inline = kernel(Helpers::Inline, &[40.0, 24.0]);
        assert_eq!(
            last(&[inline], 0),
            "read 32.00 16.00 0.5000 - - - - - - 0.000%"
        );
        let called = kernel(Helpers::Calls, &[40.0, 52.0]);
        assert_eq!(
            last(&[called], 0),
            "read 32.00 - - - - 44.00 0 12.00 - 0.000%"
        );
    }

    #[test]
    fn what_a_program_calls_comes_last() {
        let mut texts = lines(&[]);
        texts.push("call split c 100 400000 5".to_string());
        texts.push("call split rust 100 200000 5".to_string());
        texts.extend(lines(&[("read", &[40.0, 24.0])]));
        let kernels = [Measured {
            config: "k",
            helpers: Helpers::Inline,
            boots: [parsed(&texts), parsed(&texts)],
        }];
        let text = table(&kernels, &Row::all(&kernels, &BTreeMap::new()));
        let ends: Vec<&str> = text.lines().rev().take(3).collect();
        assert!(ends[0].starts_with("split "), "{text}");
        assert!(ends[0].contains(" 4000.00   2000.00   0.5000 "), "{text}");
        assert!(ends[1].starts_with("from a program"), "{text}");
        assert!(ends[2].starts_with("read "), "{text}");
        assert_eq!(text.matches("split ").count(), 1);
    }
}
