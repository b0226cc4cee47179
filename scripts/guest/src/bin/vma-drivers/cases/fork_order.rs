// SPDX-License-Identifier: GPL-2.0

//! Forks with mappings of all drivers: the child has what its parent has, whichever of them gives it
//! up first, and whatever others do to the same mappings at the time of the fork.

use super::pfn::pattern;
use super::{beside, for_a_while, mark, marked, page, test};
use crate::check::{done, in_child, refused, same, vmas_of};
use crate::device::map::Map;
use crate::device::pfn::STATUS_PAGES;
use crate::device::{Buffer, Pfn, Userptr, buffer, pfn};
use libc::{EAGAIN, EBUSY, ENXIO, MAP_SHARED, PROT_READ, PROT_WRITE};
use std::thread::yield_now;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process::{self, End};

pub const TESTS: &[Test] = &[
    test("fork: the child gives its mappings up first", child_first),
    test("fork: the parent gives its mappings up first", parent_first),
    test(
        "fork: the child is killed, and the parent goes on",
        child_killed,
    ),
    test(
        "fork: while others fault, REVOKE, pin and read maps",
        beside_others,
    ),
    test(
        "fork: by a child that others POPULATE and RECLAIM for",
        of_a_child,
    ),
];

const PAGES: usize = 8;

/// A mapping of each kind, one after the other: three of drivers, and pinned memory.
struct Mappings {
    buffer: Buffer,
    pfn: Pfn,
    userptr: Userptr,
}

const ROOM: usize = 64;

#[track_caller]
fn at(number: usize) -> usize {
    place(0) + number * ROOM * page()
}

impl Mappings {
    #[track_caller]
    fn new() -> Self {
        let (buffer, pfn, userptr) = (Buffer::of_pages(PAGES), Pfn::open(), Userptr::open());
        done("map", buffer.map(at(0), 0, PAGES));
        done("map", pfn.map_data(at(1), 0, PAGES));
        done("map", pfn.map_status(at(2), 0, STATUS_PAGES));
        done("map", memory::map_anonymous(at(3), PAGES * page()));
        // One page of each is accessed after the fork only.
        mark(at(0), 0, PAGES - 1, 1);
        mark(at(1), 0, PAGES - 1, 2);
        mark(at(3), 0, PAGES - 1, 3);
        done("register", userptr.register(at(3), page()));
        Self {
            buffer,
            pfn,
            userptr,
        }
    }

    /// How many VMAs the drivers count.
    #[track_caller]
    fn vmas(&self) -> [i64; 2] {
        let buffer = done("counters", self.buffer.stats());
        let pfn = done("counters", self.pfn.stats());
        [buffer.vmas(), pfn.vmas()]
    }

    #[track_caller]
    fn unmap() {
        done("unmap", memory::unmap(at(0), 4 * ROOM * page()));
    }
}

/// All must be there, with what was stored before the fork.
#[track_caller]
fn all_there(who: &str) {
    marked(who, at(0), 0, PAGES - 1, 1);
    marked(who, at(1), 0, PAGES - 1, 2);
    pattern(who, at(2), 0, STATUS_PAGES);
    marked(who, at(3), 0, PAGES - 1, 3);
}

/// A word that both see.
#[track_caller]
fn signal() -> usize {
    let prot = PROT_READ | PROT_WRITE;
    done("map", memory::map(place(1), page(), prot, MAP_SHARED, None));
    place(1)
}

fn wait_for(signal: usize, value: u64) {
    while word(signal) != value {
        yield_now();
    }
}

fn child_first() {
    let mappings = Mappings::new();
    let own = mappings.vmas();
    in_child("a child", || {
        same("VMAs", mappings.vmas(), own.map(|vmas| 2 * vmas));
        all_there("in the child");
        mark(at(0) + (PAGES - 1) * page(), 7, 1, 1);
        mark(at(1) + (PAGES - 1) * page(), 7, 1, 2);
        // One after the other, in parts.
        for number in 0..3 {
            done("unmap", memory::unmap(at(number) + page(), page()));
            done("unmap", memory::unmap(at(number), 2 * page()));
        }
        Mappings::unmap();
        same("VMAs after munmap", mappings.vmas(), own);
    });
    same("VMAs when the child is gone", mappings.vmas(), own);
    all_there("in the parent");
    marked("what the child stored", at(0), 0, PAGES, 1);
    marked("what the child stored", at(1), 0, PAGES, 2);
    done("revoke", mappings.pfn.revoke());
    all_there("after REVOKE");
    let sum = done("sum", mappings.userptr.sum_registered());
    same("the sum of pinned memory", sum, 6);
}

fn parent_first() {
    let signal = signal();
    let mappings = Mappings::new();
    let own = mappings.vmas();
    let child = process::fork(|| {
        wait_for(signal, 1);
        all_there("in the child");
        mark(at(0) + (PAGES - 1) * page(), 7, 1, 1);
        marked("a new page", at(0), 0, PAGES, 1);
        let vmas = vmas_of(&buffer::NODE) + vmas_of(&pfn::NODE);
        u8::from(vmas != 3)
    });
    let child = done("fork", child);
    Mappings::unmap();
    same("VMAs of the child", mappings.vmas(), own);
    done("revoke", mappings.pfn.revoke());
    let (counters, other) = (done("open", Buffer::open()), Pfn::open());
    drop(mappings);
    set_word(signal, 1);
    let end = done("wait", child.wait());
    same("the child's end", end, End::Exited(0));
    let (stats, of_pfn) = (
        done("counters", counters.stats()),
        done("counters", other.stats()),
    );
    same("VMAs of buffers", stats.made, stats.dropped);
    same("VMAs of pfn memory", of_pfn.made, of_pfn.dropped);
}

fn child_killed() {
    let signal = signal();
    let mappings = Mappings::new();
    let own = mappings.vmas();
    let child = process::fork(|| {
        set_word(signal, 1);
        loop {
            mark(at(0), 0, PAGES - 1, 1);
            mark(at(1), 0, PAGES - 1, 2);
        }
    });
    let child = done("fork", child);
    wait_for(signal, 1);
    done("kill", child.signal(libc::SIGKILL));
    let end = done("wait", child.wait());
    same("the child's end", end, End::Killed(libc::SIGKILL));
    same("VMAs", mappings.vmas(), own);
    all_there("in the parent");
}

/// Without a panic, because of the threads that the child does not have.
fn is_all_there() -> bool {
    let has = |number: usize, whose: u64| {
        (0..PAGES - 1).all(|n| word(at(number) + n * page()) == whose << 32 | n as u64)
    };
    has(0, 1) && has(1, 2) && has(3, 3)
}

fn beside_others() {
    let mappings = Mappings::new();
    let pid = std::process::id() as i32;
    let work = |thread: usize| match thread {
        0 => done("revoke", mappings.pfn.revoke()),
        1 => assert!(is_all_there(), "in another thread"),
        2 => drop(done("populate", mappings.buffer.populate(0, PAGES as u64))),
        3 => {
            let sum = mappings.userptr.sum(at(3), 8, crate::device::userptr::FAST);
            same("the sum", done("sum", sum), 3);
        }
        _ => {
            let mut text = Vec::new();
            done(
                "read",
                done("select", Map::of(pid)).read_to(4096, &mut text),
            );
        }
    };
    beside(5, work, || {
        for_a_while(|_| {
            let child = process::fork(|| u8::from(!is_all_there()));
            let end = done("fork", child.and_then(process::Child::wait));
            same("the child's end", end, End::Exited(0));
        });
    });
}

fn of_a_child() {
    let mappings = Mappings::new();
    let work = |thread: usize| {
        let buffer = &mappings.buffer;
        let (what, got) = match thread {
            0 => ("populate", buffer.populate(0, PAGES as u64)),
            _ => {
                done("discard", buffer.discard(PAGES as u64 - 1, 1));
                ("reclaim", buffer.reclaim(1))
            }
        };
        if let Err(e) = got {
            let number = e.raw_os_error().unwrap_or(0);
            let is_right = [EAGAIN, EBUSY, ENXIO].contains(&number);
            assert!(is_right, "{what}: {e}");
        }
    };
    beside(3, work, || {
        for_a_while(|_| {
            // From the move on the driver has the child's address space.
            let child = process::fork(|| {
                let (len, to) = (PAGES * page(), at(8));
                let is_moved = memory::relocate(at(0), len, to, len, 0).is_ok();
                let grandchild = process::fork(|| {
                    let is_there =
                        (0..PAGES - 1).all(|n| word(to + n * page()) == 1 << 32 | n as u64);
                    u8::from(!is_there)
                });
                let end = grandchild.and_then(process::Child::wait);
                u8::from(!is_moved || !matches!(end, Ok(End::Exited(0))))
            });
            let end = done("fork", child.and_then(process::Child::wait));
            same("the child's end", end, End::Exited(0));
        });
    });
    refused(
        "POPULATE for a child that is gone",
        ENXIO,
        mappings.buffer.populate(0, 1),
    );
}
