// SPDX-License-Identifier: GPL-2.0

//! Modules of the kernel that are unloaded: not while something of them is in use, and when nothing
//! is.

use crate::sys;
use std::ffi::CStr;
use std::io::{Error, Result};
use std::time::{Duration, Instant};

/// The time limit for dropping the last reference to a file.
const SETTLE: Duration = Duration::from_secs(5);

/// Tries to unload a module that is in use, which must fail. Returns whether this kernel unloads
/// modules at all.
pub fn stays(name: &CStr) -> Result<bool> {
    let wrong = |what: String| Err(Error::other(format!("{}: {what}", name.to_string_lossy())));
    match sys::unload_module(name) {
        Err(e) if e.raw_os_error() == Some(libc::EWOULDBLOCK) => Ok(true),
        // A kernel without CONFIG_MODULE_UNLOAD.
        Err(e) if e.raw_os_error() == Some(libc::ENOSYS) => Ok(false),
        Err(e) => wrong(format!("unloading it while it is in use: {e}")),
        Ok(()) => wrong("it was unloaded while it is in use".into()),
    }
}

/// Unloads a module that is no longer in use.
pub fn goes(name: &CStr) -> Result<()> {
    let begin = Instant::now();
    while let Err(e) = sys::unload_module(name) {
        if begin.elapsed() > SETTLE {
            let name = name.to_string_lossy();
            let what = format!("{name}: unloading it when it is not in use: {e}");
            return Err(Error::other(what));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
