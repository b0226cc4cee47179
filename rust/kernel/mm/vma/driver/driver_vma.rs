// SPDX-License-Identifier: GPL-2.0

//! A view of a VMA that belongs to a known driver, and the calls that only that driver may make.

use super::{
    kind::{
        InsertsFrames,
        InsertsPages, //
    },
    memory::make_room,
    operations::{
        callbacks,
        Borrowed, //
    },
    HasFrames,
    OperationsTable,
    SharedPage,
    VmaOperations, //
};
use crate::{
    bindings,
    error::to_result,
    mm::vma::{
        page_table::walk,
        InstallEntries,
        Level,
        LockOrder,
        MayReclaim,
        ReadFields,
        ReadLayout,
        Stable,
        Vma,
        VmaFlag, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    types::ForeignOwnable, //
};
use core::{
    marker::PhantomData,
    ops::{
        Deref,
        Range, //
    }, //
};

/// A view of a VMA that has the operations `T`, at the lock level `L`.
///
/// A callback of [`VmaOperations`] gets one, and [`Vma::downcast()`] converts a view of any VMA,
/// after it checked the owner. It dereferences to a [`Vma<L>`].
///
/// # Invariants
///
/// `vm_ops` of the VMA is the table of `T`, and `vm_private_data` is what `T::Data::into_foreign()`
/// gave. The VMA has the flags of `T::PageKind`. If that is [`PfnMap`](super::PfnMap) or
/// [`DeviceMap`](super::DeviceMap), it is no copy-on-write mapping, and `vm_page_prot` has the
/// memory type of the data's frames, unless they have several: then it has that of normal memory,
/// and entries are not given its memory type. Otherwise it has that of normal memory, and no huge
/// entries for page frames. If it is a [`DeviceMap`](super::DeviceMap) or a
/// [`DmaMap`](super::DmaMap), its file is one of the data's inode. A [`DmaMap`](super::DmaMap) has
/// the flag, the protection and the entries that the DMA API gave it.
#[repr(transparent)]
pub struct DriverVma<T: VmaOperations, L: Level> {
    vma: Vma<L>,
    // Invariant in `T`: a subtype of it has operations, and data, of its own. Levels have no
    // subtypes.
    _ops: PhantomData<fn(T) -> T>,
}

impl<L: Level> Vma<L> {
    /// Returns this VMA as one of the driver's own, if it has the operations `T`.
    ///
    /// Returns `None` for all other VMAs, such as those that replaced one of `T`'s, and for one
    /// that `.mmap_prepare` described and the kernel could neither map nor unmap, because it owns
    /// no data.
    ///
    /// # Examples
    ///
    /// A driver that remembers an address checks the owner again, under the lock:
    ///
    /// ```
    /// use kernel::{
    ///     mm::{
    ///         vma::driver::{MixedMap, OperationsTable, SharedPage},
    ///         MmWithUser, //
    ///     },
    ///     prelude::*, //
    /// };
    ///
    /// fn insert<T: OperationsTable<PageKind = MixedMap>>(
    ///     mm: &MmWithUser,
    ///     remembered: usize,
    ///     page: &SharedPage,
    /// ) -> Result {
    ///     let mut locks = mm.vma_locks();
    ///     let mut vma = locks.lock_vma(remembered).ok_or(ENXIO)?;
    ///     let (vma, mut order) = vma.nest();
    ///     vma.downcast::<T>().ok_or(ENXIO)?.insert_page(&mut order, remembered, page)
    /// }
    /// ```
    #[inline]
    pub fn downcast<T: OperationsTable>(&self) -> Option<&DriverVma<T, L>>
    where
        L: ReadFields,
    {
        let ops = self.ops()?.as_raw();

        // SAFETY: By `L: ReadFields` the VMA is alive, and no other task writes the field:
        // `call_vma_mapped()` holds the mmap and the VMA write lock.
        let has_data = || !callbacks::is_seed::<T>(unsafe { (*self.as_raw()).vm_private_data });

        // SAFETY: `vm_ops` is the table of `T`, which is no other operations' by the contract of
        // `OperationsTable`. It is only put into a VMA with data of `T`, by `VmaSetup` or
        // `VmaDesc`, and the kernel only copies both together. `has_data()` says that the latter's
        // data is the VMA's own by now. By `L: ReadFields` the VMA is not closed.
        (ops == T::table().as_raw() && has_data())
            .then(|| unsafe { DriverVma::from_raw(self.as_raw()) })
    }
}

impl<T: VmaOperations, L: Level> Deref for DriverVma<T, L> {
    type Target = Vma<L>;

    #[inline]
    fn deref(&self) -> &Vma<L> {
        &self.vma
    }
}

impl<T: VmaOperations, L: Level> DriverVma<T, L> {
    /// # Safety
    ///
    /// As for [`Vma::from_raw()`], and the VMA must be as the invariants say.
    #[inline]
    pub(super) unsafe fn from_raw<'a>(vma: *mut bindings::vm_area_struct) -> &'a Self {
        // SAFETY: Guaranteed by the caller: `vma` is valid for `'a`, and the locks of `L` are held.
        // The types have the same layout by `repr(transparent)`.
        // INVARIANT: Guaranteed by the caller: the VMA has the table of `T` and its data.
        unsafe { &*core::ptr::from_ref(Vma::<L>::from_raw(vma)).cast() }
    }

    /// Returns the private data of the VMA (C: `vm_private_data`).
    #[doc(alias = "vm_private_data")]
    #[inline]
    pub fn data(&self) -> Borrowed<'_, T>
    where
        L: ReadFields,
    {
        // SAFETY: By the type invariants it is a foreign-owned `T::Data`. It is dropped when the
        // VMA is closed, when no view of it is left.
        unsafe { T::Data::borrow((*self.as_raw()).vm_private_data) }
    }

    /// Returns the address of page `pgoff` of the file, if that is in this VMA.
    #[doc(alias = "vma_address")]
    #[inline]
    pub fn addr_of(&self, pgoff: usize) -> Option<usize>
    where
        L: ReadLayout,
    {
        let pages = pgoff.checked_sub(self.pgoff())?;
        let in_vma = pages < (self.end() - self.start()) >> PAGE_SHIFT;

        in_vma.then(|| self.start() + (pages << PAGE_SHIFT))
    }

    /// `EINVAL` if the address is not that of a page, `EFAULT` if it is not in the VMA.
    #[inline]
    fn check_addr(&self, addr: usize) -> Result
    where
        L: ReadLayout,
    {
        check_aligned(addr)?;
        if !(self.start()..self.end()).contains(&addr) {
            return Err(EFAULT);
        }
        Ok(())
    }

    /// Maps a page (C: `vm_insert_page()`).
    ///
    /// The mapping gets a reference to the page, and drops it when it is unmapped. May sleep, for
    /// memory. The order shows that no reverse-mapping lock is held, for which reclaim could wait:
    /// use the one that the guard lends (`nest()`), or [`LockOrder::new()`] where none is lent.
    /// [`Fault::try_insert_page()`](super::Fault::try_insert_page) needs none.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `addr` is not the address of a page; `EFAULT` if `addr` is not in the VMA;
    /// `EBUSY` if something is mapped there; `ENOMEM`.
    #[doc(alias = "vm_insert_page")]
    #[inline]
    pub fn insert_page(
        &self,
        _order: &mut LockOrder<'_, impl MayReclaim>,
        addr: usize,
        page: &SharedPage,
    ) -> Result
    where
        L: InstallEntries,
        T::PageKind: InsertsPages,
    {
        check_aligned(addr)?;
        self.insert_page_aligned(addr, page)
    }

    /// The same for the address of a page.
    #[inline]
    pub(super) fn insert_page_aligned(&self, addr: usize, page: &SharedPage) -> Result
    where
        L: InstallEntries,
        T::PageKind: InsertsPages,
    {
        // SAFETY: The VMA is stable and by `L: InstallEntries` entries may be installed. By the
        // type invariants it is `VM_MIXEDMAP`, so no flag is written. The function refuses an
        // address outside by `EFAULT`.
        to_result(unsafe { bindings::vm_insert_page(self.as_raw(), addr, page.as_raw()) })
    }

    /// Maps pages one after the other (C: `vm_insert_pages()`).
    ///
    /// Returns the number of pages that were mapped before the first failure, and its error. The
    /// locks of page tables are taken once for several pages. May sleep, for memory.
    ///
    /// # Errors
    ///
    /// As for [`insert_page()`](Self::insert_page).
    #[doc(alias = "vm_insert_pages")]
    pub fn insert_pages(
        &self,
        _order: &mut LockOrder<'_, impl MayReclaim>,
        addr: usize,
        pages: &[&SharedPage],
    ) -> (usize, Result)
    where
        L: InstallEntries,
        T::PageKind: InsertsPages,
    {
        const BATCH: usize = 16;
        let mut done = 0;

        if let Err(e) = self.check_addr(addr) {
            return (0, Err(e));
        }
        // Nothing is mapped if not all have room.
        if pages.len() > (self.end() - addr) >> PAGE_SHIFT {
            return (0, Err(EFAULT));
        }
        for batch in pages.chunks(BATCH) {
            let mut raw = [core::ptr::null_mut(); BATCH];
            for (raw, page) in raw.iter_mut().zip(batch) {
                *raw = page.as_raw();
            }
            let mut left = batch.len();

            // SAFETY: As in `insert_page()`. `raw` has `left` pages, and the range is in the VMA.
            let result = to_result(unsafe {
                bindings::vm_insert_pages(
                    self.as_raw(),
                    addr + (done << PAGE_SHIFT),
                    raw.as_mut_ptr(),
                    &mut left,
                )
            });
            done += batch.len() - left;
            if result.is_err() {
                return (done, result);
            }
        }
        (done, Ok(()))
    }

    /// Maps page frame `frame` of the region that the VMA's data has (C: `vmf_insert_pfn()`,
    /// `vmf_insert_pfn_prot()`, `vmf_insert_mixed()`).
    ///
    /// Frames are not counted. They stay as long as the region, of which the VMA has a share. The
    /// entry gets the protection of the VMA, and the memory type of the frame. If something is
    /// mapped there already, a huge page for example, nothing is changed. May sleep, for memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `addr` is not the address of a page, if the region has no such frame, or, in a
    /// [`MixedMap`](super::MixedMap), if the frame is not cached, is that of a device, or can be
    /// taken away: the pages of such a VMA are normal memory. `EFAULT` if `addr` is not in the VMA,
    /// or the architecture does not permit to map the frame; `ENXIO` if the frames are those of a
    /// [`DeviceMemory`](super::DeviceMemory) that is suspended or gone, or if its slot of
    /// [`FrameSlots`](super::FrameSlots) is empty; `ENOMEM`.
    #[doc(alias = "vmf_insert_pfn")]
    #[doc(alias = "vmf_insert_pfn_prot")]
    #[doc(alias = "vmf_insert_mixed")]
    #[inline]
    pub fn insert_pfn(
        &self,
        _order: &mut LockOrder<'_, impl MayReclaim>,
        addr: usize,
        frame: usize,
    ) -> Result
    where
        L: InstallEntries,
        T::PageKind: InsertsFrames,
        T::Data: HasFrames,
    {
        check_aligned(addr)?;
        self.insert_pfn_aligned(addr, frame)
    }

    /// The same for the address of a page.
    #[inline]
    pub(super) fn insert_pfn_aligned(&self, addr: usize, frame: usize) -> Result
    where
        L: InstallEntries,
        T::PageKind: InsertsFrames,
        T::Data: HasFrames,
    {
        // The functions below refuse an address outside.
        let found = T::Data::find(self.data(), frame)?;
        let pfn = found.pfn();

        let vma = self.as_raw();
        let outcome = if <T::PageKind as super::PageKind>::FLAGS.contains(VmaFlag::MIXEDMAP) {
            if !T::Data::STAY || !found.is_normal_memory() {
                return Err(EINVAL);
            }
            // SAFETY: The VMA is stable and by `L: InstallEntries` entries may be installed. The
            // frame stays for as long as the VMA has its data, and that is dropped after the
            // entries are gone. By the type invariants there are no huge entries, and the memory
            // type is that of the VMA.
            unsafe { bindings::vmf_insert_mixed(vma, addr, pfn) }
        } else {
            // A constant: what has no huge faults has no huge entries.
            if T::HAS_HUGE_FAULT && !make_room(self, addr)? {
                return Ok(());
            }
            let prot = found.entry_prot(self.page_prot());

            // SAFETY: As above; a frame that can be taken away is there until `found` is dropped,
            // and its entries are taken away before it goes. By the type invariants the VMA is
            // `VM_PFNMAP`, not `VM_MIXEDMAP`, no copy-on-write mapping, and the entry keeps the
            // memory type, which `prot` has. By `make_room()` there is a table of small entries, if
            // the VMA can have huge ones.
            unsafe { bindings::vmf_insert_pfn_prot(vma, addr, pfn, prot.into_raw()) }
        };

        match outcome {
            bindings::vm_fault_reason_VM_FAULT_NOPAGE => Ok(()),
            bindings::vm_fault_reason_VM_FAULT_OOM => Err(ENOMEM),
            _ => Err(EFAULT),
        }
    }

    /// Unmaps the pages in `range`, which are the driver's own (C: `zap_vma_range()`).
    ///
    /// The next access to the range faults. Private copies of pages, in a mapping that is not
    /// shared, are lost. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `range` is not inside the VMA, or not one of whole pages. Nothing is unmapped
    /// then.
    #[doc(alias = "zap_vma_range")]
    #[doc(alias = "zap_special_vma_range")]
    #[inline]
    pub fn zap_pages(&self, range: Range<usize>) -> Result
    where
        L: Stable,
    {
        // SAFETY: The pages are this driver's. Copies that were made of them are the mapping's, for
        // which this driver answers to its user.
        unsafe { walk::zap(self, range) }.map_err(|_| EINVAL)
    }
}

/// Returns whether this is the address of a page, or the bitwise or of several.
#[inline]
fn check_aligned(addr: usize) -> Result {
    match addr & (PAGE_SIZE - 1) {
        0 => Ok(()),
        _ => Err(EINVAL),
    }
}
