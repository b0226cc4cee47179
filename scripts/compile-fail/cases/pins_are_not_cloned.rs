// SPDX-License-Identifier: GPL-2.0
//! Pages are unpinned once.

use kernel::mm::vma::pin::{PinnedPages, Writable};

fn unpin(pages: PinnedPages<Writable>) {
    #[cfg(misuse)]
    drop(pages.clone()); //~ E0599 "no method named `clone` found for struct `PinnedPages<A>`"
    drop(pages);
}
