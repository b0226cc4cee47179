// SPDX-License-Identifier: GPL-2.0

//! The flags of a VMA that a driver may change in the mmap hook.

use crate::{
    mm::vma::{
        VmaFlag,
        VmaFlags, //
    },
    prelude::*, //
};
use core::ops::BitOr;

/// Flags that a driver may set on its own VMA in the mmap hook.
///
/// Excluded are MIXEDMAP and PFNMAP, which are the [kind](super::super::kind) of the VMA; HUGETLB
/// and other internal flags of the kernel; and flags that userspace requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SetupFlags(VmaFlags);

impl SetupFlags {
    /// Accesses may have side effects, as those of device registers (C: `VM_IO`).
    ///
    /// The pages are not part of core dumps and cannot be pinned.
    pub const IO: Self = Self(VmaFlags::of(&[VmaFlag::IO]));
    /// `mremap()` cannot enlarge the mapping (C: `VM_DONTEXPAND`).
    pub const DONTEXPAND: Self = Self(VmaFlags::of(&[VmaFlag::DONTEXPAND]));
    /// The mapping is not copied on fork (C: `VM_DONTCOPY`).
    pub const DONTCOPY: Self = Self(VmaFlags::of(&[VmaFlag::DONTCOPY]));
    /// The mapping is not part of core dumps (C: `VM_DONTDUMP`).
    pub const DONTDUMP: Self = Self(VmaFlags::of(&[VmaFlag::DONTDUMP]));

    /// Those of memory of a device. By these the VMA is not merged with its neighbours.
    pub(super) const OF_DEVICE: Self = Self(VmaFlags::of(&[
        VmaFlag::IO,
        VmaFlag::DONTEXPAND,
        VmaFlag::DONTDUMP,
    ]));

    #[inline]
    pub(in super::super) fn flags(self) -> VmaFlags {
        self.0
    }
}

impl BitOr for SetupFlags {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A permission that `mprotect()` can grant.
#[derive(Clone, Copy)]
pub(in super::super) enum Permission {
    Read,
    Write,
    Exec,
}

/// Clears the flag by which `mprotect()` can grant a permission.
///
/// Returns `EPERM` if the mapping already has the permission.
#[inline]
pub(in super::super) fn clear_may(flags: VmaFlags, permission: Permission) -> Result<VmaFlags> {
    let (plain, may) = match permission {
        Permission::Read => (VmaFlag::READ, VmaFlag::MAYREAD),
        Permission::Write => (VmaFlag::WRITE, VmaFlag::MAYWRITE),
        Permission::Exec => (VmaFlag::EXEC, VmaFlag::MAYEXEC),
    };

    if flags.contains(plain) {
        return Err(EPERM);
    }
    Ok(flags.without(may.into()))
}

/// Sets the flag of a mapping that can be read, which the caller of `mmap()` did not ask for.
///
/// Returns `EPERM` if `mprotect()` cannot make it readable.
#[inline]
pub(in super::super) fn read(flags: VmaFlags) -> Result<VmaFlags> {
    if !flags.contains(VmaFlag::MAYREAD) {
        return Err(EPERM);
    }
    Ok(flags | VmaFlag::READ)
}

/// Clears the flags of a mapping that can be, or become, writable.
#[inline]
pub(in super::super) fn without_write(flags: VmaFlags) -> VmaFlags {
    flags.without(VmaFlag::WRITE | VmaFlag::MAYWRITE)
}

/// Returns `EINVAL` unless the mapping is shared.
#[inline]
pub(in super::super) fn require_shared(flags: VmaFlags) -> Result {
    if flags.contains(VmaFlag::MAYSHARE) {
        Ok(())
    } else {
        Err(EINVAL)
    }
}

/// Returns whether writes go to private copies (C: `vma_flags_is_cow_mapping()`).
#[inline]
pub(in super::super) fn is_cow(flags: VmaFlags) -> bool {
    flags.contains(VmaFlag::MAYWRITE) && !flags.contains(VmaFlag::SHARED)
}
