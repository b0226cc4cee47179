// SPDX-License-Identifier: GPL-2.0

//! A mapping that is gone, and something else at its place, when POPULATE looks for it.

use super::*;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

suite! {
    "replaced":
    populate_finds_nothing, populate_finds_anonymous_memory, populate_finds_another_buffer,
    populate_finds_another_device, populate_finds_the_mapping_again,
    populate_finds_the_end_replaced, populate_in_another_process, populate_and_reclaim_after_exit,
    populate_races_with_anonymous_memory, populate_races_with_another_buffer,
    populate_by_all_threads_races_with_mmap,
}

const PAGES: usize = 8;

/// A buffer with contents, mapped at the first place.
#[track_caller]
fn mapped() -> Buffer {
    marked_buffer(PAGES)
}

#[track_caller]
fn populate_is_refused(buffer: &Buffer) {
    buffer.populate(0, PAGES as u64).must_fail(ENXIO);
}

fn populate_finds_nothing() {
    let buffer = mapped();
    unmap(place(0), PAGES * page());
    populate_is_refused(&buffer);
}

fn populate_finds_anonymous_memory() {
    let buffer = mapped();
    map_anonymous(place(0), PAGES * page());
    populate_is_refused(&buffer);
    zero(place(0), PAGES);
    mark(place(0), 0, PAGES, 9);
    populate_is_refused(&buffer);
    marked(place(0), 0, PAGES, 9);
    buffer.map(place(1), 0, PAGES).must();
    marked(place(1), 0, PAGES, 1);
}

fn populate_finds_another_buffer() {
    let buffer = mapped();
    let other = mapped_buffer(PAGES);
    populate_is_refused(&buffer);
    zero(place(0), PAGES);
    mark(place(0), 0, PAGES, 2);
    populate_is_refused(&buffer);
    marked(place(0), 0, PAGES, 2);
    other.populate(0, PAGES as u64).must_give(0);
}

fn populate_finds_another_device() {
    let buffer = mapped();
    let pfn = Pfn::open();
    pfn.map_data(place(0), 0, PAGES).must();
    mark(place(0), 0, PAGES, 3);
    populate_is_refused(&buffer);
    marked(place(0), 0, PAGES, 3);
}

fn populate_finds_the_mapping_again() {
    let buffer = mapped();
    map_anonymous(place(0), PAGES * page());
    populate_is_refused(&buffer);
    buffer.map(place(0), 0, PAGES).must();
    buffer.populate(0, PAGES as u64).must_give(PAGES as u64);
    marked(place(0), 0, PAGES, 1);
}

fn populate_finds_the_end_replaced() {
    let buffer = mapped();
    let (half, page) = (PAGES / 2, page());
    map_anonymous(place(0) + half * page, half * page);
    populate_is_refused(&buffer);
    zero(place(0) + half * page, half);
    marked(place(0), 0, half, 1);
}

fn populate_in_another_process() {
    let buffer = mapped();
    in_child(|| {
        unmap(place(0), PAGES * page());
        map_anonymous(place(0), PAGES * page());
        // It may find the parent's mapping or none, but not this memory.
        try_populate(&buffer);
        zero(place(0), PAGES);
    });
    marked(place(0), 0, PAGES, 1);
}

fn populate_and_reclaim_after_exit() {
    let buffer = Buffer::of_pages(PAGES);
    in_child(|| {
        buffer.map(place(0), 0, PAGES).must();
        mark(place(0), 0, PAGES, 1);
    });
    populate_is_refused(&buffer);
    buffer.discard(0, 4).must_give(4);
    buffer.reclaim_patiently(100).must_give(4);
    buffer.map(place(0), 0, PAGES).must();
    zero(place(0), 4);
    marked(place(0) + 4 * page(), 4, 4, 1);
}

/// Populates; it may find the mapping gone. Returns whether it did not.
fn try_populate(buffer: &Buffer) -> bool {
    buffer.populate(0, PAGES as u64).unless(&[ENXIO]).is_some()
}

fn populate_races_with_anonymous_memory() {
    let buffer = mapped();
    let found = AtomicU64::new(0);
    let populate = |_| {
        found.fetch_add(try_populate(&buffer).into(), Relaxed);
    };
    concurrently(1, populate, || {
        while found.load(Relaxed) == 0 {
            yield_now();
        }
        for_a_while(|round| {
            let len = PAGES * page();
            if round % 2 == 0 {
                unmap(place(0), len);
            }
            map_anonymous(place(0), len);
            zero(place(0), PAGES);
            mark(place(0), 0, PAGES, 9);
            marked(place(0), 0, PAGES, 9);
            buffer.map(place(0), 0, PAGES).must();
            marked(place(0), 0, PAGES, 1);
        });
    });
}

fn populate_races_with_another_buffer() {
    let buffers = [mapped(), Buffer::of_pages(PAGES)];
    buffers[1].map(place(0), 0, PAGES).must();
    mark(place(0), 0, PAGES, 2);
    let populate = |number: usize| {
        try_populate(&buffers[number]);
    };
    race(2, populate, |round| {
        let number = usize::from(round % 2 == 1);
        if round % 3 == 0 {
            unmap(place(0), PAGES * page());
        }
        buffers[number].map(place(0), 0, PAGES).must();
        marked(place(0), 0, PAGES, number as u64 + 1);
    });
}

fn populate_by_all_threads_races_with_mmap() {
    let buffer = mapped();
    race(
        super::many_threads(),
        |_| {
            try_populate(&buffer);
        },
        |round| {
            let (at, len) = (place((round % 2) as usize), PAGES * page());
            buffer.map(at, 0, PAGES).must();
            marked(at, 0, PAGES, 1);
            // It moves while it is populated.
            relocate(at, place(3), len);
            marked(place(3), 0, PAGES, 1);
            map_anonymous(at, len);
            zero(at, PAGES);
            unmap(at, len);
        },
    );
}
