// SPDX-License-Identifier: GPL-2.0

//! Memory that is mapped by page frame number, while each allocation of each call fails once.

use super::*;
use vma_guest::device::pfn::NODE;

failing_suite! {
    "failing allocations":
    open_and_mmap_of_pfn, fault_of_pfn, revoke_of_pfn, split_of_pfn, mremap_of_pfn, access_to_pfn,
}

const PAGES: usize = 8;

/// The data part, mapped and marked, and the status part.
#[track_caller]
fn both_parts() -> Pfn {
    let pfn = mapped_pfn(PAGES, STATUS_PAGES);
    mark(place(0), 0, PAGES, 1);
    pfn
}

fn open_and_mmap_of_pfn(each: &EachAllocation) {
    each.open(&NODE);
    each.of(
        Call::whole("mmap of the data part", &[ENOMEM]),
        Pfn::open,
        |pfn| pfn.map_data(place(0), 0, PAGES),
        |pfn, mapped| {
            pfn.vmas_fit();
            if mapped.is_some() {
                pattern(place(0), DATA, PAGES);
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
                pfn.vmas_fit();
                pattern(place(0), 0, STATUS_PAGES);
            } else if vmas_of(&NODE) != 0 {
                left.set(left.get() + 1);
                without_data(pfn, place(0));
            }
        },
    );
    // With no memory to unmap it.
    assert!(left.get() > 0);
}

/// The kernel could not unmap a VMA after mmap() had failed. The driver never hears of it.
#[track_caller]
fn without_data(pfn: &Pfn, at: usize) {
    let none_is_counted = |what: &str| {
        let stats = pfn.stats();
        same(what, stats.vmas(), 0);
    };
    none_is_counted("VMAs at first");
    pfn.revoke().must();
    let file = sys::memfd(c"bytes").must();
    let read = |at| memory::write_from(file.as_raw_fd(), at, 8);
    read(at).must_fail(EFAULT);
    dies(SIGBUS, || touch(at));
    let own = File::open("/proc/self/mem").must();
    own.read_at(&mut [0; 8], at as u64).must_fail(EIO);
    in_child(|| read(at).must_fail(EFAULT));
    protect(at + page(), page(), 0);
    unmap(at + 3 * page(), page());
    let to = place(1);
    relocate(at + 5 * page(), to, page());
    read(to).must_fail(EFAULT);
    none_is_counted("VMAs after that");
}

fn fault_of_pfn(each: &EachAllocation) {
    let mapped = || {
        let pfn = Pfn::open();
        pfn.map_data(place(0), 0, PAGES).must();
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
        |_, _| assert_eq!(word(place(0)), 7),
    );
    let zero = File::open("/dev/zero").must();
    each.of(
        Call::in_part("a fault of the kernel", &[EFAULT]),
        mapped,
        |_| sys::read_to(&zero, place(0) + page(), 8),
        |_, _| pattern(place(0) + 2 * page(), DATA + 2, PAGES - 2),
    );
}

fn revoke_of_pfn(each: &EachAllocation) {
    each.none_of("REVOKE", both_parts, Pfn::revoke, |_, _| {
        marked(place(0), 0, PAGES, 1);
        pattern(place(1), 0, STATUS_PAGES);
    });
}

fn split_of_pfn(each: &EachAllocation) {
    for (what, at) in [("data", place(0)), ("status", place(1))] {
        let (middle, len) = (at + 2 * page(), 2 * page());
        let rest_is_right = |pfn: &Pfn| {
            pfn.vmas_fit();
            marked(place(0), 0, 2, 1);
            marked(place(0) + 4 * page(), 4, PAGES - 4, 1);
            pattern(place(1), 0, 2);
            pattern(place(1) + 4 * page(), 4, STATUS_PAGES - 4);
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

fn mremap_of_pfn(each: &EachAllocation) {
    for (what, first, pages) in [("all", 0, PAGES), ("a part", 2, 3)] {
        let (offset, len) = (first * page(), pages * page());
        each.of(
            Call::in_part(&format!("mremap of {what} of the data part"), &[ENOMEM]),
            both_parts,
            |_| memory::relocate(place(0) + offset, len, place(2), len, 0),
            |pfn, moved| {
                pfn.vmas_fit();
                let at = moved.map_or(place(0) + offset, |()| place(2));
                marked(at, first as u64, pages, 1);
                pfn.revoke().must();
                marked(at, first as u64, pages, 1);
            },
        );
        each.of(
            Call::in_part(&format!("mremap of {what} of the status part"), &[ENOMEM]),
            both_parts,
            |_| memory::relocate(place(1) + offset, len, place(2), len, 0),
            |pfn, moved| {
                pfn.vmas_fit();
                let at = moved.map_or(place(1) + offset, |()| place(2));
                pattern(at, first as u64, pages);
            },
        );
    }
}

fn access_to_pfn(each: &EachAllocation) {
    let own = own_memory();
    each.of(
        Call::in_part("a read of /proc/self/mem", &[ENOMEM, EIO]),
        both_parts,
        |_| {
            let mut word = [0; 8];
            let len = own.read_at(&mut word, (place(1) + page()) as u64)?;
            Ok((len, u64::from_ne_bytes(word)))
        },
        |_, got| assert_eq!(got.unwrap_or((8, 1 << 32)), (8, 1 << 32)),
    );
    each.of(
        Call::in_part("a write of /proc/self/mem", &[ENOMEM, EIO]),
        both_parts,
        |_| own.write_at(&9_u64.to_ne_bytes(), (place(0) + 64) as u64),
        |_, written| {
            let wanted = if written.is_some() { 9 } else { DATA << 32 | 8 };
            assert_eq!(word(place(0) + 64), wanted);
        },
    );
}
