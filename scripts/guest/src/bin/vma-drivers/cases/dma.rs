// SPDX-License-Identifier: GPL-2.0

//! Coherent DMA memory of a PCI device that user space has mapped, until the device is unbound.

use super::bar::{Bound, module_stays_for_a_mapping, nothing_at, read, unbind_while_mapping};
use super::*;
use vma_guest::device::bar::{BUFFER_PAGES, DMA_NODE, DMA_PAGES, Dma, RING_PAGES};

suite! {
    "dma":
    mapping_is_the_dma_memory, dma_range_is_checked, parts_of_a_mapping_stay,
    forks_and_moved_mappings_share_it, unbound_dma_memory_is_no_memory,
    rebound_device_has_other_dma_memory, unbind_while_dma_mappings_come_and_go,
    module_stays_while_dma_memory_is_mapped, buffers_of_the_ring_follow_one_another,
    ring_range_is_checked, parts_of_a_ring_stay, unbound_ring_is_no_memory,
    unbind_while_ring_mappings_come_and_go, module_stays_while_a_ring_is_mapped,
}

/// Maps pages at the first place, and marks them.
#[track_caller]
fn marked_dma(pages: usize) -> Option<(Bound, Dma)> {
    let bound = Bound::find()?;
    let dma = Dma::open();
    dma.map(place(0), 0, pages).must();
    mark(place(0), 0, pages, 1);
    Some((bound, dma))
}

fn words_of(pages: usize) -> usize {
    pages * page() / 8
}

fn mapping_is_the_dma_memory() {
    let Some(bound) = Bound::find() else {
        return;
    };
    // A device that is bound again has new memory.
    bound.0.unbind().must();
    bound.0.bind().must();
    let dma = Dma::open();
    dma.map(place(0), 0, DMA_PAGES).must();
    zero(place(0), DMA_PAGES);

    // In both directions, and from all files.
    dma.store(words_of(3) + 1, 77).must();
    assert_eq!(word(place(0) + 3 * page() + 8), 77);
    set_word(place(0) + 5 * page(), 78);
    Dma::open().load(words_of(5)).must_give(78);
    Dma::open().map(place(1), 5, 2).must();
    assert_eq!(word(place(1)), 78);
    set_word(place(1) + page(), 79);
    dma.load(words_of(6)).must_give(79);
}

fn dma_range_is_checked() {
    let Some(_bound) = Bound::find() else {
        return;
    };
    let dma = Dma::open();
    let last = DMA_PAGES as u64 - 1;
    dma.map(place(0), last, 1).must();
    dma.map(place(1), last, 2).must_fail(EINVAL);
    dma.map(place(1), u64::MAX >> 13, 1).must_fail(EINVAL);
    device::map(&dma.file, place(1), 0, 1, RW, MAP_PRIVATE).must_fail(EINVAL);
    // There is nothing to enlarge it by.
    memory::relocate(place(0), page(), place(2), 2 * page(), 0).must_fail(EFAULT);
}

fn parts_of_a_mapping_stay() {
    let Some((bound, dma)) = marked_dma(6) else {
        return;
    };
    unmap(place(0) + 2 * page(), page());
    protect(place(0) + 4 * page(), page(), PROT_READ);
    dies(SIGSEGV, || touch(place(0) + 2 * page()));
    dies(SIGSEGV, || set_word(place(0) + 4 * page(), 1));
    marked(place(0), 0, 2, 1);
    marked(place(0) + 3 * page(), 3, 3, 1);
    protect(place(0) + 4 * page(), page(), RW);
    set_word(place(0) + 4 * page(), 5);
    dma.load(words_of(4)).must_give(5);

    bound.0.unbind().must();
    nothing_at(&[0, 1, 3, 4, 5].map(|number| place(0) + number * page()));
}

fn forks_and_moved_mappings_share_it() {
    let Some((bound, dma)) = marked_dma(4) else {
        return;
    };
    relocate(place(0) + 2 * page(), place(1), page());
    marked(place(1), 2, 1, 1);
    in_child(|| {
        marked(place(0), 0, 2, 1);
        set_word(place(1), 9);
        // Its own mappings do not take the memory along.
        unmap(place(0), page());
    });
    assert_eq!(word(place(1)), 9);
    dma.load(words_of(2)).must_give(9);

    in_child(|| {
        bound.0.unbind().must();
        nothing_at(&[place(0), place(1), place(0) + 3 * page()]);
    });
    nothing_at(&[place(0), place(1), place(0) + 3 * page()]);
}

fn unbound_dma_memory_is_no_memory() {
    let Some((bound, dma)) = marked_dma(4) else {
        return;
    };
    bound.0.unbind().must();
    nothing_at(&[place(0), place(0) + 3 * page()]);
    dma.map(place(1), 0, 1).must_fail(ENODEV);
    dma.load(0).must_fail(ENODEV);
    dma.store(0, 1).must_fail(ENODEV);
    File::open(DMA_NODE.path).must_fail(ENOENT);
    // Mappings without memory are changed as others are.
    relocate(place(0), place(2), page());
    nothing_at(&[place(2)]);
    in_child(|| assert_eq!(read(place(2)), None));
    unmap(place(2), page());
}

fn rebound_device_has_other_dma_memory() {
    let Some((bound, dma)) = marked_dma(4) else {
        return;
    };
    bound.0.unbind().must();
    bound.0.bind().must();
    // The file of before is of the device as it was bound before.
    nothing_at(&[place(0)]);
    dma.map(place(1), 0, 1).must_fail(ENODEV);

    let dma = Dma::open();
    dma.map(place(1), 0, DMA_PAGES).must();
    zero(place(1), DMA_PAGES);
    nothing_at(&[place(0)]);
}

fn unbind_while_dma_mappings_come_and_go() {
    if let Some(bound) = Bound::find() {
        unbind_while_mapping(&bound, |at| {
            let Ok(file) = DMA_NODE.open() else {
                return false;
            };
            Dma { file }.map(at, 0, 4).unless(&[ENODEV]).is_some()
        });
    }
}

fn module_stays_while_dma_memory_is_mapped() {
    if let Some((bound, dma)) = marked_dma(4) {
        module_stays_for_a_mapping(&bound, dma, |_| ());
    }
}

/// Maps the ring at the first place, and marks its pages.
#[track_caller]
fn marked_ring() -> Option<(Bound, Dma)> {
    let bound = Bound::find()?;
    let dma = Dma::open();
    dma.map_ring(place(0), 0, RING_PAGES).must();
    mark(place(0), 0, RING_PAGES, 1);
    Some((bound, dma))
}

fn buffers_of_the_ring_follow_one_another() {
    let Some((_bound, dma)) = marked_ring() else {
        return;
    };
    // The driver looks into each buffer by itself.
    for number in 0..RING_PAGES {
        let value = 1 << 32 | number as u64;
        dma.load(words_of(DMA_PAGES + number)).must_give(value);
        dma.store(words_of(DMA_PAGES + number) + 1, value + 5)
            .must();
        assert_eq!(word(place(0) + number * page() + 8), value + 5);
    }
    // From and to anywhere.
    for first in 0..RING_PAGES {
        for pages in 1..=RING_PAGES - first {
            dma.map_ring(place(1), first as u64, pages).must();
            marked(place(1), first as u64, pages, 1);
            unmap(place(1), pages * page());
        }
    }
}

fn ring_range_is_checked() {
    let Some((_bound, dma)) = marked_ring() else {
        return;
    };
    let end = RING_PAGES as u64;
    dma.map_ring(place(1), end - 1, 1).must();
    dma.map_ring(place(1), end, 1).must_fail(EINVAL);
    dma.map_ring(place(1), end - 1, 2).must_fail(EINVAL);
    // The other memory does not reach into the ring.
    dma.map(place(1), DMA_PAGES as u64 - 1, 2).must_fail(EINVAL);
    let first = DMA_PAGES as u64;
    device::map(&dma.file, place(1), first, 1, RW, MAP_PRIVATE).must_fail(EINVAL);
    dma.load(words_of(DMA_PAGES + RING_PAGES))
        .must_fail(libc::ERANGE);
    marked(place(0), 0, RING_PAGES, 1);
}

fn parts_of_a_ring_stay() {
    let Some((bound, dma)) = marked_ring() else {
        return;
    };
    // From the middle of a buffer into the next one.
    let (middle, len) = (BUFFER_PAGES - 1, 2 * page());
    relocate(place(0) + middle * page(), place(1), len);
    marked(place(1), middle as u64, 2, 1);
    protect(place(1), page(), PROT_READ);
    dies(SIGSEGV, || set_word(place(1), 1));
    in_child(|| {
        marked(place(0), 0, middle, 1);
        set_word(place(1) + page(), 9);
        unmap(place(0), page());
    });
    dma.load(words_of(DMA_PAGES + BUFFER_PAGES)).must_give(9);
    protect(place(1), page(), RW);
    unmap(place(0), page());

    bound.0.unbind().must();
    nothing_at(&[place(1), place(1) + page()]);
    nothing_at(&[place(0) + (RING_PAGES - 1) * page()]);
}

fn unbound_ring_is_no_memory() {
    let Some((bound, dma)) = marked_ring() else {
        return;
    };
    let before = words_of(DMA_PAGES);
    bound.0.unbind().must();
    nothing_at(&[place(0), place(0) + (RING_PAGES - 1) * page()]);
    dma.map_ring(place(1), 0, 1).must_fail(ENODEV);
    dma.load(before).must_fail(ENODEV);
    dma.store(before, 1).must_fail(ENODEV);

    bound.0.bind().must();
    let dma = Dma::open();
    dma.map_ring(place(1), 0, RING_PAGES).must();
    zero(place(1), RING_PAGES);
    nothing_at(&[place(0)]);
}

fn unbind_while_ring_mappings_come_and_go() {
    if let Some(bound) = Bound::find() {
        unbind_while_mapping(&bound, |at| {
            let Ok(file) = DMA_NODE.open() else {
                return false;
            };
            Dma { file }
                .map_ring(at, 1, 4)
                .unless(&[ENODEV])
                .is_some()
        });
    }
}

fn module_stays_while_a_ring_is_mapped() {
    if let Some((bound, dma)) = marked_ring() {
        unmap(place(0) + 4 * page(), (RING_PAGES - 4) * page());
        module_stays_for_a_mapping(&bound, dma, |_| ());
    }
}
