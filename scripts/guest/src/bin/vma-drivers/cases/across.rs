// SPDX-License-Identifier: GPL-2.0

//! Ranges of memory with VMAs of several devices in them.

use super::pfn::pattern;
use super::{mark, marked, page, test, zero};
use crate::check::{done, in_child, refused, same, vmas_of};
use crate::device::pfn::DATA;
use crate::device::userptr::{LOCKED, WAYS};
use crate::device::{Buffer, Pfn, Userptr, buffer, map, map_shared, pfn};
use crate::pfn_abi::PAGES as PAGES_OF_PFN;
use libc::{
    EACCES, EFAULT, EINVAL, ENXIO, EPERM, MADV_DONTNEED, MAP_PRIVATE, PROT_EXEC, PROT_READ,
    PROT_WRITE,
};
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test("across: munmap of VMAs of two devices", unmap),
    test(
        "across: mremap of VMAs of two devices that enlarges is EFAULT",
        enlarge,
    ),
    test(
        "across: mremap of VMAs of two devices moves all or nothing",
        relocate,
    ),
    test(
        "across: mremap of one device's VMA over another's",
        move_over,
    ),
    test("across: mprotect up to a VMA that forbids it", protect),
    test("across: madvise up to a VMA that forbids it", advise),
    test(
        "across: mappings that are refused, over mappings that are there",
        refused_over,
    ),
    test(
        "across: mappings told to show other pages (remap_file_pages)",
        other_pages,
    ),
    test("across: fork and exit with VMAs of two devices", fork),
    test("across: userptr on a buffer beside pfn memory", pin),
];

/// Four pages of each device beside each other: a buffer, pfn data, pfn status, anonymous memory.
struct Row {
    buffer: Buffer,
    pfn: Pfn,
}

const PAGES: usize = 4;

impl Row {
    #[track_caller]
    fn at(at: usize) -> Self {
        let (buffer, pfn) = (Buffer::of_pages(PAGES), Pfn::open());
        let len = PAGES * page();
        done("map", buffer.map(at, 0, PAGES));
        done("map", pfn.map_data(at + len, 0, PAGES));
        done("map", pfn.map_status(at + 2 * len, 0, PAGES));
        done("map", memory::map_anonymous(at + 3 * len, len));
        mark(at, 0, PAGES, 1);
        mark(at + len, 0, PAGES, 2);
        mark(at + 3 * len, 0, PAGES, 3);
        Self { buffer, pfn }
    }

    /// All must be there.
    #[track_caller]
    fn is_at(what: &str, at: usize) {
        let len = PAGES * page();
        marked(what, at, 0, PAGES, 1);
        marked(what, at + len, 0, PAGES, 2);
        pattern(what, at + 2 * len, 0, PAGES);
        marked(what, at + 3 * len, 0, PAGES, 3);
    }

    /// The drivers' counts of VMAs must be those of this process, which is the only user.
    #[track_caller]
    fn vmas_fit(&self, what: &str) {
        let stats = done("counters", self.buffer.stats());
        same(
            &format!("VMAs of buffers {what}"),
            stats.made - stats.dropped,
            vmas_of(&buffer::NODE),
        );
        let stats = done("counters", self.pfn.stats());
        same(
            &format!("VMAs of pfn memory {what}"),
            stats.made - stats.dropped,
            vmas_of(&pfn::NODE),
        );
    }
}

fn unmap() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    row.vmas_fit("at first");
    done("unmap", memory::unmap(at + 2 * page, 12 * page));
    row.vmas_fit("after munmap of the middle");
    marked("the start of the buffer", at, 0, 2, 1);
    marked("the end of anonymous memory", at + 14 * page, 2, 2, 3);
    done("map", row.pfn.map_data(at + 4 * page, 0, PAGES));
    marked("what was stored", at + 4 * page, 0, PAGES, 2);
    done("unmap", memory::unmap(at, 16 * page));
    same("VMAs of buffers", vmas_of(&buffer::NODE), 0);
    row.vmas_fit("after munmap of all");
}

fn enlarge() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    let to = place(1);
    refused(
        "a buffer and pfn memory",
        EFAULT,
        memory::relocate(at, 8 * page, to, 9 * page, 0),
    );
    refused(
        "both parts of pfn memory",
        EFAULT,
        memory::relocate(at + 4 * page, 8 * page, to, 9 * page, 0),
    );
    refused("in place", EFAULT, memory::resize(at, 8 * page, 9 * page));
    Row::is_at("after mremap that was refused", at);
    row.vmas_fit("after mremap that was refused");
}

fn relocate() {
    let (at, len) = (place(0), 4 * PAGES * page());
    let row = Row::at(at);
    match memory::relocate(at, len, place(1), len, 0) {
        Ok(()) => Row::is_at("at the new place", place(1)),
        Err(e) => {
            refused("mremap", EFAULT, Err::<(), _>(e));
            Row::is_at("at the old place", at);
        }
    }
    row.vmas_fit("after mremap");
}

fn move_over() {
    let len = PAGES * page();
    let row = Row::at(place(0));
    let other = Row::at(place(1));
    done(
        "move",
        memory::relocate(place(0), len, place(1) + len, len, 0),
    );
    row.vmas_fit("after a buffer over pfn memory");
    marked("the buffer at its new place", place(1) + len, 0, PAGES, 1);
    done(
        "move",
        memory::relocate(place(0) + len, len, place(1) + len, len, 0),
    );
    row.vmas_fit("after pfn memory over a buffer");
    marked(
        "the data part at its new place",
        place(1) + len,
        0,
        PAGES,
        2,
    );
    done(
        "move",
        memory::relocate(place(0) + 2 * len, len, place(1), len, 0),
    );
    row.vmas_fit("after pfn memory over another buffer");
    pattern("the status part at its new place", place(1), 0, PAGES);
    done("map", other.buffer.map(place(2), 0, PAGES));
    marked("the buffer that was mapped over", place(2), 0, PAGES, 1);
}

fn protect() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    // The VMAs up to the status part are changed, as it is with any memory.
    let all = memory::protect(at, 16 * page, PROT_READ | PROT_WRITE);
    refused("mprotect of all, writable", EACCES, all);
    done(
        "mprotect of all, read-only",
        memory::protect(at, 16 * page, PROT_READ),
    );
    Row::is_at("after mprotect", at);
    row.vmas_fit("after mprotect");
}

fn advise() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    refused(
        "MADV_DONTNEED",
        EINVAL,
        memory::advise(at, 16 * page, MADV_DONTNEED),
    );
    marked("the buffer", at, 0, PAGES, 1);
    pattern("the status part", at + 8 * page, 0, PAGES);
    done(
        "MADV_DONTNEED",
        memory::advise(at + 12 * page, 4 * page, MADV_DONTNEED),
    );
    zero("anonymous memory", at + 12 * page, 4);
    row.vmas_fit("after madvise");
}

fn refused_over() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    let read = PROT_READ;
    for addr in (at..at + 16 * page).step_by(2 * page) {
        let pfn = &row.pfn.file;
        refused("beyond the end", ENXIO, row.buffer.map(addr, 3, 2));
        refused(
            "private",
            EINVAL,
            map(&row.buffer.file, addr, 0, 2, read, MAP_PRIVATE),
        );
        refused(
            "executable",
            EPERM,
            map_shared(&row.buffer.file, addr, 0, 2, PROT_EXEC),
        );
        refused(
            "beyond the end",
            ENXIO,
            map_shared(pfn, addr, PAGES_OF_PFN, 1, read),
        );
        refused(
            "in both parts",
            EINVAL,
            map_shared(pfn, addr, DATA - 1, 2, read),
        );
        refused("writable", EPERM, map_shared(pfn, addr, 0, 2, PROT_WRITE));
        row.vmas_fit("after a mapping that was refused");
    }
    // What was there before may be gone; what is not must be right.
    for (number, whose) in [(0, 1), (4, 2), (12, 3)] {
        for number in number..number + 4 {
            if let Some(got) = super::races::first_word(at + number * page) {
                let wanted = whose << 32 | (number % 4) as u64;
                same("what is still there", got, wanted);
            }
        }
    }
    done("map", row.pfn.map_data(at, 0, PAGES));
    marked("the data part", at, 0, PAGES, 2);
    row.vmas_fit("after a mapping that was not refused");
}

fn other_pages() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    let (data, status) = (at + 4 * page, at + 8 * page);
    let show = |addr, pages, first| memory::show_other_pages(addr, pages * page, first);
    done("the end of the buffer at its start", show(at, 2, 2));
    marked("the buffer", at, 2, 2, 1);
    done("other pages of the status part", show(status, 2, 6));
    pattern("the status part", status, 6, 2);
    done(
        "other pages of the data part",
        show(data, 2, DATA as usize + 6),
    );
    pattern("the data part", data, DATA + 6, 2);
    row.vmas_fit("after that");

    // Each at another place: nothing may be left where one was refused.
    refused(
        "pages beyond the end of the buffer",
        ENXIO,
        show(at + 2 * page, 2, 3),
    );
    refused("pages beyond all ends", ENXIO, show(at, 2, 1 << 40));
    row.vmas_fit("after pages beyond the end");
    refused(
        "pages of both parts",
        EINVAL,
        show(status + 2 * page, 2, DATA as usize - 1),
    );
    refused(
        "pages of the status part, writable",
        EPERM,
        show(data + 2 * page, 1, 0),
    );
    refused(
        "pages beyond the end",
        ENXIO,
        show(data + 3 * page, 1, PAGES_OF_PFN as usize),
    );
    row.vmas_fit("after pages of the wrong part");
}

fn fork() {
    let row = Row::at(place(0));
    let before = (
        done("counters", row.buffer.stats()),
        done("counters", row.pfn.stats()),
    );
    for _ in 0..3 {
        in_child("a child", || Row::is_at("in the child", place(0)));
    }
    let after = (
        done("counters", row.buffer.stats()),
        done("counters", row.pfn.stats()),
    );
    same("VMAs of buffers made", after.0.made - before.0.made, 3);
    same("VMAs of pfn memory made", after.1.made - before.1.made, 6);
    in_child("a child that unmaps some", || {
        done("unmap", memory::unmap(place(0) + 2 * page(), 8 * page()));
    });
    row.vmas_fit("when the children are gone");
    Row::is_at("in the parent", place(0));
    let pages = DATA as usize;
    done("map", row.pfn.map_status(place(1), 0, pages));
    pattern("the status part", place(1), 0, pages);
}

fn pin() {
    let userptr = Userptr::open();
    let (at, page) = (place(0), page());
    let _row = Row::at(at);
    for way in WAYS {
        done(way.name, userptr.sum(at, 4 * page, way));
        done(way.name, userptr.sum(at + 12 * page, 4 * page, way));
        refused(way.name, EFAULT, userptr.sum(at, 4 * page + 1, way));
        refused(way.name, EFAULT, userptr.fill(at + 4 * page - 1, 2, 1, way));
        refused(way.name, EFAULT, userptr.sum(at + 12 * page - 1, 2, way));
    }
    refused("all of it", EFAULT, userptr.sum(at, 16 * page, LOCKED));
    refused(
        "all of it, registered",
        EFAULT,
        userptr.register(at, 16 * page),
    );
    Row::is_at("after all that", at);
}
