// SPDX-License-Identifier: GPL-2.0

//! A fork with mappings of all drivers, and pinned memory, while each of its allocations fails once.

use super::*;
use vma_guest::device::{buffer, pfn};

failing_suite! {
    "failing allocations":
    fork_with_mappings_of_all_drivers,
}

const PAGES: usize = 8;

/// The stack of the child comes first, and the kernel reports with a stack trace if there is none.
/// It has fewer allocations than that, with what it takes until the VMAs.
const FIRST: u32 = 48;

/// VMAs that are copied before those of the drivers, so that these come after [`FIRST`] in any case.
const BEFORE: usize = 64;

/// Where the driver's mappings are, in the order of their addresses.
struct Mappings {
    buffer: Buffer,
    pfn: Pfn,
    userptr: Userptr,
}

impl Mappings {
    #[track_caller]
    fn new() -> Self {
        for number in 0..BEFORE {
            let at = place(0) + 2 * number * page();
            map_anonymous(at, page());
        }
        let mappings = Self {
            buffer: Buffer::of_pages(PAGES),
            pfn: Pfn::open(),
            userptr: Userptr::open(),
        };
        let Self {
            buffer,
            pfn,
            userptr,
        } = &mappings;
        buffer.map(place(1), 0, PAGES).must();
        pfn.map_data(place(2), 0, PAGES).must();
        pfn.map_status(place(3), 0, STATUS_PAGES).must();
        map_anonymous(place(4), PAGES * page());
        buffer.map(place(5), 2, 4).must();
        mark(place(1), 0, PAGES, 1);
        mark(place(2), 0, PAGES, 2);
        mark(place(4), 0, PAGES, 3);
        userptr.register(place(4), PAGES * page()).must();
        mappings
    }

    /// Must be as it was before the fork.
    #[track_caller]
    fn are_right(&self) {
        marked(place(1), 0, PAGES, 1);
        marked(place(2), 0, PAGES, 2);
        pattern(place(3), 0, STATUS_PAGES);
        marked(place(4), 0, PAGES, 3);
        marked(place(5), 2, 4, 1);
        let stats = self.buffer.stats();
        let vmas = vmas_of(&buffer::NODE) as i64;
        assert_eq!(stats.vmas(), vmas);
        let stats = self.pfn.stats();
        let vmas = vmas_of(&pfn::NODE) as i64;
        assert_eq!(stats.vmas(), vmas);

        // The pinned pages are those of this process, and no copies.
        self.userptr.fill_registered(6).must();
        assert_eq!(word(place(4)), 0x0606_0606_0606_0606);
    }
}

fn fork_with_mappings_of_all_drivers(each: &EachAllocation) {
    each.of(
        Call::whole("fork", &[ENOMEM, EAGAIN]).from(FIRST),
        Mappings::new,
        |_| process::fork(child),
        |mappings, child| {
            if let Some(child) = child {
                child.wait().must_give(End::Exited(0));
            }
            mappings.are_right();
        },
    );
}

/// Looks at what it has, without a panic: for that there may be no memory.
fn child() -> u8 {
    let has = |at: usize, pages: usize, whose: u64, first: u64| {
        (0..pages).all(|n| word(at + n * page()) == whose << 32 | (first + n as u64))
    };
    let is_right = has(place(1), PAGES, 1, 0)
        && has(place(2), PAGES, 2, 0)
        && (0..STATUS_PAGES).all(|n| word(place(3) + n * page()) == (n as u64) << 32)
        && has(place(4), PAGES, 3, 0)
        && has(place(5), 4, 1, 2);
    u8::from(!is_right)
}
