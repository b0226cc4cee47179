// SPDX-License-Identifier: GPL-2.0

//! Memory that a file keeps pinned, whatever becomes of its mapping.

use super::*;

suite! {
    "registered":
    sums_and_fills_show_in_memory, counts_pins_until_unregister, accepts_any_alignment_and_size,
    accepts_one_at_a_time, survives_munmap, survives_mremap, survives_mprotect,
    survives_madv_dontneed_and_map_fixed, parent_keeps_its_pages_after_fork,
    child_unregisters_for_its_parent, close_unpins, exit_unpins, kill_unpins,
    refuses_read_only_memory_holes_and_pfn, keeps_pages_of_a_buffer_that_is_closed,
    keeps_pages_of_a_buffer_that_are_reclaimed, outlives_the_process_of_the_memory,
}

const PAGES: usize = 4;

/// Memory with contents that is registered.
#[track_caller]
fn registered() -> (Userptr, Vec<u8>) {
    let userptr = Userptr::open();
    let bytes = some_bytes(PAGES * page());
    let at = memory_of(&bytes);
    userptr.register(at, bytes.len()).must();
    (userptr, bytes)
}

fn sums_and_fills_show_in_memory() {
    let (userptr, bytes) = registered();
    userptr.sum_registered().must_give(sum(&bytes));
    set_byte(place(0) + 5, 0);
    userptr
        .sum_registered()
        .must_give(sum(&bytes) - u64::from(bytes[5]));
    userptr.fill_registered(3).must();
    filled(place(0), bytes.len(), 3);
    userptr.sum_registered().must_give(3 * bytes.len() as u64);
    userptr.unregister().must();
    assert_eq!(byte(place(0)), 3);
}

fn counts_pins_until_unregister() {
    let userptr = Userptr::open();
    let before = userptr.stats();
    let at = memory_of(&some_bytes(PAGES * page()));
    userptr.register(at + page() - 1, page() + 2).must();
    let inside = userptr.stats();
    assert_eq!(inside.pinned_now - before.pinned_now, 3);
    assert_eq!(inside.pinned - before.pinned, 3);
    userptr.sum_registered().must();
    assert_eq!(userptr.stats().pinned_now, inside.pinned_now);
    userptr.unregister().must();
    let after = userptr.stats();
    assert_eq!(after.pinned_now, before.pinned_now);
    assert_eq!(after.unpinned - before.unpinned, 3);
}

fn accepts_any_alignment_and_size() {
    let userptr = Userptr::open();
    let page = page();
    let mut bytes = some_bytes((1 << 20) + 2 * page);
    let at = memory_of(&bytes);
    for (offset, len) in [(0, 1), (page - 1, 2), (5, 3 * page), (page + 3, 1 << 20)] {
        let what = format!("{len} bytes at offset {offset}");
        done(&what, userptr.register(at + offset, len));
        gives(
            &what,
            userptr.sum_registered(),
            sum(&bytes[offset..offset + len]),
        );
        done(&what, userptr.fill_registered(9));
        bytes[offset..offset + len].fill(9);
        assert!(get(at, bytes.len()) == bytes, "{what}");
        done(&what, userptr.unregister());
    }
}

fn accepts_one_at_a_time() {
    let (userptr, bytes) = registered();
    userptr.register(place(0), 1).must_fail(EBUSY);
    userptr.sum_registered().must_give(sum(&bytes));
    userptr.unregister().must();
    userptr.unregister().must_fail(ENXIO);
    userptr.sum_registered().must_fail(ENXIO);
    userptr.fill_registered(1).must_fail(ENXIO);
    userptr.register(place(0), 1).must();
    userptr.sum_registered().must_give(bytes[0].into());
    let other = Userptr::open();
    other.register(place(0), 2).must();
    other.sum_registered().must_give(sum(&bytes[..2]));
}

fn survives_munmap() {
    let (userptr, bytes) = registered();
    unmap(place(0), bytes.len());
    userptr.sum_registered().must_give(sum(&bytes));
    map_anonymous(place(0), bytes.len());
    userptr.fill_registered(1).must();
    filled(place(0), bytes.len(), 0);
    userptr.sum_registered().must_give(bytes.len() as u64);
}

fn survives_mremap() {
    let (userptr, bytes) = registered();
    relocate(place(0), place(1), bytes.len());
    userptr.sum_registered().must_give(sum(&bytes));
    userptr.fill_registered(1).must();
    filled(place(1), bytes.len(), 1);
}

fn survives_mprotect() {
    let (userptr, bytes) = registered();
    protect(place(0), bytes.len(), PROT_READ);
    userptr.sum_registered().must_give(sum(&bytes));
    // It was writable when it was pinned.
    userptr.fill_registered(1).must();
    assert_eq!(byte(place(0)), 1);
}

fn survives_madv_dontneed_and_map_fixed() {
    let (userptr, bytes) = registered();
    advise(place(0), bytes.len(), MADV_DONTNEED);
    assert_eq!(word(place(0)), 0);
    userptr.sum_registered().must_give(sum(&bytes));
    map_anonymous(place(0), bytes.len());
    userptr.fill_registered(1).must();
    assert_eq!(word(place(0)), 0);
    userptr.sum_registered().must_give(bytes.len() as u64);
}

fn parent_keeps_its_pages_after_fork() {
    let (userptr, bytes) = registered();
    let ready = place(1);
    map_shared_page(ready);
    let child = forked(|| {
        wait_for(ready, 1);
        // Stores of the parent after the fork do not show here.
        u8::from(get(place(0), bytes.len()) != bytes)
    });
    // A copy on write must be the child's copy: the driver has the parent's pages.
    for number in 0..PAGES {
        set_byte(place(0) + number * page(), 0);
    }
    let less = (0..PAGES)
        .map(|number| u64::from(bytes[number * page()]))
        .sum::<u64>();
    userptr.sum_registered().must_give(sum(&bytes) - less);
    userptr.fill_registered(6).must();
    filled(place(0), bytes.len(), 6);
    set_word(ready, 1);
    child.wait().must_give(End::Exited(0));
}

fn child_unregisters_for_its_parent() {
    let (userptr, bytes) = registered();
    in_child(|| {
        userptr.sum_registered().must_give(sum(&bytes));
        userptr.fill_registered(4).must();
        // Its own memory is a copy.
        holds(place(0), &bytes);
        userptr.unregister().must();
    });
    filled(place(0), bytes.len(), 4);
    userptr.unregister().must_fail(ENXIO);
}

fn close_unpins() {
    let counters = Userptr::open();
    let before = counters.stats();
    let (userptr, bytes) = registered();
    let pinned = counters.stats().pinned_now - before.pinned_now;
    assert_eq!(pinned, PAGES as u64);
    let other = userptr.file.try_clone().must();
    drop(userptr);
    let pinned = counters.stats().pinned_now - before.pinned_now;
    assert_eq!(pinned, PAGES as u64);
    drop(other);
    let after = counters.stats();
    assert_eq!(after.pinned_now, before.pinned_now);
    assert_eq!(after.files, before.files);
    holds(place(0), &bytes);
}

fn exit_unpins() {
    let counters = Userptr::open();
    let before = counters.stats();
    in_child(|| {
        std::mem::forget(registered());
        let (second, _) = registered();
        unmap(place(0), PAGES * page());
        std::mem::forget(second);
        let pinned = counters.stats().pinned_now - before.pinned_now;
        assert_eq!(pinned, 2 * PAGES as u64);
    });
    let after = counters.stats();
    assert_eq!(after.pinned_now, before.pinned_now);
    assert_eq!(after.files, before.files);
}

fn kill_unpins() {
    let counters = Userptr::open();
    let before = counters.stats();
    let child = forked(|| {
        let (userptr, _) = registered();
        loop {
            userptr.fill_registered(1).must();
        }
    });
    while counters.stats().pinned_now == before.pinned_now {
        yield_now();
    }
    child.kill().must();
    child.wait().must_give(End::Killed(SIGKILL));
    let after = counters.stats();
    assert_eq!(after.pinned_now, before.pinned_now);
    assert_eq!(after.files, before.files);
}

fn refuses_read_only_memory_holes_and_pfn() {
    let userptr = Userptr::open();
    let pfn = Pfn::open();
    let page = page();
    let at = memory_of(&some_bytes(8 * page));
    protect(at, page, PROT_READ);
    unmap(at + 4 * page, page);
    pfn.map_data(place(1), 0, 4).must();
    pfn.map_status(place(2), 0, 4).must();
    for (what, addr, len) in [
        ("read-only memory", at, 1),
        ("memory of which the start is read-only", at, 2 * page),
        ("a hole", at + 4 * page, 1),
        ("memory with a hole at the end", at + 2 * page, 3 * page),
        ("memory with a hole in the middle", at + page, 6 * page),
        ("pfn memory, the data part", place(1), page),
        ("pfn memory, the status part", place(2), page),
    ] {
        refused(what, EFAULT, userptr.register(addr, len));
        refused(
            &format!("unregister after {what}"),
            ENXIO,
            userptr.unregister(),
        );
    }
    pattern(place(2), 0, 4);
}

fn keeps_pages_of_a_buffer_that_is_closed() {
    let userptr = Userptr::open();
    let buffer = mapped_buffer(PAGES);
    let counters = Buffer::open().must();
    let bytes = some_bytes(PAGES * page());
    put(place(0), &bytes);
    userptr.register(place(0), bytes.len()).must();
    userptr.sum_registered().must_give(sum(&bytes));
    userptr.fill_registered(1).must();
    assert_eq!(byte(place(0) + 5), 1);
    let before = counters.stats().buffers;
    unmap(place(0), bytes.len());
    drop(buffer);
    assert_eq!(counters.stats().buffers, before - 1);
    // The pages are no longer the buffer's, and not yet another owner's.
    let _next = mapped_buffer(PAGES);
    mark(place(0), 0, PAGES, 7);
    userptr.sum_registered().must_give(bytes.len() as u64);
    userptr.fill_registered(2).must();
    marked(place(0), 0, PAGES, 7);
}

fn keeps_pages_of_a_buffer_that_are_reclaimed() {
    let userptr = Userptr::open();
    let buffer = mapped_buffer(PAGES);
    let bytes = some_bytes(PAGES * page());
    put(place(0), &bytes);
    userptr.register(place(0), bytes.len()).must();
    buffer.discard(0, PAGES as u64).must();
    buffer.reclaim_patiently(100).must();
    let seen = get(place(0), bytes.len());
    assert!(seen == bytes || seen.iter().all(|&byte| byte == 0));
    userptr.sum_registered().must_give(sum(&bytes));
}

fn outlives_the_process_of_the_memory() {
    let userptr = Userptr::open();
    in_child(|| {
        let at = memory_of(&[5; 100]);
        userptr.register(at, 100).must();
    });
    userptr.sum_registered().must_give(500);
    userptr.fill_registered(7).must();
    userptr.sum_registered().must_give(700);
    let own = sys::page_size();
    map_anonymous(place(0), own);
    assert_eq!(word(place(0)), 0);
}
