// SPDX-License-Identifier: GPL-2.0

//! The page of all measurements.

use super::Figures;
use super::exceptions::Exception;
use super::rows;
pub use crate::page::figure;
use crate::page::{Listing, Listings, Page, Part, Section};
use anyhow::{Result, bail};

/// The operations that are not primitives.
const OPERATIONS: &str = "`walk-vma` walks all VMAs with a VMA lock each, as does `walk-loop`, which in C is a bare loop; \
    `walk-mmap` holds the mmap read lock. `read-vma` and `read-mmap` look a VMA up under one of these locks, `hold-vma` \
    and `hold-mmap` also hold it for a while, and `lock-two` locks two VMAs.";

pub(super) fn page(figures: &Figures) -> Result<Page> {
    let Figures {
        rows,
        costs: Some(costs),
        sizes: Some(sizes),
        writes: Some(writes),
        projection: Some(projection),
        contention,
        faults,
        ..
    } = figures
    else {
        bail!("no page: not everything on it was measured");
    };
    let readers = contention.iter().flat_map(|one| {
        let name = format!("readers-{}", one.processors);
        let drawn = figure(&name, "Medians of the turns that count");
        [drawn].into_iter().chain(one.tables().map(Part::Table))
    });
    let fault_tables = faults.iter().map(|one| Part::Table(one.table()));
    let mut scaling = vec![
        Part::Text(
            "Cache lines that an operation writes and that other processors may want, counted in the emulator, and an \
             upper bound for many processors: a line moves from one to the next for each atomic write. \
             `Documentation/mm/vma_rust_scaling.rst` has the model."
                .to_string(),
        ),
        figure("cache-lines", "Medians. The table has the operations that write the same as another",
        ),
        Part::Table(writes.table()),
        figure("projection", "Projected, not measured"),
        Part::Table(projection.table()),
        figure("sizes", "Medians, broad in C and thin in Rust"),
        figure("sizes-gaps", "Medians, broad in C and thin in Rust"),
        Part::Table(sizes.table()),
        figure("faults", "Medians, with the least and the most of all turns",
        ),
    ];
    scaling.extend(fault_tables);
    let primitives = vec![
        figure("ratios", "Medians"),
        figure("instructions", "The same as counts"),
        Part::Table(rows::table(rows)),
    ];
    let costs = vec![
        Part::Text(OPERATIONS.to_string()),
        figure("walks", "Walks, broad in C and thin in Rust"),
        Part::Table(costs.table()),
    ];
    let sections = [
        ("primitives", "Primitives", primitives),
        ("costs", "Costs", costs),
        ("contention", "Readers and a writer", readers.collect()),
        ("scaling", "Larger machines and address spaces", scaling),
    ];
    Ok(Page {
        title: "The same work on VMAs in C and in Rust".to_string(),
        intro: "Measured in one kernel in an emulated machine: with one processor whose clock counts instructions, and \
                with one and two fast ones to see how readers and a writer delay each other."
            .to_string(),
        sections: sections
            .map(|(id, heading, parts)| Section {
                id: id.to_string(),
                heading: heading.to_string(),
                parts,
            })
            .into(),
    })
}

/// Lists both sides of each primitive that takes more instructions than C, and the reason.
pub fn reasons<'a>(all: impl Iterator<Item = (&'a Exception, Vec<Listing>)>) -> Section {
    let listings = all.map(|(exception, sides)| {
        let Exception {
            primitive,
            instructions,
            reason,
        } = exception;
        Part::Listings(Listings {
            summary: format!("{primitive}: {instructions} more: {reason}"),
            sides,
        })
    });
    let text = "These primitives take more instructions in Rust than in C. The listings are of the kernel that inlines \
                helpers.";
    Section {
        id: "reasons".to_string(),
        heading: "Where Rust takes more".to_string(),
        parts: [Part::Text(text.to_string())]
            .into_iter()
            .chain(listings)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::contention::Contention;
    use super::super::costs::{By, Costs};
    use super::super::faults::Faults;
    use super::super::projection::Projection;
    use super::super::samples::{C, Rust, boot, cost, faults, reader, stretch, turns};
    use super::super::writes::{Symbols, Writes};
    use super::*;
    use crate::bench::primitives::{Helpers, Measured, Primitives};
    use bench_records::{Layout, Record};
    use std::collections::BTreeMap;

    #[test]
    fn page_shows_every_measurement() {
        let layout = Layout {
            mappings: 10,
            span: 4 << 20,
            gaps: false,
        };
        let walks = [C, Rust].map(|language| cost("walk-vma", layout, language, 100));
        let costs = |by| Some(Costs::of(by, &walks));
        let records: Vec<Record> = [C, Rust]
            .map(|language| stretch("read-vma", language))
            .into();
        let counts = "stretch\naccess ffff888001eae200 ffffffff81000120 locked 10 20\n".repeat(2);
        let symbols = Symbols::parse("ffffffff81000100 T other\n").unwrap();
        let writes = Writes::of(&records, &counts, &symbols).unwrap();
        let measured = Measured {
            config: "k",
            helpers: Helpers::Inline,
            boots: [(); 2].map(|()| Primitives::of(&boot(&[("read", &[40.0, 41.0])]))),
        };
        let contention = turns(&reader("read-vma", 0), [1000; 3]);
        let figures = Figures {
            rows: rows::Row::all(&[measured], &BTreeMap::new()),
            costs: costs(By::Count),
            sizes: costs(By::Span),
            projection: Some(Projection::of(&writes, |_| Some([500.0; 2]))),
            writes: Some(writes),
            contention: [1, 2]
                .map(|count| Contention::of(count, &contention))
                .into(),
            faults: [1, 2]
                .map(|count| Faults::of(count, &faults(1, None, [1000; 3])))
                .into(),
            ..Figures::default()
        };
        assert!(page(&Figures::default()).is_err());
        let page = page(&figures).unwrap();
        let names: Vec<&str> = page.figures().map(|figure| figure.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "ratios",
                "instructions",
                "walks",
                "readers-1",
                "readers-2",
                "cache-lines",
                "projection",
                "sizes",
                "sizes-gaps",
                "faults"
            ]
        );
        let parts = page.sections.iter().flat_map(|section| &section.parts);
        let rows = parts.filter_map(|part| match part {
            Part::Table(table) => Some(table.rows.len()),
            _ => None,
        });
        // No waits of a writer were recorded.
        assert_eq!(rows.collect::<Vec<_>>(), [1, 1, 1, 0, 1, 0, 1, 6, 1, 1, 1]);
    }
}
