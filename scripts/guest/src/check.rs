// SPDX-License-Identifier: GPL-2.0

//! Checks of tests. A check that fails panics, with the location of the test's line.

use crate::device::Node;
use crate::sys::process::{self, Child, End};
use crate::{errno, maps};
use std::fmt::Debug;
use std::io::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Results that tests check. A test fails at its own line if the result is another one.
pub trait Must<T>: Sized {
    /// Returns the value; it must have worked.
    fn must(self) -> T;
    /// It must have worked, and given this.
    fn must_give(self, wanted: T)
    where
        T: PartialEq + Debug;
    /// It must have been refused with this error.
    fn must_fail(self, wanted: i32);
    /// Returns the value, or `None` if it was refused with one of these errors.
    fn unless(self, errors: &[i32]) -> Option<T>;
}

impl<T> Must<T> for Result<T> {
    #[track_caller]
    fn must(self) -> T {
        done("result", self)
    }

    #[track_caller]
    fn must_give(self, wanted: T)
    where
        T: PartialEq + Debug,
    {
        gives("result", self, wanted);
    }

    #[track_caller]
    fn must_fail(self, wanted: i32) {
        refused("result", wanted, self);
    }

    #[track_caller]
    fn unless(self, errors: &[i32]) -> Option<T> {
        match self {
            Err(e) if is_one_of(&e, errors) => None,
            other => Some(other.must()),
        }
    }
}

fn is_one_of(e: &Error, errors: &[i32]) -> bool {
    e.raw_os_error()
        .is_some_and(|error| errors.contains(&error))
}

fn describe(e: &Error) -> String {
    e.raw_os_error().map_or_else(|| e.to_string(), errno::name)
}

/// Returns the value; it must have worked.
#[track_caller]
pub fn done<T>(what: &str, got: Result<T>) -> T {
    // Not in a closure, which would be the place that the message names.
    match got {
        Ok(value) => value,
        Err(e) => panic!("{what}: {}", describe(&e)),
    }
}

/// Both must be the same.
#[track_caller]
pub fn same<T: PartialEq + Debug>(what: &str, got: T, wanted: T) {
    assert!(got == wanted, "{what}: {got:x?}, wanted {wanted:x?}");
}

/// It must have worked, and given this.
#[track_caller]
pub fn gives<T: PartialEq + Debug>(what: &str, got: Result<T>, wanted: T) {
    same(what, done(what, got), wanted);
}

/// It must have been refused with this error.
#[track_caller]
pub fn refused<T>(what: &str, wanted: i32, got: Result<T>) {
    refused_with_any(what, &[wanted], got);
}

/// It must have been refused with one of these errors.
#[track_caller]
pub fn refused_with_any<T>(what: &str, wanted: &[i32], got: Result<T>) {
    let got = match got {
        Ok(_) => "accepted".into(),
        Err(e) if is_one_of(&e, wanted) => return,
        Err(e) => describe(&e),
    };
    let names = wanted.iter().map(|&number| errno::name(number));
    panic!(
        "{what}: {got}, wanted {}",
        names.collect::<Vec<_>>().join(" or ")
    );
}

/// Runs `f` in a child, which must be killed by this signal.
#[track_caller]
pub fn dies(signal: i32, f: impl FnOnce()) {
    assert_eq!(child(f), End::Killed(signal));
}

/// Runs `f` in a child, which must exit with 0.
#[track_caller]
pub fn in_child(f: impl FnOnce()) {
    assert_eq!(child(f), End::Exited(0));
}

#[track_caller]
fn child(f: impl FnOnce()) -> End {
    process::fork(|| run(f)).and_then(Child::wait).must()
}

/// Runs `last` in a grandchild, whose parent ran `first` before, and has ended.
#[track_caller]
pub fn outlived(first: impl FnOnce(), last: impl FnOnce()) {
    process::adopt_orphans().must();
    in_child(|| {
        first();
        let parent = std::process::id();
        let orphan = process::fork(|| {
            while std::os::unix::process::parent_id() == parent {
                std::thread::yield_now();
            }
            run(last)
        });
        orphan.must();
    });
    process::wait_for_any().must_give(End::Exited(0));
}

/// Runs it; returns an exit code. A panic's message goes where those of the test go.
fn run(f: impl FnOnce()) -> u8 {
    u8::from(catch_unwind(AssertUnwindSafe(f)).is_err())
}

/// Returns how many VMAs of the device this process has, as `/proc/self/maps` says.
#[track_caller]
pub fn vmas_of(node: &Node) -> u64 {
    let text = std::fs::read_to_string("/proc/self/maps").must();
    let (lines, _) = maps::parse(&text).unwrap_or_else(|e| panic!("{e}"));
    lines.iter().filter(|line| line.name == node.path).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(check: impl FnOnce()) -> String {
        let said = catch_unwind(AssertUnwindSafe(check)).unwrap_err();
        said.downcast_ref::<String>().unwrap().clone()
    }

    #[test]
    fn accepts_only_the_wanted_error() {
        let error = |number| Err::<(), _>(Error::from_raw_os_error(number));
        error(libc::EINVAL).must_fail(libc::EINVAL);
        assert_eq!(
            said(|| error(libc::EPERM).must_fail(libc::EINVAL)),
            "result: EPERM, wanted EINVAL"
        );
        assert_eq!(
            said(|| refused_with_any("x", &[libc::EINVAL, libc::ENXIO], Ok(()))),
            "x: accepted, wanted EINVAL or ENXIO"
        );
        assert_eq!(said(|| error(libc::EPERM).must()), "result: EPERM");
        assert_eq!(error(libc::EPERM).unless(&[libc::EIO, libc::EPERM]), None);
        assert_eq!(
            said(|| assert_eq!(error(libc::EPERM).unless(&[libc::EIO]), None)),
            "result: EPERM"
        );
        assert_eq!(said(|| Ok(2).must_give(3)), "result: 2, wanted 3");
    }
}
