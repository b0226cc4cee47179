// SPDX-License-Identifier: GPL-2.0

//! `vm_refcnt` decoded: whether a VMA is attached, who reads it, and whether somebody waits to
//! write.
//!
//! For diagnosis and tests. What it says can be out of date when it is returned, except for what
//! the caller's own lock guarantees.
//!
//! C header: the comment on `vm_refcnt` in
//! [`include/linux/mm_types.h`](srctree/include/linux/mm_types.h)

#[cfg(CONFIG_PER_VMA_LOCK)]
use crate::bindings;

/// The states of `vm_refcnt` that the kernel documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmRefcnt {
    /// 0: not part of an address space. Readers cannot lock it.
    Detached,

    /// 1: attached and not read-locked.
    Attached {
        /// `vm_lock_seq` of the VMA is equal to `mm_lock_seq` of the mm.
        write_locked: bool,
    },

    /// More than 1, without the flag: attached and read-locked.
    Readers {
        /// How many readers there are.
        readers: u32,
        /// The VMA is write-locked, and the readers are about to notice and leave.
        write_locked: bool,
    },

    /// Only the flag: the VMA is all but detached, readers are kept out.
    Detaching,

    /// The flag and more: somebody write-locks or detaches the VMA. New readers are kept out.
    ExcludingReaders {
        /// How many readers are waited for. One more than there are if the VMA is being detached,
        /// which has given up the VMA's own count already.
        readers: u32,
    },

    /// The counter has overflowed or underflowed; `refcount_t` stays in this state, and the VMA
    /// leaks.
    Saturated,
}

#[cfg(CONFIG_PER_VMA_LOCK)]
impl VmRefcnt {
    /// Decodes a value of `vm_refcnt`; `write_locked` says whether the sequence numbers are equal.
    pub(in crate::mm::vma) const fn decode(refcnt: i32, write_locked: bool) -> Self {
        const FLAG: i32 = bindings::VM_REFCNT_EXCLUDE_READERS_FLAG as i32;

        // CAST: Not negative where it is done.
        match refcnt {
            ..0 => Self::Saturated,
            0 => Self::Detached,
            1 => Self::Attached { write_locked },
            2..FLAG => Self::Readers {
                readers: refcnt as u32 - 1,
                write_locked,
            },
            FLAG => Self::Detaching,
            // More than the flag.
            _ => Self::ExcludingReaders {
                readers: refcnt.wrapping_sub(FLAG + 1) as u32,
            },
        }
    }
}
