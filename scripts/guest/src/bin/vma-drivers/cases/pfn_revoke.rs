// SPDX-License-Identifier: GPL-2.0

//! Pages of pfn memory that are unmapped from all processes at once.

use super::*;

suite! {
    "pfn":
    revoke_keeps_contents_and_faults_again, revoke_without_a_mapping,
    revoke_reaches_all_files_and_processes, revoke_while_threads_load, revoke_while_threads_store,
    revoke_while_the_mapping_comes_and_goes, revoke_while_processes_come_and_go,
}

fn revoke_keeps_contents_and_faults_again() {
    let pfn = mapped_pfn(DATA_PAGES, STATUS_PAGES);
    mark(place(0), 0, 8, 1);
    for _ in 0..2 {
        pfn.revoke().must();
        let before = pfn.stats();
        marked(place(0), 0, 8, 1);
        pattern(place(0) + 8 * page(), DATA + 8, DATA_PAGES - 8);
        pattern(place(1), 0, STATUS_PAGES);
        let after = pfn.stats();
        let all = (DATA_PAGES + STATUS_PAGES) as u64;
        // A fault in the status part may bring in more than its page.
        let faults = after.faults - before.faults;
        assert!(
            (DATA_PAGES as u64 + 1..=all).contains(&faults),
            "{faults} faults for {all} pages"
        );
        assert_eq!(after.made - after.dropped, before.made - before.dropped);
    }
}

fn revoke_without_a_mapping() {
    let pfn = Pfn::open();
    pfn.revoke().must();
    pfn.map_data(place(0), 0, 4).must();
    pattern(place(0), DATA, 4);
    unmap(place(0), 4 * page());
    pfn.revoke().must();
}

fn revoke_reaches_all_files_and_processes() {
    let (one, two) = (Pfn::open(), Pfn::open());
    one.map_data(place(0), 0, 4).must();
    two.map_data(place(1), 0, 4).must();
    mark(place(0), 0, 4, 1);
    mark(place(1), 0, 4, 2);
    in_child(|| {
        let before = one.stats();
        one.revoke().must();
        marked(place(0), 0, 4, 1);
        marked(place(1), 0, 4, 2);
        assert_eq!(one.stats().faults - before.faults, 8);
    });
    let before = one.stats();
    marked(place(0), 0, 4, 1);
    marked(place(1), 0, 4, 2);
    assert_eq!(one.stats().faults - before.faults, 8);
}

fn revoke_while_threads_load() {
    let pfn = mapped_pfn(DATA_PAGES, STATUS_PAGES);
    let before = pfn.stats().faults;
    let load = |thread: usize| {
        let first = thread % 8;
        pattern(place(0) + first * page(), DATA + first as u64, 8);
        pattern(place(1) + first * page(), first as u64, 8);
    };
    race(many_threads(), load, |_| {
        pfn.revoke().must();
        // So that something is mapped the next time.
        word(place(0));
    });
    assert!(pfn.stats().faults > before);
}

fn revoke_while_threads_store() {
    let pfn = Pfn::open();
    pfn.map_data(place(0), 0, DATA_PAGES).must();
    let store = |thread: usize| {
        for number in 0..DATA_PAGES {
            let addr = place(0) + number * page() + 8 * (thread + 1);
            let value = word(addr).wrapping_add(1);
            set_word(addr, value);
            assert_eq!(word(addr), value);
        }
    };
    race(many_threads(), store, |_| {
        pfn.revoke().must();
        word(place(0));
    });
}

fn revoke_while_the_mapping_comes_and_goes() {
    let pfn = Pfn::open();
    pfn.map_data(place(1), 0, 4).must();
    mark(place(1), 0, 4, 1);
    race(
        2,
        |_| pfn.revoke().must(),
        |round| {
            pfn.map_data(place(0), 0, 4).must();
            marked(place(0), 0, 4, 1);
            pfn.map_status(place(2), 0, STATUS_PAGES).must();
            pattern(place(2), 0, 2);
            if round % 2 == 0 {
                let len = 4 * page();
                relocate(place(0), place(3), len);
                marked(place(3), 0, 4, 1);
            } else {
                unmap(place(0), 2 * page());
            }
            unmap(place(2), STATUS_PAGES * page());
        },
    );
}

fn revoke_while_processes_come_and_go() {
    let pfn = mapped_pfn(DATA_PAGES, STATUS_PAGES);
    mark(place(0), 0, DATA_PAGES, 1);
    race(
        2,
        |_| pfn.revoke().must(),
        |_| {
            // The child must not panic, because of the threads that it does not have.
            succeeds(|| {
                let data =
                    (0..DATA_PAGES).all(|n| word(place(0) + n * page()) == 1 << 32 | n as u64);
                let status =
                    (0..STATUS_PAGES).all(|n| word(place(1) + n * page()) == (n as u64) << 32);
                u8::from(!(data && status))
            });
        },
    );
}
