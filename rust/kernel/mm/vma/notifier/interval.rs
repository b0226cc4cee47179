// SPDX-License-Identifier: GPL-2.0

//! A notifier of one range of an address space, and the check of its sequence number.

use super::module_ref::ModuleRef;
use crate::{
    bindings,
    error::{
        code::EAGAIN,
        to_result, //
    },
    mm::{
        vma::{
            MmId,
            VmaLocks, //
        },
        MmWithUser, //
    },
    prelude::*,
    static_lock_class,
    sync::{
        Mutex,
        MutexGuard, //
    },
    types::Opaque, //
};
use core::ops::Range;

/// The name of the state's lock for lockdep: one, as its class.
static NAME: &CStr = c"IntervalNotifier::state";

/// The state of a driver that depends on mirrored memory, such as the page tables of a device
/// (C: `struct mmu_interval_notifier_ops`).
///
/// The `impl` needs the attribute [`#[vtable]`](macro@vtable).
///
/// # Examples
///
/// See [`IntervalNotifier`].
#[vtable]
pub trait Mirror: Send + Unpin + Sized + 'static {
    /// Makes the device stop accessing a range, and forgets what is known about it.
    ///
    /// The range is the part of the notifier's that changes, or is about to go away. May sleep, but
    /// see the [module's documentation](super) for what it must not do.
    ///
    /// Context: the mmap lock, locks of reverse mappings, or reclaim.
    fn invalidate(&mut self, range: Range<usize>);

    /// Like [`invalidate()`](Self::invalidate), but must not sleep. Returns false if it would have
    /// to; the caller leaves the memory as it is then.
    ///
    /// Context: the OOM reaper, which frees memory of a process that is being killed.
    fn try_invalidate(&mut self, _range: Range<usize>) -> bool {
        false
    }
}

/// Follows the changes of a range of user memory (C: `struct mmu_interval_notifier`).
///
/// Has the driver's state, behind a lock that each invalidation takes.
///
/// It keeps the `mm_struct` allocated, but not the memory of a process that ends: that invalidates
/// all of it. It keeps the driver's module from being unloaded, so it must not belong to the module
/// itself, but for example to an open file.
///
/// Dropping it waits for invalidations to end, so it must not be dropped under a lock that one of
/// them takes, nor by a callback. Lockdep reports both. If it is leaked ([`core::mem::forget`]) the
/// callback is called until the address space ends, and the module is never unloaded.
///
/// # Examples
///
/// ```
/// use core::ops::Range;
/// use kernel::{
///     mm::{
///         vma::notifier::{IntervalNotifier, Mirror, Retry},
///         MmWithUser, //
///     },
///     prelude::*, //
/// };
///
/// /// The number of pages of which the device knows the address.
/// struct Known(usize);
///
/// #[vtable]
/// impl Mirror for Known {
///     fn invalidate(&mut self, _range: Range<usize>) {
///         self.0 = 0;
///     }
///
///     fn try_invalidate(&mut self, range: Range<usize>) -> bool {
///         self.invalidate(range);
///         true
///     }
/// }
///
/// fn mirror(mm: &MmWithUser, range: Range<usize>) -> Result<Pin<KBox<IntervalNotifier<Known>>>> {
///     let mut locks = mm.vma_locks();
///     let notifier = KBox::pin_init(
///         IntervalNotifier::new(&mut locks, range, Known(0)),
///         GFP_KERNEL_ACCOUNT,
///     )?;
///
///     loop {
///         let attempt = notifier.read_begin();
///         let pages = 1; // Here the driver would look at the memory.
///         match attempt.commit(|known| known.0 += pages) {
///             Ok(()) => return Ok(notifier),
///             Err(Retry) => {}
///         }
///     }
/// }
/// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
/// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
/// # let notifier = mirror(current!().mm().ok_or(EINVAL)?, 0x1000..0x2000)?;
/// # assert_eq!(notifier.with_state(|known| known.0), 1);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `notifier` is inserted, with the callbacks of `T`. The sequence number in it is written under
/// the lock of `state`.
#[pin_data(PinnedDrop)]
pub struct IntervalNotifier<T: Mirror> {
    #[pin]
    notifier: Opaque<bindings::mmu_interval_notifier>,
    range: Range<usize>,
    #[pin]
    state: Mutex<T>,
    // Given up last.
    _module: ModuleRef,
}

// SAFETY: A notifier belongs to no task. Its callbacks run in any.
unsafe impl<T: Mirror> Send for IntervalNotifier<T> {}
// SAFETY: A shared reference permits to begin attempts, which any task may at any time, and to use
// the state under its lock, which is for that `T: Send`.
unsafe impl<T: Mirror> Sync for IntervalNotifier<T> {}

impl<T: Mirror> IntervalNotifier<T> {
    const OPS: bindings::mmu_interval_notifier_ops = bindings::mmu_interval_notifier_ops {
        invalidate: Some(Self::invalidate),
        ..pin_init::zeroed()
    };

    /// Starts to follow the changes of a range, in bytes, of any alignment
    /// (C: `mmu_interval_notifier_insert()`).
    ///
    /// Takes the mmap lock and all reverse-mapping locks of the address space if it is its first
    /// notifier, so the scope is borrowed until this is done. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the range is empty, `ENOMEM`, or `EINTR` if a signal ended the wait for locks.
    #[doc(alias = "mmu_interval_notifier_insert")]
    pub fn new<'a>(
        locks: &'a mut VmaLocks<'_>,
        range: Range<usize>,
        state: T,
    ) -> impl PinInit<Self, Error> + 'a {
        let mm: &'a MmWithUser = locks.mm();
        let (start, end) = (range.start, range.end);

        try_pin_init!(&this in Self {
            range,
            state <- Mutex::new(state, NAME, static_lock_class!()),
            _module: ModuleRef::new::<T::OwnerModule>(),
            // Last: an invalidation may come before this returns.
            notifier <- Opaque::try_ffi_init(move |notifier| {
                let len = end.checked_sub(start).filter(|len| *len > 0).ok_or(EINVAL)?;
                // SAFETY: The state was just initialised.
                learn_lock(unsafe { &(*this.as_ptr()).state });

                // SAFETY: The mm has users while `locks` is borrowed, and this task holds none of
                // its locks. The callbacks are those of what `notifier` is in, of which all other
                // fields are initialised. It is pinned, and removed when it is dropped.
                to_result(unsafe {
                    bindings::mmu_interval_notifier_insert(
                        notifier,
                        mm.as_raw(),
                        start,
                        len,
                        const { &Self::OPS },
                    )
                })
            }),
        }? Error)
    }

    #[cfg(CONFIG_HMM_MIRROR)]
    pub(super) fn as_raw(&self) -> *mut bindings::mmu_interval_notifier {
        self.notifier.get()
    }

    /// Returns the identity of the address space, to compare.
    #[inline]
    pub fn mm_id(&self) -> MmId {
        // SAFETY: By the type invariants it is inserted, which has set this.
        MmId::from_raw(unsafe { (*self.notifier.get()).mm })
    }

    /// Returns the range.
    #[inline]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Begins to look at the memory (C: `mmu_interval_read_begin()`).
    ///
    /// Sleeps, uninterruptibly, while the range is being invalidated, so no lock may be held that
    /// an invalidation takes.
    #[doc(alias = "mmu_interval_read_begin")]
    pub fn read_begin(&self) -> Attempt<'_, T> {
        // SAFETY: By the type invariants it is inserted.
        let seq = unsafe { bindings::mmu_interval_read_begin(self.notifier.get()) };
        Attempt {
            notifier: self,
            seq,
        }
    }

    /// Lends the state as the last commit or invalidation left it.
    ///
    /// Sleeps for its lock.
    pub fn with_state<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        f(&self.state.lock())
    }

    /// Called by the mm: an event overlaps with the range.
    ///
    /// # Safety
    ///
    /// `notifier` must be that of an `IntervalNotifier<T>` of which all fields are initialised.
    /// `event` must be valid.
    unsafe extern "C" fn invalidate(
        notifier: *mut bindings::mmu_interval_notifier,
        event: *const bindings::mmu_notifier_range,
        seq: usize,
    ) -> bool {
        let field = Opaque::cast_from(notifier);
        // SAFETY: Guaranteed by the caller: it is in an `IntervalNotifier<T>` with these fields,
        // which is not dropped before it is removed. That waits for this.
        let (state, range) = unsafe {
            let this: *const Self = crate::container_of!(field, Self, notifier);
            (&(*this).state, &(*this).range)
        };
        // SAFETY: Guaranteed by the caller: the event is valid.
        let (start, end, may_sleep) = unsafe {
            (
                (*event).start,
                (*event).end,
                bindings::mmu_notifier_range_blockable(event),
            )
        };
        let part = range.start.max(start)..range.end.min(end);

        let state = if may_sleep {
            Some(state.lock())
        } else {
            state.try_lock()
        };
        let Some(mut state) = state else {
            return false;
        };
        // SAFETY: The lock of the state is held, under which attempts are checked.
        unsafe { bindings::mmu_interval_set_seq(notifier, seq) };

        if may_sleep {
            state.invalidate(part);
            return true;
        }
        // SAFETY: Marks a section that must not sleep. It ends below.
        unsafe { bindings::non_block_start() };
        let done = state.try_invalidate(part);
        // SAFETY: Ends the section.
        unsafe { bindings::non_block_end() };
        done
    }
}

#[pinned_drop]
impl<T: Mirror> PinnedDrop for IntervalNotifier<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariants it is inserted. No callback runs after this.
        unsafe { bindings::mmu_interval_notifier_remove(self.notifier.get()) };
    }
}

/// Tells lockdep that invalidations take the lock, before the first one does.
fn learn_lock<T>(state: &Mutex<T>) {
    as_invalidation(&mut || drop(state.lock()));
}

/// Calls a function that lockdep takes for an invalidation.
// Not inlined: the map of lockdep is not exported.
#[inline(never)]
fn as_invalidation(f: &mut dyn FnMut()) {
    // SAFETY: Has an effect on lockdep only. It ends below.
    unsafe { bindings::vma_notifier_learn_start() };
    f();
    // SAFETY: Ends what began above.
    unsafe { bindings::vma_notifier_learn_end() };
}

/// A look at mirrored memory, which has to be committed.
///
/// # Invariants
///
/// `seq` is the sequence number of the notifier when this began.
#[must_use = "what was looked up is valid only if it is committed"]
pub struct Attempt<'a, T: Mirror> {
    pub(super) notifier: &'a IntervalNotifier<T>,
    pub(super) seq: usize,
}

impl<'a, T: Mirror> Attempt<'a, T> {
    /// Lends the state, if the range was not invalidated since the attempt began
    /// (C: `mmu_interval_read_retry()`).
    ///
    /// `f` runs under the lock of the state, so an invalidation waits for it; see the [module's
    /// documentation](super) for what it must not do.
    ///
    /// Sleeps for the lock of the state.
    ///
    /// # Errors
    ///
    /// [`Retry`] if it was. `f` is not called then.
    #[doc(alias = "mmu_interval_read_retry")]
    pub fn commit<R>(self, f: impl FnOnce(&mut T) -> R) -> Result<R, Retry> {
        let mut state = self.lock()?;
        Ok(f(&mut state))
    }

    /// Locks the state, unless the range was invalidated.
    pub(super) fn lock(self) -> Result<MutexGuard<'a, T>, Retry> {
        let state = self.notifier.state.lock();

        // SAFETY: By the type invariants of the notifier it is inserted. The lock under which the
        // sequence number is written is held.
        if unsafe { bindings::mmu_interval_read_retry(self.notifier.notifier.get(), self.seq) } {
            return Err(Retry);
        }
        Ok(state)
    }
}

/// The memory was invalidated while the driver looked at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry;

impl From<Retry> for Error {
    fn from(_: Retry) -> Self {
        EAGAIN
    }
}
