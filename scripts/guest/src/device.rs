// SPDX-License-Identifier: GPL-2.0

//! The drivers' devices, as programs use them.

pub mod all;
pub mod buffer;
pub mod first;
pub mod map;
pub mod pfn;
pub mod userptr;

pub use buffer::Buffer;
pub use pfn::Pfn;
pub use userptr::Userptr;

use crate::check::done;
use crate::sys;
use crate::sys::memory;
use std::fs::{File, OpenOptions};
use std::io::{Error, Result};
use std::os::fd::AsRawFd;

/// A device, and the option that a kernel with its driver has.
pub struct Node {
    pub path: &'static str,
    option: &'static str,
}

impl Node {
    /// Opens the device for reading and writing.
    pub fn open(&self) -> Result<File> {
        self.open_as(File::options().read(true).write(true))
    }

    /// Opens the device.
    pub fn open_as(&self, options: &OpenOptions) -> Result<File> {
        options.open(self.path).map_err(|e| {
            let Self { path, option } = self;
            Error::other(format!("{path}: {e}; it takes a kernel with {option}"))
        })
    }
}

/// Returns a driver's counters.
#[track_caller]
fn stats<const N: usize>(file: &File, number: u32) -> [u64; N] {
    // What the driver does not write is seen.
    let mut words = [u64::MAX; N];
    done("counters", sys::ioctl_words(file, number, &mut words));
    words
}

/// Maps pages of a device, shared.
pub fn map_shared(file: &File, at: usize, first: u64, pages: usize, prot: i32) -> Result<()> {
    map(file, at, first, pages, prot, libc::MAP_SHARED)
}

/// Maps pages of a device.
pub fn map(file: &File, at: usize, first: u64, pages: usize, prot: i32, flags: i32) -> Result<()> {
    let page = sys::page_size();
    let offset = first.wrapping_mul(page as u64) as i64;
    memory::map(
        at,
        pages * page,
        prot,
        flags,
        Some((file.as_raw_fd(), offset)),
    )
}
