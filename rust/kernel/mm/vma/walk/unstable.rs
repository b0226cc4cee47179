// SPDX-License-Identifier: GPL-2.0

//! Reads of a VMA that nothing keeps stable.
//!
//! The memory of a `struct vm_area_struct` is `SLAB_TYPESAFE_BY_RCU`: inside an RCU read-side
//! critical section it stays a `vm_area_struct`, but not necessarily the same VMA: it can be
//! detached, freed, and used for another mapping, even of another process. C permits reads of three
//! of its fields in this state, by one volatile load each, to decide whether to lock the VMA: its
//! address space, as an address to compare, and the two words of its lock.

use super::super::VmaLocks;
use crate::{
    bindings,
    mm::MmWithUser,
    sync::rcu,
    types::NotThreadSafe, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// A VMA that may be freed and reused concurrently.
///
/// # Invariants
///
/// `vma` points to memory that stays a `vm_area_struct` for `'rcu`, in which an RCU read-side
/// critical section lasts.
#[derive(Clone, Copy)]
pub struct UnstableVma<'rcu> {
    vma: NonNull<bindings::vm_area_struct>,
    _rcu: PhantomData<&'rcu rcu::Guard>,
    _nts: NotThreadSafe,
}

impl<'rcu> UnstableVma<'rcu> {
    /// `mtree_load()`.
    #[inline]
    pub(super) fn find(mm: &MmWithUser, _rcu: &'rcu rcu::Guard, addr: usize) -> Option<Self> {
        // SAFETY: The mm is alive. Its tree can be read under RCU, which `mtree_load()` takes
        // itself, too.
        let vma =
            unsafe { bindings::mtree_load(&raw mut (*mm.as_raw()).__bindgen_anon_1.mm_mt, addr) };

        // INVARIANT: The VMA was found in an RCU read-side critical section, which lasts for 'rcu.
        NonNull::new(vma.cast()).map(|vma| Self {
            vma,
            _rcu: PhantomData,
            _nts: NotThreadSafe,
        })
    }

    #[inline]
    pub(in crate::mm::vma) fn as_raw(&self) -> *mut bindings::vm_area_struct {
        self.vma.as_ptr()
    }
}

impl<'mm> VmaLocks<'mm> {
    /// Returns the VMA at `addr`, under RCU alone (C: `mtree_load(&mm->mm_mt, addr)`).
    ///
    /// Takes no lock and never sleeps. The result also borrows the scope, so the borrow checker
    /// rejects calls that may sleep for one of its locks meanwhile. The caller must not sleep in
    /// any other way until `rcu` is dropped; see [`rcu::read_lock()`].
    ///
    /// # Examples
    ///
    /// Ask whether it is worth trying to lock a VMA:
    ///
    /// ```
    /// use kernel::{mm::vma::{VmaLocks, VmRefcnt}, sync::rcu};
    ///
    /// fn is_contended(locks: &VmaLocks<'_>, addr: usize) -> bool {
    ///     let rcu = rcu::read_lock();
    ///     match locks.peek(&rcu, addr) {
    ///         # #[cfg(CONFIG_PER_VMA_LOCK)]
    ///         Some(vma) => matches!(vma.refcnt(), VmRefcnt::ExcludingReaders { .. }),
    ///         # #[cfg(not(CONFIG_PER_VMA_LOCK))]
    ///         # Some(_) => false,
    ///         None => false,
    ///     }
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert!(!is_contended(&current!().mm().ok_or(EINVAL)?.vma_locks(), 0));
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn peek<'rcu>(&'rcu self, rcu: &'rcu rcu::Guard, addr: usize) -> Option<UnstableVma<'rcu>> {
        UnstableVma::find(self.mm(), rcu, addr)
    }
}
