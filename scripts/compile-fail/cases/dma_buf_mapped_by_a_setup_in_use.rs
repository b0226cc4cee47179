// SPDX-License-Identifier: GPL-2.0
//@needs: CONFIG_DMA_SHARED_BUFFER
//! The exporter of a DMA buffer is given a new VMA, and gives it its own operations: one that has no
//! kind, which nothing has been mapped into, and of which there is no view.

use kernel::mm::vma::driver::{DmaBuf, Mapped, VmaSetup};
use kernel::prelude::*;

#[cfg(not(misuse))]
fn mmap<'a>(vma: VmaSetup<'a>, buf: &DmaBuf) -> Result<Mapped<'a>> {
    vma.map_dma_buf(buf, 0)
}

#[cfg(misuse)]
fn mmap<'a>(vma: VmaSetup<'a>, buf: &DmaBuf) -> Result<Mapped<'a>> {
    vma.mixedmap().map_dma_buf(buf, 0) //~ E0599 "no method named `map_dma_buf` found for struct `VmaSetup<'_, MixedMap>`"
}

#[cfg(misuse)]
fn mmap_frames<'a>(vma: VmaSetup<'a>, buf: &DmaBuf) -> Result<Mapped<'a>> {
    vma.pfnmap()?.map_dma_buf(buf, 0) //~ E0599 "no method named `map_dma_buf` found for struct `VmaSetup<'_, PfnMap>`"
}

fn mmap_twice<'a>(vma: VmaSetup<'a>, buf: &DmaBuf) -> Result<Mapped<'a>> {
    let mapped = vma.map_dma_buf(buf, 0);
    #[cfg(misuse)]
    let mapped = mapped.or_else(|_| vma.map_dma_buf(buf, 1)); //~ E0382 "use of moved value: `vma`"
    mapped
}

fn mmap_with_a_view<'a>(vma: VmaSetup<'a>, buf: &DmaBuf) -> Result<(Mapped<'a>, usize)> {
    let view = &*vma;
    #[cfg(misuse)]
    let mapped = vma.map_dma_buf(buf, 0)?; //~ E0505 "cannot move out of `vma` because it is borrowed"
    let first = view.pgoff();
    #[cfg(not(misuse))]
    let mapped = vma.map_dma_buf(buf, 0)?;
    Ok((mapped, first))
}
