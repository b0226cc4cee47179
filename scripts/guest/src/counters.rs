// SPDX-License-Identifier: GPL-2.0

//! The counters of all drivers: what must be the same after a test as before it.

use crate::abi::buffer::Stats as BufferWords;
use crate::abi::drm::Stats as DrmWords;
use crate::abi::map::Stats as MapWords;
use crate::abi::pfn::Stats as PfnWords;
use crate::abi::userptr::Stats as UserptrWords;
use crate::balance::Balance;
use crate::device::{Node, buffer, drm, map, pfn, userptr};
use crate::sys;
use std::fs::File;
use std::io::Result;

/// The counters of a driver, in its own words.
type Words = [u64; 6];

/// Each driver has as many of them.
const _: (BufferWords, DrmWords, MapWords, PfnWords, UserptrWords) = {
    let words: Words = [0; 6];
    (words, words, words, words, words)
};

/// A driver with counters.
struct Driver {
    name: &'static str,
    node: &'static Node,
    /// The ioctl that writes the counters.
    number: u32,
    /// Adds what exists to a balance.
    add: fn(&mut Balance, Words),
}

const DRIVERS: [Driver; 5] = [
    Driver {
        name: "buffer",
        node: &buffer::NODE,
        number: buffer::STATS,
        add: |balance, [buffers, pages, made, dropped, ..]| {
            balance.add("buffers", buffers);
            balance.add("pages of buffers", pages);
            balance.add_difference("VMAs of buffers", made, dropped);
        },
    },
    Driver {
        name: "drm",
        node: &drm::NODE,
        number: drm::STATS,
        add: |balance, [objects, pages, made, dropped, devices, ..]| {
            balance.add("GEM objects", objects);
            balance.add("pages of GEM objects", pages);
            balance.add_difference("VMAs of GEM objects", made, dropped);
            balance.add("DRM devices", devices);
        },
    },
    Driver {
        name: "map",
        node: &map::NODE,
        number: map::STATS,
        add: |balance, [files, readers, ..]| {
            balance.add("map files", files);
            balance.add("maps of processes", readers);
        },
    },
    Driver {
        name: "pfn",
        node: &pfn::NODE,
        number: pfn::STATS,
        add: |balance, [pieces, pages, made, dropped, ..]| {
            balance.add("pieces of pfn memory", pieces);
            balance.add("pages of pfn memory", pages);
            balance.add_difference("VMAs of pfn memory", made, dropped);
        },
    },
    Driver {
        name: "userptr",
        node: &userptr::NODE,
        number: userptr::STATS,
        add: |balance, [files, pinned_now, pinned, unpinned, ..]| {
            balance.add("userptr files", files);
            balance.add("userptr pages that are pinned", pinned_now);
            balance.add_difference("userptr pins", pinned, unpinned);
        },
    },
];

/// The drivers, opened once, which is why there is always a file of each.
pub struct Counters {
    devices: Vec<(&'static Driver, File)>,
    /// Why others are not there.
    pub missing: Vec<String>,
}

impl Counters {
    /// Opens the devices that there are.
    pub fn open() -> Self {
        let mut devices = Vec::new();
        let mut missing = Vec::new();
        for driver in &DRIVERS {
            match driver.node.open() {
                Ok(file) => devices.push((driver, file)),
                Err(e) => missing.push(e.to_string()),
            }
        }
        Self { devices, missing }
    }

    /// Returns the objects that exist now.
    pub fn balance(&self) -> Result<Balance> {
        let mut balance = Balance::default();
        for (driver, file) in &self.devices {
            (driver.add)(&mut balance, words(driver, file)?);
        }
        Ok(balance)
    }

    /// All counters, a line for each driver.
    pub fn describe(&self, when: &str) -> Result<String> {
        let mut out = String::new();
        for (driver, file) in &self.devices {
            let words = words(driver, file)?.map(|word| word.to_string());
            out += &format!("counters {when}: {} {}\n", driver.name, words.join(" "));
        }
        Ok(out)
    }
}

fn words(driver: &Driver, file: &File) -> Result<Words> {
    let mut words = [u64::MAX; 6];
    sys::ioctl_words(file, driver.number, &mut words)?;
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(words: Words) -> Balance {
        let mut balance = Balance::default();
        for driver in &DRIVERS {
            (driver.add)(&mut balance, words);
        }
        balance
    }

    #[test]
    fn each_word_that_says_what_exists_counts() {
        let before = balance([2, 4, 9, 7, 1, 0]);
        for (word, things) in [(0, 5), (1, 5), (2, 4), (3, 4), (4, 1), (5, 0)] {
            let mut words = [2, 4, 9, 7, 1, 0];
            words[word] += 1;
            let found = balance(words).differences(&before);
            assert_eq!(found.len(), things, "word {word}: {found:?}");
        }
    }

    #[test]
    fn ignores_objects_made_and_dropped() {
        let before = balance([2, 4, 9, 7, 1, 0]);
        let after = balance([2, 4, 1009, 1007, 1, 30]);
        assert!(after.differences(&before).is_empty());
    }
}
