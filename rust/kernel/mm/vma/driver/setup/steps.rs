// SPDX-License-Identifier: GPL-2.0

//! The steps that [`VmaSetup`](super::VmaSetup) and [`VmaDesc`](super::VmaDesc) share.

/// Implements the steps for a type with `start()`, `end()`, `flags()`, `write_flags()`, `prot()`,
/// `write_prot()`, `write_pgoff()` and `into_kind()`.
macro_rules! setup_steps {
    ($setup:ident) => {
        impl<'a, K: PageKind> $setup<'a, K> {
            /// Chooses the kind [`MixedMap`](crate::mm::vma::driver::MixedMap): pages and page
            /// frames (C: `VM_MIXEDMAP`).
            #[doc(alias = "VM_MIXEDMAP")]
            #[inline]
            pub fn mixedmap(self) -> $setup<'a, MixedMap>
            where
                K: Undecided,
            {
                self.into_kind()
            }

            /// Chooses the kind [`PfnMap`](crate::mm::vma::driver::PfnMap): page frames only (C:
            /// `VM_PFNMAP`).
            ///
            /// # Errors
            ///
            /// `EINVAL` if the mapping is private and could become writable: writes would have to
            /// go to copies, which the kernel does not make of page frames (C:
            /// `vma_flags_is_cow_mapping()`). Clearing `VM_MAYWRITE` first
            /// ([`try_clear_maywrite()`](Self::try_clear_maywrite)) permits it for reading.
            #[doc(alias = "VM_PFNMAP")]
            #[inline]
            pub fn pfnmap(self) -> Result<$setup<'a, PfnMap>>
            where
                K: Undecided,
            {
                if flags::is_cow(self.flags()) {
                    return Err(EINVAL);
                }
                Ok(self.into_kind())
            }

            /// Keeps `mprotect()` from making the mapping readable (C: clears `VM_MAYREAD`).
            ///
            /// # Errors
            ///
            /// `EPERM` if it is mapped readable.
            #[doc(alias = "VM_MAYREAD")]
            #[inline]
            pub fn try_clear_mayread(&mut self) -> Result
            where
                K: Undecided,
            {
                self.clear_may(flags::Permission::Read)
            }

            /// Keeps `mprotect()` from making the mapping writable (C: clears `VM_MAYWRITE`).
            ///
            /// # Errors
            ///
            /// `EPERM` if it is mapped writable.
            #[doc(alias = "VM_MAYWRITE")]
            #[inline]
            pub fn try_clear_maywrite(&mut self) -> Result
            where
                K: Undecided,
            {
                self.clear_may(flags::Permission::Write)
            }

            /// Keeps `mprotect()` from making the mapping executable (C: clears `VM_MAYEXEC`).
            ///
            /// # Errors
            ///
            /// `EPERM` if it is mapped executable.
            #[doc(alias = "VM_MAYEXEC")]
            #[inline]
            pub fn try_clear_mayexec(&mut self) -> Result
            where
                K: Undecided,
            {
                self.clear_may(flags::Permission::Exec)
            }

            /// Makes the mapping readable, also if that was not asked for (C: sets `VM_READ`).
            ///
            /// # Errors
            ///
            /// `EPERM` if `mprotect()` could not make it readable.
            #[doc(alias = "VM_READ")]
            #[inline]
            pub fn try_set_read(&mut self) -> Result
            where
                K: Undecided,
            {
                let flags = flags::read(self.flags())?;
                self.write_permissions(flags);
                Ok(())
            }

            /// Makes the mapping read-only, also if it was asked for as writable, and keeps
            /// `mprotect()` from changing that (C: clears `VM_WRITE` and `VM_MAYWRITE`).
            ///
            /// A write to it is a SIGSEGV.
            #[doc(alias = "VM_WRITE")]
            #[inline]
            pub fn clear_write(&mut self)
            where
                K: Undecided,
            {
                self.write_permissions(flags::without_write(self.flags()));
            }

            /// Returns `EINVAL` unless the mapping was made with `MAP_SHARED`.
            #[inline]
            pub fn require_shared(&self) -> Result {
                flags::require_shared(self.flags())
            }

            /// Changes the page offset, for a driver to which the offset in its file says more than
            /// the place in its memory (C: `vma->vm_pgoff`, `desc->pgoff`).
            ///
            /// Page faults and `unmap_mapping_range()` go by the new one. Also sets DONTEXPAND, so
            /// no mapping at the offset that is next in the file is merged with this one.
            ///
            /// # Errors
            ///
            /// `EOVERFLOW` if the offsets of the mapping would overflow.
            #[doc(alias = "vm_pgoff")]
            #[inline]
            pub fn set_pgoff(&mut self, pgoff: usize) -> Result {
                if pgoff.checked_add(self.page_count()).is_none() {
                    return Err(EOVERFLOW);
                }
                self.write_pgoff(pgoff);
                self.set_flags(flags::SetupFlags::DONTEXPAND);
                Ok(())
            }

            /// Returns the number of pages of the VMA (C: `vma_pages()`).
            #[doc(alias = "vma_pages")]
            #[inline]
            pub fn page_count(&self) -> usize {
                // The end is behind the start.
                self.end().wrapping_sub(self.start()) >> crate::page::PAGE_SHIFT
            }

            /// Writes flags with other permissions, and the protection that page table entries get
            /// by them: the mmap hook may end by mapping memory.
            #[inline]
            fn write_permissions(&mut self, flags: crate::mm::vma::VmaFlags) {
                self.write_flags(flags);
                self.write_prot(self.prot().with_permissions_of(flags));
            }

            #[inline]
            fn clear_may(&mut self, permission: flags::Permission) -> Result {
                let flags = flags::clear_may(self.flags(), permission)?;
                self.write_flags(flags);
                Ok(())
            }

            /// Sets flags (C: `vm_flags_set()`, `vma_desc_set_flags()`).
            #[doc(alias = "vm_flags_set")]
            #[doc(alias = "vma_desc_set_flags")]
            #[inline]
            pub fn set_flags(&mut self, flags: flags::SetupFlags) {
                self.write_flags(self.flags() | flags.flags());
            }
        }
    };
}

pub(super) use setup_steps;
