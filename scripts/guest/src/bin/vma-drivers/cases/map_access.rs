// SPDX-License-Identifier: GPL-2.0

//! Access to maps: as for `/proc/PID/maps`, asked at the same time by the same process.

use super::map::without_gate;
use super::*;
use std::io::Result;
use vma_guest::device::map::read_to;

suite! {
    "map access":
    root_selects_any_process, user_selects_own_processes_only,
    refuses_a_process_that_is_not_dumpable, kernel_thread_has_an_empty_map,
    refuses_processes_that_do_not_exist, zombie_has_an_empty_map,
    process_ends_between_select_and_read, checks_access_at_select_only,
}

/// Somebody who is not root.
const USER: u32 = 1000;
const OTHER_USER: u32 = 1001;

/// The result of reading a map: a text, or a refusal.
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

/// The expected result of reading a map.
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
    map_shared_page(ready);
    let child = forked(|| {
        first();
        set_word(ready, 1);
        loop {
            std::thread::park();
        }
    });
    wait_for(ready, 1);
    child
}

#[track_caller]
pub fn end(child: Child) {
    child.kill().must();
    child.wait().must();
}

#[track_caller]
fn become_user(user: u32) {
    process::become_user(user).must();
    // The kernel takes that away with root.
    process::set_dumpable(true).must();
}

fn root_selects_any_process() {
    let map = Map::open().must();
    let (of_root, of_user) = (waiting(|| ()), waiting(|| become_user(USER)));
    both("itself", &map, std::process::id().into(), Wanted::Text);
    both("root's", &map, of_root.pid().into(), Wanted::Text);
    both("a user's", &map, of_user.pid().into(), Wanted::Text);
    both("init", &map, 1, Wanted::Text);
    end(of_root);
    end(of_user);
}

fn user_selects_own_processes_only() {
    let map = Map::open().must();
    let (own, other) = (
        waiting(|| become_user(USER)),
        waiting(|| become_user(OTHER_USER)),
    );
    let of_root = waiting(|| ());
    in_child(|| {
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

fn refuses_a_process_that_is_not_dumpable() {
    let map = Map::open().must();
    let hidden = waiting(|| {
        become_user(USER);
        process::set_dumpable(false).must();
    });
    both("by root", &map, hidden.pid().into(), Wanted::Text);
    in_child(|| {
        become_user(USER);
        let refused = Wanted::Refused(EACCES);
        both("by its user", &map, hidden.pid().into(), refused);
        process::set_dumpable(false).must();
        both("by itself", &map, std::process::id().into(), Wanted::Text);
    });
    end(hidden);
}

/// The first kernel thread.
const KTHREADD: i64 = 2;

fn kernel_thread_has_an_empty_map() {
    let map = Map::open().must();
    both("by root", &map, KTHREADD, Wanted::Empty);
    in_child(|| {
        become_user(USER);
        both("by a user", &map, KTHREADD, Wanted::Empty);
    });
}

fn refuses_processes_that_do_not_exist() {
    let map = Map::open().must();
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
    child.kill().must();
    let path = format!("/proc/{}/stat", child.pid());
    while !done(&path, fs::read_to_string(&path)).contains(") Z ") {
        yield_now();
    }
}

fn zombie_has_an_empty_map() {
    let map = Map::open().must();
    let child = waiting(|| ());
    kill(&child);
    both("by root", &map, child.pid().into(), Wanted::Empty);
    in_child(|| {
        become_user(USER);
        both("by a user", &map, child.pid().into(), Wanted::Empty);
    });
    child.wait().must();
}

fn process_ends_between_select_and_read() {
    let child = waiting(|| ());
    let (map, begun) = (Map::of(child.pid()).must(), Map::of(child.pid()).must());
    let proc_file = File::open(format!("/proc/{}/maps", child.pid())).must();
    let mut text = Vec::new();
    let mut first = [0; 8];
    begun.file.read_at(&mut first, 0).must_give(first.len());

    kill(&child);
    read_to(&proc_file, 4096, &mut text).must();
    map.read_to(4096, &mut text).must();
    assert!(text.is_empty());
    child.wait().must();
    map.read_to(4096, &mut text).must();
    assert!(text.is_empty());

    // The text fetched while it lived is still returned, and nothing more.
    let mut position = first.len() as u64;
    let mut rest = [0; 4096];
    loop {
        match begun.file.read_at(&mut rest, position).must() {
            0 => break,
            read => position += read as u64,
        }
    }
    assert!(position <= page() as u64, "{position} bytes");
}

fn checks_access_at_select_only() {
    let of_root = waiting(|| ());
    let map = Map::of(of_root.pid()).must();
    let proc_file = File::open(format!("/proc/{}/maps", of_root.pid())).must();
    in_child(|| {
        become_user(USER);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        map.read_to(4096, &mut ours).must();
        read_to(&proc_file, 4096, &mut theirs).must();
        without_gate(&mut theirs);
        assert!(!ours.is_empty() && ours == theirs);
        map.select(of_root.pid().into()).must_fail(EACCES);
    });
    end(of_root);
}
