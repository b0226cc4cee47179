// SPDX-License-Identifier: GPL-2.0

//! The drivers as modules: each stays while something of it is in use, be it a mapping whose file is
//! closed, goes when nothing is, and can be loaded again.

use super::*;
use std::ffi::CString;
use std::io::ErrorKind;
use vma_guest::device::all::{self, All, LOCKINGS};
use vma_guest::device::map;
use vma_guest::device::{Node, buffer, pfn, userptr};
use vma_guest::modules;

suite! {
    "unload":
    waits_for_a_mapping_of_a_closed_buffer, waits_for_a_mapping_of_closed_pfn,
    waits_for_a_mapping_of_a_child, waits_for_registered_memory, waits_for_an_open_map,
    waits_for_an_open_describe_file, races_with_the_last_munmap,
}

/// A driver that is a module.
struct Module {
    name: CString,
    path: String,
    node: &'static Node,
}

impl Module {
    /// `None` if it cannot be unloaded, and the test is skipped.
    #[track_caller]
    fn find(name: &str, node: &'static Node) -> Option<Self> {
        let module = Self {
            name: CString::new(name).map_err(Into::into).must(),
            path: format!("/modules/{name}.ko"),
            node,
        };
        match File::open(&module.path) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                skip("the drivers of this kernel are no modules");
                return None;
            }
            other => done(&module.path, other),
        };
        let _file = node.open().must();
        if !done(
            "unloading it while a file is open",
            modules::stays(&module.name),
        ) {
            skip("this kernel does not unload modules");
            return None;
        }
        Some(module)
    }

    #[track_caller]
    fn stays(&self) {
        modules::stays(&self.name).must_give(true);
    }

    #[track_caller]
    fn goes(&self) {
        modules::goes(&self.name).must();
        let open = File::open(self.node.path);
        open.must_fail(ENOENT);
    }

    #[track_caller]
    fn load(&self) {
        let file = done(&self.path, File::open(&self.path));
        sys::load_module(&file).must();
    }

    /// Unloads it and loads it again.
    #[track_caller]
    fn turns(&self) {
        self.goes();
        self.load();
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // Other tests need it. It may be there.
        let _ = File::open(&self.path).and_then(|file| sys::load_module(&file));
    }
}

const PAGES: usize = 4;

fn waits_for_a_mapping_of_a_closed_buffer() {
    let Some(module) = Module::find("rust_vma_buffer", &buffer::NODE) else {
        return;
    };
    for _ in 0..2 {
        let buffer = mapped_buffer(PAGES);
        mark(place(0), 0, 2, 1);
        drop(buffer);
        module.stays();
        marked(place(0), 0, 2, 1);
        mark(place(0) + 2 * page(), 2, 2, 1);
        unmap(place(0) + page(), 2 * page());
        module.stays();
        marked(place(0) + 3 * page(), 3, 1, 1);
        unmap(place(0), PAGES * page());
        module.turns();
    }
}

fn waits_for_a_mapping_of_closed_pfn() {
    let Some(module) = Module::find("rust_vma_pfn", &pfn::NODE) else {
        return;
    };
    for _ in 0..2 {
        let pfn = Pfn::open();
        pfn.map_data(place(0), 0, PAGES).must();
        drop(pfn);
        module.stays();
        pattern(place(0), DATA, PAGES);
        unmap(place(0), PAGES * page());

        let pfn = Pfn::open();
        pfn.map_status(place(0), 0, STATUS_PAGES).must();
        drop(pfn);
        module.stays();
        relocate(place(0), place(1), page());
        pattern(place(1), 0, 1);
        unmap(place(0), STATUS_PAGES * page());
        module.stays();
        unmap(place(1), page());
        module.turns();
    }
}

fn waits_for_a_mapping_of_a_child() {
    let Some(module) = Module::find("rust_vma_buffer", &buffer::NODE) else {
        return;
    };
    let signals = place(1);
    map_shared_page(signals);
    let buffer = mapped_buffer(PAGES);
    drop(buffer);
    let child = forked(|| {
        wait_for(signals, 1);
        // A page that nobody has accessed.
        u8::from(word(place(0)) != 0)
    });
    unmap(place(0), PAGES * page());
    module.stays();
    set_word(signals, 1);
    child.wait().must_give(End::Exited(0));
    module.turns();
}

fn waits_for_registered_memory() {
    let Some(module) = Module::find("rust_vma_userptr", &userptr::NODE) else {
        return;
    };
    map_anonymous(place(0), PAGES * page());
    let userptr = Userptr::open();
    userptr.register(place(0), PAGES * page()).must();
    module.stays();
    userptr.fill_registered(1).must();
    userptr.mirror(place(0), PAGES * page()).must();
    userptr.sum_mirrored().must_give((PAGES * page()) as u64);
    module.stays();
    drop(userptr);
    module.turns();
    let userptr = Userptr::open();
    userptr.sum(place(0), 5, userptr::FAST).must_give(5);
    assert_eq!(userptr.stats().pinned, 1);
}

fn waits_for_an_open_map() {
    let Some(module) = Module::find("rust_vma_map", &map::NODE) else {
        return;
    };
    let pid = std::process::id() as i32;
    for _ in 0..2 {
        let map = Map::of(pid).must();
        let mut text = Vec::new();
        map.read_to(4096, &mut text).must();
        module.stays();
        drop(map);
        module.turns();
    }
    Map::of(pid).must();
}

fn waits_for_an_open_describe_file() {
    let Some(module) = Module::find("rust_vma_describe", &all::NODE) else {
        return;
    };
    map_anonymous(place(0), page());
    let wanted = [place(0), place(0) + page()].map(|addr| addr as u64);
    for _ in 0..2 {
        let all = All::open().must();
        module.stays();
        let got = all.describe(place(0), LOCKINGS[1]);
        got.must_give(wanted);
        drop(all);
        module.turns();
    }
}

fn races_with_the_last_munmap() {
    const ROUNDS: usize = 30;
    let drivers: [(&str, &Node, fn()); 2] = [
        ("rust_vma_buffer", &buffer::NODE, || {
            let _buffer = marked_buffer(PAGES);
        }),
        ("rust_vma_pfn", &pfn::NODE, || {
            Pfn::open().map_data(place(0), 0, PAGES).must();
            mark(place(0), 0, PAGES, 1);
        }),
    ];
    for (name, node, map) in drivers {
        let Some(module) = Module::find(name, node) else {
            return;
        };
        for _ in 0..ROUNDS {
            map();
            std::thread::scope(|scope| {
                scope.spawn(|| unmap(place(0), PAGES * page()));
                // It goes as soon as it can.
                while sys::unload_module(&module.name).is_err() {
                    std::hint::spin_loop();
                }
            });
            module.load();
        }
    }
}
