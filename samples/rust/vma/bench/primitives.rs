// SPDX-License-Identifier: GPL-2.0

//! Has a primitive done so and so often, with what it wants locked. `vma_bench_primitives.c` does
//! the same in C.

use crate::{
    abi::place,
    fields,
    ioctl::Description,
    locks,
    pages::{
        self,
        PageFrames,
        Pages, //
    },
    work::{
        Done,
        Order, //
    }, //
};
use core::sync::atomic::{
    compiler_fence,
    Ordering, //
};
use kernel::{
    mm::{
        vma::{
            level::MmapLevel,
            MmapGuard,
            MmapRead,
            MmapWrite,
            Vma,
            VmaLocks,
            VmaRead,
            VmaWrite, //
        },
        MmWithUser, //
    },
    prelude::*,
    task::Pid,
    time::{
        Instant,
        Monotonic, //
    },
};

/// The arguments of a primitive that is called without a lock.
pub(crate) struct At<'a> {
    pub(crate) locks: VmaLocks<'a>,
    pub(crate) addr: usize,
    pub(crate) other: usize,
    pub(crate) pid: Pid,
}

/// The arguments of a primitive that is called under the mmap lock.
pub(crate) struct Under<'a, L: MmapLevel> {
    pub(crate) mmap: MmapGuard<'a, L>,
    pub(crate) addr: usize,
    pub(crate) other: usize,
}

/// The function of a primitive, by what is locked when it is called.
enum Function {
    Unlocked(fn(&mut At<'_>) -> u64),
    MmapRead(fn(&mut Under<'_, MmapRead>) -> u64),
    MmapWrite(fn(&mut Under<'_, MmapWrite>) -> u64),
    VmaRead(fn(&Vma<VmaRead>) -> u64),
    VmaWrite(fn(&Vma<VmaWrite>) -> u64),
    /// Pages are put into a VMA that has none.
    Empty(fn(&mut Pages<'_>) -> u64),
    /// The same for page frames.
    EmptyFrames(fn(&mut PageFrames<'_>) -> u64),
    /// Pages are taken out of a VMA that has them all.
    Populated(fn(&mut Pages<'_>) -> u64),
}

/// A primitive: its name, where it is done, and by which function.
pub(crate) struct Primitive {
    name: &'static str,
    place: u64,
    function: Function,
}

impl Primitive {
    pub(crate) fn describe(&self) -> Description {
        let is_once_per_page = matches!(
            self.function,
            Function::Empty(_) | Function::EmptyFrames(_) | Function::Populated(_)
        );

        Description {
            name: self.name,
            place: self.place,
            is_once_per_page,
        }
    }

    /// Has it done as often as it is to be, and returns how many nanoseconds that took.
    pub(crate) fn run(&self, mm: &MmWithUser, order: &Order) -> Result<(u64, Done)> {
        let mut locks = mm.vma_locks();
        let rounds = order.rounds;
        let [addr, other] = order.addr;

        match self.function {
            Function::Unlocked(function) => {
                let pid = current!().pid();
                let mut at = At {
                    locks,
                    addr,
                    other,
                    pid,
                };
                Ok(repeat(rounds, || function(&mut at)))
            }
            Function::MmapRead(function) => {
                let mmap = locks.read();
                let mut at = Under { mmap, addr, other };
                Ok(repeat(rounds, || function(&mut at)))
            }
            Function::MmapWrite(function) => {
                let mmap = locks.write();
                let mut at = Under { mmap, addr, other };
                Ok(repeat(rounds, || function(&mut at)))
            }
            Function::VmaRead(function) => {
                let vma = locks.lock_vma_under_rcu(addr).ok_or(EAGAIN)?;
                let vma: &Vma<VmaRead> = &vma;
                Ok(repeat(rounds, || function(vma)))
            }
            Function::VmaWrite(function) => {
                let mmap = locks.write();
                let vma = mmap.lookup(addr).ok_or(ENOENT)?.start_write();
                Ok(repeat(rounds, || function(vma)))
            }
            Function::Empty(function) => {
                let mmap = locks.read();
                let mut pages = Pages::of(mmap.lookup(addr).ok_or(ENOENT)?)?;
                Ok(repeat(rounds, || function(&mut pages)))
            }
            Function::EmptyFrames(function) => {
                let mmap = locks.read();
                let mut frames = PageFrames::of(mmap.lookup(addr).ok_or(ENOENT)?)?;
                Ok(repeat(rounds, || function(&mut frames)))
            }
            Function::Populated(function) => {
                let mmap = locks.read();
                let mut pages = Pages::populated(mmap.lookup(addr).ok_or(ENOENT)?)?;
                Ok(repeat(rounds, || function(&mut pages)))
            }
        }
    }
}

/// All that is timed.
#[inline(always)]
pub(crate) fn repeat(rounds: u64, mut function: impl FnMut() -> u64) -> (u64, Done) {
    let mut sum = 0_u64;

    let start = Instant::<Monotonic>::now();
    mark_begin();
    for _ in 0..rounds {
        sum = sum.wrapping_add(function());
    }
    mark_end();
    let ticks = start.elapsed().as_nanos() as u64;

    (
        ticks,
        Done {
            operations: rounds,
            sum,
        },
    )
}

/// Does nothing, as `vma_bench_mark_begin()` of the driver in C.
#[inline(never)]
pub(crate) fn mark_begin() {
    compiler_fence(Ordering::SeqCst);
}

/// Does nothing, as `vma_bench_mark_end()` of the driver in C.
#[inline(never)]
pub(crate) fn mark_end() {
    compiler_fence(Ordering::SeqCst);
}

macro_rules! primitives {
    ($($name:literal $place:ident $kind:ident $function:path,)*) => {
        &[$(Primitive {
            name: $name,
            place: place::$place,
            function: Function::$kind($function),
        }),*]
    };
}

pub(crate) static PRIMITIVES: &[Primitive] = primitives! {
    "nothing" ANON Unlocked locks::prim_nothing,
    "mmap-read" ANON Unlocked locks::prim_mmap_read,
    "mmap-read-killable" ANON Unlocked locks::prim_mmap_read_killable,
    "mmap-read-trylock" ANON Unlocked locks::prim_mmap_read_trylock,
    "mmap-write" ANON Unlocked locks::prim_mmap_write,
    "mmap-write-killable" ANON Unlocked locks::prim_mmap_write_killable,
    "mmap-write-nested" ANON Unlocked locks::prim_mmap_write_nested,
    "mmap-downgrade" ANON Unlocked locks::prim_mmap_downgrade,
    "mmap-read-lookup" ANON Unlocked locks::prim_mmap_read_lookup,
    "lock-vma-under-rcu" ANON Unlocked locks::prim_lock_vma_under_rcu,
    "lock-vma" ANON Unlocked locks::prim_lock_vma,
    "lock-vma-killable" ANON Unlocked locks::prim_lock_vma_killable,
    "hand-over" ANON Unlocked locks::prim_hand_over,
    "hand-over-nested" ANON Unlocked locks::prim_hand_over_nested,
    "start-write" ANON Unlocked locks::prim_start_write,
    "start-write-killable" ANON Unlocked locks::prim_start_write_killable,
    "write-flags" ANON Unlocked locks::prim_write_flags,
    "write-flags-downgrade" ANON Unlocked locks::prim_write_flags_downgrade,
    "speculate" ANON Unlocked locks::prim_speculate,
    "peek" ANON Unlocked locks::prim_peek,
    "mm-of-pid" ANON Unlocked locks::prim_mm_of_pid,
    "lock-two" ANON Unlocked locks::prim_lock_two,
    "lock-same" ANON Unlocked locks::prim_lock_same,
    "pin-fast" ANON Unlocked locks::prim_pin_fast,
    "pin-set-bit" ANON Unlocked locks::prim_pin_set_bit,
    "locked-vm" ANON Unlocked locks::prim_locked_vm,
    "pin" ANON MmapRead locks::prim_pin,
    "lookup" ANON MmapRead locks::prim_lookup,
    "find-vma" ANON MmapRead locks::prim_find_vma,
    "start-read-locked" ANON MmapRead locks::prim_start_read_locked,
    "start-read-locked-nested" ANON MmapRead locks::prim_start_read_locked_nested,
    "iterate-range" ANON MmapRead locks::prim_iterate_range,
    "i-mmap-read" FILE MmapRead locks::prim_i_mmap_read,
    "i-mmap-write" FILE MmapRead locks::prim_i_mmap_write,
    "i-mmap-trylock-read" FILE MmapRead locks::prim_i_mmap_trylock_read,
    "anon-vma-read" ANON MmapRead locks::prim_anon_vma_read,
    "anon-vma-write" ANON MmapRead locks::prim_anon_vma_write,
    "lock-rmap" ANON MmapWrite locks::prim_lock_rmap,
    "start-write-again" ANON MmapWrite locks::prim_start_write_again,
    "read-start" ANON VmaRead fields::prim_read_start,
    "read-end" ANON VmaRead fields::prim_read_end,
    "read-pgoff" ANON VmaRead fields::prim_read_pgoff,
    "read-mm" ANON VmaRead fields::prim_read_mm,
    "read-page-prot" ANON VmaRead fields::prim_read_page_prot,
    "read-flags" ANON VmaRead fields::prim_read_flags,
    "read-file" FILE VmaRead fields::prim_read_file,
    "read-ops" FILE VmaRead fields::prim_read_ops,
    "read-private-data" ANON VmaRead fields::prim_read_private_data,
    "read-anon-name" ANON VmaRead fields::prim_read_anon_name,
    "read-userfaultfd-ctx" ANON VmaRead fields::prim_read_userfaultfd_ctx,
    "read-anon-vma" ANON VmaRead fields::prim_read_anon_vma,
    "write-swap-readahead-info" ANON VmaRead fields::prim_write_swap_readahead_info,
    "read-pte" ANON VmaRead fields::prim_read_pte,
    "set-flags" ANON VmaWrite fields::prim_set_flags,
    "clear-flags" ANON VmaWrite fields::prim_clear_flags,
    "update-page-prot" ANON VmaWrite fields::prim_update_page_prot,
    "is-write-locked" ANON VmaWrite fields::prim_is_write_locked,
    "downcast" MIXED VmaRead pages::prim_downcast,
    "downcast-data" MIXED VmaRead pages::prim_downcast_data,
    "insert-page" MIXED Empty pages::prim_insert_page,
    "insert-pfn" PFN EmptyFrames pages::prim_insert_pfn,
    "zap-page" MIXED Populated pages::prim_zap_page,
};
