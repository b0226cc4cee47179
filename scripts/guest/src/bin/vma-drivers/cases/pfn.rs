// SPDX-License-Identifier: GPL-2.0

//! Contents of pfn memory, and their visibility.

use super::*;

suite! {
    "pfn":
    status_part_never_faults, data_part_faults_page_by_page,
    maps_each_page_by_its_offset, maps_the_status_part_privately,
    refuses_stores_to_the_status_part, stores_show_in_a_second_mapping,
    stores_show_after_munmap_and_mmap, two_files_are_two_pieces_of_memory,
    parent_and_child_see_stores, child_outlives_parent_and_closed_file,
    mapping_outlives_the_closed_file, threads_fault_on_the_same_pages,
}

/// Pages must hold what they hold at first.
#[track_caller]
pub fn pattern(at: usize, first: u64, pages: usize) {
    for number in 0..pages {
        let wanted = (first + number as u64) << 32;
        for index in 0..page() / 8 {
            let addr = at + number * page() + index * 8;
            let (got, wanted) = (word(addr), wanted | index as u64);
            assert!(got == wanted, "{got:#x} at {addr:#x}, wanted {wanted:#x}");
        }
    }
}

fn status_part_never_faults() {
    let pfn = Pfn::open();
    let before = pfn.stats();
    pfn.map_status(place(0), 0, STATUS_PAGES).must();
    pattern(place(0), 0, STATUS_PAGES);
    let after = pfn.stats();
    assert_eq!(after.faults - before.faults, 0);
    assert_eq!(after.made - before.made, 1);
    unmap(place(0), STATUS_PAGES * page());
    assert_eq!(pfn.stats().dropped - before.dropped, 1);
}

fn data_part_faults_page_by_page() {
    let pfn = Pfn::open();
    let before = pfn.stats();
    pfn.map_data(place(0), 0, DATA_PAGES).must();
    pattern(place(0), DATA, DATA_PAGES);
    let after = pfn.stats();
    assert_eq!(after.faults - before.faults, DATA_PAGES as u64);
    pattern(place(0), DATA, DATA_PAGES);
    mark(place(0), 0, DATA_PAGES, 1);
    marked(place(0), 0, DATA_PAGES, 1);
    assert_eq!(pfn.stats().faults, after.faults);
}

fn maps_each_page_by_its_offset() {
    let pfn = Pfn::open();
    for number in (0..STATUS_PAGES + DATA_PAGES).rev() {
        let at = place(0) + number * 2 * page();
        device::map_shared(&pfn.file, at, number as u64, 1, PROT_READ).must();
        pattern(at, number as u64, 1);
    }
}

fn maps_the_status_part_privately() {
    let pfn = Pfn::open();
    let map = device::map(
        &pfn.file,
        place(0),
        1,
        STATUS_PAGES - 1,
        PROT_READ,
        MAP_PRIVATE,
    );
    map.must();
    pattern(place(0), 1, STATUS_PAGES - 1);
    in_child(|| pattern(place(0), 1, STATUS_PAGES - 1));
    dies(SIGSEGV, || set_word(place(0), 1));
}

fn refuses_stores_to_the_status_part() {
    let pfn = Pfn::open();
    pfn.map_status(place(0), 0, STATUS_PAGES).must();
    dies(SIGSEGV, || set_word(place(0), 1));
    pattern(place(0), 0, STATUS_PAGES);
}

fn stores_show_in_a_second_mapping() {
    let pfn = Pfn::open();
    pfn.map_data(place(0), 0, DATA_PAGES).must();
    pfn.map_data(place(1), 4, 8).must();
    mark(place(0), 0, DATA_PAGES, 1);
    marked(place(1), 4, 8, 1);
    mark(place(1), 4, 8, 2);
    marked(place(0), 0, 4, 1);
    marked(place(0) + 4 * page(), 4, 8, 2);
    marked(place(0) + 12 * page(), 12, DATA_PAGES - 12, 1);
}

fn stores_show_after_munmap_and_mmap() {
    let pfn = Pfn::open();
    pfn.map_data(place(0), 0, DATA_PAGES).must();
    mark(place(0), 0, DATA_PAGES, 1);
    unmap(place(0), DATA_PAGES * page());
    pfn.map_data(place(0), 0, DATA_PAGES).must();
    marked(place(0), 0, DATA_PAGES, 1);
}

fn two_files_are_two_pieces_of_memory() {
    let (one, two) = (Pfn::open(), Pfn::open());
    one.map_data(place(0), 0, DATA_PAGES).must();
    two.map_data(place(1), 0, DATA_PAGES).must();
    mark(place(0), 0, DATA_PAGES, 1);
    pattern(place(1), DATA, DATA_PAGES);
}

fn parent_and_child_see_stores() {
    let pfn = mapped_pfn(DATA_PAGES, STATUS_PAGES);
    mark(place(0), 0, 8, 1);
    let before = pfn.stats();
    in_child(|| {
        let inside = pfn.stats();
        assert_eq!(inside.made - before.made, 2);
        marked(place(0), 0, 8, 1);
        pattern(place(0) + 8 * page(), DATA + 8, DATA_PAGES - 8);
        pattern(place(1), 0, STATUS_PAGES);
        mark(place(0) + 4 * page(), 4, 8, 2);
    });
    marked(place(0), 0, 4, 1);
    marked(place(0) + 4 * page(), 4, 8, 2);
    let after = pfn.stats();
    assert_eq!(after.dropped - before.dropped, 2);
}

fn child_outlives_parent_and_closed_file() {
    outlived(
        || {
            let _pfn = mapped_pfn(DATA_PAGES, STATUS_PAGES);
            mark(place(0), 0, 8, 1);
        },
        || {
            marked(place(0), 0, 8, 1);
            pattern(place(0) + 8 * page(), DATA + 8, DATA_PAGES - 8);
            pattern(place(1), 0, STATUS_PAGES);
            mark(place(0), 0, DATA_PAGES, 2);
            marked(place(0), 0, DATA_PAGES, 2);
        },
    );
}

fn mapping_outlives_the_closed_file() {
    let counters = Pfn::open();
    let before = counters.stats();
    let pfn = mapped_pfn(DATA_PAGES, STATUS_PAGES);
    mark(place(0), 0, 8, 1);
    drop(pfn);
    marked(place(0), 0, 8, 1);
    pattern(place(0) + 8 * page(), DATA + 8, DATA_PAGES - 8);
    pattern(place(1), 0, STATUS_PAGES);
    let mapped = counters.stats();
    assert_eq!(mapped.pieces, before.pieces + 1);
    unmap(place(0), DATA_PAGES * page());
    pattern(place(1), 0, STATUS_PAGES);
    unmap(place(1), STATUS_PAGES * page());
    let after = counters.stats();
    assert_eq!(after.pieces, before.pieces);
    assert_eq!(after.pages, before.pages);
}

fn threads_fault_on_the_same_pages() {
    let pfn = Pfn::open();
    let threads = super::many_threads();
    let start = Barrier::new(threads + 1);
    super::for_a_while(|round| {
        pfn.map_data(place(0), 0, DATA_PAGES).must();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    for number in 0..DATA_PAGES {
                        // A word of this thread's own, in the middle of each page.
                        set_word(place(0) + number * page() + 8 * (1 + thread), round);
                    }
                });
            }
            start.wait();
        });
        for number in 0..DATA_PAGES {
            for thread in 0..threads {
                let addr = place(0) + number * page() + 8 * (1 + thread);
                assert_eq!(word(addr), round);
            }
        }
    });
}
