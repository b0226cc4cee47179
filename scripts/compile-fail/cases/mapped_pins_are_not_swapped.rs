// SPDX-License-Identifier: GPL-2.0
//! Pages that are mapped for a device are not exchanged for others, which would unpin them.

use kernel::mm::vma::pin::{DmaPages, PinnedPages, Writable};
use kernel::prelude::*;

fn swap(mapped: &mut DmaPages<Writable>, mut others: PinnedPages<Writable>) -> Result {
    let mut pages = mapped.for_cpu();
    #[cfg(misuse)]
    core::mem::swap(&mut *pages, &mut others); //~ E0596 "cannot borrow data in dereference of `CpuPages<'_, Writable>` as mutable"
    others.write(0, &[0])?;
    pages.write(0, &[0])
}
