// SPDX-License-Identifier: GPL-2.0

//! Several VMAs at one moment.

use super::*;
use std::io::Error;
use vma_guest::device::map::{DONTDUMP, NoSnapshot, Vma, WRITE};

suite! {
    "snapshot":
    returns_extent_and_flags, names_an_address_without_a_vma, refuses_bad_requests,
    sees_one_call_as_a_whole,
}

/// Two adjacent VMAs that never merge: one that can be written, and one that cannot.
#[track_caller]
fn two_vmas() -> [usize; 2] {
    let at = place(8);
    map_anonymous(at, 2 * page());
    protect(at + page(), page(), PROT_READ);
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
    map.snapshot(addrs).map_err(|no| no.error).must()
}

fn returns_extent_and_flags() {
    let map = Map::open().must();
    let [one, other] = two_vmas();
    let end = other + page();
    let vmas = taken(&map, [one, other]);
    let extents = vmas.map(|vma| [vma.start as usize, vma.end as usize]);
    assert_eq!(extents, [[one, other], [other, end]]);
    assert_eq!(vmas.map(|vma| vma.flags & WRITE), [WRITE, 0]);

    // In any order, and any number of times.
    let last = end - 1;
    let many = taken(&map, [last, one, other, one + 1, last, one, one, other]);
    let [a, b] = vmas;
    assert_eq!(many, [b, a, b, a, b, a, a, b]);
    assert_eq!(taken(&map, [one]), [a]);
}

fn names_an_address_without_a_vma() {
    const NO_VMA: u64 = 1;
    let map = Map::open().must();
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
    unmap(one, 2 * page());
}

fn refuses_bad_requests() {
    let (map, [one, _]) = (Map::open().must(), two_vmas());
    let request = |change: &dyn Fn(&mut [u64; 36])| {
        let mut words = [0; 36];
        (words[0], words[4], words[5]) = (2, one as u64, one as u64);
        change(&mut words);
        let got = sys::ioctl_words(&map.file, vma_guest::device::map::SNAPSHOT, &mut words);
        got.map_err(|e: Error| e.raw_os_error())
    };
    assert_eq!(request(&|_| ()), Ok(()));
    for count in [0, 9, u64::MAX] {
        let got = request(&|words| words[0] = count);
        assert_eq!(got, Err(Some(EINVAL)));
    }
    for number in [1, 2, 3, 6, 11, 12, 35] {
        let got = request(&|words| words[number] = 1);
        assert_eq!(got, Err(Some(EINVAL)));
    }
}

/// The number of snapshots, and the time limit for seeing VMAs differ one by one.
const SNAPSHOTS: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(25);

fn sees_one_call_as_a_whole() {
    let map = Map::open().must();
    let vmas = two_vmas();
    let [at, _] = vmas;
    let flip = |_| {
        for advice in [MADV_DONTDUMP, MADV_DODUMP] {
            // One call, and one time that the mmap lock is taken.
            advise(at, 2 * page(), advice);
        }
    };
    let is_set = |vma: Vma| vma.flags & DONTDUMP != 0;

    let (mut together, mut one_by_one) = ([[0_u64; 2]; 2], [[0_u64; 2]; 2]);
    let mut taken_so_far = 0;
    concurrently(1, flip, || {
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
    assert!(both > 0 && neither > 0);
    assert!(differ > 0);
    assert_eq!(first + second, 0);
}
