// SPDX-License-Identifier: GPL-2.0

//! Contiguous pages of the kernel's memory, which are mapped by page frame number.

use crate::{
    alloc::Flags,
    bindings,
    error::to_result,
    page::PAGE_SHIFT,
    prelude::*, //
};
use core::{
    mem::forget,
    ptr::NonNull, //
};

/// Contiguous zeroed pages, each with a count of its own, as where page frames cannot be told from
/// pages they are counted in spite of all (without `CONFIG_ARCH_HAS_PTE_SPECIAL`).
///
/// # Invariants
///
/// `memory` is the address of `pages` pages that this owns, in the direct mapping. `origin` is what
/// they go back to.
pub(super) struct PageBlock {
    memory: NonNull<u8>,
    pages: usize,
    origin: Origin,
}

/// Where pages go back to.
///
/// # Invariants
///
/// `Area` has one of `cma_areas`, which stay for ever.
enum Origin {
    /// The page allocator.
    Allocator,
    /// The page allocator, after the host was kept from them.
    Decrypted,
    /// The area that they were taken from.
    #[cfg(CONFIG_DMA_CMA)]
    Area(*mut bindings::cma),
}

// SAFETY: Pages belong to no task, and areas lock themselves.
unsafe impl Send for PageBlock {}
// SAFETY: All that a reference permits is to copy from and to them by volatile accesses.
unsafe impl Sync for PageBlock {}

impl PageBlock {
    pub(super) fn alloc(pages: usize, flags: Flags) -> Result<Self> {
        if pages == 0 {
            return Err(EINVAL);
        }
        // More than this the page allocator does not have, and warns.
        if pages > 1 << bindings::MAX_PAGE_ORDER {
            return Err(ENOMEM);
        }

        // `alloc_pages_exact()` warns of `__GFP_COMP` and `__GFP_HIGHMEM`, and the negation of
        // flags has bits that have no name here. These are all that fit, in any combination.
        let known = GFP_KERNEL_ACCOUNT | GFP_NOWAIT | GFP_ATOMIC | __GFP_NOWARN;
        let flags = (flags & known) | __GFP_ZERO;

        // SAFETY: Allocates, or returns NULL.
        let memory = unsafe { bindings::alloc_pages_exact(pages << PAGE_SHIFT, flags.as_raw()) };

        // INVARIANT: They were just allocated.
        Ok(Self {
            memory: NonNull::new(memory).ok_or(ENOMEM)?.cast(),
            pages,
            origin: Origin::Allocator,
        })
    }

    /// Allocates pages that the host of a confidential guest can access.
    ///
    /// Sleeps.
    pub(super) fn alloc_decrypted(pages: usize) -> Result<Self> {
        let mut block = Self::alloc(pages, GFP_KERNEL_ACCOUNT)?;
        let memory = block.memory.as_ptr();

        // SAFETY: By the type invariants these are pages of the direct mapping, which nobody else
        // uses. `alloc()` has limited their number.
        let ret = unsafe { bindings::vma_set_memory_decrypted(memory as usize, pages as c_int) };
        if let Err(error) = to_result(ret) {
            // It is not known which of them the host can access, so nobody must get them.
            forget(block);
            return Err(error);
        }

        // INVARIANT: The host has access.
        block.origin = Origin::Decrypted;
        // They were zeroed, but what is decrypted has other contents.
        // SAFETY: By the type invariants the block owns `size()` bytes, and nobody else uses them.
        unsafe { memory.write_bytes(0, block.size()) };
        Ok(block)
    }

    /// Allocates pages from the area that a device has for such allocations, or from that of all.
    ///
    /// Sleeps.
    #[cfg(CONFIG_DMA_CMA)]
    pub(super) fn alloc_from_contiguous(
        device: &crate::device::Device,
        pages: usize,
    ) -> Result<Self> {
        if pages == 0 {
            return Err(EINVAL);
        }
        let mut area = core::ptr::null_mut();

        // SAFETY: The device is valid. Allocates, or returns NULL.
        let memory = unsafe { bindings::vma_cma_alloc(device.as_raw(), pages, &mut area) };

        // INVARIANT: They were just allocated from the area, which is one of all.
        Ok(Self {
            memory: NonNull::new(memory).ok_or(ENOMEM)?.cast(),
            pages,
            origin: Origin::Area(area),
        })
    }

    pub(super) fn first_pfn(&self) -> usize {
        // SAFETY: By the type invariants it is the address of a page, in the direct mapping.
        unsafe { bindings::vma_virt_to_pfn(self.memory.as_ptr().cast()) }
    }

    /// The number of bytes.
    #[inline]
    pub(super) fn size(&self) -> usize {
        self.pages << PAGE_SHIFT
    }

    /// The address of `len` bytes at an offset; `EINVAL` if they are not there.
    pub(super) fn at(&self, offset: usize, len: usize) -> Result<*mut u8> {
        match offset.checked_add(len) {
            // SAFETY: By the type invariants the block has `len` bytes.
            Some(end) if end <= self.size() => unsafe { Ok(self.memory.as_ptr().add(offset)) },
            _ => Err(EINVAL),
        }
    }
}

impl Drop for PageBlock {
    fn drop(&mut self) {
        let memory = self.memory.as_ptr();

        match self.origin {
            Origin::Allocator => {}
            Origin::Decrypted => {
                // SAFETY: By the type invariants these are pages of the direct mapping, which
                // nobody else uses.
                let ret = unsafe {
                    bindings::vma_set_memory_encrypted(memory as usize, self.pages as c_int)
                };
                if to_result(ret).is_err() {
                    // The host can still access them, so nobody must get them.
                    return;
                }
            }
            #[cfg(CONFIG_DMA_CMA)]
            Origin::Area(area) => {
                // SAFETY: By the type invariants they are owned, and from this area.
                unsafe { bindings::vma_cma_release(area, memory.cast(), self.pages) };
                return;
            }
        }

        // SAFETY: By the type invariants the block owns them, and they go back to the allocator.
        unsafe { bindings::free_pages_exact(memory.cast(), self.size()) };
    }
}
