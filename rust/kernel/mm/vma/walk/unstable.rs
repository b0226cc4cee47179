// SPDX-License-Identifier: GPL-2.0

//! Reads of a VMA that nothing keeps stable.
//!
//! The memory of a `struct vm_area_struct` is `SLAB_TYPESAFE_BY_RCU`: inside an RCU read-side
//! critical section it stays a `vm_area_struct`, but not necessarily the same VMA: it can be
//! detached, freed, and used for another mapping, even of another process. C permits reads of three
//! of its fields in this state, by one volatile load each, to decide whether to lock the VMA: its
//! address space, as an address to compare, and the two words of its lock.

#[cfg(CONFIG_PER_VMA_LOCK)]
use super::super::VmRefcnt;
use super::super::VmaLocks;
use crate::{
    bindings,
    mm::MmWithUser,
    sync::rcu,
    types::NotThreadSafe, //
};
use core::{
    marker::PhantomData,
    ptr::{
        addr_of,
        NonNull, //
    }, //
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

    /// Returns the address space that the VMA belonged to at some moment during the RCU read-side
    /// critical section, as an address to compare (C: `vm_mm`).
    #[doc(alias = "vm_mm")]
    #[inline]
    pub fn mm_addr(&self) -> usize {
        // SAFETY: RCU keeps the memory a `vm_area_struct`. It may be reused meanwhile, so this is a
        // volatile load of an aligned word.
        unsafe { addr_of!((*self.as_raw()).vm_mm).read_volatile() }.addr()
    }

    /// Returns a snapshot of the sequence number of the last write lock (C: `vm_lock_seq`).
    #[cfg(all(CONFIG_PER_VMA_LOCK, CONFIG_RUST_VMA_MM))]
    #[inline]
    pub fn lock_seq(&self) -> u32 {
        // SAFETY: RCU keeps the memory a `vm_area_struct`. C writes this field with `WRITE_ONCE()`;
        // this is a volatile load of an aligned word.
        unsafe { addr_of!((*self.as_raw()).vm_lock_seq).read_volatile() }
    }

    /// Returns a snapshot of whether the VMA is attached and of its readers (C: `vm_refcnt`).
    ///
    /// Does not say whether the VMA is write-locked, which needs the sequence number of the mm.
    #[cfg(CONFIG_PER_VMA_LOCK)]
    #[doc(alias = "vm_refcnt")]
    pub fn refcnt(&self) -> VmRefcnt {
        // SAFETY: RCU keeps the memory a `vm_area_struct`. The count is only changed atomically;
        // this is a volatile load of an aligned word.
        let refcnt = unsafe { addr_of!((*self.as_raw()).vm_refcnt.refs.counter).read_volatile() };

        VmRefcnt::decode(refcnt, false)
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
