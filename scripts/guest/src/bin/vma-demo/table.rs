// SPDX-License-Identifier: GPL-2.0

//! The driver's view as a table: ASCII, at most 100 columns.

use crate::check::Row;
use crate::compare::Pair;
use crate::device::WAYS;
use std::fmt::Write;
use vma_guest::area::Area;

const WIDTH: usize = 100;

/// The table, with a line below each VMA for everything that is wrong with it.
pub fn render(rows: &[Row]) -> String {
    let [a, b, c, d] = WAYS.each_ref().map(|way| way.name);
    let mut out = line(&format!("{:47}LOCK HELD, BY WAY TO LOCK", ""));
    out += &line(&format!(
        "{:25}  {:4}  {:<12}  {a:<4}  {b:<4}  {c:<4}  {d:<4}  WHAT",
        "RANGE", "PERM", "OFFSET"
    ));
    for row in rows {
        out += &render_row(row);
    }
    out
}

fn render_row(row: &Row) -> String {
    let (area, difference) = match row.pair {
        Pair::Same(area) => (area, None),
        Pair::Different { driver, maps } => (driver, Some(format!("/proc/self/maps says {maps}"))),
        Pair::OnlyDriver(area) => (area, Some("not in /proc/self/maps".into())),
        Pair::OnlyMaps(area) => (area, Some("not in the driver's list".into())),
    };
    let Area {
        start,
        end,
        perms,
        offset,
    } = area;
    let range = format!("{start:012x}-{end:012x}");
    let [a, b, c, d] = row.held;

    let mut out = line(&format!(
        "{range:25}  {:4}  {offset:<12x}  {a:<4}  {b:<4}  {c:<4}  {d:<4}  {}",
        perms.to_string(),
        row.what
    ));
    for fault in difference.iter().chain(&row.faults) {
        out += &line(&format!("    differs: {fault}"));
    }
    out
}

fn line(text: &str) -> String {
    let mut out = text.trim_end().chars().take(WIDTH).collect::<String>();
    let _ = writeln!(out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use vma_guest::area::Perms;

    fn row(pair: Pair, what: &str, faults: &[&str]) -> Row {
        Row {
            pair,
            held: ["vma", "mmap", "-", ""],
            what: what.into(),
            faults: faults.iter().map(|fault| fault.to_string()).collect(),
        }
    }

    #[test]
    fn table_keeps_columns_and_width() {
        let area = Area {
            start: 0x1000,
            end: 0x7fff_ffff_f000,
            perms: Perms(*b"r--s"),
            offset: 0x2000,
        };
        let text = render(&[
            row(Pair::Same(area), &"w".repeat(200), &[]),
            row(Pair::OnlyDriver(area), "it", &[&"f".repeat(200)]),
        ]);
        let lines = text.lines().collect::<Vec<_>>();
        assert_eq!(lines.len(), 6);
        assert!(
            lines
                .iter()
                .all(|line| line.is_ascii() && line.len() <= WIDTH)
        );
        for (heading, cell) in [
            ("RANGE", "000000001000-7ffffffff000"),
            ("PERM", "r--s"),
            ("OFFSET", "2000"),
            ("RCU", "vma"),
            ("MMAP", "mmap"),
            ("HAND", "-  "),
            ("WHAT", "www"),
        ] {
            let column = lines[1].find(heading).unwrap();
            assert!(lines[2][column..].starts_with(cell), "{heading}\n{text}");
        }
        assert_eq!(lines[4], "    differs: not in /proc/self/maps");
    }
}
