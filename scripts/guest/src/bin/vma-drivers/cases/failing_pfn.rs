// SPDX-License-Identifier: GPL-2.0

//! Memory that is mapped by page frame number, while each allocation of each call fails once.

use super::pfn::pattern;
use super::{mark, marked, page, test};
use crate::check::{dies, done, in_child, refused, same, vmas_of};
use crate::device::Pfn;
use crate::device::pfn::{DATA, NODE, STATUS_PAGES};
use crate::each_allocation::{Call, EachAllocation};
use libc::{EFAULT, EIO, ENOMEM, PROT_READ, SIGBUS};
use std::cell::Cell;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place, set_word, touch, word};

pub const TESTS: &[Test] = &[
    test("failing allocations: open and mmap of pfn memory", begin),
    test("failing allocations: faults of pfn memory", faults),
    test("failing allocations: REVOKE of pfn memory", revoke),
    test("failing allocations: splits of VMAs of pfn memory", splits),
    test("failing allocations: mremap of pfn memory", moves),
    test("failing allocations: access to pfn memory", access),
];

const PAGES: usize = 8;

/// The data part, mapped and marked, and the status part.
#[track_caller]
fn both_parts() -> Pfn {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, PAGES));
    done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
    mark(place(0), 0, PAGES, 1);
    pfn
}

/// The driver must have as many VMAs as this process, which alone maps such memory.
#[track_caller]
fn vmas_fit(pfn: &Pfn) {
    let stats = done("counters", pfn.stats());
    same("VMAs", stats.vmas(), vmas_of(&NODE) as i64);
}

fn begin() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    each.open(&NODE);
    each.of(
        Call::whole("mmap of the data part", &[ENOMEM]),
        Pfn::open,
        |pfn| pfn.map_data(place(0), 0, PAGES),
        |pfn, mapped| {
            vmas_fit(pfn);
            if mapped.is_some() {
                pattern("the data part", place(0), DATA, PAGES);
            }
        },
    );
    // Its page frames are mapped before mmap() is done.
    let left = Cell::new(0);
    each.of(
        Call::in_part("mmap of the status part", &[ENOMEM]),
        Pfn::open,
        |pfn| pfn.map_status(place(0), 0, STATUS_PAGES),
        |pfn, mapped| {
            if mapped.is_some() {
                vmas_fit(pfn);
                pattern("the status part", place(0), 0, STATUS_PAGES);
            } else if vmas_of(&NODE) != 0 {
                left.set(left.get() + 1);
                without_data(pfn, place(0));
            }
        },
    );
    // With no memory to unmap it.
    assert!(
        left.get() > 0,
        "no mmap() that has failed left a VMA behind"
    );
}

/// The kernel could not unmap a VMA after mmap() had failed. The driver never hears of it.
#[track_caller]
fn without_data(pfn: &Pfn, at: usize) {
    let none_is_counted = |what: &str| {
        let stats = done("counters", pfn.stats());
        same(what, stats.vmas(), 0);
    };
    none_is_counted("VMAs at first");
    done("REVOKE", pfn.revoke());
    let file = done("a file", sys::memfd(c"bytes"));
    let read = |at| memory::write_from(file.as_raw_fd(), at, 8);
    refused("an access", EFAULT, read(at));
    dies("a load", SIGBUS, || touch(at));
    let own = done("/proc/self/mem", File::open("/proc/self/mem"));
    refused(
        "a debugger's access",
        EIO,
        own.read_at(&mut [0; 8], at as u64),
    );
    in_child("a child", || refused("its access", EFAULT, read(at)));
    done("mprotect", memory::protect(at + page(), page(), 0));
    done("munmap", memory::unmap(at + 3 * page(), page()));
    let to = place(1);
    done(
        "mremap",
        memory::relocate(at + 5 * page(), page(), to, page(), 0),
    );
    refused("an access at its new place", EFAULT, read(to));
    none_is_counted("VMAs after that");
}

fn faults() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let mapped = || {
        let pfn = Pfn::open();
        done("map", pfn.map_data(place(0), 0, PAGES));
        pfn
    };
    // A fault of user space for which there is no memory is tried again.
    each.of(
        Call::in_part("a fault", &[]),
        mapped,
        |_| {
            set_word(place(0), 7);
            Ok(())
        },
        |_, _| same("the word", word(place(0)), 7),
    );
    let zero = done("/dev/zero", File::open("/dev/zero"));
    each.of(
        Call::in_part("a fault of the kernel", &[EFAULT]),
        mapped,
        |_| sys::read_to(&zero, place(0) + page(), 8),
        |_, _| pattern("the data part", place(0) + 2 * page(), DATA + 2, PAGES - 2),
    );
}

fn revoke() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    each.none_of("REVOKE", both_parts, Pfn::revoke, |_, _| {
        marked("the data part", place(0), 0, PAGES, 1);
        pattern("the status part", place(1), 0, STATUS_PAGES);
    });
}

fn splits() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    for (what, at) in [("data", place(0)), ("status", place(1))] {
        let (middle, len) = (at + 2 * page(), 2 * page());
        let rest_is_right = |pfn: &Pfn| {
            vmas_fit(pfn);
            marked("the data part", place(0), 0, 2, 1);
            marked("the data part", place(0) + 4 * page(), 4, PAGES - 4, 1);
            pattern("the status part", place(1), 0, 2);
            pattern(
                "the status part",
                place(1) + 4 * page(),
                4,
                STATUS_PAGES - 4,
            );
        };
        each.of(
            Call::in_part(
                &format!("mprotect of the middle of the {what} part"),
                &[ENOMEM],
            ),
            both_parts,
            |_| memory::protect(middle, len, if at == place(0) { PROT_READ } else { 0 }),
            |pfn, _| rest_is_right(pfn),
        );
        each.of(
            Call::in_part(
                &format!("munmap of the middle of the {what} part"),
                &[ENOMEM],
            ),
            both_parts,
            |_| memory::unmap(middle, len),
            |pfn, _| rest_is_right(pfn),
        );
    }
}

fn moves() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    for (what, first, pages) in [("all", 0, PAGES), ("a part", 2, 3)] {
        let (offset, len) = (first * page(), pages * page());
        each.of(
            Call::in_part(&format!("mremap of {what} of the data part"), &[ENOMEM]),
            both_parts,
            |_| memory::relocate(place(0) + offset, len, place(2), len, 0),
            |pfn, moved| {
                vmas_fit(pfn);
                let at = moved.map_or(place(0) + offset, |()| place(2));
                marked("the data part", at, first as u64, pages, 1);
                done("REVOKE", pfn.revoke());
                marked("after REVOKE", at, first as u64, pages, 1);
            },
        );
        each.of(
            Call::in_part(&format!("mremap of {what} of the status part"), &[ENOMEM]),
            both_parts,
            |_| memory::relocate(place(1) + offset, len, place(2), len, 0),
            |pfn, moved| {
                vmas_fit(pfn);
                let at = moved.map_or(place(1) + offset, |()| place(2));
                pattern("the status part", at, first as u64, pages);
            },
        );
    }
}

fn access() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let own = done(
        "/proc/self/mem",
        File::options()
            .read(true)
            .write(true)
            .open("/proc/self/mem"),
    );
    each.of(
        Call::in_part("a read of /proc/self/mem", &[ENOMEM, EIO]),
        both_parts,
        |_| {
            let mut word = [0; 8];
            let len = own.read_at(&mut word, (place(1) + page()) as u64)?;
            Ok((len, u64::from_ne_bytes(word)))
        },
        |_, got| same("what was read", got.unwrap_or((8, 1 << 32)), (8, 1 << 32)),
    );
    each.of(
        Call::in_part("a write of /proc/self/mem", &[ENOMEM, EIO]),
        both_parts,
        |_| own.write_at(&9_u64.to_ne_bytes(), (place(0) + 64) as u64),
        |_, written| {
            let wanted = if written.is_some() { 9 } else { DATA << 32 | 8 };
            same("what is there", word(place(0) + 64), wanted);
        },
    );
}
