// SPDX-License-Identifier: GPL-2.0

//! The figures as people read them.

use super::contention::{self, Call, Contention};
use super::cost::{Costs, is_walk};

/// What an operation of the drivers is.
pub fn describe(operation: &str) -> &str {
    match operation {
        "walk-vma" => "walk, a VMA lock each",
        "walk-loop" => "the same, C is a bare loop",
        "walk-mmap" => "walk, mmap read lock",
        "read-vma" => "look up, VMA lock",
        "read-mmap" => "look up, mmap read lock",
        "lock-two" => "lock two VMAs",
        other => other,
    }
}

/// Guest instructions.
pub fn costs(costs: &Costs) -> String {
    let mut text = format!(
        "guest instructions for each VMA or call (one processor, median of {} runs, widest run beside it)\n\
         {:26} {:>7} {:>9} {:>9} {:>7} {:>8}\n",
        costs.clock.0.all.len(),
        "operation",
        "VMAs",
        "C",
        "Rust",
        "Rust/C",
        "spread"
    );
    for figure in &costs.figures {
        let (c, rust) = (&figure.c.cost, &figure.rust.cost);
        text += &format!(
            "{:26} {:>7} {:>9.2} {:>9.2} {:>7.4} {:>7.2}%\n",
            describe(&figure.operation),
            figure.vmas,
            c.median,
            rust.median,
            figure.ratio(),
            100.0 * c.width().max(rust.width())
        );
    }
    for operation in costs.operations().into_iter().filter(|name| is_walk(name)) {
        text += &format!(
            "{}: with the number of VMAs a VMA's cost varies {:.3}-fold in C, {:.3}-fold in Rust\n",
            describe(operation),
            costs.flatness(operation, |figure| &figure.c),
            costs.flatness(operation, |figure| &figure.rust)
        );
    }
    text + &format!(
        "the clock: {:.5} ticks for an instruction\n",
        costs.clock.0.median
    )
}

/// Rates and waits.
pub fn contention(contention: &Contention) -> String {
    let mut text = format!(
        "reads per ms beside a writer that maps and unmaps a page ({} processor(s), median of the turns that count)\n\
         {:30} {:>9} {:>10} {:>10} {:>8} {:>8} {:>7}\n",
        contention.processors,
        "reader",
        "no writer",
        "in another",
        "in this mm",
        "kept",
        "missed",
        "turns"
    );
    for reader in &contention.readers {
        text += &format!(
            "{:30} {:>9.1} {:>10.1} {:>10.1} {:>7.0}% {:>7.1}% {:>4}/{}\n",
            name(&reader.operation, &reader.language, reader.hold_us),
            reader.alone.median,
            reader.elsewhere.median,
            reader.here.median,
            100.0 * reader.kept(),
            100.0 * reader.missed,
            reader.counted(),
            reader.turns
        );
    }
    text += &format!(
        "\nthe writer's calls in us, each with what it does itself\n{:30} {:>8} {:>10} {:>10} {:>10}\n",
        "beside", "call", "median", "99 %", "worst"
    );
    for call in &contention.calls {
        text += &format!(
            "{:30} {:>8} {:>10.1} {:>10.1} {:>10.1}\n",
            beside(call),
            call.call,
            call.median.median,
            call.p99.median,
            call.worst
        );
    }
    text
}

/// What a reader is.
pub fn name(operation: &str, language: &str, hold_us: u64) -> String {
    let lock = match contention::locks_vma(operation) {
        true => "VMA lock",
        false => "mmap lock",
    };
    let language = match language {
        "c" => "C",
        _ => "Rust",
    };
    match hold_us {
        0 => format!("{lock}, {language}"),
        us => format!("{lock}, {language}, held {us} us"),
    }
}

fn beside(call: &Call) -> String {
    match &call.reader {
        Some((operation, language, hold_us)) => name(operation, language, *hold_us),
        None => "no reader".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::Line;
    use super::*;

    fn lines(lines: &[&str]) -> Vec<Line> {
        lines.iter().map(|l| Line::parse(l).unwrap()).collect()
    }

    #[test]
    fn figures_are_shown_side_by_side() {
        let text = costs(&Costs::of(&lines(&[
            "loop 1000 1001",
            "cost 10 22 walk-vma c 100 10000 5",
            "cost 10 22 walk-vma rust 100 10100 5",
        ])));
        let row: Vec<&str> = text.lines().nth(2).unwrap().split_whitespace().collect();
        assert_eq!(row[5..], ["22", "100.00", "101.00", "1.0100", "0.00%"]);
        assert!(text.contains("1.000-fold in C"), "{text}");
        assert!(text.ends_with("the clock: 1.00100 ticks for an instruction\n"));
    }

    #[test]
    fn readers_and_calls_are_named() {
        let text = contention(&Contention::of(
            2,
            &lines(&[
                "turn hold-mmap rust 20 none 100 100 2000000",
                "turn hold-mmap rust 20 elsewhere 100 100 2000000",
                "turn hold-mmap rust 20 here 100 100 8000000",
                "turn hold-mmap rust 20 elsewhere 100 100 2000000",
                "waits hold-mmap rust 20 munmap 7 1500 2500 3500",
                "waits none none 0 mmap 7 1500 2500 3500",
            ]),
        ));
        let rows: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("mmap lock, Rust, held 20 us"))
            .collect();
        assert!(rows[0].contains("50.0       12.5      25%"), "{text}");
        assert!(
            rows[1].ends_with("munmap        1.5        2.5        3.5"),
            "{text}"
        );
        assert!(text.lines().last().unwrap().starts_with("no reader"));
    }
}
