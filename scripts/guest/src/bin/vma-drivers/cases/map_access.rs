// SPDX-License-Identifier: GPL-2.0

//! Whose map is shown to whom: as `/proc/PID/maps`, asked at the same time by the same process.

use super::map::without_gate;
use super::{page, test};
use crate::check::{done, in_child, same};
use crate::device::map::{Map, read_to};
use libc::{EACCES, ENOENT, ESRCH, MAP_SHARED, PROT_READ, PROT_WRITE};
use std::fs::{self, File};
use std::io::{Error, Result};
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process::{self, Child};

pub const TESTS: &[Test] = &[
    test(
        "map access: root, of a process of root and of another user",
        by_root,
    ),
    test(
        "map access: a user, of itself, of its own and of root",
        by_user,
    ),
    test("map access: a process that is not dumpable", not_dumpable),
    test(
        "map access: a kernel thread has an empty map",
        kernel_thread,
    ),
    test("map access: processes that do not exist", none),
    test("map access: a zombie has an empty map", zombie),
    test(
        "map access: a process that ends between SELECT and read",
        ended,
    ),
    test(
        "map access: who may read is asked by SELECT alone",
        asked_once,
    ),
];

/// Somebody who is not root.
const USER: u32 = 1000;
const OTHER_USER: u32 = 1001;

/// What comes of looking at a map: a text, or a refusal.
type Seen = std::result::Result<Vec<u8>, i32>;

/// Reads a map into `text`, which is large enough already: who looks at itself must not change.
fn seen(text: &mut Vec<u8>, read: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Seen {
    text.clear();
    match read(text) {
        Ok(()) => Ok(std::mem::take(text)),
        // There is no directory of a process that does not exist.
        Err(e) => Err(match e.raw_os_error() {
            Some(ENOENT) => ESRCH,
            number => number.unwrap_or(0),
        }),
    }
}

fn by_proc(pid: i64, text: &mut Vec<u8>) -> Seen {
    seen(text, |text| {
        read_to(&File::open(format!("/proc/{pid}/maps"))?, 4096, text)?;
        without_gate(text);
        Ok(())
    })
}

/// The device is there for root alone, so it is opened before.
fn by_device(map: &Map, pid: i64, text: &mut Vec<u8>) -> Seen {
    seen(text, |text| {
        map.select(pid)?;
        map.read_to(4096, text)
    })
}

/// How a map ends up with who looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Text,
    Empty,
    Refused(i32),
}

/// Both must say the same, and what is wanted.
#[track_caller]
fn both(what: &str, map: &Map, pid: i64, wanted: Wanted) {
    // Itself is not in the same state twice.
    for _ in 0..20 {
        let mut texts = [(); 3].map(|()| Vec::with_capacity(1 << 20));
        let [before, got, after] = &mut texts;
        let (before, got, after) = (
            by_proc(pid, before),
            by_device(map, pid, got),
            by_proc(pid, after),
        );
        if before != after {
            continue;
        }
        let short = |seen: &Seen| match seen {
            Ok(text) if text.is_empty() => Wanted::Empty,
            Ok(_) => Wanted::Text,
            Err(number) => Wanted::Refused(*number),
        };
        let case = format!("{what}, by /proc");
        same(&case, short(&before), wanted);
        same(what, short(&got), wanted);
        assert!(got == before, "{what}: the texts differ");
        return;
    }
    panic!("{what}: the process does not keep still");
}

/// A child that does this, and then nothing until it is killed.
#[track_caller]
pub fn waiting(first: impl FnOnce()) -> Child {
    let ready = place(20);
    let prot = PROT_READ | PROT_WRITE;
    done("map", memory::map(ready, page(), prot, MAP_SHARED, None));
    let child = process::fork(|| {
        first();
        set_word(ready, 1);
        loop {
            std::thread::park();
        }
    });
    let child = done("fork", child);
    while word(ready) == 0 {
        std::thread::yield_now();
    }
    child
}

#[track_caller]
pub fn end(child: Child) {
    done("kill", child.signal(libc::SIGKILL));
    done("wait", child.wait());
}

#[track_caller]
fn become_user(user: u32) {
    done("giving up root", process::become_user(user));
    // The kernel takes that away with root.
    done("being dumpable", process::set_dumpable(true));
}

fn by_root() {
    let map = done("open", Map::open());
    let (of_root, of_user) = (waiting(|| ()), waiting(|| become_user(USER)));
    both("itself", &map, std::process::id().into(), Wanted::Text);
    both("root's", &map, of_root.pid().into(), Wanted::Text);
    both("a user's", &map, of_user.pid().into(), Wanted::Text);
    both("init", &map, 1, Wanted::Text);
    end(of_root);
    end(of_user);
}

fn by_user() {
    let map = done("open", Map::open());
    let (own, other) = (
        waiting(|| become_user(USER)),
        waiting(|| become_user(OTHER_USER)),
    );
    let of_root = waiting(|| ());
    in_child("a user", || {
        become_user(USER);
        both("itself", &map, std::process::id().into(), Wanted::Text);
        both("its own", &map, own.pid().into(), Wanted::Text);
        let refused = Wanted::Refused(EACCES);
        both("another one's", &map, other.pid().into(), refused);
        both("root's", &map, of_root.pid().into(), refused);
        both("init", &map, 1, refused);
    });
    end(own);
    end(other);
    end(of_root);
}

fn not_dumpable() {
    let map = done("open", Map::open());
    let hidden = waiting(|| {
        become_user(USER);
        done("hiding", process::set_dumpable(false));
    });
    both("by root", &map, hidden.pid().into(), Wanted::Text);
    in_child("a user", || {
        become_user(USER);
        let refused = Wanted::Refused(EACCES);
        both("by its user", &map, hidden.pid().into(), refused);
        done("hiding", process::set_dumpable(false));
        both("by itself", &map, std::process::id().into(), Wanted::Text);
    });
    end(hidden);
}

/// The first kernel thread.
const KTHREADD: i64 = 2;

fn kernel_thread() {
    let map = done("open", Map::open());
    both("by root", &map, KTHREADD, Wanted::Empty);
    in_child("a user", || {
        become_user(USER);
        both("by a user", &map, KTHREADD, Wanted::Empty);
    });
}

fn none() {
    let map = done("open", Map::open());
    let gone = waiting(|| ());
    let pid = i64::from(gone.pid());
    end(gone);
    let refused = Wanted::Refused(ESRCH);
    both("one that has ended", &map, pid, refused);
    both("0", &map, 0, refused);
    both("-1", &map, -1, refused);
    both("the least", &map, i32::MIN.into(), refused);
    both("the largest", &map, i32::MAX.into(), refused);
    // The lower half is 1, which is the number of init.
    both("too large", &map, (1 << 32) + 1, refused);
    both("far too large", &map, i64::MAX, refused);
    both("far too small", &map, i64::MIN + 1, refused);
}

/// Kills a child, and waits until it is a zombie.
#[track_caller]
fn kill(child: &Child) {
    done("kill", child.signal(libc::SIGKILL));
    let path = format!("/proc/{}/stat", child.pid());
    while !done(&path, fs::read_to_string(&path)).contains(") Z ") {
        std::thread::yield_now();
    }
}

fn zombie() {
    let map = done("open", Map::open());
    let child = waiting(|| ());
    kill(&child);
    both("by root", &map, child.pid().into(), Wanted::Empty);
    in_child("a user", || {
        become_user(USER);
        both("by a user", &map, child.pid().into(), Wanted::Empty);
    });
    done("wait", child.wait());
}

fn ended() {
    let child = waiting(|| ());
    let (map, begun) = (
        done("open", Map::of(child.pid())),
        done("open", Map::of(child.pid())),
    );
    let proc_file = done("open", File::open(format!("/proc/{}/maps", child.pid())));
    let mut text = Vec::new();
    let mut first = [0; 8];
    let read = std::os::unix::fs::FileExt::read_at(&begun.file, &mut first, 0);
    same("the first bytes", done("read", read), first.len());

    kill(&child);
    done("read /proc", read_to(&proc_file, 4096, &mut text));
    done("read", map.read_to(4096, &mut text));
    assert!(text.is_empty(), "a zombie has a map");
    done("wait", child.wait());
    done("read", map.read_to(4096, &mut text));
    assert!(text.is_empty(), "a dead process has a map");

    // What was fetched while it lived is given still, and nothing more.
    let mut position = first.len() as u64;
    let mut rest = [0; 4096];
    loop {
        let read = std::os::unix::fs::FileExt::read_at(&begun.file, &mut rest, position);
        match done("read", read) {
            0 => break,
            read => position += read as u64,
        }
    }
    assert!(position <= page() as u64, "{position} bytes");
}

fn asked_once() {
    let of_root = waiting(|| ());
    let map = done("open", Map::of(of_root.pid()));
    let proc_file = done("open", File::open(format!("/proc/{}/maps", of_root.pid())));
    in_child("a user", || {
        become_user(USER);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        done("read", map.read_to(4096, &mut ours));
        done("read /proc", read_to(&proc_file, 4096, &mut theirs));
        without_gate(&mut theirs);
        assert!(!ours.is_empty() && ours == theirs, "the texts differ");
        let got = map.select(of_root.pid().into());
        let got = got.map_err(|e: Error| e.raw_os_error());
        same("choosing again", got, Err(Some(EACCES)));
    });
    end(of_root);
}
