// SPDX-License-Identifier: GPL-2.0

//! Allocations of the kernel that fail on demand: of the calling thread, or of any task.
//!
//! Such a kernel has `CONFIG_FAILSLAB` and `CONFIG_FAIL_PAGE_ALLOC`. Their numbers in debugfs say
//! what kinds of allocations may fail. Those that the kernel says cannot fail (`__GFP_NOFAIL`) do
//! not.

use crate::sys;
use std::fmt;
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::FileExt;

/// Where a file system for the numbers is mounted.
const DEBUG: &str = "/run/failing";

const KINDS: [&str; 2] = ["failslab", "fail_page_alloc"];

/// Allocations that wait may fail, and those of user memory and of single pages; nothing is said.
/// Besides the one that is counted, all allocations of a thread that is marked fail.
const NUMBERS: [(&str, &str); 12] = [
    ("failslab/ignore-gfp-wait", "N"),
    ("failslab/verbose", "0"),
    ("failslab/task-filter", "Y"),
    ("failslab/interval", "1"),
    ("failslab/probability", "100"),
    ("fail_page_alloc/ignore-gfp-wait", "N"),
    ("fail_page_alloc/ignore-gfp-highmem", "N"),
    ("fail_page_alloc/min-order", "0"),
    ("fail_page_alloc/verbose", "0"),
    ("fail_page_alloc/task-filter", "Y"),
    ("fail_page_alloc/interval", "1"),
    ("fail_page_alloc/probability", "100"),
];

/// Writes the numbers, to a debugfs that is mounted for them.
fn write_numbers() -> Result<()> {
    fs::create_dir_all(DEBUG)?;
    sys::own_mounts()?;
    sys::mount("debugfs", DEBUG)?;
    for (name, value) in NUMBERS {
        write(name, value)?;
    }
    Ok(())
}

fn write(name: &str, value: &str) -> Result<()> {
    let path = format!("{DEBUG}/{name}");
    fs::write(&path, value).map_err(|e| Error::other(format!("{path}: {e}")))
}

/// The number of allocations that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// One.
    One,
    /// One, and those after it, up to [`LATER`] of them.
    AndLater,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "alone",
            Self::AndLater => "with those after it",
        })
    }
}

/// Not for ever, because a fault of user space for which there is no memory is tried again.
const LATER: &str = "40";

/// The allocations of the thread that has made it.
pub struct Allocations {
    fail_nth: File,
    is_marked: File,
    times: [File; 2],
}

impl Allocations {
    /// `None` if this kernel has no allocations that fail on demand. Nothing has to be put back:
    /// none fails without a thread that asks for it.
    pub fn open() -> Result<Option<Self>> {
        let own = |name: &str| {
            File::options()
                .read(true)
                .write(true)
                .open(format!("/proc/thread-self/{name}"))
        };
        let fail_nth = match own("fail-nth") {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        write_numbers()?;
        let times = |kind| {
            File::options()
                .write(true)
                .open(format!("{DEBUG}/{kind}/times"))
        };
        Ok(Some(Self {
            fail_nth,
            is_marked: own("make-it-fail")?,
            times: [times(KINDS[0])?, times(KINDS[1])?],
        }))
    }

    /// Runs `f`. Its allocation of this number fails; the first has number 1. Returns true if `f` made
    /// that number of allocations.
    ///
    /// Does not allocate.
    pub fn failing<R>(
        &self,
        number: u32,
        which: Which,
        f: impl FnOnce() -> R,
    ) -> Result<(R, bool)> {
        let is_marked = which == Which::AndLater;
        if is_marked {
            for mut times in &self.times {
                times.write_all(LATER.as_bytes())?;
            }
        }
        let mut text = [0; 10];
        let mut rest = &mut text[..];
        write!(rest, "{number}")?;
        let len = 10 - rest.len();
        put(
            &self.fail_nth,
            std::str::from_utf8(&text[..len]).unwrap_or_default(),
        )?;
        // As long as the allocation of this number is to come, no other fails.
        if is_marked {
            put(&self.is_marked, "1")?;
        }

        let result = f();

        if is_marked {
            put(&self.is_marked, "0")?;
        }
        let left = self.left();
        put(&self.fail_nth, "0")?;
        Ok((result, left? == 0))
    }

    /// Returns the number of allocations until one fails, or 0 if one has.
    fn left(&self) -> Result<u32> {
        let mut text = [0; 16];
        let len = match self.fail_nth.read_at(&mut text, 0) {
            // The page that the number is read to.
            Err(e) if e.raw_os_error() == Some(libc::EFAULT) => return Ok(0),
            other => other?,
        };
        let text = std::str::from_utf8(&text[..len]).map_err(Error::other)?;
        text.trim().parse().map_err(Error::other)
    }
}

/// Writes a number. The page that it is in can be one that there is no memory for.
fn put(file: &File, text: &str) -> Result<()> {
    loop {
        match file.write_all_at(text.as_bytes(), 0) {
            Err(e) if e.raw_os_error() == Some(libc::EFAULT) => (),
            other => return other,
        }
    }
}

/// The allocations of any task. Of each kind, one fails at a time.
pub struct OfAnyTask(());

impl OfAnyTask {
    /// The names of the kinds.
    pub const KINDS: [&str; 2] = KINDS;

    pub fn open() -> Result<Self> {
        write_numbers()?;
        for kind in KINDS {
            write(&format!("{kind}/probability"), "0")?;
            write(&format!("{kind}/task-filter"), "N")?;
        }
        Ok(Self(()))
    }

    /// Runs `f`, and returns what it, and whatever else is going on, allocates: bytes of slabs, or
    /// pages.
    pub fn measured<R>(&self, kind: &str, f: impl FnOnce() -> R) -> Result<(R, usize)> {
        const ENDLESS: usize = 1 << 30;
        // A test that makes its own allocations fail counts as one of these times.
        let result = self.armed(kind, ENDLESS, ENDLESS, f)?;
        Ok((result, ENDLESS - number(&format!("{kind}/space"))?))
    }

    /// Runs `f`. The first allocation of this kind fails with which more than `space` is
    /// allocated. Returns whether one has failed.
    pub fn failing<R>(&self, kind: &str, space: usize, f: impl FnOnce() -> R) -> Result<(R, bool)> {
        let result = self.armed(kind, space, 1, f)?;
        Ok((result, number(&format!("{kind}/times"))? == 0))
    }

    fn armed<R>(&self, kind: &str, space: usize, times: usize, f: impl FnOnce() -> R) -> Result<R> {
        write(&format!("{kind}/space"), &space.to_string())?;
        write(&format!("{kind}/times"), &times.to_string())?;
        write(&format!("{kind}/probability"), "100")?;
        let result = f();
        write(&format!("{kind}/probability"), "0")?;
        Ok(result)
    }
}

fn number(name: &str) -> Result<usize> {
    let text = fs::read_to_string(format!("{DEBUG}/{name}"))?;
    text.trim().parse().map_err(Error::other)
}
