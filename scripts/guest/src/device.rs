// SPDX-License-Identifier: GPL-2.0

//! The drivers' devices, as programs use them.

/// Declares the counters of a driver, which are the first words of its answer to an ioctl.
macro_rules! stats {
    ($device:ident, $number:expr, $($field:ident),*) => {
        /// The driver's counters.
        #[derive(Clone, Copy, Debug)]
        pub struct Stats {
            $(pub $field: u64,)*
        }

        impl $device {
            /// Returns the driver's counters, of all its files.
            #[track_caller]
            pub fn stats(&self) -> Stats {
                // The driver must write all words.
                let mut words = [u64::MAX; 6];
                sys::ioctl_words(&self.file, $number, &mut words).must();
                let [$($field,)* rest @ ..] = words;
                assert!(rest.iter().all(|word| *word == 0), "the last words: {rest:?}");
                Stats { $($field),* }
            }
        }
    };
}

/// Compares the VMAs that a driver counts with those of this process.
macro_rules! vmas {
    ($device:ident) => {
        impl Stats {
            /// Returns how many VMAs there are. It is negative if one was counted as dropped twice.
            pub fn vmas(&self) -> i64 {
                self.made.wrapping_sub(self.dropped) as i64
            }
        }

        impl $device {
            /// The driver must count as many VMAs as this process has, which alone has some.
            #[track_caller]
            pub fn vmas_fit(&self) {
                assert_eq!(self.stats().vmas(), vmas_of(&NODE) as i64);
            }

            /// As [`Self::vmas_fit()`], and there must be that number.
            #[track_caller]
            pub fn has_vmas(&self, number: u64) {
                assert_eq!(vmas_of(&NODE), number);
                self.vmas_fit();
            }
        }
    };
}

pub mod accel;
pub mod all;
pub mod bar;
pub mod buffer;
pub mod drm;
pub mod first;
pub mod map;
pub mod pci;
pub mod pfn;
pub mod pieces;
pub mod ring;
pub mod userptr;

pub use buffer::Buffer;
pub use pfn::Pfn;
pub use pieces::Pieces;
pub use userptr::Userptr;

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
