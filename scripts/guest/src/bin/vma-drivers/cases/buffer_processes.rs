// SPDX-License-Identifier: GPL-2.0

//! Buffers that several processes map, and that processes leave mapped when they end.

use super::*;
use vma_guest::device::buffer::{NODE, Stats};

suite! {
    "buffer":
    fork_counts_vmas_and_exit_drops_them, parent_and_child_see_stores,
    grandchild_shares_the_buffer, child_unmaps_and_moves_its_own, exit_drops_mappings,
    kill_drops_mappings, child_outlives_parent_and_closed_file,
    madv_dontfork_leaves_the_child_none,
}

#[track_caller]
fn stats(buffer: &Buffer) -> Stats {
    buffer.stats()
}

fn fork_counts_vmas_and_exit_drops_them() {
    let (one, two) = (Buffer::of_pages(4), Buffer::of_pages(4));
    one.map(place(0), 0, 4).must();
    one.map(place(1), 1, 2).must();
    two.map(place(2), 0, 4).must();
    mark(place(0), 0, 4, 1);
    mark(place(2), 0, 2, 2);

    let before = stats(&one);
    in_child(|| {
        let inside = stats(&one);
        assert_eq!(inside.made - before.made, 3);
        assert_eq!(inside.dropped - before.dropped, 0);
        assert_eq!(vmas_of(&NODE), 3);
        marked(place(0), 0, 4, 1);
        marked(place(1), 1, 2, 1);
        marked(place(2), 0, 2, 2);
        mark(place(0), 0, 4, 3);
        mark(place(2) + 2 * page(), 2, 2, 2);
    });
    let after = stats(&one);
    assert_eq!(after.made - before.made, 3);
    assert_eq!(after.dropped - before.dropped, 3);
    assert_eq!(after.buffers, before.buffers);
    marked(place(1), 1, 2, 3);
    marked(place(2), 0, 4, 2);
}

fn parent_and_child_see_stores() {
    let _buffer = mapped_buffer(2);
    let (ours, theirs) = (place(0), place(0) + page());
    let child = forked(|| {
        for turn in 1..=100 {
            wait_for(ours, turn);
            set_word(theirs, turn);
        }
        0
    });
    for turn in 1..=100 {
        set_word(ours, turn);
        wait_for(theirs, turn);
    }
    child.wait().must_give(End::Exited(0));
}

fn grandchild_shares_the_buffer() {
    let buffer = mapped_buffer(3);
    let (at, page) = (place(0), page());
    let before = stats(&buffer);
    mark(at, 0, 1, 1);
    in_child(|| {
        mark(at + page, 1, 1, 1);
        in_child(|| {
            assert_eq!(stats(&buffer).made - before.made, 2);
            marked(at, 0, 2, 1);
            mark(at + 2 * page, 2, 1, 1);
        });
        marked(at, 0, 3, 1);
    });
    marked(at, 0, 3, 1);
    let after = stats(&buffer);
    assert_eq!(after.dropped - before.dropped, after.made - before.made);
}

fn child_unmaps_and_moves_its_own() {
    let buffer = marked_buffer(8);
    let (at, page) = (place(0), page());
    let before = stats(&buffer);
    in_child(|| {
        unmap(at + 2 * page, page);
        relocate(at + 4 * page, place(1), 2 * page);
        marked(place(1), 4, 2, 1);
        mark(place(1), 4, 2, 2);
        let inside = stats(&buffer);
        let more = (inside.made - before.made) - (inside.dropped - before.dropped);
        assert_eq!(more, vmas_of(&NODE));
    });
    marked(at, 0, 4, 1);
    marked(at + 4 * page, 4, 2, 2);
    marked(at + 6 * page, 6, 2, 1);
    assert_eq!(vmas_of(&NODE), 1);
}

fn exit_drops_mappings() {
    let counters = Buffer::open().must();
    let before = stats(&counters);
    in_child(|| {
        let buffer = mapped_buffer(8);
        buffer.map(place(1), 2, 4).must();
        unmap(place(0) + page(), page());
        mark(place(1), 2, 4, 1);
        // The file stays open, too, until the end.
        std::mem::forget(buffer);
    });
    let after = stats(&counters);
    let made = after.made - before.made;
    assert!(made >= 3, "{made} VMAs made, although there were 3 at once");
    assert_eq!(after.dropped - before.dropped, made);
    assert_eq!(after.buffers, before.buffers);
    assert_eq!(after.pages, before.pages);
}

fn kill_drops_mappings() {
    let counters = Buffer::open().must();
    let before = stats(&counters);
    let ready = place(2);
    map_shared_page(ready);

    let child = forked(|| {
        let _buffer = mapped_buffer(8);
        set_word(ready, 1);
        loop {
            mark(place(0), 0, 8, 1);
        }
    });
    wait_for(ready, 1);
    child.kill().must();
    child.wait().must_give(End::Killed(SIGKILL));
    let after = stats(&counters);
    assert_eq!(after.dropped - before.dropped, 1);
    assert_eq!(after.buffers, before.buffers);
    assert_eq!(after.pages, before.pages);
}

fn child_outlives_parent_and_closed_file() {
    outlived(
        || {
            let _buffer = mapped_buffer(4);
            mark(place(0), 0, 2, 1);
        },
        || {
            marked(place(0), 0, 2, 1);
            mark(place(0) + 2 * page(), 2, 2, 1);
            marked(place(0), 0, 4, 1);
        },
    );
}

fn madv_dontfork_leaves_the_child_none() {
    let buffer = marked_buffer(4);
    let (at, page) = (place(0), page());
    advise(at, 4 * page, MADV_DONTFORK);
    let before = stats(&buffer);
    in_child(|| {
        assert_eq!(vmas_of(&NODE), 0);
        assert_eq!(stats(&buffer).made, before.made);
    });
    dies(SIGSEGV, || touch(at));
    marked(at, 0, 4, 1);

    // The kernel does not take it back for a mapping with VM_MIXEDMAP.
    let taken_back = memory::advise(at, 4 * page, MADV_DOFORK);
    taken_back.must_fail(EINVAL);
}
