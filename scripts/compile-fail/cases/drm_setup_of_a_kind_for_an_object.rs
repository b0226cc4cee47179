// SPDX-License-Identifier: GPL-2.0
//@needs: CONFIG_DRM
//! The object that a VMA maps chooses its kind and its operations: a DRM driver does not leave it a
//! VMA for which it has chosen.

use kernel::drm::mmap::FileMapping;
use kernel::mm::vma::driver::VmaSetup;
use kernel::prelude::*;

#[cfg(not(misuse))]
fn mmap(vma: VmaSetup<'_>) -> Result<FileMapping<'_>> {
    Ok(FileMapping::Object(vma))
}

#[cfg(misuse)]
fn mmap(vma: VmaSetup<'_>) -> Result<FileMapping<'_>> {
    Ok(FileMapping::Object(vma.pfnmap()?)) //~ E0308 "expected `VmaSetup<'_>`, found `VmaSetup<'_, PfnMap>`"
}

#[cfg(misuse)]
fn mmap_pages(vma: VmaSetup<'_>) -> FileMapping<'_> {
    FileMapping::Object(vma.mixedmap()) //~ E0308 "expected `VmaSetup<'_>`, found `VmaSetup<'_, MixedMap>`"
}
