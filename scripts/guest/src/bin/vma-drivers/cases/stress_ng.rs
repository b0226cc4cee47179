// SPDX-License-Identifier: GPL-2.0

//! The stressors of stress-ng, while a driver reads the maps of their processes all the time.

use super::*;
use std::os::unix::process::CommandExt;
use std::process::Command;
use vma_guest::device::map::Histogram;

suite! {
    "stress-ng":
    stressors_end_under_readers, stressors_are_killed_under_readers,
}

const PROGRAM: &str = "/bin/stress-ng";

/// Their mappings come, go, move, and are copied, split and taken away, by system calls and by faults.
const STRESSORS: &str = "--quiet --vm 1 --vm-bytes 16m --mmap 1 --mmap-bytes 16m --mremap 1 --mremap-bytes 8m \
    --madvise 1 --userfaultfd 1 --userfaultfd-bytes 4m --fork 1 --fork-max 4 --temp-path /tmp";

/// The time that the kernel has to tidy up after them.
const SETTLE: Duration = Duration::from_secs(10);

/// Starts all of them, for some seconds, in a process group of their own. Skips the test where there is no stress-ng.
#[track_caller]
fn started(seconds: u32) -> Option<Child> {
    if !fs::exists(PROGRAM).must() {
        skip("no stress-ng");
        return None;
    }
    process::adopt_orphans().must();
    Some(forked(|| {
        process::begin_group().must();
        let mut stress = Command::new(PROGRAM);
        stress.args(STRESSORS.split_whitespace());
        stress.args(["--timeout", &seconds.to_string()]);
        panic!("{PROGRAM}: {}", stress.exec());
    }))
}

/// The processes of a group.
#[track_caller]
fn members(group: i32) -> Vec<i32> {
    let pids = fs::read_dir("/proc").must().filter_map(|entry| {
        let pid = entry.must().file_name().to_str()?.parse().ok()?;
        // The name is in parentheses; the group is the third word after it.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        let of: i32 = rest.split_whitespace().nth(2)?.parse().ok()?;
        (of == group).then_some(pid)
    });
    pids.collect()
}

/// Reads the map of each process of a group once, with its VMAs locked one after the other.
#[track_caller]
fn read_maps(group: i32, read: &mut Histogram) {
    for pid in members(group) {
        // It may have ended meanwhile.
        let Some(map) = Map::of(pid).unless(&[ESRCH]) else {
            continue;
        };
        map.read_to(4096, &mut Vec::new()).must();
        read.add(map.histogram().must());
    }
}

fn stressors_end_under_readers() {
    let Some(stress) = started(15) else {
        return;
    };
    let mut read = Histogram::default();
    let end = loop {
        if let Some(end) = stress.wait_at_most(Duration::ZERO).must() {
            break end;
        }
        read_maps(stress.pid(), &mut read);
    };
    note(&format!("{read:?}"));
    assert_eq!(end, End::Exited(0));
    // It does not wait for all that have ended before it.
    process::reap_group(&stress, SETTLE).must();
    assert_eq!(members(stress.pid()), []);
    assert!(read.all() > 1000, "{read:?}");
}

fn stressors_are_killed_under_readers() {
    // More of them at each round.
    for round in 1..=3 {
        let Some(stress) = started(50) else {
            return;
        };
        let mut read = Histogram::default();
        while read.all() < 1000 * round {
            stress.wait_at_most(Duration::ZERO).must_give(None);
            read_maps(stress.pid(), &mut read);
        }
        let group = stress.pid();
        let reader = |_: usize| read_maps(group, &mut Histogram::default());
        concurrently(2, reader, || {
            process::reap_group(&stress, SETTLE).must_give(true);
        });
        assert_eq!(members(group), []);
    }
}
