// SPDX-License-Identifier: GPL-2.0
//! A file of shmem maps its own pages, and gives the VMA its own operations: a VMA of a kind that the
//! driver has chosen does not get it.

use kernel::mm::vma::driver::{Mapped, ShmemFile, VmaSetup};
use kernel::prelude::*;

#[cfg(not(misuse))]
fn mmap<'a>(vma: VmaSetup<'a>, file: &ShmemFile) -> Result<Mapped<'a>> {
    vma.map_shmem(file, 0)
}

#[cfg(misuse)]
fn mmap<'a>(vma: VmaSetup<'a>, file: &ShmemFile) -> Result<Mapped<'a>> {
    vma.mixedmap().map_shmem(file, 0) //~ E0599 "no method named `map_shmem` found for struct `VmaSetup<'_, MixedMap>`"
}

#[cfg(misuse)]
fn mmap_frames<'a>(vma: VmaSetup<'a>, file: &ShmemFile) -> Result<Mapped<'a>> {
    vma.pfnmap()?.map_shmem(file, 0) //~ E0599 "no method named `map_shmem` found for struct `VmaSetup<'_, PfnMap>`"
}
