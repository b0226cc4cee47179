// SPDX-License-Identifier: GPL-2.0

//! Requests that the userptr driver must refuse.

use super::*;
use crate::abi::userptr::{self as abi, IOC_TYPE, MAX_LEN, Request};
use vma_guest::device::userptr::{
    FILL, FILL_REGISTERED, REGISTER, SUM, SUM_REGISTERED, UNREGISTER,
};

suite! {
    "userptr, bad input":
    refuses_sizes, refuses_ends_beyond_the_address_space, refuses_addresses_never_mapped,
    refuses_unknown_ways_to_pin, refuses_nonzero_reserved_words,
    refuses_reserved_words, refuses_use_without_registered_memory,
    refuses_unknown_ioctls,
}

/// Requests that take an address.
const REQUESTS: [(&str, u32); 3] = [("sum", SUM), ("fill", FILL), ("register", REGISTER)];

/// Memory with contents.
#[track_caller]
fn memory() -> (usize, Vec<u8>) {
    let bytes = some_bytes(4 * page());
    map_anonymous(place(0), bytes.len());
    put(place(0), &bytes);
    (place(0), bytes)
}

fn refuses_sizes() {
    let userptr = Userptr::open();
    let (at, bytes) = memory();
    for len in [
        0,
        MAX_LEN + 1,
        1 << 32,
        (1 << 32) + 1,
        1 << 46,
        1 << 63,
        u64::MAX,
    ] {
        for (what, number) in REQUESTS {
            for way in WAYS {
                let what = format!("{what} of {len:#x} bytes, {}", way.name);
                let request = [at as u64, len, way.number, 0, 0, 0];
                refused(&what, EINVAL, userptr.request(number, request));
            }
        }
    }
    holds(at, &bytes);
}

fn refuses_ends_beyond_the_address_space() {
    let userptr = Userptr::open();
    for (addr, len) in [
        (u64::MAX, 1),
        (u64::MAX, 2),
        (u64::MAX - 8, 100),
        (u64::MAX - MAX_LEN + 2, MAX_LEN),
    ] {
        for (what, number) in REQUESTS {
            for way in WAYS {
                let what = format!("{what} of {len:#x} bytes at {addr:#x}, {}", way.name);
                let request = [addr, len, way.number, 0, 0, 0];
                refused(&what, EINVAL, userptr.request(number, request));
            }
        }
    }
}

fn refuses_addresses_never_mapped() {
    let userptr = Userptr::open();
    for (addr, len) in [
        (0, 1),
        (0, MAX_LEN),
        (1, 8),
        (0x7fff_ffff_f000, 1),
        (0x7fff_ffff_efff, 2),
        (0x8000_0000_0000, 1),
        (0xffff_8000_0000_0000, 8),
        (0xffff_ffff_8100_0000, 4096),
        (0xffff_ffff_ff60_0000, 8),
    ] {
        for (what, number) in REQUESTS {
            for way in WAYS {
                let what = format!("{what} of {len:#x} bytes at {addr:#x}, {}", way.name);
                let request = [addr, len, way.number, 0, 0, 0];
                // The end of the address space need not be that of user space.
                let wanted: &[i32] = if addr < 0x7fff_ffff_e000 {
                    &[EFAULT]
                } else {
                    &[EFAULT, EINVAL]
                };
                refused_with_any(&what, wanted, userptr.request(number, request));
            }
        }
    }
}

fn refuses_unknown_ways_to_pin() {
    let userptr = Userptr::open();
    let (at, bytes) = memory();
    for way in [0, WAYS.len() as u64 + 1, 1 << 32, (1 << 32) + 1, u64::MAX] {
        for (what, number) in [("sum", SUM), ("fill", FILL)] {
            let request = [at as u64, 8, way, 1, 0, 0];
            refused(
                &format!("{what}, way {way:#x}"),
                EINVAL,
                userptr.request(number, request),
            );
        }
    }
    holds(at, &bytes);
    // Of REGISTER it is not looked at.
    userptr
        .request(REGISTER, [at as u64, 8, u64::MAX, 0, 0, 0])
        .must();
    userptr.sum_registered().must_give(sum(&bytes[..8]));
}

fn refuses_nonzero_reserved_words() {
    let userptr = Userptr::open();
    let (at, bytes) = memory();
    for (what, number) in REQUESTS {
        for word in [4, 5] {
            for value in [1, 1 << 32, 1 << 63, u64::MAX] {
                let mut request: Request = [at as u64, 8, WAYS[0].number, 0, 0, 0];
                request[word] = value;
                let what = format!("{what} with word {word} {value:#x}");
                refused(&what, EINVAL, userptr.request(number, request));
            }
        }
    }
    userptr.unregister().must_fail(ENXIO);
    holds(at, &bytes);
}

fn refuses_reserved_words() {
    let userptr = Userptr::open();
    let (at, bytes) = memory();
    userptr.register(at, bytes.len()).must();
    for (what, number) in [
        ("sum", SUM_REGISTERED),
        ("fill", FILL_REGISTERED),
        ("unregister", UNREGISTER),
    ] {
        for word in 0..6 {
            // The byte to fill with is the one word that need not be 0.
            if number == FILL_REGISTERED && word == 3 {
                continue;
            }
            for value in [1, 1 << 32, u64::MAX] {
                let mut request: Request = [0; 6];
                request[word] = value;
                let what = format!("{what} with word {word} {value:#x}");
                refused(&what, EINVAL, userptr.request(number, request));
            }
        }
    }
    userptr.sum_registered().must_give(sum(&bytes));
    holds(at, &bytes);
}

fn refuses_use_without_registered_memory() {
    let userptr = Userptr::open();
    userptr.unregister().must_fail(ENXIO);
    userptr.sum_registered().must_fail(ENXIO);
    userptr.fill_registered(1).must_fail(ENXIO);
}

fn refuses_unknown_ioctls() {
    let userptr = Userptr::open();
    let (at, _) = memory();
    let mut add = |what: &str, number: u32| {
        let request = [at as u64, 8, WAYS[0].number, 0, 0, 0];
        refused(what, ENOTTY, userptr.request(number, request));
    };
    wrong_ioctls::<Request, abi::Stats, [u64; 5]>(IOC_TYPE, abi::SUM_NR, abi::STATS_NR, &mut add);
}
