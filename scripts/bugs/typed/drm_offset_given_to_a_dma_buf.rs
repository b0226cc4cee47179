// SPDX-License-Identifier: GPL-2.0
//! The page offset of a mapping, which is that of an object in the DRM device, is used as an offset
//! in a DMA buffer.

use kernel::mm::vma::driver::{DmaBuf, Mapped, VmaSetup};
use kernel::prelude::*;

fn mmap<'a>(vma: VmaSetup<'a>, buf: &DmaBuf) -> Result<Mapped<'a>> {
    let offset = vma.pgoff();
    vma.map_dma_buf(buf, offset)
}
