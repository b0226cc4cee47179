// SPDX-License-Identifier: GPL-2.0

//! The drivers as modules: each stays while something of it is in use, be it a mapping whose file is
//! closed, goes when nothing is, and can be loaded again.

use super::pfn::pattern;
use super::{mark, marked, page, test};
use crate::check::{done, refused, same};
use crate::device::all::{self, All, LOCKINGS};
use crate::device::map::{self, Map};
use crate::device::pfn::{DATA, STATUS_PAGES};
use crate::device::{Buffer, Node, Pfn, Userptr, buffer, pfn, userptr};
use std::ffi::CString;
use std::fs::File;
use std::io::ErrorKind;
use vma_guest::modules;
use vma_guest::runner::{Test, skip};
use vma_guest::sys;
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process::{self, End};

pub const TESTS: &[Test] = &[
    test(
        "unload: not while a buffer is mapped that is closed",
        mapped_buffer,
    ),
    test(
        "unload: not while pfn memory is mapped that is closed",
        mapped_pfn,
    ),
    test(
        "unload: not while a child has a mapping of a buffer",
        mapped_by_child,
    ),
    test("unload: not while user memory is registered", registered),
    test("unload: not while a map is read", read_map),
    test("unload: not while a file of rust-vma is open", described),
    test("unload: while the last mapping goes away", race),
];

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
            name: done("a name", CString::new(name).map_err(Into::into)),
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
        let _file = done("open", node.open());
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
    fn stays(&self, why: &str) {
        same(why, done(why, modules::stays(&self.name)), true);
    }

    #[track_caller]
    fn goes(&self) {
        done("unloading", modules::goes(&self.name));
        let open = File::open(self.node.path);
        refused("open without the module", libc::ENOENT, open);
    }

    #[track_caller]
    fn load(&self) {
        let file = done(&self.path, File::open(&self.path));
        done("loading", sys::load_module(&file));
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

fn mapped_buffer() {
    let Some(module) = Module::find("rust_vma_buffer", &buffer::NODE) else {
        return;
    };
    for _ in 0..2 {
        let buffer = Buffer::of_pages(PAGES);
        done("map", buffer.map(place(0), 0, PAGES));
        mark(place(0), 0, 2, 1);
        drop(buffer);
        module.stays("while it is mapped");
        marked("after that", place(0), 0, 2, 1);
        mark(place(0) + 2 * page(), 2, 2, 1);
        done("unmap", memory::unmap(place(0) + page(), 2 * page()));
        module.stays("while its ends are mapped");
        marked("its end", place(0) + 3 * page(), 3, 1, 1);
        done("unmap", memory::unmap(place(0), PAGES * page()));
        module.turns();
    }
}

fn mapped_pfn() {
    let Some(module) = Module::find("rust_vma_pfn", &pfn::NODE) else {
        return;
    };
    for _ in 0..2 {
        let pfn = Pfn::open();
        done("map", pfn.map_data(place(0), 0, PAGES));
        drop(pfn);
        module.stays("while the data part is mapped");
        pattern("the data part", place(0), DATA, PAGES);
        done("unmap", memory::unmap(place(0), PAGES * page()));

        let pfn = Pfn::open();
        done("map", pfn.map_status(place(0), 0, STATUS_PAGES));
        drop(pfn);
        module.stays("while the status part is mapped");
        done(
            "move",
            memory::relocate(place(0), page(), place(1), page(), 0),
        );
        pattern("the status part", place(1), 0, 1);
        done("unmap", memory::unmap(place(0), STATUS_PAGES * page()));
        module.stays("while a page is mapped");
        done("unmap", memory::unmap(place(1), page()));
        module.turns();
    }
}

fn mapped_by_child() {
    let Some(module) = Module::find("rust_vma_buffer", &buffer::NODE) else {
        return;
    };
    let signals = place(1);
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    done(
        "map",
        memory::map(signals, page(), prot, libc::MAP_SHARED, None),
    );
    let buffer = Buffer::of_pages(PAGES);
    done("map", buffer.map(place(0), 0, PAGES));
    drop(buffer);
    let child = process::fork(|| {
        while word(signals) == 0 {
            std::thread::yield_now();
        }
        // A page that nobody has accessed.
        u8::from(word(place(0)) != 0)
    });
    let child = done("fork", child);
    done("unmap", memory::unmap(place(0), PAGES * page()));
    module.stays("while the child has it");
    set_word(signals, 1);
    same(
        "the child's end",
        done("wait", child.wait()),
        End::Exited(0),
    );
    module.turns();
}

fn registered() {
    let Some(module) = Module::find("rust_vma_userptr", &userptr::NODE) else {
        return;
    };
    done("map", memory::map_anonymous(place(0), PAGES * page()));
    let userptr = Userptr::open();
    done("register", userptr.register(place(0), PAGES * page()));
    module.stays("while memory is registered");
    done("fill", userptr.fill_registered(1));
    drop(userptr);
    module.turns();
    let userptr = Userptr::open();
    same(
        "the sum",
        done("sum", userptr.sum(place(0), 5, userptr::FAST)),
        5,
    );
    same("pins", done("counters", userptr.stats()).pinned, 1);
}

fn read_map() {
    let Some(module) = Module::find("rust_vma_map", &map::NODE) else {
        return;
    };
    let pid = std::process::id() as i32;
    for _ in 0..2 {
        let map = done("select", Map::of(pid));
        let mut text = Vec::new();
        done("read", map.read_to(4096, &mut text));
        module.stays("while it is open");
        drop(map);
        module.turns();
    }
    done("select", Map::of(pid));
}

fn described() {
    let Some(module) = Module::find("rust_vma_describe", &all::NODE) else {
        return;
    };
    done("map", memory::map_anonymous(place(0), page()));
    let wanted = [place(0), place(0) + page()].map(|addr| addr as u64);
    for _ in 0..2 {
        let all = done("open", All::open());
        module.stays("while it is open");
        let got = all.describe(place(0), LOCKINGS[1]);
        same("the VMA", done("describe", got), wanted);
        drop(all);
        module.turns();
    }
}

fn race() {
    const ROUNDS: usize = 30;
    let drivers: [(&str, &Node, fn()); 2] = [
        ("rust_vma_buffer", &buffer::NODE, || {
            let buffer = Buffer::of_pages(PAGES);
            done("map", buffer.map(place(0), 0, PAGES));
            mark(place(0), 0, PAGES, 1);
        }),
        ("rust_vma_pfn", &pfn::NODE, || {
            done("map", Pfn::open().map_data(place(0), 0, PAGES));
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
                scope.spawn(|| done("unmap", memory::unmap(place(0), PAGES * page())));
                // It goes as soon as it can.
                while sys::unload_module(&module.name).is_err() {
                    std::hint::spin_loop();
                }
            });
            module.load();
        }
    }
}
