// SPDX-License-Identifier: GPL-2.0

//! Page protection: the permissions and the memory type of the page table entries of a VMA.
//!
//! C header: [`include/linux/pgtable.h`](srctree/include/linux/pgtable.h)

use super::VmaFlags;
use crate::bindings;

/// Architecture-specific page protection bits (C: `pgprot_t`).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct PageProt(bindings::pgprot_t);

impl PageProt {
    /// Wraps the C type, for other abstractions.
    #[inline]
    pub fn from_raw(prot: bindings::pgprot_t) -> Self {
        Self(prot)
    }

    /// Unwraps the C type, for other abstractions.
    #[inline]
    pub fn into_raw(self) -> bindings::pgprot_t {
        self.0
    }

    /// Returns the bits (C: `pgprot_val()`).
    #[doc(alias = "pgprot_val")]
    #[inline]
    pub(in crate::mm::vma) fn bits(self) -> u64 {
        // SAFETY: This computes a value.
        unsafe { bindings::vma_pgprot_val(self.0) }
    }

    /// Returns the same permissions, not cached (C: `pgprot_noncached()`).
    #[doc(alias = "pgprot_noncached")]
    #[inline]
    pub fn noncached(self) -> Self {
        // SAFETY: This computes a value.
        Self(unsafe { bindings::pgprot_noncached(self.0) })
    }

    /// Returns the same permissions, not cached, with writes combined where the architecture can
    /// (C: `pgprot_writecombine()`).
    #[doc(alias = "pgprot_writecombine")]
    #[inline]
    pub fn writecombine(self) -> Self {
        // SAFETY: This computes a value.
        Self(unsafe { bindings::pgprot_writecombine(self.0) })
    }

    /// Returns the same permissions, cached for reading only (C: `pgprot_cached_wthru()`).
    ///
    /// As [`noncached()`](Self::noncached), except on powerpc and x86.
    #[doc(alias = "pgprot_cached_wthru")]
    #[inline]
    pub fn writethrough(self) -> Self {
        // SAFETY: This computes a value.
        Self(unsafe { bindings::vma_pgprot_writethrough(self.0) })
    }

    /// Returns the same permissions, for registers of a device (C: `pgprot_device()`).
    ///
    /// As [`noncached()`](Self::noncached), except on arm and arm64.
    #[doc(alias = "pgprot_device")]
    #[inline]
    pub fn device(self) -> Self {
        // SAFETY: This computes a value.
        Self(unsafe { bindings::pgprot_device(self.0) })
    }

    /// Returns the same memory type, with the permissions that `flags` have (C:
    /// `vma_pgprot_modify()`).
    #[doc(alias = "vma_pgprot_modify")]
    #[inline]
    pub(in crate::mm::vma) fn with_permissions_of(self, flags: VmaFlags) -> Self {
        // SAFETY: This computes a value.
        Self(unsafe { bindings::vma_prot_of_flags(self.0, flags.word()) })
    }

    /// Returns the same permissions and memory type, for memory that is not encrypted (C:
    /// `pgprot_decrypted()`).
    ///
    /// Not inlined, because most memory does not need it.
    #[doc(alias = "pgprot_decrypted")]
    #[cold]
    #[inline(never)]
    pub(in crate::mm::vma) fn decrypted(self) -> Self {
        // SAFETY: This computes a value.
        Self(unsafe { bindings::pgprot_decrypted(self.0) })
    }
}

impl PartialEq for PageProt {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for PageProt {}

impl crate::fmt::Debug for PageProt {
    fn fmt(&self, f: &mut crate::fmt::Formatter<'_>) -> crate::fmt::Result {
        write!(f, "PageProt({:#x})", self.bits())
    }
}
