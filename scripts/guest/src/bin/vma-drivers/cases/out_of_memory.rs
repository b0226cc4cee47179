// SPDX-License-Identifier: GPL-2.0

//! System calls that fail half-way: a fork when some VMAs of a driver are copied already, a split and a move when the
//! limits of the process are reached. What was made until then goes away again, and nothing else does.

use super::{mark, marked, page, test};
use crate::check::{done, in_child, refused, same};
use crate::device::{Buffer, Pfn, buffer, pfn};
use crate::setting::Setting;
use libc::{ENOMEM, MAP_PRIVATE, PROT_READ, PROT_WRITE};
use std::fs;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place};
use vma_guest::sys::process;

pub const TESTS: &[Test] = &[
    test(
        "out of memory: a fork that fails after each of its VMAs",
        fork_fails,
    ),
    test(
        "out of memory: a split that fails leaves the VMA as it was",
        split_fails,
    ),
    test(
        "out of memory: a move that fails leaves the VMA as it was",
        move_fails,
    ),
];

/// Memory that a fork has to account for a second time, which is too much.
const LARGE: usize = 256 << 20;

/// What the guest may account for beyond what it does, in KiB: enough for the rest of a fork.
const ROOM: u64 = 96 << 10;

/// The number of a line of /proc/meminfo, in KiB.
#[track_caller]
fn meminfo(name: &str) -> u64 {
    let text = done("/proc/meminfo", fs::read_to_string("/proc/meminfo"));
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("/proc/meminfo has no {name}"))
}

/// Lets nobody account for more than there is, and a bit.
#[track_caller]
fn limited() -> [Setting; 2] {
    let limit = (meminfo("Committed_AS") + ROOM).to_string();
    // The size is without effect until the policy says so.
    [
        Setting::set("/proc/sys/vm/overcommit_kbytes", &limit),
        Setting::set("/proc/sys/vm/overcommit_memory", "2"),
    ]
}

fn fork_fails() {
    // In the order of their addresses, which is that of dup_mmap(). What is too large comes after so many of them.
    const MAPPINGS: usize = 6;
    for position in 0..=MAPPINGS {
        let (buffer, piece) = (Buffer::of_pages(8), Pfn::open());
        let place_of = |number: usize| place(number + usize::from(number >= position));
        for number in 0..MAPPINGS {
            match number % 3 {
                0 => done("map", buffer.map(place_of(number), 0, 8)),
                1 => done("map", buffer.map(place_of(number), 2, 4)),
                _ => done("map", piece.map_data(place_of(number), 0, 2)),
            }
        }
        mark(place_of(0), 0, 8, 7);
        done(
            "map",
            memory::map(
                place(position),
                LARGE,
                PROT_READ | PROT_WRITE,
                MAP_PRIVATE,
                None,
            ),
        );

        let (of_buffer, of_pfn) = (
            done("counters", buffer.stats()),
            done("counters", piece.stats()),
        );
        {
            let _limits = limited();
            refused("fork", ENOMEM, process::fork(|| 0).map(drop));
        }
        let what = format!("VMAs copied before the one at {position}");
        let after = done("counters", buffer.stats());
        let copied = (0..position).filter(|number| number % 3 != 2).count() as u64;
        same(&what, after.made - of_buffer.made, copied);
        same("of them dropped", after.dropped - of_buffer.dropped, copied);
        let after = done("counters", piece.stats());
        let copied = position as u64 - copied;
        same(&what, after.made - of_pfn.made, copied);
        same("of them dropped", after.dropped - of_pfn.dropped, copied);

        // Nothing of the parent's has gone, and a fork that has its memory succeeds.
        marked("after the fork", place_of(1), 2, 4, 7);
        done("unmap", memory::unmap(place(position), LARGE));
        in_child("a child", || marked("in the child", place_of(0), 0, 8, 7));
        for number in 0..MAPPINGS {
            done("unmap", memory::unmap(place_of(number), 8 * page()));
        }
    }
}

/// As many mappings as the process has, as the most it may have.
#[track_caller]
fn no_more_mappings() -> Setting {
    let maps = done("/proc/self/maps", fs::read_to_string("/proc/self/maps"));
    // The last line is of the vsyscall page, which is no VMA, if there is one.
    let count = maps
        .lines()
        .filter(|line| !line.ends_with("[vsyscall]"))
        .count();
    Setting::set("/proc/sys/vm/max_map_count", &count.to_string())
}

fn split_fails() {
    let (buffer, piece) = (Buffer::of_pages(8), Pfn::open());
    done("map", buffer.map(place(0), 0, 8));
    done("map", piece.map_data(place(1), 0, 8));
    mark(place(0), 0, 8, 5);
    let before = (
        done("counters", buffer.stats()),
        done("counters", piece.stats()),
    );
    {
        let _limit = no_more_mappings();
        for at in [place(0), place(1)] {
            let (middle, len) = (at + 2 * page(), 2 * page());
            refused("munmap", ENOMEM, memory::unmap(middle, len));
            refused("mprotect", ENOMEM, memory::protect(middle, len, PROT_READ));
        }
    }
    let vmas = |of: &buffer::Stats, pieces: &pfn::Stats| (of.vmas(), pieces.vmas());
    let after = (
        done("counters", buffer.stats()),
        done("counters", piece.stats()),
    );
    same("VMAs", vmas(&after.0, &after.1), vmas(&before.0, &before.1));
    marked("after the splits", place(0), 0, 8, 5);
    memory::touch(place(1) + 2 * page());

    done("munmap", memory::unmap(place(0) + 2 * page(), 2 * page()));
    let made = done("counters", buffer.stats());
    same("VMAs", made.vmas(), before.0.vmas() + 1);
}

fn move_fails() {
    let (buffer, piece) = (Buffer::of_pages(8), Pfn::open());
    done("map", buffer.map(place(0), 0, 8));
    done("map", piece.map_data(place(1), 0, 8));
    mark(place(0), 0, 8, 6);
    let before = (
        done("counters", buffer.stats()),
        done("counters", piece.stats()),
    );
    {
        let _limit = no_more_mappings();
        let len = 2 * page();
        for at in [place(0), place(1)] {
            let got = memory::relocate(at + len, len, place(3), len, 0);
            refused("mremap", ENOMEM, got);
        }
    }
    let after = (
        done("counters", buffer.stats()),
        done("counters", piece.stats()),
    );
    same("VMAs of the buffer", after.0.vmas(), before.0.vmas());
    same("VMAs of the piece", after.1.vmas(), before.1.vmas());
    marked("after the moves", place(0), 0, 8, 6);
    done(
        "mremap",
        memory::relocate(place(0), 8 * page(), place(3), 8 * page(), 0),
    );
    marked("after a move", place(3), 0, 8, 6);
}
