// SPDX-License-Identifier: GPL-2.0

//! Requests that the userptr driver must refuse.

use super::{page, test, wrong_ioctls};
use crate::check::{Refusals, done, same};
use crate::device::Userptr;
use crate::device::userptr::{
    FILL, FILL_REGISTERED, REGISTER, SUM, SUM_REGISTERED, UNREGISTER, WAYS,
};
use crate::transfer::{get, put, some_bytes, sum};
use crate::userptr_abi::{self as abi, IOC_TYPE, MAX_LEN, Request};
use libc::{EFAULT, EINVAL, ENOTTY, ENXIO};
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test("userptr, bad input: sizes", sizes),
    test(
        "userptr, bad input: ends beyond the address space",
        overflow,
    ),
    test(
        "userptr, bad input: addresses that are never mapped",
        never_mapped,
    ),
    test("userptr, bad input: ways to pin", ways),
    test("userptr, bad input: words that must be 0", reserved),
    test(
        "userptr, bad input: words that must be 0, with registered memory",
        reserved_registered,
    ),
    test("userptr, bad input: no memory registered", none_registered),
    test("userptr, bad input: ioctl numbers", numbers),
];

/// Requests that take an address.
const REQUESTS: [(&str, u32); 3] = [("sum", SUM), ("fill", FILL), ("register", REGISTER)];

/// Memory with contents.
#[track_caller]
fn memory() -> (usize, Vec<u8>) {
    let bytes = some_bytes(4 * page());
    done("map", memory::map_anonymous(place(0), bytes.len()));
    put(place(0), &bytes);
    (place(0), bytes)
}

fn sizes() {
    let userptr = Userptr::open();
    let (at, bytes) = memory();
    let mut refusals = Refusals::default();
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
                refusals.add(&what, EINVAL, userptr.request(number, request));
            }
        }
    }
    refusals.end();
    assert!(get(at, bytes.len()) == bytes, "the memory has other bytes");
}

fn overflow() {
    let userptr = Userptr::open();
    let mut refusals = Refusals::default();
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
                refusals.add(&what, EINVAL, userptr.request(number, request));
            }
        }
    }
    refusals.end();
}

fn never_mapped() {
    let userptr = Userptr::open();
    let mut refusals = Refusals::default();
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
                // Whether the address space ends where user space does is not said.
                let wanted: &[i32] = if addr < 0x7fff_ffff_e000 {
                    &[EFAULT]
                } else {
                    &[EFAULT, EINVAL]
                };
                refusals.add_either(&what, wanted, userptr.request(number, request));
            }
        }
    }
    refusals.end();
}

fn ways() {
    let userptr = Userptr::open();
    let (at, bytes) = memory();
    let mut refusals = Refusals::default();
    for way in [0, WAYS.len() as u64 + 1, 1 << 32, (1 << 32) + 1, u64::MAX] {
        for (what, number) in [("sum", SUM), ("fill", FILL)] {
            let request = [at as u64, 8, way, 1, 0, 0];
            refusals.add(
                &format!("{what}, way {way:#x}"),
                EINVAL,
                userptr.request(number, request),
            );
        }
    }
    refusals.end();
    assert!(get(at, bytes.len()) == bytes, "the memory has other bytes");
    // Of REGISTER it is not looked at.
    done(
        "register",
        userptr.request(REGISTER, [at as u64, 8, u64::MAX, 0, 0, 0]),
    );
    same(
        "the sum",
        done("sum", userptr.sum_registered()),
        sum(&bytes[..8]),
    );
}

fn reserved() {
    let userptr = Userptr::open();
    let (at, bytes) = memory();
    let mut refusals = Refusals::default();
    for (what, number) in REQUESTS {
        for word in [4, 5] {
            for value in [1, 1 << 32, 1 << 63, u64::MAX] {
                let mut request: Request = [at as u64, 8, WAYS[0].number, 0, 0, 0];
                request[word] = value;
                let what = format!("{what} with word {word} {value:#x}");
                refusals.add(&what, EINVAL, userptr.request(number, request));
            }
        }
    }
    refusals.add("unregister after that", ENXIO, userptr.unregister());
    refusals.end();
    assert!(get(at, bytes.len()) == bytes, "the memory has other bytes");
}

fn reserved_registered() {
    let userptr = Userptr::open();
    let (at, bytes) = memory();
    done("register", userptr.register(at, bytes.len()));
    let mut refusals = Refusals::default();
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
                refusals.add(&what, EINVAL, userptr.request(number, request));
            }
        }
    }
    refusals.end();
    same(
        "the sum",
        done("sum", userptr.sum_registered()),
        sum(&bytes),
    );
    assert!(get(at, bytes.len()) == bytes, "the memory has other bytes");
}

fn none_registered() {
    let userptr = Userptr::open();
    let mut refusals = Refusals::default();
    refusals.add("unregister", ENXIO, userptr.unregister());
    refusals.add("sum", ENXIO, userptr.sum_registered());
    refusals.add("fill", ENXIO, userptr.fill_registered(1));
    refusals.end();
}

fn numbers() {
    let userptr = Userptr::open();
    let mut refusals = Refusals::default();
    let (at, _) = memory();
    let mut add = |what: &str, number: u32| {
        let request = [at as u64, 8, WAYS[0].number, 0, 0, 0];
        refusals.add(what, ENOTTY, userptr.request(number, request));
    };
    wrong_ioctls::<Request, abi::Stats, [u64; 5]>(IOC_TYPE, abi::SUM_NR, abi::STATS_NR, &mut add);
    refusals.end();
}
