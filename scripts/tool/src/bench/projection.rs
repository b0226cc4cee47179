// SPDX-License-Identifier: GPL-2.0

//! An upper bound for many processors, from the lines that they write: see Documentation/mm/vma_rust_scaling.rst for the
//! model and its limits.
//!
//! A line that several processors write moves from one to the next for each write, which takes a time that no processor
//! can shorten, and no other can write it meanwhile. So all of them together write it at most once in that time; a line
//! that one of them writes sets no limit.

use super::writes::{Kind, Writes};
use crate::page::Table;
use bench_records::Language;
use serde::Serialize;

const PROCESSORS: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// The time in which a line moves to another processor, in nanoseconds: a close one and a distant one.
const NEAR: f64 = 50.0;
const FAR: f64 = 150.0;

/// The time of an instruction that waits for nothing, in nanoseconds.
const INSTRUCTION: f64 = 1.0;

/// Operations, the line that they write, and whether all processors write the same one.
const CASES: [(&str, Kind, bool, &str); 3] = [
    ("read-mmap", Kind::MmapLock, true, "mmap lock, one mm"),
    ("read-vma", Kind::VmaLock, true, "VMA lock, one VMA"),
    ("read-vma", Kind::VmaLock, false, "VMA lock, a VMA each"),
];

#[derive(Debug, Serialize)]
struct Curve {
    name: String,
    language: Language,
    /// The time of a transfer; 0 if the line is not shared.
    transfer_ns: f64,
    /// Atomic writes to the line for each operation.
    writes: f64,
    /// The time of an operation on one processor.
    alone_ns: f64,
    /// Operations per microsecond.
    rates: Vec<f64>,
}

#[derive(Debug, Serialize)]
pub struct Projection {
    processors: [u32; 10],
    curves: Vec<Curve>,
}

/// Operations per microsecond.
fn rate(processors: u32, alone_ns: f64, writes: f64, transfer_ns: f64) -> f64 {
    let waited = match processors {
        1 => 0.0,
        _ => writes * transfer_ns,
    };
    let free = f64::from(processors) * 1e3 / (alone_ns + waited);
    match waited > 0.0 {
        true => free.min(1e3 / waited),
        false => free,
    }
}

impl Projection {
    /// `alone` returns the instructions of an operation in C and in Rust.
    pub fn of(writes: &Writes, alone: impl Fn(&str) -> Option<[f64; 2]>) -> Self {
        let mut curves = Vec::new();
        for (operation, kind, is_shared, name) in CASES {
            let Some(((c, rust), alone)) = writes.count(operation, kind).zip(alone(operation))
            else {
                continue;
            };
            let transfers: &[f64] = if is_shared { &[NEAR, FAR] } else { &[0.0] };
            for &transfer_ns in transfers {
                let sides = [(Language::C, c, alone[0]), (Language::Rust, rust, alone[1])];
                for (language, count, instructions) in sides {
                    let (writes, alone_ns) = (count.atomic, instructions * INSTRUCTION);
                    curves.push(Curve {
                        name: match is_shared {
                            true => format!("{name}, {transfer_ns} ns, {language}"),
                            false => format!("{name}, {language}"),
                        },
                        language,
                        transfer_ns,
                        writes,
                        alone_ns,
                        rates: PROCESSORS
                            .map(|n| rate(n, alone_ns, writes, transfer_ns))
                            .into(),
                    });
                }
            }
        }
        Self {
            processors: PROCESSORS,
            curves,
        }
    }

    pub fn table(&self) -> Table {
        let columns = PROCESSORS.map(|count| count.to_string());
        let columns: Vec<&str> = ["lock, transfer"]
            .into_iter()
            .chain(columns.iter().map(String::as_str))
            .collect();
        let rows = self.curves.iter().map(|curve| {
            let rates = curve.rates.iter().map(|rate| format!("{rate:.1}"));
            [curve.name.clone()].into_iter().chain(rates).collect()
        });
        let caption =
            "Projected, not measured: look-ups per us at most, by the number of processors";
        Table::new(caption, &columns, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{C, Rust, stretch};
    use super::super::writes::Symbols;
    use super::*;

    #[test]
    fn equal_counts_and_costs_make_equal_curves() {
        let counts = "stretch\naccess ffff888001eae200 ffffffff81000120 locked 10 20\n";
        let records = [C, Rust].map(|language| stretch("read-vma", language));
        let symbols = Symbols::parse("ffffffff81000100 T other\n").unwrap();
        let writes = Writes::of(&records, &counts.repeat(2), &symbols).unwrap();
        let projection = Projection::of(&writes, |_| Some([500.0, 500.0]));
        assert_eq!(projection.curves.len(), 6);
        for both in projection.curves.chunks(2) {
            assert_eq!(both[0].rates, both[1].rates);
        }
        assert_eq!(projection.curves[4].rates[9], 1024.0);
        let row = &projection.table().rows[5].cells;
        assert_eq!(
            (&*row[0], &*row[10]),
            ("VMA lock, a VMA each, Rust", "1024.0")
        );
    }

    #[test]
    fn a_shared_line_is_written_once_at_a_time() {
        let own = |n| rate(n, 500.0, 2.0, 0.0);
        assert_eq!((own(1), own(512)), (2.0, 1024.0));
        let all = |n| rate(n, 300.0, 2.0, 100.0);
        assert_eq!(all(1), 1e3 / 300.0);
        // Two processors that wait for two transfers each, then the limit of the line.
        assert_eq!((all(2), all(4), all(512)), (4.0, 5.0, 5.0));
    }
}
