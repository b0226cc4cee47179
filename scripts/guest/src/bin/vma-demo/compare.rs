// SPDX-License-Identifier: GPL-2.0

//! Two lists of VMAs side by side.

use std::cmp::Ordering;
use std::iter::Peekable;
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
    let (mut driver, mut maps) = (driver.peekable(), maps.peekable());
    std::iter::from_fn(|| next_pair(&mut driver, &mut maps)).collect()
}

fn next_pair<D, M>(driver: &mut Peekable<D>, maps: &mut Peekable<M>) -> Option<Pair>
where
    D: Iterator<Item = Area>,
    M: Iterator<Item = Area>,
{
    let first = match (driver.peek(), maps.peek()) {
        (Some(d), Some(m)) => d.start.cmp(&m.start),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => return None,
    };
    match first {
        Ordering::Less => driver.next().map(Pair::OnlyDriver),
        Ordering::Greater => maps.next().map(Pair::OnlyMaps),
        Ordering::Equal => {
            let (driver, maps) = (driver.next()?, maps.next()?);
            Some(if driver == maps {
                Pair::Same(driver)
            } else {
                Pair::Different { driver, maps }
            })
        }
    }
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
        for driver in [
            Area {
                end: 0x3000,
                ..maps
            },
            Area {
                perms: Perms(*b"r--p"),
                ..maps
            },
            Area {
                perms: Perms(*b"rw-s"),
                ..maps
            },
            Area {
                offset: 0x1000,
                ..maps
            },
        ] {
            assert_eq!(
                pairs(&[driver], &[maps]),
                [Pair::Different { driver, maps }]
            );
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
