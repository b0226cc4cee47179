// SPDX-License-Identifier: GPL-2.0

//! Two lists of VMAs side by side.

use itertools::{EitherOrBoth, Itertools};
use vma_guest::area::Area;

/// A VMA that one side or both know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Both, and in all they say.
    Same(Area),
    /// Both know a VMA that starts here, but say different things.
    Different { driver: Area, maps: Area },
    /// Only the driver.
    OnlyDriver(Area),
    /// Only `/proc/self/maps`.
    OnlyMaps(Area),
}

/// Pairs up the lists in the order they come in.
///
/// Each must be in the order of its addresses; where one is not, VMAs do not find their
/// counterparts.
pub fn compare(driver: impl Iterator<Item = Area>, maps: impl Iterator<Item = Area>) -> Vec<Pair> {
    driver
        .merge_join_by(maps, |driver, maps| driver.start.cmp(&maps.start))
        .map(|pair| match pair {
            EitherOrBoth::Left(driver) => Pair::OnlyDriver(driver),
            EitherOrBoth::Right(maps) => Pair::OnlyMaps(maps),
            EitherOrBoth::Both(driver, maps) if driver == maps => Pair::Same(driver),
            EitherOrBoth::Both(driver, maps) => Pair::Different { driver, maps },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vma_guest::area::Perms;

    fn area(start: u64) -> Area {
        Area {
            start,
            end: start + 0x1000,
            perms: Perms(*b"rw-p"),
            offset: 0,
        }
    }

    fn pairs(driver: &[Area], maps: &[Area]) -> Vec<Pair> {
        compare(driver.iter().copied(), maps.iter().copied())
    }

    #[test]
    fn equal_lists_are_the_same_throughout() {
        let list = [area(0x1000), area(0x2000), area(0x8000)];
        assert_eq!(pairs(&list, &list), list.map(Pair::Same));
        assert_eq!(pairs(&[], &[]), []);
    }

    #[test]
    fn every_field_counts() {
        let maps = area(0x1000);
        let changes: [fn(&mut Area); 4] = [
            |area| area.end = 0x3000,
            |area| area.perms = Perms(*b"r--p"),
            |area| area.perms = Perms(*b"rw-s"),
            |area| area.offset = 0x1000,
        ];
        for change in changes {
            let mut driver = maps;
            change(&mut driver);
            let pair = Pair::Different { driver, maps };
            assert_eq!(pairs(&[driver], &[maps]), [pair]);
        }
        let driver = Area {
            start: 0x0800,
            ..maps
        };
        assert_eq!(
            pairs(&[driver], &[maps]),
            [Pair::OnlyDriver(driver), Pair::OnlyMaps(maps)]
        );
    }

    #[test]
    fn missing_and_extra_ones_are_found_anywhere() {
        let all = [area(0x1000), area(0x2000), area(0x3000)];
        for gone in 0..all.len() {
            let mut some = all.to_vec();
            some.remove(gone);

            let mut expected = all.map(Pair::Same);
            expected[gone] = Pair::OnlyMaps(all[gone]);
            assert_eq!(pairs(&some, &all), expected);

            expected[gone] = Pair::OnlyDriver(all[gone]);
            assert_eq!(pairs(&all, &some), expected);
        }
    }

    #[test]
    fn the_wrong_order_is_a_difference() {
        let (a, b) = (area(0x1000), area(0x2000));
        assert_eq!(
            pairs(&[b, a], &[a, b]),
            [Pair::OnlyMaps(a), Pair::Same(b), Pair::OnlyDriver(a)]
        );
    }

    #[test]
    fn the_same_vma_twice_is_a_difference() {
        let a = area(0x1000);
        assert_eq!(pairs(&[a, a], &[a]), [Pair::Same(a), Pair::OnlyDriver(a)]);
    }
}
