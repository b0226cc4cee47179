// SPDX-License-Identifier: GPL-2.0

//! A VMA as both sides know it: what the driver and `/proc/self/maps` have in common.

use crate::abi::{Record, flag};
use std::fmt;

/// Range, permissions and file offset of a VMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub start: u64,
    pub end: u64,
    pub perms: Perms,
    pub offset: u64,
}

/// `rwx` and `s` or `p`, as the letters of `/proc/self/maps`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Perms(pub [u8; 4]);

impl Area {
    /// The driver's record, in the words of `/proc/self/maps`.
    pub fn from_record([start, end, offset, flags]: Record) -> Self {
        let letter = |flag, set, clear| if flags & flag != 0 { set } else { clear };
        let perms = Perms([
            letter(flag::READ, b'r', b'-'),
            letter(flag::WRITE, b'w', b'-'),
            letter(flag::EXEC, b'x', b'-'),
            letter(flag::SHARED, b's', b'p'),
        ]);
        Self {
            start,
            end,
            perms,
            offset,
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:012x}-{:012x} {} {:08x}",
            self.start, self.end, self.perms, self.offset
        )
    }
}

impl fmt::Display for Perms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|&letter| write!(f, "{}", char::from(letter)))
    }
}

impl fmt::Debug for Perms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_has_its_letter() {
        let perms = |flags| Area::from_record([0, 1, 0, flags]).perms.to_string();
        assert_eq!(perms(0), "---p");
        assert_eq!(perms(flag::READ), "r--p");
        assert_eq!(perms(flag::WRITE), "-w-p");
        assert_eq!(perms(flag::EXEC), "--xp");
        assert_eq!(perms(flag::SHARED), "---s");
        assert_eq!(
            perms(flag::FILE | flag::GROWSDOWN | flag::MAYBE_GUARD),
            "---p"
        );
    }
}
