// SPDX-License-Identifier: GPL-2.0

//! Pages that nobody needs are taken back, as a shrinker would: without waiting for any lock.

use crate::buffer::{
    Buffer,
    Mapping,
    Slot,
    RECLAIMED, //
};
use kernel::{
    mm::{
        vma::{
            ReadFields,
            Vma,
            VmaLocks, //
        },
        MmWithUser, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::Relaxed, //
};

impl Buffer {
    /// Takes back up to `max` of the discarded pages. Returns how many.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if a lock could not be had, `EBUSY` if several VMAs map the buffer, and none was
    /// taken before.
    pub(crate) fn reclaim(&self, max: u64) -> Result<u64> {
        let mapping = self.inner.try_lock().ok_or(EAGAIN)?.mapping.clone();
        let mut freed = 0;
        let mut from = 0;

        while freed < max {
            match self.reclaim_next(mapping.as_ref(), from) {
                Ok(Some(index)) => {
                    freed += 1;
                    from = index + 1;
                }
                Ok(None) => break,
                Err(e) if freed == 0 => return Err(e),
                Err(_) => break,
            }
        }
        RECLAIMED.fetch_add(freed, Relaxed);
        Ok(freed)
    }

    /// Takes back the next page that is discarded, from an index on; returns its index.
    fn reclaim_next(&self, mapping: Option<&Mapping>, from: usize) -> Result<Option<usize>> {
        let Some(index) = self.next_discarded(from)? else {
            return Ok(None);
        };
        self.reclaim_page(mapping, index)?;
        Ok(Some(index))
    }

    fn next_discarded(&self, from: usize) -> Result<Option<usize>> {
        let mut inner = self.inner.try_lock().ok_or(EAGAIN)?;
        let mut slots = inner.slots().iter().enumerate().skip(from);

        Ok(slots
            .find(|(_, slot)| slot.is_discarded && slot.page.is_some())
            .map(|(index, _)| index))
    }

    fn reclaim_page(&self, mapping: Option<&Mapping>, index: usize) -> Result {
        let Some(mapping) = mapping else {
            return self.take_unmapped(index);
        };
        let Some(mm) = mapping.mm.mmget_not_zero() else {
            // The process has exited; its VMAs are closed before long.
            return self.take_unmapped(index);
        };
        // If the process exits meanwhile, this reference is the last one. To tear the address space
        // down from reclaim would wait for locks, so a work item does it.
        let mm = MmWithUser::into_mmput_async(mm);
        self.take_mapped(&mut mm.vma_locks(), mapping, index)
    }

    /// Takes a page of a buffer that no VMA maps.
    fn take_unmapped(&self, index: usize) -> Result {
        let mut inner = self.inner.try_lock().ok_or(EAGAIN)?;
        if inner.vmas != 0 {
            return Err(EAGAIN);
        }
        inner.slots()[index] = Slot::default();
        Ok(())
    }

    /// Takes a page under whichever lock of its VMA can be had at once.
    fn take_mapped(&self, locks: &mut VmaLocks<'_>, mapping: &Mapping, index: usize) -> Result {
        let addr = mapping.addr_of(index);

        if let Some(vma) = locks.lock_vma_under_rcu(addr) {
            return self.zap_and_take(Some(&*vma), mapping, index);
        }
        let mmap = locks.read_trylock().ok_or(EAGAIN)?;
        self.zap_and_take(mmap.lookup(addr), mapping, index)
    }

    /// Unmaps a page and takes it; `vma` is what is mapped at its place, and is locked.
    fn zap_and_take<L: ReadFields>(
        &self,
        vma: Option<&Vma<L>>,
        mapping: &Mapping,
        index: usize,
    ) -> Result {
        let addr = mapping.addr_of(index);
        let mut inner = self.inner.try_lock().ok_or(EAGAIN)?;

        match inner.vmas {
            0 => {}
            1 => {
                // It was moved, or mapped anew, after it was looked up.
                if !inner.mapping.as_ref().is_some_and(|now| now.is(mapping)) {
                    return Err(EAGAIN);
                }
                // It may be an earlier mapping that is left, at some other place.
                let vma = vma
                    .and_then(|vma| self.own(vma, index, addr))
                    .ok_or(EBUSY)?;
                vma.zap_pages(addr..addr + PAGE_SIZE)?;
            }
            _ => return Err(EBUSY),
        }
        inner.slots()[index] = Slot::default();
        Ok(())
    }
}
