// SPDX-License-Identifier: GPL-2.0

//! What many processors could do at most, from the lines that they write: see Documentation/mm/vma_rust_scaling.rst for
//! the model and what it leaves out.
//!
//! A line that several processors write goes from one to the next for each write, which takes a time that no processor
//! can shorten, and nobody else can write it meanwhile. So all of them together do not write it more often than once in
//! that time; and lines that only one of them writes set no limit.

use super::writes::{Kind, Writes};
use serde::Serialize;

/// How many processors there could be.
pub const PROCESSORS: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// How long it takes a line to get from one processor to another, in nanoseconds: close by, and far away.
pub const NEAR: f64 = 50.0;
pub const FAR: f64 = 150.0;

/// How many nanoseconds an instruction takes, where nothing has to be waited for.
const INSTRUCTION: f64 = 1.0;

/// Who wants the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shared {
    /// All processors: they have one address space, or one VMA.
    ByAll,
    /// One: each has a VMA of its own.
    ByNobody,
}

#[derive(Debug, Serialize)]
pub struct Curve {
    pub operation: String,
    pub language: &'static str,
    pub shared: Shared,
    /// How long a transfer takes; 0 if there are none.
    pub transfer_ns: f64,
    /// How often the line is written for each operation: as many transfers where it is shared.
    pub writes: f64,
    /// What it takes alone.
    pub alone_ns: f64,
    /// Operations in a microsecond, for each of [`PROCESSORS`].
    pub rates: Vec<f64>,
}

#[derive(Debug, Default, Serialize)]
pub struct Projection {
    pub processors: Vec<u32>,
    pub curves: Vec<Curve>,
}

/// Operations in a microsecond. A line that is not shared takes no transfers.
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
    /// `alone` has how many instructions an operation takes in C and in Rust.
    pub fn of(writes: &Writes, alone: impl Fn(&str) -> Option<[f64; 2]>) -> Self {
        let mut projection = Self {
            processors: PROCESSORS.to_vec(),
            curves: Vec::new(),
        };
        let cases = [
            ("read-mmap", Kind::MmapLock, Shared::ByAll),
            ("read-vma", Kind::VmaLock, Shared::ByAll),
            ("read-vma", Kind::VmaLock, Shared::ByNobody),
        ];
        for (operation, kind, shared) in cases {
            let Some(((c, rust), alone)) = writes.count(operation, kind).zip(alone(operation))
            else {
                continue;
            };
            let transfers: &[f64] = match shared {
                Shared::ByAll => &[NEAR, FAR],
                Shared::ByNobody => &[0.0],
            };
            for &transfer_ns in transfers {
                let sides = [("c", c, alone[0]), ("rust", rust, alone[1])];
                for (language, count, instructions) in sides {
                    let (writes, alone_ns) = (count.atomic, instructions * INSTRUCTION);
                    let at = |n: &u32| rate(*n, alone_ns, writes, transfer_ns);
                    projection.curves.push(Curve {
                        operation: operation.to_string(),
                        language,
                        shared,
                        transfer_ns,
                        writes,
                        alone_ns,
                        rates: PROCESSORS.iter().map(at).collect(),
                    });
                }
            }
        }
        projection
    }
}

#[cfg(test)]
mod tests {
    use super::super::symbols::Symbols;
    use super::*;
    use crate::bench::lines::Line;

    #[test]
    fn equal_counts_and_costs_make_equal_curves() {
        let counts = "stretch\naccess ffff888001eae200 ffffffff81000120 locked 10 20\n";
        let lines = ["c", "rust"]
            .map(|language| Line::parse(&format!("stretch read-vma {language} 10 7")).unwrap());
        let symbols = Symbols::parse("ffffffff81000100 T other\n").unwrap();
        let writes = Writes::of(&lines, &counts.repeat(2), &symbols).unwrap();
        let curves = Projection::of(&writes, |_| Some([500.0, 500.0])).curves;
        assert_eq!(curves.len(), 6);
        for both in curves.chunks(2) {
            assert_eq!(both[0].rates, both[1].rates);
        }
        assert_eq!(curves[4].rates[9], 1024.0);
    }

    #[test]
    fn a_line_of_one_processor_is_no_limit() {
        let own = |n| rate(n, 500.0, 2.0, 0.0);
        assert_eq!((own(1), own(512)), (2.0, 1024.0));
    }

    #[test]
    fn a_line_of_all_is_written_once_at_a_time() {
        let all = |n| rate(n, 300.0, 2.0, 100.0);
        assert_eq!(all(1), 1e3 / 300.0);
        // Two that each wait for two transfers, and then as many as there is time for.
        assert_eq!((all(2), all(4), all(512)), (4.0, 5.0, 5.0));
    }
}
