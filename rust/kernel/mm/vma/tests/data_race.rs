// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_KCSAN)]

//! The flags of a VMA, read while another task sets one of them under a read lock, as
//! `vma_set_atomic_flag()` permits.
//!
//! KCSAN sees C code only, so the load that [`Vma::flags()`] does is done by a twin of it in C,
//! once as a plain load and once as `READ_ONCE()`. The first must be reported, the second must
//! not; that is for who runs this kernel to check, in its log. The third case is the Rust accessor
//! itself.
//!
//! [`Vma::flags()`]: super::super::Vma::flags

use super::{
    address_space::AddressSpace,
    second_task::SecondTask, //
};
use crate::{
    bindings,
    mm::vma::{
        Read,
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

/// One call of the accessor, as a function of its own so that its code can be looked at.
#[inline(never)]
fn flags_loaded_once(vma: &Vma<Read>) -> VmaFlags {
    vma.flags()
}

/// Loads the flags again and again while a second task sets one of them. Returns how often.
fn race(load: impl Fn(&Vma<Read>) -> bool) -> Result<usize> {
    let mm = AddressSpace::of_this_case()?;
    let mapping = mm.map(1)?;
    let stop = Arc::new(Atomic::new(false), GFP_KERNEL)?;

    let setter = {
        let (mm, stop) = (mm.clone(), stop.clone());
        SecondTask::spawn(move || -> Result<usize> {
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let mut sets = 0;
            while !stop.load(Relaxed) {
                // SAFETY: The VMA is read-locked, which is what this takes.
                unsafe { bindings::vma_set_maybe_guard(vma.as_raw()) };
                sets += 1;
            }
            Ok(sets)
        })?
    };

    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
    let start = Instant::<Monotonic>::now();
    let (mut loads, mut seen) = (0, false);
    while start.elapsed() < DURATION {
        for _ in 0..1000 {
            seen |= load(&vma);
            loads += 1;
        }
    }
    stop.store(true, Relaxed);
    let sets = setter.join()??;
    assert!(seen && sets > 0);
    Ok(loads)
}

#[kunit_tests(rust_vma_data_race)]
mod tests {
    use super::*;

    #[test]
    fn plain_load() -> Result {
        // SAFETY: The VMA is read-locked. This is the race that is to be seen.
        let loads = race(|vma| unsafe { bindings::vma_flags_plain_load(vma.as_raw()) } != 0)?;
        pr_info!("{} plain loads\n", loads);
        Ok(())
    }

    #[test]
    fn read_once() -> Result {
        // SAFETY: The VMA is read-locked.
        let loads = race(|vma| unsafe { bindings::vma_flags_read_once(vma.as_raw()) } != 0)?;
        pr_info!("{} loads by READ_ONCE()\n", loads);
        Ok(())
    }

    #[test]
    fn accessor() -> Result {
        let loads = race(|vma| flags_loaded_once(vma).contains(VmaFlag::MAYBE_GUARD))?;
        pr_info!("{} loads by Vma::flags()\n", loads);
        Ok(())
    }
}
