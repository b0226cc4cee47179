// SPDX-License-Identifier: GPL-2.0
//! A setup goes one way: what it was before a step is gone.

use kernel::mm::vma::driver::VmaSetup;
use kernel::prelude::*;

fn mmap(vma: VmaSetup<'_>) -> Result {
    let vma_with_pages = vma.mixedmap();
    #[cfg(misuse)]
    let vma_with_frames = vma.pfnmap()?; //~ E0382 "use of moved value: `vma`"
    #[cfg(misuse)]
    drop(vma_with_frames);
    drop(vma_with_pages);
    Ok(())
}
