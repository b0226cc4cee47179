// SPDX-License-Identifier: GPL-2.0

//! The map of a process that does nothing meanwhile: byte for byte what `/proc/PID/maps` says.

use super::map_access::{end, waiting};
use super::{for_a_while, page, test};
use crate::check::{Refusals, done, refused, same};
use crate::device::map::{self, Histogram, Map, SELECT, read_to};
use crate::device::{Buffer, Pfn};
use libc::{
    EFAULT, EINVAL, ENOTTY, ENXIO, MAP_GROWSDOWN, MAP_PRIVATE, MAP_SHARED, PROT_EXEC, PROT_NONE,
    PROT_READ, PROT_WRITE,
};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place};
use vma_guest::sys::process;

pub const TESTS: &[Test] = &[
    test("map: of this process", of_itself),
    test(
        "map: of a child that has mapped everything there is",
        of_child,
    ),
    test("map: of init", of_init),
    test("map: of a thread, by its number", of_thread),
    test("map: a path that is longer than a page", long_path),
    test(
        "map: position 0 is the start, and others are refused",
        positions,
    ),
    test(
        "map: what cannot be written to the reader is not lost",
        bad_memory,
    ),
    test(
        "map: a VMA that grows goes on where the last line ended",
        grown,
    ),
    test("map: the way of locking is counted for each line", counted),
    test("map: bad requests", bad_requests),
];

/// More than any map here has, and so much that it has a mapping of its own.
const CAPACITY: usize = 1 << 20;

/// Small and large ones, and those that lines do not fit into.
const PIECES: [usize; 4] = [7, 100, 4096, 65536];

/// The line of the page that is in no process's tree of VMAs.
const GATE: &[u8] = b" [vsyscall]\n";

/// Texts of maps, in memory that is there already when they are read.
struct Texts {
    before: Vec<u8>,
    ours: Vec<u8>,
    after: Vec<u8>,
}

impl Texts {
    fn new() -> Self {
        let text = || Vec::with_capacity(CAPACITY);
        Self {
            before: text(),
            ours: text(),
            after: text(),
        }
    }

    /// Reads the map between two readings of `/proc/PID/maps`; returns whether those agree.
    #[track_caller]
    fn read(&mut self, pid: i32, map: &Map, piece: usize) -> bool {
        let Self {
            before,
            ours,
            after,
        } = self;
        let path = format!("/proc/{pid}/maps");
        for (text, file) in [
            (before, Some(done(&path, File::open(&path)))),
            (ours, None),
            (after, Some(done(&path, File::open(&path)))),
        ] {
            text.clear();
            match file {
                Some(file) => {
                    done(&path, read_to(&file, piece, text));
                    without_gate(text);
                }
                None => {
                    done("select", map.select(pid.into()));
                    done("read", map.read_to(piece, text));
                }
            }
        }
        self.before == self.after
    }
}

/// Takes away the last line if it is that of the gate page.
pub fn without_gate(text: &mut Vec<u8>) {
    if text.ends_with(GATE) {
        let rest = &text[..text.len() - 1];
        let line = rest.iter().rposition(|&byte| byte == b'\n');
        text.truncate(line.map_or(0, |end| end + 1));
    }
}

/// How often a process may be at work when it is looked at.
const TRIES: usize = 20;

/// The map of a process must be what `/proc/PID/maps` says. Returns the text.
#[track_caller]
fn as_proc(pid: i32) -> Vec<u8> {
    let map = done("open", Map::open());
    let mut texts = Texts::new();
    for piece in PIECES {
        let mut tries = 0;
        while !texts.read(pid, &map, piece) {
            tries += 1;
            assert!(tries < TRIES, "the process does not keep still");
        }
        assert!(!texts.ours.is_empty(), "there is nothing in the map");
        if texts.ours != texts.before {
            let (ours, theirs) = (lines(&texts.ours), lines(&texts.before));
            let differ = ours.iter().zip(&theirs).position(|(a, b)| a != b);
            let at = differ.unwrap_or(ours.len().min(theirs.len()));
            // Paths can be long.
            let start = |lines: &[String]| {
                lines
                    .get(at)
                    .map(|l| l.chars().take(160).collect::<String>())
            };
            let (ours, theirs) = (start(&ours), start(&theirs));
            panic!("in pieces of {piece}, line {at}: {ours:?}, wanted {theirs:?}");
        }
    }
    texts.ours
}

fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    text.split_inclusive('\n').map(Into::into).collect()
}

fn of_itself() {
    map_everything();
    // So that it does not have to grow meanwhile.
    let text = as_proc(std::process::id() as i32);
    let text = String::from_utf8_lossy(&text);
    for name in ["[heap]", "[stack]", "[vdso]", "/dev/rust-vma-buffer"] {
        assert!(text.contains(name), "there is no {name} in the map");
    }
}

fn of_child() {
    let child = waiting(map_everything);
    let text = as_proc(child.pid());
    let text = String::from_utf8_lossy(&text);
    for name in [
        "/memfd:two\\012lines (deleted)\n",
        "/dev/zero (deleted)\n",
        "[anon:a name]\n",
        "[anon_shmem:a shared name]\n",
        "/dev/rust-vma-buffer\n",
        "/dev/rust-vma-pfn\n",
    ] {
        assert!(text.contains(name), "there is no {name:?} in the map");
    }
    end(child);
}

/// Mappings of all kinds, with all permissions, adjacent ones and single ones.
#[track_caller]
fn map_everything() {
    let (at, page) = (place(8), page());
    let all = [
        PROT_NONE,
        PROT_READ,
        PROT_READ | PROT_WRITE,
        PROT_READ | PROT_EXEC,
        PROT_EXEC,
        PROT_WRITE,
    ];
    for (number, prot) in all.into_iter().enumerate() {
        let at = at + 2 * number * page;
        for (at, flags) in [(at, MAP_PRIVATE), (at + page, MAP_SHARED)] {
            done("map", memory::map(at, page, prot, flags, None));
        }
    }

    let file = done("memfd", sys::memfd(c"two\nlines"));
    done("size", file.set_len(1 << 33));
    let of_file = |offset| Some((file.as_raw_fd(), offset));
    let file_at = at + 100 * page;
    for (at, flags, offset) in [
        (file_at, MAP_PRIVATE, 0),
        (file_at + page, MAP_SHARED, 0x1000),
        (file_at + 2 * page, MAP_SHARED, 0x1_2345_6000),
    ] {
        done(
            "map",
            memory::map(at, page, PROT_READ, flags, of_file(offset)),
        );
    }

    let named = at + 200 * page;
    let prot = PROT_READ | PROT_WRITE;
    done("map", memory::map_anonymous(named, page));
    done("name", memory::name(named, page, c"a name"));
    let shared = named + 2 * page;
    done("map", memory::map(shared, page, prot, MAP_SHARED, None));
    done("name", memory::name(shared, page, c"a shared name"));
    let stack = named + 50 * page;
    let flags = MAP_PRIVATE | MAP_GROWSDOWN;
    done("map", memory::map(stack, page, prot, flags, None));

    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(at + 300 * page, 1, 2));
    let pfn = Pfn::open();
    done("map", pfn.map_data(at + 310 * page, 0, 2));
}

fn of_init() {
    as_proc(1);
}

fn of_thread() {
    let (thread, map) = (process::thread_id(), done("open", Map::open()));
    let number = std::thread::scope(|scope| {
        let other = scope.spawn(process::thread_id);
        other.join().expect("it does not panic")
    });
    same("this thread's number", thread, std::process::id() as i32);
    // It ends a moment after it was waited for.
    for_a_while(|_| drop(map.select(number.into())));
    let got = map.select(number.into());
    refused("a thread that has ended", libc::ESRCH, got);

    std::thread::scope(|scope| {
        scope.spawn(|| as_proc(process::thread_id()));
    });
}

/// Makes a file whose path is longer than a page, and removes it when `f` has returned.
#[track_caller]
pub(super) fn with_long_path<R>(f: impl FnOnce(&File) -> R) -> R {
    // A name is at most 255 bytes long.
    let name = "d".repeat(250);
    let depth = 2 * page() / name.len();
    done("going to /tmp", std::env::set_current_dir("/tmp"));
    for _ in 0..depth {
        done("a directory", fs::create_dir(&name));
        done("going there", std::env::set_current_dir(&name));
    }
    let file = done("a file", File::create_new("the file"));
    done("a page", file.set_len(page() as u64));
    let result = f(&file);

    done("removing", fs::remove_file("the file"));
    for _ in 0..depth {
        done("going back", std::env::set_current_dir(".."));
        done("removing", fs::remove_dir(&name));
    }
    result
}

fn long_path() {
    let text = with_long_path(|file| {
        let of = Some((file.as_raw_fd(), 0));
        let prot = PROT_READ;
        done("map", memory::map(place(8), page(), prot, MAP_PRIVATE, of));
        as_proc(std::process::id() as i32)
    });
    let longest = lines(&text).iter().map(String::len).max().unwrap_or(0);
    assert!(longest > page(), "the longest line has {longest} bytes");
    as_proc(std::process::id() as i32);
}

fn positions() {
    let (mut all, mut again) = (Texts::new(), Texts::new());
    let pid = std::process::id() as i32;
    let map = done("open", Map::of(pid));
    done("read", map.read_to(4096, &mut all.ours));
    let text = &all.ours;

    let mut start = [0; 100];
    for _ in 0..2 {
        done("from the start", map.file.read_exact_at(&mut start, 0));
        same("the start", &start[..], &text[..100]);
    }
    let mut next = [0; 100];
    for position in [1, 99, 101, 1 << 40] {
        let got = map.file.read_at(&mut next, position);
        refused("another position", EINVAL, got);
    }
    same(
        "going on",
        done("read", map.file.read_at(&mut next, 100)),
        100,
    );
    same("what follows", &next[..], &text[100..200]);

    // Wherever the file's own position is.
    done("select", map.select(pid.into()));
    done("read", map.read_to(4096, &mut again.ours));
    assert!(again.ours == *text, "the text is another one");
    same("at the end", done("read", (&map.file).read(&mut next)), 0);
}

fn bad_memory() {
    let hole = place(9);
    done("map", memory::map_anonymous(hole + page(), page()));
    let pid = std::process::id() as i32;
    let (map, mut texts) = (done("open", Map::of(pid)), Texts::new());
    done("read", map.read_to(4096, &mut texts.ours));
    let text = &texts.ours;

    let read = |at, len, position| sys::read_at(&map.file, at, len, position);
    refused("a hole", EFAULT, read(hole, 4096, 0));
    // Half of it can be written.
    let half = hole + 2 * page() - 64;
    same("what was written", done("read", read(half, 128, 0)), 64);
    refused("the hole behind", EFAULT, read(half + 64, 64, 64));

    let mut rest = vec![0; text.len()];
    let mut len = 64;
    while len < text.len() {
        match done("read", map.file.read_at(&mut rest[len..], len as u64)) {
            0 => panic!("{len} of {} bytes", text.len()),
            read => len += read,
        }
    }
    assert!(rest[64..] == text[64..], "the rest is another one");
}

fn grown() {
    // So many that their lines are more than the driver fetches at once.
    const PAGES: usize = 400;
    let (at, pid) = (place(8), std::process::id() as i32);
    done("map", memory::map_anonymous(at, PAGES * page()));
    for number in (0..PAGES).step_by(2) {
        let at = at + number * page();
        done("protect", memory::protect(at, page(), PROT_READ));
    }

    let (mut text, map) = (Vec::with_capacity(CAPACITY), done("open", Map::of(pid)));
    let mut first = [0; 1];
    done("read", (&map.file).read_exact(&mut first));
    done("protect", memory::protect(at, PAGES * page(), PROT_READ));
    text.extend(first);
    done("read", map.read_to(4096, &mut text));

    let text = String::from_utf8_lossy(&text);
    let (lines, _) = vma_guest::maps::parse(&text).unwrap_or_else(|e| panic!("{e}"));
    let range = at as u64..(at + PAGES * page()) as u64;
    let ours = lines.iter().filter(|line| range.contains(&line.area.start));
    let ours = ours.map(|line| line.area).collect::<Vec<_>>();
    let Some((last, [.., before])) = ours.split_last() else {
        panic!("{} lines", ours.len());
    };
    same("the start of the last", last.start, before.end);
    same("the end of the last", last.end, range.end);
    assert!(last.end - last.start > page() as u64, "nothing has grown");
    same("the first", ours[0].start, range.start);
}

fn counted() {
    let pid = std::process::id() as i32;
    let (mut text, map) = (Vec::with_capacity(CAPACITY), done("open", Map::of(pid)));
    let none = Histogram::default();
    same("before reading", done("histogram", map.histogram()), none);
    done("read", map.read_to(65536, &mut text));
    let lines = text.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let all_rcu = Histogram { rcu: lines, ..none };
    // There is nobody else.
    same("after reading", done("histogram", map.histogram()), all_rcu);
    done("select", map.select(pid.into()));
    same("chosen again", done("histogram", map.histogram()), none);
}

fn bad_requests() {
    let (map, mut refusals) = (done("open", Map::open()), Refusals::default());
    let mut words = [0; 8];
    refusals.add("read", ENXIO, (&map.file).read(&mut [0; 8]));
    refusals.add("histogram", ENXIO, map.histogram());
    let mut select = [1, 1];
    let got = sys::ioctl_words(&map.file, SELECT, &mut select);
    refusals.add("a word that is not 0", EINVAL, got);
    for number in [
        sys::encode_io(b'|', 0xd0),
        sys::encode_ior::<[u64; 8]>(b'|', 0xdf),
    ] {
        let got = sys::ioctl_words(&map.file, number, &mut words);
        refusals.add("another number", ENOTTY, got);
    }
    for number in [SELECT, map::HISTOGRAM, map::SNAPSHOT, map::STATS] {
        done("select", map.select(1));
        refusals.add("address 0", EFAULT, sys::ioctl_at(&map.file, number, 0));
    }
    refusals.add("write", EINVAL, map.file.write_at(&[0; 8], 0));
    refusals.end();
}
