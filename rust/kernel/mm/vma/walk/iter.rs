// SPDX-License-Identifier: GPL-2.0

//! Iterators over the VMAs of an address space, under the mmap lock.
//!
//! The iterators borrow the guard, so while one exists the lock is held and the tree of VMAs does
//! not change. Each step continues from the place of the last one in the tree, without a search
//! from the root.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use super::super::{
    level::MmapLevel,
    MmapGuard,
    Vma, //
};
use crate::{
    bindings,
    mm::MmWithUser,
    types::NotThreadSafe, //
};
use core::{
    iter::FusedIterator,
    marker::PhantomData,
    ops::Range, //
};

/// VMAs in the order of their addresses (C: `struct vma_iterator`).
///
/// # Invariants
///
/// `vmi` is an iterator of an address space whose mmap lock is held, in the mode `L`, for `'g`, and
/// whose tree of VMAs is not changed for as long. It returns no VMA that starts above `last`.
#[must_use = "iterators are lazy"]
pub struct Vmas<'g, L: MmapLevel> {
    vmi: bindings::vma_iterator,
    last: usize,
    _guard: PhantomData<&'g Vma<L>>,
    _nts: NotThreadSafe,
}

/// A part of an address space.
pub enum Area<'g, L: MmapLevel> {
    /// A VMA. It may begin before and end after the requested range.
    Vma(&'g Vma<L>),

    /// A range without a VMA, inside the requested range.
    Gap(Range<usize>),
}

/// VMAs, and the gaps between them, in the order of their addresses.
#[must_use = "iterators are lazy"]
pub struct Areas<'g, L: MmapLevel> {
    vmas: Vmas<'g, L>,
    // Behind a gap that was given out already.
    next: Option<&'g Vma<L>>,
    at: usize,
    end: usize,
}

/// Returns an iterator that starts at `addr` (C: `VMA_ITERATOR()`).
#[inline]
pub(in crate::mm::vma) fn vma_iterator(mm: &MmWithUser, addr: usize) -> bindings::vma_iterator {
    let mut vmi = pin_init::zeroed();
    // SAFETY: The mm is alive; this only writes to the iterator.
    unsafe { bindings::vma_iter_init(&mut vmi, mm.as_raw(), addr) };
    vmi
}

impl<L: MmapLevel> MmapGuard<'_, L> {
    /// Iterates over all VMAs (C: `for_each_vma()`).
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::MmWithUser;
    ///
    /// /// How much of the address space is mapped, in bytes.
    /// fn total(mm: &MmWithUser) -> usize {
    ///     let mut locks = mm.vma_locks();
    ///     let mmap = locks.read();
    ///     mmap.vmas().map(|vma| vma.end() - vma.start()).sum()
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert_eq!(total(current!().mm().ok_or(EINVAL)?), 0);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "for_each_vma")]
    #[inline]
    pub fn vmas(&self) -> Vmas<'_, L> {
        self.vmas_in(0..usize::MAX)
    }

    /// Iterates over the VMAs that overlap `range` (C: `for_each_vma_range()`).
    ///
    /// The first may begin before the range, and the last may end after it. An empty range has
    /// none.
    #[doc(alias = "for_each_vma_range")]
    #[inline]
    pub fn vmas_in(&self, range: Range<usize>) -> Vmas<'_, L> {
        let (first, last) = match range.is_empty() {
            false => (range.start, range.end - 1),
            true => (1, 0),
        };
        // INVARIANT: The iterator borrows the guard, which holds the lock. Calls that change the
        // tree borrow it mutably.
        Vmas {
            vmi: vma_iterator(self.mm(), first),
            last,
            _guard: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// Iterates over the VMAs that overlap `range`, and the gaps between them.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::{vma::Area, MmWithUser};
    ///
    /// /// Whether nothing is missing from `range`.
    /// fn is_mapped(mm: &MmWithUser, range: core::ops::Range<usize>) -> bool {
    ///     let mut locks = mm.vma_locks();
    ///     let mmap = locks.read();
    ///     mmap.areas_in(range).all(|area| matches!(area, Area::Vma(_)))
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert!(!is_mapped(current!().mm().ok_or(EINVAL)?, 0..4096));
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn areas_in(&self, range: Range<usize>) -> Areas<'_, L> {
        Areas {
            vmas: self.vmas_in(range.clone()),
            next: None,
            at: range.start,
            end: range.end,
        }
    }
}

impl<'g, L: MmapLevel> Iterator for Vmas<'g, L> {
    type Item = &'g Vma<L>;

    #[inline]
    fn next(&mut self) -> Option<&'g Vma<L>> {
        // SAFETY: By the type invariants the lock is held, and the iterator is at the place of the
        // last call, in the same tree.
        let vma = unsafe { bindings::mas_find(&mut self.vmi.mas, self.last) };
        if vma.is_null() {
            // `mas_find()` never goes back, so it needs no check for that.
            self.last = 0;
            return None;
        }

        // SAFETY: A VMA in the tree is attached and stays so for 'g, by the type invariants.
        Some(unsafe { Vma::from_raw(vma.cast()) })
    }
}

impl<L: MmapLevel> FusedIterator for Vmas<'_, L> {}

impl<'g, L: MmapLevel> Iterator for Areas<'g, L> {
    type Item = Area<'g, L>;

    #[inline]
    fn next(&mut self) -> Option<Area<'g, L>> {
        let from = self.at;

        match self.next.take().or_else(|| self.vmas.next()) {
            Some(vma) if vma.start() > from => {
                self.at = vma.start();
                self.next = Some(vma);
                Some(Area::Gap(from..self.at))
            }
            Some(vma) => {
                self.at = vma.end();
                Some(Area::Vma(vma))
            }
            None if from < self.end => {
                self.at = self.end;
                Some(Area::Gap(from..self.end))
            }
            None => None,
        }
    }
}

impl<L: MmapLevel> FusedIterator for Areas<'_, L> {}
