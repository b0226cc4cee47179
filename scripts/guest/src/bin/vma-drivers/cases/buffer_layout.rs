// SPDX-License-Identifier: GPL-2.0

//! VMAs of a buffer that are split, moved, enlarged, protected and mapped over. The driver's count
//! of VMAs must be that of `/proc/self/maps`, whatever the kernel makes of them.

use super::{mark, marked, page, test, zero};
use crate::check::{dies, done, refused, same, vmas_of};
use crate::device::Buffer;
use crate::device::buffer::NODE;
use libc::{ENOMEM, MREMAP_DONTUNMAP, PROT_NONE, PROT_READ, PROT_WRITE, SIGBUS, SIGSEGV};
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, touch, word};

pub const TESTS: &[Test] = &[
    test(
        "buffer: munmap of the start, the middle and the end",
        unmap_parts,
    ),
    test("buffer: mremap moves, contents stay", moved),
    test("buffer: mremap moves a part", moved_part),
    test(
        "buffer: mremap enlarges, and beyond the end is SIGBUS",
        enlarged,
    ),
    test(
        "buffer: mremap enlarges and moves, and shrinks",
        enlarged_and_moved,
    ),
    test(
        "buffer: mremap that leaves the old mapping (MREMAP_DONTUNMAP)",
        moved_and_left,
    ),
    test(
        "buffer: mremap that makes a second mapping (old size 0)",
        doubled,
    ),
    test("buffer: mprotect read-only and back", protected),
    test("buffer: mprotect of the middle splits", protected_middle),
    test(
        "buffer: mprotect to no access at all and back",
        inaccessible,
    ),
    test("buffer: adjacent mappings", adjacent),
    test("buffer: mapped over (MAP_FIXED) in the middle", mapped_over),
    test("buffer: mapped over by itself", mapped_over_by_itself),
    test("buffer: many VMAs of one buffer", many),
];

/// A buffer, and the driver's count of VMAs beside those of this process.
struct Counted {
    buffer: Buffer,
    others: u64,
}

impl Counted {
    #[track_caller]
    fn of_pages(pages: usize) -> Self {
        let buffer = Buffer::of_pages(pages);
        let stats = done("counters", buffer.stats());
        Self {
            buffer,
            others: stats.made.wrapping_sub(stats.dropped),
        }
    }

    /// The driver must count as many VMAs as there are.
    #[track_caller]
    fn fits(&self, when: &str) {
        let stats = done("counters", self.buffer.stats());
        let counted = stats.made.wrapping_sub(stats.dropped);
        let wanted = self.others.wrapping_add(vmas_of(&NODE));
        same(&format!("VMAs {when}"), counted, wanted);
    }

    /// So must it, and they must be so many.
    #[track_caller]
    fn has(&self, vmas: u64, when: &str) {
        same(
            &format!("VMAs in /proc/self/maps {when}"),
            vmas_of(&NODE),
            vmas,
        );
        self.fits(when);
    }
}

fn unmap_parts() {
    let counted = Counted::of_pages(8);
    let (at, page) = (place(0), page());
    counted.has(0, "before mmap");
    done("map", counted.buffer.map(at, 0, 8));
    counted.has(1, "after mmap");
    mark(at, 0, 8, 1);
    done("unmap", memory::unmap(at, page));
    counted.has(1, "after munmap of the start");
    done("unmap", memory::unmap(at + 7 * page, page));
    counted.has(1, "after munmap of the end");
    done("unmap", memory::unmap(at + 3 * page, 2 * page));
    counted.has(2, "after munmap of the middle");
    marked("the first part", at + page, 1, 2, 1);
    marked("the last part", at + 5 * page, 5, 2, 1);
    for gone in [0, 3, 4, 7] {
        dies("a load where nothing is", SIGSEGV, || {
            touch(at + gone * page)
        });
    }
    done("unmap", memory::unmap(at, 8 * page));
    counted.has(0, "after munmap of all");
}

fn moved() {
    let counted = Counted::of_pages(4);
    let (from, to, len) = (place(0), place(1), 4 * page());
    done("map", counted.buffer.map(from, 0, 4));
    mark(from, 0, 2, 1);
    done("move", memory::relocate(from, len, to, len, 0));
    counted.has(1, "after mremap");
    marked("pages that moved", to, 0, 2, 1);
    zero("pages that were not there yet", to + 2 * page(), 2);
    dies("a load at the old place", SIGSEGV, || touch(from));
    mark(to, 0, 4, 2);
    done("move", memory::relocate(to, len, from, len, 0));
    counted.has(1, "after mremap back");
    marked("pages that moved back", from, 0, 4, 2);
    done("unmap", memory::unmap(from, len));
    counted.has(0, "after munmap");
}

fn moved_part() {
    let counted = Counted::of_pages(8);
    let (from, to, page) = (place(0), place(1), page());
    done("map", counted.buffer.map(from, 0, 8));
    mark(from, 0, 8, 1);
    done(
        "move",
        memory::relocate(from + 2 * page, 3 * page, to, 3 * page, 0),
    );
    counted.has(3, "after mremap of the middle");
    marked("before it", from, 0, 2, 1);
    marked("the middle", to, 2, 3, 1);
    marked("after it", from + 5 * page, 5, 3, 1);
    done(
        "move",
        memory::relocate(to, 3 * page, from + 2 * page, 3 * page, 0),
    );
    counted.fits("after mremap back to the middle");
    marked("all together", from, 0, 8, 1);
}

fn enlarged() {
    let counted = Counted::of_pages(4);
    let (at, page) = (place(0), page());
    done("map", counted.buffer.map(place(1), 0, 2));
    // The kernel enlarges a mapping with VM_MIXEDMAP only where it moves it.
    let in_place = memory::resize(place(1), 2 * page, 7 * page);
    refused("in place", ENOMEM, in_place);
    let moved = memory::relocate(place(1), 2 * page, at, 7 * page, 0);
    done("enlarge", moved);
    counted.has(1, "after mremap");
    mark(at, 0, 4, 1);
    marked("all of the buffer", at, 0, 4, 1);
    for beyond in [4, 5, 6] {
        dies("a load beyond the end", SIGBUS, || {
            touch(at + beyond * page)
        });
        dies("a store beyond the end", SIGBUS, || {
            set_word(at + beyond * page, 1)
        });
    }
    let file = done("a file", vma_guest::sys::memfd(c"copy"));
    let copied = done(
        "a copy across the end",
        crate::transfer::copy(&file, at, 7 * page),
    );
    assert!(
        copied <= 4 * page,
        "{copied} bytes were copied of {}",
        4 * page
    );
    marked("all of the buffer", at, 0, 4, 1);
    done("shrink", memory::resize(at, 7 * page, page));
    counted.has(1, "after mremap back");
    marked("what is left", at, 0, 1, 1);
    dies("a load at what was given back", SIGSEGV, || {
        touch(at + page)
    });
}

fn enlarged_and_moved() {
    let counted = Counted::of_pages(8);
    let (from, to, page) = (place(0), place(1), page());
    done("map", counted.buffer.map(from, 0, 2));
    mark(from, 0, 2, 1);
    done("enlarge", memory::relocate(from, 2 * page, to, 8 * page, 0));
    counted.has(1, "after mremap");
    marked("the old pages", to, 0, 2, 1);
    zero("the new pages", to + 2 * page, 6);
    done("shrink", memory::relocate(to, 8 * page, from, page, 0));
    counted.has(1, "after mremap back");
    marked("what is left", from, 0, 1, 1);
    dies("a load behind it", SIGSEGV, || touch(from + page));
}

fn moved_and_left() {
    let counted = Counted::of_pages(4);
    let (from, to, len) = (place(0), place(1), 4 * page());
    done("map", counted.buffer.map(from, 0, 4));
    mark(from, 0, 4, 1);
    done(
        "move",
        memory::relocate(from, len, to, len, MREMAP_DONTUNMAP),
    );
    counted.has(2, "after mremap");
    marked("the new place", to, 0, 4, 1);
    marked("the old place", from, 0, 4, 1);
    mark(to, 0, 4, 2);
    marked("the old place", from, 0, 4, 2);
}

fn doubled() {
    let counted = Counted::of_pages(4);
    let (from, to, len) = (place(0), place(1), 4 * page());
    done("map", counted.buffer.map(from, 0, 4));
    mark(from, 0, 4, 1);
    done("double", memory::relocate(from, 0, to, len, 0));
    counted.has(2, "after mremap");
    marked("the second mapping", to, 0, 4, 1);
    mark(to, 0, 4, 2);
    marked("the first mapping", from, 0, 4, 2);
}

fn protected() {
    let counted = Counted::of_pages(2);
    let (at, len) = (place(0), 2 * page());
    done("map", counted.buffer.map(at, 0, 2));
    // The second page comes in by a fault when it is read-only already.
    mark(at, 0, 1, 1);
    done("protect", memory::protect(at, len, PROT_READ));
    same("what was stored", word(at), 1 << 32);
    same("what was not", word(at + page()), 0);
    for addr in [at, at + page()] {
        dies("a store to a read-only mapping", SIGSEGV, || {
            set_word(addr, 1)
        });
    }
    done("protect", memory::protect(at, len, PROT_READ | PROT_WRITE));
    mark(at, 0, 2, 2);
    marked("after a store", at, 0, 2, 2);
    counted.has(1, "after mprotect of all");
}

fn protected_middle() {
    let counted = Counted::of_pages(8);
    let (at, page) = (place(0), page());
    done("map", counted.buffer.map(at, 0, 8));
    mark(at, 0, 8, 1);
    done(
        "protect",
        memory::protect(at + 3 * page, 2 * page, PROT_READ),
    );
    counted.has(3, "after mprotect of the middle");
    marked("all pages", at, 0, 8, 1);
    for read_only in [3, 4] {
        dies("a store to the middle", SIGSEGV, || {
            set_word(at + read_only * page, 1)
        });
    }
    mark(at, 0, 3, 2);
    mark(at + 5 * page, 5, 3, 2);
    done(
        "protect",
        memory::protect(at + 3 * page, 2 * page, PROT_READ | PROT_WRITE),
    );
    counted.fits("after mprotect back");
    mark(at + 3 * page, 3, 2, 2);
    marked("all pages", at, 0, 8, 2);
    done("unmap", memory::unmap(at, 8 * page));
    counted.has(0, "after munmap");
}

fn inaccessible() {
    let counted = Counted::of_pages(2);
    let (at, len) = (place(0), 2 * page());
    done("map", counted.buffer.map(at, 0, 2));
    mark(at, 0, 2, 1);
    done("protect", memory::protect(at, len, PROT_NONE));
    dies("a load", SIGSEGV, || touch(at));
    done("protect", memory::protect(at, len, PROT_READ));
    marked("what was stored", at, 0, 2, 1);
    counted.has(1, "after mprotect of all");
}

fn adjacent() {
    let counted = Counted::of_pages(8);
    let (at, page) = (place(0), page());
    // After it, before it, and in between.
    for (first, pages) in [(2, 2), (4, 1), (0, 2), (6, 2), (5, 1)] {
        let addr = at + first * page;
        done("map", counted.buffer.map(addr, first as u64, pages));
        counted.fits("after mmap beside another");
    }
    zero("all pages", at, 8);
    mark(at, 0, 8, 1);
    marked("all pages", at, 0, 8, 1);
    done("unmap", memory::unmap(at + page, 2 * page));
    counted.fits("after munmap across two mappings");
    marked("the rest", at + 3 * page, 3, 5, 1);
    done("unmap", memory::unmap(at, 8 * page));
    counted.has(0, "after munmap");
}

fn mapped_over() {
    let counted = Counted::of_pages(8);
    let (at, page) = (place(0), page());
    done("map", counted.buffer.map(at, 0, 8));
    mark(at, 0, 8, 1);
    done("map over", memory::map_anonymous(at + 2 * page, 3 * page));
    counted.has(2, "after anonymous memory in the middle");
    zero("anonymous memory", at + 2 * page, 3);
    mark(at + 2 * page, 2, 3, 9);
    marked("before it", at, 0, 2, 1);
    marked("after it", at + 5 * page, 5, 3, 1);
    done("map", counted.buffer.map(place(1), 0, 8));
    marked("the buffer itself", place(1), 0, 8, 1);
}

fn mapped_over_by_itself() {
    let counted = Counted::of_pages(8);
    let (at, page) = (place(0), page());
    done("map", counted.buffer.map(at, 0, 8));
    mark(at, 0, 8, 1);
    done("map over", counted.buffer.map(at, 0, 8));
    counted.has(1, "after the same mapping again");
    marked("the same mapping", at, 0, 8, 1);
    done("map over", counted.buffer.map(at + 2 * page, 6, 2));
    counted.fits("after other pages in the middle");
    marked("before them", at, 0, 2, 1);
    marked("other pages", at + 2 * page, 6, 2, 1);
    marked("after them", at + 4 * page, 4, 4, 1);
}

fn many() {
    let counted = Counted::of_pages(64);
    let (at, page) = (place(0), page());
    done("map", counted.buffer.map(at, 0, 64));
    mark(at, 0, 64, 1);
    for odd in (1..64).step_by(2) {
        done("unmap", memory::unmap(at + odd * page, page));
    }
    counted.has(32, "after munmap of every second page");
    for even in (0..64).step_by(2) {
        marked("every second page", at + even * page, even as u64, 1, 1);
    }
    done("unmap", memory::unmap(at, 64 * page));
    counted.has(0, "after munmap of all");
}
