// SPDX-License-Identifier: GPL-2.0

//! `MATRIX=i/n`: a part of the suites, for machines that share the work. The suites of one kernel stay together, so that no two
//! parts build it for them.

use crate::kconfig::Config;
use crate::tiers::{Row, Tier};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::ops::Range;

/// The work of building a kernel, where that of a suite is 1.
const BUILD: usize = 3;

/// The number of the part that was asked for, from 1 on, and the number of parts.
fn asked_for(asked: &str) -> Result<(usize, usize)> {
    let numbers = asked.split_once('/');
    let numbers = numbers.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    let advice = || format!("MATRIX={asked}: give a part and the number of parts, such as 1/4");
    let (i, n): (usize, usize) = numbers.with_context(advice)?;
    ensure!((1..=n).contains(&i), advice());
    Ok((i, n))
}

/// The i-th of n parts of a row of things, which stay beside each other.
pub fn range(length: usize, asked: &str) -> Result<Range<usize>> {
    let (i, n) = asked_for(asked)?;
    ensure!(
        n <= length,
        "MATRIX={asked}: there are {length} parts at most"
    );
    Ok((i - 1) * length / n..i * length / n)
}

/// The rows of a part, in their order.
pub fn part(rows: Vec<Row>, asked: &str) -> Result<Vec<Row>> {
    let (i, n) = asked_for(asked)?;
    let groups = groups(&rows);
    let most = groups.len();
    ensure!(
        n <= most,
        "MATRIX={asked}: the suites are {most} parts at most, because those of a kernel stay together"
    );
    let part = parts(groups, n).swap_remove(i - 1);
    let rows = rows.into_iter().enumerate();
    Ok(rows
        .filter(|(at, _)| part.contains(at))
        .map(|(_, row)| row)
        .collect())
}

/// The rows that stay together, by their numbers.
struct Group {
    kernel: Option<Config>,
    rows: Vec<usize>,
}

impl Group {
    fn work(&self) -> usize {
        self.rows.len() + self.kernel.map_or(0, |_| BUILD)
    }
}

fn groups(rows: &[Row]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, Row { kernel, .. }) in rows.iter().enumerate() {
        let mut of_kernel = groups.iter_mut();
        match of_kernel.find(|group| kernel.is_some() && group.kernel == *kernel) {
            Some(group) => group.rows.push(at),
            None => groups.push(Group {
                kernel: *kernel,
                rows: vec![at],
            }),
        }
    }
    groups
}

/// Each group, that with the most work first, goes to the part that has the least by then.
fn parts(mut groups: Vec<Group>, n: usize) -> Vec<Vec<usize>> {
    groups.sort_by_key(|group| std::cmp::Reverse(group.work()));
    let mut parts: Vec<(usize, Vec<usize>)> = vec![(0, Vec::new()); n];
    for group in groups {
        let least = parts.iter_mut().min_by_key(|(work, _)| *work);
        let (work, rows) = least.expect("n is not 0");
        *work += group.work();
        rows.extend(group.rows);
    }
    parts.into_iter().map(|(_, rows)| rows).collect()
}

/// The rows for an engine that makes a job of each.
pub fn cells(rows: &[Row]) -> Value {
    let cell = |row: &Row| {
        json!({
            "suite": row.name,
            "tier": match row.tier { Tier::Test => "test", Tier::All => "all" },
            "kernel": row.kernel.map(|config| config.name),
        })
    };
    rows.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kconfig::X86_64;
    use crate::tiers;
    use std::path::Path;

    fn rows() -> Vec<Row> {
        tiers::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
    }

    fn names(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| &*row.name).collect()
    }

    #[test]
    fn ranges_follow_each_other() {
        let ranges: Vec<_> = (1..=3)
            .map(|i| range(38, &format!("{i}/3")).unwrap())
            .collect();
        assert_eq!(ranges, [0..12, 12..25, 25..38]);
        for asked in ["0/2", "3/2", "1", "1/39"] {
            assert!(range(38, asked).is_err(), "{asked}");
        }
    }

    #[test]
    fn parts_together_are_all_rows_each_once() {
        let all = rows();
        let most = groups(&all).len();
        for n in 1..=most {
            let mut seen: Vec<String> = Vec::new();
            let mut kernels: Vec<Config> = Vec::new();
            for i in 1..=n {
                let part = part(rows(), &format!("{i}/{n}")).unwrap();
                assert!(!part.is_empty(), "{i}/{n}");
                let mut own: Vec<Config> = part.iter().filter_map(|row| row.kernel).collect();
                own.dedup();
                assert!(
                    own.iter().all(|kernel| !kernels.contains(kernel)),
                    "{i}/{n}"
                );
                kernels.extend(own);
                let in_order: Vec<&str> = names(&all)
                    .into_iter()
                    .filter(|name| names(&part).contains(name))
                    .collect();
                assert_eq!(names(&part), in_order);
                seen.extend(part.into_iter().map(|row| row.name));
            }
            let mut expected = names(&all);
            expected.sort_unstable();
            seen.sort_unstable();
            assert_eq!(seen, expected, "{n} parts");
        }
    }

    #[test]
    fn parts_have_about_the_same_work() {
        let group = |kernel, rows| Group { kernel, rows };
        let mut groups: Vec<Group> = [0, 2, 3, 4, 5].map(|at| group(None, vec![at])).into();
        groups.insert(1, group(Some(X86_64), vec![1]));
        assert_eq!(parts(groups, 2), [vec![1, 5], vec![0, 2, 3, 4]]);
    }

    #[test]
    fn wrong_values_are_errors_of_one_line() {
        for (value, complaint) in [
            ("", "give a part"),
            ("1", "give a part"),
            ("0/4", "give a part"),
            ("5/4", "give a part"),
            ("1/0", "give a part"),
            ("-1/4", "give a part"),
            ("1/4/2", "give a part"),
            ("a/b", "give a part"),
            ("1/99", "parts at most"),
        ] {
            let error = format!("{:#}", part(rows(), value).unwrap_err());
            assert!(error.starts_with(&format!("MATRIX={value}: ")), "{error}");
            assert!(
                error.contains(complaint) && !error.contains('\n'),
                "{error}"
            );
        }
    }

    #[test]
    fn cells_say_suite_tier_and_kernel() {
        let cells = cells(&rows());
        let of = |suite: &str| {
            let mut all = cells.as_array().unwrap().iter();
            all.find(|cell| cell["suite"] == suite).unwrap().clone()
        };
        let expected = json!({ "suite": "kunit um", "tier": "all", "kernel": "um" });
        assert_eq!(of("kunit um"), expected);
        let expected = json!({ "suite": "lint", "tier": "test", "kernel": null });
        assert_eq!(of("lint"), expected);
        assert_eq!(cells.as_array().unwrap().len(), rows().len());
    }
}
