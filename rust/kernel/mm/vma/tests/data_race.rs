// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_KCSAN)]

//! Fields that are read while C code in another task writes them, as it may under a read lock.
//!
//! Each is read by its accessor, and by a plain load. KCSAN must report the latter and not the
//! former; that is for who runs this kernel to check, in its log.

use super::{
    address_space::AddressSpace,
    second_task::SecondTask, //
};
use crate::{
    bindings,
    mm::vma::{
        Read,
        VmRefcnt,
        Vma,
        VmaFlag,
        VmaFlags, //
    },
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};

/// How long the two tasks race.
const DURATION: Delta = Delta::from_millis(1500);

// Functions of their own, because KCSAN's reports name the function.

#[inline(never)]
fn flags_by_accessor(vma: &Vma<Read>) -> VmaFlags {
    vma.flags()
}

#[inline(never)]
fn flags_by_plain_load(vma: &Vma<Read>) -> VmaFlags {
    // SAFETY: The VMA is read-locked. This is the race that is to be seen.
    VmaFlags::from_word(unsafe { (*vma.as_raw()).__bindgen_anon_2.vm_flags })
}

#[inline(never)]
fn refcnt_by_accessor(vma: &Vma<Read>) -> Option<VmRefcnt> {
    vma.refcnt()
}

#[inline(never)]
fn refcnt_by_plain_load(vma: &Vma<Read>) -> i32 {
    // SAFETY: As for the flags.
    unsafe { (*vma.as_raw()).vm_refcnt.refs.counter }
}

/// Loads again and again while a second task has C code write: a flag of the VMA, and, because it
/// takes the lock and gives it back, the count of its readers.
///
/// Returns whether a load has returned what was written.
fn race(load: impl Fn(&Vma<Read>) -> bool) -> Result<bool> {
    let mm = AddressSpace::of_this_case()?;
    let mapping = mm.map(1)?;
    let stop = Arc::new(Atomic::new(false), GFP_KERNEL)?;

    let writer = {
        let (mm, stop) = (mm.clone(), stop.clone());
        SecondTask::spawn(move || -> Result {
            let mut locks = mm.vma_locks();
            while !stop.load(Relaxed) {
                let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
                // SAFETY: The VMA is read-locked, which is what this takes.
                unsafe { bindings::vma_set_maybe_guard(vma.as_raw()) };
            }
            Ok(())
        })?
    };

    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
    let start = Instant::<Monotonic>::now();
    let mut seen = false;
    while start.elapsed() < DURATION {
        for _ in 0..1000 {
            seen |= load(&vma);
        }
    }
    stop.store(true, Relaxed);
    writer.join()??;
    Ok(seen)
}

#[kunit_tests(rust_vma_data_race)]
mod tests {
    use super::*;

    #[test]
    fn flags_plain() -> Result {
        assert!(race(
            |vma| flags_by_plain_load(vma).contains(VmaFlag::MAYBE_GUARD)
        )?);
        Ok(())
    }

    #[test]
    fn flags() -> Result {
        assert!(race(
            |vma| flags_by_accessor(vma).contains(VmaFlag::MAYBE_GUARD)
        )?);
        Ok(())
    }

    #[test]
    fn refcnt_plain() -> Result {
        // Attached, and with two readers.
        assert!(race(|vma| refcnt_by_plain_load(vma) == 3)?);
        Ok(())
    }

    #[test]
    fn refcnt() -> Result {
        let two = |refcnt| matches!(refcnt, Some(VmRefcnt::Readers { readers: 2, .. }));
        assert!(race(|vma| two(refcnt_by_accessor(vma)))?);
        Ok(())
    }
}
