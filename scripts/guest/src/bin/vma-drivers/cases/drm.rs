// SPDX-License-Identifier: GPL-2.0

//! GEM objects of DRM devices that user space maps, also by their dma-bufs, when they are closed
//! and when the device is unplugged: objects that C maps, and objects with the typed hook.

use super::*;
use std::path::Path;
use vma_guest::device::drm::{self, Control, Drm, KIND_FRAMES, KIND_PAGES, KIND_SHMEM, Object};

suite! {
    "drm":
    mappings_share_the_object, objects_are_apart, parts_of_a_split_have_their_pages,
    page_of_a_fault_is_that_of_the_object, moved_mapping_has_its_pages, mapping_does_not_grow,
    nothing_beyond_the_end_is_mapped, mapping_takes_a_handle, object_outlives_its_handle,
    object_outlives_the_files, private_mapping_copies_or_is_refused, code_is_not_mapped,
    dma_buf_is_the_object, dma_buf_outlives_all_else, unmapped_pages_fault_again,
    unplugged_object_stays_mapped, unplug_under_load, mappings_come_and_go,
    frames_are_replaced, frames_are_not_protected, debuggers_see_frames, frames_are_replaced_under_load,
}

const PAGES: usize = 4;

const KINDS: [u64; 3] = [KIND_SHMEM, KIND_PAGES, KIND_FRAMES];

/// A DRM device, with a file of it.
pub struct Device {
    pub control: Control,
    kind: u64,
    pub node: String,
    pub drm: Drm,
}

impl Device {
    #[track_caller]
    pub fn plug(kind: u64) -> Self {
        let control = Control::open();
        let node = control.plug(kind).must();
        let drm = Drm::open(&node).must();
        Self {
            control,
            kind,
            node,
            drm,
        }
    }

    /// Makes an object, maps it at the first place and marks it.
    #[track_caller]
    fn marked_object(&self) -> Object {
        let object = self.drm.create(PAGES as u32).must();
        self.drm.map(object, place(0), PAGES).must();
        zero(place(0), PAGES);
        mark(place(0), 0, PAGES, 1);
        object
    }
}

/// Returns true if this kernel has such a driver. If not, the test is skipped.
#[track_caller]
pub fn exists() -> bool {
    let exists = Path::new(drm::NODE.path).exists();
    if !exists {
        skip("no DRM driver");
    }
    exists
}

/// A device of the kind, if this kernel has such a driver.
#[track_caller]
fn device(kind: u64) -> Option<Device> {
    exists().then(|| Device::plug(kind))
}

/// Does it with a device of each kind.
#[track_caller]
fn with_each(test: impl Fn(&Device)) {
    for kind in KINDS {
        let Some(device) = device(kind) else {
            return;
        };
        test(&device);
        unmap(place(0), 8 * memory::STRIDE);
    }
}

fn mappings_share_the_object() {
    with_each(|device| {
        let object = device.marked_object();
        device.drm.map(object, place(1), 2).must();
        marked(place(1), 0, 2, 1);
        in_child(|| {
            marked(place(0), 0, PAGES, 1);
            set_word(place(1), 9);
        });
        assert_eq!(word(place(0)), 9);
    });
}

fn objects_are_apart() {
    with_each(|device| {
        let object = device.marked_object();
        let other = device.drm.create(PAGES as u32).must();
        assert!(object.first + PAGES as u64 <= other.first || other.first < object.first);
        device.drm.map(other, place(1), PAGES).must();
        zero(place(1), PAGES);
        mark(place(1), 0, PAGES, 2);
        marked(place(0), 0, PAGES, 1);
        assert_eq!(device.control.stats().objects, 2);
    });
}

fn parts_of_a_split_have_their_pages() {
    with_each(|device| {
        device.marked_object();
        unmap(place(0) + page(), page());
        if device.kind != KIND_FRAMES {
            protect(place(0) + 3 * page(), page(), PROT_READ);
        }
        marked(place(0), 0, 1, 1);
        marked(place(0) + 2 * page(), 2, 2, 1);
        in_child(|| marked(place(0) + 2 * page(), 2, 2, 1));
    });
}

/// The faults come after the split. C's shmem objects map other pages then, so they are not tested.
fn page_of_a_fault_is_that_of_the_object() {
    let Some(device) = device(KIND_PAGES) else {
        return;
    };
    let object = device.marked_object();
    device.drm.map(object, place(1), PAGES).must();
    unmap(place(1) + page(), page());
    marked(place(1) + 2 * page(), 2, 2, 1);
    relocate(place(1) + 3 * page(), place(2), page());
    device.drm.unmap(object).must();
    marked(place(2), 3, 1, 1);
    marked(place(1), 0, 1, 1);
    assert_eq!(device.control.stats().vmas(), 4);
    assert_eq!(device.control.stats().pages, PAGES as u64);
}

fn moved_mapping_has_its_pages() {
    with_each(|device| {
        device.marked_object();
        relocate(place(0), place(1), PAGES * page());
        marked(place(1), 0, PAGES, 1);
        relocate(place(1) + 2 * page(), place(2), page());
        marked(place(2), 2, 1, 1);
        marked(place(1), 0, 2, 1);
    });
}

fn mapping_does_not_grow() {
    with_each(|device| {
        let object = device.drm.create(PAGES as u32).must();
        device.drm.map(object, place(0), 2).must();
        memory::resize(place(0), 2 * page(), 3 * page()).must_fail(EFAULT);
        // Nor by a second mapping, which would be the next pages of the file.
        device.drm.map(object, place(0) + 2 * page(), 1).must();
        set_word(place(0), 5);
        assert_eq!(word(place(0) + 2 * page()), 5);
    });
}

fn nothing_beyond_the_end_is_mapped() {
    with_each(|device| {
        let object = device.drm.create(PAGES as u32).must();
        let at = |first, pages| {
            let object = Object { first, ..object };
            device.drm.map(object, place(0), pages)
        };
        at(object.first, PAGES + 1).must_fail(EINVAL);
        at(object.first + PAGES as u64, 1).must_fail(EINVAL);
        at(object.first - 1, 1).must_fail(EINVAL);
        at(0, 1).must_fail(EINVAL);
        // C wants the start of the object.
        at(object.first + 1, 1).must_fail(EINVAL);
        for pages in [0, 1025, u32::MAX] {
            device.drm.create(pages).map(drop).must_fail(EINVAL);
        }
        assert_eq!(device.control.stats().vmas(), 0);
    });
}

fn mapping_takes_a_handle() {
    with_each(|device| {
        let object = device.drm.create(PAGES as u32).must();
        let other = Drm::open(&device.node).must();
        other.map(object, place(0), 1).must_fail(EACCES);
        device.drm.map(object, place(0), 1).must();
        assert_eq!(word(place(0)), 0);
    });
}

fn object_outlives_its_handle() {
    with_each(|device| {
        let object = device.marked_object();
        device.drm.close(object).must();
        marked(place(0), 0, PAGES, 1);
        device.drm.map(object, place(1), 1).must_fail(EACCES);
        assert_eq!(device.control.stats().objects, 1);
        unmap(place(0), PAGES * page());
        assert_eq!(device.control.stats().objects, 0);
        device.drm.map(object, place(1), 1).must_fail(EINVAL);
    });
}

fn object_outlives_the_files() {
    for kind in KINDS {
        let Some(device) = device(kind) else {
            return;
        };
        device.marked_object();
        let Device { control, drm, .. } = device;
        drop(drm);
        marked(place(0), 0, PAGES, 1);
        drop(control);
        marked(place(0), 0, PAGES, 1);
        outlived(
            || unmap(place(0), page()),
            || marked(place(0) + page(), 1, PAGES - 1, 1),
        );
        unmap(place(0), PAGES * page());
    }
}

fn private_mapping_copies_or_is_refused() {
    let private = |device: &Device, object: Object| {
        device::map(&device.drm.file, place(1), object.first, PAGES, RW, MAP_PRIVATE)
    };
    for kind in [KIND_SHMEM, KIND_FRAMES] {
        let Some(device) = device(kind) else {
            return;
        };
        private(&device, device.drm.create(PAGES as u32).must()).must_fail(EINVAL);
    }

    let device = Device::plug(KIND_PAGES);
    let object = device.marked_object();
    private(&device, object).must();
    marked(place(1), 0, PAGES, 1);
    mark(place(1), 0, 2, 2);
    marked(place(0), 0, PAGES, 1);
    mark(place(0), 2, 2, 3);
    // The copies stay, and the page that was not copied is that of the object.
    device.drm.unmap(object).must();
    marked(place(1), 0, 2, 2);
    set_word(place(0) + 3 * page(), 7);
    assert_eq!(word(place(1) + 3 * page()), 7);
}

fn code_is_not_mapped() {
    let Some(device) = device(KIND_PAGES) else {
        return;
    };
    let object = device.marked_object();
    memory::protect(place(0), page(), PROT_READ | PROT_EXEC).must_fail(EACCES);
    device::map_shared(&device.drm.file, place(1), object.first, 1, PROT_READ | PROT_EXEC)
        .must_fail(EPERM);
    // The hook has failed after the VMA was C's.
    device.drm.map(object, place(1), PAGES).must();
    marked(place(1), 0, PAGES, 1);
}

/// The VMA gets its data twice then: C writes the object over it.
fn dma_buf_is_the_object() {
    with_each(|device| {
        let object = device.marked_object();
        let dma_buf = device.drm.export(object).must();
        map_shared(&dma_buf, place(1), 0, PAGES, RW).must();
        marked(place(1), 0, PAGES, 1);
        set_word(place(1) + page(), 8);
        assert_eq!(word(place(0) + page()), 8);
        map_shared(&dma_buf, place(2), 1, PAGES, RW).must_fail(EINVAL);
        in_child(|| {
            unmap(place(1), page());
            marked(place(1) + 2 * page(), 2, 2, 1);
        });
        marked(place(1) + 2 * page(), 2, 2, 1);
    });
    let Some(device) = device(KIND_PAGES) else {
        return;
    };
    let object = device.marked_object();
    let dma_buf = device.drm.export(object).must();
    // A mapping may begin anywhere.
    map_shared(&dma_buf, place(1), 2, 2, RW).must();
    marked(place(1), 2, 2, 1);
    // All mappings are found by the range of the object.
    let before = device.control.stats().faults;
    device.drm.unmap(object).must();
    marked(place(0), 0, PAGES, 1);
    marked(place(1), 2, 2, 1);
    assert_eq!(device.control.stats().faults - before, PAGES as u64 + 2);
}

fn dma_buf_outlives_all_else() {
    for kind in KINDS {
        let Some(device) = device(kind) else {
            return;
        };
        let object = device.marked_object();
        let dma_buf = device.drm.export(object).must();
        unmap(place(0), PAGES * page());
        device.control.unplug().must();
        drop(device);
        map_shared(&dma_buf, place(1), 0, PAGES, RW).must();
        drop(dma_buf);
        marked(place(1), 0, PAGES, 1);
        unmap(place(1), PAGES * page());
    }
}

fn unmapped_pages_fault_again() {
    let Some(device) = device(KIND_PAGES) else {
        return;
    };
    let object = device.marked_object();
    let other = device.drm.create(PAGES as u32).must();
    device.drm.map(other, place(1), PAGES).must();
    mark(place(1), 0, PAGES, 2);
    let faults = |f: &dyn Fn()| {
        let before = device.control.stats().faults;
        f();
        device.control.stats().faults - before
    };
    let touch_both = || {
        marked(place(0), 0, PAGES, 1);
        marked(place(1), 0, PAGES, 2);
    };
    assert_eq!(faults(&touch_both), 0);
    device.drm.unmap(object).must();
    assert_eq!(faults(&touch_both), PAGES as u64);
    device.drm.unmap(other).must();
    assert_eq!(faults(&touch_both), PAGES as u64);
    in_child(|| {
        touch_both();
        device.drm.unmap(object).must();
        touch_both();
    });
    assert_eq!(faults(&touch_both), PAGES as u64);
}

fn unplugged_object_stays_mapped() {
    with_each(|device| {
        let object = device.marked_object();
        device.control.unplug().must();
        device.control.unplug().must_fail(ENODEV);
        marked(place(0), 0, PAGES, 1);
        device.drm.map(object, place(1), 1).must_fail(ENODEV);
        device.drm.create(1).map(drop).must_fail(ENODEV);
        File::open(&device.node).map(drop).must_fail(ENOENT);
        assert_eq!(device.control.stats().devices, 0);

        relocate(place(0), place(1), PAGES * page());
        in_child(|| marked(place(1), 0, PAGES, 1));
        // There can be another one.
        let node = device.control.plug(KIND_PAGES).must();
        device.control.plug(KIND_PAGES).map(drop).must_fail(EBUSY);
        Drm::open(&node).must().map(object, place(2), 1).must_fail(EINVAL);
        marked(place(1), 0, PAGES, 1);
    });
}

/// Processes access objects when their device goes, and forks, splits and ends.
fn unplug_under_load() {
    if !exists() {
        return;
    }
    for_a_while(|round| {
        let kind = KINDS[round as usize % KINDS.len()];
        let device = Device::plug(kind);
        device.marked_object();
        let children: Vec<_> = (0..3)
            .map(|child| {
                forked(|| {
                    for _ in 0..300 {
                        for number in 0..PAGES {
                            let addr = place(0) + number * page() + 8 + 8 * child;
                            set_word(addr, word(addr) + 1);
                        }
                        // As above: a part of a shmem object would get another page.
                        if kind != KIND_SHMEM {
                            relocate(place(0) + page(), place(1 + child), page());
                            relocate(place(1 + child), place(0) + page(), page());
                        }
                    }
                    0
                })
            })
            .collect();
        device.control.unplug().must();
        for child in children {
            child.wait().must_give(End::Exited(0));
        }
        marked(place(0), 0, PAGES, 1);
        assert_eq!(word(place(0) + 8), 300);
        unmap(place(0), PAGES * page());
    });
}

/// Objects are made, mapped, closed and unmapped concurrently, in one address space.
fn mappings_come_and_go() {
    let Some(device) = device(KIND_PAGES) else {
        return;
    };
    let kept = device.marked_object();
    let work = |thread: usize| {
        let at = place(1 + thread);
        let object = device.drm.create(PAGES as u32).must();
        device.drm.map(object, at, PAGES).must();
        mark(at, 0, PAGES, 2 + thread as u64);
        device.drm.close(object).must();
        unmap(at + page(), page());
        device.drm.map(kept, at + page(), 1).must();
        marked(at + page(), 0, 1, 1);
        marked(at + 2 * page(), 2, 2, 2 + thread as u64);
        unmap(at, PAGES * page());
    };
    race(4, work, |_| {
        device.drm.unmap(kept).must();
        marked(place(0), 0, PAGES, 1);
    });
}

fn frames_are_replaced() {
    let Some(device) = device(KIND_FRAMES) else {
        return;
    };
    let object = device.marked_object();
    let other = device.drm.create(PAGES as u32).must();
    device.drm.map(other, place(1), PAGES).must();
    mark(place(1), 0, PAGES, 2);
    let dma_buf = device.drm.export(object).must();
    map_shared(&dma_buf, place(2), 2, 2, RW).must();
    relocate(place(0) + 3 * page(), place(3), page());
    marked(place(2), 2, 2, 1);
    device.drm.unmap(object).must();
    marked(place(2), 2, 2, 1);

    device.drm.discard(object).must();
    zero(place(0), PAGES - 1);
    zero(place(2), 2);
    zero(place(3), 1);
    set_word(place(2) + page(), 5);
    assert_eq!(word(place(3)), 5);
    marked(place(1), 0, PAGES, 2);
    // Of the other kinds no frame is replaced.
    drop(device);
    let other = Device::plug(KIND_PAGES);
    let object = other.drm.create(1).must();
    other.drm.discard(object).must_fail(EINVAL);
}

fn frames_are_not_protected() {
    let Some(device) = device(KIND_FRAMES) else {
        return;
    };
    let object = device.marked_object();
    let dma_buf = device.drm.export(object).must();
    map_shared(&dma_buf, place(1), 0, PAGES, RW).must();
    for at in [place(0), place(1)] {
        for prot in [PROT_NONE, PROT_READ, RW] {
            memory::protect(at + page(), page(), prot).must_fail(EACCES);
        }
        mark(at, 0, PAGES, 3);
    }
}

fn debuggers_see_frames() {
    let Some(device) = device(KIND_FRAMES) else {
        return;
    };
    device.marked_object();
    let memory = own_memory();
    unmap(place(0), page());
    let mut bytes = vec![1; (PAGES - 1) * page()];
    let at = place(0) + page();
    memory.read_exact_at(&mut bytes, at as u64).must();
    holds(at, &bytes);
    let addr = at + 2 * page() - 8;
    memory.write_all_at(&[9; 16], addr as u64).must();
    assert_eq!([word(addr), word(addr + 8)], [u64::from_ne_bytes([9; 8]); 2]);
}

/// Threads map and store to pages that are replaced. Whatever they do, a new page has nothing of the
/// old one, and each mapping shows the new one.
fn frames_are_replaced_under_load() {
    let Some(device) = device(KIND_FRAMES) else {
        return;
    };
    let object = device.marked_object();
    let dma_buf = device.drm.export(object).must();
    map_shared(&dma_buf, place(5), 0, PAGES, RW).must();
    let work = |thread: usize| {
        let at = place(1 + thread);
        if thread == 0 {
            map_shared(&dma_buf, at, 0, PAGES, RW).must();
        } else {
            device.drm.map(object, at, PAGES).must();
        }
        for number in 0..PAGES {
            set_word(at + number * page() + 64 + 8 * thread, 1);
        }
        unmap(at, PAGES * page());
    };
    race(3, work, |round| {
        for number in 0..PAGES {
            set_word(place(0) + number * page(), round + 1);
            assert_eq!(word(place(5) + number * page()), round + 1);
        }
        device.drm.discard(object).must();
        for number in 0..PAGES {
            assert_eq!(word(place(5) + number * page()), 0);
            assert_eq!(word(place(0) + number * page()), 0);
        }
    });
    assert_eq!(device.control.stats().vmas(), 2);
}
