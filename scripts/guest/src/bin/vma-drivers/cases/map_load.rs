// SPDX-License-Identifier: GPL-2.0

//! The map of a process that maps and unmaps all the time.

use super::map::without_gate;
use super::*;
use vma_guest::device::map::{Histogram, read_to};
use vma_guest::ground::{Change, Ground};
use vma_guest::random::Random;

suite! {
    "map under load":
    shows_steady_vmas_and_none_twice,
}

/// The number of readings, and their time limit where processors are slow.
const READINGS: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(45);

/// With fewer, there was nothing to see.
const LEAST_READINGS: usize = 500;

/// One reading in this number is followed by one of `/proc/PID/maps`.
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
    map_shared_page(ready);
    let child = forked(|| {
        ground().map().must();
        std::thread::scope(|scope| {
            for number in 0..WRITERS {
                scope.spawn(move || {
                    let mut random = Random::new(1, number);
                    loop {
                        let change = random.one_of(&Change::ALL);
                        // One thread unmaps the mappings of another.
                        let _ = ground().change(change, &mut random);
                    }
                });
            }
            set_word(ready, 1);
        });
        0
    });
    wait_for(ready, 1);
    child
}

/// The results of readings of one kind.
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

fn shows_steady_vmas_and_none_twice() {
    let child = busy_child();
    let (map, mut text) = (Map::open().must(), Vec::with_capacity(1 << 20));
    let path = format!("/proc/{}/maps", child.pid());
    let mut locked = Histogram::default();
    let (mut ours, mut theirs) = (Tally::default(), Tally::default());

    let start = Instant::now();
    while ours.readings < READINGS && start.elapsed() < PATIENCE {
        let piece = PIECES[ours.readings % PIECES.len()];
        text.clear();
        let begin = Instant::now();
        map.select(child.pid().into()).must();
        map.read_to(piece, &mut text).must();
        ours.add(&mut text, begin.elapsed());
        locked.add(map.histogram().must());

        if ours.readings % PROC_EVERY == 0 {
            text.clear();
            let begin = Instant::now();
            let file = done(&path, File::open(&path));
            done(&path, read_to(&file, piece, &mut text));
            theirs.add(&mut text, begin.elapsed());
        }
    }
    child.kill().must();
    child.wait().must();

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
    assert_eq!(ours.wrong, 0);
    assert_eq!(ours.lines as u64, locked.all());
    assert_eq!(ours.overlaps, 0);
    assert!(
        ours.readings >= LEAST_READINGS,
        "{} readings",
        ours.readings
    );
    assert!(retried + mmap_lock > 0);
}
