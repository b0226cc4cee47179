// SPDX-License-Identifier: GPL-2.0

//! VMA flags: single bits and sets of them.
//!
//! The kernel is moving from a word of flags (`vm_flags_t`, `VM_READ`) to a bitmap of numbered bits
//! (`vma_flags_t`, `VMA_READ_BIT`). The types here are bits and sets of bits, so that the change
//! does not affect drivers.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::{
    bindings,
    fmt, //
};
use core::ops::BitOr;

/// One flag of a VMA (C: `vma_flag_t`, `VMA_*_BIT`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VmaFlag(u8);

/// A set of flags of a VMA (C: `vma_flags_t`).
///
/// # Examples
///
/// ```
/// use kernel::mm::vma::{VmaFlag, VmaFlags};
///
/// let rw = VmaFlag::READ | VmaFlag::WRITE;
/// assert!(rw.contains(VmaFlag::WRITE));
/// assert!(rw.contains_all(VmaFlags::of(&[VmaFlag::READ, VmaFlag::WRITE])));
/// assert!(!rw.contains_any(VmaFlag::EXEC | VmaFlag::SHARED));
/// assert_eq!(rw.iter().count(), 2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VmaFlags(bindings::vm_flags_t);

impl VmaFlags {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Makes the set of these flags (C: `mk_vma_flags()`).
    #[doc(alias = "mk_vma_flags")]
    pub const fn of(flags: &[VmaFlag]) -> Self {
        let mut word = 0;
        let mut i = 0;
        while i < flags.len() {
            word |= flags[i].word();
            i += 1;
        }
        Self(word)
    }

    #[inline]
    pub(in crate::mm::vma) const fn from_word(word: bindings::vm_flags_t) -> Self {
        Self(word)
    }

    #[inline]
    pub(in crate::mm::vma) const fn word(self) -> bindings::vm_flags_t {
        self.0
    }

    /// Returns these flags without `flags` (C: `vma_flags_clear_mask()`).
    #[doc(alias = "vma_flags_clear_mask")]
    #[inline]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }

    /// Returns whether no flag is set (C: `vma_flags_empty()`).
    #[doc(alias = "vma_flags_empty")]
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether this flag is set (C: `vma_flags_test()`, `vma_test()`).
    #[doc(alias = "vma_flags_test")]
    #[inline]
    pub const fn contains(self, flag: VmaFlag) -> bool {
        self.0 & flag.word() != 0
    }

    /// Returns whether one of these flags is set (C: `vma_flags_test_any()`).
    #[doc(alias = "vma_flags_test_any")]
    #[inline]
    pub const fn contains_any(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// Returns whether all of these flags are set (C: `vma_flags_test_all()`).
    #[doc(alias = "vma_flags_test_all")]
    #[inline]
    pub const fn contains_all(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Iterates over the flags that are set, lowest bit first.
    pub fn iter(self) -> impl Iterator<Item = VmaFlag> {
        (0..bindings::vm_flags_t::BITS as u8)
            .map(VmaFlag)
            .filter(move |flag| self.contains(*flag))
    }
}

impl VmaFlag {
    #[inline]
    const fn word(self) -> bindings::vm_flags_t {
        1 << self.0
    }
}

impl From<VmaFlag> for VmaFlags {
    #[inline]
    fn from(flag: VmaFlag) -> Self {
        Self(flag.word())
    }
}

impl BitOr for VmaFlags {
    type Output = VmaFlags;

    #[inline]
    fn bitor(self, other: Self) -> VmaFlags {
        VmaFlags(self.0 | other.0)
    }
}

impl BitOr<VmaFlag> for VmaFlags {
    type Output = VmaFlags;

    #[inline]
    fn bitor(self, other: VmaFlag) -> VmaFlags {
        VmaFlags(self.0 | other.word())
    }
}

impl BitOr for VmaFlag {
    type Output = VmaFlags;

    #[inline]
    fn bitor(self, other: Self) -> VmaFlags {
        VmaFlags(self.word() | other.word())
    }
}

macro_rules! vma_flags {
    ($(
        $(#[doc = $doc:literal])*
        $(#[cfg($cfg:ident)])?
        $name:ident = $bit:ident,
    )*) => {
        impl VmaFlag {
            $(
                $(#[doc = $doc])*
                #[doc = concat!("\n\nC: `VM_", stringify!($name), "`, `", stringify!($bit), "`.")]
                $(#[cfg($cfg)])?
                pub const $name: Self = Self(bindings::$bit as u8);
            )*

            /// Returns the C name of the flag without `VM_`, or `None` if the flag is not listed
            /// here.
            pub fn name(self) -> Option<&'static str> {
                $(
                    $(#[cfg($cfg)])?
                    if self == Self::$name {
                        return Some(stringify!($name));
                    }
                )*
                None
            }
        }
    };
}

vma_flags! {
    /// Userspace can read.
    READ = VMA_READ_BIT,
    /// Userspace can write.
    WRITE = VMA_WRITE_BIT,
    /// Userspace can execute.
    EXEC = VMA_EXEC_BIT,
    /// Writes are seen by other mappings of the same object.
    ///
    /// Not set on a mapping that was made with `MAP_SHARED` of a file that is not open for
    /// writing; [`MAYSHARE`](Self::MAYSHARE) is.
    SHARED = VMA_SHARED_BIT,
    /// `mprotect()` can make the mapping readable.
    MAYREAD = VMA_MAYREAD_BIT,
    /// `mprotect()` can make the mapping writable.
    MAYWRITE = VMA_MAYWRITE_BIT,
    /// `mprotect()` can make the mapping executable.
    MAYEXEC = VMA_MAYEXEC_BIT,
    /// The mapping was made with `MAP_SHARED`; the `s` of `/proc/PID/maps`.
    MAYSHARE = VMA_MAYSHARE_BIT,
    /// A stack: the mapping grows to lower addresses on faults.
    GROWSDOWN = VMA_GROWSDOWN_BIT,
    /// Pages are managed without `struct page`, by PFN.
    PFNMAP = VMA_PFNMAP_BIT,
    /// There may be guard regions inside; the one flag that is set under a read lock.
    MAYBE_GUARD = VMA_MAYBE_GUARD_BIT,
    /// Pages stay in memory (`mlock()`).
    LOCKED = VMA_LOCKED_BIT,
    /// Memory-mapped I/O or similar.
    IO = VMA_IO_BIT,
    /// `MADV_SEQUENTIAL`: userspace reads from start to end.
    SEQ_READ = VMA_SEQ_READ_BIT,
    /// `MADV_RANDOM`: reading ahead does not help.
    RAND_READ = VMA_RAND_READ_BIT,
    /// Not copied on fork.
    DONTCOPY = VMA_DONTCOPY_BIT,
    /// `mremap()` cannot enlarge the mapping.
    DONTEXPAND = VMA_DONTEXPAND_BIT,
    /// Pages are locked in memory as they are faulted in.
    LOCKONFAULT = VMA_LOCKONFAULT_BIT,
    /// Counted against the overcommit limit.
    ACCOUNT = VMA_ACCOUNT_BIT,
    /// Not to be counted against the overcommit limit.
    NORESERVE = VMA_NORESERVE_BIT,
    /// Huge pages of hugetlbfs.
    HUGETLB = VMA_HUGETLB_BIT,
    /// Page faults are synchronous (DAX).
    SYNC = VMA_SYNC_BIT,
    /// Architecture-specific.
    ARCH_1 = VMA_ARCH_1_BIT,
    /// The child of a fork gets zeroes.
    WIPEONFORK = VMA_WIPEONFORK_BIT,
    /// Not part of core dumps.
    DONTDUMP = VMA_DONTDUMP_BIT,
    /// Soft-dirty tracking considers the mapping dirty.
    SOFTDIRTY = VMA_SOFTDIRTY_BIT,
    /// Can hold both pages with `struct page` and PFNs.
    MIXEDMAP = VMA_MIXEDMAP_BIT,
    /// `MADV_HUGEPAGE`.
    HUGEPAGE = VMA_HUGEPAGE_BIT,
    /// `MADV_NOHUGEPAGE`.
    NOHUGEPAGE = VMA_NOHUGEPAGE_BIT,
    /// KSM may merge pages with the same contents.
    MERGEABLE = VMA_MERGEABLE_BIT,
    /// Pages can be dropped under memory pressure.
    #[cfg(CONFIG_64BIT)]
    DROPPABLE = VMA_DROPPABLE_BIT,
    /// `mseal()`: the mapping cannot be changed.
    #[cfg(CONFIG_64BIT)]
    SEALED = VMA_SEALED_BIT,
}

impl fmt::Debug for VmaFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "bit {}", self.0),
        }
    }
}

impl fmt::Debug for VmaFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (i, flag) in self.iter().enumerate() {
            if i > 0 {
                f.write_str("|")?;
            }
            fmt::Debug::fmt(&flag, f)?;
        }
        Ok(())
    }
}

/// Flags that may be changed on a live VMA of any owner.
///
/// Userspace can change these by `madvise()` on any of its mappings, so neither the kernel nor a
/// driver relies on them, except where [`Vma::clear_flags()`] refuses. `MADV_DONTFORK` is not
/// among them: `can_madvise_modify()` refuses it on mappings that `mseal()` has sealed, because a
/// fork would lose what is in them.
///
/// [`Vma::clear_flags()`]: super::super::Vma::clear_flags
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AdviceFlags(VmaFlags);

impl AdviceFlags {
    /// `MADV_RANDOM`: reading ahead does not help.
    pub const RAND_READ: Self = Self(VmaFlags::of(&[VmaFlag::RAND_READ]));
    /// `MADV_SEQUENTIAL`: userspace reads from start to end.
    pub const SEQ_READ: Self = Self(VmaFlags::of(&[VmaFlag::SEQ_READ]));
    /// `MADV_DONTDUMP`: not part of core dumps.
    pub const DONTDUMP: Self = Self(VmaFlags::of(&[VmaFlag::DONTDUMP]));

    /// Flags of a mapping that its driver manages (C: `VM_SPECIAL`).
    const SPECIAL: VmaFlags = VmaFlags::of(&[
        VmaFlag::IO,
        VmaFlag::DONTEXPAND,
        VmaFlag::PFNMAP,
        VmaFlag::MIXEDMAP,
    ]);

    /// Returns whether `madvise_vma_behavior()` would permit `MADV_DODUMP`, if DONTDUMP is among
    /// the flags.
    #[inline]
    pub(super) fn can_be_cleared_from(self, current: VmaFlags) -> bool {
        let special = current.contains_any(Self::SPECIAL);
        let hugetlb = cfg!(CONFIG_HUGETLB_PAGE) && current.contains(VmaFlag::HUGETLB);
        #[cfg(CONFIG_64BIT)]
        let droppable = current.contains(VmaFlag::DROPPABLE);
        #[cfg(not(CONFIG_64BIT))]
        let droppable = false;
        let dump_is_fixed = (special && !hugetlb) || droppable;

        !(dump_is_fixed && self.0.contains(VmaFlag::DONTDUMP))
    }
}

impl From<AdviceFlags> for VmaFlags {
    #[inline]
    fn from(flags: AdviceFlags) -> VmaFlags {
        flags.0
    }
}

impl BitOr for AdviceFlags {
    type Output = AdviceFlags;

    #[inline]
    fn bitor(self, other: Self) -> AdviceFlags {
        AdviceFlags(self.0 | other.0)
    }
}

impl fmt::Debug for AdviceFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
