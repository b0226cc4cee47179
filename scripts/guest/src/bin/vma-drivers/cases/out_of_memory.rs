// SPDX-License-Identifier: GPL-2.0

//! System calls that fail half-way: a fork when some VMAs of a driver are copied already, a split and a move when the
//! limits of the process are reached. The VMAs made until then go away again, and no others.

use super::*;
use crate::setting::Setting;
use vma_guest::device::{buffer, pfn};

suite! {
    "out of memory":
    fork_fails_after_each_vma, failed_split_keeps_the_vma, failed_move_keeps_the_vma,
}

/// Memory that a fork has to account for a second time, which is too much.
const LARGE: usize = 256 << 20;

/// Memory that the guest may account for beyond its own, in KiB: enough for the rest of a fork.
const ROOM: u64 = 96 << 10;

/// The number of a line of /proc/meminfo, in KiB.
#[track_caller]
fn meminfo(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").must();
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

fn fork_fails_after_each_vma() {
    // In the order of their addresses, which is that of dup_mmap(). The one that is too large comes after `position` of them.
    const MAPPINGS: usize = 6;
    for position in 0..=MAPPINGS {
        let (buffer, piece) = (Buffer::of_pages(8), Pfn::open());
        let place_of = |number: usize| place(number + usize::from(number >= position));
        for number in 0..MAPPINGS {
            match number % 3 {
                0 => buffer.map(place_of(number), 0, 8).must(),
                1 => buffer.map(place_of(number), 2, 4).must(),
                _ => piece.map_data(place_of(number), 0, 2).must(),
            }
        }
        mark(place_of(0), 0, 8, 7);
        memory::map(place(position), LARGE, RW, MAP_PRIVATE, None).must();

        let (of_buffer, of_pfn) = (buffer.stats(), piece.stats());
        {
            let _limits = limited();
            process::fork(|| 0).map(drop).must_fail(ENOMEM);
        }
        let what = format!("VMAs copied before the one at {position}");
        let after = buffer.stats();
        let copied = (0..position).filter(|number| number % 3 != 2).count() as u64;
        same(&what, after.made - of_buffer.made, copied);
        assert_eq!(after.dropped - of_buffer.dropped, copied);
        let after = piece.stats();
        let copied = position as u64 - copied;
        same(&what, after.made - of_pfn.made, copied);
        assert_eq!(after.dropped - of_pfn.dropped, copied);

        // Nothing of the parent's has gone, and a fork that has its memory succeeds.
        marked(place_of(1), 2, 4, 7);
        unmap(place(position), LARGE);
        in_child(|| marked(place_of(0), 0, 8, 7));
        for number in 0..MAPPINGS {
            unmap(place_of(number), 8 * page());
        }
    }
}

/// As many mappings as the process has, as the most it may have.
#[track_caller]
fn no_more_mappings() -> Setting {
    let maps = fs::read_to_string("/proc/self/maps").must();
    // The last line is of the vsyscall page, which is no VMA, if there is one.
    let count = maps
        .lines()
        .filter(|line| !line.ends_with("[vsyscall]"))
        .count();
    Setting::set("/proc/sys/vm/max_map_count", &count.to_string())
}

fn failed_split_keeps_the_vma() {
    let (buffer, piece) = (Buffer::of_pages(8), Pfn::open());
    buffer.map(place(0), 0, 8).must();
    piece.map_data(place(1), 0, 8).must();
    mark(place(0), 0, 8, 5);
    let before = (buffer.stats(), piece.stats());
    {
        let _limit = no_more_mappings();
        for at in [place(0), place(1)] {
            let (middle, len) = (at + 2 * page(), 2 * page());
            memory::unmap(middle, len).must_fail(ENOMEM);
            memory::protect(middle, len, PROT_READ).must_fail(ENOMEM);
        }
    }
    let vmas = |of: &buffer::Stats, pieces: &pfn::Stats| (of.vmas(), pieces.vmas());
    let after = (buffer.stats(), piece.stats());
    assert_eq!(vmas(&after.0, &after.1), vmas(&before.0, &before.1));
    marked(place(0), 0, 8, 5);
    memory::touch(place(1) + 2 * page());

    unmap(place(0) + 2 * page(), 2 * page());
    let made = buffer.stats();
    assert_eq!(made.vmas(), before.0.vmas() + 1);
}

fn failed_move_keeps_the_vma() {
    let (buffer, piece) = (Buffer::of_pages(8), Pfn::open());
    buffer.map(place(0), 0, 8).must();
    piece.map_data(place(1), 0, 8).must();
    mark(place(0), 0, 8, 6);
    let before = (buffer.stats(), piece.stats());
    {
        let _limit = no_more_mappings();
        let len = 2 * page();
        for at in [place(0), place(1)] {
            let got = memory::relocate(at + len, len, place(3), len, 0);
            got.must_fail(ENOMEM);
        }
    }
    let after = (buffer.stats(), piece.stats());
    assert_eq!(after.0.vmas(), before.0.vmas());
    assert_eq!(after.1.vmas(), before.1.vmas());
    marked(place(0), 0, 8, 6);
    relocate(place(0), place(3), 8 * page());
    marked(place(3), 0, 8, 6);
}
