// SPDX-License-Identifier: GPL-2.0

//! A process whose threads do to its address space whatever can be done to one.

use crate::board::{Kind, Row};
use crate::drivers::Drivers;
use libc::{EFAULT, MADV_DONTNEED, PROT_READ, PROT_WRITE};
use vma_guest::ground::{Change, Ground};
use vma_guest::random::Random;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place, set_word};
use vma_guest::sys::process::{self, End};

/// The argument with which this program does nothing.
pub const LEAVE: &std::ffi::CStr = c"leave";

/// Threads of a world: some that change mappings, one that forks, one that uses the drivers.
pub const THREADS: usize = CHANGERS + 2;
const CHANGERS: usize = 3;

/// Pages that a thread has for itself, to fault them in and give them back.
const OWN_PAGES: usize = 16;

/// The part of the address space that is in common.
pub fn ground() -> Ground {
    Ground::new(place(0), 8)
}

/// Does it all until the board says stop. The rows are those of the threads.
pub fn run(rows: [Row; THREADS], seed: u64, number: usize) {
    ground().map().expect("the ground can be mapped");
    std::thread::scope(|scope| {
        for (thread, row) in rows.into_iter().enumerate() {
            let who = (number * THREADS + thread) as u64;
            let random = Random::new(seed, who);
            let own = place(10 + 10 * thread);
            scope.spawn(move || match thread {
                ..CHANGERS => change(row, random, own),
                CHANGERS => fork(row, random, own),
                _ => Drivers::open(row, random, own).run(),
            });
        }
    });
}

fn change(row: Row, mut random: Random, own: usize) {
    let page = sys::page_size();
    let prot = PROT_READ | PROT_WRITE;
    let map = |len| memory::map(own, len, prot, libc::MAP_PRIVATE, None);
    row.must(Kind::Map, map(OWN_PAGES * page));
    while row.goes_on() {
        for _ in 0..16 {
            let change = random.one_of(&Change::ALL);
            let (kind, may_fail): (_, &[i32]) = match change {
                Change::Map => (Kind::Map, &[]),
                Change::Unmap => (Kind::Unmap, &[]),
                Change::Protect => (Kind::Protect, &[]),
                Change::Advise => (Kind::Advise, &[]),
                // There is not always something to move.
                Change::Move => (Kind::Move, &[EFAULT]),
            };
            row.tried(kind, may_fail, ground().change(change, &mut random));
        }

        fault(row, &mut random, own);
    }
    row.must(Kind::Unmap, memory::unmap(own, OWN_PAGES * page));
}

/// Gives some pages back, and faults them in again.
fn fault(row: Row, random: &mut Random, own: usize) {
    let page = sys::page_size();
    let part = random.part(OWN_PAGES);
    let (at, len) = (own + part.start * page, part.len() * page);
    row.must(Kind::Advise, memory::advise(at, len, MADV_DONTNEED));
    for number in part {
        // The page is gone.
        set_word(own + number * page, number as u64);
        row.done(Kind::Fault);
    }
}

fn fork(row: Row, mut random: Random, own: usize) {
    let page = sys::page_size();
    row.must(Kind::Map, memory::map_anonymous(own, OWN_PAGES * page));
    while row.goes_on() {
        // It takes as long as a hundred of other things.
        for _ in 0..20 {
            fault(row, &mut random, own);
        }
        let part = random.part(OWN_PAGES);
        for number in part.clone() {
            set_word(own + number * page, 1);
        }
        let execs = random.below(4) == 0;
        // Nothing is allocated in the child.
        let child = process::fork(|| {
            for number in part.clone() {
                // A copy.
                set_word(own + number * page, 2);
            }
            if execs {
                process::exec_again(LEAVE);
                return 9;
            }
            0
        });
        let child = row.must(Kind::Fork, child);
        let end = child.wait().expect("a child can be waited for");
        assert!(end == End::Exited(0), "a child {end}");
        for number in part {
            let kept = memory::word(own + number * page);
            assert!(kept == 1, "a child has written to its parent's memory");
            row.done(Kind::Fault);
        }
        if execs {
            row.done(Kind::Exec);
        }
    }
}
