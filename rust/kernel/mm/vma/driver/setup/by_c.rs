// SPDX-License-Identifier: GPL-2.0

//! The steps of a setup that C code does, or whose contract no type can state.
//!
//! A driver that sits on a C library hands the VMA over to that: `drm_gem_mmap_obj()`,
//! `dma_buf_mmap()`, `vfio_pci_core_mmap()`, `shmem_zero_setup()`. Some have a safe step
//! (`by_file`). The library gives the VMA operations and data of its own, so this driver does not
//! know it later: `Vma::downcast()` returns `None`.
//!
//! The other way round, a C library calls a driver back in its mmap function, with a VMA that it
//! has begun to set up: `drm_gem_object_funcs::mmap()`.

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
        Vma,
        VmaFlag, //
    },
    prelude::*,
    types::NotThreadSafe, //
};
use core::marker::PhantomData;

impl<'a> VmaSetup<'a> {
    /// Runs a hook that a C library calls in its mmap function, and returns its C result.
    ///
    /// Operations and private data that the library has given the VMA are taken away first. The
    /// hook is not run, and `EINVAL` returned, if the VMA is `VM_PFNMAP` or `VM_MIXEDMAP` already.
    ///
    /// # Safety
    ///
    /// As for [`run_hook()`](Self::run_hook), but for who calls this: a function that is called
    /// once by `file_operations::mmap()`, or by the functions of C that this calls. They must have
    /// mapped no pages before, and leave the operations and the value of the private data
    /// afterwards.
    #[cfg_attr(not(CONFIG_DRM = "y"), allow(dead_code))]
    pub(in crate::mm::vma) unsafe fn run_hook_in_c(
        vma: *mut bindings::vm_area_struct,
        hook: impl FnOnce(VmaSetup<'a>) -> Result<Mapped<'a>>,
    ) -> c_int {
        // SAFETY: The VMA is in the mmap function, which shows it to nobody.
        if !unsafe { take_back(vma) } {
            return EINVAL.to_errno();
        }
        // SAFETY: Guaranteed by the caller. The VMA is as a new one.
        unsafe { VmaSetup::run_hook(vma, hook) }
    }

    /// Ends the setup by an mmap function of C, which gets the VMA as this hook has set it up.
    ///
    /// If the hook fails after this, the VMA is unmapped, and closed by the operations that the
    /// function has given it (C: `vma_close()`).
    ///
    /// # Errors
    ///
    /// The error of the function.
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
    /// - It does not leave a table made by [`vm_operations!`](crate::vm_operations), unless a hook
    ///   has given it to the VMA that C has called back in this function.
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

/// Takes operations and private data from a VMA. Returns whether its pages have no kind yet.
///
/// # Safety
///
/// The VMA must be in the mmap function that sets it up.
// Not inlined: as `take_operations()`.
#[inline(never)]
unsafe fn take_back(vma: *mut bindings::vm_area_struct) -> bool {
    // SAFETY: The VMA is stable, as at the level `Setup`. The data is that of C.
    let flags = unsafe {
        take_operations(vma);
        Vma::<Setup>::from_raw(vma).flags()
    };
    !flags.contains(VmaFlag::PFNMAP) && !flags.contains(VmaFlag::MIXEDMAP)
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
