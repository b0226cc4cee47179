// SPDX-License-Identifier: GPL-2.0

//! The figures as people read them.

use super::faults::{Faults, Row};
use super::projection::{Curve, Projection, Shared};
use super::sizes::{self, Sizes};
use super::writes::{Count, Writes};
use crate::bench::table::describe;

/// Page faults beside others.
pub fn faults(faults: &Faults) -> String {
    let mut text = format!(
        "page faults per ms while memory is touched, {} processor(s); in brackets with giving it back\n\
         {:8} {:26} {:>9} {:>10} {:>10} {:>10} {:>6}\n",
        faults.processors, "threads", "beside", "alone", "elsewhere", "in this mm", "", "kept"
    );
    for row in &faults.rows {
        text += &format!(
            "{:8} {:26} {:>9.1} {:>10.1} {:>10.1} {:>10} {:>5.0}%\n",
            row.threads,
            beside(row),
            row.alone.median,
            row.elsewhere.median,
            row.here.median,
            format!("({:.1})", row.here_with_returns.median),
            100.0 * row.kept.median
        );
    }
    text
}

/// Who it is that the threads are beside.
pub fn beside(row: &Row) -> String {
    match row.language.as_str() {
        "c" => format!("{}, C", describe(&row.beside)),
        "rust" => format!("{}, Rust", describe(&row.beside)),
        _ => row.beside.clone(),
    }
}

/// Bytes as a power of 1024.
pub fn bytes(mut count: u64) -> String {
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].iter();
    let mut unit = units.next().expect("there is one");
    while count >= 1024 {
        let Some(next) = units.next() else {
            break;
        };
        (count, unit) = (count / 1024, next);
    }
    format!("{count} {unit}")
}

/// Costs at each distance.
pub fn sizes(sizes: &Sizes) -> String {
    let mut text = format!(
        "guest instructions for each VMA or call, 1000 mappings spread over so much\n\
         {:26} {:>8} {:13} {:>9} {:>9} {:>7}\n",
        "operation", "over", "", "C", "Rust", "Rust/C"
    );
    for figure in &sizes.figures {
        text += &format!(
            "{:26} {:>8} {:13} {:>9.2} {:>9.2} {:>7.4}\n",
            describe(&figure.operation),
            bytes(figure.span),
            sizes::gaps(figure.gaps),
            figure.c.median,
            figure.rust.median,
            figure.ratio()
        );
    }
    text
}

/// Stores, and how many of them are atomic.
pub fn count(count: Count) -> String {
    format!("{:.2} ({:.2})", count.stores, count.atomic)
}

/// What is written.
pub fn writes(writes: &Writes) -> String {
    let mut text = format!(
        "stores for each VMA or call, by what the cache line has (of them atomic)\n\
         {:26} {:14} {:>6} {:>16} {:>16} {:>16}\n",
        "operation", "line", "shared", "C", "Rust", "upstream"
    );
    for row in &writes.rows {
        let shared = if row.kind.is_shared() { "yes" } else { "no" };
        text += &format!(
            "{:26} {:14} {:>6} {:>16} {:>16} {:>16}\n",
            describe(&row.operation),
            row.kind.name(),
            shared,
            count(row.c),
            count(row.rust),
            row.upstream.map_or(String::new(), count)
        );
    }
    text
}

/// Which lock is taken by whom, and how long a transfer takes.
pub fn case(curve: &Curve) -> String {
    let lock = match curve.operation.as_str() {
        "read-mmap" => "mmap lock",
        _ => "VMA lock",
    };
    let whose = match (curve.shared, lock) {
        (Shared::ByNobody, _) => "a VMA each".to_string(),
        (Shared::ByAll, "mmap lock") => format!("one mm, {} ns", curve.transfer_ns),
        (Shared::ByAll, _) => format!("one VMA, {} ns", curve.transfer_ns),
    };
    let language = match curve.language {
        "c" => "C",
        _ => "Rust",
    };
    format!("{lock}, {whose}, {language}")
}

/// What follows for many processors.
pub fn projection(projection: &Projection) -> String {
    let mut text =
        "projected: look-ups per us at most, by processors and what a transfer takes\n".to_string();
    text += &format!("{:44}", "");
    for processors in &projection.processors {
        text += &format!(" {processors:>7}");
    }
    text += "\n";
    for curve in &projection.curves {
        text += &format!("{:44}", case(curve));
        for rate in &curve.rates {
            text += &format!(" {rate:>7.1}");
        }
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::lines::Line;

    fn lines(lines: &[&str]) -> Vec<Line> {
        lines.iter().map(|l| Line::parse(l).unwrap()).collect()
    }

    #[test]
    fn page_faults_are_shown() {
        let text = faults(&Faults::of(
            2,
            &lines(&[
                "fault 1 read-vma rust none 100 200000 100000",
                "fault 1 read-vma rust elsewhere 100 200000 100000",
                "fault 1 read-vma rust here 100 200000 125000",
                "fault 1 read-vma rust elsewhere 100 200000 100000",
            ]),
        ));
        let row: Vec<&str> = text.lines().nth(2).unwrap().split_whitespace().collect();
        assert_eq!(
            row.join(" "),
            "1 look up, VMA lock, Rust 1000.0 1000.0 800.0 (500.0) 80%"
        );
    }

    #[test]
    fn distances_are_shown() {
        let text = sizes(&Sizes::of(&lines(&[
            "size 70368744177664 gaps 1012 lock-two c 10 1000 5",
            "size 70368744177664 gaps 1012 lock-two rust 10 1010 5",
        ])));
        let row: Vec<&str> = text.lines().nth(2).unwrap().split_whitespace().collect();
        assert_eq!(
            row.join(" "),
            "lock two VMAs 64 TiB with gaps 100.00 101.00 1.0100"
        );
        assert_eq!(bytes(4_194_304), "4 MiB");
    }
}
