// SPDX-License-Identifier: GPL-2.0

//! Pins of user memory, while each allocation of each call fails once. Pages that were pinned before it
//! failed must be unpinned, which the driver's own counters do not show, but those of the kernel.

use super::*;
use vma_guest::device::userptr::NODE;

failing_suite! {
    "failing allocations":
    open_of_userptr, sum_and_fill_of_new_memory, sum_of_existing_memory, sum_of_huge_pages,
    use_of_registered_memory, use_of_mirrored_memory,
}

const PAGES: usize = 6;
const HUGE: usize = 2 << 20;

/// Returns the number of pinned pages in the kernel. Nothing else pins here.
#[track_caller]
pub(super) fn pins() -> i64 {
    // Has each processor add up what it has counted.
    let path = "/proc/sys/vm/stat_refresh";
    done(path, fs::read(path));
    let text = fs::read_to_string("/proc/vmstat").must();
    let number = |name: &str| -> i64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|number| number.trim().parse().ok());
        number.unwrap_or_else(|| panic!("/proc/vmstat has no {name}"))
    };
    number("nr_foll_pin_acquired ") - number("nr_foll_pin_released ")
}

#[track_caller]
fn new_pages() -> Userptr {
    map_anonymous(place(0), PAGES * page());
    Userptr::open()
}

fn open_of_userptr(each: &EachAllocation) {
    each.open(&NODE);
}

fn sum_and_fill_of_new_memory(each: &EachAllocation) {
    let before = pins();
    for way in WAYS {
        each.of(
            Call::whole(&format!("SUM, {}", way.name), &[ENOMEM, EFAULT]),
            new_pages,
            |userptr| userptr.sum(place(0), PAGES * page(), way),
            |_, sum| {
                assert_eq!(sum.unwrap_or(0), 0);
                assert_eq!(pins(), before);
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
                assert!(is_right);
                assert_eq!(pins(), before);
            },
        );
    }
}

fn sum_of_existing_memory(each: &EachAllocation) {
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
                assert_eq!(got.unwrap_or(sum(&bytes)), sum(&bytes));
                assert_eq!(pins(), before);
            },
        );
    }
}

fn sum_of_huge_pages(each: &EachAllocation) {
    let before = pins();
    for way in WAYS {
        each.of(
            Call::whole(
                &format!("SUM of huge pages, {}", way.name),
                &[ENOMEM, EFAULT],
            ),
            || {
                map_anonymous(place(0), 2 * HUGE);
                // Not all kernels have them.
                let _ = memory::advise(place(0), 2 * HUGE, MADV_HUGEPAGE);
                Userptr::open()
            },
            |userptr| userptr.sum(place(0) + HUGE - 5, page(), way),
            |_, sum| {
                assert_eq!(sum.unwrap_or(0), 0);
                assert_eq!(pins(), before);
            },
        );
    }
}

fn use_of_registered_memory(each: &EachAllocation) {
    let before = pins();
    each.of(
        Call::whole("REGISTER", &[ENOMEM, EFAULT]),
        new_pages,
        |userptr| userptr.register(place(0), PAGES * page()),
        |userptr, registered| {
            let pages = registered.map_or(0, |()| PAGES as i64);
            assert_eq!(pins(), before + pages);
            assert_eq!(userptr.unregister().is_ok(), pages > 0);
            assert_eq!(pins(), before);
        },
    );
    let bytes = some_bytes(PAGES * page());
    let prepare = || {
        let userptr = new_pages();
        put(place(0), &bytes);
        userptr.register(place(0), bytes.len()).must();
        userptr
    };
    each.of(
        Call::whole("SUM_REGISTERED", &[ENOMEM]),
        prepare,
        Userptr::sum_registered,
        |_, got| assert_eq!(got.unwrap_or(sum(&bytes)), sum(&bytes)),
    );
    each.of(
        Call::whole("FILL_REGISTERED", &[ENOMEM]),
        prepare,
        |userptr| userptr.fill_registered(0),
        |userptr, filled| {
            let wanted = if filled.is_some() { 0 } else { sum(&bytes) };
            userptr.sum_registered().must_give(wanted);
        },
    );
    each.none_of("UNREGISTER", prepare, Userptr::unregister, |_, _| {
        assert_eq!(pins(), before);
    });
}

fn use_of_mirrored_memory(each: &EachAllocation) {
    let len = PAGES * page();
    each.of(
        Call::whole("MIRROR", &[ENOMEM]),
        new_pages,
        |userptr| userptr.mirror(place(0), len),
        |userptr, mirrored| assert_eq!(userptr.known().is_ok(), mirrored.is_some()),
    );
    each.of(
        Call::whole("SUM_MIRRORED", &[ENOMEM, EFAULT]),
        || {
            let userptr = new_pages();
            userptr.mirror(place(0), len).must();
            userptr
        },
        Userptr::sum_mirrored,
        |userptr, sum| {
            let known = sum.map_or(0, |_| PAGES as u64);
            userptr.known().must_give(known);
        },
    );
}
