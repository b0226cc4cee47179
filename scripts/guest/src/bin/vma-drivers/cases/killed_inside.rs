// SPDX-License-Identifier: GPL-2.0

//! Processes that are killed while their threads are in the drivers, with mappings, pins and open
//! files: all of it goes with them.

use super::{page, test};
use crate::check::{done, same};
use crate::device::map::Map;
use crate::device::pfn::STATUS_PAGES;
use crate::device::userptr::WAYS;
use crate::device::{Buffer, Pfn, Userptr};
use libc::{MADV_DONTNEED, MAP_SHARED, PROT_READ, PROT_WRITE, SIGKILL};
use std::time::{Duration, Instant};
use vma_guest::balance;
use vma_guest::counters::Counters;
use vma_guest::runner::{Test, note};
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process::{self, End};

pub const TESTS: &[Test] = &[
    test("killed: in faults and ioctls of a buffer", in_buffer),
    test("killed: in faults and REVOKE of pfn memory", in_pfn),
    test("killed: in sums and fills of user memory", in_userptr),
    test("killed: while reading maps of processes", in_map),
    test("killed: with everything at once", in_all),
];

const ROUNDS: u64 = 12;

/// How long the kernel may take to tidy up after a process.
const SETTLE: Duration = Duration::from_secs(3);

/// Where threads say that they are in the driver: a word for each, which all processes see.
const BOARD: usize = 100;

/// The call that one thread makes again and again.
type Work<'a> = &'a (dyn Fn() + Sync);

/// Has threads do so, each what it is given, until the process is killed.
type Threads<'a> = &'a dyn Fn(&[Work<'_>]);

/// Kills a child again and again, after one time or another.
#[track_caller]
fn killed(what: &str, child: fn(Threads<'_>)) {
    let board = place(BOARD);
    let prot = PROT_READ | PROT_WRITE;
    done("map", memory::map(board, page(), prot, MAP_SHARED, None));
    done("adopting", process::adopt_orphans());
    let counters = Counters::open();
    let before = done("counters", counters.balance());
    let mut inside = 0;
    for round in 0..ROUNDS {
        for number in 0..16 {
            set_word(board + 8 * number, 0);
        }
        let child = process::fork(|| {
            child(&|works| {
                std::thread::scope(|scope| {
                    for (number, work) in works.iter().enumerate() {
                        scope.spawn(move || {
                            loop {
                                set_word(board + 8 * number, 1);
                                work();
                                set_word(board + 8 * number, 2);
                            }
                        });
                    }
                });
            });
            0
        });
        let child = done("fork", child);
        // So that there is something to tidy up.
        let start = Instant::now();
        while word(board) == 0 && start.elapsed() < SETTLE {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(500 * (round * 7 % 40)));
        done("kill", child.signal(SIGKILL));
        let end = done("wait", child.wait());
        same("the child's end", end, End::Killed(SIGKILL));
        // Those that it has forked end by themselves.
        while process::wait_for_any().is_ok() {}
        inside += (0..16)
            .filter(|number| word(board + 8 * number) == 1)
            .count();

        let left = balance::lasting(|| counters.balance(), &before, SETTLE);
        let what = format!("what is left in round {round}");
        same(&what, done("counters", left), Vec::new());
    }
    note(&format!("{what}: {inside} threads were killed inside"));
    assert!(inside as u64 >= ROUNDS, "only {inside} threads were inside");
}

const PAGES: usize = 8;

/// Does to mappings what has to be done for faults to come again.
fn touch_all(at: usize, pages: usize) {
    for number in 0..pages {
        set_word(at + number * page(), 1);
    }
}

fn in_buffer() {
    killed("a buffer", |threads| {
        let buffer = Buffer::of_pages(PAGES);
        done("map", buffer.map(place(0), 0, PAGES));
        done("map", buffer.map(place(1), 2, 4));
        // The last mapping is the one that pages are taken back from.
        threads(&[
            &|| touch_all(place(0), PAGES),
            &|| drop(buffer.populate(2, 4)),
            &|| drop(memory::advise(place(0), PAGES * page(), MADV_DONTNEED)),
            &|| {
                let _ = buffer.discard(0, PAGES as u64);
                let _ = buffer.reclaim(3);
            },
            &|| drop(memory::relocate(place(1), page(), place(2), page(), 0)),
            &|| drop(buffer.map(place(3), 0, PAGES)),
        ]);
    });
}

fn in_pfn() {
    killed("pfn memory", |threads| {
        let pfn = Pfn::open();
        done("map", pfn.map_data(place(0), 0, PAGES));
        done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
        threads(&[
            &|| touch_all(place(0), PAGES),
            &|| drop(pfn.revoke()),
            &|| drop(pfn.map_status(place(2), 0, STATUS_PAGES)),
            &|| drop(memory::relocate(place(2), page(), place(3), page(), 0)),
            &|| {
                word(place(1));
            },
        ]);
    });
}

fn in_userptr() {
    killed("user memory", |threads| {
        let (userptr, other) = (Userptr::open(), Userptr::open());
        let len = 64 * page();
        done("map", memory::map_anonymous(place(0), len));
        done("register", userptr.register(place(0), len));
        let [fast, locked, long_term] = WAYS;
        threads(&[
            &|| drop(other.sum(place(0), len, fast)),
            &|| drop(other.fill(place(0), len, 1, locked)),
            &|| drop(other.sum(place(0), len, long_term)),
            &|| drop(userptr.fill_registered(2)),
            &|| {
                let _ = other.register(place(0), len);
                let _ = other.unregister();
            },
            &|| drop(memory::advise(place(0), len, MADV_DONTNEED)),
        ]);
    });
}

fn in_map() {
    killed("maps", |threads| {
        let pid = std::process::id() as i32;
        for number in 0..50 {
            done("map", memory::map_anonymous(place(number), page()));
        }
        let read = || {
            let mut text = Vec::new();
            done(
                "read",
                done("select", Map::of(pid)).read_to(4096, &mut text),
            );
        };
        let map = done("open", Map::open());
        threads(&[
            &read,
            &|| drop(map.snapshot([place(1), place(7), place(30)])),
            &read,
            &|| drop(memory::protect(place(7), page(), PROT_READ)),
        ]);
    });
}

fn in_all() {
    killed("all", |threads| {
        let buffer = Buffer::of_pages(PAGES);
        let (pfn, userptr) = (Pfn::open(), Userptr::open());
        done("map", buffer.map(place(0), 0, PAGES));
        done("map", pfn.map_data(place(1), 0, PAGES));
        done("map", pfn.map_status(place(2), 0, STATUS_PAGES));
        done("map", memory::map_anonymous(place(3), PAGES * page()));
        // Pages of a buffer that are pinned, too.
        done("register", userptr.register(place(0), PAGES * page()));
        let other = Userptr::open();
        let map = done("select", Map::of(std::process::id() as i32));
        threads(&[
            &|| touch_all(place(0), PAGES),
            &|| touch_all(place(1), PAGES),
            &|| drop(pfn.revoke()),
            &|| drop(other.sum(place(0), 5 * page(), WAYS[0])),
            &|| drop(other.fill(place(3), 5 * page(), 1, WAYS[1])),
            &|| drop(userptr.fill_registered(3)),
            &|| drop(buffer.populate(0, PAGES as u64)),
            &|| drop(map.select(std::process::id().into())),
            // Nobody waits for its children when it is killed.
            &|| drop(process::fork(|| 0).map(process::Child::wait)),
        ]);
    });
}
