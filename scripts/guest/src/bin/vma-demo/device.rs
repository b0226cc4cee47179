// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma`, as a program uses it.

use crate::abi::{Describe, held, locking};
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;
use vma_guest::sys;

/// The driver's device node.
pub const PATH: &str = "/dev/rust-vma";

pub use vma_guest::device::all::DESCRIBE;

/// A way to lock, and its name in the table.
pub struct Way {
    pub number: u64,
    pub name: &'static str,
}

/// All ways to lock.
pub const WAYS: [Way; 4] = [
    way(locking::RCU, "RCU"),
    way(locking::MMAP, "MMAP"),
    way(locking::HANDED_OVER, "HAND"),
    way(locking::ANY, "ANY"),
];

const fn way(number: u64, name: &'static str) -> Way {
    Way { number, name }
}

/// The driver's answer, or the error number.
pub type Answer = std::result::Result<Describe, i32>;

/// Asks for the VMA at an address.
pub fn describe(device: &File, addr: u64, way: &Way) -> Answer {
    ask(device, [addr, way.number, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// Makes a request of the caller's own.
pub fn ask(device: &File, mut words: Describe) -> Answer {
    sys::ioctl_words(device, DESCRIBE, &mut words).map_err(|e| e.raw_os_error().unwrap_or(0))?;
    Ok(words)
}

/// Returns the name of the lock that the driver held.
pub fn held_name(held: u64) -> &'static str {
    match held {
        held::VMA => "vma",
        held::MMAP => "mmap",
        _ => "?",
    }
}

/// Reads a file from its start to its end, at most `step` bytes at a time; returns its length.
///
/// Nothing is allocated. A file that does not fit is an error.
pub fn read_whole(file: &File, buffer: &mut [u8], step: usize) -> Result<usize> {
    let mut len = 0;
    loop {
        let room = buffer.len().min(len + step);
        if room == len {
            return Err(Error::from(ErrorKind::OutOfMemory));
        }
        match file.read_at(&mut buffer[len..room], len as u64)? {
            0 => return Ok(len),
            read => len += read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_reads_agree_and_no_room_fails() {
        let file = File::open("/proc/self/exe").unwrap();
        let memory = sys::memfd(c"test").unwrap();
        let mut content = vec![0; 1000];
        file.read_exact_at(&mut content, 0).unwrap();
        memory.write_all_at(&content, 0).unwrap();

        for step in [1, 7, 999, 1000, 5000] {
            let mut buffer = vec![0; 1001];
            assert_eq!(read_whole(&memory, &mut buffer, step).unwrap(), 1000);
            assert_eq!(buffer[..1000], content);
        }
        assert!(read_whole(&memory, &mut [0; 1000], 7).is_err());
    }
}
