// SPDX-License-Identifier: GPL-2.0
//! A page is pinned for as long as the pins it came from are there.

use kernel::mm::vma::pin::{PinnedPages, ReadOnly};
use kernel::{bindings, prelude::*};

fn first(pages: PinnedPages<ReadOnly>, to: &mut [u8]) -> Result<*mut bindings::page> {
    let page = pages.iter().next().ok_or(EINVAL)?;
    #[cfg(misuse)]
    drop(pages); //~ E0505 "cannot move out of `pages` because it is borrowed"
    page.read(0, to)?;
    Ok(page.as_raw())
}
