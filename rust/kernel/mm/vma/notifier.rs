// SPDX-License-Identifier: GPL-2.0

//! User memory that a driver mirrors without pinning it.
//!
//! A device with page tables of its own can follow the changes of an address space instead of
//! pinning its pages. The kernel announces each change, and what the driver looked up before is
//! valid only if none was announced meanwhile:
//!
//! 1. [`IntervalNotifier::read_begin()`] begins an [`Attempt`].
//! 2. The driver looks at the memory. It may sleep, and take the mmap lock.
//! 3. [`Attempt::commit()`] locks the driver's state, and lends it if nothing was invalidated since
//!    the attempt began. Otherwise the driver begins another one.
//!
//! `IntervalNotifier::fault()` does all three, and lends the page frames. A driver selects
//! `MMU_NOTIFIER` for this module, and `HMM_MIRROR` for page frames.
//!
//! An invalidation locks the same state, marks all attempts as failed, and calls
//! [`Mirror::invalidate()`]. The pages are not unmapped before that returns. So the state belongs
//! to the notifier, and is changed by a callback, or after the check.
//!
//! # Locks
//!
//! An invalidation comes with locks held: the mmap lock in either mode, the locks of reverse
//! mappings, or those of reclaim. The lock of the state is taken inside of all these, so neither
//! the callback nor the closure of [`Attempt::commit()`] may
//!
//! - take the mmap lock, or access user memory;
//! - allocate memory with `GFP_KERNEL`, which waits for reclaim;
//! - begin an attempt, or drop a notifier of the same address space: both wait for invalidations to
//!   end.
//!
//! These are ordinary functions, which the compiler accepts anywhere. Lockdep reports each of them,
//! because it knows the lock of the state as one that invalidations take as soon as there is a
//! notifier.
//!
//! C header: [`include/linux/mmu_notifier.h`](srctree/include/linux/mmu_notifier.h)

#[cfg(CONFIG_HMM_MIRROR)]
mod hmm;
mod interval;
mod module_ref;

#[cfg(CONFIG_HMM_MIRROR)]
pub use self::hmm::{
    FaultFor,
    HmmFrame,
    HmmRoom, //
};
pub use self::interval::{
    Attempt,
    IntervalNotifier,
    Mirror,
    Retry, //
};
