// SPDX-License-Identifier: GPL-2.0

//! A VMA as `/proc/self/maps` tells of it.

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
