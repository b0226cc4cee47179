// SPDX-License-Identifier: GPL-2.0

//! Devices that were opened by a node of a file system which is unmounted then: files and mappings
//! keep its inode and all that belongs to it until the last of them goes.

use super::pfn::pattern;
use super::{mark, marked, page, test, zero};
use crate::check::{done, in_child, refused, same};
use crate::device::buffer::SET_SIZE;
use crate::device::pfn::{DATA, STATUS_PAGES};
use crate::device::{Buffer, Node, Pfn, Userptr, buffer, pfn, userptr};
use libc::{EBUSY, ENOENT};
use std::ffi::CStr;
use std::fs::{self, File};
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test("umount: EBUSY while a device is open or mapped", busy),
    test(
        "umount: REVOKE of pfn memory after the file system is gone",
        revoke,
    ),
    test(
        "umount: REVOKE is for one node, and devtmpfs has one",
        one_node,
    ),
    test("umount: a buffer after the file system is gone", buffers),
    test(
        "umount: registered memory after the file system is gone",
        pins,
    ),
    test(
        "umount: the end of a process is the end of the file system",
        exit,
    ),
];

const PAGES: usize = 4;
const AWAY: &CStr = c"/run/away";
const NODE: &CStr = c"/run/away/node";

/// A file system with nothing but a node of a device.
struct Away;

impl Away {
    #[track_caller]
    fn with(node: &Node) -> Self {
        done("mounts", sys::own_mounts());
        Self::mount(node)
    }

    #[track_caller]
    fn mount(node: &Node) -> Self {
        done("a directory", fs::create_dir_all("/run/away"));
        done("mount", sys::mount(c"tmpfs", AWAY));
        let device = done("open", node.open());
        done("mknod", sys::make_node(NODE, &device));
        Self
    }

    #[track_caller]
    fn open(&self) -> File {
        let path = "/run/away/node";
        done(path, File::options().read(true).write(true).open(path))
    }

    #[track_caller]
    fn is_busy(&self, why: &str) {
        refused(why, EBUSY, sys::unmount(AWAY, false));
    }

    /// It has no name any more.
    #[track_caller]
    fn detach(self) {
        done("umount", sys::unmount(AWAY, true));
        refused("its node", ENOENT, File::open("/run/away/node"));
    }
}

fn busy() {
    let away = Away::with(&pfn::NODE);
    let pfn = Pfn { file: away.open() };
    away.is_busy("umount while it is open");
    done("map", pfn.map_data(place(0), 0, PAGES));
    drop(pfn);
    away.is_busy("umount while it is mapped");
    pattern("the data part", place(0), DATA, PAGES);
    in_child("a child", || {
        pattern("the data part", place(0), DATA, PAGES);
        away.is_busy("umount while two have it mapped");
    });
    done("unmap", memory::unmap(place(0), PAGES * page()));
    done("umount", sys::unmount(AWAY, false));
}

/// Unmaps the pages of all mappings, of which there must be some.
#[track_caller]
fn revoked(pfn: &Pfn) {
    let before = done("counters", pfn.stats()).faults;
    done("revoke", pfn.revoke());
    marked("the data part", place(0), 0, PAGES, 1);
    pattern("the status part", place(1), 0, STATUS_PAGES);
    let faults = done("counters", pfn.stats()).faults - before;
    assert!(faults > PAGES as u64, "{faults} faults after REVOKE");
}

fn revoke() {
    done("mounts", sys::own_mounts());
    for is_file_last in [true, false] {
        let away = Away::mount(&pfn::NODE);
        let pfn = Pfn { file: away.open() };
        done("map", pfn.map_data(place(0), 0, PAGES));
        done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
        mark(place(0), 0, PAGES, 1);
        revoked(&pfn);
        away.detach();

        revoked(&pfn);
        in_child("a child", || revoked(&pfn));
        let len = PAGES * page();
        done("move", memory::relocate(place(0), len, place(2), len, 0));
        done("move", memory::relocate(place(2), len, place(0), len, 0));
        revoked(&pfn);
        // New mappings are of the same inode.
        done("map", pfn.map_data(place(3), 0, PAGES));
        marked("a new mapping", place(3), 0, PAGES, 1);
        revoked(&pfn);

        if is_file_last {
            done("unmap", memory::unmap(place(0), 1 << 32));
            done("revoke", pfn.revoke());
        } else {
            drop(pfn);
            marked("the data part", place(3), 0, PAGES, 1);
            done("unmap", memory::unmap(place(0), 1 << 32));
        }
    }
}

fn one_node() {
    let dev = Pfn::open();
    let away = Away::with(&pfn::NODE);
    let pfn = Pfn { file: away.open() };
    done("map", pfn.map_data(place(0), 0, PAGES));
    mark(place(0), 0, PAGES, 1);
    away.detach();
    // The other node has an inode of its own, and mappings of its own.
    let faults = || done("counters", dev.stats()).faults;
    let before = faults();
    done("revoke", dev.revoke());
    marked("the data part", place(0), 0, PAGES, 1);
    same("faults after REVOKE of another node", faults() - before, 0);

    // There is one devtmpfs, wherever it is mounted.
    done("mount", sys::mount(c"devtmpfs", AWAY));
    let path = "/run/away/rust-vma-pfn";
    let file = done(path, File::options().read(true).write(true).open(path));
    let pfn = Pfn { file };
    done("map", pfn.map_data(place(0), 0, PAGES));
    mark(place(0), 0, PAGES, 2);
    done("umount", sys::unmount(AWAY, true));
    let before = faults();
    done("revoke", dev.revoke());
    marked("the data part", place(0), 0, PAGES, 2);
    same(
        "faults after REVOKE of the same node",
        faults() - before,
        PAGES as u64,
    );
}

fn buffers() {
    let away = Away::with(&buffer::NODE);
    let buffer = Buffer { file: away.open() };
    let pages = PAGES as u64;
    done("size", buffer.request(SET_SIZE, [pages, 0, 0, 0]));
    done("map", buffer.map(place(0), 0, PAGES));
    mark(place(0), 0, 2, 1);
    away.detach();
    marked("what was stored", place(0), 0, 2, 1);
    zero("what was not", place(0) + 2 * page(), 1);
    done("populate", buffer.populate(0, pages));
    done("discard", buffer.discard(0, 1));
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(9)),
        1,
    );
    done("map", buffer.map(place(1), 0, PAGES));
    drop(buffer);
    zero("what was reclaimed", place(1), 1);
    marked("what was not", place(1) + page(), 1, 1, 1);
    in_child("a child", || marked("in it", place(0) + page(), 1, 1, 1));
    done("unmap", memory::unmap(place(0), PAGES * page()));
    marked("the last mapping", place(1) + page(), 1, 1, 1);
}

fn pins() {
    let away = Away::with(&userptr::NODE);
    let userptr = Userptr { file: away.open() };
    done("map", memory::map_anonymous(place(0), PAGES * page()));
    done("register", userptr.register(place(0), PAGES * page()));
    away.detach();
    done("fill", userptr.fill_registered(1));
    let wanted = (PAGES * page()) as u64;
    same("the sum", done("sum", userptr.sum_registered()), wanted);
}

fn exit() {
    for _ in 0..3 {
        in_child("a child", || {
            let away = Away::with(&pfn::NODE);
            let pfn = Pfn { file: away.open() };
            done("map", pfn.map_data(place(0), 0, PAGES));
            done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
            mark(place(0), 0, PAGES, 1);
            away.detach();
            revoked(&pfn);
            // All goes with the process.
            std::mem::forget(pfn);
        });
    }
}
