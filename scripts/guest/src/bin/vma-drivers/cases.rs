// SPDX-License-Identifier: GPL-2.0

//! All tests, and what many of them need.

/// Declares the suites; `all()` gives their tests in this order.
macro_rules! suites {
    ($($suite:ident),* $(,)?) => {
        $(mod $suite;)*

        /// Returns all other tests, in the order in which they are run.
        pub fn all() -> impl Iterator<Item = Test> {
            [$($suite::TESTS),*].into_iter().flatten().copied()
        }
    };
}

/// Declares tests in which each allocation of a call fails. They are skipped where none can.
macro_rules! failing_suite {
    ($name:literal: $($test:ident),* $(,)?) => {
        pub const TESTS: &[Test] = &[$(Test {
            name: concat!($name, ": ", stringify!($test)),
            run: || if let Some(each) = EachAllocation::new() { $test(&each) },
        }),*];
    };
}

mod unload;
suites! {
    at_first, first, buffer, buffer_layout, buffer_processes, buffer_reclaim, replaced, pfn, pfn_layout,
    pfn_access, pfn_revoke, userptr, userptr_registered, userptr_mirrored, across, advice,
    bad_buffer, bad_pfn, bad_userptr, bad_pointers, out_of_memory, failing_buffer, failing_pfn, failing_fork,
    failing_userptr, failing_map, failing_drm, failing_pieces, fork_order, memory_types, umount,
    killed_inside, races, map, map_access, map_snapshot, map_load, bar, dma, drm, pieces, memfds,
    ring, accel, stress_ng,
}

use crate::each_allocation::{Call, EachAllocation};
use crate::transfer::{copy, filled, get, holds, memory_of, put, some_bytes, sum};
use buffer_reclaim::{agree, may_reclaim};
use libc::{
    EACCES, EAGAIN, EBUSY, EFAULT, EINVAL, EIO, ENODEV, ENOENT, ENOMEM, ENOSPC, ENOSYS, ENOTTY,
    ENXIO, EOPNOTSUPP, EOVERFLOW, EPERM, ERANGE, ESRCH, ESTALE, MADV_COLD, MADV_COLLAPSE,
    MADV_DODUMP, MADV_DOFORK, MADV_DONTDUMP, MADV_DONTFORK, MADV_DONTNEED, MADV_FREE,
    MADV_HUGEPAGE, MADV_MERGEABLE, MADV_NOHUGEPAGE, MADV_NORMAL, MADV_PAGEOUT, MADV_POPULATE_READ,
    MADV_POPULATE_WRITE, MADV_RANDOM, MADV_REMOVE, MADV_SEQUENTIAL, MADV_UNMERGEABLE,
    MADV_WILLNEED, MADV_WIPEONFORK, MAP_GROWSDOWN, MAP_LOCKED, MAP_POPULATE, MAP_PRIVATE,
    MAP_SHARED, MREMAP_DONTUNMAP, O_SYNC, PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE, SIGBUS,
    SIGKILL, SIGSEGV, TCGETS,
};
use pfn::pattern;
use races::first_word;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::yield_now;
use std::time::{Duration, Instant};
use vma_guest::check::{
    Must, dies, done, gives, in_child, outlived, refused, refused_with_any, same, vmas_of,
};
use vma_guest::device::map::Map;
use vma_guest::device::pfn::{DATA, DATA_PAGES, STATUS_PAGES};
use vma_guest::device::userptr::{FAST, LOCKED, LONG_TERM, WAYS};
use vma_guest::device::{self, Buffer, Pfn, Userptr, map_shared};
use vma_guest::runner::{Test, note, skip};
use vma_guest::suite;
use vma_guest::sys::memory::{self, byte, place, set_byte, set_word, touch, word};
use vma_guest::sys::process::{self, Child, End};
use vma_guest::sys::{self, Place, page_size as page};

const RW: i32 = PROT_READ | PROT_WRITE;

/// Returns the tests for which no device may be open, which are run before the others.
pub fn without_open_devices() -> impl Iterator<Item = Test> {
    unload::TESTS.iter().copied()
}

/// Maps private anonymous memory.
#[track_caller]
fn map_anonymous(at: usize, len: usize) {
    memory::map_anonymous(at, len).must();
}

/// Maps a page that children share. It has a word that they wait for.
#[track_caller]
fn map_shared_page(at: usize) {
    memory::map(at, page(), RW, MAP_SHARED, None).must();
}

/// Makes a buffer and maps all of it at the first place.
#[track_caller]
fn mapped_buffer(pages: usize) -> Buffer {
    let buffer = Buffer::of_pages(pages);
    buffer.map(place(0), 0, pages).must();
    buffer
}

/// Makes a buffer, maps all of it at the first place and marks its pages with 1.
#[track_caller]
fn marked_buffer(pages: usize) -> Buffer {
    let buffer = mapped_buffer(pages);
    mark(place(0), 0, pages, 1);
    buffer
}

/// Makes pfn memory; maps so much of its data part at the first place, of its status part at the
/// second.
#[track_caller]
fn mapped_pfn(data: usize, status: usize) -> Pfn {
    let pfn = Pfn::open();
    pfn.map_data(place(0), 0, data).must();
    pfn.map_status(place(1), 0, status).must();
    pfn
}

/// Opens the memory of this process as a debugger does.
#[track_caller]
fn own_memory() -> File {
    File::options()
        .read(true)
        .write(true)
        .open("/proc/self/mem")
        .must()
}

#[track_caller]
fn unmap(at: usize, len: usize) {
    memory::unmap(at, len).must();
}

#[track_caller]
fn protect(at: usize, len: usize, prot: i32) {
    memory::protect(at, len, prot).must();
}

#[track_caller]
fn advise(at: usize, len: usize, advice: i32) {
    memory::advise(at, len, advice).must();
}

/// Moves a mapping and keeps its size.
#[track_caller]
fn relocate(from: usize, to: usize, len: usize) {
    memory::relocate(from, len, to, len, 0).must();
}

/// Runs `f` in a child, which ends with what `f` returns.
#[track_caller]
fn forked(f: impl FnOnce() -> u8) -> Child {
    process::fork(f).must()
}

/// Runs `f` in a child, which must not panic for the threads that it lacks, and must return 0.
#[track_caller]
fn succeeds(f: impl FnOnce() -> u8) {
    process::fork(f)
        .and_then(Child::wait)
        .must_give(End::Exited(0));
}

/// An error as the kernel writes it into memory.
fn errno(code: i32) -> i64 {
    -i64::from(code)
}

/// Waits until the word, which another process or thread increases, has reached this value.
fn wait_for(at: usize, value: u64) {
    while word(at) < value {
        yield_now();
    }
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
fn marked(at: usize, first: u64, pages: usize, whose: u64) {
    for (addr, wanted) in marks(at, first, pages, whose) {
        let got = word(addr);
        assert!(got == wanted, "{got:#x} at {addr:#x}, wanted {wanted:#x}");
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
fn zero(at: usize, pages: usize) {
    for addr in (at..at + pages * page()).step_by(8) {
        let got = word(addr);
        assert!(got == 0, "{got:#x} at {addr:#x}, wanted 0");
    }
}

/// Mappings of these lengths from these offsets must be refused, each with its error.
#[track_caller]
fn refuses_lengths(file: &File, prot: i32, mappings: &[(usize, i64, i32)]) {
    for &(len, offset, wanted) in mappings {
        let of = Some((file.as_raw_fd(), offset));
        let mapped = sys::mmap(Place::Anywhere, len, prot, MAP_SHARED, of);
        refused(&format!("{len:#x} bytes from {offset:#x}"), wanted, mapped);
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

/// Does `main` concurrently with threads, each of which repeats its work until then.
///
/// A thread that panics fails the test when `main` is done.
fn concurrently(threads: usize, work: impl Fn(usize) + Sync, main: impl FnOnce()) {
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

/// Repeats `round` for a while concurrently with threads that repeat `work`.
fn race(threads: usize, work: impl Fn(usize) + Sync, round: impl FnMut(u64)) {
    concurrently(threads, work, || for_a_while(round));
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
    fn names_are_unique_and_short() {
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
