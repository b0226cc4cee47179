// SPDX-License-Identifier: GPL-2.0

//! Mappings of every kind, for the driver to tell about.

use crate::abi::flag;
use libc::{
    MAP_GROWSDOWN, MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED, MAP_STACK, PROT_EXEC, PROT_NONE,
    PROT_READ, PROT_WRITE,
};
use std::fs::File;
use std::io::Result;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use vma_guest::sys::{self, Place};

/// The large hole between the last two mappings.
const HOLE: usize = 1 << 30;

/// Between the other mappings, so that none is merged with its neighbour.
const STRIDE: usize = 1 << 20;

/// More than there are mappings.
const SLOTS: usize = 16;

/// A VMA that this program made.
#[derive(Clone, Debug)]
pub struct Made {
    pub start: u64,
    pub end: u64,
    /// A description for people.
    pub kind: &'static str,
    /// Flags of [`abi`](crate::abi) that the driver must report, and no other of [`CHECKED`].
    pub flags: u64,
}

/// The flags that are known of every mapping made here.
///
/// Not the permissions, which `/proc/self/maps` tells.
pub const CHECKED: u64 = flag::FILE | flag::GROWSDOWN | flag::MAYBE_GUARD;

/// All of them, and remarks about what this kernel does not have.
pub struct Mappings {
    pub made: Vec<Made>,
    /// An address in the middle of the large hole.
    pub hole: u64,
    pub notes: Vec<&'static str>,
}

/// Makes them, and leaves them for as long as the process lives.
pub fn make() -> Result<Mappings> {
    let page = sys::page_size();
    let mut slots = Slots::reserve()?;
    let mut made = Vec::new();
    let mut notes = Vec::new();

    let mut add = |start: usize, pages: usize, kind, flags| {
        made.push(Made {
            start: start as u64,
            end: (start + pages * page) as u64,
            kind,
            flags,
        });
    };
    let mut map = |pages: usize, prot, flags, file: Option<(&File, usize)>| {
        let file = file.map(|(file, first)| (file.as_raw_fd(), (first * page) as i64));
        sys::mmap(slots.next(), pages * page, prot, flags, file)
    };
    let rw = PROT_READ | PROT_WRITE;

    add(map(16, rw, MAP_PRIVATE, None)?, 16, "anonymous, private", 0);
    // The kernel backs it with a file of its own.
    let at = map(8, rw, MAP_SHARED, None)?;
    add(at, 8, "anonymous, shared", flag::FILE);
    add(map(2, PROT_READ, MAP_PRIVATE, None)?, 2, "read-only", 0);
    let at = map(2, PROT_READ | PROT_EXEC, MAP_PRIVATE, None)?;
    add(at, 2, "executable", 0);

    let at = map(5, rw, MAP_PRIVATE, None)?;
    sys::mprotect(at, page, PROT_NONE)?;
    add(at, 1, "guard page (PROT_NONE)", 0);
    add(at + page, 4, "above the guard page", 0);

    let at = map(16, rw, MAP_PRIVATE, None)?;
    let flags = match sys::madvise(at + 4 * page, 4 * page, sys::MADV_GUARD_INSTALL) {
        Ok(()) => flag::MAYBE_GUARD,
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => {
            notes.push("this kernel has no MADV_GUARD_INSTALL: one mapping has no guard region");
            0
        }
        Err(e) => return Err(e),
    };
    add(at, 16, "guard region (MADV)", flags);

    let at = map(3, rw, MAP_PRIVATE, None)?;
    sys::mprotect(at + page, page, PROT_READ)?;
    add(at, 1, "split by mprotect, 1 of 3", 0);
    add(at + page, 1, "split by mprotect, 2 of 3", 0);
    add(at + 2 * page, 1, "split by mprotect, 3 of 3", 0);

    let at = map(2, rw, MAP_PRIVATE, None)?;
    sys::mlock(at, 2 * page)?;
    add(at, 2, "locked (mlock)", 0);

    let at = map(4, rw, MAP_PRIVATE | MAP_GROWSDOWN | MAP_STACK, None)?;
    add(at, 4, "stack that grows down", flag::GROWSDOWN);

    let program = File::open("/proc/self/exe")?;
    let at = map(2, PROT_READ, MAP_PRIVATE, Some((&program, 1)))?;
    add(at, 2, "file, private", flag::FILE);

    let memory = sys::memfd(c"vma-demo")?;
    memory.set_len(8 * page as u64)?;
    let at = map(4, rw, MAP_SHARED, Some((&memory, 2)))?;
    add(at, 4, "file, shared", flag::FILE);

    // The kernel takes VM_SHARED away from such a mapping; that it is shared is known from
    // VM_MAYSHARE.
    let read_only = File::open(format!("/proc/self/fd/{}", memory.as_raw_fd()))?;
    let at = map(2, PROT_READ, MAP_SHARED, Some((&read_only, 0)))?;
    add(at, 2, "file, shared, open read-only", flag::FILE);

    let at = sys::mmap(slots.beyond_the_hole(), page, rw, MAP_PRIVATE, None)?;
    add(at, 1, "beyond a hole of 1 GiB", 0);
    let hole = (at - HOLE / 2) as u64;

    Ok(Mappings { made, hole, notes })
}

/// Addresses for the mappings, with room between them.
struct Slots {
    next: usize,
    end: usize,
}

impl Slots {
    /// Finds a part of the address space where nothing is mapped.
    fn reserve() -> Result<Self> {
        let len = SLOTS * STRIDE + HOLE + STRIDE;
        let start = sys::mmap(
            Place::Anywhere,
            len,
            PROT_NONE,
            MAP_PRIVATE | MAP_NORESERVE,
            None,
        )?;
        sys::munmap(start, len)?;
        Ok(Self {
            next: start + STRIDE / 2,
            end: start + SLOTS * STRIDE,
        })
    }

    fn next(&mut self) -> Place {
        let at = self.next;
        assert!(at < self.end, "there are more mappings than SLOTS");
        self.next += STRIDE;
        Place::Exactly(at)
    }

    fn beyond_the_hole(self) -> Place {
        Place::Exactly(self.end + HOLE)
    }
}

/// Memory for what must fail.
pub struct Unwritable {
    /// Starts with the caller's words, and is read-only.
    pub words: usize,
    /// Follows it, and cannot be accessed at all.
    pub inaccessible: usize,
}

/// Maps a page that holds `words`, and one behind it.
pub fn make_unwritable(words: &[u64]) -> Result<Unwritable> {
    let page = sys::page_size();
    let content = words
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect::<Vec<_>>();
    let memory = sys::memfd(c"vma-demo-words")?;
    memory.set_len(2 * page as u64)?;
    memory.write_all_at(&content, 0)?;

    let at = sys::mmap(
        Place::Anywhere,
        2 * page,
        PROT_READ,
        MAP_PRIVATE,
        Some((memory.as_raw_fd(), 0)),
    )?;
    sys::mprotect(at + page, page, PROT_NONE)?;
    Ok(Unwritable {
        words: at,
        inaccessible: at + page,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vma_guest::maps;

    #[test]
    fn each_mapping_is_one_vma() {
        let mappings = make().unwrap();
        let text = std::fs::read_to_string("/proc/self/maps").unwrap();
        let (lines, _) = maps::parse(&text).unwrap();

        for made in &mappings.made {
            let is_it =
                |line: &&maps::Line<'_>| line.area.start == made.start && line.area.end == made.end;
            let line = lines
                .iter()
                .find(is_it)
                .unwrap_or_else(|| panic!("{} is not in\n{text}", made.kind));
            assert_eq!(
                made.kind.contains("shared"),
                line.area.perms.0[3] == b's',
                "{}",
                made.kind
            );
        }
        let hole = mappings.hole;
        assert!(
            lines
                .iter()
                .all(|line| hole < line.area.start || hole >= line.area.end)
        );
    }
}
