// SPDX-License-Identifier: GPL-2.0

//! Sums over memory of the caller's, and memory that is filled.

use super::pfn::pattern;
use super::{beside, for_a_while, many_threads, mark, marked, page, test};
use crate::check::{Refusals, dies, done, in_child, refused, same};
use crate::device::pfn::DATA;
use crate::device::userptr::{FAST, LOCKED, LONG_TERM, WAYS};
use crate::device::{Buffer, Pfn, Userptr};
use crate::transfer::{get, memory_of, put, some_bytes, sum};
use libc::{EFAULT, MAP_PRIVATE, MAP_SHARED, PROT_NONE, PROT_READ, PROT_WRITE, SIGSEGV};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{self, byte, place, set_word, touch};

pub const TESTS: &[Test] = &[
    test(
        "userptr: sums of any alignment and size, pinned in any way",
        sums,
    ),
    test(
        "userptr: fills of any alignment and size, and no byte beside",
        fills,
    ),
    test("userptr: the largest size", largest),
    test("userptr: memory that nobody accessed yet", untouched),
    test("userptr: pins are counted and given back", counted),
    test("userptr: memory across two VMAs", two_vmas),
    test("userptr: a hole is EFAULT", hole),
    test(
        "userptr: a fill of read-only memory is EFAULT, and changes nothing",
        read_only,
    ),
    test("userptr: inaccessible memory is EFAULT", inaccessible),
    test(
        "userptr: a fill shows in the file that is mapped",
        file_shared,
    ),
    test(
        "userptr: a fill of a private mapping leaves the file alone",
        file_private,
    ),
    test(
        "userptr: beyond the end of a mapped file is EFAULT",
        file_end,
    ),
    test(
        "userptr: a child's fill leaves its parent's memory alone",
        copy_on_write,
    ),
    test("userptr: pages of a buffer can be pinned", buffer),
    test("userptr: pages of pfn memory are EFAULT", pfn),
    test("userptr: sums and fills by many threads", threads),
    test("userptr: huge pages", huge_pages),
    test("userptr: a guard region is EFAULT", guard_region),
];

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

fn sums() {
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
    assert!(get(at, bytes.len()) == bytes, "a sum changed the memory");
}

fn fills() {
    let userptr = Userptr::open();
    let mut bytes = some_bytes(memory_len());
    let at = memory_of(&bytes);
    for (way, value) in WAYS.into_iter().zip([0xa5, 0, 0xff]) {
        for (offset, len) in ranges() {
            let what = format!("{len} bytes at offset {offset}, {}", way.name);
            done(&what, userptr.fill(at + offset, len, value, way));
            bytes[offset..offset + len].fill(value);
            assert!(
                get(at, bytes.len()) == bytes,
                "{what}: the memory has other bytes"
            );
        }
        bytes = some_bytes(memory_len());
        put(at, &bytes);
    }
}

fn largest() {
    let userptr = Userptr::open();
    let len = usize::try_from(crate::userptr_abi::MAX_LEN).expect("a size in memory");
    let bytes = some_bytes(len + page());
    let at = memory_of(&bytes);
    for way in WAYS {
        let got = done(way.name, userptr.sum(at + 9, len, way));
        same(way.name, got, sum(&bytes[9..9 + len]));
    }
}

fn untouched() {
    let userptr = Userptr::open();
    for way in WAYS {
        done("map", memory::map_anonymous(place(0), 4 * page()));
        same(
            way.name,
            done(way.name, userptr.sum(place(0) + 1, 3 * page(), way)),
            0,
        );
        done("map", memory::map_anonymous(place(0), 4 * page()));
        done(way.name, userptr.fill(place(0) + 1, 3 * page(), 1, way));
        same(
            way.name,
            done(way.name, userptr.sum(place(0), 4 * page(), way)),
            3 * page() as u64,
        );
    }
}

fn counted() {
    let userptr = Userptr::open();
    let at = memory_of(&some_bytes(4 * page()));
    for way in WAYS {
        let before = done("counters", userptr.stats());
        done(way.name, userptr.sum(at + page() - 1, page() + 2, way));
        done(way.name, userptr.fill(at, 1, 1, way));
        let after = done("counters", userptr.stats());
        same("pages that were pinned", after.pinned - before.pinned, 4);
        same(
            "pages that were unpinned",
            after.unpinned - before.unpinned,
            4,
        );
        same("pages that are pinned", after.pinned_now, before.pinned_now);
    }
}

fn two_vmas() {
    let userptr = Userptr::open();
    let bytes = some_bytes(4 * page());
    let at = memory_of(&bytes);
    done(
        "protect",
        memory::protect(at + 2 * page(), 2 * page(), PROT_READ),
    );
    for way in [FAST, LONG_TERM] {
        same(
            way.name,
            done(way.name, userptr.sum(at, 4 * page(), way)),
            sum(&bytes),
        );
    }
    refused(
        "one VMA does not have it all",
        EFAULT,
        userptr.sum(at, 4 * page(), LOCKED),
    );
    let second = &bytes[2 * page()..];
    let got = userptr.sum(at + 2 * page(), 2 * page(), LOCKED);
    same("the second VMA alone", done(LOCKED.name, got), sum(second));
}

fn hole() {
    let userptr = Userptr::open();
    let page = page();
    let at = memory_of(&some_bytes(8 * page));
    done("unmap", memory::unmap(at + 3 * page, page));
    let mut refusals = Refusals::default();
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
            refusals.add(&what, EFAULT, userptr.sum(addr, len, way));
            refusals.add(&what, EFAULT, userptr.fill(addr, len, 1, way));
        }
    }
    refusals.end();
}

fn read_only() {
    let userptr = Userptr::open();
    let page = page();
    let bytes = some_bytes(4 * page);
    let at = memory_of(&bytes);
    done("protect", memory::protect(at, 4 * page, PROT_READ));
    for way in WAYS {
        refused(way.name, EFAULT, userptr.fill(at, 4 * page, 1, way));
        refused(way.name, EFAULT, userptr.fill(at + page + 5, 1, 1, way));
        same(
            way.name,
            done(way.name, userptr.sum(at, 4 * page, way)),
            sum(&bytes),
        );
    }
    assert!(
        get(at, bytes.len()) == bytes,
        "a fill changed read-only memory"
    );

    // The first pages can be written: whether they are is not said, but not the others.
    done(
        "protect",
        memory::protect(at, 2 * page, PROT_READ | PROT_WRITE),
    );
    for way in WAYS {
        refused(way.name, EFAULT, userptr.fill(at, 4 * page, 1, way));
    }
    assert!(
        get(at + 2 * page, 2 * page) == bytes[2 * page..],
        "a fill changed read-only memory"
    );

    // Memory of the program itself, which is read-only, and of a file that is.
    let program = done("the program", std::fs::File::open("/proc/self/exe"));
    let of = Some((program.as_raw_fd(), 0));
    done(
        "map",
        memory::map(place(1), page, PROT_READ, MAP_SHARED, of),
    );
    let before = get(place(1), page);
    for way in WAYS {
        refused(way.name, EFAULT, userptr.fill(place(1), page, 1, way));
    }
    assert!(
        get(place(1), page) == before,
        "a fill changed a file that is open read-only"
    );
}

fn inaccessible() {
    let userptr = Userptr::open();
    let at = memory_of(&some_bytes(4 * page()));
    done("protect", memory::protect(at, 4 * page(), PROT_NONE));
    for way in WAYS {
        refused(way.name, EFAULT, userptr.sum(at, 1, way));
        refused(way.name, EFAULT, userptr.fill(at, 1, 1, way));
    }
    dies("a load", SIGSEGV, || touch(at));
}

/// A file in memory with contents, mapped at the first place.
#[track_caller]
fn file_of(bytes: &[u8], flags: i32) -> std::fs::File {
    let file = done("a file", sys::memfd(c"file"));
    done("writing the file", file.write_all_at(bytes, 0));
    let of = Some((file.as_raw_fd(), 0));
    done(
        "map",
        memory::map(place(0), bytes.len(), PROT_READ | PROT_WRITE, flags, of),
    );
    file
}

#[track_caller]
fn contents(file: &std::fs::File, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    done("reading the file", file.read_exact_at(&mut bytes, 0));
    bytes
}

fn file_shared() {
    let userptr = Userptr::open();
    let mut bytes = some_bytes(4 * page());
    let file = file_of(&bytes, MAP_SHARED);
    for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
        same(
            way.name,
            done(way.name, userptr.sum(place(0), bytes.len(), way)),
            sum(&bytes),
        );
        done(
            way.name,
            userptr.fill(place(0) + 100, 2 * page(), value, way),
        );
        bytes[100..100 + 2 * page()].fill(value);
        assert!(
            contents(&file, bytes.len()) == bytes,
            "the file has other bytes"
        );
        // What was filled stays when all page tables are gone, because it is dirty.
        done(
            "madvise",
            memory::advise(place(0), bytes.len(), libc::MADV_DONTNEED),
        );
        done(
            "madvise",
            memory::advise(place(0), bytes.len(), libc::MADV_PAGEOUT),
        );
        assert!(
            contents(&file, bytes.len()) == bytes,
            "the file has other bytes later"
        );
    }
}

fn file_private() {
    let userptr = Userptr::open();
    let bytes = some_bytes(4 * page());
    let file = file_of(&bytes, MAP_PRIVATE);
    for way in WAYS {
        done(way.name, userptr.fill(place(0) + 100, page(), 7, way));
        same("what was filled", byte(place(0) + 100), 7);
        assert!(
            contents(&file, bytes.len()) == bytes,
            "the file has other bytes"
        );
    }
}

fn file_end() {
    let userptr = Userptr::open();
    let file = file_of(&some_bytes(4 * page()), MAP_SHARED);
    done("truncating the file", file.set_len(2 * page() as u64));
    for way in WAYS {
        refused(way.name, EFAULT, userptr.sum(place(0) + 2 * page(), 1, way));
        refused(way.name, EFAULT, userptr.fill(place(0), 4 * page(), 1, way));
        done(way.name, userptr.sum(place(0), 2 * page(), way));
    }
}

fn copy_on_write() {
    let userptr = Userptr::open();
    let bytes = some_bytes(4 * page());
    let at = memory_of(&bytes);
    for way in WAYS {
        in_child("a child", || {
            done(way.name, userptr.fill(at, 4 * page(), 7, way));
            assert!(
                get(at, bytes.len()).iter().all(|&byte| byte == 7),
                "the child has other bytes"
            );
        });
        assert!(
            get(at, bytes.len()) == bytes,
            "a child's fill shows in its parent"
        );
    }
}

fn buffer() {
    let userptr = Userptr::open();
    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    let mut bytes = some_bytes(4 * page());
    for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
        put(place(0), &bytes);
        same(
            way.name,
            done(way.name, userptr.sum(place(0) + 1, 3 * page(), way)),
            sum(&bytes[1..3 * page() + 1]),
        );
        done(way.name, userptr.fill(place(0) + 5, page(), value, way));
        bytes[5..5 + page()].fill(value);
        assert!(
            contents(&buffer.file, bytes.len()) == bytes,
            "the buffer has other bytes"
        );
    }
    let fresh = Buffer::of_pages(4);
    for way in WAYS {
        done("map", fresh.map(place(1), 0, 4));
        same(
            way.name,
            done(way.name, userptr.sum(place(1), 4 * page(), way)),
            0,
        );
    }
}

fn pfn() {
    let userptr = Userptr::open();
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, 4));
    done("map", pfn.map_status(place(1), 0, 4));
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
    marked("the data part", place(0), 0, 2, 1);
    pattern("the data part", place(0) + 2 * page(), DATA + 2, 2);
    pattern("the status part", place(1), 0, 4);
}

fn threads() {
    let userptr = Userptr::open();
    let len = 4 * page();
    done("map", memory::map_anonymous(place(0), many_threads() * len));
    let work = |thread: usize| {
        let at = place(0) + thread * len;
        for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
            done(way.name, userptr.fill(at + 8, len - 8, value, way));
            set_word(at, 0);
            let got = done(way.name, userptr.sum(at, len, way));
            same(way.name, got, u64::from(value) * (len as u64 - 8));
        }
    };
    beside(many_threads(), work, || {
        for_a_while(|_| std::thread::sleep(std::time::Duration::from_millis(10)));
    });
}

fn huge_pages() {
    const HUGE: usize = 2 << 20;
    let userptr = Userptr::open();
    done("map", memory::map_anonymous(place(0), 3 * HUGE));
    // A kernel without them has small ones here, with which all this must work, too.
    let _ = memory::advise(place(0), 3 * HUGE, libc::MADV_HUGEPAGE);
    let bytes = some_bytes(3 * HUGE);
    put(place(0), &bytes);
    let (offset, len) = (HUGE / 2 + 3, HUGE + page());
    for (way, value) in WAYS.into_iter().zip([1, 2, 3]) {
        let got = userptr.sum(place(0) + offset, len, way);
        same(
            way.name,
            done(way.name, got),
            sum(&bytes[offset..offset + len]),
        );
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
    done("register", userptr.register(place(0) + offset, len));
    done("unmap", memory::unmap(place(0) + HUGE + page(), HUGE));
    let wanted = sum(&bytes[offset..offset + len]);
    same("the sum", done("sum", userptr.sum_registered()), wanted);
    done("unmap", memory::unmap(place(0), 3 * HUGE));
    same("the sum", done("sum", userptr.sum_registered()), wanted);
}

fn guard_region() {
    let userptr = Userptr::open();
    let bytes = some_bytes(4 * page());
    let at = memory_of(&bytes);
    done(
        "guard",
        memory::advise(at + page(), page(), sys::MADV_GUARD_INSTALL),
    );
    for way in WAYS {
        refused(way.name, EFAULT, userptr.sum(at, 4 * page(), way));
        refused(way.name, EFAULT, userptr.fill(at + page(), 1, 1, way));
        same(
            way.name,
            done(way.name, userptr.sum(at, page(), way)),
            sum(&bytes[..page()]),
        );
    }
}
