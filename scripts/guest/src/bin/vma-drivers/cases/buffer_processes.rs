// SPDX-License-Identifier: GPL-2.0

//! Buffers that several processes map, and that processes leave mapped when they end.

use super::{mark, marked, page, test};
use crate::check::{dies, done, in_child, outlived, refused, same, vmas_of};
use crate::device::Buffer;
use crate::device::buffer::{NODE, Stats};
use libc::{
    EINVAL, MADV_DOFORK, MADV_DONTFORK, MAP_SHARED, PROT_READ, PROT_WRITE, SIGKILL, SIGSEGV,
};
use std::thread::yield_now;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, touch, word};
use vma_guest::sys::process::{self, End};

pub const TESTS: &[Test] = &[
    test(
        "buffer: fork counts a VMA for each, and exit takes them back",
        fork_counts,
    ),
    test("buffer: parent and child see each other's stores", talk),
    test("buffer: a child of a child", three_generations),
    test(
        "buffer: a child's munmap and mremap are its own",
        child_changes,
    ),
    test("buffer: exit with mappings", exit_with_mappings),
    test("buffer: killed with mappings", killed_with_mappings),
    test(
        "buffer: a child outlives its parent and the closed file",
        orphan,
    ),
    test("buffer: a child has none after MADV_DONTFORK", dont_fork),
];

#[track_caller]
fn stats(buffer: &Buffer) -> Stats {
    done("counters", buffer.stats())
}

fn fork_counts() {
    let (one, two) = (Buffer::of_pages(4), Buffer::of_pages(4));
    done("map", one.map(place(0), 0, 4));
    done("map", one.map(place(1), 1, 2));
    done("map", two.map(place(2), 0, 4));
    mark(place(0), 0, 4, 1);
    mark(place(2), 0, 2, 2);

    let before = stats(&one);
    in_child("a child", || {
        let inside = stats(&one);
        same("VMAs that fork made", inside.made - before.made, 3);
        same("VMAs dropped so far", inside.dropped - before.dropped, 0);
        same("VMAs of the child", vmas_of(&NODE), 3);
        marked("in the child", place(0), 0, 4, 1);
        marked("in the child", place(1), 1, 2, 1);
        marked("in the child", place(2), 0, 2, 2);
        mark(place(0), 0, 4, 3);
        mark(place(2) + 2 * page(), 2, 2, 2);
    });
    let after = stats(&one);
    same("VMAs made", after.made - before.made, 3);
    same(
        "VMAs dropped when the child is gone",
        after.dropped - before.dropped,
        3,
    );
    same("buffers", after.buffers, before.buffers);
    marked("what the child stored", place(1), 1, 2, 3);
    marked("what the child stored", place(2), 0, 4, 2);
}

fn talk() {
    let buffer = Buffer::of_pages(2);
    let (ours, theirs) = (place(0), place(0) + page());
    done("map", buffer.map(ours, 0, 2));
    let wait_for = |addr, value| {
        while word(addr) != value {
            yield_now();
        }
    };
    let child = process::fork(|| {
        for turn in 1..=100 {
            wait_for(ours, turn);
            set_word(theirs, turn);
        }
        0
    });
    let child = done("fork", child);
    for turn in 1..=100 {
        set_word(ours, turn);
        wait_for(theirs, turn);
    }
    same(
        "the child's end",
        done("wait", child.wait()),
        End::Exited(0),
    );
}

fn three_generations() {
    let buffer = Buffer::of_pages(3);
    let (at, page) = (place(0), page());
    done("map", buffer.map(at, 0, 3));
    let before = stats(&buffer);
    mark(at, 0, 1, 1);
    in_child("a child", || {
        mark(at + page, 1, 1, 1);
        in_child("a grandchild", || {
            same("VMAs made", stats(&buffer).made - before.made, 2);
            marked("in the grandchild", at, 0, 2, 1);
            mark(at + 2 * page, 2, 1, 1);
        });
        marked("in the child", at, 0, 3, 1);
    });
    marked("in the parent", at, 0, 3, 1);
    let after = stats(&buffer);
    same(
        "VMAs dropped",
        after.dropped - before.dropped,
        after.made - before.made,
    );
}

fn child_changes() {
    let buffer = Buffer::of_pages(8);
    let (at, page) = (place(0), page());
    done("map", buffer.map(at, 0, 8));
    mark(at, 0, 8, 1);
    let before = stats(&buffer);
    in_child("a child", || {
        done("unmap", memory::unmap(at + 2 * page, page));
        done(
            "move",
            memory::relocate(at + 4 * page, 2 * page, place(1), 2 * page, 0),
        );
        marked("in the child", place(1), 4, 2, 1);
        mark(place(1), 4, 2, 2);
        let inside = stats(&buffer);
        let more = (inside.made - before.made) - (inside.dropped - before.dropped);
        same("VMAs of the child", more, vmas_of(&NODE));
    });
    marked("in the parent", at, 0, 4, 1);
    marked("in the parent", at + 4 * page, 4, 2, 2);
    marked("in the parent", at + 6 * page, 6, 2, 1);
    same("VMAs of the parent", vmas_of(&NODE), 1);
}

fn exit_with_mappings() {
    let counters = done("open", Buffer::open());
    let before = stats(&counters);
    in_child("a child", || {
        let buffer = Buffer::of_pages(8);
        done("map", buffer.map(place(0), 0, 8));
        done("map", buffer.map(place(1), 2, 4));
        done("unmap", memory::unmap(place(0) + page(), page()));
        mark(place(1), 2, 4, 1);
        // The file stays open, too, until the end.
        std::mem::forget(buffer);
    });
    let after = stats(&counters);
    let made = after.made - before.made;
    assert!(made >= 3, "{made} VMAs made, although there were 3 at once");
    same("VMAs dropped", after.dropped - before.dropped, made);
    same("buffers", after.buffers, before.buffers);
    same("pages", after.pages, before.pages);
}

fn killed_with_mappings() {
    let counters = done("open", Buffer::open());
    let before = stats(&counters);
    let ready = place(2);
    let prot = PROT_READ | PROT_WRITE;
    done("map", memory::map(ready, page(), prot, MAP_SHARED, None));

    let child = process::fork(|| {
        let buffer = Buffer::of_pages(8);
        done("map", buffer.map(place(0), 0, 8));
        set_word(ready, 1);
        loop {
            mark(place(0), 0, 8, 1);
        }
    });
    let child = done("fork", child);
    while word(ready) == 0 {
        yield_now();
    }
    done("kill", child.signal(SIGKILL));
    same(
        "the child's end",
        done("wait", child.wait()),
        End::Killed(SIGKILL),
    );
    let after = stats(&counters);
    same("VMAs dropped", after.dropped - before.dropped, 1);
    same("buffers", after.buffers, before.buffers);
    same("pages", after.pages, before.pages);
}

fn orphan() {
    outlived(
        "a mapping",
        || {
            let buffer = Buffer::of_pages(4);
            done("map", buffer.map(place(0), 0, 4));
            mark(place(0), 0, 2, 1);
        },
        || {
            marked("when the parent is gone", place(0), 0, 2, 1);
            mark(place(0) + 2 * page(), 2, 2, 1);
            marked("when the parent is gone", place(0), 0, 4, 1);
        },
    );
}

fn dont_fork() {
    let buffer = Buffer::of_pages(4);
    let (at, page) = (place(0), page());
    done("map", buffer.map(at, 0, 4));
    mark(at, 0, 4, 1);
    done("madvise", memory::advise(at, 4 * page, MADV_DONTFORK));
    let before = stats(&buffer);
    in_child("a child", || {
        same("VMAs of the child", vmas_of(&NODE), 0);
        same("VMAs made", stats(&buffer).made, before.made);
    });
    dies("a load in the child", SIGSEGV, || touch(at));
    marked("in the parent", at, 0, 4, 1);

    // The kernel does not take it back for a mapping with VM_MIXEDMAP.
    let taken_back = memory::advise(at, 4 * page, MADV_DOFORK);
    refused("MADV_DOFORK", EINVAL, taken_back);
}
