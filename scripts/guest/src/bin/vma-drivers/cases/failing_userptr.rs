// SPDX-License-Identifier: GPL-2.0

//! Pins of user memory, while each allocation of each call fails once. What was pinned before it
//! failed must be unpinned, which the driver's own counters do not show, but those of the kernel.

use super::{page, test};
use crate::check::{done, same};
use crate::device::Userptr;
use crate::device::userptr::{NODE, WAYS};
use crate::each_allocation::{Call, EachAllocation};
use crate::transfer::{get, put, some_bytes, sum};
use libc::{EFAULT, ENOMEM, MADV_HUGEPAGE};
use std::fs;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test("failing allocations: open of userptr", open),
    test(
        "failing allocations: sums and fills of new memory",
        new_memory,
    ),
    test(
        "failing allocations: sums of memory that is there",
        old_memory,
    ),
    test("failing allocations: sums of huge pages", huge_pages),
    test("failing allocations: registered memory", registered),
];

const PAGES: usize = 6;
const HUGE: usize = 2 << 20;

/// How many pins of pages the kernel has, all in all. Nothing else pins here.
#[track_caller]
fn pins() -> i64 {
    // Has each processor add up what it has counted.
    let path = "/proc/sys/vm/stat_refresh";
    done(path, fs::read(path));
    let text = done("/proc/vmstat", fs::read_to_string("/proc/vmstat"));
    let number = |name: &str| -> i64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|number| number.trim().parse().ok());
        number.unwrap_or_else(|| panic!("/proc/vmstat has no {name}"))
    };
    number("nr_foll_pin_acquired ") - number("nr_foll_pin_released ")
}

#[track_caller]
fn new_pages() -> Userptr {
    done("map", memory::map_anonymous(place(0), PAGES * page()));
    Userptr::open()
}

fn open() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    each.open(&NODE);
}

fn new_memory() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let before = pins();
    for way in WAYS {
        each.of(
            Call::whole(&format!("SUM, {}", way.name), &[ENOMEM, EFAULT]),
            new_pages,
            |userptr| userptr.sum(place(0), PAGES * page(), way),
            |_, sum| {
                same("the sum", sum.unwrap_or(0), 0);
                same("pins", pins(), before);
            },
        );
        each.of(
            Call::whole(&format!("FILL, {}", way.name), &[ENOMEM, EFAULT]),
            new_pages,
            |userptr| userptr.fill(place(0) + 3, PAGES * page() - 3, 5, way),
            |_, filled| {
                let wanted = if filled.is_some() { 5 } else { 0 };
                let bytes = get(place(0), PAGES * page());
                let is_right = bytes[3..].iter().all(|&byte| byte == wanted);
                assert!(is_right, "the memory has other bytes");
                same("pins", pins(), before);
            },
        );
    }
}

fn old_memory() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let bytes = some_bytes(PAGES * page());
    let before = pins();
    for way in WAYS {
        each.of(
            Call::whole(&format!("SUM, {}", way.name), &[ENOMEM, EFAULT]),
            || {
                let userptr = new_pages();
                put(place(0), &bytes);
                userptr
            },
            |userptr| userptr.sum(place(0), bytes.len(), way),
            |_, got| {
                same("the sum", got.unwrap_or(sum(&bytes)), sum(&bytes));
                same("pins", pins(), before);
            },
        );
    }
}

fn huge_pages() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let before = pins();
    for way in WAYS {
        each.of(
            Call::whole(
                &format!("SUM of huge pages, {}", way.name),
                &[ENOMEM, EFAULT],
            ),
            || {
                done("map", memory::map_anonymous(place(0), 2 * HUGE));
                // Not all kernels have them.
                let _ = memory::advise(place(0), 2 * HUGE, MADV_HUGEPAGE);
                Userptr::open()
            },
            |userptr| userptr.sum(place(0) + HUGE - 5, page(), way),
            |_, sum| {
                same("the sum", sum.unwrap_or(0), 0);
                same("pins", pins(), before);
            },
        );
    }
}

fn registered() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let before = pins();
    each.of(
        Call::whole("REGISTER", &[ENOMEM, EFAULT]),
        new_pages,
        |userptr| userptr.register(place(0), PAGES * page()),
        |userptr, registered| {
            let pages = registered.map_or(0, |()| PAGES as i64);
            same("pins", pins(), before + pages);
            same(
                "whether it is registered",
                userptr.unregister().is_ok(),
                pages > 0,
            );
            same("pins", pins(), before);
        },
    );
    let bytes = some_bytes(PAGES * page());
    let prepare = || {
        let userptr = new_pages();
        put(place(0), &bytes);
        done("register", userptr.register(place(0), bytes.len()));
        userptr
    };
    each.of(
        Call::whole("SUM_REGISTERED", &[ENOMEM]),
        prepare,
        Userptr::sum_registered,
        |_, got| same("the sum", got.unwrap_or(sum(&bytes)), sum(&bytes)),
    );
    each.of(
        Call::whole("FILL_REGISTERED", &[ENOMEM]),
        prepare,
        |userptr| userptr.fill_registered(0),
        |userptr, filled| {
            let wanted = if filled.is_some() { 0 } else { sum(&bytes) };
            same("the sum", done("sum", userptr.sum_registered()), wanted);
        },
    );
    each.none_of("UNREGISTER", prepare, Userptr::unregister, |_, _| {
        same("pins", pins(), before);
    });
}
