// SPDX-License-Identifier: GPL-2.0

//! The mappings of a process that runs generated functions: 64 pages, known to the modules' harness, with mappings of
//! every kind and holes in between.

use libc::{MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE};
use std::fs::File;
use std::io::Result;
use std::os::fd::AsRawFd;
use vma_guest::sys;
use vma_guest::sys::memory;

/// The pages that the harness knows.
pub const PAGES: usize = 64;

pub struct Ground {
    mmap: File,
    prepare: File,
    file: File,
    pub zero: File,
    page: usize,
}

impl Ground {
    pub fn new(mmap: File, prepare: File) -> Result<Self> {
        let page = sys::page_size();
        let file = sys::memfd(c"fuzz")?;
        file.set_len((16 * page) as u64)?;
        let zero = File::options().read(true).write(true).open("/dev/zero")?;
        Ok(Self {
            mmap,
            prepare,
            file,
            zero,
            page,
        })
    }

    pub fn base(&self) -> usize {
        memory::place(0)
    }

    pub fn at(&self, page: usize) -> usize {
        self.base() + page * self.page
    }

    pub fn map_all(&self) {
        for which in 0..7 {
            self.map_one(which);
        }
    }

    /// Maps one of the parts anew. The hooks of the modules may refuse it.
    pub fn map_one(&self, which: usize) {
        let file = |file: &File| Some((file.as_raw_fd(), 0));
        let (first, pages, flags, file) = match which % 7 {
            0 => (0, 8, MAP_PRIVATE, None),
            1 => (9, 8, MAP_SHARED, file(&self.mmap)),
            2 => (18, 8, MAP_SHARED, file(&self.prepare)),
            3 => (27, 8, MAP_SHARED, file(&self.file)),
            4 => (36, 8, MAP_PRIVATE, file(&self.file)),
            5 => (45, 4, MAP_PRIVATE, file(&self.mmap)),
            _ => (50, 4, MAP_PRIVATE, file(&self.prepare)),
        };
        let _ = memory::map(
            self.at(first),
            pages * self.page,
            PROT_READ | PROT_WRITE,
            flags,
            file,
        );
        for page in first..first + pages {
            self.write(page);
        }
    }

    /// Writes to a page, if that is possible.
    pub fn write(&self, page: usize) {
        let _ = sys::read_to(&self.zero, self.at(page), 8);
    }

    /// Reads a page, if that is possible.
    pub fn read(&self, page: usize) {
        let _ = memory::write_from(self.file.as_raw_fd(), self.at(page), 8);
    }
}
