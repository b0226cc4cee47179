// SPDX-License-Identifier: GPL-2.0

//! Properties of every public type: size, niche, auto traits and variance, asserted in every build.
//!
//! A row of `properties!` names a type, its size and its properties:
//!
//! - `niche`: an [`Option`] of it has the same size;
//! - `Send`, `Sync`, `Unpin`, and each of them with `!` for its absence.
//!
//! An absence is on purpose. The cases after `by`, below `scripts/compile-fail/cases`, show the
//! expected error.
//!
//! A row of `variance!` states the variance of a type in one lifetime or one type parameter. The
//! compiler checks the covariant ones here; that something is invariant can only be shown by what
//! does not compile, which is the case after `by`. Parameters that are sealed marker types have no
//! subtypes, so their variance cannot be observed.

#[cfg(CONFIG_MMU_NOTIFIER)]
use super::notifier::*;
use super::{
    driver::*,
    level::{
        Held,
        LockState, //
    },
    order::MmapLock,
    page_table::*,
    pin::*,
    rmap::*,
    *, //
};
use crate::{
    prelude::*,
    sync::{
        Mutex,
        Srcu, //
    }, //
};
use core::ops::RangeInclusive;

const WORD: usize = size_of::<usize>();

/// The DRM device whose objects map some memory.
const ATTACHED: usize = if cfg!(CONFIG_DRM = "y") {
    WORD + size_of::<Mutex<Option<&'static ()>>>()
} else {
    0
};

/// Asserts that a type does not implement an auto trait: if it did, the call would be ambiguous.
macro_rules! assert_not_impl {
    ($ty:ty: $trait:ident) => {
        const _: fn() = || {
            struct IfImplemented;
            trait Ambiguous<A> {
                fn call() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $trait> Ambiguous<IfImplemented> for T {}
            <$ty as Ambiguous<_>>::call()
        };
    };
}

macro_rules! properties {
    ($(
        $(#[$meta:meta])*
        $ty:ty: $size:tt [$($properties:tt)*] $(by $($case:literal),+)?;
    )*) => {$(
        $(#[$meta])*
        const _: () = {
            assert!(size_of::<$ty>() == $size);
            properties!(@each [$ty] $($properties)*);
        };
    )*};
    (@each [$ty:ty]) => {};
    (@each [$ty:ty] niche $($rest:tt)*) => {
        assert!(size_of::<Option<$ty>>() == size_of::<$ty>());
        properties!(@each [$ty] $($rest)*);
    };
    (@each [$ty:ty] ! $trait:ident $($rest:tt)*) => {
        assert_not_impl!($ty: $trait);
        properties!(@each [$ty] $($rest)*);
    };
    (@each [$ty:ty] $trait:ident $($rest:tt)*) => {
        const _: fn() = || {
            fn check<T: ?Sized + $trait>() {}
            check::<$ty>()
        };
        properties!(@each [$ty] $($rest)*);
    };
}

macro_rules! variance {
    () => {};
    (covariant { type $alias:ident<$lifetime:lifetime> = $ty:ty; } $($rest:tt)*) => {
        const _: () = {
            type $alias<$lifetime> = $ty;
            #[allow(dead_code)]
            fn check<'long: 'short, 'short>(x: *const $alias<'long>) -> *const $alias<'short> {
                x
            }
        };
        variance! { $($rest)* }
    };
    (covariant { type $alias:ident<$param:ident> = $ty:ty; } $($rest:tt)*) => {
        const _: () = {
            type $alias<$param> = $ty;
            #[allow(dead_code)]
            fn check<'short>(x: *const $alias<&'static ()>) -> *const $alias<&'short ()> {
                x
            }
        };
        variance! { $($rest)* }
    };
    (invariant { type $alias:ident<$($param:tt),+> = $ty:ty; } by $case:literal; $($rest:tt)*) => {
        const _: () = {
            #[allow(dead_code)]
            type $alias<$($param),+> = $ty;
        };
        variance! { $($rest)* }
    };
}

/// Operations of no driver, to have a type for rows that need one.
enum NoOps {}

#[vtable]
impl VmaOperations for NoOps {
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmap;
}

/// State of no driver.
#[cfg(CONFIG_MMU_NOTIFIER)]
struct NoMirror;

#[cfg(CONFIG_MMU_NOTIFIER)]
#[vtable]
impl Mirror for NoMirror {
    fn invalidate(&mut self, _range: core::ops::Range<usize>) {}
}

properties! {
    // Views. They exist behind a reference only, and are for the task that holds the locks.
    &'static Vma<VmaRead>: WORD [niche !Send !Sync]
        by "view_sent_to_another_task", "view_at_another_level";
    Vma<VmaWrite>: (size_of::<bindings::vm_area_struct>()) [!Send !Sync !Unpin]
        by "view_sent_to_another_task", "view_is_never_exclusive";
    &'static DriverVma<NoOps, Read>: WORD [niche !Send !Sync] by "driver_vma_sent_to_another_task";
    DriverVma<NoOps, Read>: (size_of::<bindings::vm_area_struct>()) [!Send !Sync !Unpin]
        by "driver_vma_sent_to_another_task";
    UnstableVma<'static>: WORD [niche !Send !Sync Unpin] by "views_sent_to_another_task";
    SpeculativeVma<'static>: WORD [niche !Send !Sync Unpin] by "views_sent_to_another_task";
    Speculation<'static>: (3 * WORD) [niche !Send !Sync Unpin] by "views_sent_to_another_task";
    PteSlot<'static, MmapRead>: WORD [niche !Send !Sync Unpin]
        by "views_sent_to_another_task";

    // Guards and proofs of locks. The kernel wants a lock released by the task that took it.
    VmaLocks<'static>: WORD [niche !Send !Sync Unpin]
        by "guard_sent_to_another_task", "guard_shared_with_another_task";
    MmapGuard<'static, MmapRead>: WORD [niche !Send !Sync Unpin]
        by "guard_sent_to_another_task", "guard_shared_with_another_task";
    MmapGuard<'static, MmapWrite>: WORD [niche !Send !Sync Unpin]
        by "guard_sent_to_another_task", "guard_shared_with_another_task";
    VmaGuard<'static>: WORD [niche !Send !Sync Unpin]
        by "guard_sent_to_another_task", "guard_shared_with_another_task";
    ReadGuard<'static>: WORD [niche !Send !Sync Unpin]
        by "guard_sent_to_another_task", "guards_shared_with_another_task";
    #[cfg(CONFIG_PER_VMA_LOCK)]
    LockedVmas<'static, 3>: (3 * WORD) [!Send !Sync Unpin]
        by "several_sent_to_another_task", "guards_shared_with_another_task";
    VmaCursor<'static>: (5 * WORD) [!Send !Sync Unpin]
        by "cursor_sent_to_another_task", "guards_shared_with_another_task";
    LockOrder<'static, MmapLock>: 0 [!Send !Sync Unpin]
        by "order_sent_to_another_task", "guards_shared_with_another_task";
    RmapTreeGuard<'static, OfFile, TreeRead>: WORD [niche !Send !Sync Unpin]
        by "guards_sent_to_another_task", "guards_shared_with_another_task";
    RmapTreeGuard<'static, OfAnon, TreeWrite>: WORD [niche !Send !Sync Unpin]
        by "guards_sent_to_another_task", "guards_shared_with_another_task";
    #[cfg(CONFIG_RUST_VMA_MM)]
    RmapWriteGuard<'static>: (3 * WORD) [niche !Send !Sync Unpin]
        by "guards_sent_to_another_task", "guards_shared_with_another_task";

    // Iterators borrow a guard.
    Vmas<'static, MmapRead>: (size_of::<bindings::vma_iterator>() + WORD) [!Send !Sync Unpin]
        by "views_sent_to_another_task";
    Area<'static, MmapRead>: (3 * WORD) [!Send !Sync Unpin] by "views_sent_to_another_task";
    Areas<'static, MmapRead>: (size_of::<bindings::vma_iterator>() + 4 * WORD)
        [!Send !Sync Unpin] by "views_sent_to_another_task";
    IMmapVmas<'static>: (WORD + size_of::<RangeInclusive<usize>>()) [!Send !Sync Unpin]
        by "views_sent_to_another_task";
    AnonVmas<'static>: (WORD + size_of::<RangeInclusive<usize>>()) [!Send !Sync Unpin]
        by "views_sent_to_another_task";

    // Callbacks of a driver. What they are handed is for the call.
    VmaSetup<'static>: WORD [niche !Send !Sync Unpin] by "setup_sent_to_another_task";
    Mapped<'static>: (2 * WORD) [niche !Send !Sync Unpin] by "setup_sent_to_another_task";
    VmaDesc<'static>: WORD [niche !Send !Sync Unpin] by "setup_sent_to_another_task";
    Prepared<'static>: WORD [Send Sync Unpin];
    Fault<'static, NoOps>: WORD [niche !Send !Sync Unpin] by "fault_sent_to_another_task";
    HugeFault<'static, NoOps>: (2 * WORD) [niche !Send !Sync Unpin]
        by "fault_sent_to_another_task";
    MkWrite<'static, NoOps>: WORD [niche !Send !Sync Unpin] by "fault_sent_to_another_task";
    MapPages<'static, NoOps>: (4 * WORD) [niche !Send !Sync Unpin] by "fault_sent_to_another_task";
    FaultOutcome<'static>: 4 [Send Sync Unpin];
    HugeFaultOutcome<'static>: 4 [Send Sync Unpin];
    MkWriteOutcome<'static>: 4 [Send Sync Unpin];
    Released<'static>: 1 [niche Send Sync Unpin];
    MappedRange<'static>: (4 * WORD) [!Send !Sync Unpin] by "views_sent_to_another_task";
    AccessBuffer<'static>: (4 * WORD) [niche Send Sync Unpin];
    AccessReply<'static>: (3 * WORD) [niche Send Sync Unpin];
    AccessBytes<'static>: (3 * WORD) [niche Send Sync Unpin];

    // The address space of another task.
    ForeignVma<'static>: WORD [niche !Send !Sync Unpin] by "views_sent_to_another_task";
    ForeignCursor<'static>: (size_of::<VmaCursor<'static>>()) [!Send !Sync Unpin]
        by "views_sent_to_another_task";
    ForeignMm<ReadAccess>: WORD [niche Send Sync Unpin];
    ForeignMmRef<ReadAccess>: WORD [niche Send Sync Unpin];
    GrabbedMm: WORD [niche Send Sync Unpin];
    MmId: WORD [Send Sync Unpin];

    // A file belongs to a task until it has no `fdget_pos()` region.
    FilePages<'static>: WORD [niche !Send !Sync Unpin] by "views_sent_to_another_task";

    // Independent of a task.
    PinnedPages<Writable>: (7 * WORD) [niche Send Sync Unpin];
    PinnedPage<'static>: (3 * WORD) [!Send !Sync Unpin] by "views_sent_to_another_task";
    DmaPages<Writable>: (9 * WORD) [niche Send Sync Unpin];
    DmaTable<'static>: WORD [!Send !Sync Unpin] by "views_sent_to_another_task";
    CpuPages<'static, Writable>: WORD [niche Send Sync Unpin];
    LockedVm: (2 * WORD) [niche Send Sync Unpin];
    #[cfg(CONFIG_MMU_NOTIFIER)]
    IntervalNotifier<NoMirror>: (size_of::<bindings::mmu_interval_notifier>()
        + size_of::<Mutex<NoMirror>>() + 3 * WORD) [Send Sync !Unpin] by "notifier_stays_in_place";
    #[cfg(CONFIG_MMU_NOTIFIER)]
    Attempt<'static, NoMirror>: (2 * WORD) [niche Send Sync Unpin];
    SharedPage: WORD [niche Send Sync Unpin];
    SharedBuffer: (3 * WORD) [niche Send Sync Unpin];
    ShmemFile: (2 * WORD) [niche Send Sync Unpin];
    #[cfg(CONFIG_DMA_SHARED_BUFFER)]
    DmaBuf: WORD [niche Send Sync Unpin];
    DeviceBuffer: (5 * WORD) [niche Send Sync Unpin];
    #[cfg(CONFIG_DRM = "y")]
    ObjectFile<'static>: (2 * WORD) [niche Send Sync Unpin];
    #[cfg(CONFIG_DRM = "y")]
    Lent<'static>: (3 * WORD) [!Send !Sync Unpin] by "frames_of_an_object";
    PfnRegion<()>: (size_of::<Frames>()) [Send Sync Unpin];
    FoundFrame<&'static Frames>: (4 * WORD) [niche Send Sync Unpin];
    Pieces: (3 * WORD) [niche Send Sync Unpin];
    PfnPieces<()>: (4 * WORD) [niche Send Sync Unpin];
    DeviceMemory<()>: (2 * size_of::<Frames>() + 2 * WORD + size_of::<Srcu>() + ATTACHED)
        [niche Send Sync !Unpin] by "device_memory_stays_in_place";
    ClaimedMemory<'static>: (5 * WORD) [niche Send Sync Unpin];
    DmaMemory<u64>: (6 * WORD) [niche Send Sync Unpin];
    DmaBuffers<u64>: (6 * WORD) [niche Send Sync Unpin];
    NoncoherentMemory: (6 * WORD) [niche Send Sync Unpin];
    NoncoherentGuard<'static>: WORD [!Send !Sync Unpin] by "views_sent_to_another_task";
    FrameSlots<()>: (5 * WORD + size_of::<Srcu>() + ATTACHED) [niche Send Sync !Unpin]
        by "frame_slots_stay_in_place";
    BoundMemory<()>: WORD [Send Sync Unpin];
    BoundGate: (size_of::<bindings::notifier_block>() + size_of::<Srcu>() + 2 * WORD)
        [niche Send Sync !Unpin] by "bound_gate_stays_in_place";
    BoundGuard<'static>: (3 * WORD) [niche !Send !Sync Unpin] by "views_sent_to_another_task";
    BoundGateRegistration: WORD [niche Send Sync Unpin];
    #[cfg(CONFIG_DMA_CMA)]
    Frames: (7 * WORD) [Send Sync Unpin];
    #[cfg(not(CONFIG_DMA_CMA))]
    Frames: (6 * WORD) [Send Sync Unpin];
    VmOpsTable<NoOps>: (size_of::<bindings::vm_operations_struct>()) [Sync Unpin];
    VmOps: (size_of::<bindings::vm_operations_struct>()) [!Sync !Unpin]
        by "operations_of_a_vma_shared_with_another_task";
    RmapTree<OfFile>: (size_of::<bindings::address_space>()) [Send Sync !Unpin]
        by "rmap_tree_is_never_exclusive";
    AnonVmaName: (size_of::<bindings::anon_vma_name>()) [Send Sync !Unpin]
        by "rmap_tree_is_never_exclusive";
    #[cfg(CONFIG_NUMA)]
    VmaPolicy: (size_of::<bindings::mempolicy>()) [Send Sync !Unpin]
        by "rmap_tree_is_never_exclusive";

    // Values.
    VmaFlag: 1 [Send Sync Unpin];
    VmaFlags: (size_of::<bindings::vm_flags_t>()) [Send Sync Unpin];
    AdviceFlags: (size_of::<bindings::vm_flags_t>()) [Send Sync Unpin];
    SetupFlags: (size_of::<bindings::vm_flags_t>()) [Send Sync Unpin];
    FaultFlags: 4 [Send Sync Unpin];
    PageProt: (size_of::<bindings::pgprot_t>()) [Send Sync Unpin];
    Pte: (size_of::<bindings::pte_t>()) [Send Sync Unpin];
    Pmd: (size_of::<bindings::pmd_t>()) [Send Sync Unpin];
    LockSubclass: 1 [Send Sync Unpin];
    LockCounts: 24 [Send Sync Unpin];
    VmRefcnt: 8 [niche Send Sync Unpin];
    InodeId: 16 [Send Sync Unpin];
    UserfaultfdCtx: WORD [niche Send Sync Unpin];
    #[cfg(all(CONFIG_NUMA_BALANCING, CONFIG_RUST_VMA_MM))]
    NumabState: (3 * WORD + 8) [Send Sync Unpin];
    PtraceMode<ReadAccess>: 4 [Send Sync Unpin];
    MemoryType: 1 [niche Send Sync Unpin];
    HeldLock: 1 [niche Send Sync Unpin];
    Held: 1 [niche Send Sync Unpin];
    LockState: 3 [niche Send Sync Unpin];
    PinFor: 1 [niche Send Sync Unpin];
    PteError: 1 [niche Send Sync Unpin];
    #[cfg(CONFIG_HMM_MIRROR)]
    HmmRoom: (3 * WORD) [niche Send Sync Unpin];
    #[cfg(CONFIG_HMM_MIRROR)]
    HmmFrame: WORD [Send Sync Unpin];
    #[cfg(CONFIG_HMM_MIRROR)]
    FaultFor: 1 [niche Send Sync Unpin];
    #[cfg(CONFIG_MMU_NOTIFIER)]
    Retry: 0 [Send Sync Unpin];
    ReadLockError: 1 [niche Send Sync Unpin];
    SpeculationError: 1 [niche Send Sync Unpin];
    LockVmasError: (2 * WORD) [niche Send Sync Unpin];

    // Markers have no values.
    Plain: 0 [Send Sync Unpin];
    MixedMap: 0 [Send Sync Unpin];
    PfnMap: 0 [Send Sync Unpin];
    DeviceMap: 0 [Send Sync Unpin];
    DmaMap: 0 [Send Sync Unpin];
    ViaMmap: 0 [Send Sync Unpin];
    ViaMmapPrepare: 0 [Send Sync Unpin];
    ReadAccess: 0 [Send Sync Unpin];
    AttachAccess: 0 [Send Sync Unpin];
    ReadOnly: 0 [Send Sync Unpin];
    Writable: 0 [Send Sync Unpin];
    ToDevice: 0 [Send Sync Unpin];
    FromDevice: 0 [Send Sync Unpin];
    Bidirectional: 0 [Send Sync Unpin];
    TreeRead: 0 [Send Sync Unpin];
    TreeWrite: 0 [Send Sync Unpin];
}

// A shorter lifetime is a weaker promise: guards and views may be used where they need not live as
// long. What they hold is released when they are dropped, and their views borrow them.
variance! {
    covariant { type T<'a> = VmaLocks<'a>; }
    covariant { type T<'a> = MmapGuard<'a, MmapRead>; }
    covariant { type T<'a> = VmaGuard<'a>; }
    covariant { type T<'a> = ReadGuard<'a>; }
    covariant { type T<'a> = LockedVmas<'a, 3>; }
    covariant { type T<'a> = VmaCursor<'a>; }
    covariant { type T<'a> = LockOrder<'a, MmapLock>; }
    covariant { type T<'a> = RmapTreeGuard<'a, OfFile, TreeRead>; }
    covariant { type T<'a> = UnstableVma<'a>; }
    covariant { type T<'a> = SpeculativeVma<'a>; }
    covariant { type T<'a> = Speculation<'a>; }
    covariant { type T<'a> = PteSlot<'a, MmapRead>; }
    covariant { type T<'a> = Vmas<'a, MmapRead>; }
    covariant { type T<'a> = Area<'a, MmapRead>; }
    covariant { type T<'a> = Areas<'a, MmapRead>; }
    covariant { type T<'a> = IMmapVmas<'a>; }
    covariant { type T<'a> = AnonVmas<'a>; }
    covariant { type T<'a> = PinnedPage<'a>; }
    covariant { type T<'a> = DmaTable<'a>; }
    covariant { type T<'a> = NoncoherentGuard<'a>; }
    covariant { type T<'a> = BoundGuard<'a>; }
    covariant { type T<'a> = CpuPages<'a, Writable>; }
    covariant { type T<'a> = MappedRange<'a>; }
    covariant { type T<'a> = AccessBuffer<'a>; }
    covariant { type T<'a> = AccessReply<'a>; }
    covariant { type T<'a> = AccessBytes<'a>; }
    covariant { type T<'a> = FilePages<'a>; }
    covariant { type T<'a> = ForeignVma<'a>; }
    covariant { type T<'a> = ForeignCursor<'a>; }
    covariant { type T<U> = PfnRegion<U>; }
    covariant { type T<F> = FoundFrame<F>; }
    covariant { type T<U> = PfnPieces<U>; }
    covariant { type T<U> = FrameSlots<U>; }
    covariant { type T<R> = DeviceMemory<R>; }
}

#[cfg(CONFIG_HAS_IOMEM)]
variance! {
    covariant { type T<'a> = ClaimedMemory<'a>; }
}

#[cfg(CONFIG_RUST_VMA_MM)]
variance! {
    covariant { type T<'a> = RmapWriteGuard<'a>; }
}

#[cfg(CONFIG_MMU_NOTIFIER)]
variance! {
    covariant { type T<'a> = Attempt<'a, NoMirror>; }
    invariant { type T<M> = IntervalNotifier<M>; } by "notifier_of_a_subtype";
    invariant { type T<M> = Attempt<'static, M>; } by "notifier_of_a_subtype";
}

// The lifetime is a brand: it stands for one call of one callback, so that nothing is returned from
// another one.
variance! {
    invariant { type T<'a> = VmaSetup<'a>; } by "hook_returns_the_end_of_another";
    invariant { type T<'a> = Mapped<'a>; } by "hook_returns_the_end_of_another";
    invariant { type T<'a> = VmaDesc<'a>; } by "hook_returns_the_end_of_another";
    invariant { type T<'a> = Prepared<'a>; } by "hook_returns_the_end_of_another";
    invariant { type T<'a> = Fault<'a, NoOps>; } by "answer_to_another_fault";
    invariant { type T<'a> = HugeFault<'a, NoOps>; } by "brand_shortened";
    invariant { type T<'a> = MkWrite<'a, NoOps>; } by "brand_shortened";
    invariant { type T<'a> = MapPages<'a, NoOps>; } by "brand_shortened";
    invariant { type T<'a> = FaultOutcome<'a>; } by "answer_to_another_fault";
    invariant { type T<'a> = HugeFaultOutcome<'a>; } by "brand_shortened";
    invariant { type T<'a> = MkWriteOutcome<'a>; } by "brand_shortened";
    invariant { type T<'a> = Released<'a>; } by "brand_shortened";
}

// Operations are told apart by their type, and their data has types of its own: a subtype of the
// operations is another driver.
variance! {
    invariant { type T<O> = DriverVma<O, Read>; } by "operations_of_a_subtype";
    invariant { type T<O> = Fault<'static, O>; } by "operations_of_a_subtype";
    invariant { type T<O> = HugeFault<'static, O>; } by "operations_of_a_subtype";
    invariant { type T<O> = MkWrite<'static, O>; } by "operations_of_a_subtype";
    invariant { type T<O> = MapPages<'static, O>; } by "operations_of_a_subtype";
    invariant { type T<O> = VmOpsTable<O>; } by "operations_of_a_subtype";
}

// It is written through shared references.
variance! {
    invariant { type T<M> = BoundMemory<M>; } by "bound_memory_of_a_subtype";
    invariant { type T<U> = DmaMemory<U>; } by "dma_memory_of_a_subtype";
    invariant { type T<U> = DmaBuffers<U>; } by "dma_memory_of_a_subtype";
}

#[cfg(CONFIG_DRM = "y")]
variance! {
    covariant { type T<'a> = ObjectFile<'a>; }
    covariant { type T<'a> = Lent<'a>; }
}
