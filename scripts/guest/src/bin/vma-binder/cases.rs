// SPDX-License-Identifier: GPL-2.0

//! The tests. One that fails panics.

use crate::binder::{self, Binder, SIZE};
use crate::wire::{self, Message, Transaction};
use std::io::Result;
use vma_guest::runner::Test;
use vma_guest::sys::process::{self, End};
use vma_guest::sys::{self, memory};

pub const ALL: &[Test] = &[
    Test {
        name: "a mapping can be read, and never written",
        run: cannot_be_written,
    },
    Test {
        name: "a second mapping of a file is refused",
        run: only_once,
    },
    Test {
        name: "a child has no mapping",
        run: not_in_a_child,
    },
    Test {
        name: "data arrives in the mapping, and so does the answer",
        run: carries_data,
    },
    Test {
        name: "data for a mapping that is gone is not delivered",
        run: mapping_gone,
    },
];

/// Where mappings go, and where the data to be sent is.
const MAPPING: usize = 1;
const DATA: usize = 2;

/// More than two pages, so that each has its own fate.
const WORDS: usize = 1100;

fn open(name: &str) -> Binder {
    done("adding a device", binder::add(name));
    done("opening it", Binder::open(name))
}

fn mapped(binder: &Binder) -> usize {
    let at = memory::place(MAPPING);
    done("mapping it", binder.map(at, libc::PROT_READ));
    at
}

fn cannot_be_written() {
    let binder = open("written");
    let at = memory::place(MAPPING);
    let both = libc::PROT_READ | libc::PROT_WRITE;
    refused("a writable mapping", libc::EPERM, binder.map(at, both));
    mapped(&binder);
    let later = memory::protect(at, SIZE, both);
    refused("a mapping made writable", libc::EACCES, later);
}

fn only_once() {
    let binder = open("once");
    mapped(&binder);
    let again = binder.map(memory::place(MAPPING + 2), libc::PROT_READ);
    refused("a second mapping", libc::EBUSY, again);
}

fn not_in_a_child() {
    let binder = open("child");
    let at = mapped(&binder);
    let child = process::fork(|| {
        memory::touch(at);
        0
    });
    let end = done("a child", child.and_then(process::Child::wait));
    assert!(end == End::Killed(libc::SIGSEGV), "the child {end}");
}

fn carries_data() {
    let server = open("data");
    let at = mapped(&server);
    done("becoming the manager", server.become_manager());
    let client = done("a child", process::fork(|| client("data", wire::GOT_REPLY)));

    done(
        "entering",
        server.send(&wire::command(wire::ENTER_LOOPER, &[])),
    );
    let got = done("a message", server.wait_for(&[wire::GOT_TRANSACTION]));
    let free = check(&got, at, 0);
    let mut answer = free;
    answer.extend(data(1).command(wire::REPLY));
    done("the answer", server.send(&answer));
    let end = done("the client", client.wait());
    assert!(end == End::Exited(0), "the client {end}");
}

fn mapping_gone() {
    let server = open("gone");
    let at = mapped(&server);
    done("becoming the manager", server.become_manager());
    done("unmapping", memory::unmap(at, SIZE));
    let client = process::fork(|| client("gone", wire::GOT_FAILED_REPLY));
    let end = done("the client", client.and_then(process::Child::wait));
    assert!(end == End::Exited(0), "the client {end}");
}

/// Sends data, and waits for this answer. A child does it; its panics are those of the test.
fn client(name: &str, wanted: u32) -> u8 {
    let binder = done("opening in the child", Binder::open(name));
    let at = mapped(&binder);
    done("sending", binder.send(&data(0).command(wire::TRANSACTION)));
    let ends = [
        wire::GOT_REPLY,
        wire::GOT_FAILED_REPLY,
        wire::GOT_DEAD_REPLY,
    ];
    let got = done("an answer", binder.wait_for(&ends));
    assert!(
        got.kind == wanted,
        "answer {:#x}, not {wanted:#x}",
        got.kind
    );
    if wanted == wire::GOT_REPLY {
        let free = check(&got, at, 1);
        done("freeing", binder.send(&free));
    }
    0
}

/// Data to be sent, which is other data for each `seed`.
fn data(seed: u64) -> Transaction {
    let address = memory::place(DATA);
    done("memory", memory::map_anonymous(address, WORDS * 8));
    for word in 0..WORDS {
        memory::set_word(address + word * 8, value(seed, word));
    }
    Transaction {
        address,
        len: WORDS * 8,
    }
}

fn value(seed: u64, word: usize) -> u64 {
    (word as u64) << 32 | 0x5eed << 8 | seed
}

/// The data has to be in the mapping, and to be that of `seed`. Returns the command that frees it.
fn check(message: &Message, mapping: usize, seed: u64) -> Vec<u8> {
    let got = Transaction::of(message).expect("a message with data");
    let inside = mapping..mapping + SIZE - WORDS * 8;
    assert!(inside.contains(&got.address), "at {:#x}", got.address);
    assert_eq!(got.len, WORDS * 8, "bytes");
    for word in 0..WORDS {
        let read = memory::word(got.address + word * 8);
        assert!(read == value(seed, word), "word {word} is {read:#x}");
    }
    assert!(sys::page_size() * 2 < got.len);
    wire::command(wire::FREE_BUFFER, &got.address.to_ne_bytes())
}

#[track_caller]
fn done<T>(what: &str, got: Result<T>) -> T {
    match got {
        Ok(value) => value,
        Err(e) => panic!("{what}: {e}"),
    }
}

#[track_caller]
fn refused(what: &str, wanted: i32, got: Result<()>) {
    let number = got.err().and_then(|e| e.raw_os_error());
    assert!(
        number == Some(wanted),
        "{what}: error {number:?}, not {wanted}"
    );
}
