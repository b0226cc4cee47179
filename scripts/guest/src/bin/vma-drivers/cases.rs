// SPDX-License-Identifier: GPL-2.0

//! All tests, and what many of them need.

mod across;
mod advice;
mod at_first;
mod bad_buffer;
mod bad_pfn;
mod bad_pointers;
mod bad_userptr;
mod buffer;
mod buffer_layout;
mod buffer_processes;
mod buffer_reclaim;
mod failing_buffer;
mod failing_fork;
mod failing_map;
mod failing_pfn;
mod failing_userptr;
mod first;
mod fork_order;
mod killed_inside;
mod map;
mod map_access;
mod map_load;
mod map_snapshot;
mod memory_types;
mod out_of_memory;
mod pfn;
mod pfn_access;
mod pfn_layout;
mod pfn_revoke;
mod races;
mod replaced;
mod umount;
mod unload;
mod userptr;
mod userptr_registered;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{set_word, word};

/// Tests for which no device may be open, which are run before the others.
pub fn without_open_devices() -> impl Iterator<Item = &'static Test> {
    unload::TESTS.iter()
}

/// All other tests, in the order in which they are run.
pub fn all() -> impl Iterator<Item = &'static Test> {
    [
        at_first::TESTS,
        first::TESTS,
        buffer::TESTS,
        buffer_layout::TESTS,
        buffer_processes::TESTS,
        buffer_reclaim::TESTS,
        replaced::TESTS,
        pfn::TESTS,
        pfn_layout::TESTS,
        pfn_access::TESTS,
        pfn_revoke::TESTS,
        userptr::TESTS,
        userptr_registered::TESTS,
        across::TESTS,
        advice::TESTS,
        bad_buffer::TESTS,
        bad_pfn::TESTS,
        bad_userptr::TESTS,
        bad_pointers::TESTS,
        out_of_memory::TESTS,
        failing_buffer::TESTS,
        failing_pfn::TESTS,
        failing_fork::TESTS,
        failing_userptr::TESTS,
        failing_map::TESTS,
        fork_order::TESTS,
        memory_types::TESTS,
        umount::TESTS,
        killed_inside::TESTS,
        races::TESTS,
        map::TESTS,
        map_access::TESTS,
        map_snapshot::TESTS,
        map_load::TESTS,
    ]
    .into_iter()
    .flatten()
}

const fn test(name: &'static str, run: fn()) -> Test {
    Test { name, run }
}

/// The size of a page.
fn page() -> usize {
    sys::page_size()
}

/// Marks pages: their first and last words say whose they are, and which.
#[track_caller]
fn mark(at: usize, first: u64, pages: usize, whose: u64) {
    for (addr, value) in marks(at, first, pages, whose) {
        set_word(addr, value);
    }
}

/// The pages must be marked so.
#[track_caller]
fn marked(what: &str, at: usize, first: u64, pages: usize, whose: u64) {
    for (addr, wanted) in marks(at, first, pages, whose) {
        let got = word(addr);
        assert!(
            got == wanted,
            "{what}: {got:#x} at {addr:#x}, wanted {wanted:#x}"
        );
    }
}

fn marks(at: usize, first: u64, pages: usize, whose: u64) -> impl Iterator<Item = (usize, u64)> {
    let page = page();
    (0..pages).flat_map(move |number| {
        let addr = at + number * page;
        let value = whose << 32 | (first + number as u64);
        [(addr, value), (addr + page - 8, value)]
    })
}

/// The pages must be zero, every word of them.
#[track_caller]
fn zero(what: &str, at: usize, pages: usize) {
    for addr in (at..at + pages * page()).step_by(8) {
        let got = word(addr);
        assert!(got == 0, "{what}: {got:#x} at {addr:#x}, wanted 0");
    }
}

/// Gives `add` numbers that no ioctl has, and what is wrong with each: those from `first` on are for a `Request`, up to
/// `stats`, which only reads. `Written` is what it would write, too, and `Other` has another size than both.
fn wrong_ioctls<Request, Written, Other>(
    of: u8,
    first: u8,
    stats: u8,
    mut add: impl FnMut(&str, u32),
) {
    for number in [0, first - 1, stats + 1, u8::MAX] {
        add("another number", sys::encode_iowr::<Request>(of, number));
    }
    for number in first..stats {
        add("another type", sys::encode_iowr::<Request>(of + 1, number));
        add("another size", sys::encode_iowr::<Other>(of, number));
        add("no size", sys::encode_io(of, number));
        add("another direction", sys::encode_ior::<Request>(of, number));
    }
    add("STATS of another size", sys::encode_ior::<Other>(of, stats));
    add(
        "STATS of another direction",
        sys::encode_iowr::<Written>(of, stats),
    );
}

/// More threads than there are processors, and at least four.
fn many_threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (2 * processors).max(4)
}

/// Does it for a while, and more than once. It is given the number of each round.
fn for_a_while(mut round: impl FnMut(u64)) {
    const WHILE: Duration = Duration::from_millis(500);
    let start = Instant::now();
    let mut number = 0;
    while number < 3 || start.elapsed() < WHILE {
        round(number);
        number += 1;
    }
}

/// Does `main` beside threads, each of which does its work again and again until then.
///
/// A thread that panics fails the test when `main` is done.
fn beside(threads: usize, work: impl Fn(usize) + Sync, main: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (stop, work) = (&stop, &work);
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    work(number);
                }
            });
        }
        // Also when `main` panics: the scope waits for the threads.
        let _stop = StopAtEnd(&stop);
        main();
    });
}

struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_one_of_a_kind_and_short_enough_to_read() {
        let tests = without_open_devices().chain(all());
        let names = tests.map(|test| test.name).collect::<Vec<_>>();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        for name in names {
            assert!(
                name.is_ascii() && name.contains(": ") && name.len() <= 80,
                "{name}"
            );
        }
    }
}
