// SPDX-License-Identifier: GPL-2.0

//! Forks with mappings of all drivers: the child has what its parent has, whichever of them gives it
//! up first, and whatever others do to the same mappings at the time of the fork.

use super::*;
use vma_guest::device::{buffer, pfn};

suite! {
    "fork":
    child_unmaps_first, parent_unmaps_first, kill_of_the_child_keeps_the_parent,
    fork_while_others_use_the_drivers, child_forks_during_populate_and_reclaim,
}

const PAGES: usize = 8;

/// A mapping of each kind, one after the other: three of drivers, and pinned memory.
struct Mappings {
    buffer: Buffer,
    pfn: Pfn,
    userptr: Userptr,
}

const ROOM: usize = 64;

#[track_caller]
fn at(number: usize) -> usize {
    place(0) + number * ROOM * page()
}

impl Mappings {
    #[track_caller]
    fn new() -> Self {
        let (buffer, pfn, userptr) = (Buffer::of_pages(PAGES), Pfn::open(), Userptr::open());
        buffer.map(at(0), 0, PAGES).must();
        pfn.map_data(at(1), 0, PAGES).must();
        pfn.map_status(at(2), 0, STATUS_PAGES).must();
        map_anonymous(at(3), PAGES * page());
        // One page of each is accessed after the fork only.
        mark(at(0), 0, PAGES - 1, 1);
        mark(at(1), 0, PAGES - 1, 2);
        mark(at(3), 0, PAGES - 1, 3);
        userptr.register(at(3), page()).must();
        Self {
            buffer,
            pfn,
            userptr,
        }
    }

    /// Returns the numbers of VMAs that the drivers count.
    #[track_caller]
    fn vmas(&self) -> [i64; 2] {
        let buffer = self.buffer.stats();
        let pfn = self.pfn.stats();
        [buffer.vmas(), pfn.vmas()]
    }

    #[track_caller]
    fn unmap() {
        unmap(at(0), 4 * ROOM * page());
    }
}

/// All must be there, with what was stored before the fork.
#[track_caller]
fn all_there() {
    marked(at(0), 0, PAGES - 1, 1);
    marked(at(1), 0, PAGES - 1, 2);
    pattern(at(2), 0, STATUS_PAGES);
    marked(at(3), 0, PAGES - 1, 3);
}

/// A word that both see.
#[track_caller]
fn signal() -> usize {
    map_shared_page(place(1));
    place(1)
}

fn child_unmaps_first() {
    let mappings = Mappings::new();
    let own = mappings.vmas();
    in_child(|| {
        assert_eq!(mappings.vmas(), own.map(|vmas| 2 * vmas));
        all_there();
        mark(at(0) + (PAGES - 1) * page(), 7, 1, 1);
        mark(at(1) + (PAGES - 1) * page(), 7, 1, 2);
        // One after the other, in parts.
        for number in 0..3 {
            unmap(at(number) + page(), page());
            unmap(at(number), 2 * page());
        }
        Mappings::unmap();
        assert_eq!(mappings.vmas(), own);
    });
    assert_eq!(mappings.vmas(), own);
    all_there();
    marked(at(0), 0, PAGES, 1);
    marked(at(1), 0, PAGES, 2);
    mappings.pfn.revoke().must();
    all_there();
    let sum = mappings.userptr.sum_registered().must();
    assert_eq!(sum, 6);
}

fn parent_unmaps_first() {
    let signal = signal();
    let mappings = Mappings::new();
    let own = mappings.vmas();
    let child = forked(|| {
        wait_for(signal, 1);
        all_there();
        mark(at(0) + (PAGES - 1) * page(), 7, 1, 1);
        marked(at(0), 0, PAGES, 1);
        let vmas = vmas_of(&buffer::NODE) + vmas_of(&pfn::NODE);
        u8::from(vmas != 3)
    });
    Mappings::unmap();
    assert_eq!(mappings.vmas(), own);
    mappings.pfn.revoke().must();
    let (counters, other) = (Buffer::open().must(), Pfn::open());
    drop(mappings);
    set_word(signal, 1);
    child.wait().must_give(End::Exited(0));
    let (stats, of_pfn) = (counters.stats(), other.stats());
    assert_eq!(stats.made, stats.dropped);
    assert_eq!(of_pfn.made, of_pfn.dropped);
}

fn kill_of_the_child_keeps_the_parent() {
    let signal = signal();
    let mappings = Mappings::new();
    let own = mappings.vmas();
    let child = forked(|| {
        set_word(signal, 1);
        loop {
            mark(at(0), 0, PAGES - 1, 1);
            mark(at(1), 0, PAGES - 1, 2);
        }
    });
    wait_for(signal, 1);
    child.kill().must();
    child.wait().must_give(End::Killed(SIGKILL));
    assert_eq!(mappings.vmas(), own);
    all_there();
}

/// Without a panic, because of the threads that the child does not have.
fn is_all_there() -> bool {
    let has = |number: usize, whose: u64| {
        (0..PAGES - 1).all(|n| word(at(number) + n * page()) == whose << 32 | n as u64)
    };
    has(0, 1) && has(1, 2) && has(3, 3)
}

fn fork_while_others_use_the_drivers() {
    let mappings = Mappings::new();
    let pid = std::process::id() as i32;
    let work = |thread: usize| match thread {
        0 => mappings.pfn.revoke().must(),
        1 => assert!(is_all_there()),
        2 => drop(mappings.buffer.populate(0, PAGES as u64).must()),
        3 => {
            let sum = mappings
                .userptr
                .sum(at(3), 8, vma_guest::device::userptr::FAST);
            sum.must_give(3);
        }
        _ => {
            let mut text = Vec::new();
            Map::of(pid).must().read_to(4096, &mut text).must();
        }
    };
    race(5, work, |_| {
        succeeds(|| u8::from(!is_all_there()));
    });
}

fn child_forks_during_populate_and_reclaim() {
    let mappings = Mappings::new();
    let work = |thread: usize| {
        let buffer = &mappings.buffer;
        let (what, got) = match thread {
            0 => ("populate", buffer.populate(0, PAGES as u64)),
            _ => {
                buffer.discard(PAGES as u64 - 1, 1).must();
                ("reclaim", buffer.reclaim(1))
            }
        };
        if let Err(e) = got {
            let number = e.raw_os_error().unwrap_or(0);
            let is_right = [EAGAIN, EBUSY, ENXIO].contains(&number);
            assert!(is_right, "{what}: {e}");
        }
    };
    race(3, work, |_| {
        // From the move on the driver has the child's address space.
        succeeds(|| {
            let (len, to) = (PAGES * page(), at(8));
            let is_moved = memory::relocate(at(0), len, to, len, 0).is_ok();
            let grandchild = process::fork(|| {
                let is_there = (0..PAGES - 1).all(|n| word(to + n * page()) == 1 << 32 | n as u64);
                u8::from(!is_there)
            });
            let end = grandchild.and_then(Child::wait);
            u8::from(!is_moved || !matches!(end, Ok(End::Exited(0))))
        });
    });
    mappings.buffer.populate(0, 1).must_fail(ENXIO);
}
