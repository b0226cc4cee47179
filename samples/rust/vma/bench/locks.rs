// SPDX-License-Identifier: GPL-2.0

//! Taking locks, giving them back, and finding VMAs. `vma_bench_locks.c` does the same in C.

use crate::primitives::{
    At,
    Under, //
};
use kernel::{
    mm::{
        vma::{
            pin::{
                LockedVm,
                PinFor,
                ReadOnly,
                Writable, //
            },
            rmap::IMmap,
            AdviceFlags,
            LockSubclass,
            MmapRead,
            MmapWrite,
            PtraceMode,
            Speculation, //
        },
        MmWithUser, //
    },
    page::PAGE_SIZE,
    sync::rcu, //
};

/// Measures a call and its loop, without a body.
#[inline(never)]
pub(crate) fn prim_nothing(_at: &mut At<'_>) -> u64 {
    0
}

#[inline(never)]
pub(crate) fn prim_mmap_read(at: &mut At<'_>) -> u64 {
    drop(at.locks.read());
    0
}

#[inline(never)]
pub(crate) fn prim_mmap_read_killable(at: &mut At<'_>) -> u64 {
    at.locks.read_killable().is_err().into()
}

#[inline(never)]
pub(crate) fn prim_mmap_read_trylock(at: &mut At<'_>) -> u64 {
    match at.locks.read_trylock() {
        Some(mmap) => {
            drop(mmap);
            0
        }
        None => 1,
    }
}

#[inline(never)]
pub(crate) fn prim_mmap_write(at: &mut At<'_>) -> u64 {
    drop(at.locks.write());
    0
}

#[inline(never)]
pub(crate) fn prim_mmap_write_killable(at: &mut At<'_>) -> u64 {
    at.locks.write_killable().is_err().into()
}

#[inline(never)]
pub(crate) fn prim_mmap_write_nested(at: &mut At<'_>) -> u64 {
    drop(at.locks.write_nested(LockSubclass::SINGLE_DEPTH_NESTING));
    0
}

#[inline(never)]
pub(crate) fn prim_mmap_downgrade(at: &mut At<'_>) -> u64 {
    drop(at.locks.write().downgrade());
    0
}

#[inline(never)]
pub(crate) fn prim_mmap_read_lookup(at: &mut At<'_>) -> u64 {
    let mmap = at.locks.read();
    mmap.lookup(at.addr).map_or(0, |vma| vma.start() as u64)
}

#[inline(never)]
pub(crate) fn prim_lock_vma_under_rcu(at: &mut At<'_>) -> u64 {
    match at.locks.lock_vma_under_rcu(at.addr) {
        Some(vma) => vma.start() as u64,
        None => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_lock_vma(at: &mut At<'_>) -> u64 {
    match at.locks.lock_vma(at.addr) {
        Some(vma) => vma.start() as u64,
        None => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_lock_vma_killable(at: &mut At<'_>) -> u64 {
    match at.locks.lock_vma_killable(at.addr) {
        Ok(Some(vma)) => vma.start() as u64,
        _ => 0,
    }
}

/// The lock of the mm is exchanged for that of the VMA.
#[inline(never)]
pub(crate) fn prim_hand_over(at: &mut At<'_>) -> u64 {
    let mmap = at.locks.read();
    let Ok(vma) = mmap.lock_vma(at.addr) else {
        return 0;
    };
    drop(mmap);
    vma.start() as u64
}

#[inline(never)]
pub(crate) fn prim_hand_over_nested(at: &mut At<'_>) -> u64 {
    let mmap = at.locks.read();
    let Ok(vma) = mmap.lock_vma_nested(at.addr, LockSubclass::SINGLE_DEPTH_NESTING) else {
        return 0;
    };
    drop(mmap);
    vma.start() as u64
}

#[inline(never)]
pub(crate) fn prim_start_write(at: &mut At<'_>) -> u64 {
    let mmap = at.locks.write();
    match mmap.lookup(at.addr) {
        Some(vma) => vma.start_write().start() as u64,
        None => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_start_write_killable(at: &mut At<'_>) -> u64 {
    let mmap = at.locks.write();
    match mmap.lookup(at.addr).map(|vma| vma.start_write_killable()) {
        Some(Ok(vma)) => vma.start() as u64,
        _ => 0,
    }
}

/// The whole transaction.
#[inline(never)]
pub(crate) fn prim_write_flags(at: &mut At<'_>) -> u64 {
    let mmap = at.locks.write();
    let Some(vma) = mmap.lookup(at.addr) else {
        return 0;
    };
    let vma = vma.start_write();
    vma.set_flags(AdviceFlags::DONTDUMP);
    vma.start() as u64
}

#[inline(never)]
pub(crate) fn prim_write_flags_downgrade(at: &mut At<'_>) -> u64 {
    let mmap = at.locks.write();
    if let Some(vma) = mmap.lookup(at.addr) {
        vma.start_write().set_flags(AdviceFlags::DONTDUMP);
    }
    let mmap = mmap.downgrade();
    mmap.lookup(at.addr).map_or(0, |vma| vma.start() as u64)
}

#[inline(never)]
pub(crate) fn prim_speculate(at: &mut At<'_>) -> u64 {
    let look = |mm: &Speculation<'_>| mm.lookup(at.addr).map_or(0, |vma| vma.start() as u64);
    at.locks.speculate(look).unwrap_or(0)
}

#[inline(never)]
pub(crate) fn prim_peek(at: &mut At<'_>) -> u64 {
    let rcu = rcu::read_lock();
    match at.locks.peek(&rcu, at.addr) {
        Some(vma) => (vma.lock_seq() != 0).into(),
        None => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_mm_of_pid(at: &mut At<'_>) -> u64 {
    let mm = MmWithUser::of_pid(at.pid, PtraceMode::READ_FSCREDS);
    matches!(mm, Ok(Some(_))).into()
}

#[inline(never)]
pub(crate) fn prim_lock_two(at: &mut At<'_>) -> u64 {
    match at.locks.lock_vmas([at.addr, at.other]) {
        Ok(locked) => {
            let [first, second] = locked.views();
            first.start().wrapping_add(second.start()) as u64
        }
        Err(_) => 0,
    }
}

/// One VMA that is named twice.
#[inline(never)]
pub(crate) fn prim_lock_same(at: &mut At<'_>) -> u64 {
    match at.locks.lock_vmas([at.addr, at.addr]) {
        Ok(locked) => {
            let [first, second] = locked.views();
            first.start().wrapping_add(second.start()) as u64
        }
        Err(_) => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_pin_fast(at: &mut At<'_>) -> u64 {
    let page = at.addr..at.addr.wrapping_add(PAGE_SIZE);
    match at
        .locks
        .pin_user_pages_fast::<ReadOnly>(page, PinFor::Short)
    {
        Ok(pages) => pages.page_count() as u64,
        Err(_) => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_pin_set_bit(at: &mut At<'_>) -> u64 {
    let word = at.addr..at.addr.wrapping_add(size_of::<usize>());
    let pages = at
        .locks
        .pin_user_pages_fast::<Writable>(word, PinFor::Short);
    let Ok(mut pages) = pages else {
        return 0;
    };
    match pages.set_bit(0, 1) {
        Ok(()) => pages.page_count() as u64,
        Err(_) => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_locked_vm(at: &mut At<'_>) -> u64 {
    LockedVm::charge(&mut at.locks, 1).is_ok().into()
}

// With the mmap lock held for reading.

#[inline(never)]
pub(crate) fn prim_pin(at: &mut Under<'_, MmapRead>) -> u64 {
    let page = at.addr..at.addr.wrapping_add(PAGE_SIZE);
    match at.mmap.pin_user_pages::<ReadOnly>(page, PinFor::Short) {
        Ok(pages) => pages.page_count() as u64,
        Err(_) => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_lookup(at: &mut Under<'_, MmapRead>) -> u64 {
    at.mmap.lookup(at.addr).map_or(0, |vma| vma.start() as u64)
}

#[inline(never)]
pub(crate) fn prim_find_vma(at: &mut Under<'_, MmapRead>) -> u64 {
    at.mmap
        .find_vma(at.addr)
        .map_or(0, |vma| vma.start() as u64)
}

#[inline(never)]
pub(crate) fn prim_start_read_locked(at: &mut Under<'_, MmapRead>) -> u64 {
    match at.mmap.lock_vma(at.addr) {
        Ok(vma) => vma.start() as u64,
        Err(_) => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_start_read_locked_nested(at: &mut Under<'_, MmapRead>) -> u64 {
    match at
        .mmap
        .lock_vma_nested(at.addr, LockSubclass::SINGLE_DEPTH_NESTING)
    {
        Ok(vma) => vma.start() as u64,
        Err(_) => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_iterate_range(at: &mut Under<'_, MmapRead>) -> u64 {
    let mut sum = 0_u64;
    for vma in at.mmap.vmas_in(at.addr..at.other) {
        sum = sum.wrapping_add(vma.start() as u64);
    }
    sum
}

// A lock of the reverse mapping inside.

#[inline(never)]
pub(crate) fn prim_i_mmap_read(at: &mut Under<'_, MmapRead>) -> u64 {
    let (mmap, mut order) = at.mmap.nest();
    let Some(file) = mmap.lookup(at.addr).and_then(|vma| vma.file()) else {
        return 0;
    };
    drop(IMmap::of(file).lock_read(&mut order));
    1
}

#[inline(never)]
pub(crate) fn prim_i_mmap_write(at: &mut Under<'_, MmapRead>) -> u64 {
    let (mmap, mut order) = at.mmap.nest();
    let Some(file) = mmap.lookup(at.addr).and_then(|vma| vma.file()) else {
        return 0;
    };
    drop(IMmap::of(file).lock_write(&mut order));
    1
}

#[inline(never)]
pub(crate) fn prim_i_mmap_trylock_read(at: &mut Under<'_, MmapRead>) -> u64 {
    let (mmap, mut order) = at.mmap.nest();
    let Some(file) = mmap.lookup(at.addr).and_then(|vma| vma.file()) else {
        return 0;
    };
    let locked = match IMmap::of(file).trylock_read(&mut order) {
        Some(i_mmap) => {
            drop(i_mmap);
            1
        }
        None => 0,
    };
    locked
}

#[inline(never)]
pub(crate) fn prim_anon_vma_read(at: &mut Under<'_, MmapRead>) -> u64 {
    let (mmap, mut order) = at.mmap.nest();
    let Some(anon_vma) = mmap.lookup(at.addr).and_then(|vma| vma.anon_vma()) else {
        return 0;
    };
    drop(anon_vma.lock_read(&mut order));
    1
}

#[inline(never)]
pub(crate) fn prim_anon_vma_write(at: &mut Under<'_, MmapRead>) -> u64 {
    let (mmap, mut order) = at.mmap.nest();
    let Some(anon_vma) = mmap.lookup(at.addr).and_then(|vma| vma.anon_vma()) else {
        return 0;
    };
    drop(anon_vma.lock_write(&mut order));
    1
}

/// With the mmap lock held for writing, and the VMA's, after the first round.
#[inline(never)]
pub(crate) fn prim_start_write_again(at: &mut Under<'_, MmapWrite>) -> u64 {
    match at.mmap.lookup(at.addr) {
        Some(vma) => vma.start_write().start() as u64,
        None => 0,
    }
}

/// The write locks of the reverse mapping, inside these two.
#[inline(never)]
pub(crate) fn prim_lock_rmap(at: &mut Under<'_, MmapWrite>) -> u64 {
    let (mmap, mut order) = at.mmap.nest();
    match mmap.lookup(at.addr) {
        Some(vma) => vma.start_write().lock_rmap(&mut order).start() as u64,
        None => 0,
    }
}
