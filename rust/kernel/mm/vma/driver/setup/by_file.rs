// SPDX-License-Identifier: GPL-2.0

//! Setups that end in the mmap function of another file, whose memory the VMA maps.
//!
//! # Protocol
//!
//! - The VMA gets the other file, and drops the one that `mmap()` was called with, which its caller
//!   holds until it is done. So nothing that was borrowed from that in the hook goes.
//! - The VMA is as a new one of the other file: no driver has given it operations, data or pages.
//! - What the mmap function leaves is that of the other file, which keeps the module of it. The
//!   VMA does not need the driver afterwards, which may be unloaded.
//! - If the function fails, or the hook after it, `__mmap_new_file_vma()` unmaps the VMA and drops
//!   the file that it has then.
//!
//! # Permissions
//!
//! `remap_file_pages()` maps other pages of the file of a VMA, by the mmap function of that file,
//! and with all permissions that this gives. It does so for VMAs that are `VM_SHARED`, which those
//! of a file are not that was opened for reading. So a VMA that may never be written is not either,
//! and no such system call finds it. But who has any writable shared mapping of a file can reach
//! all of that file.

#[cfg(CONFIG_DMA_SHARED_BUFFER)]
use super::super::DmaBuf;
use super::{
    Mapped,
    VmaSetup, //
};
use crate::{
    bindings,
    mm::vma::{
        driver::ShmemFile,
        VmaFlag, //
    },
    prelude::*, //
};

impl<'a> VmaSetup<'a> {
    /// Ends the setup: the VMA maps a file of shmem, from its page `first` on.
    ///
    /// It is as if user space had mapped that file itself: page faults are those of shmem, pages
    /// beyond the end are a SIGBUS, and writes to a private mapping go to copies. If the mapping is
    /// shared and may become writable, its process can reach the whole file.
    ///
    /// # Errors
    ///
    /// `EOVERFLOW` if the offsets of the mapping would overflow.
    #[doc(alias = "vma_set_file")]
    #[doc(alias = "vfs_mmap")]
    #[doc(alias = "compat_vma_mmap")]
    pub fn map_shmem(mut self, file: &ShmemFile, first: usize) -> Result<Mapped<'a>> {
        let file = file.file();
        first.checked_add(self.page_count()).ok_or(EOVERFLOW)?;

        self.write_pgoff(first);
        self.leave_unwritable_unshared();
        // SAFETY: The operations that the VMA gets are those of shmem, which is built in. A file of
        // `shmem_kernel_file_setup()` is neither of hugetlb nor on DAX, and cannot be sealed.
        unsafe { self.set_file(file) };

        let file = file.as_ptr();
        // SAFETY: This is the mmap function of the file that the VMA has. It gives the VMA static
        // operations without private data, and changes nothing else.
        unsafe { self.finish_in_c(|vma| bindings::vma_vfs_mmap(file, vma)) }
    }

    /// Ends the setup: the exporter of a DMA buffer maps it, from its page `first` on (C:
    /// `dma_buf_mmap()`).
    ///
    /// The VMA gets the file of the buffer, and the operations of the exporter, whose module the
    /// file keeps. Sleeps: the exporter may take the lock of the buffer (C: `dma_resv_lock()`),
    /// which is inside of the mmap lock.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the exporter does not map buffers, or the range is not in the buffer;
    /// `EOVERFLOW` if the offsets of the mapping would overflow; `EACCES` if the mapping is shared
    /// and writable, and the buffer was exported for reading; that of the exporter.
    #[cfg(CONFIG_DMA_SHARED_BUFFER)]
    #[doc(alias = "dma_buf_mmap")]
    pub fn map_dma_buf(mut self, buf: &DmaBuf, first: usize) -> Result<Mapped<'a>> {
        // As `do_mmap()` does it for a file.
        if buf.is_read_only() && self.require_shared().is_ok() {
            self.try_clear_maywrite().map_err(|_| EACCES)?;
        }
        self.leave_unwritable_unshared();

        let buf = buf.as_raw();
        // SAFETY: The function is given a new VMA, as by `dma_buf_mmap_internal()`, the mmap
        // function of the file, but that it sets the file and the offset, and checks the range. The
        // exporter maps in the same way for both. Its operations may be called for as long as the
        // VMA has a file of the buffer, or another that it gives the VMA, which keeps their module.
        // If they are of `vm_operations!`, a hook that `run_hook_in_c()` ran has given them.
        unsafe { self.finish_in_c(|vma| bindings::dma_buf_mmap(buf, vma, first)) }
    }

    /// Makes the flags of a VMA that can never be written those of a file open for reading.
    fn leave_unwritable_unshared(&mut self) {
        if !self.flags().contains(VmaFlag::MAYWRITE) {
            self.write_flags(self.flags().without(VmaFlag::SHARED.into()));
        }
    }
}
