// SPDX-License-Identifier: GPL-2.0

//! Maps of processes, while each allocation of each call fails once.

use super::map::with_long_path;
use super::{page, test};
use crate::check::{done, same};
use crate::device::all::{self, All, LOCKINGS};
use crate::device::map::{Map, NODE};
use crate::each_allocation::{Call, EachAllocation};
use libc::{EAGAIN, ENOMEM, MAP_PRIVATE, PROT_READ};
use std::cell::RefCell;
use std::io::Read;
use std::os::fd::{AsRawFd, RawFd};
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test("failing allocations: open and SELECT of a map", begin),
    test("failing allocations: read of a map", read),
    test("failing allocations: snapshots", snapshots),
    test("failing allocations: descriptions of VMAs", descriptions),
];

/// More than any part of a map here.
const ROOM: usize = 64 << 10;

#[track_caller]
fn own_map() -> Map {
    done("select", Map::of(std::process::id() as i32))
}

fn begin() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    each.open(&NODE);
    let pid = std::process::id();
    each.of(
        Call::whole("SELECT", &[ENOMEM]),
        || done("open", Map::open()),
        |map| map.select(pid.into()),
        |map, selected| same("a map to read", map.histogram().is_ok(), selected.is_some()),
    );
}

fn read() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let starts = [20, 21, 22, 23].map(place);
    let mapped = |files: &dyn Fn(usize) -> Option<(RawFd, i64)>| {
        for (number, start) in starts.into_iter().enumerate() {
            let flags = MAP_PRIVATE;
            let file = files(number);
            done("map", memory::map(start, page(), PROT_READ, flags, file));
        }
    };
    // It does not move, so the map stays as it is.
    let text = RefCell::new(vec![0; ROOM]);
    let read = |map: &Map| (&map.file).read(&mut text.borrow_mut());
    let whole = |map: &Map, read: Option<usize>| {
        let mut lines = text.borrow()[..read.unwrap_or(0)].to_vec();
        // Whatever has failed, the next read goes on.
        done("reading on", map.read_to(ROOM, &mut lines));
        let lines = String::from_utf8_lossy(&lines);
        for start in starts {
            let count = lines.matches(&format!("{start:x}-")).count();
            same("lines of a VMA", count, 1);
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

fn snapshots() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    for number in 20..24 {
        done("map", memory::map_anonymous(place(number), page()));
    }
    let addrs = [place(22), place(20), place(23), place(20) + 5];
    each.none_of(
        "SNAPSHOT",
        || done("open", Map::open()),
        // A writer may be waiting for one of them.
        |map| match map.snapshot(addrs) {
            Err(no) if no.error.raw_os_error() != Some(EAGAIN) => Err(no.error),
            other => Ok(other.ok()),
        },
        |_, vmas| {
            if let Some(vmas) = vmas.flatten() {
                let starts = vmas.map(|vma| vma.start as usize);
                let wanted = [place(22), place(20), place(23), place(20)];
                same("starts", starts, wanted);
            }
        },
    );
}

fn descriptions() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    done("map", memory::map_anonymous(place(20), page()));
    each.open(&all::NODE);
    let wanted = [place(20), place(20) + page()].map(|addr| addr as u64);
    for locking in LOCKINGS {
        each.none_of(
            "a description",
            || done("open", All::open()),
            // The first way may find the VMA locked.
            |all| match all.describe(place(20), locking) {
                Err(e) if e.raw_os_error() == Some(EAGAIN) => Ok(wanted),
                other => other,
            },
            |_, got| same("the VMA", got, Some(wanted)),
        );
    }
    each.of(
        Call::whole("a list", &[ENOMEM]),
        || done("open", All::open()),
        |all| all.list(1000),
        |_, list| {
            if let Some(list) = list {
                assert!(list.contains(&wanted), "the VMA is not in the list");
            }
        },
    );
}
