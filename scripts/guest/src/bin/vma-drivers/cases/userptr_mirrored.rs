// SPDX-License-Identifier: GPL-2.0

//! Memory that a file mirrors without pinning it: each change of the mapping is noticed, and nothing is kept.

use super::{
    userptr::{map_secret, NO_SECRETS},
    *,
};

suite! {
    "mirrored":
    sums_show_what_is_there, looks_up_what_is_not_there_yet, forgets_what_is_unmapped,
    forgets_what_is_discarded, forgets_what_is_replaced, forgets_what_is_moved,
    forgets_what_is_protected, forgets_what_fork_shares, ends_with_its_process,
    belongs_to_one_process, refuses_parts_of_pages_and_second_memory, refuses_what_has_no_pages,
    refuses_memory_hidden_from_the_kernel, reads_while_the_mapping_changes,
}

const PAGES: usize = 4;

/// Memory with contents that is mirrored, and was looked at.
#[track_caller]
fn mirrored() -> (Userptr, Vec<u8>) {
    let userptr = Userptr::open();
    let bytes = some_bytes(PAGES * page());
    let at = memory_of(&bytes);
    userptr.mirror(at, bytes.len()).must();
    userptr.known().must_give(0);
    userptr.sum_mirrored().must_give(sum(&bytes));
    userptr.known().must_give(PAGES as u64);
    (userptr, bytes)
}

fn sums_show_what_is_there() {
    let (userptr, bytes) = mirrored();
    set_byte(place(0) + 5, 0);
    let less = u64::from(bytes[5]);
    userptr.sum_mirrored().must_give(sum(&bytes) - less);
    // A store changes no page table.
    userptr.known().must_give(PAGES as u64);
    userptr.unmirror().must();
    userptr.known().must_fail(ENXIO);
    userptr.sum_mirrored().must_fail(ENXIO);
    userptr.unmirror().must_fail(ENXIO);
}

fn looks_up_what_is_not_there_yet() {
    let userptr = Userptr::open();
    let len = PAGES * page();
    // Not even mapped, at first.
    userptr.mirror(place(0), len).must();
    userptr.sum_mirrored().must_fail(EFAULT);
    map_anonymous(place(0), len);
    userptr.sum_mirrored().must_give(0);
    userptr.known().must_give(PAGES as u64);
    // The pages were that of zeros, and are copied.
    set_byte(place(0), 3);
    userptr.known().must_give(PAGES as u64 - 1);
    userptr.sum_mirrored().must_give(3);
}

fn forgets_what_is_unmapped() {
    let (userptr, bytes) = mirrored();
    unmap(place(0) + page(), page());
    userptr.known().must_give(PAGES as u64 - 1);
    userptr.sum_mirrored().must_fail(EFAULT);
    map_anonymous(place(0) + page(), page());
    let hole = sum(&bytes[page()..2 * page()]);
    userptr.sum_mirrored().must_give(sum(&bytes) - hole);
    userptr.known().must_give(PAGES as u64);
    unmap(place(0), bytes.len());
    userptr.known().must_give(0);
}

fn forgets_what_is_discarded() {
    let (userptr, bytes) = mirrored();
    advise(place(0) + 2 * page(), 2 * page(), MADV_DONTNEED);
    userptr.known().must_give(2);
    userptr.sum_mirrored().must_give(sum(&bytes[..2 * page()]));
}

fn forgets_what_is_replaced() {
    let (userptr, bytes) = mirrored();
    map_anonymous(place(0), bytes.len());
    userptr.known().must_give(0);
    userptr.sum_mirrored().must_give(0);
}

fn forgets_what_is_moved() {
    let (userptr, bytes) = mirrored();
    relocate(place(0), place(1), bytes.len());
    userptr.known().must_give(0);
    userptr.sum_mirrored().must_fail(EFAULT);
    relocate(place(1), place(0), bytes.len());
    userptr.sum_mirrored().must_give(sum(&bytes));
}

fn forgets_what_is_protected() {
    let (userptr, bytes) = mirrored();
    protect(place(0), page(), PROT_READ);
    userptr.known().must_give(PAGES as u64 - 1);
    userptr.sum_mirrored().must_give(sum(&bytes));
    protect(place(0), page(), PROT_NONE);
    userptr.sum_mirrored().must_fail(EFAULT);
}

fn forgets_what_fork_shares() {
    let (userptr, bytes) = mirrored();
    in_child(|| {
        holds(place(0), &bytes);
    });
    // The pages became read-only, for copies.
    userptr.known().must_give(0);
    userptr.sum_mirrored().must_give(sum(&bytes));
}

fn ends_with_its_process() {
    let userptr = Userptr::open();
    in_child(|| {
        let bytes = some_bytes(PAGES * page());
        let at = memory_of(&bytes);
        userptr.mirror(at, bytes.len()).must();
        userptr.sum_mirrored().must_give(sum(&bytes));
        userptr.known().must_give(PAGES as u64);
    });
    userptr.known().must_give(0);
    userptr.sum_mirrored().must_fail(EINVAL);
    userptr.unmirror().must();
}

fn belongs_to_one_process() {
    let (userptr, bytes) = mirrored();
    in_child(|| {
        // Its own memory is at the same address.
        holds(place(0), &bytes);
        userptr.sum_mirrored().must_fail(EINVAL);
        userptr.unmirror().must();
    });
    userptr.sum_mirrored().must_fail(ENXIO);
    userptr.mirror(place(0), page()).must();
    userptr.sum_mirrored().must_give(sum(&bytes[..page()]));
}

fn refuses_parts_of_pages_and_second_memory() {
    let (userptr, bytes) = mirrored();
    userptr.mirror(place(0), page()).must_fail(EBUSY);
    userptr.sum_mirrored().must_give(sum(&bytes));
    let other = Userptr::open();
    other.mirror(place(0) + 1, page()).must_fail(EINVAL);
    other.mirror(place(0), page() - 1).must_fail(EINVAL);
    other.mirror(place(0), 0).must_fail(EINVAL);
    other.known().must_fail(ENXIO);
    other.mirror(place(0), page()).must();
    other.sum_mirrored().must_give(sum(&bytes[..page()]));
    userptr.known().must_give(PAGES as u64);
}

fn refuses_what_has_no_pages() {
    let userptr = Userptr::open();
    let pfn = Pfn::open();
    pfn.map_data(place(1), 0, 4).must();
    userptr.mirror(place(1), 4 * page()).must();
    userptr.sum_mirrored().must_fail(EFAULT);
    userptr.known().must_give(0);
}

fn refuses_memory_hidden_from_the_kernel() {
    let userptr = Userptr::open();
    if !map_secret(place(0)) {
        return skip(NO_SECRETS);
    }
    set_byte(place(0), 1);
    userptr.mirror(place(0), page()).must();
    userptr.sum_mirrored().must_fail(EFAULT);
    assert_eq!(byte(place(0)), 1);
}

fn reads_while_the_mapping_changes() {
    let (userptr, bytes) = mirrored();
    // From here on there are zeroes, and one at most is a one.
    advise(place(0), bytes.len(), MADV_DONTNEED);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..300 {
                advise(place(0), bytes.len(), MADV_DONTNEED);
                set_byte(place(0), 1);
                relocate(place(0), place(1), bytes.len());
                relocate(place(1), place(0), bytes.len());
            }
            stop.store(true, Relaxed);
        });
        while !stop.load(Relaxed) {
            match userptr.sum_mirrored() {
                Ok(sum) => assert!(sum <= 1, "{sum}"),
                // In the middle of a move, or too often.
                Err(e) => assert!(matches!(e.raw_os_error(), Some(EFAULT | EBUSY)), "{e}"),
            }
        }
    });
    advise(place(0), bytes.len(), MADV_DONTNEED);
    userptr.known().must_give(0);
    userptr.sum_mirrored().must_give(0);
}
