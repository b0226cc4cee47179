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

/// A function of C whose caller cannot take that it fails: `drm_minor_alloc()` keeps the error as a
/// pointer to a device, which `drm_minor_alloc_release()` gives back. No allocation of it fails.
const CANNOT_FAIL: &str = "drm_sysfs_minor_alloc";

/// Returns the addresses of a function, up to that of the next one, in hexadecimal. `None` if the
/// kernel does not have it.
fn range_of(function: &str) -> Result<Option<(String, String)>> {
    Ok(range_in(&fs::read_to_string("/proc/kallsyms")?, function))
}

fn range_in(symbols: &str, function: &str) -> Option<(String, String)> {
    let all = || {
        symbols.lines().filter_map(|line| {
            let (address, rest) = line.split_once(' ')?;
            let name = rest.split_whitespace().nth(1)?;
            Some((u64::from_str_radix(address, 16).ok()?, name))
        })
    };
    let (start, _) = all().find(|(_, name)| *name == function)?;
    let end = all().map(|(at, _)| at).filter(|at| *at > start).min()?;
    Some((format!("{start:#x}"), format!("{end:#x}")))
}

/// The allocations of any task, of one kind.
pub struct OfAnyTask {
    kind: &'static str,
    // Open, because to open a file takes memory.
    probability: File,
}

impl OfAnyTask {
    /// Returns those of each kind.
    pub fn open() -> Result<Vec<Self>> {
        write_numbers()?;
        let rejected = range_of(CANNOT_FAIL)?;
        let mut all = Vec::new();
        for kind in KINDS {
            write(&format!("{kind}/probability"), "0")?;
            write(&format!("{kind}/task-filter"), "N")?;
            if let Some((start, end)) = &rejected {
                write(&format!("{kind}/reject-start"), start)?;
                write(&format!("{kind}/reject-end"), end)?;
            }
            let path = format!("{DEBUG}/{kind}/probability");
            let probability = File::options().write(true).open(path)?;
            all.push(Self { kind, probability });
        }
        Ok(all)
    }

    /// Runs `f`, and returns what it, and whatever else is going on, allocates: bytes of slabs, or
    /// pages.
    pub fn measured<R>(&self, f: impl FnOnce() -> R) -> Result<(R, usize)> {
        const ENDLESS: usize = 1 << 30;
        // A test that makes its own allocations fail counts as one of these times.
        let result = self.armed(ENDLESS, ENDLESS, f)?;
        Ok((result, ENDLESS - self.number("space")?))
    }

    /// Runs `f`. The first allocation fails with which more than `space` is allocated. Returns
    /// whether one has failed.
    pub fn failing<R>(&self, space: usize, f: impl FnOnce() -> R) -> Result<(R, bool)> {
        let result = self.armed(space, 1, f)?;
        Ok((result, self.number("times")? == 0))
    }

    fn armed<R>(&self, space: usize, times: usize, f: impl FnOnce() -> R) -> Result<R> {
        let kind = self.kind;
        write(&format!("{kind}/space"), &space.to_string())?;
        write(&format!("{kind}/times"), &times.to_string())?;
        (&self.probability).write_all(b"100")?;
        let result = f();
        (&self.probability).write_all(b"0")?;
        Ok(result)
    }

    fn number(&self, name: &str) -> Result<usize> {
        let text = fs::read_to_string(format!("{DEBUG}/{}/{name}", self.kind))?;
        text.trim().parse().map_err(Error::other)
    }
}

impl fmt::Display for OfAnyTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_ends_where_the_next_one_begins() {
        let symbols = "ff30 T c\nff10 t a\nff20 t b\t[module]\nff10 t also_a\n";
        let range = |start: &str, end: &str| Some((start.to_string(), end.to_string()));
        assert_eq!(range_in(symbols, "a"), range("0xff10", "0xff20"));
        assert_eq!(range_in(symbols, "b"), range("0xff20", "0xff30"));
        assert_eq!(range_in(symbols, "c"), None);
        assert_eq!(range_in(symbols, "d"), None);
    }
}
