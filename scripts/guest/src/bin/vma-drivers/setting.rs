// SPDX-License-Identifier: GPL-2.0

//! Numbers of the whole kernel that a test changes, and puts back.

use std::fs;
use vma_guest::check::done;

/// A value of the kernel's that is changed for a while.
pub struct Setting {
    path: &'static str,
    before: String,
}

impl Setting {
    #[track_caller]
    pub fn set(path: &'static str, value: &str) -> Self {
        let before = done(path, fs::read_to_string(path));
        done(path, fs::write(path, value));
        Self { path, before }
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        // A panic may be on its way: another one would hide it.
        let _ = fs::write(self.path, self.before.trim());
    }
}
