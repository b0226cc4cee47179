// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_HMM_MIRROR)]

//! The page frames of mirrored memory.

use super::{
    address_space::{
        poke,
        unmap,
        AddressSpace,
        Mapping, //
    },
    holds::holds,
    notifier::{
        gated,
        invalidate,
        invalidate_for, //
    },
    second_task::{
        wait_until,
        SecondTask, //
    }, //
};
use crate::{
    bindings,
    mm::vma::{
        notifier::{
            FaultFor,
            HmmFrame,
            HmmRoom,
            IntervalNotifier,
            Mirror, //
        },
        pin::{
            PinFor,
            PinnedPages,
            ReadOnly, //
        }, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};
use core::ops::Range;

/// The number of pages that are known.
struct Known(usize);

#[vtable]
impl Mirror for Known {
    fn invalidate(&mut self, _range: Range<usize>) {
        self.0 = 0;
    }
}

type Notifier = Arc<IntervalNotifier<Known>>;

fn mirror(mm: &AddressSpace, range: Range<usize>) -> Result<Notifier> {
    let mut locks = mm.vma_locks();
    Arc::pin_init(
        IntervalNotifier::new(&mut locks, range, Known(0)),
        GFP_KERNEL,
    )
}

fn whole(mapping: Mapping) -> Range<usize> {
    mapping.start..mapping.end()
}

/// Looks up all frames of a notifier.
fn fault<R>(
    mm: &AddressSpace,
    notifier: &Notifier,
    access: FaultFor,
    f: impl FnOnce(&mut Known, &[HmmFrame]) -> R,
) -> Result<R> {
    let mut room = HmmRoom::new(8)?;
    notifier.fault(&mut mm.vma_locks(), notifier.range(), access, &mut room, f)
}

/// Invalidates what a second task has just looked at. `f` is called before that task finds out.
/// Returns the number of frames that it then has.
fn invalidated_fault(f: fn(&SecondTask<Result<usize>>)) -> Result<Result<usize>> {
    let mm = AddressSpace::of_this_case()?;
    let mapping = mm.map(1)?;
    poke(mapping.start, 7)?;
    let notifier = mirror(&mm, whole(mapping))?;
    let (mirror, range) = (notifier.clone(), whole(mapping));
    let (invalidating, invalidate_gate) =
        gated(&mm, move |mm| invalidate(mm, range.clone(), true))?;
    let (faulting, fault_gate) = gated(&mm, move |mm| {
        fault(mm, &mirror, FaultFor::Read, |_, frames| frames.len())
    })?;

    // Both wait for the lock: first the invalidation, then the one who looked before it.
    let attempt = notifier.read_begin();
    let waited = attempt.commit(|_| {
        invalidate_gate.store(1, Relaxed);
        let blocked = invalidating.stays_blocked();
        fault_gate.store(1, Relaxed);
        let blocked = blocked && faulting.stays_blocked();
        f(&faulting);
        blocked
    });
    holds(waited == Ok(true))?;
    invalidating.join()??;
    faulting.join()
}

#[kunit_tests(rust_vma_hmm)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_the_memory() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(2)?;
        poke(mapping.start + PAGE_SIZE + 5, 9)?;
        let notifier = mirror(&mm, whole(mapping))?;

        let seen = fault(&mm, &notifier, FaultFor::Write, |known, frames| {
            known.0 = frames.len();
            let (mut bytes, mut end) = ([0; 2], [0]);
            let [first, second] = frames else {
                return Err(EINVAL);
            };
            assert!(first.is_writable() && second.is_writable());
            second.read(4, &mut bytes)?;
            first.read(PAGE_SIZE - 1, &mut end)?;
            assert_eq!(first.read(PAGE_SIZE, &mut end), Err(EINVAL));
            assert_eq!(first.read(usize::MAX, &mut end), Err(EINVAL));
            Ok((bytes, second.pfn()))
        });
        let (bytes, pfn) = seen??;
        assert_eq!(bytes, [0, 9]);
        assert_eq!(notifier.with_state(|known| known.0), 2);

        let pages: PinnedPages<ReadOnly> = mm
            .vma_locks()
            .pin_user_pages_fast(whole(mapping), PinFor::Short)?;
        let page = pages.iter().nth(1).ok_or(EIO)?.as_raw();
        // SAFETY: The frame of memory that is mapped.
        assert_eq!(unsafe { bindings::pfn_to_page(pfn) }, page);
        Ok(())
    }

    #[test]
    fn pages_that_are_read_stay_shared() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let notifier = mirror(&mm, whole(mapping))?;
        let is_writable = |access| {
            fault(&mm, &notifier, access, |_, frames| {
                frames.iter().all(HmmFrame::is_writable)
            })
        };

        // The zero page.
        assert_eq!(is_writable(FaultFor::Read), Ok(false));
        assert_eq!(is_writable(FaultFor::Write), Ok(true));
        assert_eq!(is_writable(FaultFor::Read), Ok(true));
        Ok(())
    }

    #[test]
    fn range_must_be_of_the_notifier() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let other = AddressSpace::unused()?;
        let mapping = mm.map(4)?;
        let (start, end) = (mapping.start, mapping.end());
        let notifier = mirror(&mm, start + PAGE_SIZE..end)?;
        let try_range = |mm: &AddressSpace, range: Range<usize>, pages: usize| {
            let mut room = HmmRoom::new(pages)?;
            let mut locks = mm.vma_locks();
            notifier.fault(&mut locks, range, FaultFor::Read, &mut room, |_, frames| {
                frames.len()
            })
        };

        assert_eq!(try_range(&mm, start + PAGE_SIZE..end, 3), Ok(3));
        assert_eq!(try_range(&mm, start + 2 * PAGE_SIZE..end, 9), Ok(2));
        for range in [
            start..end,
            start + PAGE_SIZE..end + PAGE_SIZE,
            end..end,
            end..start + PAGE_SIZE,
            start + PAGE_SIZE + 1..end,
            start + PAGE_SIZE..end - 1,
        ] {
            assert_eq!(try_range(&mm, range, 9), Err(EINVAL));
        }
        // No room, and the locks of another address space.
        assert_eq!(try_range(&mm, start + PAGE_SIZE..end, 2), Err(EINVAL));
        assert_eq!(try_range(&other, start + PAGE_SIZE..end, 3), Err(EINVAL));
        Ok(())
    }

    #[test]
    fn memory_that_is_not_there_has_no_frames() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map_shared(2)?;
        poke(mapping.start, 1)?;
        let file = {
            let mut locks = mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            crate::sync::aref::ARef::from(vma.file().ok_or(ENOENT)?)
        };
        let read_only = mm.map_file(&file, 0, 1)?;

        let notifier = mirror(&mm, whole(read_only))?;
        assert_eq!(fault(&mm, &notifier, FaultFor::Read, |_, _| ()), Ok(()));
        let refused = fault(&mm, &notifier, FaultFor::Write, |_, _| ());
        assert_eq!(refused, Err(EPERM));

        let notifier = mirror(&mm, whole(mapping))?;
        assert_eq!(fault(&mm, &notifier, FaultFor::Write, |_, _| ()), Ok(()));
        unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)?;
        let refused = fault(&mm, &notifier, FaultFor::Read, |_, _| ());
        assert_eq!(refused, Err(EFAULT));
        Ok(())
    }

    #[test]
    fn invalidated_frames_are_looked_up_again() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        poke(mapping.start, 7)?;
        let notifier = mirror(&mm, whole(mapping))?;
        let known = || notifier.with_state(|known| known.0);

        let read = |known: &mut Known, frames: &[HmmFrame]| {
            let mut byte = [0];
            known.0 = frames.len();
            frames.first().ok_or(EIO)?.read(0, &mut byte)?;
            Ok::<_, Error>(byte[0])
        };
        assert_eq!(fault(&mm, &notifier, FaultFor::Read, read)?, Ok(7));
        assert_eq!(known(), 1);
        // A fork or a writeback would do the same.
        mm.map_anonymous_at(mapping.start)?;
        assert_eq!(known(), 0);
        assert_eq!(fault(&mm, &notifier, FaultFor::Read, read)?, Ok(0));
        assert_eq!(known(), 1);
        Ok(())
    }

    #[test]
    fn looks_again_after_an_invalidation() -> Result {
        assert_eq!(invalidated_fault(|_| ())?, Ok(1));
        Ok(())
    }

    #[test]
    fn signal_ends_the_attempts() -> Result {
        assert_eq!(invalidated_fault(SecondTask::kill)?, Err(EINTR));
        Ok(())
    }

    #[test]
    fn long_invalidation_is_busy() -> Result {
        // More than the timeout, and the time until the other task begins to wait.
        const MSECS: u32 = 3 * bindings::HMM_RANGE_DEFAULT_TIMEOUT;

        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        poke(mapping.start, 7)?;
        let notifier = mirror(&mm, whole(mapping))?;
        let remember = |known: &mut Known, frames: &[HmmFrame]| known.0 = frames.len();
        assert_eq!(fault(&mm, &notifier, FaultFor::Read, remember), Ok(()));

        let range = whole(mapping);
        let (invalidating, gate) = gated(&mm, move |mm| {
            invalidate_for(mm, range.clone(), true, MSECS)
        })?;
        gate.store(1, Relaxed);
        assert!(wait_until(|| notifier.with_state(|known| known.0) == 0));
        let busy = fault(&mm, &notifier, FaultFor::Read, remember);
        assert_eq!(busy, Err(EBUSY));
        invalidating.join()??;

        assert_eq!(fault(&mm, &notifier, FaultFor::Read, remember), Ok(()));
        assert_eq!(notifier.with_state(|known| known.0), 1);
        Ok(())
    }
}
