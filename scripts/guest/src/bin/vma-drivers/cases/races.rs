// SPDX-License-Identifier: GPL-2.0

//! Threads that do to the same memory, at once, what must not be done at once.
//!
//! Where memory may be gone, it is the kernel that accesses it for a thread: that is an error then,
//! and no signal.

use super::*;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use vma_guest::device::buffer::SET_SIZE;

suite! {
    "race":
    one_thread_sets_the_size, threads_fault_on_new_pages, threads_and_processes_fault_on_new_pages,
    faults_and_pwrite_of_the_same_pages, faults_of_a_buffer_and_munmap, faults_of_pfn_and_munmap,
    faults_of_a_buffer_and_mremap, faults_of_a_buffer_and_mprotect,
    faults_of_a_buffer_and_madv_dontneed, faults_of_a_buffer_discard_and_reclaim,
    mremap_of_a_buffer_discard_and_reclaim, faults_of_a_buffer_and_fork,
    threads_map_unmap_and_fork, populate_reclaim_and_exit_of_the_mapper, sums_fills_and_munmap,
    sums_fills_and_fork, register_and_unregister_by_all_threads,
}

const PAGES: usize = 16;

fn one_thread_sets_the_size() {
    let threads = many_threads();
    for_a_while(|_| {
        let buffer = Buffer::open().must();
        let (start, set) = (Barrier::new(threads), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..threads as u64 {
                let (buffer, start, set) = (&buffer, &start, &set);
                scope.spawn(move || {
                    start.wait();
                    let got = buffer.request(SET_SIZE, [thread + 1, 0, 0, 0]);
                    set.fetch_add(got.unless(&[EBUSY]).is_some().into(), Relaxed);
                });
            }
        });
        assert_eq!(set.into_inner(), 1);
        buffer.map(place(0), 0, 1).must();
        assert_eq!(word(place(0)), 0);
    });
}

/// Where a thread has a word of its own in a page.
fn own_word(page_at: usize, thread: usize) -> usize {
    page_at + 64 + 8 * thread
}

fn threads_fault_on_new_pages() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [processors.max(2), many_threads()] {
        for_a_while(|_| {
            let buffer = mapped_buffer(PAGES);
            let before = buffer.stats().pages;
            fault_by(threads, place(0));
            let after = buffer.stats().pages;
            assert_eq!(after - before, PAGES as u64);
            unmap(place(0), PAGES * page());
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
                    assert_eq!(word(addr), 0);
                    set_word(addr, thread as u64 + 1);
                }
            });
        }
    });
    for number in 0..PAGES {
        for thread in 0..threads {
            let got = word(own_word(at + number * page(), thread));
            assert_eq!(got, thread as u64 + 1);
        }
    }
}

fn threads_and_processes_fault_on_new_pages() {
    for_a_while(|_| {
        let _buffer = mapped_buffer(PAGES);
        let child = forked(|| {
            for number in 0..PAGES {
                set_word(place(0) + number * page(), 1);
            }
            0
        });
        fault_by(many_threads(), place(0));
        child.wait().must_give(End::Exited(0));
        for number in 0..PAGES {
            assert_eq!(word(place(0) + number * page()), 1);
        }
    });
}

fn faults_and_pwrite_of_the_same_pages() {
    for_a_while(|round| {
        let buffer = mapped_buffer(PAGES);
        let value = round + 1;
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                for number in 0..PAGES {
                    let offset = (number * page()) as u64;
                    let written = buffer.file.write_all_at(&value.to_ne_bytes(), offset);
                    written.must();
                }
            });
            start.wait();
            for number in 0..PAGES {
                set_word(place(0) + number * page() + 8, value);
            }
        });
        for number in 0..PAGES {
            assert_eq!(word(place(0) + number * page()), value);
            assert_eq!(word(place(0) + number * page() + 8), value);
        }
    });
}

/// Returns the first word of a copy of a page, or `None` if the page was not there for long enough.
#[track_caller]
pub fn first_word(addr: usize) -> Option<u64> {
    let file = sys::memfd(c"copy").must();
    copy(&file, addr, page())
        .unless(&[EFAULT])
        .filter(|&copied| copied >= 8)?;
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, 0).must();
    Some(u64::from_ne_bytes(bytes))
}

fn faults_of_a_buffer_and_munmap() {
    let buffer = Buffer::of_pages(PAGES);
    buffer.map(place(1), 0, PAGES).must();
    mark(place(1), 0, PAGES, 1);
    let load = |thread: usize| {
        for number in 0..PAGES {
            let number = (number + thread) % PAGES;
            if let Some(got) = first_word(place(0) + number * page()) {
                assert_eq!(got, 1 << 32 | number as u64);
            }
        }
    };
    race(many_threads(), load, |round| {
        buffer.map(place(0), 0, PAGES).must();
        let from = (round as usize) % PAGES;
        unmap(place(0) + from * page(), page());
        unmap(place(0), PAGES * page());
    });
    marked(place(1), 0, PAGES, 1);
}

fn faults_of_pfn_and_munmap() {
    let pfn = Pfn::open();
    let load = |_| {
        for number in 0..DATA_PAGES {
            if let Some(got) = first_word(place(0) + number * page()) {
                assert_eq!(got, (DATA + number as u64) << 32);
            }
            if let Some(got) = first_word(place(1) + number * page()) {
                assert_eq!(got, (number as u64) << 32);
            }
        }
    };
    race(many_threads(), load, |round| {
        pfn.map_data(place(0), 0, DATA_PAGES).must();
        pfn.map_status(place(1), 0, DATA_PAGES).must();
        let from = (round as usize) % DATA_PAGES;
        for at in [place(0), place(1)] {
            unmap(at + from * page(), page());
            unmap(at, DATA_PAGES * page());
        }
    });
}

fn faults_of_a_buffer_and_mremap() {
    let _buffer = marked_buffer(PAGES);
    let (one, two, len) = (place(0), place(1), PAGES * page());
    let load = |thread: usize| {
        let at = if thread % 2 == 0 { one } else { two };
        for number in 0..PAGES {
            if let Some(got) = first_word(at + number * page()) {
                assert_eq!(got, 1 << 32 | number as u64);
            }
        }
    };
    race(many_threads(), load, |_| {
        relocate(one, two, len);
        relocate(two, one, len);
    });
    marked(one, 0, PAGES, 1);
}

fn faults_of_a_buffer_and_mprotect() {
    let _buffer = marked_buffer(PAGES);
    let (at, len) = (place(0), PAGES * page());
    race(
        many_threads(),
        |_| marked(at, 0, PAGES, 1),
        |round| {
            let first = (round as usize) % (PAGES - 4);
            let middle = at + first * page();
            protect(middle, 4 * page(), PROT_READ);
            advise(middle, 2 * page(), MADV_DONTNEED);
            protect(at, len, RW);
        },
    );
}

fn faults_of_a_buffer_and_madv_dontneed() {
    let _buffer = mapped_buffer(PAGES);
    let (at, len) = (place(0), PAGES * page());
    let store = |thread: usize| {
        for number in 0..PAGES {
            let addr = own_word(at + number * page(), thread);
            let value = word(addr) + 1;
            set_word(addr, value);
            assert_eq!(word(addr), value);
        }
    };
    race(many_threads(), store, |_| advise(at, len, MADV_DONTNEED));
}

fn faults_of_a_buffer_discard_and_reclaim() {
    let buffer = marked_buffer(PAGES);
    let at = place(0);
    let load = |_| {
        for number in 0..PAGES {
            let got = word(at + number * page());
            let marked = 1 << 32 | number as u64;
            assert!(got == 0 || got == marked, "{got:#x} in page {number}");
        }
    };
    let mut reclaimed = 0;
    race(many_threads(), load, |round| {
        buffer.discard(round % 8, 8).must();
        reclaimed += buffer.reclaim(100).unless(&[EAGAIN]).unwrap_or(0);
        // Something to lose the next time.
        for number in 0..PAGES {
            set_word(at + number * page(), 1 << 32 | number as u64);
        }
    });
    buffer.discard(0, 8).must();
    reclaimed += buffer.reclaim_patiently(100).must();
    assert!(reclaimed > 0);
}

fn mremap_of_a_buffer_discard_and_reclaim() {
    let buffer = mapped_buffer(PAGES);
    let (one, two, len) = (place(0), place(1), PAGES * page());
    let reclaim = |_| {
        buffer.discard(0, PAGES as u64).must();
        may_reclaim(&buffer);
    };
    race(2, reclaim, |round| {
        relocate(one, two, len);
        mark(two, 0, PAGES, round + 1);
        if round % 2 == 0 {
            unmap(two, len);
            buffer.map(one, 0, PAGES).must();
        } else {
            relocate(two, one, len);
        }
        mark(one, 0, PAGES, round + 1);
    });
    agree(&buffer, one, PAGES);
}

fn faults_of_a_buffer_and_fork() {
    let buffer = marked_buffer(PAGES);
    let (at, len) = (place(0), PAGES * page());
    let before = buffer.stats();
    let mut forked = 0;
    let load = |thread: usize| {
        marked(at, 0, PAGES, 1);
        if thread == 0 {
            advise(at, len, MADV_DONTNEED);
        }
    };
    race(many_threads(), load, |_| {
        // The child must not panic, because of the threads that it does not have.
        succeeds(|| {
            let right = |number| word(at + number * page()) == 1 << 32 | number as u64;
            u8::from(!(0..PAGES).all(right))
        });
        forked += 1;
    });
    let after = buffer.stats();
    assert_eq!(after.made - before.made, forked);
    assert_eq!(after.dropped - before.dropped, forked);
}

fn threads_map_unmap_and_fork() {
    let work = |thread: usize| {
        let (at, other) = (place(2 * thread), place(2 * thread + 1));
        let len = PAGES * page();
        let buffer = Buffer::of_pages(PAGES);
        let pfn = Pfn::open();
        let whose = thread as u64 + 1;
        buffer.map(at, 0, PAGES).must();
        mark(at, 0, PAGES, whose);
        pfn.map_data(other, 0, PAGES).must();
        mark(other, 0, PAGES, whose);
        protect(at + page(), page(), PROT_READ);
        unmap(at + 4 * page(), page());
        relocate(at + 8 * page(), other, page());
        marked(other, 8, 1, whose);
        marked(other + page(), 1, PAGES - 1, whose);
        drop(buffer);
        pfn.revoke().must();
        marked(other + page(), 1, PAGES - 1, whose);
        unmap(at, len);
        unmap(other, len);
    };
    race(many_threads(), work, |_| {
        let end = process::fork(|| 0).and_then(Child::wait).must();
        assert_eq!(end, End::Exited(0));
    });
}

fn populate_reclaim_and_exit_of_the_mapper() {
    let buffer = Buffer::of_pages(PAGES);
    let work = |thread: usize| {
        if thread % 2 == 0 {
            buffer.populate(0, PAGES as u64).unless(&[ENXIO]);
        } else {
            buffer.discard(0, PAGES as u64).must();
            may_reclaim(&buffer);
        }
    };
    race(many_threads(), work, |_| {
        // The child must not panic, because of the threads that it does not have.
        succeeds(|| {
            let mapped = buffer.map(place(0), 0, PAGES);
            if mapped.is_ok() {
                set_word(place(0) + 3 * page(), 1);
            }
            u8::from(mapped.is_err())
        });
    });
    buffer.map(place(0), 0, PAGES).must();
    agree(&buffer, place(0), PAGES);
}

fn sums_fills_and_munmap() {
    let userptr = Userptr::open();
    let (at, len) = (place(0), PAGES * page());
    let buffer = Buffer::of_pages(PAGES);
    let pin = |thread: usize| {
        for way in WAYS {
            if thread % 2 == 0 {
                let got = userptr.sum(at, len, way).unless(&[EFAULT]);
                let most = len as u64;
                assert!(
                    got.unwrap_or(0) <= most,
                    "{got:?} in {len} bytes of 0 and 1"
                );
            } else {
                userptr.fill(at + 5, len - 5, 1, way).unless(&[EFAULT]);
            }
        }
    };
    race(many_threads(), pin, |round| {
        match round % 3 {
            0 => map_anonymous(at, len),
            1 => buffer.map(at, 0, PAGES).must(),
            _ => unmap(at, len),
        }
        yield_now();
        unmap(at + 3 * page(), page());
    });
    assert_eq!(userptr.stats().pinned_now, 0);
}

fn sums_fills_and_fork() {
    let userptr = Userptr::open();
    let (at, len) = (place(0), PAGES * page());
    map_anonymous(at, many_threads() * len);
    let pin = |thread: usize| {
        let own = at + thread * len;
        for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
            done(way.name, userptr.fill(own, len, value, way));
            let got = done(way.name, userptr.sum(own, len, way));
            same(way.name, got, u64::from(value) * len as u64);
        }
    };
    race(many_threads(), pin, |_| {
        succeeds(|| {
            // This makes copies of the pages.
            for number in 0..PAGES {
                set_word(at + number * page(), u64::MAX);
            }
            0
        });
    });
    assert_eq!(userptr.stats().pinned_now, 0);
}

fn register_and_unregister_by_all_threads() {
    let userptr = Userptr::open();
    let len = 4 * page();
    map_anonymous(place(0), len);
    mark(place(0), 1, 4, 0);
    let wanted = 2 * (1 + 2 + 3 + 4);
    let work = |thread: usize| {
        if thread % 2 == 0 {
            userptr.register(place(0), len).unless(&[EBUSY]);
            userptr.unregister().unless(&[ENXIO]);
        } else if let Some(got) = userptr.sum_registered().unless(&[ENXIO]) {
            assert_eq!(got, wanted);
        }
    };
    race(many_threads(), work, |_| yield_now());
    userptr.unregister().unless(&[ENXIO]);
    assert_eq!(userptr.stats().pinned_now, 0);
}
