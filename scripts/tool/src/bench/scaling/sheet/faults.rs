// SPDX-License-Identifier: GPL-2.0

//! Page faults beside others, as a picture and as tables.

use super::super::{faults, table};
use super::{processors, rows};
use crate::bench::plot::bars::{Bars, Kind, Series};
use crate::bench::plot::rows::{Group, Row, Value};
use crate::bench::plot::{Scale, Tone};
use crate::bench::sheet::{columns, figure};
use crate::bench::spread::Spread;
use crate::bench::table::name;
use crate::page::{Part, Table};
use anyhow::Result;
use faults::Faults;

pub fn picture(all: &[Faults]) -> Result<Part> {
    Ok(figure(
        "faults",
        bars(all).draw()?,
        "Medians, with the least and the most of all turns",
    ))
}

/// A group for each number of processors.
fn bars(all: &[Faults]) -> Bars {
    let series = [
        ("alone", Tone::Other(6)),
        ("with it in another mm", Tone::Other(4)),
        ("with it in this mm", Tone::Other(0)),
    ];
    let groups = all.iter().map(|faults| Group {
        name: processors(faults.processors),
        rows: faults.rows.iter().map(row).collect(),
    });
    Bars {
        title: "Page faults beside a writer or a reader".to_string(),
        about:
            "Page faults per ms of all threads together, while they touch memory: more is better"
                .to_string(),
        unit: "page faults per ms".to_string(),
        kind: Kind::Beside,
        scale: Scale::Linear,
        series: series
            .map(|(name, tone)| Series {
                name: name.to_string(),
                tone,
            })
            .into(),
        groups: groups.collect(),
    }
}

fn row(row: &faults::Row) -> Row {
    let threads = match row.threads {
        1 => "1 thread".to_string(),
        count => format!("{count} threads"),
    };
    let beside = match row.language.as_str() {
        "none" => format!("a {}", row.beside),
        language => format!("a reader: {}", name(&row.beside, language, 0)),
    };
    let rates = [&row.alone, &row.elsewhere, &row.here];
    Row {
        label: format!("{threads}, {beside}"),
        values: rates.map(value).into(),
    }
}

/// What was not measured is no bar.
fn value(rates: &Spread) -> Option<Value> {
    (!rates.all.is_empty()).then_some(Value {
        median: rates.median,
        low: rates.low,
        high: rates.high,
    })
}

pub fn table(faults: &Faults) -> Table {
    let cells = faults.rows.iter().map(|row| {
        vec![
            table::beside(row),
            row.threads.to_string(),
            format!("{:.1}", row.alone.median),
            format!("{:.1}", row.elsewhere.median),
            format!("{:.1}", row.here.median),
            format!("{:.0} %", 100.0 * row.kept.median),
        ]
    });
    Table {
        caption: format!(
            "Page faults per ms while memory is touched, {} processor(s)",
            faults.processors
        ),
        columns: columns(&[
            "beside",
            "threads",
            "alone",
            "in another",
            "in this mm",
            "kept",
        ]),
        rows: rows(cells),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::lines::Line;

    #[test]
    fn threads_have_a_bar_for_each_place_of_the_other() {
        let turn = |rest: &str| Line::parse(&format!("fault {rest}")).unwrap();
        let lines = [
            "2 writer none none 100 200000 200000",
            "2 writer none elsewhere 100 200000 400000",
            "2 writer none here 100 200000 500000",
            "2 writer none elsewhere 100 200000 400000",
            "2 writer none none 100 200000 250000",
            "2 writer none elsewhere 100 200000 400000",
            "2 writer none here 100 200000 500000",
            "2 writer none elsewhere 100 200000 400000",
            // A turn that does not come to its end.
            "1 read-mmap rust none 100 200000 100000",
        ]
        .map(turn);
        let bars = bars(&[Faults::of(1, &lines[..8]), Faults::of(2, &lines)]);
        let names: Vec<&str> = bars.groups.iter().map(|g| g.name.as_str()).collect();
        assert_eq!(names, ["1 processor", "2 processors"]);
        let [writer, reader] = &bars.groups[1].rows[..] else {
            panic!("not two rows");
        };
        assert_eq!(writer.label, "2 threads, a writer");
        let alone = Value {
            median: 900.0,
            low: 800.0,
            high: 1000.0,
        };
        assert_eq!(
            writer.values,
            [Some(alone), Some(500.0.into()), Some(400.0.into())]
        );
        assert_eq!(reader.label, "1 thread, a reader: mmap lock, Rust");
        assert_eq!(reader.values, [None; 3]);
        assert!(bars.draw().is_ok());
    }
}
