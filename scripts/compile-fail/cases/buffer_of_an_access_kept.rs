// SPDX-License-Identifier: GPL-2.0
//! The buffer of an access and the file of a mapping are lent to the callback.

use kernel::fs::LocalFile;
use kernel::mm::vma::driver::{AccessBuffer, MappedRange};

#[derive(Default)]
struct Device<'a> {
    buffer: Option<AccessBuffer<'a>>,
    file: Option<&'a LocalFile>,
}

fn keep_buffer<'a>(
    #[cfg(misuse)] device: &mut Device<'static>,
    #[cfg(not(misuse))] device: &mut Device<'a>,
    buffer: AccessBuffer<'a>,
) {
    device.buffer = Some(buffer); //~ error "assignment requires that `'a` must outlive `'static`"
}

fn keep_file<'a>(
    #[cfg(misuse)] device: &mut Device<'static>,
    #[cfg(not(misuse))] device: &mut Device<'a>,
    range: &MappedRange<'a>,
) {
    device.file = range.file; //~ error "assignment requires that `'a` must outlive `'static`"
}
