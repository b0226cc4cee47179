// SPDX-License-Identifier: GPL-2.0
//! A device writes only to pages that were pinned for that: others may be shared, with the page
//! cache or after a fork.

use kernel::device::{Bound, Device};
#[cfg(misuse)]
use kernel::mm::vma::pin::ReadOnly as How;
#[cfg(not(misuse))]
use kernel::mm::vma::pin::Writable as How;
use kernel::mm::vma::pin::{Bidirectional, FromDevice, PinnedPages, ToDevice};
use kernel::prelude::*;

fn map(pages: [PinnedPages<How>; 3], device: &Device<Bound>) -> Result {
    let [read, written, both] = pages;
    read.map_for_device::<ToDevice>(device)?;
    written.map_for_device::<FromDevice>(device)?; //~ E0277 "the device would write to pages that were not pinned for that"
    both.map_for_device::<Bidirectional>(device)?; //~ E0277 "the device would write to pages that were not pinned for that"
    Ok(())
}
