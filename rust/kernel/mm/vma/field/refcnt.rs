// SPDX-License-Identifier: GPL-2.0

//! The decoded state of `vm_refcnt`: attached or not, the number of readers, and a waiting writer.
//!
//! For diagnosis and tests. The state can be out of date when it is returned, except for what the
//! caller's own lock guarantees.
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
        /// The number of readers.
        readers: u32,
        /// The VMA is write-locked, and the readers are about to notice and leave.
        write_locked: bool,
    },

    /// Only the flag: the VMA is about to be detached, and readers are excluded.
    Detaching,

    /// The flag and more: a task write-locks or detaches the VMA. New readers are excluded.
    ExcludingReaders {
        /// The number of readers that the writer waits for. It is one too high while the VMA is
        /// being detached, because the VMA's own count is already dropped.
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
