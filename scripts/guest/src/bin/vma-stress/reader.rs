// SPDX-License-Identifier: GPL-2.0

//! A process that reads the maps of the others, and of itself and init.

use crate::board::{Kind, Row};
use crate::world::ground;
use std::io::Read;
use vma_guest::device::map::Map;
use vma_guest::random::Random;

/// Reads until the board says stop.
pub fn run(row: Row, worlds: &[i32], mut random: Random) {
    let map = Map::open().expect("/dev/rust-vma-map can be opened");
    let own = std::process::id() as i32;
    let (mut text, mut bytes) = (Vec::new(), vec![0; 65536]);
    while row.goes_on() {
        let of_world = random.below(8) > 0;
        let pid = match of_world {
            true => random.one_of(worlds),
            false => random.one_of(&[own, 1]),
        };
        row.must(Kind::Select, map.select(pid.into()));
        let piece = random.one_of(&[bytes.len(), 4096, 512]);
        text.clear();
        loop {
            let read = (&map.file).read(&mut bytes[..piece]);
            match row.must(Kind::ReadMap, read) {
                0 => break,
                read => text.extend_from_slice(&bytes[..read]),
            }
        }
        // A world that has ended meanwhile has no ground left.
        if of_world && row.goes_on() {
            let fault = ground().check(&text).err();
            assert!(fault.is_none(), "{}", fault.unwrap_or_default());
        }
        let histogram = map.histogram().expect("the histogram can be read");
        row.locked(histogram);
    }
}
