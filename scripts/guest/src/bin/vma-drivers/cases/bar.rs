// SPDX-License-Identifier: GPL-2.0

//! Memory of a PCI device that user space has mapped, when the device is suspended, unbound,
//! unplugged, or its driver unloaded.

use super::*;
use std::ffi::CStr;
use std::io::ErrorKind;
use vma_guest::device::bar::{self, Bar};
use vma_guest::device::pci::Pci;
use vma_guest::modules;

suite! {
    "bar":
    mapping_is_the_memory_of_the_device, huge_pages_are_mapped, range_is_checked,
    suspended_memory_is_no_memory, suspend_reaches_forks_and_moved_mappings,
    unbound_memory_is_no_memory, rebound_device_can_be_mapped, unplugged_memory_is_no_memory,
    unbind_under_load, unbind_while_the_mapping_comes_and_goes, suspend_under_load,
    module_stays_while_mapped,
}

/// The pages of a huge page.
const HUGE: usize = 512;

/// Reads a word as user space does; `None` if there is no memory.
#[track_caller]
pub(super) fn read(addr: usize) -> Option<u64> {
    let target = sys::memfd(c"bar").must();
    copy(&target, addr, 8).unless(&[EFAULT])?;
    let mut word = [0; 8];
    target.read_exact_at(&mut word, 0).must();
    Some(u64::from_ne_bytes(word))
}

/// Binds the device again when the test ends.
pub(super) struct Bound(pub(super) Pci);

impl Bound {
    /// `None` if this kernel has no such driver, and the test is skipped.
    #[track_caller]
    pub(super) fn find() -> Option<Self> {
        Self::to(bar::DRIVER)
    }

    /// The device that is bound to this driver.
    #[track_caller]
    pub(super) fn to(driver: &str) -> Option<Self> {
        match Pci::find(driver) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                skip("no driver of the PCI device");
                None
            }
            other => Some(Self(other.must())),
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // It may be bound, and it may be off the bus.
        let _ = Pci::rescan();
        let _ = self.0.bind();
    }
}

/// Maps pages at the first place, and marks them.
#[track_caller]
fn marked_bar(pages: usize) -> Option<(Bound, Bar)> {
    let bound = Bound::find()?;
    let bar = Bar::open();
    bar.map(place(0), 0, pages).must();
    mark(place(0), 0, pages, 1);
    Some((bound, bar))
}

#[track_caller]
pub(super) fn nothing_at(addrs: &[usize]) {
    for &addr in addrs {
        assert_eq!(read(addr), None, "{addr:#x}");
        dies(SIGBUS, || touch(addr));
        dies(SIGBUS, || set_word(addr, 1));
    }
}

fn mapping_is_the_memory_of_the_device() {
    let Some((_bound, bar)) = marked_bar(4) else {
        return;
    };
    set_word(place(0), 0x1234);
    assert_eq!(bar.stats().first_word, 0x1234);
    bar.map(place(1), 0, 4).must();
    Bar::open().map(place(2), 1, 1).must();
    assert_eq!(word(place(1)), 0x1234);
    assert_eq!(word(place(2)), word(place(0) + page()));
    in_child(|| set_word(place(2), 7));
    assert_eq!(word(place(0) + page()), 7);
}

fn huge_pages_are_mapped() {
    let Some(_bound) = Bound::find() else {
        return;
    };
    let bar = Bar::open();
    let before = bar.stats();
    bar.map(place(0), 0, HUGE).must();
    for number in 0..HUGE {
        set_word(place(0) + number * page(), number as u64);
    }
    let after = bar.stats();
    let (small, huge) = (after.faults - before.faults, after.huge_faults - before.huge_faults);
    if huge == 0 {
        return skip("this kernel has no huge pages of frames");
    }
    // One of the order of a PMD; C may have asked for one of a PUD before.
    assert!(small == 0 && huge <= 2, "{small} small and {huge} huge faults");

    bar.suspend().must();
    nothing_at(&[place(0), place(0) + 9 * page()]);
    bar.resume().must();
    assert_eq!(word(place(0) + 9 * page()), 9);
}

fn range_is_checked() {
    let Some(_bound) = Bound::find() else {
        return;
    };
    let bar = Bar::open();
    let pages = bar.stats().pages;
    bar.map(place(0), pages - 1, 1).must();
    bar.map(place(1), pages, 1).must_fail(ENXIO);
    bar.map(place(1), pages - 1, 2).must_fail(ENXIO);
    device::map(&bar.file, place(1), 0, 1, RW, MAP_PRIVATE).must_fail(EINVAL);
}

fn suspended_memory_is_no_memory() {
    let Some((_bound, bar)) = marked_bar(4) else {
        return;
    };
    for _ in 0..3 {
        bar.suspend().must();
        nothing_at(&[place(0), place(0) + 3 * page()]);
        bar.resume().must();
        marked(place(0), 0, 4, 1);
    }
}

fn suspend_reaches_forks_and_moved_mappings() {
    let Some((_bound, bar)) = marked_bar(4) else {
        return;
    };
    relocate(place(0) + 2 * page(), place(1), page());
    in_child(|| {
        marked(place(0), 0, 2, 1);
        bar.suspend().must();
        nothing_at(&[place(0), place(1)]);
    });
    nothing_at(&[place(0), place(1), place(0) + 3 * page()]);
    bar.resume().must();
    marked(place(0), 0, 2, 1);
    marked(place(1), 2, 1, 1);
}

fn unbound_memory_is_no_memory() {
    let Some((bound, bar)) = marked_bar(4) else {
        return;
    };
    bound.0.unbind().must();
    nothing_at(&[place(0), place(0) + 3 * page()]);
    bar.map(place(1), 0, 1).must_fail(ENODEV);
    assert_eq!(bar.stats().first_word, u64::MAX);
    File::open(bar::NODE.path).must_fail(ENOENT);
    // Mappings without memory are changed as others are.
    relocate(place(0), place(2), page());
    nothing_at(&[place(2)]);
    in_child(|| assert_eq!(read(place(2)), None));
    unmap(place(2), page());
}

fn rebound_device_can_be_mapped() {
    let Some((bound, bar)) = marked_bar(4) else {
        return;
    };
    bound.0.unbind().must();
    bound.0.bind().must();
    // The file of before is of the device as it was bound before.
    bar.resume().must();
    nothing_at(&[place(0)]);
    bar.map(place(1), 0, 1).must_fail(ENODEV);

    let bar = Bar::open();
    bar.map(place(1), 0, 4).must();
    marked(place(1), 0, 4, 1);
    assert_eq!(bar.stats().first_word, word(place(1)));
}

fn unplugged_memory_is_no_memory() {
    let Some((bound, bar)) = marked_bar(4) else {
        return;
    };
    bound.0.remove().must();
    nothing_at(&[place(0)]);
    Pci::rescan().must();
    nothing_at(&[place(0)]);
    bar.map(place(1), 0, 1).must_fail(ENODEV);
    Bar::open().map(place(1), 0, 1).must();
    word(place(1));
}

/// Processes access the memory when it goes. Each gets a SIGBUS, then or later.
fn unbind_under_load() {
    let Some(bound) = Bound::find() else {
        return;
    };
    for_a_while(|_| {
        let bar = Bar::open();
        bar.map(place(0), 0, 8).must();
        let children: Vec<_> = (0..4)
            .map(|child| {
                forked(|| loop {
                    for number in 0..8 {
                        let addr = place(0) + number * page() + 8 * child;
                        set_word(addr, word(addr) + 1);
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(10));
        bound.0.unbind().must();
        assert_eq!(read(place(0)), None);
        for child in children {
            child.wait().must_give(End::Killed(SIGBUS));
        }
        bound.0.bind().must();
    });
}

fn unbind_while_the_mapping_comes_and_goes() {
    if let Some(bound) = Bound::find() {
        unbind_while_mapping(&bound, |at| {
            let Ok(file) = bar::NODE.open() else {
                return false;
            };
            Bar { file }.map(at, 0, 4).unless(&[ENODEV]).is_some()
        });
    }
}

/// Unbinds and binds the device while threads open its node, map, read, and move what is mapped. `map` says whether it has
/// mapped four pages.
#[track_caller]
pub(super) fn unbind_while_mapping(bound: &Bound, map: impl Fn(usize) -> bool + Sync) {
    let work = |thread: usize| {
        if map(place(thread)) {
            read(place(thread));
            let _ = memory::relocate(place(thread), page(), place(thread + 8), page(), 0);
            read(place(thread + 8));
        }
    };
    race(4, work, |_| {
        bound.0.unbind().must();
        for number in [0, 1, 2, 3, 8, 9, 10, 11] {
            // A place may have no mapping, but none of them has memory.
            assert_eq!(read(place(number)), None);
        }
        bound.0.bind().must();
    });
}

fn suspend_under_load() {
    let Some((_bound, bar)) = marked_bar(8) else {
        return;
    };
    let work = |thread: usize| {
        if let Some(got) = read(place(0) + thread % 8 * page()) {
            assert_eq!(got, (1 << 32) | (thread as u64 % 8));
        }
    };
    race(4, work, |_| {
        bar.suspend().must();
        for number in 0..8 {
            assert_eq!(read(place(0) + number * page()), None);
        }
        bar.resume().must();
        read(place(0));
    });
}

fn module_stays_while_mapped() {
    let Some((bound, bar)) = marked_bar(4) else {
        return;
    };
    module_stays_for_a_mapping(&bound, bar, |load| {
        // A bound device does not keep it.
        load();
        Bar::open().map(place(0), 0, 1).must();
        unmap(place(0), page());
        modules::goes(MODULE).must();
    });
}

const MODULE: &CStr = c"rust_vma_bar";

/// Four pages are mapped at the first place by `file`: they keep the module, when the file is closed and the device unbound.
/// Calls `then` when it is unloaded.
#[track_caller]
pub(super) fn module_stays_for_a_mapping<F>(bound: &Bound, file: F, then: impl FnOnce(&dyn Fn())) {
    let path = "/modules/rust_vma_bar.ko";
    if !fs::exists(path).must() {
        return skip("the drivers of this kernel are no modules");
    }
    let load = || sys::load_module(&done(path, File::open(path))).must();

    drop(file);
    modules::stays(MODULE).must_give(true);
    bound.0.unbind().must();
    modules::stays(MODULE).must_give(true);
    nothing_at(&[place(0)]);
    unmap(place(0), 4 * page());
    modules::goes(MODULE).must();
    then(&load);
    load();
}
