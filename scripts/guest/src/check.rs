// SPDX-License-Identifier: GPL-2.0

//! What tests say must hold. What does not hold panics, with the place of the test's line.

use crate::device::Node;
use crate::sys::process::{self, End};
use crate::{errno, maps};
use std::fmt::Debug;
use std::io::Result;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Must have worked.
#[track_caller]
pub fn done<T>(what: &str, got: Result<T>) -> T {
    // Not in a closure, which would be the place that the message names.
    match got {
        Ok(value) => value,
        Err(e) => match e.raw_os_error() {
            Some(number) => panic!("{what}: {}", errno::name(number)),
            None => panic!("{what}: {e}"),
        },
    }
}

/// Must be the same.
#[track_caller]
pub fn same<T: PartialEq + Debug>(what: &str, got: T, wanted: T) {
    assert!(got == wanted, "{what}: {got:x?}, wanted {wanted:x?}");
}

/// Must be refused with this error.
#[track_caller]
pub fn refused<T>(what: &str, wanted: i32, got: Result<T>) {
    if let Some(fault) = not_refused(what, &[wanted], got) {
        panic!("{fault}");
    }
}

fn not_refused<T>(what: &str, wanted: &[i32], got: Result<T>) -> Option<String> {
    let got = match got {
        Ok(_) => "accepted".into(),
        Err(e) => match e.raw_os_error() {
            Some(number) if wanted.contains(&number) => return None,
            Some(number) => errno::name(number),
            None => e.to_string(),
        },
    };
    let names = wanted.iter().map(|&number| errno::name(number));
    let names = names.collect::<Vec<_>>().join(" or ");
    Some(format!("{what}: {got}, wanted {names}"))
}

/// Requests that must be refused, all of which are made before the first that is not ends the test.
#[derive(Default)]
pub struct Refusals {
    made: usize,
    faults: Vec<String>,
}

impl Refusals {
    /// One that must be refused with this error.
    pub fn add<T>(&mut self, what: &str, wanted: i32, got: Result<T>) {
        self.add_either(what, &[wanted], got);
    }

    /// One that must be refused with one of these errors.
    pub fn add_either<T>(&mut self, what: &str, wanted: &[i32], got: Result<T>) {
        self.made += 1;
        self.faults.extend(not_refused(what, wanted, got));
    }

    /// Ends the test.
    #[track_caller]
    pub fn end(self) {
        let Self { made, faults } = self;
        assert!(made > 0, "nothing was asked");
        assert!(
            faults.is_empty(),
            "{} of {made} are wrong: {}",
            faults.len(),
            faults.join("; ")
        );
    }
}

/// Must end the process that does it, by this signal. A child does it.
#[track_caller]
pub fn dies(what: &str, signal: i32, f: impl FnOnce()) {
    let end = done(
        "fork",
        process::fork(|| run(f)).and_then(process::Child::wait),
    );
    assert!(
        end == End::Killed(signal),
        "{what}: {end}, wanted {}",
        errno::signal_name(signal)
    );
}

/// Runs in a child process, which must come to a good end.
#[track_caller]
pub fn in_child(what: &str, f: impl FnOnce()) {
    let end = done(
        "fork",
        process::fork(|| run(f)).and_then(process::Child::wait),
    );
    assert!(end == End::Exited(0), "{what}: the child {end}");
}

/// Runs `last` in a grandchild, whose parent ran `first` before, and has ended.
#[track_caller]
pub fn outlived(what: &str, first: impl FnOnce(), last: impl FnOnce()) {
    done("adopting", process::adopt_orphans());
    let parent = process::fork(|| {
        run(|| {
            first();
            let parent = std::process::id();
            done(
                "fork",
                process::fork(|| {
                    while std::os::unix::process::parent_id() == parent {
                        std::thread::yield_now();
                    }
                    run(last)
                }),
            );
        })
    });
    let end = done("fork", parent.and_then(process::Child::wait));
    assert!(end == End::Exited(0), "{what}: the parent {end}");
    let end = done("waiting for the orphan", process::wait_for_any());
    assert!(end == End::Exited(0), "{what}: the child {end}");
}

/// Runs it; returns an exit code. A panic's message goes where those of the test go.
fn run(f: impl FnOnce()) -> u8 {
    u8::from(catch_unwind(AssertUnwindSafe(f)).is_err())
}

/// How many VMAs of the device this process has, as `/proc/self/maps` says.
#[track_caller]
pub fn vmas_of(node: &Node) -> u64 {
    let text = done(
        "/proc/self/maps",
        std::fs::read_to_string("/proc/self/maps"),
    );
    let (lines, _) = maps::parse(&text).unwrap_or_else(|e| panic!("{e}"));
    lines.iter().filter(|line| line.name == node.path).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Error;

    fn error(number: i32) -> Result<()> {
        Err(Error::from_raw_os_error(number))
    }

    #[test]
    fn only_the_wanted_error_is_right() {
        assert_eq!(not_refused("x", &[libc::EINVAL], error(libc::EINVAL)), None);
        assert_eq!(
            not_refused("x", &[libc::EINVAL], error(libc::EPERM)).unwrap(),
            "x: EPERM, wanted EINVAL"
        );
        assert_eq!(
            not_refused("x", &[libc::EINVAL, libc::ENXIO], Ok(())).unwrap(),
            "x: accepted, wanted EINVAL or ENXIO"
        );
    }

    #[test]
    fn one_wrong_answer_of_many_fails_and_so_does_no_question() {
        let mut refusals = Refusals::default();
        refusals.add("x", libc::EINVAL, error(libc::EINVAL));
        refusals.add("y", libc::EINVAL, Ok(()));
        refusals.add("z", libc::EINVAL, error(libc::EINVAL));
        let said = catch_unwind(|| refusals.end()).unwrap_err();
        assert_eq!(
            said.downcast_ref::<String>().unwrap(),
            "1 of 3 are wrong: y: accepted, wanted EINVAL"
        );
        assert!(catch_unwind(|| Refusals::default().end()).is_err());
    }
}
