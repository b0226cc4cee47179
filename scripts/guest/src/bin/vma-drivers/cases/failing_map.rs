// SPDX-License-Identifier: GPL-2.0

//! Maps of processes, while each allocation of each call fails once.

use super::map::with_long_path;
use super::*;
use std::cell::RefCell;
use std::os::fd::RawFd;
use vma_guest::device::all::{self, All, LOCKINGS};
use vma_guest::device::map::NODE;

failing_suite! {
    "failing allocations":
    open_and_select_of_a_map, read_of_a_map, snapshot_of_a_map, description_of_a_vma,
}

/// More than any part of a map here.
const ROOM: usize = 64 << 10;

#[track_caller]
fn own_map() -> Map {
    Map::of(std::process::id() as i32).must()
}

fn open_and_select_of_a_map(each: &EachAllocation) {
    each.open(&NODE);
    let pid = std::process::id();
    each.of(
        Call::whole("SELECT", &[ENOMEM]),
        || Map::open().must(),
        |map| map.select(pid.into()),
        |map, selected| assert_eq!(map.histogram().is_ok(), selected.is_some()),
    );
}

fn read_of_a_map(each: &EachAllocation) {
    let starts = [20, 21, 22, 23].map(place);
    let mapped = |files: &dyn Fn(usize) -> Option<(RawFd, i64)>| {
        for (number, start) in starts.into_iter().enumerate() {
            let flags = MAP_PRIVATE;
            let file = files(number);
            memory::map(start, page(), PROT_READ, flags, file).must();
        }
    };
    // It does not move, so the map stays as it is.
    let text = RefCell::new(vec![0; ROOM]);
    let read = |map: &Map| (&map.file).read(&mut text.borrow_mut());
    let whole = |map: &Map, read: Option<usize>| {
        let mut lines = text.borrow()[..read.unwrap_or(0)].to_vec();
        // Whatever has failed, the next read goes on.
        map.read_to(ROOM, &mut lines).must();
        let lines = String::from_utf8_lossy(&lines);
        for start in starts {
            let count = lines.matches(&format!("{start:x}-")).count();
            assert_eq!(count, 1);
        }
    };
    mapped(&|_| None);
    each.none_of("read", own_map, read, whole);
    with_long_path(|file| {
        mapped(&|number| (number == 2).then_some((file.as_raw_fd(), 0)));
        // The kernel reports with a stack trace if it has no virtual memory either.
        let call = Call::in_part("read of a long line", &[ENOMEM]).one_by_one();
        each.of(call, own_map, read, whole);
    });
}

fn snapshot_of_a_map(each: &EachAllocation) {
    for number in 20..24 {
        map_anonymous(place(number), page());
    }
    let addrs = [place(22), place(20), place(23), place(20) + 5];
    each.none_of(
        "SNAPSHOT",
        || Map::open().must(),
        // A writer may be waiting for one of them.
        |map| match map.snapshot(addrs) {
            Err(no) if no.error.raw_os_error() != Some(EAGAIN) => Err(no.error),
            other => Ok(other.ok()),
        },
        |_, vmas| {
            if let Some(vmas) = vmas.flatten() {
                let starts = vmas.map(|vma| vma.start as usize);
                let wanted = [place(22), place(20), place(23), place(20)];
                assert_eq!(starts, wanted);
            }
        },
    );
}

fn description_of_a_vma(each: &EachAllocation) {
    map_anonymous(place(20), page());
    each.open(&all::NODE);
    let wanted = [place(20), place(20) + page()].map(|addr| addr as u64);
    for locking in LOCKINGS {
        each.none_of(
            "a description",
            || All::open().must(),
            // The first way may find the VMA locked.
            |all| match all.describe(place(20), locking) {
                Err(e) if e.raw_os_error() == Some(EAGAIN) => Ok(wanted),
                other => other,
            },
            |_, got| assert_eq!(got, Some(wanted)),
        );
    }
    each.of(
        Call::whole("a list", &[ENOMEM]),
        || All::open().must(),
        |all| all.list(1000),
        |_, list| {
            if let Some(list) = list {
                assert!(list.contains(&wanted));
            }
        },
    );
}
