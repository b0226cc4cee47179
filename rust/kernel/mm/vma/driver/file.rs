// SPDX-License-Identifier: GPL-2.0

//! The files by which user space maps the memory of a driver.
//!
//! - `mmap_hooks` gives the file operations of a subsystem the typed mmap hooks.
//! - `anon_file` makes anonymous files, for drivers that hand out a file for each of their objects.
//!
//! Misc devices have the hooks as methods of [`MiscDevice`](crate::miscdevice::MiscDevice).

mod anon_file;
mod mmap_hooks;

pub use self::{
    anon_file::{
        anon_inode_create_getfile,
        AnonFile, //
    },
    mmap_hooks::{
        with_mmap_hooks,
        MmapHooks, //
    },
};
