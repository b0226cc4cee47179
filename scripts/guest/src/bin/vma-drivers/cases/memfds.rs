// SPDX-License-Identifier: GPL-2.0

//! Pages of memfds that a driver pins, and maps by page frame number.

use super::*;
use std::fs::OpenOptions;
use vma_guest::device::Pieces;
use vma_guest::device::pieces::{MEMFD, MEMFD_PAGES, MEMFD_RANGES, NODE, SLOT_PAGES, SLOTS};
use vma_guest::sys::{SealFlags, memfd_that_stays, punch_hole, seal};

suite! {
    "memfds":
    pages_are_those_of_the_files, each_range_of_the_pages_can_be_mapped,
    ranges_of_pages_beyond_are_refused, mapping_keeps_what_it_was_made_of, files_that_are_refused,
    ranges_of_files_that_are_refused, seals_of_pinned_files, holes_of_pinned_files,
    pages_are_split_moved_and_protected, child_has_the_pages, debuggers_do_not_see_the_pages,
    pages_are_replaced_under_load, files_change_under_load,
}

/// The pages of each file.
const PAGES: usize = 8;

/// The size of each file.
fn size() -> usize {
    PAGES * page()
}

/// Files whose pages are marked by the number of the file, from 1 on.
#[track_caller]
pub fn marked_files<const N: usize>() -> [File; N] {
    std::array::from_fn(|number| {
        let file = memfd_that_stays(c"pages", size()).must();
        let at = place(15);
        memory::map(at, size(), RW, MAP_SHARED, Some((file.as_raw_fd(), 0))).must();
        mark(at, 0, PAGES, number as u64 + 1);
        unmap(at, size());
        file
    })
}

/// All pages of two files at the first place.
#[track_caller]
pub fn mapped_files() -> (Pieces, [File; 2]) {
    let files = marked_files();
    let pieces = Pieces::open();
    pieces
        .pin(&files.each_ref().map(|file| (file, 0, PAGES)))
        .must();
    pieces.map_memfds(place(0), 0, 2 * PAGES).must();
    (pieces, files)
}

/// The files must be at the first place.
#[track_caller]
pub fn are_mapped(whose: [u64; 2]) {
    for (number, whose) in whose.into_iter().enumerate() {
        marked(place(0) + number * size(), 0, PAGES, whose);
    }
}

fn pages_are_those_of_the_files() {
    let (pieces, files) = mapped_files();
    let before = pieces.stats();
    are_mapped([1, 2]);
    assert_eq!(pieces.stats().faults, before.faults + 2 * PAGES as u64);

    // In both directions.
    for (number, file) in files.iter().enumerate() {
        let (addr, offset) = (place(0) + number * size() + 3 * page() + 8, 3 * page() + 8);
        file.write_all_at(&7_u64.to_ne_bytes(), offset as u64)
            .must();
        assert_eq!(word(addr), 7);
        set_word(addr, 8);
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, offset as u64).must();
        assert_eq!(u64::from_ne_bytes(bytes), 8);
    }
    drop((pieces, files));
    are_mapped([1, 2]);
}

fn each_range_of_the_pages_can_be_mapped() {
    let files = marked_files::<MEMFD_RANGES>();
    let pieces = Pieces::open();
    // Ranges without pages do not count.
    let ranges = files.each_ref().map(|file| (file, 3, 2));
    pieces
        .pin(&[ranges[0], (&files[1], 0, 0), ranges[2], ranges[3]])
        .must();
    let pages: Vec<(u64, u64)> = [1, 3, 4]
        .into_iter()
        .flat_map(|whose| [(whose, 3), (whose, 4)])
        .collect();
    for first in 0..pages.len() {
        for end in first + 1..=pages.len() {
            pieces.map_memfds(place(1), first, end - first).must();
            for (number, &(whose, number_in_file)) in pages[first..end].iter().enumerate() {
                marked(place(1) + number * page(), number_in_file, 1, whose);
            }
            unmap(place(1), (end - first) * page());
        }
    }
    assert_eq!(pieces.stats().vmas(), 0);
}

fn ranges_of_pages_beyond_are_refused() {
    let (pieces, _files) = mapped_files();
    pieces.map_memfds(place(1), 2 * PAGES - 1, 1).must();
    pieces.map_memfds(place(2), 2 * PAGES, 1).must_fail(ENXIO);
    pieces
        .map_memfds(place(2), 2 * PAGES - 1, 2)
        .must_fail(ENXIO);
    // From the slots into the pages.
    pieces
        .map_slots(place(2), SLOTS * SLOT_PAGES - 1, 2)
        .must_fail(EINVAL);
    // None are pinned by this file.
    Pieces::open().map_memfds(place(2), 0, 1).must_fail(ENXIO);
    assert_eq!(pieces.stats().vmas(), 2);
    are_mapped([1, 2]);
}

fn mapping_keeps_what_it_was_made_of() {
    let (pieces, files) = mapped_files();
    let [other] = marked_files::<1>();
    mark(place(0) + size(), 0, PAGES, 3);
    pieces.pin(&[(&files[1], 0, 1), (&other, 0, 1)]).must();
    assert_eq!(pieces.stats().regions, 4);
    pieces.map_memfds(place(1), 0, 2).must();
    marked(place(1), 0, 1, 3);
    marked(place(1) + page(), 0, 1, 1);
    drop((pieces, files, other));
    are_mapped([1, 3]);

    // A mapping keeps the file that it was made by, and so the other memory of that.
    unmap(place(0), 2 * size());
    assert_eq!(Pieces::open().stats().regions, 5);
    unmap(place(1), 2 * page());
    assert_eq!(Pieces::open().stats().regions, 2);
}

fn files_that_are_refused() {
    let (pieces, files) = mapped_files();
    let path = format!("/proc/self/fd/{}", files[0].as_raw_fd());
    for options in [
        OpenOptions::new().read(true),
        OpenOptions::new().write(true),
    ] {
        let file = options.open(&path).must();
        pieces.pin(&[(&file, 0, 1)]).must_fail(EACCES);
    }
    let zero = File::options().read(true).write(true).open("/dev/zero");
    pieces.pin(&[(&zero.must(), 0, 1)]).must_fail(libc::EBADFD);
    pieces
        .pin(&[(&pieces.file, 0, 1)])
        .must_fail(libc::EBADFD);
    // It could become smaller.
    let unsealed = sys::memfd(c"unsealed").must();
    unsealed.set_len(size() as u64).must();
    pieces.pin(&[(&unsealed, 0, 1)]).must_fail(EINVAL);
    for seals in [SealFlags::WRITE, SealFlags::FUTURE_WRITE] {
        let [sealed] = marked_files::<1>();
        seal(&sealed, seals).must();
        pieces.pin(&[(&sealed, 0, 1)]).must_fail(EINVAL);
        // The ones before it are not pinned either.
        pieces
            .pin(&[(&files[1], 0, PAGES), (&sealed, 0, 1)])
            .must_fail(EINVAL);
    }
    let mut words = [u64::from(u32::MAX) | 1 << 32, 0, 0, 0, 0, 0, 0, 0];
    sys::ioctl_words(&pieces.file, MEMFD, &mut words)
        .must_fail(libc::EBADF);

    // The pins of before stay.
    pieces.map_memfds(place(1), 0, 2 * PAGES).must();
    are_mapped([1, 2]);
    assert_eq!(pieces.stats().regions, 3);
    let [_, last] = files;
    drop(pieces);
    unmap(place(0), 2 * size());
    unmap(place(1), 2 * size());
    seal(&last, SealFlags::WRITE).must();
}

fn ranges_of_files_that_are_refused() {
    let (pieces, files) = mapped_files();
    let file = &files[0];
    for (first, pages) in [
        (PAGES, 1),
        (PAGES - 1, 2),
        (0, PAGES + 1),
        (usize::MAX, 1),
        (usize::MAX / page(), 1),
        (i64::MAX as usize / page(), 1),
        (1 << 40, 1),
    ] {
        pieces.pin(&[(file, first, pages)]).must_fail(EINVAL);
    }
    let big = memfd_that_stays(c"big", (MEMFD_PAGES + 1) * page()).must();
    pieces
        .pin(&[(&big, 0, MEMFD_PAGES + 1)])
        .must_fail(libc::E2BIG);
    pieces
        .pin(&[(&big, 0, MEMFD_PAGES), (file, 0, 1)])
        .must_fail(libc::E2BIG);
    pieces
        .pin(&[(file, 0, u32::MAX as usize)])
        .must_fail(libc::E2BIG);
    assert_eq!(pieces.stats().regions, 3);
    are_mapped([1, 2]);
    pieces.pin(&[(&big, 1, MEMFD_PAGES)]).must();
    pieces.map_memfds(place(1), 0, MEMFD_PAGES).must();
    zero(place(1), MEMFD_PAGES);
}

fn seals_of_pinned_files() {
    let (pieces, files) = mapped_files();
    seal(&files[0], SealFlags::WRITE).must_fail(EBUSY);
    // The mapping alone keeps the pins, and a child's, too.
    drop(pieces);
    seal(&files[0], SealFlags::WRITE).must_fail(EBUSY);
    in_child(|| {
        unmap(place(0), 2 * size());
        seal(&files[1], SealFlags::WRITE).must_fail(EBUSY);
    });
    // Part of the mapping is mapped on.
    unmap(place(0) + page(), 2 * size() - page());
    seal(&files[1], SealFlags::WRITE).must_fail(EBUSY);
    // Pinned pages may be written.
    seal(&files[1], SealFlags::FUTURE_WRITE).must();
    mark(place(0), 0, 1, 5);
    marked(place(0), 0, 1, 5);
    unmap(place(0), page());
    for file in &files {
        seal(file, SealFlags::WRITE).must();
    }
    files[0].set_len(0).must_fail(EPERM);
}

fn holes_of_pinned_files() {
    let (pieces, files) = mapped_files();
    touch(place(0));
    punch_hole(&files[0], 0, size()).must();
    // Also pages that the mapping has not touched yet.
    are_mapped([1, 2]);
    let mut bytes = vec![1; size()];
    files[0].read_exact_at(&mut bytes, 0).must();
    assert!(bytes.iter().all(|&byte| byte == 0));
    drop((pieces, files));
    are_mapped([1, 2]);
}

fn pages_are_split_moved_and_protected() {
    let (pieces, files) = mapped_files();
    // Around the end of the first file.
    let middle = size() - page();
    relocate(place(0) + middle, place(1), 2 * page());
    marked(place(1), PAGES as u64 - 1, 1, 1);
    marked(place(1) + page(), 0, 1, 2);
    dies(SIGSEGV, || touch(place(0) + middle));
    protect(place(1), page(), PROT_READ);
    dies(SIGSEGV, || set_word(place(1), 1));
    protect(place(1), page(), RW);
    mark(place(1), PAGES as u64 - 1, 1, 4);
    marked(place(1), PAGES as u64 - 1, 1, 4);
    memory::protect(place(1), page(), PROT_READ | PROT_EXEC).must_fail(EACCES);
    unmap(place(0) + page(), page());
    marked(place(0), 0, 1, 1);
    marked(place(0) + 2 * page(), 2, PAGES - 3, 1);
    unmap(place(0), 2 * size());
    assert_eq!(pieces.stats().vmas() as u64, vmas_of(&NODE));
    unmap(place(1), 2 * page());
    assert_eq!(pieces.stats().vmas(), 0);
    drop(files);
}

fn child_has_the_pages() {
    outlived(
        || {
            mapped_files();
        },
        || {
            are_mapped([1, 2]);
            mark(place(0), 0, PAGES, 6);
            are_mapped([6, 2]);
        },
    );
}

fn debuggers_do_not_see_the_pages() {
    let _pieces = mapped_files();
    touch(place(0));
    let memory = own_memory();
    memory.read_at(&mut [0; 8], place(0) as u64).must_fail(EIO);
    memory.write_at(&[0; 8], place(0) as u64).must_fail(EIO);
    are_mapped([1, 2]);
}

/// Threads map what is pinned while that changes. A mapping never shows anything but one of the
/// files, and only one.
fn pages_are_replaced_under_load() {
    let (pieces, files) = mapped_files();
    let work = |thread: usize| {
        let at = place(2 + thread);
        pieces.map_memfds(at, 0, PAGES).must();
        let whose = word(at) >> 32;
        assert!((1..=2).contains(&whose));
        marked(at, 0, PAGES, whose);
        unmap(at, size());
    };
    race(3, work, |round| {
        let number = round as usize % 2;
        pieces.pin(&[(&files[number], 0, PAGES)]).must();
        are_mapped([1, 2]);
    });
    assert_eq!(pieces.stats().vmas(), 1);
}

/// The files lose their pages and get others while they are pinned, mapped and written.
fn files_change_under_load() {
    let (pieces, files) = mapped_files();
    let work = |thread: usize| match thread {
        0 => punch_hole(&files[0], page(), size() - page()).must(),
        1 => files[0]
            .write_all_at(&vec![1; size() - page()], page() as u64)
            .must(),
        _ => {
            let at = place(2 + thread);
            pieces.map_memfds(at, 1, PAGES - 1).must();
            for number in 0..PAGES - 1 {
                set_word(at + number * page() + 8, 1);
            }
            unmap(at, size());
        }
    };
    race(4, work, |_| {
        pieces.pin(&[(&files[0], 0, PAGES)]).must();
        seal(&files[0], SealFlags::WRITE).must_fail(EBUSY);
    });
    marked(place(0), 0, 1, 1);
    marked(place(0) + size(), 0, PAGES, 2);
}
