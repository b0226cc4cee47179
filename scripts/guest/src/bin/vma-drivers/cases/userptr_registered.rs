// SPDX-License-Identifier: GPL-2.0

//! Memory that a file keeps pinned, whatever becomes of its mapping.

use super::pfn::pattern;
use super::{mark, page, test};
use crate::check::{done, in_child, refused, same};
use crate::device::{Buffer, Pfn, Userptr};
use crate::transfer::{get, memory_of, put, some_bytes, sum};
use libc::{EBUSY, EFAULT, ENXIO, MADV_DONTNEED, PROT_READ, SIGKILL};
use std::thread::yield_now;
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{self, byte, place, set_byte, set_word, word};
use vma_guest::sys::process::{self, End};

pub const TESTS: &[Test] = &[
    test(
        "registered: sums and fills show in the memory",
        sums_and_fills,
    ),
    test(
        "registered: pages are counted as pinned until UNREGISTER",
        counted,
    ),
    test("registered: any alignment and size", alignments),
    test("registered: one at a time", one_at_a_time),
    test("registered: after munmap", unmapped),
    test("registered: after mremap", moved),
    test("registered: after mprotect", protected),
    test("registered: after MADV_DONTNEED, and mapped over", replaced),
    test("registered: the parent keeps its pages after fork", forked),
    test(
        "registered: a child uses and unregisters its parent's",
        child_unregisters,
    ),
    test("registered: close unpins", closed),
    test("registered: exit unpins", exit),
    test("registered: being killed unpins", killed),
    test(
        "registered: read-only memory, a hole, and pfn memory are EFAULT",
        refusals,
    ),
    test(
        "registered: pages of a buffer, which is unmapped and closed",
        buffer,
    ),
    test(
        "registered: pages of a buffer that are reclaimed",
        reclaimed,
    ),
    test(
        "registered: the end of the pinned memory's process",
        process_gone,
    ),
];

const PAGES: usize = 4;

/// Memory with contents that is registered.
#[track_caller]
fn registered() -> (Userptr, Vec<u8>) {
    let userptr = Userptr::open();
    let bytes = some_bytes(PAGES * page());
    let at = memory_of(&bytes);
    done("register", userptr.register(at, bytes.len()));
    (userptr, bytes)
}

#[track_caller]
fn sum_is(what: &str, userptr: &Userptr, wanted: u64) {
    same(what, done(what, userptr.sum_registered()), wanted);
}

fn sums_and_fills() {
    let (userptr, bytes) = registered();
    sum_is("at first", &userptr, sum(&bytes));
    set_byte(place(0) + 5, 0);
    sum_is("after a store", &userptr, sum(&bytes) - u64::from(bytes[5]));
    done("fill", userptr.fill_registered(3));
    assert!(
        get(place(0), bytes.len()).iter().all(|&byte| byte == 3),
        "the memory has other bytes"
    );
    sum_is("after a fill", &userptr, 3 * bytes.len() as u64);
    done("unregister", userptr.unregister());
    same("what stays in the memory", byte(place(0)), 3);
}

fn counted() {
    let userptr = Userptr::open();
    let before = done("counters", userptr.stats());
    let at = memory_of(&some_bytes(PAGES * page()));
    done("register", userptr.register(at + page() - 1, page() + 2));
    let inside = done("counters", userptr.stats());
    same(
        "pages that are pinned",
        inside.pinned_now - before.pinned_now,
        3,
    );
    same("pages that were pinned", inside.pinned - before.pinned, 3);
    done("sum", userptr.sum_registered());
    same(
        "pages that are pinned",
        done("counters", userptr.stats()).pinned_now,
        inside.pinned_now,
    );
    done("unregister", userptr.unregister());
    let after = done("counters", userptr.stats());
    same("pages that are pinned", after.pinned_now, before.pinned_now);
    same(
        "pages that were unpinned",
        after.unpinned - before.unpinned,
        3,
    );
}

fn alignments() {
    let userptr = Userptr::open();
    let page = page();
    let mut bytes = some_bytes((1 << 20) + 2 * page);
    let at = memory_of(&bytes);
    for (offset, len) in [(0, 1), (page - 1, 2), (5, 3 * page), (page + 3, 1 << 20)] {
        let what = format!("{len} bytes at offset {offset}");
        done(&what, userptr.register(at + offset, len));
        sum_is(&what, &userptr, sum(&bytes[offset..offset + len]));
        done(&what, userptr.fill_registered(9));
        bytes[offset..offset + len].fill(9);
        assert!(
            get(at, bytes.len()) == bytes,
            "{what}: the memory has other bytes"
        );
        done(&what, userptr.unregister());
    }
}

fn one_at_a_time() {
    let (userptr, bytes) = registered();
    refused("a second one", EBUSY, userptr.register(place(0), 1));
    sum_is("the first one", &userptr, sum(&bytes));
    done("unregister", userptr.unregister());
    refused("unregister again", ENXIO, userptr.unregister());
    refused("sum of none", ENXIO, userptr.sum_registered());
    refused("fill of none", ENXIO, userptr.fill_registered(1));
    done("register again", userptr.register(place(0), 1));
    sum_is("the second one", &userptr, bytes[0].into());
    let other = Userptr::open();
    done("register with another file", other.register(place(0), 2));
    sum_is("the other file's", &other, sum(&bytes[..2]));
}

fn unmapped() {
    let (userptr, bytes) = registered();
    done("unmap", memory::unmap(place(0), bytes.len()));
    sum_is("after munmap", &userptr, sum(&bytes));
    done("map", memory::map_anonymous(place(0), bytes.len()));
    done("fill", userptr.fill_registered(1));
    assert!(
        get(place(0), bytes.len()).iter().all(|&byte| byte == 0),
        "other memory was filled"
    );
    sum_is("after a fill", &userptr, bytes.len() as u64);
}

fn moved() {
    let (userptr, bytes) = registered();
    done(
        "move",
        memory::relocate(place(0), bytes.len(), place(1), bytes.len(), 0),
    );
    sum_is("after mremap", &userptr, sum(&bytes));
    done("fill", userptr.fill_registered(1));
    assert!(
        get(place(1), bytes.len()).iter().all(|&byte| byte == 1),
        "the fill does not show"
    );
}

fn protected() {
    let (userptr, bytes) = registered();
    done("protect", memory::protect(place(0), bytes.len(), PROT_READ));
    sum_is("after mprotect", &userptr, sum(&bytes));
    // It was writable when it was pinned.
    done("fill", userptr.fill_registered(1));
    same("what was filled", byte(place(0)), 1);
}

fn replaced() {
    let (userptr, bytes) = registered();
    done(
        "madvise",
        memory::advise(place(0), bytes.len(), MADV_DONTNEED),
    );
    same("new memory", word(place(0)), 0);
    sum_is("after MADV_DONTNEED", &userptr, sum(&bytes));
    done("map over", memory::map_anonymous(place(0), bytes.len()));
    done("fill", userptr.fill_registered(1));
    same("new memory", word(place(0)), 0);
    sum_is("after a fill", &userptr, bytes.len() as u64);
}

fn forked() {
    let (userptr, bytes) = registered();
    let ready = place(1);
    let prot = PROT_READ | libc::PROT_WRITE;
    done(
        "map",
        memory::map(ready, page(), prot, libc::MAP_SHARED, None),
    );
    let child = process::fork(|| {
        while word(ready) == 0 {
            yield_now();
        }
        // What the parent stored after the fork does not show here.
        u8::from(get(place(0), bytes.len()) != bytes)
    });
    let child = done("fork", child);
    // A copy on write must be the child's copy: the driver has the parent's pages.
    for number in 0..PAGES {
        set_byte(place(0) + number * page(), 0);
    }
    let less = (0..PAGES)
        .map(|number| u64::from(bytes[number * page()]))
        .sum::<u64>();
    sum_is("after stores by the parent", &userptr, sum(&bytes) - less);
    done("fill", userptr.fill_registered(6));
    assert!(
        get(place(0), bytes.len()).iter().all(|&byte| byte == 6),
        "the fill does not show"
    );
    set_word(ready, 1);
    same(
        "the child's end",
        done("wait", child.wait()),
        End::Exited(0),
    );
}

fn child_unregisters() {
    let (userptr, bytes) = registered();
    in_child("a child", || {
        sum_is("in the child", &userptr, sum(&bytes));
        done("fill", userptr.fill_registered(4));
        // Its own memory is a copy.
        assert!(
            get(place(0), bytes.len()) == bytes,
            "the fill shows in the child"
        );
        done("unregister", userptr.unregister());
    });
    assert!(
        get(place(0), bytes.len()).iter().all(|&byte| byte == 4),
        "the fill does not show"
    );
    refused("unregister again", ENXIO, userptr.unregister());
}

fn closed() {
    let counters = Userptr::open();
    let before = done("counters", counters.stats());
    let (userptr, bytes) = registered();
    let pinned = done("counters", counters.stats()).pinned_now - before.pinned_now;
    same("pages that are pinned", pinned, PAGES as u64);
    let other = done("dup", userptr.file.try_clone());
    drop(userptr);
    let pinned = done("counters", counters.stats()).pinned_now - before.pinned_now;
    same(
        "pages that are pinned while a descriptor is left",
        pinned,
        PAGES as u64,
    );
    drop(other);
    let after = done("counters", counters.stats());
    same(
        "pages that are pinned after close",
        after.pinned_now,
        before.pinned_now,
    );
    same("files", after.files, before.files);
    assert!(
        get(place(0), bytes.len()) == bytes,
        "the memory has other bytes"
    );
}

fn exit() {
    let counters = Userptr::open();
    let before = done("counters", counters.stats());
    in_child("a child", || {
        std::mem::forget(registered());
        let (second, _) = registered();
        done("unmap", memory::unmap(place(0), PAGES * page()));
        std::mem::forget(second);
        let pinned = done("counters", counters.stats()).pinned_now - before.pinned_now;
        same("pages that are pinned", pinned, 2 * PAGES as u64);
    });
    let after = done("counters", counters.stats());
    same(
        "pages that are pinned after exit",
        after.pinned_now,
        before.pinned_now,
    );
    same("files", after.files, before.files);
}

fn killed() {
    let counters = Userptr::open();
    let before = done("counters", counters.stats());
    let child = process::fork(|| {
        let (userptr, _) = registered();
        loop {
            done("fill", userptr.fill_registered(1));
        }
    });
    let child = done("fork", child);
    while done("counters", counters.stats()).pinned_now == before.pinned_now {
        yield_now();
    }
    done("kill", child.signal(SIGKILL));
    same(
        "the child's end",
        done("wait", child.wait()),
        End::Killed(SIGKILL),
    );
    let after = done("counters", counters.stats());
    same("pages that are pinned", after.pinned_now, before.pinned_now);
    same("files", after.files, before.files);
}

fn refusals() {
    let userptr = Userptr::open();
    let pfn = Pfn::open();
    let page = page();
    let at = memory_of(&some_bytes(8 * page));
    done("protect", memory::protect(at, page, PROT_READ));
    done("unmap", memory::unmap(at + 4 * page, page));
    done("map", pfn.map_data(place(1), 0, 4));
    done("map", pfn.map_status(place(2), 0, 4));
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
    pattern("pfn memory", place(2), 0, 4);
}

fn buffer() {
    let userptr = Userptr::open();
    let buffer = Buffer::of_pages(PAGES);
    let counters = done("open", Buffer::open());
    done("map", buffer.map(place(0), 0, PAGES));
    let bytes = some_bytes(PAGES * page());
    put(place(0), &bytes);
    done("register", userptr.register(place(0), bytes.len()));
    sum_is("at first", &userptr, sum(&bytes));
    done("fill", userptr.fill_registered(1));
    same("what was filled", byte(place(0) + 5), 1);
    let before = done("counters", counters.stats()).buffers;
    done("unmap", memory::unmap(place(0), bytes.len()));
    drop(buffer);
    same(
        "buffers",
        done("counters", counters.stats()).buffers,
        before - 1,
    );
    // The pages are not the buffer's any more, and nobody else's yet.
    let next = Buffer::of_pages(PAGES);
    done("map", next.map(place(0), 0, PAGES));
    mark(place(0), 0, PAGES, 7);
    sum_is("after close", &userptr, bytes.len() as u64);
    done("fill", userptr.fill_registered(2));
    super::marked("the next buffer", place(0), 0, PAGES, 7);
}

fn reclaimed() {
    let userptr = Userptr::open();
    let buffer = Buffer::of_pages(PAGES);
    done("map", buffer.map(place(0), 0, PAGES));
    let bytes = some_bytes(PAGES * page());
    put(place(0), &bytes);
    done("register", userptr.register(place(0), bytes.len()));
    done("discard", buffer.discard(0, PAGES as u64));
    done("reclaim", buffer.reclaim_patiently(100));
    let seen = get(place(0), bytes.len());
    assert!(
        seen == bytes || seen.iter().all(|&byte| byte == 0),
        "the buffer has other bytes"
    );
    sum_is("after RECLAIM", &userptr, sum(&bytes));
}

fn process_gone() {
    let userptr = Userptr::open();
    in_child("a child", || {
        let at = memory_of(&[5; 100]);
        done("register", userptr.register(at, 100));
    });
    sum_is("the memory of a process that is gone", &userptr, 500);
    done("fill", userptr.fill_registered(7));
    sum_is("after a fill", &userptr, 700);
    let own = sys::page_size();
    done("map", memory::map_anonymous(place(0), own));
    same("the memory of this process", word(place(0)), 0);
}
