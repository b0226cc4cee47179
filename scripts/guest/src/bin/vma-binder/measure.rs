// SPDX-License-Identifier: GPL-2.0

//! How many instructions a transaction takes, from the call that sends it until its answer is there:
//! small ones, and large ones for which pages are allocated and mapped.
//!
//! Each measurement is a record, a line of JSON with one key, which the host tool judges; the first
//! says how many there are. Times are nanoseconds, which are instructions on a processor that counts
//! them.

use crate::binder::{self, Binder};
use crate::wire::{self, Transaction};
use serde_json::json;
use std::fs;
use std::io::{Error, Result};
use std::time::Instant;
use vma_guest::sys::{memory, process};

/// The number of measurements of each payload, after one that does not count.
const RUNS: usize = 7;

/// Bytes of a payload, and how many transactions one measurement has. It counts the one that took
/// the least, which no timer has interrupted.
const PAYLOADS: [(usize, u32); 2] = [(8, 1000), (1 << 20, 4)];

/// The buffer that payloads arrive in.
const BUFFER: usize = 4 << 20;

/// Where it is mapped, and where the data to be sent is.
const MAPPING: usize = 1;
const DATA: usize = 2;

pub fn exit_code() -> u8 {
    match run() {
        Ok(()) => 0,
        Err(e) => {
            println!("{}", json!({ "error": e.to_string() }));
            1
        }
    }
}

fn run() -> Result<()> {
    // Or else every second the kernel sums up its statistics.
    fs::write("/proc/sys/vm/stat_interval", "1000000")?;
    println!("{}", json!({ "plan": PAYLOADS.len() * RUNS }));
    binder::mount()?;
    for (number, (payload, rounds)) in PAYLOADS.into_iter().enumerate() {
        let name = format!("measured-{number}");
        binder::add(&name)?;
        let server = mapped(&name)?;
        server.become_manager()?;
        server.send(&wire::command(wire::ENTER_LOOPER, &[]))?;

        let transactions = (RUNS as u32 + 1) * rounds;
        let client = process::fork(|| match client(&name, payload, rounds) {
            Ok(()) => 0,
            Err(e) => {
                println!("{}", json!({ "error": e.to_string() }));
                1
            }
        })?;
        serve(&server, transactions)?;
        if client.wait()? != process::End::Exited(0) {
            return Err(Error::other("the client failed"));
        }
    }
    Ok(())
}

fn mapped(name: &str) -> Result<Binder> {
    let binder = Binder::open(name)?;
    binder.map_bytes(memory::place(MAPPING), BUFFER, libc::PROT_READ)?;
    Ok(binder)
}

/// Answers a number of transactions, with a word.
fn serve(server: &Binder, transactions: u32) -> Result<()> {
    let answer = data(8)?;
    for _ in 0..transactions {
        let got = server.wait_for(&[wire::GOT_TRANSACTION])?;
        let got = Transaction::of(&got).ok_or_else(|| Error::other("no data"))?;
        let mut commands = wire::command(wire::FREE_BUFFER, &got.address.to_ne_bytes());
        commands.extend(answer.command(wire::REPLY));
        server.send(&commands)?;
    }
    Ok(())
}

fn client(name: &str, payload: usize, rounds: u32) -> Result<()> {
    let client = mapped(name)?;
    let command = data(payload)?.command(wire::TRANSACTION);
    for run in 0..=RUNS {
        let mut least = u128::MAX;
        for _ in 0..rounds {
            let start = Instant::now();
            client.send(&command)?;
            let got = client.wait_for(&[wire::GOT_REPLY, wire::GOT_FAILED_REPLY])?;
            least = least.min(start.elapsed().as_nanos());

            if got.kind != wire::GOT_REPLY {
                return Err(Error::other("a transaction failed"));
            }
            let got = Transaction::of(&got).ok_or_else(|| Error::other("no data"))?;
            client.send(&wire::command(
                wire::FREE_BUFFER,
                &got.address.to_ne_bytes(),
            ))?;
            if payload > 8 {
                // The next one finds no page of this one.
                fs::write("/proc/sys/vm/drop_caches", "2")?;
            }
        }
        if run > 0 {
            let record = json!({ "payload": payload, "ticks": least });
            println!("{}", json!({ "transactions": record }));
        }
    }
    Ok(())
}

/// Bytes to be sent.
fn data(len: usize) -> Result<Transaction> {
    let address = memory::place(DATA);
    memory::map_anonymous(address, len)?;
    for at in (0..len).step_by(8) {
        memory::set_word(address + at, at as u64);
    }
    Ok(Transaction { address, len })
}
