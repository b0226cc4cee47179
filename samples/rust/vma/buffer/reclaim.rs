// SPDX-License-Identifier: GPL-2.0

//! Reclaim of discarded pages, as by a shrinker: without waiting for any lock.

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
    /// Reclaims up to `max` discarded pages. Returns the number of pages.
    ///
    /// # Errors
    ///
    /// If none was reclaimed: `EAGAIN` if a lock is taken, `EBUSY` if several VMAs map the buffer.
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

    /// Reclaims the next discarded page from an index on, and returns its index.
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
            // The process has exited, and its VMAs are being closed.
            return self.take_unmapped(index);
        };
        // If the process exits concurrently, this reference is the last one. A work item tears the
        // address space down, because doing so waits for locks, which reclaim must not.
        let mm = MmWithUser::into_mmput_async(mm);
        self.take_mapped(&mut mm.vma_locks(), mapping, index)
    }

    /// Frees a page of a buffer that no VMA maps.
    fn take_unmapped(&self, index: usize) -> Result {
        let mut inner = self.inner.try_lock().ok_or(EAGAIN)?;
        if inner.vmas != 0 {
            return Err(EAGAIN);
        }
        inner.slots()[index] = Slot::default();
        Ok(())
    }

    /// Frees a page under the VMA read lock or the mmap read lock, without waiting for either.
    fn take_mapped(&self, locks: &mut VmaLocks<'_>, mapping: &Mapping, index: usize) -> Result {
        let addr = mapping.addr_of(index);

        if let Some(vma) = locks.lock_vma_under_rcu(addr) {
            return self.zap_and_take(Some(&*vma), mapping, index);
        }
        let mmap = locks.read_trylock().ok_or(EAGAIN)?;
        self.zap_and_take(mmap.lookup(addr), mapping, index)
    }

    /// Unmaps and frees a page. `vma` is the locked VMA at its address.
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
                // The buffer was moved or mapped again after the mapping was read.
                if !inner.mapping.as_ref().is_some_and(|now| now.is(mapping)) {
                    return Err(EAGAIN);
                }
                // The VMA may be an earlier mapping at another address.
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
