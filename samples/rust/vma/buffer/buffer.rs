// SPDX-License-Identifier: GPL-2.0

//! A buffer: its pages, and where it is mapped.
//!
//! The lock order is: mmap lock or VMA lock, then the buffer's mutex. An access to user memory can
//! fault, and the memory may be the buffer itself, so there is none under the mutex.

use crate::{
    abi::{
        Stats,
        MAX_PAGES, //
    },
    ops::BufferOps, //
};
use core::ops::Range;
use kernel::{
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    mm::{
        vma::{
            driver::{
                DriverVma,
                SharedPage,
                VmaSetup, //
            },
            ReachMm,
            ReadFields,
            ReadLayout,
            Vma, //
        },
        Mm, //
    },
    new_mutex,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    }, //
};

static BUFFERS: Atomic<u64> = Atomic::new(0);
static PAGES: Atomic<u64> = Atomic::new(0);
pub(crate) static OPENED: Atomic<u64> = Atomic::new(0);
pub(crate) static CLOSED: Atomic<u64> = Atomic::new(0);
pub(crate) static FAULTS: Atomic<u64> = Atomic::new(0);
pub(crate) static RECLAIMED: Atomic<u64> = Atomic::new(0);

/// Returns the counters over all buffers.
pub(crate) fn stats() -> Stats {
    Stats {
        buffers: BUFFERS.load(Relaxed),
        pages: PAGES.load(Relaxed),
        vmas_opened: OPENED.load(Relaxed),
        vmas_closed: CLOSED.load(Relaxed),
        faults: FAULTS.load(Relaxed),
        reclaimed: RECLAIMED.load(Relaxed),
    }
}

/// Memory that is shared with user space.
#[pin_data(PinnedDrop)]
pub(crate) struct Buffer {
    #[pin]
    pub(crate) inner: Mutex<Inner>,
}

pub(crate) struct Inner {
    slots: KVVec<Slot>,
    /// The last mapping of the buffer.
    pub(crate) mapping: Option<Mapping>,
    /// The number of VMAs that map it.
    pub(crate) vmas: usize,
}

/// A place for a page.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) page: Option<CountedPage>,
    /// The contents of the page are not needed.
    pub(crate) is_discarded: bool,
}

/// A page that is counted in [`stats()`].
pub(crate) struct CountedPage(SharedPage);

impl Drop for CountedPage {
    fn drop(&mut self) {
        PAGES.fetch_sub(1, Relaxed);
    }
}

/// A place in an address space.
#[derive(Clone)]
pub(crate) struct Mapping {
    pub(crate) mm: ARef<Mm>,
    /// The address of the first page, which may be unmapped or below zero.
    first: usize,
}

impl Mapping {
    pub(crate) fn of<L: ReadLayout + ReachMm>(vma: &Vma<L>) -> Self {
        Self {
            mm: vma.mm().into(),
            first: vma.start().wrapping_sub(vma.pgoff() << PAGE_SHIFT),
        }
    }

    pub(crate) fn addr_of(&self, index: usize) -> usize {
        self.first.wrapping_add(index << PAGE_SHIFT)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        core::ptr::eq(&*self.mm, &*other.mm) && self.first == other.first
    }
}

impl Inner {
    /// Returns the page at an index, and allocates it if there is none.
    ///
    /// # Errors
    ///
    /// `ENXIO` past the end, `ENOMEM`.
    pub(crate) fn page(&mut self, index: usize) -> Result<&SharedPage> {
        let slot = self.slots.get_mut(index).ok_or(ENXIO)?;
        let page = match slot.page.take() {
            Some(page) => page,
            None => {
                let page = SharedPage::new(GFP_KERNEL_ACCOUNT)?;
                PAGES.fetch_add(1, Relaxed);
                CountedPage(page)
            }
        };
        Ok(&slot.page.insert(page).0)
    }

    /// Returns the page at an index, if there is one.
    pub(crate) fn existing_page(&self, index: usize) -> Option<&SharedPage> {
        Some(&self.slots.get(index)?.page.as_ref()?.0)
    }

    pub(crate) fn slots(&mut self) -> &mut [Slot] {
        &mut self.slots
    }
}

impl Buffer {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- new_mutex!(Inner { slots: KVVec::new(), mapping: None, vmas: 0 }),
            // After the allocation, so that a failure is not counted.
            _: {
                BUFFERS.fetch_add(1, Relaxed);
            },
        })
    }

    /// Sets the size of the buffer, in pages, and returns it.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a size out of range, `EBUSY` if the size was set before, `ENOMEM`.
    pub(crate) fn set_size(&self, pages: u64) -> Result<u64> {
        if !(1..=MAX_PAGES).contains(&pages) {
            return Err(EINVAL);
        }
        let mut slots = KVVec::new();
        for _ in 0..pages {
            slots.push(Slot::default(), GFP_KERNEL_ACCOUNT)?;
        }

        let mut inner = self.inner.lock();
        if !inner.slots.is_empty() {
            return Err(EBUSY);
        }
        inner.slots = slots;
        Ok(pages)
    }

    /// Returns the indices of pages that a user names; `EINVAL` if they are not all in the buffer.
    pub(crate) fn range(&self, first: u64, count: u64) -> Result<Range<usize>> {
        let end = first.checked_add(count).ok_or(EINVAL)?;
        if end > self.inner.lock().slots.len() as u64 {
            return Err(EINVAL);
        }
        Ok(first as usize..end as usize)
    }

    /// Remembers a new mapping as the last one.
    ///
    /// # Errors
    ///
    /// `ENXIO` if it extends past the end.
    pub(crate) fn begin_mapping(&self, vma: &VmaSetup<'_>) -> Result {
        let mut inner = self.inner.lock();
        let pages = (vma.end() - vma.start()) >> PAGE_SHIFT;
        let end = vma.pgoff().checked_add(pages).ok_or(ENXIO)?;
        if end > inner.slots.len() {
            return Err(ENXIO);
        }

        inner.mapping = Some(Mapping::of(vma));
        inner.vmas += 1;
        OPENED.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Returns the VMA as one of this buffer if it maps page `index` at `addr`.
    pub(crate) fn own<'v, L: ReadFields>(
        &self,
        vma: &'v Vma<L>,
        index: usize,
        addr: usize,
    ) -> Option<&'v DriverVma<BufferOps, L>> {
        vma.downcast::<BufferOps>()
            .filter(|vma| core::ptr::eq(&*vma.data(), self) && vma.addr_of(index) == Some(addr))
    }

    /// Inserts pages into the last mapping. Returns the number of those not mapped before.
    ///
    /// # Errors
    ///
    /// `ENXIO` if this buffer is no longer mapped there.
    pub(crate) fn populate(&self, pages: Range<usize>) -> Result<u64> {
        let mapping = self.inner.lock().mapping.clone().ok_or(ENXIO)?;
        // The process may have exited.
        let mm = mapping.mm.mmget_not_zero().ok_or(ENXIO)?;
        let mut locks = mm.vma_locks();
        let mut inserted = 0;

        for index in pages {
            let addr = mapping.addr_of(index);
            let mut vma = locks.lock_vma_killable(addr)?.ok_or(ENXIO)?;
            let (vma, mut order) = vma.nest();
            let vma = self.own(vma, index, addr).ok_or(ENXIO)?;

            let mut inner = self.inner.lock();
            match vma.insert_page(&mut order, addr, inner.page(index)?) {
                Ok(()) => inserted += 1,
                Err(EBUSY) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(inserted)
    }

    /// Marks the contents of pages as not needed. Returns the number of pages.
    pub(crate) fn discard(&self, pages: Range<usize>) -> Result<u64> {
        let mut inner = self.inner.lock();
        let slots = inner.slots.get_mut(pages).ok_or(EINVAL)?;
        let mut discarded = 0;

        for slot in slots.iter_mut().filter(|slot| slot.page.is_some()) {
            slot.is_discarded = true;
            discarded += 1;
        }
        Ok(discarded)
    }

    /// Returns the page index and the offset in the page of a position; `None` at the end.
    fn at(&self, pos: i64) -> Result<Option<(usize, usize)>> {
        let pos = usize::try_from(pos)?;
        let (index, offset) = (pos >> PAGE_SHIFT, pos % PAGE_SIZE);

        Ok((index < self.inner.lock().slots.len()).then_some((index, offset)))
    }

    /// Copies the buffer to a user, from a position to its end.
    pub(crate) fn read_iter(&self, pos: &mut i64, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let mut bytes = KVec::from_elem(0u8, PAGE_SIZE, GFP_KERNEL)?;
        let mut done = 0;

        while !iov.is_empty() {
            let Some((index, offset)) = self.at(*pos)? else {
                break;
            };
            let bytes = &mut bytes[..(PAGE_SIZE - offset).min(iov.len())];
            match self.inner.lock().existing_page(index) {
                Some(page) => page.read(offset, bytes)?,
                None => bytes.fill(0),
            }
            let copied = iov.copy_to_iter(bytes);
            if copied == 0 {
                return if done == 0 { Err(EFAULT) } else { Ok(done) };
            }
            done += copied;
            *pos += copied as i64;
        }
        Ok(done)
    }

    /// Copies from a user to the buffer, from a position to its end.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the position is at the end, `ENOMEM`.
    pub(crate) fn write_iter(&self, pos: &mut i64, iov: &mut IovIterSource<'_>) -> Result<usize> {
        let mut bytes = KVec::from_elem(0u8, PAGE_SIZE, GFP_KERNEL)?;
        let mut done = 0;

        while !iov.is_empty() {
            let Some((index, offset)) = self.at(*pos)? else {
                return if done == 0 { Err(ENOSPC) } else { Ok(done) };
            };
            let room = (PAGE_SIZE - offset).min(iov.len());
            let copied = iov.copy_from_iter(&mut bytes[..room]);
            if copied == 0 {
                return if done == 0 { Err(EFAULT) } else { Ok(done) };
            }
            self.inner
                .lock()
                .page(index)?
                .write(offset, &bytes[..copied])?;
            done += copied;
            *pos += copied as i64;
        }
        Ok(done)
    }
}

#[pinned_drop]
impl PinnedDrop for Buffer {
    fn drop(self: Pin<&mut Self>) {
        BUFFERS.fetch_sub(1, Relaxed);
    }
}
