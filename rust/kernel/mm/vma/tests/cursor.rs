// SPDX-License-Identifier: GPL-2.0

//! One VMA lock after the other, while others map and unmap.

use super::{
    address_space::{
        unmap,
        AddressSpace,
        Mapping, //
    },
    second_task::{
        wait_until,
        SecondTask, //
    }, //
};
use crate::{
    mm::vma::{
        AdviceFlags,
        LockCounts,
        VmaFlag,
        VmaFlags, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Completion, //
    },
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

/// How many VMAs were counted, in whichever way.
fn sum(counts: LockCounts) -> u64 {
    counts.rcu + counts.retried + counts.mmap_lock
}

/// A task that holds the mmap write lock, and the VMA write lock of `written`, until it is told.
struct Writer {
    task: SecondTask<Result>,
    go_on: Arc<Completion>,
}

impl Writer {
    fn spawn(mm: &AddressSpace, written: Option<Mapping>) -> Result<Self> {
        let (ready, go_on) = (
            Arc::pin_init(Completion::new(), GFP_KERNEL)?,
            Arc::pin_init(Completion::new(), GFP_KERNEL)?,
        );
        let task = {
            let (mm, ready, go_on) = (mm.clone(), ready.clone(), go_on.clone());
            SecondTask::spawn(move || {
                let mut locks = mm.vma_locks();
                let mmap = locks.write();
                let vma = match written {
                    Some(mapping) => Some(mmap.lookup(mapping.start).ok_or(ENOENT)?.start_write()),
                    None => None,
                };
                ready.complete_all();
                go_on.wait_for_completion();
                if let Some(vma) = vma {
                    vma.set_flags(AdviceFlags::DONTDUMP);
                }
                Ok(())
            })?
        };
        ready.wait_for_completion();
        Ok(Self { task, go_on })
    }

    fn finish(self) -> Result {
        self.go_on.complete_all();
        self.task.join()?
    }
}

#[kunit_tests(rust_vma_cursor)]
mod tests {
    use super::*;

    #[test]
    fn all_vmas_are_locked_in_order() -> Result {
        let mm = AddressSpace::of_this_case()?;
        for _ in 0..20 {
            mm.map(1)?;
        }
        let mut expected = KVec::new();
        for vma in mm.vma_locks().read().vmas() {
            expected.push([vma.start(), vma.end()], GFP_KERNEL)?;
        }
        let mut found = KVec::with_capacity(expected.len() + 1, GFP_KERNEL)?;
        let mut counts = LockCounts::default();

        let mut locks = mm.vma_locks();
        let mut cursor = locks.cursor(0);
        while let Some(vma) = cursor.lock_next_counted(&mut counts)? {
            let extent = [vma.start(), vma.end()];
            if found.push_within_capacity(extent).is_err() {
                break;
            }
            assert_eq!(cursor.addr(), extent[1]);
        }
        // It stays at its end.
        assert!(cursor.lock_next()?.is_none());
        drop(cursor);

        assert!(found[..] == expected[..]);
        let all = expected.len() as u64;
        if cfg!(CONFIG_PER_VMA_LOCK) {
            assert_eq!(
                counts,
                LockCounts {
                    rcu: all,
                    ..LockCounts::default()
                }
            );
        } else {
            assert_eq!(
                counts,
                LockCounts {
                    mmap_lock: all,
                    ..LockCounts::default()
                }
            );
        }
        Ok(())
    }

    #[test]
    fn it_starts_where_it_is_told_to() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(3)?;
        unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)?;
        let (start, last) = (mapping.start, mapping.end() - PAGE_SIZE);
        let mut locks = mm.vma_locks();

        for (addr, expected) in [
            (start, start),
            (start + 1, start),
            (last - 1, last),
            (last, last),
        ] {
            assert_eq!(
                locks.cursor(addr).lock_next()?.map(|vma| vma.start()),
                Some(expected)
            );
        }
        assert!(locks.cursor(usize::MAX).lock_next()?.is_none());
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn only_the_current_vma_is_locked() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let (first, second) = mm.map_in_order()?;
        let mut locks = mm.vma_locks();
        let readers = || (mm.readers(first), mm.readers(second));

        let mut cursor = locks.cursor(first.start);
        assert_eq!(readers(), (0, 0));
        cursor.lock_next()?;
        assert_eq!(readers(), (1, 0));
        cursor.lock_next()?;
        assert_eq!(readers(), (0, 1));
        drop(cursor);
        assert_eq!(readers(), (0, 0));
        Ok(())
    }

    /// The cursor is not inside an RCU read-side critical section while a VMA is locked.
    #[test]
    fn the_caller_may_sleep_while_a_vma_is_locked() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(3)?;
        unmap(mapping.start + PAGE_SIZE, PAGE_SIZE)?;
        let mut locks = mm.vma_locks();
        let mut cursor = locks.cursor(mapping.start);

        for start in [mapping.start, mapping.end() - PAGE_SIZE] {
            let vma = cursor.lock_next()?.ok_or(ENOENT)?;
            // Warns if this must not sleep.
            fsleep(Delta::from_millis(1));
            assert_eq!(vma.start(), start);
        }
        Ok(())
    }

    /// A writer elsewhere, and a gap in front of the VMA: the gap is looked up again.
    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn gap_is_rechecked_after_a_writer() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(3)?;
        unmap(mapping.start, 2 * PAGE_SIZE)?;
        let writer = Writer::spawn(&mm, None)?;

        let mut counts = LockCounts::default();
        let start = {
            let mut locks = mm.vma_locks();
            let mut cursor = locks.cursor(mapping.start);
            cursor
                .lock_next_counted(&mut counts)?
                .map(|vma| vma.start())
        };
        assert_eq!(start, Some(mapping.start + 2 * PAGE_SIZE));
        assert_eq!(
            counts,
            LockCounts {
                retried: 1,
                ..LockCounts::default()
            }
        );
        writer.finish()
    }

    /// The tree is emptied and filled again while it is walked.
    #[test]
    fn everything_may_be_unmapped_meanwhile() -> Result {
        const ROUNDS: usize = 2000;

        let mm = AddressSpace::of_this_case()?;
        let stop = Arc::new(Atomic::new(false), GFP_KERNEL)?;
        let emptied = Arc::new(Atomic::new(0usize), GFP_KERNEL)?;
        let task = {
            let (mm, stop, emptied) = (mm.clone(), stop.clone(), emptied.clone());
            SecondTask::spawn(move || {
                mm.enter(|| -> Result {
                    while !stop.load(Relaxed) {
                        let area = mm.map_shared(32)?;
                        for page in (1..32).step_by(2) {
                            unmap(area.start + page * PAGE_SIZE, PAGE_SIZE)?;
                        }
                        unmap(area.start, area.len)?;
                        if mm.vma_locks().read().vmas().next().is_some() {
                            return Err(EBUSY);
                        }
                        emptied.store(emptied.load(Relaxed) + 1, Relaxed);
                    }
                    Ok(())
                })
            })?
        };
        assert!(wait_until(|| emptied.load(Relaxed) > 0));

        let mut wrong = 0;
        for _ in 0..ROUNDS {
            let mut locks = mm.vma_locks();
            let mut cursor = locks.cursor(0);
            let mut last_end = 0;
            while let Some(vma) = cursor.lock_next()? {
                wrong += usize::from(vma.end() <= last_end);
                last_end = vma.end();
            }
        }
        stop.store(true, Relaxed);
        task.join()??;

        assert_eq!(wrong, 0);
        assert!(emptied.load(Relaxed) > 1);
        Ok(())
    }

    /// A writer who is not at this VMA does not keep it from being locked.
    #[test]
    #[cfg(CONFIG_PER_VMA_LOCK)]
    fn a_writer_elsewhere_is_not_waited_for() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let writer = Writer::spawn(&mm, None)?;

        let mut counts = LockCounts::default();
        {
            let mut locks = mm.vma_locks();
            let mut cursor = locks.cursor(mapping.start);
            assert!(cursor.lock_next_counted(&mut counts)?.is_some());
        }
        assert_eq!(
            counts,
            LockCounts {
                retried: 1,
                ..LockCounts::default()
            }
        );
        writer.finish()
    }

    #[test]
    fn a_writer_of_the_vma_is_waited_for() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let writer = Writer::spawn(&mm, Some(mapping))?;

        let task = {
            let mm = mm.clone();
            SecondTask::spawn(move || -> Result<(Option<VmaFlags>, LockCounts)> {
                let mut counts = LockCounts::default();
                let mut locks = mm.vma_locks();
                let mut cursor = locks.cursor(mapping.start);
                let flags = cursor
                    .lock_next_counted(&mut counts)?
                    .map(|vma| vma.flags());
                Ok((flags, counts))
            })?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(task.stays_blocked());
        writer.finish()?;

        let (flags, counts) = task.join()??;
        assert!(flags.ok_or(ENOENT)?.contains(VmaFlag::DONTDUMP));
        assert_eq!(
            counts,
            LockCounts {
                mmap_lock: 1,
                ..LockCounts::default()
            }
        );
        Ok(())
    }

    #[test]
    fn a_fatal_signal_ends_the_wait() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        let writer = Writer::spawn(&mm, Some(mapping))?;

        let task = {
            let mm = mm.clone();
            SecondTask::spawn(move || {
                let mut locks = mm.vma_locks();
                let mut cursor = locks.cursor(mapping.start);
                let error = cursor.lock_next().err();
                (error, cursor.addr())
            })?
        };
        assert!(wait_until(|| mm.mmap_lock_is_contended()));
        assert!(task.stays_blocked());
        task.kill();
        assert_eq!(task.join()?, (Some(EINTR), mapping.start));
        writer.finish()
    }

    /// Each round sees every VMA that stays mapped throughout, once.
    #[test]
    fn nothing_is_missed_under_map_and_unmap() -> Result {
        const ROUNDS: usize = 200;

        let mm = AddressSpace::of_this_case()?;
        // Every other page stays; the ones between come and go, and never merge with them.
        let area = mm.map_shared(16)?;
        let (stop, unmapped) = (
            Arc::new(Atomic::new(false), GFP_KERNEL)?,
            Arc::new(Atomic::new(0usize), GFP_KERNEL)?,
        );
        for i in (0..16).step_by(2) {
            unmap(area.start + i * PAGE_SIZE, PAGE_SIZE)?;
        }
        let task = {
            let (mm, stop, unmapped) = (mm.clone(), stop.clone(), unmapped.clone());
            SecondTask::spawn(move || {
                mm.enter(|| -> Result {
                    while !stop.load(Relaxed) {
                        for i in (0..16).step_by(2) {
                            let addr = area.start + i * PAGE_SIZE;
                            mm.map_anonymous_at(addr)?;
                            unmap(addr, PAGE_SIZE)?;
                        }
                        unmapped.store(unmapped.load(Relaxed) + 1, Relaxed);
                    }
                    Ok(())
                })
            })?
        };
        assert!(wait_until(|| unmapped.load(Relaxed) > 0));

        let mut counts = LockCounts::default();
        let (mut wrong, mut missed) = (0, 0);
        for _ in 0..ROUNDS {
            let mut locks = mm.vma_locks();
            let mut cursor = locks.cursor(area.start);
            let (mut kept, mut last_end) = (0, area.start);
            while let Some(vma) = cursor.lock_next_counted(&mut counts)? {
                if vma.start() >= area.end() {
                    break;
                }
                let page = (vma.start() - area.start) / PAGE_SIZE;
                if vma.start() < last_end || vma.end() - vma.start() != PAGE_SIZE {
                    wrong += 1;
                }
                kept += page % 2;
                last_end = vma.end();
            }
            missed += 8 - kept;
        }
        stop.store(true, Relaxed);
        task.join()??;

        assert_eq!((wrong, missed), (0, 0));
        assert!(sum(counts) >= 8 * ROUNDS as u64);
        Ok(())
    }
}
