// SPDX-License-Identifier: GPL-2.0

//! GEM objects of a DRM device, while each allocation of each call fails once.

use super::drm::{Device, exists};
use super::*;
use vma_guest::device::drm::{KIND_FRAMES, KIND_PAGES, KIND_SHMEM, Object};

failing_suite! {
    "failing allocations":
    create_and_mmap_of_gem_objects, fault_of_gem_objects, split_and_mremap_of_gem_objects,
    replacing_of_gem_frames,
}

const PAGES: usize = 4;

/// A device, and an object that is mapped.
#[track_caller]
fn mapped_object() -> (Device, Object) {
    let device = Device::plug(KIND_PAGES);
    let object = device.drm.create(PAGES as u32).must();
    device.drm.map(object, place(0), PAGES).must();
    (device, object)
}

fn create_and_mmap_of_gem_objects(each: &EachAllocation) {
    if !exists() {
        return;
    }
    for kind in [KIND_SHMEM, KIND_PAGES, KIND_FRAMES] {
        each.of(
            Call::whole("making an object", &[ENOMEM, ENOSPC]),
            || Device::plug(kind),
            |device| device.drm.create(PAGES as u32),
            |device, object| {
                if let Some(object) = object {
                    device.drm.map(object, place(0), PAGES).must();
                    zero(place(0), PAGES);
                }
            },
        );
        each.of(
            Call::whole("mmap of an object", &[ENOMEM]),
            || {
                let device = Device::plug(kind);
                let object = device.drm.create(PAGES as u32).must();
                (device, object)
            },
            |(device, object)| device.drm.map(*object, place(0), PAGES),
            |_, mapped| {
                if mapped.is_some() {
                    zero(place(0), PAGES);
                }
            },
        );
    }
}

fn fault_of_gem_objects(each: &EachAllocation) {
    if !exists() {
        return;
    }
    // A fault of user space for which there is no memory is tried again.
    each.of(
        Call::in_part("a fault", &[]),
        mapped_object,
        |_| {
            set_word(place(0) + page(), 3);
            Ok(())
        },
        |_, _| assert_eq!(word(place(0) + page()), 3),
    );
}

fn split_and_mremap_of_gem_objects(each: &EachAllocation) {
    if !exists() {
        return;
    }
    let marked_object = || {
        let mapped = mapped_object();
        mark(place(0), 0, PAGES, 1);
        mapped
    };
    each.of(
        Call::in_part("a split", &[ENOMEM]),
        marked_object,
        |_| memory::unmap(place(0) + page(), page()),
        |_, _| marked(place(0) + 2 * page(), 2, 2, 1),
    );
    each.of(
        Call::in_part("mremap", &[ENOMEM]),
        marked_object,
        |_| memory::relocate(place(0) + 2 * page(), page(), place(1), page(), 0),
        |_, moved| {
            let stayed = place(0) + 2 * page();
            marked(moved.map_or(stayed, |()| place(1)), 2, 1, 1);
        },
    );
}

fn replacing_of_gem_frames(each: &EachAllocation) {
    if !exists() {
        return;
    }
    each.of(
        Call::in_part("replacing the page frames", &[ENOMEM]),
        || {
            let device = Device::plug(KIND_FRAMES);
            let object = device.drm.create(PAGES as u32).must();
            device.drm.map(object, place(0), PAGES).must();
            mark(place(0), 0, PAGES, 1);
            (device, object)
        },
        |(device, object)| device.drm.discard(*object),
        |_, replaced| {
            // Pages at the front are new, the others as before.
            let new = (0..PAGES).take_while(|number| word(place(0) + number * page()) == 0);
            let new = new.count();
            assert!(replaced.is_none() || new == PAGES);
            zero(place(0), new);
            marked(place(0) + new * page(), new as u64, PAGES - new, 1);
        },
    );
}
