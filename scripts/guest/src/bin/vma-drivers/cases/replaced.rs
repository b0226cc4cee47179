// SPDX-License-Identifier: GPL-2.0

//! A mapping that is gone, and something else at its place, when POPULATE looks for it.

use super::{beside, for_a_while, mark, marked, page, test, zero};
use crate::check::{done, refused, same};
use crate::device::{Buffer, Pfn};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test("replaced: POPULATE where nothing is any more", nothing),
    test("replaced: POPULATE where anonymous memory is", anonymous),
    test("replaced: POPULATE where another buffer is", other_buffer),
    test(
        "replaced: POPULATE where memory of another device is",
        other_device,
    ),
    test("replaced: POPULATE of a mapping that is there again", again),
    test("replaced: POPULATE of which the end was replaced", end),
    test("replaced: POPULATE in another process", other_process),
    test(
        "replaced: POPULATE and RECLAIM when the process is gone",
        process_gone,
    ),
    test(
        "replaced: POPULATE while anonymous memory comes and goes",
        race_anonymous,
    ),
    test(
        "replaced: POPULATE while another buffer comes and goes",
        race_buffer,
    ),
    test(
        "replaced: POPULATE by all threads while the mapping comes and goes",
        race_many,
    ),
];

const PAGES: usize = 8;

/// A buffer with contents, mapped at the first place.
#[track_caller]
fn mapped() -> Buffer {
    let buffer = Buffer::of_pages(PAGES);
    done("map", buffer.map(place(0), 0, PAGES));
    mark(place(0), 0, PAGES, 1);
    buffer
}

#[track_caller]
fn populate_is_refused(buffer: &Buffer) {
    refused("populate", libc::ENXIO, buffer.populate(0, PAGES as u64));
}

fn nothing() {
    let buffer = mapped();
    done("unmap", memory::unmap(place(0), PAGES * page()));
    populate_is_refused(&buffer);
}

fn anonymous() {
    let buffer = mapped();
    done("map over", memory::map_anonymous(place(0), PAGES * page()));
    populate_is_refused(&buffer);
    zero("anonymous memory", place(0), PAGES);
    mark(place(0), 0, PAGES, 9);
    populate_is_refused(&buffer);
    marked("anonymous memory", place(0), 0, PAGES, 9);
    done("map", buffer.map(place(1), 0, PAGES));
    marked("the buffer itself", place(1), 0, PAGES, 1);
}

fn other_buffer() {
    let buffer = mapped();
    let other = Buffer::of_pages(PAGES);
    done("map over", other.map(place(0), 0, PAGES));
    populate_is_refused(&buffer);
    zero("the other buffer", place(0), PAGES);
    mark(place(0), 0, PAGES, 2);
    populate_is_refused(&buffer);
    marked("the other buffer", place(0), 0, PAGES, 2);
    same(
        "populate of the other one",
        done("populate", other.populate(0, PAGES as u64)),
        0,
    );
}

fn other_device() {
    let buffer = mapped();
    let pfn = Pfn::open();
    done("map over", pfn.map_data(place(0), 0, PAGES));
    mark(place(0), 0, PAGES, 3);
    populate_is_refused(&buffer);
    marked("the other device's memory", place(0), 0, PAGES, 3);
}

fn again() {
    let buffer = mapped();
    done("map over", memory::map_anonymous(place(0), PAGES * page()));
    populate_is_refused(&buffer);
    done("map again", buffer.map(place(0), 0, PAGES));
    same(
        "pages populated",
        done("populate", buffer.populate(0, PAGES as u64)),
        PAGES as u64,
    );
    marked("the buffer", place(0), 0, PAGES, 1);
}

fn end() {
    let buffer = mapped();
    let (half, page) = (PAGES / 2, page());
    done(
        "map over",
        memory::map_anonymous(place(0) + half * page, half * page),
    );
    populate_is_refused(&buffer);
    zero("anonymous memory", place(0) + half * page, half);
    marked("the rest", place(0), 0, half, 1);
}

fn other_process() {
    let buffer = mapped();
    crate::check::in_child("a child", || {
        done("unmap", memory::unmap(place(0), PAGES * page()));
        done("map", memory::map_anonymous(place(0), PAGES * page()));
        // Whether that is the parent's mapping or none: it is not this memory.
        try_populate(&buffer);
        zero("the child's anonymous memory", place(0), PAGES);
    });
    marked("in the parent", place(0), 0, PAGES, 1);
}

fn process_gone() {
    let buffer = Buffer::of_pages(PAGES);
    crate::check::in_child("a child", || {
        done("map", buffer.map(place(0), 0, PAGES));
        mark(place(0), 0, PAGES, 1);
    });
    populate_is_refused(&buffer);
    same("pages discarded", done("discard", buffer.discard(0, 4)), 4);
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        4,
    );
    done("map", buffer.map(place(0), 0, PAGES));
    zero("pages that were reclaimed", place(0), 4);
    marked("pages that were kept", place(0) + 4 * page(), 4, 4, 1);
}

/// Populates; it may find the mapping gone. Returns whether it did not.
fn try_populate(buffer: &Buffer) -> bool {
    match buffer.populate(0, PAGES as u64) {
        Ok(_) => true,
        Err(e) => {
            refused("populate", libc::ENXIO, Err::<(), _>(e));
            false
        }
    }
}

fn race_anonymous() {
    let buffer = mapped();
    let found = AtomicU64::new(0);
    let populate = |_| {
        found.fetch_add(try_populate(&buffer).into(), Relaxed);
    };
    beside(1, populate, || {
        while found.load(Relaxed) == 0 {
            std::thread::yield_now();
        }
        for_a_while(|round| {
            let len = PAGES * page();
            if round % 2 == 0 {
                done("unmap", memory::unmap(place(0), len));
            }
            done("map over", memory::map_anonymous(place(0), len));
            zero("anonymous memory", place(0), PAGES);
            mark(place(0), 0, PAGES, 9);
            marked("anonymous memory", place(0), 0, PAGES, 9);
            done("map again", buffer.map(place(0), 0, PAGES));
            marked("the buffer", place(0), 0, PAGES, 1);
        });
    });
}

fn race_buffer() {
    let buffers = [mapped(), Buffer::of_pages(PAGES)];
    done("map over", buffers[1].map(place(0), 0, PAGES));
    mark(place(0), 0, PAGES, 2);
    let populate = |number: usize| {
        try_populate(&buffers[number]);
    };
    beside(2, populate, || {
        for_a_while(|round| {
            let number = usize::from(round % 2 == 1);
            if round % 3 == 0 {
                done("unmap", memory::unmap(place(0), PAGES * page()));
            }
            done("map over", buffers[number].map(place(0), 0, PAGES));
            marked(
                "the buffer that is mapped",
                place(0),
                0,
                PAGES,
                number as u64 + 1,
            );
        });
    });
}

fn race_many() {
    let buffer = mapped();
    beside(
        super::many_threads(),
        |_| {
            try_populate(&buffer);
        },
        || {
            for_a_while(|round| {
                let (at, len) = (place((round % 2) as usize), PAGES * page());
                done("map", buffer.map(at, 0, PAGES));
                marked("the buffer", at, 0, PAGES, 1);
                // It moves while it is populated.
                done("move", memory::relocate(at, len, place(3), len, 0));
                marked("the buffer", place(3), 0, PAGES, 1);
                done("map over", memory::map_anonymous(at, len));
                zero("anonymous memory", at, PAGES);
                done("unmap", memory::unmap(at, len));
            });
        },
    );
}
