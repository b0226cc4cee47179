// SPDX-License-Identifier: GPL-2.0

//! Requests that the pfn driver must refuse, or the kernel before it.

use super::*;
use crate::abi::pfn::{self as abi, IOC_TYPE, PAGES};
use vma_guest::device::map;
use vma_guest::device::pfn::NODE;

suite! {
    "pfn, bad input":
    refuses_a_mapping_of_both_parts, refuses_mappings_beyond_the_end,
    refuses_huge_and_empty_mappings, refuses_a_writable_status_part, refuses_executable_mappings,
    refuses_a_private_data_part, refuses_more_than_the_open_mode,
    refuses_unaligned_addresses_and_offsets, refuses_unknown_ioctls,
}

fn refuses_a_mapping_of_both_parts() {
    let pfn = Pfn::open();
    for (first, pages) in [
        (DATA - 1, 2),
        (0, STATUS_PAGES + 1),
        (0, STATUS_PAGES + DATA_PAGES),
        (1, STATUS_PAGES),
        (DATA - 1, DATA_PAGES + 1),
    ] {
        let what = format!("{pages} pages from page {first}");
        let mapped = map_shared(&pfn.file, place(0), first, pages, PROT_READ);
        refused(&what, EINVAL, mapped);
    }
}

fn refuses_mappings_beyond_the_end() {
    let pfn = Pfn::open();
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
            refused(
                &what,
                ENXIO,
                map_shared(&pfn.file, place(0), first, pages, prot),
            );
        }
    }
}

fn refuses_huge_and_empty_mappings() {
    let page = page() as i64;
    refuses_lengths(
        &Pfn::open().file,
        PROT_READ,
        &[
            (1 << 46, DATA as i64 * page, ENXIO),
            (1 << 48, 0, ENOMEM),
            (usize::MAX, 0, ENOMEM),
            (0, 0, EINVAL),
            (1, i64::MAX - (page - 1), ENXIO),
            // The end has no offset.
            (2 * page as usize, -page, EOVERFLOW),
        ],
    );
}

fn refuses_a_writable_status_part() {
    let pfn = Pfn::open();
    let (at, len) = (place(0), STATUS_PAGES * page());
    for flags in [MAP_SHARED, MAP_PRIVATE] {
        for prot in [PROT_WRITE, RW] {
            let mapped = map(&pfn.file, at, 0, STATUS_PAGES, prot, flags);
            mapped.must_fail(EPERM);
            let mapped = map(&pfn.file, at, DATA - 1, 1, prot, flags);
            mapped.must_fail(EPERM);
        }
    }
    for flags in [MAP_SHARED, MAP_PRIVATE] {
        for prot in [PROT_NONE, PROT_READ] {
            map(&pfn.file, at, 0, STATUS_PAGES, prot, flags).must();
            memory::protect(at, len, RW).must_fail(EACCES);
            let middle = memory::protect(at + page(), page(), PROT_WRITE);
            middle.must_fail(EACCES);
        }
        pattern(at, 0, STATUS_PAGES);
    }
}

fn refuses_executable_mappings() {
    let pfn = Pfn::open();
    for prot in [PROT_EXEC, PROT_READ | PROT_EXEC] {
        for (what, first) in [("status", 0), ("data", DATA)] {
            let mapped = map_shared(&pfn.file, place(0), first, 4, prot);
            refused(
                &format!("an executable mapping of the {what} part"),
                EPERM,
                mapped,
            );
        }
        let mapped = map(&pfn.file, place(0), 0, 4, prot, MAP_PRIVATE);
        mapped.must_fail(EPERM);
    }
    let mapped = map_shared(&pfn.file, place(0), DATA, 4, RW | PROT_EXEC);
    mapped.must_fail(EPERM);
    pfn.map_data(place(0), 0, 4).must();
    pfn.map_status(place(1), 0, 4).must();
    mark(place(0), 0, 4, 1);
    for at in [place(0), place(1)] {
        let protected = memory::protect(at, 4 * page(), PROT_READ | PROT_EXEC);
        protected.must_fail(EACCES);
    }
    marked(place(0), 0, 4, 1);
    pattern(place(1), 0, 4);
}

fn refuses_a_private_data_part() {
    let pfn = Pfn::open();
    for prot in [PROT_NONE, PROT_READ, RW] {
        let mapped = map(&pfn.file, place(0), DATA, DATA_PAGES, prot, MAP_PRIVATE);
        mapped.must_fail(EINVAL);
    }
}

fn refuses_more_than_the_open_mode() {
    let file = NODE.open_as(File::options().read(true)).must();
    let mapped = map_shared(&file, place(0), DATA, 4, RW);
    mapped.must_fail(EACCES);
    map_shared(&file, place(0), DATA, 4, PROT_READ).must();
    let protected = memory::protect(place(0), 4 * page(), RW);
    protected.must_fail(EACCES);
    pattern(place(0), DATA, 4);

    let file = NODE.open_as(File::options().write(true)).must();
    for prot in [PROT_READ, PROT_WRITE] {
        let mapped = map_shared(&file, place(1), DATA, 4, prot);
        mapped.must_fail(EACCES);
    }
}

fn refuses_unaligned_addresses_and_offsets() {
    let pfn = Pfn::open();
    let fd = pfn.file.as_raw_fd();
    let (data, status, page) = (place(0), place(1), page());
    pfn.map_data(data, 0, 8).must();
    pfn.map_status(status, 0, 8).must();
    mark(data, 0, 8, 1);
    for odd in [1, 8, page / 2, page - 1] {
        let map = |addr, offset| memory::map(addr, page, PROT_READ, MAP_SHARED, Some((fd, offset)));
        map(place(2), odd as i64).must_fail(EINVAL);
        for at in [data, status] {
            map(at + odd, 0).must_fail(EINVAL);
            memory::unmap(at + odd, page).must_fail(EINVAL);
            memory::protect(at + odd, page, PROT_READ).must_fail(EINVAL);
            let moved = memory::relocate(at + odd, page, place(2), page, 0);
            moved.must_fail(EINVAL);
        }
    }
    marked(data, 0, 8, 1);
    pattern(status, 0, 8);
}

fn refuses_unknown_ioctls() {
    let pfn = Pfn::open();
    let add = |what: &str, number: u32| {
        refused(
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
    pfn.file.read_at(&mut [0; 8], 0).must_fail(EINVAL);
}
