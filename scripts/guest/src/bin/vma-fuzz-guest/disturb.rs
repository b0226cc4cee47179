// SPDX-License-Identifier: GPL-2.0

//! Another thread, which changes the mappings that functions work on.

use crate::ground::{Ground, PAGES};
use libc::{MADV_DONTFORK, MADV_DONTNEED, PROT_NONE, PROT_READ, PROT_WRITE};
use std::sync::atomic::{AtomicBool, Ordering};
use vma_guest::random::Random;
use vma_guest::sys;
use vma_guest::sys::{memory, process};

pub fn run(ground: &Ground, seed: u64, stop: &AtomicBool) {
    let mut random = Random::new(seed, u64::from(std::process::id()));
    let page = sys::page_size();
    while !stop.load(Ordering::Relaxed) {
        let part = random.part(PAGES);
        let len = (part.len() % 5 + 1) * page;
        let at = ground.at(part.start);
        match random.below(20) {
            0 => drop(memory::unmap(at, len)),
            1 => drop(memory::protect(
                at,
                len,
                random.one_of(&[PROT_NONE, PROT_READ]),
            )),
            2..4 => drop(memory::protect(at, len, PROT_READ | PROT_WRITE)),
            4..6 => drop(memory::advise(
                at,
                len,
                random.one_of(&[MADV_DONTNEED, MADV_DONTFORK]),
            )),
            6 => drop(memory::relocate(
                at,
                len,
                ground.at(random.below(PAGES)),
                len,
                0,
            )),
            7 => drop(memory::resize(at, len, len + page)),
            8 => {
                if let Ok(child) = process::fork(|| 0) {
                    let _ = child.wait();
                }
            }
            9..12 => ground.map_one(random.below(7)),
            12..16 => ground.write(part.start),
            _ => ground.read(part.start),
        }
    }
}
