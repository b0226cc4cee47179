// SPDX-License-Identifier: GPL-2.0

//! Threads that do to the same memory, at once, what must not be done at once.
//!
//! Where memory may be gone, it is the kernel that accesses it for a thread: that is an error then,
//! and no signal.

use super::buffer_reclaim::{agree, may_reclaim};
use super::{beside, for_a_while, many_threads, mark, marked, page, test};
use crate::check::{done, refused, same};
use crate::device::buffer::SET_SIZE;
use crate::device::pfn::{DATA, DATA_PAGES};
use crate::device::userptr::WAYS;
use crate::device::{Buffer, Pfn, Userptr};
use crate::transfer::copy;
use libc::{EBUSY, EFAULT, ENXIO, MADV_DONTNEED, PROT_READ, PROT_WRITE};
use std::io::Result;
use std::os::unix::fs::FileExt;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process::{self, End};

pub const TESTS: &[Test] = &[
    test(
        "race: a buffer gets its size from one thread only",
        one_size,
    ),
    test(
        "race: threads fault on the same new pages of a buffer",
        new_pages,
    ),
    test(
        "race: threads and processes fault on the same new pages of a buffer",
        new_pages_processes,
    ),
    test(
        "race: threads fault on pages that are written by pwrite",
        fault_and_write,
    ),
    test(
        "race: faults of a buffer and munmap",
        fault_and_unmap_buffer,
    ),
    test("race: faults of pfn memory and munmap", fault_and_unmap_pfn),
    test("race: faults of a buffer and mremap", fault_and_move),
    test("race: faults of a buffer and mprotect", fault_and_protect),
    test(
        "race: faults of a buffer and MADV_DONTNEED",
        fault_and_forget,
    ),
    test(
        "race: faults of a buffer, DISCARD and RECLAIM",
        fault_and_reclaim,
    ),
    test(
        "race: mremap of a buffer, DISCARD and RECLAIM",
        move_and_reclaim,
    ),
    test("race: faults of a buffer and fork", fault_and_fork),
    test(
        "race: threads map, unmap and fork buffers of their own",
        everything_at_once,
    ),
    test(
        "race: POPULATE, RECLAIM and the end of the process that has mapped",
        exit_of_mapper,
    ),
    test("race: sums, fills and munmap", pin_and_unmap),
    test("race: sums, fills and fork", pin_and_fork),
    test("race: REGISTER and UNREGISTER by all threads", register),
];

const PAGES: usize = 16;

fn one_size() {
    let threads = many_threads();
    for_a_while(|_| {
        let buffer = done("open", Buffer::open());
        let (start, set) = (Barrier::new(threads), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..threads as u64 {
                let (buffer, start, set) = (&buffer, &start, &set);
                scope.spawn(move || {
                    start.wait();
                    match buffer.request(SET_SIZE, [thread + 1, 0, 0, 0]) {
                        Ok(_) => {
                            set.fetch_add(1, Relaxed);
                        }
                        Err(e) => refused("a second size", EBUSY, Err::<(), _>(e)),
                    }
                });
            }
        });
        same("sizes that were set", set.into_inner(), 1);
        done("map", buffer.map(place(0), 0, 1));
        same("a word of the first page", word(place(0)), 0);
    });
}

/// Where a thread has a word of its own in a page.
fn own_word(page_at: usize, thread: usize) -> usize {
    page_at + 64 + 8 * thread
}

fn new_pages() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [processors.max(2), many_threads()] {
        for_a_while(|_| {
            let buffer = Buffer::of_pages(PAGES);
            let before = done("counters", buffer.stats()).pages;
            done("map", buffer.map(place(0), 0, PAGES));
            fault_by(threads, place(0));
            let after = done("counters", buffer.stats()).pages;
            same("pages", after - before, PAGES as u64);
            done("unmap", memory::unmap(place(0), PAGES * page()));
        });
    }
}

/// Threads store a word each into every page, and all must be there afterwards.
#[track_caller]
fn fault_by(threads: usize, at: usize) {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for number in 0..PAGES {
                    let addr = own_word(at + number * page(), thread);
                    same("a thread's word at first", word(addr), 0);
                    set_word(addr, thread as u64 + 1);
                }
            });
        }
    });
    for number in 0..PAGES {
        for thread in 0..threads {
            let got = word(own_word(at + number * page(), thread));
            same("a thread's word", got, thread as u64 + 1);
        }
    }
}

fn new_pages_processes() {
    for_a_while(|_| {
        let buffer = Buffer::of_pages(PAGES);
        done("map", buffer.map(place(0), 0, PAGES));
        let child = process::fork(|| {
            for number in 0..PAGES {
                set_word(place(0) + number * page(), 1);
            }
            0
        });
        let child = done("fork", child);
        fault_by(many_threads(), place(0));
        same(
            "the child's end",
            done("wait", child.wait()),
            End::Exited(0),
        );
        for number in 0..PAGES {
            same("the child's word", word(place(0) + number * page()), 1);
        }
    });
}

fn fault_and_write() {
    for_a_while(|round| {
        let buffer = Buffer::of_pages(PAGES);
        done("map", buffer.map(place(0), 0, PAGES));
        let value = round + 1;
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                for number in 0..PAGES {
                    let offset = (number * page()) as u64;
                    let written = buffer.file.write_all_at(&value.to_ne_bytes(), offset);
                    done("pwrite", written);
                }
            });
            start.wait();
            for number in 0..PAGES {
                set_word(place(0) + number * page() + 8, value);
            }
        });
        for number in 0..PAGES {
            same("what was written", word(place(0) + number * page()), value);
            same(
                "what was stored",
                word(place(0) + number * page() + 8),
                value,
            );
        }
    });
}

/// What a copy of a page begins with, or `None` if that was not there, or not for long enough.
#[track_caller]
pub fn first_word(addr: usize) -> Option<u64> {
    let file = done("a file", sys::memfd(c"copy"));
    match copy(&file, addr, page()) {
        Ok(copied) if copied >= 8 => {
            let mut bytes = [0; 8];
            done("reading the copy", file.read_exact_at(&mut bytes, 0));
            Some(u64::from_ne_bytes(bytes))
        }
        Ok(_) => None,
        Err(e) => {
            refused("a copy", EFAULT, Err::<(), _>(e));
            None
        }
    }
}

fn fault_and_unmap_buffer() {
    let buffer = Buffer::of_pages(PAGES);
    done("map", buffer.map(place(1), 0, PAGES));
    mark(place(1), 0, PAGES, 1);
    let load = |thread: usize| {
        for number in 0..PAGES {
            let number = (number + thread) % PAGES;
            if let Some(got) = first_word(place(0) + number * page()) {
                same("a page that was mapped", got, 1 << 32 | number as u64);
            }
        }
    };
    beside(many_threads(), load, || {
        for_a_while(|round| {
            done("map", buffer.map(place(0), 0, PAGES));
            let from = (round as usize) % PAGES;
            done("unmap", memory::unmap(place(0) + from * page(), page()));
            done("unmap", memory::unmap(place(0), PAGES * page()));
        });
    });
    marked("the buffer", place(1), 0, PAGES, 1);
}

fn fault_and_unmap_pfn() {
    let pfn = Pfn::open();
    let load = |_| {
        for number in 0..DATA_PAGES {
            if let Some(got) = first_word(place(0) + number * page()) {
                same("a page that was mapped", got, (DATA + number as u64) << 32);
            }
            if let Some(got) = first_word(place(1) + number * page()) {
                same("a page that was mapped", got, (number as u64) << 32);
            }
        }
    };
    beside(many_threads(), load, || {
        for_a_while(|round| {
            done("map", pfn.map_data(place(0), 0, DATA_PAGES));
            done("map", pfn.map_status(place(1), 0, DATA_PAGES));
            let from = (round as usize) % DATA_PAGES;
            for at in [place(0), place(1)] {
                done("unmap", memory::unmap(at + from * page(), page()));
                done("unmap", memory::unmap(at, DATA_PAGES * page()));
            }
        });
    });
}

fn fault_and_move() {
    let buffer = Buffer::of_pages(PAGES);
    let (one, two, len) = (place(0), place(1), PAGES * page());
    done("map", buffer.map(one, 0, PAGES));
    mark(one, 0, PAGES, 1);
    let load = |thread: usize| {
        let at = if thread % 2 == 0 { one } else { two };
        for number in 0..PAGES {
            if let Some(got) = first_word(at + number * page()) {
                same("a page that was mapped", got, 1 << 32 | number as u64);
            }
        }
    };
    beside(many_threads(), load, || {
        for_a_while(|_| {
            done("move", memory::relocate(one, len, two, len, 0));
            done("move", memory::relocate(two, len, one, len, 0));
        });
    });
    marked("the buffer", one, 0, PAGES, 1);
}

fn fault_and_protect() {
    let buffer = Buffer::of_pages(PAGES);
    let (at, len) = (place(0), PAGES * page());
    done("map", buffer.map(at, 0, PAGES));
    mark(at, 0, PAGES, 1);
    beside(
        many_threads(),
        |_| marked("the buffer", at, 0, PAGES, 1),
        || {
            for_a_while(|round| {
                let first = (round as usize) % (PAGES - 4);
                let middle = at + first * page();
                done("protect", memory::protect(middle, 4 * page(), PROT_READ));
                done("madvise", memory::advise(middle, 2 * page(), MADV_DONTNEED));
                done("protect", memory::protect(at, len, PROT_READ | PROT_WRITE));
            });
        },
    );
}

fn fault_and_forget() {
    let buffer = Buffer::of_pages(PAGES);
    let (at, len) = (place(0), PAGES * page());
    done("map", buffer.map(at, 0, PAGES));
    let store = |thread: usize| {
        for number in 0..PAGES {
            let addr = own_word(at + number * page(), thread);
            let value = word(addr) + 1;
            set_word(addr, value);
            same("a thread's word", word(addr), value);
        }
    };
    beside(many_threads(), store, || {
        for_a_while(|_| done("madvise", memory::advise(at, len, MADV_DONTNEED)));
    });
}

fn fault_and_reclaim() {
    let buffer = Buffer::of_pages(PAGES);
    let at = place(0);
    done("map", buffer.map(at, 0, PAGES));
    mark(at, 0, PAGES, 1);
    let load = |_| {
        for number in 0..PAGES {
            let got = word(at + number * page());
            let marked = 1 << 32 | number as u64;
            assert!(got == 0 || got == marked, "{got:#x} in page {number}");
        }
    };
    let mut reclaimed = 0;
    beside(many_threads(), load, || {
        for_a_while(|round| {
            done("discard", buffer.discard(round % 8, 8));
            match buffer.reclaim(100) {
                Ok(pages) => reclaimed += pages,
                Err(e) => refused("reclaim", libc::EAGAIN, Err::<(), _>(e)),
            }
            // Something to lose the next time.
            for number in 0..PAGES {
                set_word(at + number * page(), 1 << 32 | number as u64);
            }
        });
    });
    done("discard", buffer.discard(0, 8));
    reclaimed += done("reclaim", buffer.reclaim_patiently(100));
    assert!(reclaimed > 0, "nothing was ever reclaimed");
}

fn move_and_reclaim() {
    let buffer = Buffer::of_pages(PAGES);
    let (one, two, len) = (place(0), place(1), PAGES * page());
    done("map", buffer.map(one, 0, PAGES));
    let reclaim = |_| {
        done("discard", buffer.discard(0, PAGES as u64));
        may_reclaim(&buffer);
    };
    beside(2, reclaim, || {
        for_a_while(|round| {
            done("move", memory::relocate(one, len, two, len, 0));
            mark(two, 0, PAGES, round + 1);
            if round % 2 == 0 {
                done("unmap", memory::unmap(two, len));
                done("map", buffer.map(one, 0, PAGES));
            } else {
                done("move", memory::relocate(two, len, one, len, 0));
            }
            mark(one, 0, PAGES, round + 1);
        });
    });
    agree(&buffer, one, PAGES);
}

fn fault_and_fork() {
    let buffer = Buffer::of_pages(PAGES);
    let (at, len) = (place(0), PAGES * page());
    done("map", buffer.map(at, 0, PAGES));
    mark(at, 0, PAGES, 1);
    let before = done("counters", buffer.stats());
    let mut forked = 0;
    let load = |thread: usize| {
        marked("the buffer", at, 0, PAGES, 1);
        if thread == 0 {
            done("madvise", memory::advise(at, len, MADV_DONTNEED));
        }
    };
    beside(many_threads(), load, || {
        for_a_while(|_| {
            // The child must not panic, because of the threads that it does not have.
            let child = process::fork(|| {
                let right = |number| word(at + number * page()) == 1 << 32 | number as u64;
                u8::from(!(0..PAGES).all(right))
            });
            let end = done("fork", child.and_then(process::Child::wait));
            same("the child's end", end, End::Exited(0));
            forked += 1;
        });
    });
    let after = done("counters", buffer.stats());
    same("VMAs made", after.made - before.made, forked);
    same("VMAs dropped", after.dropped - before.dropped, forked);
}

fn everything_at_once() {
    let work = |thread: usize| {
        let (at, other) = (place(2 * thread), place(2 * thread + 1));
        let len = PAGES * page();
        let buffer = Buffer::of_pages(PAGES);
        let pfn = Pfn::open();
        let whose = thread as u64 + 1;
        done("map", buffer.map(at, 0, PAGES));
        mark(at, 0, PAGES, whose);
        done("map", pfn.map_data(other, 0, PAGES));
        mark(other, 0, PAGES, whose);
        done("protect", memory::protect(at + page(), page(), PROT_READ));
        done("unmap", memory::unmap(at + 4 * page(), page()));
        done(
            "move",
            memory::relocate(at + 8 * page(), page(), other, page(), 0),
        );
        marked("a page that moved", other, 8, 1, whose);
        marked("pages beside it", other + page(), 1, PAGES - 1, whose);
        drop(buffer);
        done("revoke", pfn.revoke());
        marked("after REVOKE", other + page(), 1, PAGES - 1, whose);
        done("unmap", memory::unmap(at, len));
        done("unmap", memory::unmap(other, len));
    };
    beside(many_threads(), work, || {
        for_a_while(|_| {
            let end = done("fork", process::fork(|| 0).and_then(process::Child::wait));
            same("the child's end", end, End::Exited(0));
        });
    });
}

fn exit_of_mapper() {
    let buffer = Buffer::of_pages(PAGES);
    let work = |thread: usize| {
        if thread % 2 == 0 {
            if let Err(e) = buffer.populate(0, PAGES as u64) {
                refused("populate", ENXIO, Err::<(), _>(e));
            }
        } else {
            done("discard", buffer.discard(0, PAGES as u64));
            may_reclaim(&buffer);
        }
    };
    beside(many_threads(), work, || {
        for_a_while(|_| {
            // The child must not panic, because of the threads that it does not have.
            let child = process::fork(|| {
                let mapped = buffer.map(place(0), 0, PAGES);
                if mapped.is_ok() {
                    set_word(place(0) + 3 * page(), 1);
                }
                u8::from(mapped.is_err())
            });
            let end = done("fork", child.and_then(process::Child::wait));
            same("the child's end", end, End::Exited(0));
        });
    });
    done("map", buffer.map(place(0), 0, PAGES));
    agree(&buffer, place(0), PAGES);
}

/// It may have found a hole. Returns what it is otherwise.
#[track_caller]
fn unless_gone<T>(what: &str, got: Result<T>) -> Option<T> {
    match got {
        Ok(value) => Some(value),
        Err(e) => {
            refused(what, EFAULT, Err::<(), _>(e));
            None
        }
    }
}

fn pin_and_unmap() {
    let userptr = Userptr::open();
    let (at, len) = (place(0), PAGES * page());
    let buffer = Buffer::of_pages(PAGES);
    let pin = |thread: usize| {
        for way in WAYS {
            if thread % 2 == 0 {
                let got = unless_gone(way.name, userptr.sum(at, len, way));
                let most = len as u64;
                assert!(
                    got.unwrap_or(0) <= most,
                    "{got:?} in {len} bytes of 0 and 1"
                );
            } else {
                unless_gone(way.name, userptr.fill(at + 5, len - 5, 1, way));
            }
        }
    };
    beside(many_threads(), pin, || {
        for_a_while(|round| {
            match round % 3 {
                0 => done("map", memory::map_anonymous(at, len)),
                1 => done("map", buffer.map(at, 0, PAGES)),
                _ => done("unmap", memory::unmap(at, len)),
            }
            std::thread::yield_now();
            done("unmap", memory::unmap(at + 3 * page(), page()));
        });
    });
    same(
        "pages that are pinned",
        done("counters", userptr.stats()).pinned_now,
        0,
    );
}

fn pin_and_fork() {
    let userptr = Userptr::open();
    let (at, len) = (place(0), PAGES * page());
    done("map", memory::map_anonymous(at, many_threads() * len));
    let pin = |thread: usize| {
        let own = at + thread * len;
        for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
            done(way.name, userptr.fill(own, len, value, way));
            let got = done(way.name, userptr.sum(own, len, way));
            same(way.name, got, u64::from(value) * len as u64);
        }
    };
    beside(many_threads(), pin, || {
        for_a_while(|_| {
            let child = process::fork(|| {
                // This makes copies of the pages.
                for number in 0..PAGES {
                    set_word(at + number * page(), u64::MAX);
                }
                0
            });
            let end = done("fork", child.and_then(process::Child::wait));
            same("the child's end", end, End::Exited(0));
        });
    });
    same(
        "pages that are pinned",
        done("counters", userptr.stats()).pinned_now,
        0,
    );
}

fn register() {
    let userptr = Userptr::open();
    let len = 4 * page();
    done("map", memory::map_anonymous(place(0), len));
    mark(place(0), 1, 4, 0);
    let wanted = 2 * (1 + 2 + 3 + 4);
    let unless = |what, number, got: Result<u64>| match got {
        Ok(value) => Some(value),
        Err(e) => {
            refused(what, number, Err::<(), _>(e));
            None
        }
    };
    let work = |thread: usize| {
        if thread % 2 == 0 {
            unless(
                "register",
                EBUSY,
                userptr.register(place(0), len).map(|()| 0),
            );
            unless("unregister", ENXIO, userptr.unregister().map(|()| 0));
        } else if let Some(got) = unless("sum", ENXIO, userptr.sum_registered()) {
            same("the sum", got, wanted);
        }
    };
    beside(many_threads(), work, || {
        for_a_while(|_| std::thread::yield_now())
    });
    unless("unregister", ENXIO, userptr.unregister().map(|()| 0));
    same(
        "pages that are pinned",
        done("counters", userptr.stats()).pinned_now,
        0,
    );
}
