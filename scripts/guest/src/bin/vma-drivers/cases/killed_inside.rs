// SPDX-License-Identifier: GPL-2.0

//! Processes that are killed while their threads are in the drivers, with mappings, pins and open
//! files: all of it goes with them.

use super::*;
use vma_guest::balance;
use vma_guest::counters::Counters;

suite! {
    "killed":
    dies_in_faults_and_ioctls_of_a_buffer, dies_in_faults_and_revoke_of_pfn,
    dies_in_sums_and_fills, dies_reading_maps, dies_in_everything_at_once,
}

const ROUNDS: u64 = 12;

/// The time that the kernel has to tidy up after a process.
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
    map_shared_page(board);
    process::adopt_orphans().must();
    let counters = Counters::open();
    let before = counters.balance().must();
    let mut inside = 0;
    for round in 0..ROUNDS {
        for number in 0..16 {
            set_word(board + 8 * number, 0);
        }
        let child = forked(|| {
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
        // So that there is something to tidy up.
        let start = Instant::now();
        while word(board) == 0 && start.elapsed() < SETTLE {
            yield_now();
        }
        std::thread::sleep(Duration::from_micros(500 * (round * 7 % 40)));
        child.kill().must();
        child.wait().must_give(End::Killed(SIGKILL));
        // Those that it has forked end by themselves.
        while process::wait_for_any().is_ok() {}
        inside += (0..16)
            .filter(|number| word(board + 8 * number) == 1)
            .count();

        let left = balance::lasting(|| counters.balance(), &before, SETTLE);
        let what = format!("what is left in round {round}");
        gives(&what, left, Vec::new());
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

fn dies_in_faults_and_ioctls_of_a_buffer() {
    killed("a buffer", |threads| {
        let buffer = mapped_buffer(PAGES);
        buffer.map(place(1), 2, 4).must();
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

fn dies_in_faults_and_revoke_of_pfn() {
    killed("pfn memory", |threads| {
        let pfn = mapped_pfn(PAGES, STATUS_PAGES);
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

fn dies_in_sums_and_fills() {
    killed("user memory", |threads| {
        let (userptr, other) = (Userptr::open(), Userptr::open());
        let len = 64 * page();
        map_anonymous(place(0), len);
        userptr.register(place(0), len).must();
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

fn dies_reading_maps() {
    killed("maps", |threads| {
        let pid = std::process::id() as i32;
        for number in 0..50 {
            map_anonymous(place(number), page());
        }
        let read = || {
            let mut text = Vec::new();
            Map::of(pid).must().read_to(4096, &mut text).must();
        };
        let map = Map::open().must();
        threads(&[
            &read,
            &|| drop(map.snapshot([place(1), place(7), place(30)])),
            &read,
            &|| drop(memory::protect(place(7), page(), PROT_READ)),
        ]);
    });
}

fn dies_in_everything_at_once() {
    killed("all", |threads| {
        let buffer = mapped_buffer(PAGES);
        let (pfn, userptr) = (Pfn::open(), Userptr::open());
        pfn.map_data(place(1), 0, PAGES).must();
        pfn.map_status(place(2), 0, STATUS_PAGES).must();
        map_anonymous(place(3), PAGES * page());
        // Pages of a buffer that are pinned, too.
        userptr.register(place(0), PAGES * page()).must();
        let other = Userptr::open();
        let map = Map::of(std::process::id() as i32).must();
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
            &|| drop(process::fork(|| 0).map(Child::wait)),
        ]);
    });
}
