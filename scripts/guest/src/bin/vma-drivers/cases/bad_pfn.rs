// SPDX-License-Identifier: GPL-2.0

//! Requests that the pfn driver must refuse, or the kernel before it.

use super::pfn::pattern;
use super::{mark, marked, page, test};
use crate::check::{Refusals, done, refused};
use crate::device::pfn::{DATA, DATA_PAGES, NODE, STATUS_PAGES};
use crate::device::{Pfn, map, map_shared};
use crate::pfn_abi::{self as abi, IOC_TYPE, PAGES};
use libc::{
    EACCES, EINVAL, ENOMEM, ENOTTY, ENXIO, EOVERFLOW, EPERM, MAP_PRIVATE, MAP_SHARED, PROT_EXEC,
    PROT_NONE, PROT_READ, PROT_WRITE,
};
use std::fs::File;
use std::os::fd::AsRawFd;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place};
use vma_guest::sys::{self, Place};

pub const TESTS: &[Test] = &[
    test("pfn, bad input: a mapping in both parts", both_parts),
    test("pfn, bad input: mappings beyond the end", beyond),
    test("pfn, bad input: huge and empty mappings", huge),
    test(
        "pfn, bad input: a writable mapping of the status part",
        writable,
    ),
    test("pfn, bad input: executable mappings", executable),
    test(
        "pfn, bad input: a private mapping of the data part",
        private,
    ),
    test("pfn, bad input: more than the file was opened for", modes),
    test(
        "pfn, bad input: addresses and offsets that are not aligned",
        unaligned,
    ),
    test("pfn, bad input: ioctl numbers", numbers),
];

const RW: i32 = PROT_READ | PROT_WRITE;

fn both_parts() {
    let pfn = Pfn::open();
    let mut refusals = Refusals::default();
    for (first, pages) in [
        (DATA - 1, 2),
        (0, STATUS_PAGES + 1),
        (0, STATUS_PAGES + DATA_PAGES),
        (1, STATUS_PAGES),
        (DATA - 1, DATA_PAGES + 1),
    ] {
        let what = format!("{pages} pages from page {first}");
        let mapped = map_shared(&pfn.file, place(0), first, pages, PROT_READ);
        refusals.add(&what, EINVAL, mapped);
    }
    refusals.end();
}

fn beyond() {
    let pfn = Pfn::open();
    let mut refusals = Refusals::default();
    for (first, pages) in [
        (PAGES, 1),
        (PAGES - 1, 2),
        (DATA, DATA_PAGES + 1),
        (PAGES + 1, 1),
        (1 << 32, 1),
        ((1 << 32) + DATA, 1),
        (1 << 50, DATA_PAGES),
    ] {
        for prot in [PROT_READ, RW] {
            let what = format!("{pages} pages from page {first:#x}");
            refusals.add(
                &what,
                ENXIO,
                map_shared(&pfn.file, place(0), first, pages, prot),
            );
        }
    }
    refusals.end();
}

fn huge() {
    let pfn = Pfn::open();
    let mut refusals = Refusals::default();
    let mut add = |what: &str, wanted, len: usize, offset: i64| {
        let of = Some((pfn.file.as_raw_fd(), offset));
        refusals.add(
            what,
            wanted,
            sys::mmap(Place::Anywhere, len, PROT_READ, MAP_SHARED, of),
        );
    };
    let page = page() as i64;
    add(
        "64 TiB of the data part",
        ENXIO,
        1 << 46,
        DATA as i64 * page,
    );
    add("the whole address space", ENOMEM, 1 << 47, 0);
    add("all of 2 to the power of 64", ENOMEM, usize::MAX, 0);
    add("nothing", EINVAL, 0, 0);
    add(
        "a page at the largest offset",
        ENXIO,
        1,
        i64::MAX - (page - 1),
    );
    add(
        "two pages, of which the end has no offset",
        EOVERFLOW,
        2 * page as usize,
        -page,
    );
    refusals.end();
}

fn writable() {
    let pfn = Pfn::open();
    let (at, len) = (place(0), STATUS_PAGES * page());
    let mut refusals = Refusals::default();
    for flags in [MAP_SHARED, MAP_PRIVATE] {
        for prot in [PROT_WRITE, RW] {
            let mapped = map(&pfn.file, at, 0, STATUS_PAGES, prot, flags);
            refusals.add("a writable mapping", EPERM, mapped);
            let mapped = map(&pfn.file, at, DATA - 1, 1, prot, flags);
            refusals.add("a writable mapping of the last page", EPERM, mapped);
        }
    }
    for flags in [MAP_SHARED, MAP_PRIVATE] {
        for prot in [PROT_NONE, PROT_READ] {
            done("map", map(&pfn.file, at, 0, STATUS_PAGES, prot, flags));
            refusals.add("mprotect to writable", EACCES, memory::protect(at, len, RW));
            let middle = memory::protect(at + page(), page(), PROT_WRITE);
            refusals.add("mprotect of the middle to writable", EACCES, middle);
        }
        pattern("the status part", at, 0, STATUS_PAGES);
    }
    refusals.end();
}

fn executable() {
    let pfn = Pfn::open();
    let mut refusals = Refusals::default();
    for prot in [PROT_EXEC, PROT_READ | PROT_EXEC] {
        for (what, first) in [("status", 0), ("data", DATA)] {
            let mapped = map_shared(&pfn.file, place(0), first, 4, prot);
            refusals.add(
                &format!("an executable mapping of the {what} part"),
                EPERM,
                mapped,
            );
        }
        let mapped = map(&pfn.file, place(0), 0, 4, prot, MAP_PRIVATE);
        refusals.add(
            "a private executable mapping of the status part",
            EPERM,
            mapped,
        );
    }
    let mapped = map_shared(&pfn.file, place(0), DATA, 4, RW | PROT_EXEC);
    refusals.add("a writable and executable mapping", EPERM, mapped);
    done("map", pfn.map_data(place(0), 0, 4));
    done("map", pfn.map_status(place(1), 0, 4));
    mark(place(0), 0, 4, 1);
    for at in [place(0), place(1)] {
        let protected = memory::protect(at, 4 * page(), PROT_READ | PROT_EXEC);
        refusals.add("mprotect to executable", EACCES, protected);
    }
    refusals.end();
    marked("the data part", place(0), 0, 4, 1);
    pattern("the status part", place(1), 0, 4);
}

fn private() {
    let pfn = Pfn::open();
    let mut refusals = Refusals::default();
    for prot in [PROT_NONE, PROT_READ, RW] {
        let mapped = map(&pfn.file, place(0), DATA, DATA_PAGES, prot, MAP_PRIVATE);
        refusals.add("a private mapping", EINVAL, mapped);
    }
    refusals.end();
}

fn modes() {
    let mut refusals = Refusals::default();
    let file = done("open", NODE.open_as(File::options().read(true)));
    let mapped = map_shared(&file, place(0), DATA, 4, RW);
    refusals.add(
        "a writable mapping of a file open read-only",
        EACCES,
        mapped,
    );
    done("map", map_shared(&file, place(0), DATA, 4, PROT_READ));
    let protected = memory::protect(place(0), 4 * page(), RW);
    refusals.add("mprotect to writable", EACCES, protected);
    pattern("the data part", place(0), DATA, 4);

    let file = done("open", NODE.open_as(File::options().write(true)));
    for prot in [PROT_READ, PROT_WRITE] {
        let mapped = map_shared(&file, place(1), DATA, 4, prot);
        refusals.add("a mapping of a file open write-only", EACCES, mapped);
    }
    refusals.end();
}

fn unaligned() {
    let pfn = Pfn::open();
    let fd = pfn.file.as_raw_fd();
    let (data, status, page) = (place(0), place(1), page());
    done("map", pfn.map_data(data, 0, 8));
    done("map", pfn.map_status(status, 0, 8));
    mark(data, 0, 8, 1);
    let mut refusals = Refusals::default();
    for odd in [1, 8, page / 2, page - 1] {
        let map = |addr, offset| memory::map(addr, page, PROT_READ, MAP_SHARED, Some((fd, offset)));
        refusals.add("an offset in a page", EINVAL, map(place(2), odd as i64));
        for at in [data, status] {
            refusals.add("an address in a page", EINVAL, map(at + odd, 0));
            refusals.add(
                "munmap at such an address",
                EINVAL,
                memory::unmap(at + odd, page),
            );
            refusals.add(
                "mprotect there",
                EINVAL,
                memory::protect(at + odd, page, PROT_READ),
            );
            let moved = memory::relocate(at + odd, page, place(2), page, 0);
            refusals.add("mremap from there", EINVAL, moved);
        }
    }
    refusals.end();
    marked("the data part", data, 0, 8, 1);
    pattern("the status part", status, 0, 8);
}

fn numbers() {
    let pfn = Pfn::open();
    let mut refusals = Refusals::default();
    let mut add = |what: &str, number: u32| {
        refusals.add(
            what,
            ENOTTY,
            sys::ioctl_words(&pfn.file, number, &mut [0; 6]),
        );
    };
    type Stats = abi::Stats;
    for number in [0, abi::REVOKE_NR - 1, abi::STATS_NR + 1, u8::MAX] {
        add("another number", sys::encode_io(IOC_TYPE, number));
        add(
            "another number, with a size",
            sys::encode_ior::<Stats>(IOC_TYPE, number),
        );
    }
    add(
        "REVOKE of another type",
        sys::encode_io(IOC_TYPE + 1, abi::REVOKE_NR),
    );
    add(
        "REVOKE with a size",
        sys::encode_iowr::<Stats>(IOC_TYPE, abi::REVOKE_NR),
    );
    add(
        "STATS of another type",
        sys::encode_ior::<Stats>(IOC_TYPE + 1, abi::STATS_NR),
    );
    add(
        "STATS of another size",
        sys::encode_ior::<[u64; 5]>(IOC_TYPE, abi::STATS_NR),
    );
    add(
        "STATS of another direction",
        sys::encode_iowr::<Stats>(IOC_TYPE, abi::STATS_NR),
    );
    add(
        "STATS without a size",
        sys::encode_io(IOC_TYPE, abi::STATS_NR),
    );
    refusals.end();
    refused(
        "pread",
        EINVAL,
        std::os::unix::fs::FileExt::read_at(&pfn.file, &mut [0; 8], 0),
    );
}
