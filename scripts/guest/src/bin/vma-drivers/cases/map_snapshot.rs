// SPDX-License-Identifier: GPL-2.0

//! Several VMAs at one moment.

use super::{beside, page, test};
use crate::check::{done, same};
use crate::device::map::{DONTDUMP, Map, NoSnapshot, Vma, WRITE};
use libc::{EINVAL, ENOENT, MADV_DODUMP, MADV_DONTDUMP, PROT_READ};
use std::io::Error;
use std::time::{Duration, Instant};
use vma_guest::runner::{Test, note};
use vma_guest::sys;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test("snapshot: extent and flags of each VMA", each),
    test("snapshot: an address without a VMA is named", no_vma),
    test("snapshot: bad requests", bad_requests),
    test("snapshot: what one call changes is seen as a whole", atomic),
];

/// Two adjacent VMAs that never merge: one that can be written, and one that cannot.
#[track_caller]
fn two_vmas() -> [usize; 2] {
    let at = place(8);
    done("map", memory::map_anonymous(at, 2 * page()));
    done("protect", memory::protect(at + page(), page(), PROT_READ));
    [at, at + page()]
}

/// Must not be there.
#[track_caller]
fn not_taken<const N: usize>(
    what: &str,
    got: Result<[Vma; N], NoSnapshot>,
    wanted: (i32, u64, u64),
) {
    match got {
        Ok(vmas) => panic!("{what}: {vmas:x?}"),
        Err(NoSnapshot {
            error,
            index,
            reason,
        }) => same(
            what,
            (error.raw_os_error().unwrap_or(0), index, reason),
            wanted,
        ),
    }
}

#[track_caller]
fn taken<const N: usize>(map: &Map, addrs: [usize; N]) -> [Vma; N] {
    done("snapshot", map.snapshot(addrs).map_err(|no| no.error))
}

fn each() {
    let map = done("open", Map::open());
    let [one, other] = two_vmas();
    let end = other + page();
    let vmas = taken(&map, [one, other]);
    let extents = vmas.map(|vma| [vma.start as usize, vma.end as usize]);
    same("extents", extents, [[one, other], [other, end]]);
    same(
        "can be written",
        vmas.map(|vma| vma.flags & WRITE),
        [WRITE, 0],
    );

    // In any order, and any number of times.
    let last = end - 1;
    let many = taken(&map, [last, one, other, one + 1, last, one, one, other]);
    let [a, b] = vmas;
    same("eight addresses", many, [b, a, b, a, b, a, a, b]);
    same("a single one", taken(&map, [one]), [a]);
}

fn no_vma() {
    const NO_VMA: u64 = 1;
    let map = done("open", Map::open());
    let [one, other] = two_vmas();
    let hole = other + page();
    let wanted = |index| (ENOENT, index, NO_VMA);
    not_taken("the only one", map.snapshot([hole]), wanted(0));
    not_taken("the last", map.snapshot([one, other, hole]), wanted(2));
    let got = map.snapshot([one, hole, other, hole]);
    not_taken("the first of two", got, wanted(1));
    let got = map.snapshot([other, usize::MAX, one]);
    not_taken("the largest address", got, wanted(1));
    not_taken("address 0", map.snapshot([0, one]), wanted(0));
    // Nothing is left locked.
    done("unmap", memory::unmap(one, 2 * page()));
}

fn bad_requests() {
    let (map, [one, _]) = (done("open", Map::open()), two_vmas());
    let request = |change: &dyn Fn(&mut [u64; 36])| {
        let mut words = [0; 36];
        (words[0], words[4], words[5]) = (2, one as u64, one as u64);
        change(&mut words);
        let got = sys::ioctl_words(&map.file, crate::device::map::SNAPSHOT, &mut words);
        got.map_err(|e: Error| e.raw_os_error())
    };
    same("a good one", request(&|_| ()), Ok(()));
    for count in [0, 9, u64::MAX] {
        let got = request(&|words| words[0] = count);
        same("number of addresses", got, Err(Some(EINVAL)));
    }
    for number in [1, 2, 3, 6, 11, 12, 35] {
        let got = request(&|words| words[number] = 1);
        same("a word that must be 0", got, Err(Some(EINVAL)));
    }
}

/// How many snapshots, and how long it may take until one by one the VMAs were seen to differ.
const SNAPSHOTS: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(25);

fn atomic() {
    let map = done("open", Map::open());
    let vmas = two_vmas();
    let [at, _] = vmas;
    let flip = |_| {
        for advice in [MADV_DONTDUMP, MADV_DODUMP] {
            // One call, and one time that the mmap lock is taken.
            done("advice", memory::advise(at, 2 * page(), advice));
        }
    };
    let is_set = |vma: Vma| vma.flags & DONTDUMP != 0;

    let (mut together, mut one_by_one) = ([[0_u64; 2]; 2], [[0_u64; 2]; 2]);
    let mut taken_so_far = 0;
    beside(1, flip, || {
        let start = Instant::now();
        while start.elapsed() < PATIENCE
            && (taken_so_far < SNAPSHOTS || one_by_one[0][1] + one_by_one[1][0] == 0)
        {
            let [a, b] = taken(&map, vmas).map(is_set);
            together[usize::from(a)][usize::from(b)] += 1;
            let [a, b] = vmas.map(|addr| {
                let [vma] = taken(&map, [addr]);
                is_set(vma)
            });
            one_by_one[usize::from(a)][usize::from(b)] += 1;
            taken_so_far += 1;
        }
    });
    let [[neither, second], [first, both]] = together;
    let differ = one_by_one[0][1] + one_by_one[1][0];
    note(&format!(
        "of {taken_so_far} snapshots {both} have both flags, {neither} none, {} one; \
         of as many pairs of snapshots of one VMA {differ} have one",
        first + second
    ));
    assert!(both > 0 && neither > 0, "the flags did not change");
    assert!(differ > 0, "a snapshot of both would have nothing to show");
    same("snapshots with one flag of two", first + second, 0);
}
