// SPDX-License-Identifier: GPL-2.0

//! The memory types that x86 keeps for page frames (PAT). Those of kernel memory, which the drivers
//! map, are always cached, and not in the list: nothing that is done to such mappings may put them
//! there. A mapping of a hole in physical memory shows that the list tells when something is.

use super::*;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;

suite! {
    "memory types":
    pfn_reserves_no_memory_type,
}

const PAGES: usize = 8;

/// No memory, and no device: below the devices of a PC.
const HOLE: i64 = 0xd000_0000;

/// The lines of the list, in the order of their addresses.
#[track_caller]
fn types() -> Vec<String> {
    let path = "/run/debug/x86/pat_memtype_list";
    let text = done(path, fs::read_to_string(path));
    text.lines().map(String::from).collect()
}

/// The type of the hole, if there is one.
#[track_caller]
fn type_of_hole() -> Option<String> {
    let start = format!("{HOLE:x}-");
    let line = types().into_iter().find(|line| line.contains(&start))?;
    line.split_whitespace().last().map(String::from)
}

/// Returns whether there is such a list.
#[track_caller]
fn has_list() -> bool {
    sys::own_mounts().must();
    fs::create_dir_all("/run/debug").must();
    match sys::mount("debugfs", "/run/debug") {
        Err(e) if e.raw_os_error() == Some(ENODEV) => return false,
        other => other.must(),
    }
    fs::exists("/run/debug/x86/pat_memtype_list").unwrap_or(false)
}

fn pfn_reserves_no_memory_type() {
    if !has_list() {
        skip("this kernel does not show the memory types of page frames");
        return;
    }
    hole_is_listed();

    let before = types();
    let is_same = |what: &str| same(what, types(), before.clone());
    let pfn = mapped_pfn(PAGES, STATUS_PAGES);
    mark(place(0), 0, PAGES, 1);
    is_same("with mappings");
    in_child(|| {
        marked(place(0), 0, PAGES, 1);
        is_same("with a child");
    });
    for number in 0..2 {
        let (from, len) = (place(number), 2 * page());
        let to = place(2 + number);
        relocate(from, to, len);
        protect(to, page(), PROT_READ);
    }
    pfn.revoke().must();
    marked(place(2), 0, 2, 1);
    is_same("after mremap");
    drop(pfn);
    unmap(place(0), 1 << 32);
    is_same("after munmap");
}

/// As long as anything maps it.
#[track_caller]
fn hole_is_listed() {
    let uncached = |what: &str| {
        same(what, type_of_hole().as_deref(), Some("uncached-minus"));
    };
    assert_eq!(type_of_hole(), None);
    let memory = File::options()
        .read(true)
        .custom_flags(O_SYNC)
        .open("/dev/mem");
    let memory = match memory {
        Err(e) if e.kind() == ErrorKind::NotFound => return,
        other => other.must(),
    };
    let of = Some((memory.as_raw_fd(), HOLE));
    let len = PAGES * page();
    memory::map(place(0), len, PROT_READ, MAP_SHARED, of).must();
    uncached("with a mapping");
    in_child(|| {
        unmap(place(0), len);
        uncached("after the child's munmap");
    });
    relocate(place(0), place(1), len);
    uncached("after mremap");
    unmap(place(1), len);
    assert_eq!(type_of_hole(), None);
}
