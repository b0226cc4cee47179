// SPDX-License-Identifier: GPL-2.0

//! Devices that were opened by a node of a file system which is unmounted then: files and mappings
//! keep its inode and all that belongs to it until the last of them goes.

use super::*;
use vma_guest::device::buffer::SET_SIZE;
use vma_guest::device::{Node, buffer, pfn, userptr};

suite! {
    "umount":
    is_ebusy_while_a_device_is_open_or_mapped, revoke_works_after_it,
    revoke_reaches_the_devtmpfs_node, buffer_works_after_it,
    registered_memory_works_after_it, exit_ends_the_file_system,
}

const PAGES: usize = 4;
const AWAY: &str = "/run/away";
const NODE: &str = "/run/away/node";

/// A file system with nothing but a node of a device.
struct Away;

impl Away {
    #[track_caller]
    fn with(node: &Node) -> Self {
        sys::own_mounts().must();
        Self::mount(node)
    }

    #[track_caller]
    fn mount(node: &Node) -> Self {
        fs::create_dir_all("/run/away").must();
        sys::mount("tmpfs", AWAY).must();
        let device = node.open().must();
        sys::make_node(NODE, &device).must();
        Self
    }

    #[track_caller]
    fn open(&self) -> File {
        let path = "/run/away/node";
        done(path, File::options().read(true).write(true).open(path))
    }

    #[track_caller]
    fn is_busy(&self) {
        sys::unmount(AWAY, false).must_fail(EBUSY);
    }

    /// It no longer has a name.
    #[track_caller]
    fn detach(self) {
        sys::unmount(AWAY, true).must();
        File::open("/run/away/node").must_fail(ENOENT);
    }
}

fn is_ebusy_while_a_device_is_open_or_mapped() {
    let away = Away::with(&pfn::NODE);
    let pfn = Pfn { file: away.open() };
    away.is_busy();
    pfn.map_data(place(0), 0, PAGES).must();
    drop(pfn);
    away.is_busy();
    pattern(place(0), DATA, PAGES);
    in_child(|| {
        pattern(place(0), DATA, PAGES);
        away.is_busy();
    });
    unmap(place(0), PAGES * page());
    sys::unmount(AWAY, false).must();
}

/// Unmaps the pages of all mappings, of which there must be some.
#[track_caller]
fn revoked(pfn: &Pfn) {
    let before = pfn.stats().faults;
    pfn.revoke().must();
    marked(place(0), 0, PAGES, 1);
    pattern(place(1), 0, STATUS_PAGES);
    let faults = pfn.stats().faults - before;
    assert!(faults > PAGES as u64, "{faults} faults after REVOKE");
}

fn revoke_works_after_it() {
    sys::own_mounts().must();
    for is_file_last in [true, false] {
        let away = Away::mount(&pfn::NODE);
        let pfn = Pfn { file: away.open() };
        pfn.map_data(place(0), 0, PAGES).must();
        pfn.map_status(place(1), 0, STATUS_PAGES).must();
        mark(place(0), 0, PAGES, 1);
        revoked(&pfn);
        away.detach();

        revoked(&pfn);
        in_child(|| revoked(&pfn));
        let len = PAGES * page();
        relocate(place(0), place(2), len);
        relocate(place(2), place(0), len);
        revoked(&pfn);
        // New mappings are of the same inode.
        pfn.map_data(place(3), 0, PAGES).must();
        marked(place(3), 0, PAGES, 1);
        revoked(&pfn);

        if is_file_last {
            unmap(place(0), 1 << 32);
            pfn.revoke().must();
        } else {
            drop(pfn);
            marked(place(3), 0, PAGES, 1);
            unmap(place(0), 1 << 32);
        }
    }
}

fn revoke_reaches_the_devtmpfs_node() {
    let dev = Pfn::open();
    let away = Away::with(&pfn::NODE);
    let pfn = Pfn { file: away.open() };
    pfn.map_data(place(0), 0, PAGES).must();
    mark(place(0), 0, PAGES, 1);
    away.detach();
    // The other node has an inode of its own, and mappings of its own.
    let faults = || dev.stats().faults;
    let before = faults();
    dev.revoke().must();
    marked(place(0), 0, PAGES, 1);
    assert_eq!(faults() - before, 0);

    // There is one devtmpfs, wherever it is mounted.
    sys::mount("devtmpfs", AWAY).must();
    let path = "/run/away/rust-vma-pfn";
    let file = done(path, File::options().read(true).write(true).open(path));
    let pfn = Pfn { file };
    pfn.map_data(place(0), 0, PAGES).must();
    mark(place(0), 0, PAGES, 2);
    sys::unmount(AWAY, true).must();
    let before = faults();
    dev.revoke().must();
    marked(place(0), 0, PAGES, 2);
    assert_eq!(faults() - before, PAGES as u64);
}

fn buffer_works_after_it() {
    let away = Away::with(&buffer::NODE);
    let buffer = Buffer { file: away.open() };
    let pages = PAGES as u64;
    buffer.request(SET_SIZE, [pages, 0, 0, 0]).must();
    buffer.map(place(0), 0, PAGES).must();
    mark(place(0), 0, 2, 1);
    away.detach();
    marked(place(0), 0, 2, 1);
    zero(place(0) + 2 * page(), 1);
    buffer.populate(0, pages).must();
    buffer.discard(0, 1).must();
    buffer.reclaim_patiently(9).must_give(1);
    buffer.map(place(1), 0, PAGES).must();
    drop(buffer);
    zero(place(1), 1);
    marked(place(1) + page(), 1, 1, 1);
    in_child(|| marked(place(0) + page(), 1, 1, 1));
    unmap(place(0), PAGES * page());
    marked(place(1) + page(), 1, 1, 1);
}

fn registered_memory_works_after_it() {
    let away = Away::with(&userptr::NODE);
    let userptr = Userptr { file: away.open() };
    map_anonymous(place(0), PAGES * page());
    userptr.register(place(0), PAGES * page()).must();
    away.detach();
    userptr.fill_registered(1).must();
    let wanted = (PAGES * page()) as u64;
    userptr.sum_registered().must_give(wanted);
}

fn exit_ends_the_file_system() {
    for _ in 0..3 {
        in_child(|| {
            let away = Away::with(&pfn::NODE);
            let pfn = Pfn { file: away.open() };
            pfn.map_data(place(0), 0, PAGES).must();
            pfn.map_status(place(1), 0, STATUS_PAGES).must();
            mark(place(0), 0, PAGES, 1);
            away.detach();
            revoked(&pfn);
            // All goes with the process.
            std::mem::forget(pfn);
        });
    }
}
