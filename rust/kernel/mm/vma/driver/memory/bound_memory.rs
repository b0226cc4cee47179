// SPDX-License-Identifier: GPL-2.0

//! The memory of the device that is bound at the moment, for the files of a device node.
//!
//! `open()` of a device node is given no data of the device, which can be unbound at the same time.

use crate::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full, //
    },
    rcu,
    Arc,
    ArcBorrow, //
};
use core::{
    marker::PhantomData,
    ptr::null_mut, //
};

/// The [`DeviceMemory`](super::DeviceMemory) or [`DmaMemory`](super::DmaMemory) `M` of the device
/// that is bound, or nothing: a `static` of a driver.
///
/// # Invariants
///
/// `memory` is null, or has a reference from [`Arc::into_raw()`], which is dropped an RCU grace
/// period after the pointer was replaced.
pub struct BoundMemory<M: Send + Sync + 'static> {
    memory: Atomic<*mut M>,
    _owns: PhantomData<Arc<M>>,
}

impl<M: Send + Sync + 'static> BoundMemory<M> {
    /// Nothing is bound.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        // INVARIANT: It is null.
        Self {
            memory: Atomic::new(null_mut()),
            _owns: PhantomData,
        }
    }

    /// Returns the memory, if a device is bound.
    pub fn get(&self) -> Option<Arc<M>> {
        let _rcu = rcu::read_lock();
        let memory = self.memory.load(Acquire);

        // SAFETY: By the type invariants the reference is there until the end of the RCU section.
        (!memory.is_null()).then(|| unsafe { ArcBorrow::from_raw(memory) }.into())
    }

    /// Replaces the memory: `None` when the device is unbound.
    ///
    /// Sleeps for an RCU grace period.
    pub fn set(&self, memory: Option<Arc<M>>) {
        let new = memory.map_or(null_mut(), |memory| Arc::into_raw(memory).cast_mut());
        // INVARIANT: The reference is in the pointer; that of the old one is dropped below.
        let old = self.memory.xchg(new, Full);

        if !old.is_null() {
            rcu::synchronize_rcu();
            // SAFETY: By the type invariants it was put there by `Arc::into_raw()`, and only this
            // call has replaced it.
            drop(unsafe { Arc::from_raw(old) });
        }
    }
}

impl<M: Send + Sync + 'static> Drop for BoundMemory<M> {
    fn drop(&mut self) {
        self.set(None);
    }
}
