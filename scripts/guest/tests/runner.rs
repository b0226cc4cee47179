// SPDX-License-Identifier: GPL-2.0

//! The runner on tests that go wrong in every way.

use std::io;
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use vma_guest::balance::Balance;
use vma_guest::runner::{self, Report, Runner, Test};
use vma_guest::sys::{self, memory, process};

/// A test, and what its faults must begin with.
struct Case {
    test: Test,
    wanted: &'static [&'static str],
}

const fn case(name: &'static str, wanted: &'static [&'static str], run: fn()) -> Case {
    Case {
        test: Test { name, run },
        wanted,
    }
}

const CASES: &[Case] = &[
    case("nothing wrong", &[], || ()),
    case("a note", &[], || runner::note("a note")),
    case("skipped", &[], || runner::skip("skipped")),
    case("skipped, but wrong", &["no way ("], || {
        runner::skip("skipped, but wrong");
        panic!("no way");
    }),
    case("a note of a test that fails", &["no way ("], || {
        runner::note("a note of a test that fails");
        panic!("no way");
    }),
    case(
        "a failed assertion",
        &["assertion `left == right` failed: no way\n  left: 2\n right: 3 (guest/tests/runner.rs:"],
        || assert_eq!(1 + 1, 3, "no {}", "way"),
    ),
    case("a child panics", &["the child (", "the parent ("], || {
        let child = process::fork(|| {
            let _ = std::panic::catch_unwind(|| panic!("the child"));
            0
        });
        child.unwrap().wait().unwrap();
        panic!("the parent");
    }),
    case(
        "a thread panics that nobody joins",
        &["the thread ("],
        || {
            let thread = std::thread::spawn(|| panic!("the thread"));
            while !thread.is_finished() {
                std::thread::yield_now();
            }
        },
    ),
    case("SIGBUS", &["killed by SIGBUS"], || {
        let file = sys::memfd(c"empty").unwrap();
        let at = memory::place(0);
        let of = Some((file.as_raw_fd(), 0));
        memory::map(at, 1, libc::PROT_READ, libc::MAP_SHARED, of).unwrap();
        memory::word(at);
    }),
    case("SIGSEGV", &["killed by SIGSEGV"], || {
        memory::set_word(memory::place(0), 1);
    }),
    case("an exit code", &["ended with exit code 7"], || {
        std::process::exit(7)
    }),
    case(
        "an exit code 1 without a reason",
        &["ended with exit code 1"],
        || {
            std::process::exit(1);
        },
    ),
    case("a hang", &["not done after 0.5 s"], hang),
    case(
        "a hang, with a child that hangs",
        &["not done after 0.5 s"],
        || {
            hang_in_child();
            hang();
        },
    ),
    case(
        "a child left behind",
        &["left a process behind"],
        hang_in_child,
    ),
    case("a leak", &["things: 2, before the test 0"], || {
        add(THINGS, 2)
    }),
    case("no leak of its own", &[], || ()),
    case(
        "a leak by one that fails",
        &["and a panic (", "things: 1, before"],
        || {
            add(THINGS, u64::MAX);
            panic!("and a panic");
        },
    ),
    case("things that go away a moment later", &[], || {
        add(LEAVING, 3)
    }),
];

fn hang() {
    std::thread::sleep(Duration::from_secs(60));
}

fn hang_in_child() {
    process::fork(|| {
        hang();
        0
    })
    .unwrap();
}

/// Words in memory that all processes share: how many things there are.
const THINGS: usize = memory::START + memory::STRIDE;

/// Further things, of which one goes away each time that somebody looks.
const LEAVING: usize = THINGS + 8;

fn add(word: usize, number: u64) {
    memory::set_word(word, memory::word(word).wrapping_add(number));
}

fn balance() -> io::Result<Balance> {
    let leaving = memory::word(LEAVING);
    memory::set_word(LEAVING, leaving.saturating_sub(1));
    let mut balance = Balance::default();
    balance.add("things", memory::word(THINGS) + leaving);
    Ok(balance)
}

fn main() -> ExitCode {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    memory::map(THINGS, sys::page_size(), prot, libc::MAP_SHARED, None).unwrap();
    process::adopt_orphans().unwrap();
    let runner = Runner {
        balance: &balance,
        limit: Duration::from_millis(500),
        settle: Duration::from_millis(300),
    };

    let mut failed = 0;
    for Case { test, wanted } in CASES {
        let start = Instant::now();
        let Report {
            faults,
            notes,
            skipped,
        } = runner.run(test).unwrap();
        let as_wanted = faults.len() == wanted.len()
            && faults
                .iter()
                .zip(*wanted)
                .all(|(fault, wanted)| fault.starts_with(wanted))
            // A test that has something to say says its name.
            && notes.iter().all(|note| note == test.name)
            && notes.is_empty() != test.name.starts_with("a note")
            && skipped.as_deref() == test.name.starts_with("skipped").then_some(test.name);
        // A hanging test must have been killed, not waited for.
        if as_wanted && start.elapsed() < Duration::from_secs(10) {
            println!("test {} ... ok", test.name);
        } else {
            println!("{faults:?}, wanted {wanted:?}");
            println!("test {} ... FAILED", test.name);
            failed += 1;
        }
    }
    // As the standard test harness says it.
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    let passed = CASES.len() - failed;
    println!("test result: {verdict}. {passed} passed; {failed} failed; 0 ignored");
    ExitCode::from(u8::from(failed > 0))
}
