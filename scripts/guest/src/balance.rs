// SPDX-License-Identifier: GPL-2.0

//! Objects of the drivers, of which there must be as many after a test as before it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Result;
use std::time::{Duration, Instant};

/// The differences from `before` that are still there when the kernel has had so long to tidy up.
pub fn lasting(
    now: impl Fn() -> Result<Balance>,
    before: &Balance,
    limit: Duration,
) -> Result<Vec<String>> {
    let start = Instant::now();
    loop {
        let differences = now()?.differences(before);
        if differences.is_empty() || start.elapsed() >= limit {
            return Ok(differences);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Names of things, and how many of them there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance(BTreeMap<String, i64>);

impl Balance {
    /// Adds a number of things.
    pub fn add(&mut self, name: &str, number: u64) {
        self.add_difference(name, number, 0);
    }

    /// Adds things that were made so often, and went away so often.
    ///
    /// More of them can have gone than were made: if somebody counts one of them twice.
    pub fn add_difference(&mut self, name: &str, made: u64, gone: u64) {
        self.0.insert(name.into(), made.wrapping_sub(gone) as i64);
    }

    /// Returns the differences from the balance before.
    pub fn differences(&self, before: &Self) -> Vec<String> {
        let show = |number: Option<&i64>| number.map_or("unknown".into(), i64::to_string);
        let names = self
            .0
            .keys()
            .chain(before.0.keys())
            .collect::<BTreeSet<_>>();
        names
            .into_iter()
            .map(|name| (name, self.0.get(name), before.0.get(name)))
            .filter(|(_, now, was)| now != was)
            .map(|(name, now, was)| format!("{name}: {}, before the test {}", show(now), show(was)))
            .collect()
    }

    /// Returns everything of which there is not zero.
    pub fn not_zero(&self) -> Vec<String> {
        let some = self.0.iter().filter(|(_, number)| **number != 0);
        some.map(|(name, number)| format!("{name}: {number}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(pages: u64, made: u64, gone: u64) -> Balance {
        let mut balance = Balance::default();
        balance.add("pages", pages);
        balance.add_difference("VMAs", made, gone);
        balance
    }

    #[test]
    fn ignores_objects_that_came_and_went() {
        assert!(balance(3, 7, 5).differences(&balance(3, 2, 0)).is_empty());
        assert!(balance(0, 5, 5).not_zero().is_empty());
    }

    #[test]
    fn reports_leaks_and_double_drops() {
        assert_eq!(
            balance(4, 7, 5).differences(&balance(3, 5, 5)),
            ["VMAs: 2, before the test 0", "pages: 4, before the test 3"]
        );
        assert_eq!(
            balance(0, 5, 6).differences(&balance(0, 5, 5)),
            ["VMAs: -1, before the test 0"]
        );
        assert_eq!(balance(0, 5, 6).not_zero(), ["VMAs: -1"]);
    }

    #[test]
    fn reports_objects_of_one_side() {
        let (none, some) = (Balance::default(), balance(0, 0, 0));
        assert_eq!(none.differences(&some).len(), 2);
        assert_eq!(some.differences(&none).len(), 2);
    }
}
