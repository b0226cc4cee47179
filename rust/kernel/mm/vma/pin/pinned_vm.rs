// SPDX-License-Identifier: GPL-2.0

//! The limit on memory that user space keeps pinned.
//!
//! Pages that user space keeps pinned cannot be reclaimed, so they count against `RLIMIT_MEMLOCK`.
//! They are charged to the address space that they belong to, as in `__ib_umem_get_va()`, and
//! `/proc/PID/status` shows them as `VmPin`. `account_locked_vm()` cannot be used, because it takes
//! the mmap write lock.

use crate::{
    bindings,
    mm::Mm,
    page::PAGE_SHIFT,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        }, //
    }, //
};

/// A number of pages that are charged to an address space, until this is dropped
/// (C: `mm->pinned_vm`).
///
/// # Invariants
///
/// `pages` of `pinned_vm` of `mm` are this charge.
pub(super) struct PinnedVm {
    mm: ARef<Mm>,
    pages: usize,
}

impl PinnedVm {
    /// Charges pages to `mm`, unless that would exceed the limit of the current task.
    ///
    /// # Errors
    ///
    /// `ENOMEM` beyond `RLIMIT_MEMLOCK`, if the task does not have `CAP_IPC_LOCK`.
    pub(super) fn charge(mm: &Mm, pages: usize) -> Result<Self> {
        // INVARIANT: The pages are charged next. If there are too many, dropping this undoes it.
        let this = Self {
            mm: ARef::from(mm),
            pages,
        };
        let before = this.counter().fetch_add(pages as i64, Relaxed);
        let all = before.wrapping_add(pages as i64);

        let task = current!().as_ptr();
        // SAFETY: The current task is alive, and this is a limit that each task has.
        let limit = unsafe { bindings::task_rlimit(task, bindings::RLIMIT_MEMLOCK) };
        let exceeds = all as u64 > (limit >> PAGE_SHIFT) as u64;

        // SAFETY: This is a capability, and may be asked for in any task.
        if exceeds && !unsafe { bindings::capable(bindings::CAP_IPC_LOCK as i32) } {
            return Err(ENOMEM);
        }
        Ok(this)
    }

    fn counter(&self) -> &Atomic<i64> {
        // SAFETY: The mm is alive while `self` is borrowed, the field is an `atomic64_t`, and all
        // accesses to it are atomic.
        unsafe {
            Atomic::from_ptr(
                (&raw mut (*self.mm.as_raw()).__bindgen_anon_1.pinned_vm.counter).cast(),
            )
        }
    }
}

impl Drop for PinnedVm {
    fn drop(&mut self) {
        self.counter().fetch_sub(self.pages as i64, Relaxed);
    }
}
