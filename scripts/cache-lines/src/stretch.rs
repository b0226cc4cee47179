// SPDX-License-Identifier: GPL-2.0

//! Counting.

use crate::instruction::Instruction;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How often a place was accessed.
#[derive(Clone, Copy, Default)]
struct Count {
    loads: u64,
    stores: u64,
}

/// The writes from a begin to the next end.
#[derive(Default)]
pub struct Stretch {
    counts: BTreeMap<(u64, Instruction), Count>,
}

impl Stretch {
    pub fn add(&mut self, at: u64, by: Instruction, is_store: bool) {
        let count = self.counts.entry((at, by)).or_default();
        match is_store {
            true => count.stores += 1,
            false => count.loads += 1,
        }
    }

    /// The lines about it.
    pub fn text(&self) -> String {
        let mut text = "stretch\n".to_string();
        for ((at, by), Count { loads, stores }) in &self.counts {
            let (address, how) = (by.address, by.how.name());
            writeln!(text, "access {at:x} {address:x} {how} {loads} {stores}")
                .expect("a string takes everything");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_are_counted_by_place_and_instruction() {
        let mut stretch = Stretch::default();
        let plain = Instruction::new(0xffff_ffff_8100_0000, &[0x90]).unwrap();
        let locked = Instruction::new(0xffff_ffff_8100_0010, &[0xf0, 0xff, 0x07]).unwrap();
        for is_store in [false, true, true] {
            stretch.add(0xffff_8880_0000_0040, plain, is_store);
        }
        stretch.add(0xffff_8880_0000_0040, locked, true);
        stretch.add(0xffff_8880_0000_0008, plain, false);
        assert_eq!(
            stretch.text(),
            "stretch\n\
             access ffff888000000008 ffffffff81000000 plain 1 0\n\
             access ffff888000000040 ffffffff81000000 plain 1 2\n\
             access ffff888000000040 ffffffff81000010 locked 0 1\n"
        );
    }
}
