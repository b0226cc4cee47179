// SPDX-License-Identifier: GPL-2.0
//! Writing to pins marks all their pages dirty, so it needs exclusive access to the pins.

use kernel::mm::vma::pin::{PinnedPages, Writable};
use kernel::prelude::*;

fn by_a_page(pages: &mut PinnedPages<Writable>) -> Result {
    for page in pages.iter() {
        #[cfg(misuse)]
        page.write(0, &[0; 8])?; //~ E0599 "no method named `write` found for struct `PinnedPage<'a>`"
        #[cfg(not(misuse))]
        page.read(0, &mut [0; 8])?;
    }
    pages.write(0, &[0; 8])
}

fn under_a_page(pages: &mut PinnedPages<Writable>) -> Result {
    let page = pages.iter().next().ok_or(EINVAL)?;
    #[cfg(not(misuse))]
    page.read(0, &mut [0; 8])?;
    pages.write(0, &[0; 8])?; //~ E0502 "cannot borrow `*pages` as mutable because it is also borrowed as immutable"
    #[cfg(misuse)]
    page.read(0, &mut [0; 8])?;
    Ok(())
}
