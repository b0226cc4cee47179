// SPDX-License-Identifier: GPL-2.0

#![cfg(CONFIG_MMU_NOTIFIER)]

//! Notifiers of memory that is mirrored: what is announced, and what an attempt finds out.

use super::{
    address_space::{
        peek,
        poke,
        unmap,
        AddressSpace,
        Mapping, //
    },
    driver::pinning::map_in,
    second_task::{
        wait_until,
        SecondTask, //
    }, //
};
use crate::{
    bindings,
    error::to_result,
    mm::vma::notifier::{
        IntervalNotifier,
        Mirror,
        Retry, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};
use core::ops::Range;

/// Where tests map in an address space that is not that of the case.
const ADDR: usize = 1 << 20;

/// Counts the invalidations, and remembers the last range.
struct Log {
    count: usize,
    last: Range<usize>,
    /// Counts those that must not sleep; none is done if it is not there.
    without_sleep: Option<usize>,
    /// Set while one is at work, and counted when this is dropped.
    shared: Arc<Shared>,
}

struct Shared {
    invalidated: Atomic<usize>,
    dropped: Atomic<usize>,
}

#[vtable]
impl Mirror for Log {
    fn invalidate(&mut self, range: Range<usize>) {
        self.count += 1;
        self.last = range;
        self.shared.invalidated.fetch_add(1, Relaxed);
    }

    fn try_invalidate(&mut self, _range: Range<usize>) -> bool {
        let Some(count) = &mut self.without_sleep else {
            return false;
        };
        *count += 1;
        true
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shared.dropped.fetch_add(1, Relaxed);
    }
}

type Notifier = Arc<IntervalNotifier<Log>>;

fn shared() -> Result<Arc<Shared>> {
    let shared = Shared {
        invalidated: Atomic::new(0),
        dropped: Atomic::new(0),
    };
    Ok(Arc::new(shared, GFP_KERNEL)?)
}

fn watch(mm: &AddressSpace, range: Range<usize>) -> Result<(Notifier, Arc<Shared>)> {
    let shared = shared()?;
    let log = Log {
        count: 0,
        last: 0..0,
        without_sleep: Some(0),
        shared: shared.clone(),
    };
    let mut locks = mm.vma_locks();
    let notifier = Arc::pin_init(IntervalNotifier::new(&mut locks, range, log), GFP_KERNEL)?;
    Ok((notifier, shared))
}

/// Pages of the case's memory, which are present.
fn present(mm: &AddressSpace, pages: usize) -> Result<Mapping> {
    let mapping = mm.map(pages)?;
    for page in 0..pages {
        poke(mapping.start + page * PAGE_SIZE, 1)?;
    }
    Ok(mapping)
}

fn count(notifier: &Notifier) -> usize {
    notifier.with_state(|log| log.count)
}

/// Runs `f` in a second task of the address space once the result is set to 1.
pub(super) fn gated<T: Send + Unpin + 'static>(
    mm: &AddressSpace,
    f: impl FnOnce(&AddressSpace) -> T + Send + 'static,
) -> Result<(SecondTask<T>, Arc<Atomic<usize>>)> {
    let gate = Arc::new(Atomic::new(0), GFP_KERNEL)?;
    let (mm, opened) = (mm.clone(), gate.clone());
    let task = SecondTask::spawn(move || {
        wait_until(|| opened.load(Relaxed) == 1);
        mm.enter(|| f(&mm))
    })?;
    Ok((task, gate))
}

/// Invalidates a range; if that must not sleep, as the OOM reaper does.
pub(super) fn invalidate(mm: &AddressSpace, range: Range<usize>, may_sleep: bool) -> Result {
    invalidate_for(mm, range, may_sleep, 0)
}

/// The same, which takes some milliseconds after the callbacks.
pub(super) fn invalidate_for(
    mm: &AddressSpace,
    range: Range<usize>,
    may_sleep: bool,
    msecs: u32,
) -> Result {
    let (start, end) = (range.start, range.end);
    // SAFETY: The mm has users.
    to_result(unsafe { bindings::vma_kunit_invalidate(mm.as_raw(), start, end, may_sleep, msecs) })
}

#[kunit_tests(rust_vma_notifier)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_the_range_are_announced() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = present(&mm, 4)?;
        let page = |number| mapping.start + number * PAGE_SIZE;
        let (notifier, _) = watch(&mm, page(1)..page(3))?;
        assert_eq!(notifier.range(), page(1)..page(3));

        unmap(page(3), PAGE_SIZE)?;
        assert_eq!(count(&notifier), 0);
        // Of what changes, the part in the range.
        unmap(page(0), 2 * PAGE_SIZE)?;
        assert_eq!(count(&notifier), 1);
        let last = notifier.with_state(|log| log.last.clone());
        assert_eq!(last, page(1)..page(2));

        assert_eq!(peek(page(1)), Err(EFAULT));
        assert_eq!(peek(page(2))?, 1);
        Ok(())
    }

    #[test]
    fn attempt_fails_after_an_invalidation() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = present(&mm, 2)?;
        let (notifier, _) = watch(&mm, mapping.start..mapping.start + PAGE_SIZE)?;

        let (attempt, late) = (notifier.read_begin(), notifier.read_begin());
        // Nothing happens, or nothing in the range.
        assert_eq!(attempt.commit(|log| log.count), Ok(0));
        let attempt = notifier.read_begin();
        unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)?;
        assert_eq!(attempt.commit(|log| log.count), Ok(0));

        unmap(mapping.start, PAGE_SIZE)?;
        let mut has_run = false;
        assert_eq!(late.commit(|_| has_run = true), Err(Retry));
        assert!(!has_run);
        assert_eq!(Error::from(Retry), EAGAIN);

        let attempt = notifier.read_begin();
        assert_eq!(attempt.commit(|log| log.count), Ok(1));
        Ok(())
    }

    #[test]
    fn invalidation_waits_for_a_commit() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = present(&mm, 1)?;
        let (notifier, shared) = watch(&mm, mapping.start..mapping.end())?;
        let (task, gate) = gated(&mm, move |_| unmap(mapping.start, PAGE_SIZE))?;

        let attempt = notifier.read_begin();
        let committed = attempt.commit(|_| {
            gate.store(1, Relaxed);
            task.stays_blocked() && shared.invalidated.load(Relaxed) == 0
        });
        assert_eq!(committed, Ok(true));
        task.join()??;
        assert_eq!(count(&notifier), 1);
        Ok(())
    }

    #[test]
    fn an_invalidation_that_must_not_sleep() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = present(&mm, 1)?;
        let range = mapping.start..mapping.end();
        let (notifier, _) = watch(&mm, range.clone())?;
        let done = |notifier: &Notifier| notifier.with_state(|log| log.without_sleep);

        let attempt = notifier.read_begin();
        invalidate(&mm, range.clone(), false)?;
        assert_eq!((done(&notifier), count(&notifier)), (Some(1), 0));
        assert_eq!(attempt.commit(|_| ()), Err(Retry));

        // A lock that is held is not waited for.
        let held = range.clone();
        let (task, gate) = gated(&mm, move |mm| invalidate(mm, held, false))?;
        let attempt = notifier.read_begin();
        let returned = attempt.commit(|_| {
            gate.store(1, Relaxed);
            wait_until(|| task.is_done())
        });
        assert_eq!(returned, Ok(true));
        assert_eq!(task.join()?, Err(EAGAIN));
        assert_eq!(done(&notifier), Some(1));

        // Nor is a driver that refuses.
        let attempt = notifier.read_begin();
        assert_eq!(attempt.commit(|log| log.without_sleep = None), Ok(()));
        assert_eq!(invalidate(&mm, range, false), Err(EAGAIN));
        Ok(())
    }

    #[test]
    fn end_of_the_address_space_is_announced() -> Result {
        let _mm = AddressSpace::of_this_case()?;
        let other = AddressSpace::unused()?;
        map_in(&other, |other| other.map_anonymous_at(ADDR))?;
        let (notifier, _) = watch(&other, ADDR..ADDR + PAGE_SIZE)?;

        let attempt = notifier.read_begin();
        drop(other);
        assert_eq!(attempt.commit(|_| ()), Err(Retry));
        let last = notifier.with_state(|log| (log.count > 0).then(|| log.last.clone()));
        assert_eq!(last, Some(ADDR..ADDR + PAGE_SIZE));
        Ok(())
    }

    #[test]
    fn dropped_notifier_is_not_called() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = present(&mm, 1)?;
        let (notifier, shared) = watch(&mm, mapping.start..mapping.end())?;
        drop(notifier);
        assert_eq!(shared.dropped.load(Relaxed), 1);
        unmap(mapping.start, PAGE_SIZE)?;
        assert_eq!(shared.invalidated.load(Relaxed), 0);

        // The state of a notifier that is not made is dropped.
        assert_eq!(watch(&mm, ADDR..ADDR).err(), Some(EINVAL));
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = watch(&mm, ADDR..ADDR - 1);
        assert_eq!(reversed.err(), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn dropping_waits_for_an_invalidation() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = present(&mm, 2)?;
        let (first, second) = (mapping.start, mapping.start + PAGE_SIZE);
        let (holder, _) = watch(&mm, first..second)?;
        let (dropped, shared) = watch(&mm, first..mapping.end())?;
        let (unmapping, gate) = gated(&mm, move |_| unmap(first, PAGE_SIZE))?;
        let (dropping, drop_gate) = gated(&mm, move |_| drop(dropped))?;

        // The invalidation waits for this lock, so it is under way.
        let attempt = holder.read_begin();
        let waited = attempt.commit(|_| {
            gate.store(1, Relaxed);
            let blocked = unmapping.stays_blocked();
            drop_gate.store(1, Relaxed);
            blocked && dropping.stays_blocked() && shared.dropped.load(Relaxed) == 0
        });
        assert_eq!(waited, Ok(true));
        unmapping.join()??;
        dropping.join()?;
        assert_eq!(shared.dropped.load(Relaxed), 1);
        Ok(())
    }
}
