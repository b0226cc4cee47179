// SPDX-License-Identifier: GPL-2.0

//! The NUMA state of a VMA: its memory policy, and the state of NUMA balancing.
//!
//! C headers: [`include/linux/mempolicy.h`](srctree/include/linux/mempolicy.h),
//! [`include/linux/mm_types.h`](srctree/include/linux/mm_types.h)

#[cfg(CONFIG_RUST_VMA_MM)]
use crate::error::{
    from_err_ptr,
    to_result,
    Result, //
};
use crate::{
    bindings,
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque, //
};
#[cfg(CONFIG_RUST_VMA_MM)]
use core::ptr;
use core::ptr::NonNull;

/// The counted NUMA policy of a mapping (C: `struct mempolicy`).
///
/// # Invariants
///
/// An instance is reference-counted by its `refcnt`.
#[repr(transparent)]
pub struct VmaPolicy(Opaque<bindings::mempolicy>);

// SAFETY: The fields that can be read here do not change, and the count is atomic.
unsafe impl Send for VmaPolicy {}
// SAFETY: As for `Send`.
unsafe impl Sync for VmaPolicy {}

// SAFETY: `refcnt` keeps the policy allocated while it is not zero.
unsafe impl AlwaysRefCounted for VmaPolicy {
    fn inc_ref(&self) {
        // SAFETY: The reference shows that the count is not zero.
        unsafe { bindings::mpol_get(self.0.get()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up a reference.
        unsafe { bindings::mpol_put(obj.as_ptr().cast()) };
    }
}

impl VmaPolicy {
    /// Returns the mode, such as `MPOL_BIND` (C: `mode`).
    #[inline]
    pub fn mode(&self) -> u16 {
        // SAFETY: The policy is alive, and its mode is not changed.
        unsafe { (*self.0.get()).mode }
    }

    /// Takes a reference to `policy`.
    ///
    /// # Safety
    ///
    /// `policy` must be NULL or point to a policy whose count cannot become zero during the call.
    #[inline]
    pub(super) unsafe fn get(policy: *mut bindings::mempolicy) -> Option<ARef<Self>> {
        // SAFETY: The caller keeps the policy alive during the call.
        unsafe { policy.cast::<Self>().as_ref() }.map(ARef::from)
    }
}

/// Replaces the policy of `vma` by a copy of that of `from` (C: `vma_replace_policy()`).
///
/// # Safety
///
/// `vma` must point to a VMA that the calling task has write-locked, `from` to one that it has
/// locked, of the same address space.
// Not inlined: `__mpol_dup()` is not exported.
#[cfg(CONFIG_RUST_VMA_MM)]
#[inline(never)]
pub(super) unsafe fn replace_policy(
    vma: *mut bindings::vm_area_struct,
    from: Option<*mut bindings::vm_area_struct>,
) -> Result {
    // SAFETY: The VMA is locked, so the pointer is not written, and keeps its policy.
    let policy = from.map_or(ptr::null_mut(), |from| unsafe { (*from).vm_policy });
    // SAFETY: The policy, if any, is alive. `mpol_rebind_mm()` takes the mmap write lock to rebind
    // it, which the calling task holds: `vma` is write-locked, and both are of one address space.
    let new = from_err_ptr(unsafe { bindings::mpol_dup(policy) })?;

    // SAFETY: The VMA is write-locked. Its operations are those that its driver gave it.
    let set_policy = unsafe { (*vma).vm_ops.as_ref() }.and_then(|ops| ops.set_policy);
    if let Some(set_policy) = set_policy {
        // SAFETY: It is called as `vma_replace_policy()` calls it, under the same locks.
        if let Err(e) = to_result(unsafe { set_policy(vma, new) }) {
            // SAFETY: The copy is given up.
            unsafe { bindings::mpol_put(new) };
            return Err(e);
        }
    }

    // SAFETY: The VMA is write-locked, so this task may replace the pointer and owns the reference
    // that it stood for. C reads the field without a lock in `show_numa_map()`, hence the volatile
    // store (`WRITE_ONCE()`).
    unsafe {
        let old = (*vma).vm_policy;
        (&raw mut (*vma).vm_policy).write_volatile(new);
        bindings::mpol_put(old);
    }

    Ok(())
}

/// The state of NUMA balancing of a mapping (C: `struct vma_numab_state`).
#[cfg(all(CONFIG_NUMA_BALANCING, CONFIG_RUST_VMA_MM))]
#[derive(Clone, Copy, Debug)]
pub struct NumabState {
    /// When the mapping is to be scanned next, in jiffies.
    pub next_scan: usize,

    /// The threads that had hinting faults in the last two windows, as hashes of their ids.
    pub pids_active: [usize; 2],

    /// The scan during which the mapping was first seen.
    pub start_scan_seq: i32,

    /// The last scan that covered the whole mapping.
    pub prev_scan_seq: i32,
}

#[cfg(all(CONFIG_NUMA_BALANCING, CONFIG_RUST_VMA_MM))]
impl NumabState {
    /// Copies the state, one word at a time.
    ///
    /// # Safety
    ///
    /// `state` must be NULL or point to a state that is not freed during the call.
    pub(super) unsafe fn read(state: *const bindings::vma_numab_state) -> Option<Self> {
        use core::ptr::addr_of;

        // SAFETY: The caller keeps the state alive. NUMA balancing writes it at any time; these are
        // volatile loads of aligned words.
        (!state.is_null()).then(|| unsafe {
            Self {
                next_scan: addr_of!((*state).next_scan).read_volatile(),
                pids_active: [
                    addr_of!((*state).pids_active[0]).read_volatile(),
                    addr_of!((*state).pids_active[1]).read_volatile(),
                ],
                start_scan_seq: addr_of!((*state).start_scan_seq).read_volatile(),
                prev_scan_seq: addr_of!((*state).prev_scan_seq).read_volatile(),
            }
        })
    }
}
