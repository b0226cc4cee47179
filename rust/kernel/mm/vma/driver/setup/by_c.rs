// SPDX-License-Identifier: GPL-2.0

//! The steps of a setup that C code does, or whose contract no type can state.
//!
//! A driver that sits on a C library hands the VMA over to that: `drm_gem_mmap_obj()`,
//! `dma_buf_mmap()`, `vfio_pci_core_mmap()`, `shmem_zero_setup()`. The library gives the VMA
//! operations and data of its own, so nothing in Rust knows it later: `Vma::downcast()` returns
//! `None`.

use super::{
    take_operations,
    Mapped,
    PageKind,
    VmaSetup, //
};
use crate::{
    bindings,
    error::to_result,
    fs::LocalFile,
    mm::vma::{
        page_table::walk,
        Setup,
        Vma, //
    },
    prelude::*,
    types::NotThreadSafe, //
};
use core::marker::PhantomData;

impl<'a> VmaSetup<'a> {
    /// Ends the setup by an mmap function of C, which gets the VMA as this hook has set it up.
    ///
    /// If the hook fails after this, the VMA is unmapped, and closed by the operations that the
    /// function has given it (C: `vma_close()`).
    ///
    /// # Errors
    ///
    /// That of the function.
    ///
    /// # Safety
    ///
    /// `mmap` must do what may be done in `file_operations::mmap()` of the file of the VMA:
    ///
    /// - It returns 0, or a negative error number, after which it has taken back all that it has
    ///   done, but for fields of the VMA.
    /// - It does not change the VMA's addresses, and does not make it one of hugetlb.
    /// - The operations that it leaves may be called until the VMA is closed, with the private data
    ///   that it leaves, and also if the module of the driver is gone, unless the file keeps it.
    /// - It does not leave a table made by [`vm_operations!`](crate::vm_operations).
    #[doc(alias = "drm_gem_mmap_obj")]
    #[doc(alias = "dma_buf_mmap")]
    #[doc(alias = "vfio_pci_core_mmap")]
    #[doc(alias = "shmem_zero_setup")]
    pub unsafe fn finish_in_c(
        self,
        mmap: impl FnOnce(*mut bindings::vm_area_struct) -> c_int,
    ) -> Result<Mapped<'a>> {
        let vma = self.vma.as_raw();
        to_result(mmap(vma))?;

        Ok(Mapped {
            vma,
            discard,
            _brand: PhantomData,
            _nts: NotThreadSafe,
        })
    }
}

impl<K: PageKind> VmaSetup<'_, K> {
    /// Gives the VMA another file (C: `vma_set_file()`).
    ///
    /// The VMA gets a reference to `file`. Later `unmap_mapping_range()` of that file finds the
    /// VMA, that of the file before does not.
    ///
    /// # Safety
    ///
    /// The module whose operations the VMA gets must not be unloaded for as long as the VMA exists,
    /// although the file before is not kept any longer: `file` keeps it, or it is built in. `file`
    /// must not be one of hugetlb or on DAX. If the mapping is shared and may be written to, `file`
    /// must not be sealed against that (C: `mapping_map_writable()`).
    #[doc(alias = "vma_set_file")]
    #[inline]
    pub unsafe fn set_file(&mut self, file: &LocalFile) {
        // SAFETY: This is the VMA's setup, in which the file may be changed. The VMA takes a
        // reference of its own, and drops that to the file before. That one is held by the caller
        // of the hook, so nothing that was borrowed for `'a` goes. The caller answers for the rest.
        unsafe { bindings::vma_set_file(self.vma.as_raw(), file.as_ptr()) };
    }
}

/// Closes a VMA that C has set up, as `vma_close()` does.
///
/// # Safety
///
/// The VMA must be in the hook that set it up by [`VmaSetup::finish_in_c()`].
unsafe fn discard(vma: *mut bindings::vm_area_struct) {
    // SAFETY: The VMA is stable, as at the level `Setup`. The page tables of the process have what
    // was mapped: it must go before the data does. By the contract of `finish_in_c()` the
    // operations may be called, and the data is theirs.
    unsafe {
        let view = Vma::<Setup>::from_raw(vma);
        // It is the whole VMA, so it lies in the VMA.
        let _ = walk::zap(view, view.start()..view.end());

        if let Some(close) = (*vma).vm_ops.as_ref().and_then(|ops| ops.close) {
            close(vma);
        }
        take_operations(vma);
    }
}
