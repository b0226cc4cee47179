// SPDX-License-Identifier: GPL-2.0

//! The tests. One that fails panics.

use crate::binder::{self, Binder, SIZE};
use crate::wire::{self, Message, Transaction};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use vma_guest::check::Must;
use vma_guest::suite;
use vma_guest::sys::process::{self, End};
use vma_guest::sys::{self, memory};

suite! {
    "binder":
    mapping_is_read_only_for_good, second_mapping_is_refused, child_has_no_mapping,
    data_and_answer_arrive_in_the_mapping, data_for_a_mapping_that_is_gone_is_lost,
    nothing_goes_into_another_mapping, data_for_a_moved_mapping_is_lost,
    data_beyond_a_split_is_lost, reclaimed_pages_come_back,
}

/// Where mappings go, and where the data to be sent is.
const MAPPING: usize = 1;
const DATA: usize = 2;

/// More than two pages, so that each has its own fate.
const WORDS: usize = 1100;

fn open(name: &str) -> Binder {
    binder::add(name).must();
    Binder::open(name).must()
}

fn mapped(binder: &Binder) -> usize {
    let at = memory::place(MAPPING);
    binder.map(at, libc::PROT_READ).must();
    at
}

fn mapping_is_read_only_for_good() {
    let binder = open("written");
    let at = memory::place(MAPPING);
    let both = libc::PROT_READ | libc::PROT_WRITE;
    binder.map(at, both).must_fail(libc::EPERM);
    mapped(&binder);
    let later = memory::protect(at, SIZE, both);
    later.must_fail(libc::EACCES);
}

fn second_mapping_is_refused() {
    let binder = open("once");
    mapped(&binder);
    let again = binder.map(memory::place(MAPPING + 2), libc::PROT_READ);
    again.must_fail(libc::EBUSY);
}

fn child_has_no_mapping() {
    let binder = open("child");
    let at = mapped(&binder);
    let child = process::fork(|| {
        memory::touch(at);
        0
    });
    child
        .and_then(process::Child::wait)
        .must_give(End::Killed(libc::SIGSEGV));
}

fn data_and_answer_arrive_in_the_mapping() {
    let (server, at) = server("data");
    server.send(&wire::command(wire::ENTER_LOOPER, &[])).must();
    exchange("data", &server, at);
}

fn data_for_a_mapping_that_is_gone_is_lost() {
    let (_server, at) = server("gone");
    memory::unmap(at, SIZE).must();
    is_lost("gone");
}

/// Also if the driver has made it, for another file.
fn nothing_goes_into_another_mapping() {
    let (_server, at) = server("replaced");
    memory::unmap(at, SIZE).must();
    let other = open("replacement");
    assert_eq!(mapped(&other), at);
    is_lost("replaced");
    is_empty(at);

    memory::unmap(at, SIZE).must();
    memory::map_anonymous(at, SIZE).must();
    is_lost("replaced");
    for word in 0..SIZE / 8 {
        assert_eq!(memory::word(at + word * 8), 0);
    }
}

fn data_for_a_moved_mapping_is_lost() {
    let (_server, at) = server("moved");
    let to = memory::place(MAPPING + 2);
    memory::relocate(at, SIZE, to, SIZE, libc::MREMAP_FIXED).must();
    is_lost("moved");
    is_empty(to);
}

fn data_beyond_a_split_is_lost() {
    let (_server, at) = server("split");
    memory::unmap(at + sys::page_size(), sys::page_size()).must();
    is_lost("split");
    is_empty(at + 2 * sys::page_size());
}

fn reclaimed_pages_come_back() {
    let (server, at) = server("reclaimed");
    server.send(&wire::command(wire::ENTER_LOOPER, &[])).must();
    for _ in 0..3 {
        is_empty(at);
        exchange("reclaimed", &server, at);
        // The data is no longer needed, but the pages are still there.
        assert_eq!(memory::word(at), value(0, 0));
        fs::write("/proc/sys/vm/drop_caches", "2").must();
    }
}

/// A device with a mapping, to which messages go.
fn server(name: &str) -> (Binder, usize) {
    let binder = open(name);
    let at = mapped(&binder);
    binder.become_manager().must();
    (binder, at)
}

/// Data arrives from another process, and an answer goes back.
fn exchange(name: &str, server: &Binder, at: usize) {
    let client = process::fork(|| client(name, wire::GOT_REPLY)).must();
    let got = server.wait_for(&[wire::GOT_TRANSACTION]).must();
    let free = check(&got, at, 0);
    let mut answer = free;
    answer.extend(data(1).command(wire::REPLY));
    server.send(&answer).must();
    client.wait().must_give(End::Exited(0));
}

/// Data cannot be delivered.
fn is_lost(name: &str) {
    let client = process::fork(|| client(name, wire::GOT_FAILED_REPLY));
    client
        .and_then(process::Child::wait)
        .must_give(End::Exited(0));
}

/// No page is mapped, in a mapping whose faults bring none.
fn is_empty(at: usize) {
    let memory = File::open("/proc/self/mem").must();
    memory.read_at(&mut [0; 8], at as u64).must_fail(libc::EIO);
}

/// Sends data, and waits for this answer. A child does it; its panics are those of the test.
fn client(name: &str, wanted: u32) -> u8 {
    let binder = Binder::open(name).must();
    let at = mapped(&binder);
    binder.send(&data(0).command(wire::TRANSACTION)).must();
    let ends = [
        wire::GOT_REPLY,
        wire::GOT_FAILED_REPLY,
        wire::GOT_DEAD_REPLY,
    ];
    let got = binder.wait_for(&ends).must();
    assert!(
        got.kind == wanted,
        "answer {:#x}, not {wanted:#x}",
        got.kind
    );
    if wanted == wire::GOT_REPLY {
        let free = check(&got, at, 1);
        binder.send(&free).must();
    }
    0
}

/// Data to be sent, which is other data for each `seed`.
fn data(seed: u64) -> Transaction {
    let address = memory::place(DATA);
    memory::map_anonymous(address, WORDS * 8).must();
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
