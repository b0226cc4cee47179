// SPDX-License-Identifier: GPL-2.0

//! The map of a process that maps and unmaps all the time.

use super::map::without_gate;
use super::{page, test};
use crate::check::{done, same};
use crate::device::map::{Histogram, Map, read_to};
use libc::{MAP_SHARED, PROT_READ, PROT_WRITE};
use std::fs::File;
use std::time::{Duration, Instant};
use vma_guest::ground::{Change, Ground};
use vma_guest::random::Random;
use vma_guest::runner::{Test, note};
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process::{self, Child};

pub const TESTS: &[Test] = &[test(
    "map under load: what stays is shown, and nothing twice",
    under_load,
)];

/// How many readings, and how long they may take where processors are slow.
const READINGS: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(45);

/// With fewer, there was nothing to see.
const LEAST_READINGS: usize = 500;

/// One reading of so many is followed by one of `/proc/PID/maps`.
const PROC_EVERY: usize = 4;

/// Small pieces take many system calls, so they are few.
const PIECES: [usize; 8] = [65536, 65536, 4096, 65536, 1000, 4096, 65536, 100];

const SLOTS: usize = 6;
const WRITERS: u64 = 3;

fn ground() -> Ground {
    Ground::new(place(8), SLOTS)
}

/// A child with threads that map and unmap, split and merge until it is killed.
#[track_caller]
fn busy_child() -> Child {
    let ready = place(20);
    let prot = PROT_READ | PROT_WRITE;
    done("map", memory::map(ready, page(), prot, MAP_SHARED, None));
    let child = process::fork(|| {
        done("the ground", ground().map());
        std::thread::scope(|scope| {
            for number in 0..WRITERS {
                scope.spawn(move || {
                    let mut random = Random::new(1, number);
                    loop {
                        let change = random.one_of(&Change::ALL);
                        // What one thread maps another one unmaps.
                        let _ = ground().change(change, &mut random);
                    }
                });
            }
            set_word(ready, 1);
        });
        0
    });
    let child = done("fork", child);
    while word(ready) == 0 {
        std::thread::yield_now();
    }
    child
}

/// What readings of one kind have shown.
#[derive(Default)]
struct Tally {
    readings: usize,
    lines: usize,
    overlaps: usize,
    wrong: usize,
    first_fault: Option<String>,
    time: Duration,
}

impl Tally {
    fn add(&mut self, text: &mut Vec<u8>, time: Duration) {
        without_gate(text);
        match ground().check(text) {
            Ok(seen) => {
                self.lines += seen.lines;
                self.overlaps += seen.overlaps;
            }
            Err(fault) => {
                let number = self.readings;
                self.wrong += 1;
                self.first_fault
                    .get_or_insert_with(|| format!("reading {number}: {fault}"));
            }
        }
        self.readings += 1;
        self.time += time;
    }

    fn note(&self, what: &str) {
        let Self {
            readings,
            lines,
            overlaps,
            wrong,
            ..
        } = self;
        note(&format!(
            "{what}: {readings} readings in {:.1} s, {wrong} wrong, {lines} lines, {overlaps} overlap the one before",
            self.time.as_secs_f64()
        ));
        if let Some(fault) = &self.first_fault {
            note(&format!("{what}: {fault}"));
        }
    }
}

fn under_load() {
    let child = busy_child();
    let (map, mut text) = (done("open", Map::open()), Vec::with_capacity(1 << 20));
    let path = format!("/proc/{}/maps", child.pid());
    let mut locked = Histogram::default();
    let (mut ours, mut theirs) = (Tally::default(), Tally::default());

    let start = Instant::now();
    while ours.readings < READINGS && start.elapsed() < PATIENCE {
        let piece = PIECES[ours.readings % PIECES.len()];
        text.clear();
        let begin = Instant::now();
        done("select", map.select(child.pid().into()));
        done("read", map.read_to(piece, &mut text));
        ours.add(&mut text, begin.elapsed());
        locked.add(done("histogram", map.histogram()));

        if ours.readings % PROC_EVERY == 0 {
            text.clear();
            let begin = Instant::now();
            let file = done(&path, File::open(&path));
            done(&path, read_to(&file, piece, &mut text));
            theirs.add(&mut text, begin.elapsed());
        }
    }
    done("kill", child.signal(libc::SIGKILL));
    done("wait", child.wait());

    ours.note("/dev/rust-vma-map");
    theirs.note("/proc/PID/maps");
    let Histogram {
        rcu,
        retried,
        mmap_lock,
    } = locked;
    note(&format!(
        "locked under RCU at once {rcu}, after another look {retried}, by way of the mmap lock {mmap_lock}"
    ));
    same("readings that are wrong", ours.wrong, 0);
    same("lines and VMAs", ours.lines as u64, locked.all());
    same("lines that overlap the one before", ours.overlaps, 0);
    assert!(
        ours.readings >= LEAST_READINGS,
        "{} readings",
        ours.readings
    );
    assert!(
        retried + mmap_lock > 0,
        "no writer was ever met: there was no load"
    );
}
