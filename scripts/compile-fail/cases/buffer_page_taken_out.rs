// SPDX-License-Identifier: GPL-2.0
//! The pages of a buffer are lent: a page that is taken out of it would be freed twice.

use kernel::mm::vma::driver::{SharedBuffer, SharedPage};
use kernel::prelude::*;

#[cfg(misuse)]
fn take(buffer: &SharedBuffer) -> SharedPage {
    buffer.pages()[0] //~ E0508 "cannot move out of type `[SharedPage]`, a non-copy slice"
}
#[cfg(not(misuse))]
fn take(buffer: &SharedBuffer) -> &SharedPage {
    &buffer.pages()[0]
}

fn read(buffer: SharedBuffer) -> Result<u32> {
    let page = take(&buffer);
    #[cfg(misuse)]
    let pages = buffer.pages();
    #[cfg(misuse)]
    drop(buffer); //~ E0505 "cannot move out of `buffer` because it is borrowed"
    #[cfg(misuse)]
    let page = &pages[1];
    page.load(0, kernel::sync::atomic::Relaxed)
}
