// SPDX-License-Identifier: GPL-2.0

//! Sums over memory of the caller's, and memory that is filled.

use super::*;

suite! {
    "userptr":
    sums_any_alignment_and_size_in_any_way, fills_any_alignment_and_size_and_no_more,
    pins_the_largest_size, pins_untouched_memory, counts_pins_and_unpins, pins_across_two_vmas,
    hole_is_efault, fill_of_read_only_memory_is_efault, inaccessible_memory_is_efault,
    fill_shows_in_a_shared_file, fill_of_a_private_mapping_keeps_the_file,
    beyond_the_end_of_a_file_is_efault, fill_by_a_child_keeps_the_parents_memory,
    pins_pages_of_a_buffer, pages_of_pfn_are_efault, many_threads_sum_and_fill, pins_huge_pages,
    guard_region_is_efault, secret_memory_is_efault,
}

pub const NO_SECRETS: &str = "no memfd_secret()";

/// Maps a page that the kernel does not; returns false if it has none.
pub fn map_secret(at: usize) -> bool {
    let file = match sys::memfd_secret() {
        Err(e) if e.raw_os_error() == Some(ENOSYS) => return false,
        file => file.must(),
    };
    file.set_len(page() as u64).must();
    let whole = Some((file.as_raw_fd(), 0));
    memory::map(at, page(), RW, MAP_SHARED, whole).must();
    true
}

/// Sizes and alignments: offset in the memory, and length.
fn ranges() -> [(usize, usize); 9] {
    let page = page();
    [
        (0, page),
        (0, 1),
        (page - 1, 1),
        (page - 1, 2),
        (5, 3 * page),
        (page + 17, 100),
        (7, page - 7),
        (page, 1 << 20),
        (3 * page - 3, (1 << 20) + 5),
    ]
}

/// More than any of them takes.
fn memory_len() -> usize {
    (1 << 20) + 8 * page()
}

fn sums_any_alignment_and_size_in_any_way() {
    let userptr = Userptr::open();
    let bytes = some_bytes(memory_len());
    let at = memory_of(&bytes);
    for way in WAYS {
        for (offset, len) in ranges() {
            let what = format!("{len} bytes at offset {offset}, {}", way.name);
            let got = done(&what, userptr.sum(at + offset, len, way));
            same(&what, got, sum(&bytes[offset..offset + len]));
        }
    }
    holds(at, &bytes);
}

fn fills_any_alignment_and_size_and_no_more() {
    let userptr = Userptr::open();
    let mut bytes = some_bytes(memory_len());
    let at = memory_of(&bytes);
    for (way, value) in WAYS.into_iter().zip([0xa5, 0, 0xff]) {
        for (offset, len) in ranges() {
            let what = format!("{len} bytes at offset {offset}, {}", way.name);
            done(&what, userptr.fill(at + offset, len, value, way));
            bytes[offset..offset + len].fill(value);
            assert!(get(at, bytes.len()) == bytes, "{what}");
        }
        bytes = some_bytes(memory_len());
        put(at, &bytes);
    }
}

fn pins_the_largest_size() {
    let userptr = Userptr::open();
    let len = usize::try_from(crate::abi::userptr::MAX_LEN).expect("a size in memory");
    let bytes = some_bytes(len + page());
    let at = memory_of(&bytes);
    for way in WAYS {
        let got = done(way.name, userptr.sum(at + 9, len, way));
        same(way.name, got, sum(&bytes[9..9 + len]));
    }
}

fn pins_untouched_memory() {
    let userptr = Userptr::open();
    for way in WAYS {
        map_anonymous(place(0), 4 * page());
        gives(way.name, userptr.sum(place(0) + 1, 3 * page(), way), 0);
        map_anonymous(place(0), 4 * page());
        done(way.name, userptr.fill(place(0) + 1, 3 * page(), 1, way));
        gives(
            way.name,
            userptr.sum(place(0), 4 * page(), way),
            3 * page() as u64,
        );
    }
}

fn counts_pins_and_unpins() {
    let userptr = Userptr::open();
    let at = memory_of(&some_bytes(4 * page()));
    for way in WAYS {
        let before = userptr.stats();
        done(way.name, userptr.sum(at + page() - 1, page() + 2, way));
        done(way.name, userptr.fill(at, 1, 1, way));
        let after = userptr.stats();
        assert_eq!(after.pinned - before.pinned, 4);
        assert_eq!(after.unpinned - before.unpinned, 4);
        assert_eq!(after.pinned_now, before.pinned_now);
    }
}

fn pins_across_two_vmas() {
    let userptr = Userptr::open();
    let bytes = some_bytes(4 * page());
    let at = memory_of(&bytes);
    protect(at + 2 * page(), 2 * page(), PROT_READ);
    for way in [FAST, LONG_TERM] {
        gives(way.name, userptr.sum(at, 4 * page(), way), sum(&bytes));
    }
    userptr.sum(at, 4 * page(), LOCKED).must_fail(EFAULT);
    let second = &bytes[2 * page()..];
    let got = userptr.sum(at + 2 * page(), 2 * page(), LOCKED);
    got.must_give(sum(second));
}

fn hole_is_efault() {
    let userptr = Userptr::open();
    let page = page();
    let at = memory_of(&some_bytes(8 * page));
    unmap(at + 3 * page, page);
    for way in WAYS {
        for (what, addr, len) in [
            ("in it", at + 3 * page, page),
            ("a byte of it", at + 3 * page + 5, 1),
            ("with it in the middle", at, 8 * page),
            ("with it at the end", at + 2 * page, page + 1),
            ("with it at the start", at + 4 * page - 1, 2),
            ("behind the end", at + 8 * page, 1),
            ("across the end", at + 8 * page - 1, 2),
        ] {
            let what = format!("{what}, {}", way.name);
            refused(&what, EFAULT, userptr.sum(addr, len, way));
            refused(&what, EFAULT, userptr.fill(addr, len, 1, way));
        }
    }
}

fn fill_of_read_only_memory_is_efault() {
    let userptr = Userptr::open();
    let page = page();
    let bytes = some_bytes(4 * page);
    let at = memory_of(&bytes);
    protect(at, 4 * page, PROT_READ);
    for way in WAYS {
        refused(way.name, EFAULT, userptr.fill(at, 4 * page, 1, way));
        refused(way.name, EFAULT, userptr.fill(at + page + 5, 1, 1, way));
        gives(way.name, userptr.sum(at, 4 * page, way), sum(&bytes));
    }
    holds(at, &bytes);

    // The first pages can be written: whether they are is not said, but not the others.
    protect(at, 2 * page, RW);
    for way in WAYS {
        refused(way.name, EFAULT, userptr.fill(at, 4 * page, 1, way));
    }
    assert!(get(at + 2 * page, 2 * page) == bytes[2 * page..]);

    // Memory of the program itself, which is read-only, and of a file that is.
    let program = std::fs::File::open("/proc/self/exe").must();
    let of = Some((program.as_raw_fd(), 0));
    memory::map(place(1), page, PROT_READ, MAP_SHARED, of).must();
    let before = get(place(1), page);
    for way in WAYS {
        refused(way.name, EFAULT, userptr.fill(place(1), page, 1, way));
    }
    assert!(get(place(1), page) == before);
}

fn inaccessible_memory_is_efault() {
    let userptr = Userptr::open();
    let at = memory_of(&some_bytes(4 * page()));
    protect(at, 4 * page(), PROT_NONE);
    for way in WAYS {
        refused(way.name, EFAULT, userptr.sum(at, 1, way));
        refused(way.name, EFAULT, userptr.fill(at, 1, 1, way));
    }
    dies(SIGSEGV, || touch(at));
}

/// A file in memory with contents, mapped at the first place.
#[track_caller]
fn file_of(bytes: &[u8], flags: i32) -> std::fs::File {
    let file = sys::memfd(c"file").must();
    file.write_all_at(bytes, 0).must();
    let of = Some((file.as_raw_fd(), 0));
    memory::map(place(0), bytes.len(), RW, flags, of).must();
    file
}

#[track_caller]
fn contents(file: &std::fs::File, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0).must();
    bytes
}

fn fill_shows_in_a_shared_file() {
    let userptr = Userptr::open();
    let mut bytes = some_bytes(4 * page());
    let file = file_of(&bytes, MAP_SHARED);
    for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
        gives(
            way.name,
            userptr.sum(place(0), bytes.len(), way),
            sum(&bytes),
        );
        done(
            way.name,
            userptr.fill(place(0) + 100, 2 * page(), value, way),
        );
        bytes[100..100 + 2 * page()].fill(value);
        assert!(contents(&file, bytes.len()) == bytes);
        // The contents stay when all page tables are gone, because they are dirty.
        advise(place(0), bytes.len(), MADV_DONTNEED);
        advise(place(0), bytes.len(), MADV_PAGEOUT);
        assert!(contents(&file, bytes.len()) == bytes);
    }
}

fn fill_of_a_private_mapping_keeps_the_file() {
    let userptr = Userptr::open();
    let bytes = some_bytes(4 * page());
    let file = file_of(&bytes, MAP_PRIVATE);
    for way in WAYS {
        done(way.name, userptr.fill(place(0) + 100, page(), 7, way));
        assert_eq!(byte(place(0) + 100), 7);
        assert!(contents(&file, bytes.len()) == bytes);
    }
}

fn beyond_the_end_of_a_file_is_efault() {
    let userptr = Userptr::open();
    let file = file_of(&some_bytes(4 * page()), MAP_SHARED);
    file.set_len(2 * page() as u64).must();
    for way in WAYS {
        refused(way.name, EFAULT, userptr.sum(place(0) + 2 * page(), 1, way));
        refused(way.name, EFAULT, userptr.fill(place(0), 4 * page(), 1, way));
        done(way.name, userptr.sum(place(0), 2 * page(), way));
    }
}

fn fill_by_a_child_keeps_the_parents_memory() {
    let userptr = Userptr::open();
    let bytes = some_bytes(4 * page());
    let at = memory_of(&bytes);
    for way in WAYS {
        in_child(|| {
            done(way.name, userptr.fill(at, 4 * page(), 7, way));
            filled(at, bytes.len(), 7);
        });
        holds(at, &bytes);
    }
}

fn pins_pages_of_a_buffer() {
    let userptr = Userptr::open();
    let buffer = mapped_buffer(4);
    let mut bytes = some_bytes(4 * page());
    for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
        put(place(0), &bytes);
        gives(
            way.name,
            userptr.sum(place(0) + 1, 3 * page(), way),
            sum(&bytes[1..3 * page() + 1]),
        );
        done(way.name, userptr.fill(place(0) + 5, page(), value, way));
        bytes[5..5 + page()].fill(value);
        assert!(contents(&buffer.file, bytes.len()) == bytes);
    }
    let fresh = Buffer::of_pages(4);
    for way in WAYS {
        fresh.map(place(1), 0, 4).must();
        gives(way.name, userptr.sum(place(1), 4 * page(), way), 0);
    }
}

fn pages_of_pfn_are_efault() {
    let userptr = Userptr::open();
    let _pfn = mapped_pfn(4, 4);
    mark(place(0), 0, 2, 1);
    for way in WAYS {
        for number in 0..4 {
            let offset = number * page() + 3;
            refused(way.name, EFAULT, userptr.sum(place(0) + offset, 8, way));
            refused(way.name, EFAULT, userptr.fill(place(0) + offset, 8, 1, way));
            refused(way.name, EFAULT, userptr.sum(place(1) + offset, 8, way));
            refused(way.name, EFAULT, userptr.fill(place(1) + offset, 8, 1, way));
        }
    }
    marked(place(0), 0, 2, 1);
    pattern(place(0) + 2 * page(), DATA + 2, 2);
    pattern(place(1), 0, 4);
}

fn secret_memory_is_efault() {
    let userptr = Userptr::open();
    if !map_secret(place(0)) {
        return skip(NO_SECRETS);
    }
    // Not present, and present.
    for value in [1, 2] {
        for way in WAYS {
            refused(way.name, EFAULT, userptr.sum(place(0), 8, way));
            refused(way.name, EFAULT, userptr.fill(place(0), 8, 9, way));
        }
        set_byte(place(0), value);
    }
    assert_eq!(byte(place(0)), 2);
}

fn many_threads_sum_and_fill() {
    let userptr = Userptr::open();
    let len = 4 * page();
    map_anonymous(place(0), many_threads() * len);
    let work = |thread: usize| {
        let at = place(0) + thread * len;
        for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
            done(way.name, userptr.fill(at + 8, len - 8, value, way));
            set_word(at, 0);
            let got = done(way.name, userptr.sum(at, len, way));
            same(way.name, got, u64::from(value) * (len as u64 - 8));
        }
    };
    race(many_threads(), work, |_| {
        std::thread::sleep(std::time::Duration::from_millis(10))
    });
}

fn pins_huge_pages() {
    const HUGE: usize = 2 << 20;
    let userptr = Userptr::open();
    map_anonymous(place(0), 3 * HUGE);
    // A kernel without them has small ones here, with which all this must work, too.
    let _ = memory::advise(place(0), 3 * HUGE, MADV_HUGEPAGE);
    let bytes = some_bytes(3 * HUGE);
    put(place(0), &bytes);
    let (offset, len) = (HUGE / 2 + 3, HUGE + page());
    for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
        let got = userptr.sum(place(0) + offset, len, way);
        gives(way.name, got, sum(&bytes[offset..offset + len]));
        done(way.name, userptr.fill(place(0) + offset, len, value, way));
        let mut filled = bytes.clone();
        filled[offset..offset + len].fill(value);
        assert!(
            get(place(0), bytes.len()) == filled,
            "{}: other bytes",
            way.name
        );
        put(place(0), &bytes);
    }
    // Pinned as one, then split.
    userptr.register(place(0) + offset, len).must();
    unmap(place(0) + HUGE + page(), HUGE);
    let wanted = sum(&bytes[offset..offset + len]);
    userptr.sum_registered().must_give(wanted);
    unmap(place(0), 3 * HUGE);
    userptr.sum_registered().must_give(wanted);
}

fn guard_region_is_efault() {
    let userptr = Userptr::open();
    let bytes = some_bytes(4 * page());
    let at = memory_of(&bytes);
    advise(at + page(), page(), sys::MADV_GUARD_INSTALL);
    for way in WAYS {
        refused(way.name, EFAULT, userptr.sum(at, 4 * page(), way));
        refused(way.name, EFAULT, userptr.fill(at + page(), 1, 1, way));
        gives(
            way.name,
            userptr.sum(at, page(), way),
            sum(&bytes[..page()]),
        );
    }
}
