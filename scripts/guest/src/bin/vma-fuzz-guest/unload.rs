// SPDX-License-Identifier: GPL-2.0

//! A module stays while something of it is mapped, and goes when nothing is: generated programs leave no VMA behind, and
//! no reference to a file.

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::{Error, Result};
use vma_guest::device::map_shared;
use vma_guest::modules;
use vma_guest::sys;
use vma_guest::sys::memory;

/// A place that no generated program knows.
const PLACE: usize = 201;

/// The generated hooks refuse some mappings.
const TRIES: usize = 32;

/// Tries to unload a module whose device is mapped and closed, and then one that nothing uses.
pub fn check(name: &str) -> Result<()> {
    let wrong = |what: &str| Err(Error::other(format!("{name}: {what}")));
    let c_name = CString::new(name).map_err(Error::other)?;
    for via in ["mmap", "prepare"] {
        if !map(name, via)? {
            return wrong("no mapping of its device succeeds");
        }
        if !modules::stays(&c_name)? {
            return Ok(());
        }
        memory::unmap(memory::place(PLACE), sys::page_size())?;
    }
    modules::goes(&c_name)
}

/// Maps a page of the device, which is closed after that. Returns whether it is mapped.
fn map(name: &str, via: &str) -> Result<bool> {
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open(format!("/dev/{name}-{via}"))?;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let at = memory::place(PLACE);
    Ok((0..TRIES).any(|_| map_shared(&device, at, 0, 1, prot).is_ok()))
}
