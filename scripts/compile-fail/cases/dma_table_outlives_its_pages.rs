// SPDX-License-Identifier: GPL-2.0
//! A table is freed with the pages that it is of, and before the device is unbound.

use kernel::mm::vma::pin::{DmaPages, Writable};
use kernel::scatterlist::SGEntry;

fn table(pages: DmaPages<Writable>) {
    let table = pages.table();
    #[cfg(misuse)]
    drop(pages); //~ E0505 "cannot move out of `pages` because it is borrowed"
    drop(table);
}

fn segment(pages: &DmaPages<Writable>) {
    let mut first: Option<&SGEntry> = None;
    if let Some(table) = pages.table() {
        #[cfg(misuse)]
        {
            first = table.iter().next(); //~ E0597 "`table` does not live long enough"
        }
        #[cfg(not(misuse))]
        let _ = (&first, table.iter().next());
    }
    first.take();
}
