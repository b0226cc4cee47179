// SPDX-License-Identifier: GPL-2.0

//! The steps that a [`VmaSetup`](super::VmaSetup) and a [`VmaDesc`](super::VmaDesc) have in common.

/// The steps of a type with `flags()`, `write_flags()` and `into_kind()`.
macro_rules! setup_steps {
    ($setup:ident) => {
        impl<'a, K: PageKind> $setup<'a, K> {
            /// The VMA will have pages and page frames (C: `VM_MIXEDMAP`).
            #[doc(alias = "VM_MIXEDMAP")]
            #[inline]
            pub fn mixedmap(self) -> $setup<'a, MixedMap>
            where
                K: Undecided,
            {
                self.into_kind()
            }

            /// The VMA will have page frames only (C: `VM_PFNMAP`).
            ///
            /// # Errors
            ///
            /// `EINVAL` if the mapping is private and could become writable: writes would have to
            /// go to copies, which the kernel does not make of page frames (C: `is_cow_mapping()`).
            /// To clear `VM_MAYWRITE` before ([`try_clear_maywrite()`](Self::try_clear_maywrite))
            /// permits it for reading.
            #[doc(alias = "VM_PFNMAP")]
            #[inline]
            pub fn pfnmap(self) -> Result<$setup<'a, PfnMap>>
            where
                K: Undecided,
            {
                if setup_flags::is_cow(self.flags()) {
                    return Err(EINVAL);
                }
                Ok(self.into_kind())
            }

            /// `mprotect()` cannot make it readable (C: clears `VM_MAYREAD`).
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
                self.clear_may(setup_flags::Permission::Read)
            }

            /// `mprotect()` cannot make it writable (C: clears `VM_MAYWRITE`).
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
                self.clear_may(setup_flags::Permission::Write)
            }

            /// `mprotect()` cannot make it executable (C: clears `VM_MAYEXEC`).
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
                self.clear_may(setup_flags::Permission::Exec)
            }

            /// `EINVAL` unless the mapping was made with `MAP_SHARED`.
            #[inline]
            pub fn require_shared(&self) -> Result {
                setup_flags::require_shared(self.flags())
            }

            #[inline]
            fn clear_may(&mut self, permission: setup_flags::Permission) -> Result {
                let flags = setup_flags::clear_may(self.flags(), permission)?;
                self.write_flags(flags);
                Ok(())
            }

            /// Sets flags (C: `vm_flags_set()`, `vma_desc_set_flags()`).
            #[doc(alias = "vm_flags_set")]
            #[doc(alias = "vma_desc_set_flags")]
            #[inline]
            pub fn set_flags(&mut self, flags: setup_flags::SetupFlags) {
                self.write_flags(self.flags() | flags.flags());
            }
        }
    };
}

pub(super) use setup_steps;
