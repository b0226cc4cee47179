// SPDX-License-Identifier: GPL-2.0

//! Bytes to and from memory, by way of the kernel, which is quick and never ends in a signal.

use crate::check::{done, same};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place};

/// Puts bytes into memory.
#[track_caller]
pub fn put(addr: usize, bytes: &[u8]) {
    let file = done("a file for bytes", sys::memfd(c"bytes"));
    done("writing bytes", file.write_all_at(bytes, 0));
    done(
        "putting bytes into memory",
        sys::read_to(&file, addr, bytes.len()),
    );
}

/// Private memory with contents, at the first place.
#[track_caller]
pub fn memory_of(bytes: &[u8]) -> usize {
    let len = bytes.len().next_multiple_of(sys::page_size());
    done("map", memory::map_anonymous(place(0), len));
    put(place(0), bytes);
    place(0)
}

/// Gets bytes from memory.
#[track_caller]
pub fn get(addr: usize, len: usize) -> Vec<u8> {
    let file = done("a file for bytes", sys::memfd(c"bytes"));
    let got = done("getting bytes from memory", copy(&file, addr, len));
    same("how many bytes were got from memory", got, len);
    let mut bytes = vec![0; len];
    done("reading bytes", file.read_exact_at(&mut bytes, 0));
    bytes
}

/// Copies memory to the start of a file. Where there is no memory, that is an error.
pub fn copy(file: &File, addr: usize, len: usize) -> std::io::Result<usize> {
    memory::write_from(file.as_raw_fd(), addr, len)
}

/// Bytes without a short period.
pub fn some_bytes(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// The sum of bytes.
pub fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}
