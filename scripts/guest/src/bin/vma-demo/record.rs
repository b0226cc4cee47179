// SPDX-License-Identifier: GPL-2.0

//! The driver's record of a VMA, in the words of `/proc/self/maps`.

use crate::abi::{Record, flag};
use vma_guest::area::{Area, Perms};

/// Converts a record.
pub fn area([start, end, offset, flags]: Record) -> Area {
    let letter = |flag, set, clear| if flags & flag != 0 { set } else { clear };
    let perms = Perms([
        letter(flag::READ, b'r', b'-'),
        letter(flag::WRITE, b'w', b'-'),
        letter(flag::EXEC, b'x', b'-'),
        letter(flag::SHARED, b's', b'p'),
    ]);
    Area {
        start,
        end,
        perms,
        offset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_has_its_letter() {
        let perms = |flags| area([0, 1, 0, flags]).perms.to_string();
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
