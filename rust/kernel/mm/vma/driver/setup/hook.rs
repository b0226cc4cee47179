// SPDX-License-Identifier: GPL-2.0

//! The two mmap hooks of file operations, of which one gives VMAs their operations.

mod sealed {
    pub trait Sealed {}
}

/// The hook of the file operations that gives VMAs these operations. This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an mmap hook",
    label = "not an mmap hook",
    note = "the hooks are `ViaMmap` and `ViaMmapPrepare`"
)]
pub trait Hook: sealed::Sealed + 'static {
    #[doc(hidden)]
    const HAS_MAPPED: bool;
}

/// `file_operations::mmap`, with a [`VmaSetup`](super::VmaSetup).
pub enum ViaMmap {}

/// `file_operations::mmap_prepare`, with a [`VmaDesc`](super::VmaDesc).
pub enum ViaMmapPrepare {}

impl sealed::Sealed for ViaMmap {}
impl sealed::Sealed for ViaMmapPrepare {}

impl Hook for ViaMmap {
    const HAS_MAPPED: bool = false;
}

impl Hook for ViaMmapPrepare {
    const HAS_MAPPED: bool = true;
}

/// The hook of operations that end a [`VmaSetup`](super::VmaSetup): [`ViaMmap`].
#[diagnostic::on_unimplemented(
    message = "operations with `type Hook = {Self}` cannot end a `VmaSetup`",
    label = "a `VmaSetup` needs operations with `type Hook = ViaMmap`",
    note = "say `type Hook = ViaMmap` in the operations, or implement `mmap_prepare()`, which is \
            handed a `VmaDesc`, in place of `mmap_setup()`"
)]
pub trait EndsSetup: Hook {}

/// The hook of operations that end a [`VmaDesc`](super::VmaDesc): [`ViaMmapPrepare`].
#[diagnostic::on_unimplemented(
    message = "operations with `type Hook = {Self}` cannot end a `VmaDesc`",
    label = "a `VmaDesc` needs operations with `type Hook = ViaMmapPrepare`",
    note = "say `type Hook = ViaMmapPrepare` in the operations, or implement `mmap_setup()`, which \
            is handed a `VmaSetup`, in place of `mmap_prepare()`"
)]
pub trait EndsDesc: Hook {}

impl EndsSetup for ViaMmap {}
impl EndsDesc for ViaMmapPrepare {}
