// SPDX-License-Identifier: GPL-2.0

//! Bytes to and from memory, by way of the kernel, which is quick and never ends in a signal.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use vma_guest::check::Must;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place};

/// Puts bytes into memory.
#[track_caller]
pub fn put(addr: usize, bytes: &[u8]) {
    let file = sys::memfd(c"bytes").must();
    file.write_all_at(bytes, 0).must();
    sys::read_to(&file, addr, bytes.len()).must();
}

/// Private memory with contents, at the first place.
#[track_caller]
pub fn memory_of(bytes: &[u8]) -> usize {
    let len = bytes.len().next_multiple_of(sys::page_size());
    memory::map_anonymous(place(0), len).must();
    put(place(0), bytes);
    place(0)
}

/// Gets bytes from memory.
#[track_caller]
pub fn get(addr: usize, len: usize) -> Vec<u8> {
    let file = sys::memfd(c"bytes").must();
    let got = copy(&file, addr, len).must();
    assert_eq!(got, len);
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0).must();
    bytes
}

/// The memory must hold these bytes.
#[track_caller]
pub fn holds(addr: usize, bytes: &[u8]) {
    assert!(get(addr, bytes.len()) == bytes);
}

/// All bytes of the memory must be this one.
#[track_caller]
pub fn filled(addr: usize, len: usize, byte: u8) {
    assert!(get(addr, len).iter().all(|&got| got == byte));
}

/// Copies memory to the start of a file. Where there is no memory, that is an error.
pub fn copy(file: &File, addr: usize, len: usize) -> std::io::Result<usize> {
    memory::write_from(file.as_raw_fd(), addr, len)
}

/// Bytes without a short period.
pub fn some_bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    bytes
}

/// The sum of bytes.
pub fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}
