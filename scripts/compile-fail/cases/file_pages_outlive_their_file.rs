// SPDX-License-Identifier: GPL-2.0
//! A handle to the pages of a file does not outlive the file: an inode that is kept without its
//! file system has its mapping poisoned.

use kernel::{
    fs::File,
    mm::vma::{driver::FilePages, LockOrder},
    prelude::*,
    sync::aref::ARef,
};

fn revoke(file: ARef<File>) -> Result {
    let pages = FilePages::of(&file);
    #[cfg(misuse)]
    drop(file); //~ E0505 "cannot move out of `file` because it is borrowed"
    pages.unmap(&mut LockOrder::new(), 0..4096)
}

struct Device {
    #[cfg(misuse)]
    pages: FilePages<'static>,
    #[cfg(not(misuse))]
    file: ARef<File>,
}

fn remember(file: &ARef<File>) -> Device {
    Device {
        #[cfg(misuse)]
        pages: FilePages::of(file), //~ E0521 "borrowed data escapes outside of function"
        #[cfg(not(misuse))]
        file: file.clone(),
    }
}

fn forget(device: Device) {
    #[cfg(misuse)]
    drop(device.pages);
    #[cfg(not(misuse))]
    drop(device.file);
}
