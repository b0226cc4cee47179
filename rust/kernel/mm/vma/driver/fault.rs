// SPDX-License-Identifier: GPL-2.0

//! Page faults, and their answers.
//!
//! A fault is held together with the lock that protects its VMA, and is used up by the answer: each
//! answer is made from the fault, once. So a handler cannot give two answers, none, or one that was
//! meant for another fault; and the one answer that says that the lock is gone,
//! [`Released::retry()`], can only be given when it is, and by somebody who has no view of the VMA
//! any more.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use super::{
    brand::Brand,
    kind::{
        InsertsFrames,
        InsertsPages,
        MapsPages,
        OnlyFrames, //
    },
    operations::Borrowed,
    DriverVma,
    PfnBacked,
    SharedPage,
    VmaOperations, //
};
use crate::{
    bindings,
    error::Error,
    mm::vma::Read,
    prelude::*,
    types::NotThreadSafe, //
};
use core::{
    marker::PhantomData,
    ops::Range,
    ptr::NonNull, //
};

/// How memory was accessed, and how the handler may behave (C: `enum fault_flag`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FaultFlags(bindings::fault_flag);

impl FaultFlags {
    #[inline]
    fn has(self, flag: bindings::fault_flag) -> bool {
        self.0 & flag != 0
    }

    /// It was a write (C: `FAULT_FLAG_WRITE`).
    #[inline]
    pub fn is_write(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_WRITE)
    }

    /// It came from user space, not from the kernel on its behalf (C: `FAULT_FLAG_USER`).
    #[inline]
    pub fn is_user(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_USER)
    }

    /// It came from another process, a debugger for example (C: `FAULT_FLAG_REMOTE`).
    #[inline]
    pub fn is_remote(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_REMOTE)
    }

    /// A fatal signal may end a wait (C: `FAULT_FLAG_KILLABLE`).
    #[inline]
    pub fn is_killable(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_KILLABLE)
    }

    /// The lock may be released and the fault tried again, for the first time
    /// (C: `fault_flag_allow_retry_first()`).
    #[doc(alias = "fault_flag_allow_retry_first")]
    #[inline]
    pub fn may_retry(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_ALLOW_RETRY)
            && !self.has(bindings::fault_flag_FAULT_FLAG_TRIED)
    }

    /// Whether a retry is to be answered at once, with the lock kept (C:
    /// `FAULT_FLAG_RETRY_NOWAIT`).
    #[inline]
    pub fn is_nowait(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_RETRY_NOWAIT)
    }

    /// Which of the locks is held (C: `FAULT_FLAG_VMA_LOCK`).
    #[inline]
    pub fn holds_vma_lock(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_VMA_LOCK)
    }
}

/// What is common to all faults.
///
/// # Invariants
///
/// `vmf` is valid, and its VMA is one of `T`'s at the level [`Read`], for as long as this lives,
/// but for what takes it apart.
struct Context<'a, T: VmaOperations> {
    vmf: NonNull<bindings::vm_fault>,
    _brand: Brand<'a>,
    // Invariant in `T`, as `DriverVma`; and so are all faults.
    _ops: PhantomData<fn(T) -> T>,
    _nts: NotThreadSafe,
}

impl<'a, T: VmaOperations> Context<'a, T> {
    /// # Safety
    ///
    /// The invariants must hold, and `'a` must be a lifetime that stands for nothing else.
    #[inline]
    unsafe fn new(vmf: *mut bindings::vm_fault) -> Self {
        // INVARIANT: Guaranteed by the caller: `vmf` is valid until the fault is answered.
        Self {
            // SAFETY: The caller passes a valid pointer.
            vmf: unsafe { NonNull::new_unchecked(vmf) },
            _brand: PhantomData,
            _ops: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    #[inline]
    fn vma(&self) -> &DriverVma<T, Read> {
        // SAFETY: By the type invariants. The view borrows `self`.
        unsafe { DriverVma::from_raw((*self.vmf.as_ptr()).__bindgen_anon_1.vma) }
    }

    #[inline]
    fn pgoff(&self) -> usize {
        // SAFETY: By the type invariants.
        unsafe { (*self.vmf.as_ptr()).__bindgen_anon_1.pgoff }
    }

    #[inline]
    fn address(&self) -> usize {
        // SAFETY: By the type invariants.
        unsafe { (*self.vmf.as_ptr()).__bindgen_anon_1.address }
    }

    #[inline]
    fn flags(&self) -> FaultFlags {
        // SAFETY: By the type invariants.
        FaultFlags(unsafe { (*self.vmf.as_ptr()).flags })
    }
}

/// The answer to a fault that an error gives (C: `vmf_error()`).
#[inline]
fn code_of(error: Error) -> bindings::vm_fault_t {
    if error == ENOMEM {
        bindings::vm_fault_reason_VM_FAULT_OOM
    } else {
        bindings::vm_fault_reason_VM_FAULT_SIGBUS
    }
}

/// The methods that all faults have.
macro_rules! fault {
    ($fault:ident $(, $more:ident: $ty:ty)?; $outcome:ident) => {
        impl<'a, T: VmaOperations> $fault<'a, T> {
            /// # Safety
            ///
            /// `vmf` must be valid and its VMA be one of `T`'s, with the mmap lock or the VMA lock
            /// held for reading, until the answer is given. `'a` must stand for nothing else.
            #[inline]
            pub(super) unsafe fn new(vmf: *mut bindings::vm_fault $(, $more: $ty)?) -> Self {
                // SAFETY: Guaranteed by the caller: `vmf` is valid and its VMA one of `T`'s.
                Self(unsafe { Context::new(vmf) } $(, $more)?)
            }

            /// The VMA.
            #[inline]
            pub fn vma(&self) -> &DriverVma<T, Read> {
                self.0.vma()
            }

            /// What the VMA owns.
            #[inline]
            pub fn data(&self) -> Borrowed<'_, T> {
                self.0.vma().data()
            }

            /// Which page of the file was accessed (C: `vmf->pgoff`).
            #[inline]
            pub fn pgoff(&self) -> usize {
                self.0.pgoff()
            }

            /// The address of the page that was accessed (C: `vmf->address`).
            #[inline]
            pub fn address(&self) -> usize {
                self.0.address()
            }

            /// How it was accessed.
            #[inline]
            pub fn flags(&self) -> FaultFlags {
                self.0.flags()
            }

            #[inline]
            fn answer(self, code: bindings::vm_fault_t) -> $outcome<'a> {
                $outcome(code, PhantomData)
            }

            /// The task gets a SIGBUS: there is no such page (C: `VM_FAULT_SIGBUS`).
            #[inline]
            pub fn sigbus(self) -> $outcome<'a> {
                self.answer(bindings::vm_fault_reason_VM_FAULT_SIGBUS)
            }

            /// There is no memory (C: `VM_FAULT_OOM`).
            #[inline]
            pub fn oom(self) -> $outcome<'a> {
                self.answer(bindings::vm_fault_reason_VM_FAULT_OOM)
            }

            /// What an error means: [`oom()`](Self::oom) for `ENOMEM`, else
            /// [`sigbus()`](Self::sigbus) (C: `vmf_error()`).
            #[doc(alias = "vmf_error")]
            #[inline]
            pub fn error(self, error: Error) -> $outcome<'a> {
                self.answer(code_of(error))
            }

            /// Nothing more is to be done: the page was inserted, or is to be accessed again
            /// (C: `VM_FAULT_NOPAGE`).
            ///
            /// If nothing is mapped there, the access faults again, without end. A signal ends that
            /// if userspace accesses the page, but not if the kernel does, as `copy_to_user()`
            /// (C: `do_user_addr_fault()`).
            #[inline]
            pub fn no_page(self) -> $outcome<'a> {
                self.answer(bindings::vm_fault_reason_VM_FAULT_NOPAGE)
            }
        }

        impl $outcome<'_> {
            #[inline]
            pub(super) fn into_raw(self) -> bindings::vm_fault_t {
                self.0
            }
        }
    };
}

/// A page that is not mapped was accessed (C: `struct vm_fault`).
#[must_use = "a fault has to be answered"]
pub struct Fault<'a, T: VmaOperations>(Context<'a, T>);

/// The answer to a [`Fault`] (C: `vm_fault_t`).
#[must_use = "the answer to a fault has to be returned"]
pub struct FaultOutcome<'a>(bindings::vm_fault_t, Brand<'a>);

fault!(Fault; FaultOutcome);

impl<'a, T: VmaOperations> Fault<'a, T> {
    /// The task gets a SIGSEGV (C: `VM_FAULT_SIGSEGV`).
    #[inline]
    pub fn sigsegv(self) -> FaultOutcome<'a> {
        self.answer(bindings::vm_fault_reason_VM_FAULT_SIGSEGV)
    }

    /// This page is to be mapped (C: `vmf->page`).
    ///
    /// The mapping gets a reference to it. In a private mapping a write gets a copy.
    #[inline]
    pub fn page(self, page: &SharedPage) -> FaultOutcome<'a>
    where
        T::PageKind: MapsPages,
    {
        self.set_page(page);
        self.answer(0)
    }

    /// Like [`page()`](Self::page), with a page that lives as long as the data.
    ///
    /// The data is only borrowed meanwhile: nothing has to be counted or locked to keep the page.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     mm::vma::driver::{Fault, FaultOutcome, Plain, SharedPage, ViaMmap, VmaOperations},
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// /// The same page everywhere.
    /// struct OnePage;
    /// kernel::vm_operations!(OnePage);
    ///
    /// #[vtable]
    /// impl VmaOperations for OnePage {
    ///     type Data = Arc<SharedPage>;
    ///     type PageKind = Plain;
    ///     type Hook = ViaMmap;
    ///
    ///     fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
    ///         fault.page_of(|data| data)
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn page_of(
        self,
        find: impl for<'d, 'f> FnOnce(&'d Borrowed<'f, T>) -> &'d SharedPage,
    ) -> FaultOutcome<'a>
    where
        T::PageKind: MapsPages,
    {
        let data = self.data();
        self.set_page(find(&data));
        drop(data);

        self.answer(0)
    }

    /// Takes a reference to the page for the mapping.
    #[inline]
    fn set_page(&self, page: &SharedPage) {
        // SAFETY: The page is valid and one to be mapped, by the type invariants of `SharedPage`,
        // and `vmf` is valid by those of the context. The caller of the handler drops the reference
        // or gives it to the entry.
        unsafe {
            bindings::vma_get_page(page.as_raw());
            (*self.0.vmf.as_ptr()).page = page.as_raw();
        }
    }

    /// Maps this page, and answers with what came of it (C: `vmf_insert_page()`).
    #[doc(alias = "vmf_insert_page")]
    #[inline]
    pub fn insert_page(self, page: &SharedPage) -> FaultOutcome<'a>
    where
        T::PageKind: InsertsPages,
    {
        let result = self.try_insert_page(page);
        self.inserted(result)
    }

    /// Maps this page (C: `vm_insert_page()`), for handlers that have to do something else before
    /// they answer by [`inserted()`](Self::inserted), such as releasing a lock.
    ///
    /// # Errors
    ///
    /// `EBUSY` if something is mapped there by now; `ENOMEM`.
    #[doc(alias = "vm_insert_page")]
    #[inline]
    pub fn try_insert_page(&self, page: &SharedPage) -> Result
    where
        T::PageKind: InsertsPages,
    {
        self.vma().insert_page_aligned(self.address(), page)
    }

    /// What it means for the fault how an insertion ended: [`no_page()`](Self::no_page) if the page
    /// is mapped now, also if another task was faster (`EBUSY`).
    #[inline]
    pub fn inserted(self, result: Result) -> FaultOutcome<'a> {
        match result {
            Ok(()) | Err(EBUSY) => self.no_page(),
            Err(e) => self.error(e),
        }
    }

    /// Maps a frame of the region that the VMA's data has, and answers with what came of it
    /// (C: `vmf_insert_pfn()`, `vmf_insert_mixed()`).
    #[doc(alias = "vmf_insert_pfn")]
    #[doc(alias = "vmf_insert_mixed")]
    #[inline]
    pub fn insert_pfn(self, frame: usize) -> FaultOutcome<'a>
    where
        T::PageKind: InsertsFrames,
        T::Data: PfnBacked,
    {
        let result = self.vma().insert_pfn_aligned(self.address(), frame);
        self.inserted(result)
    }

    /// Releases the lock, so that the handler can wait and the fault be tried again
    /// (C: `release_fault_lock()`).
    ///
    /// Everything that was borrowed from the VMA is gone with the fault. What the handler is going
    /// to wait for must be held by a reference of its own.
    ///
    /// # Errors
    ///
    /// The fault, unchanged, if it must not be tried again
    /// ([`may_retry()`](FaultFlags::may_retry)). The handler then waits with the lock held, or
    /// gives another answer.
    #[doc(alias = "release_fault_lock")]
    #[inline]
    pub fn release(self) -> Result<Released<'a>, Self> {
        let flags = self.flags();

        if !flags.may_retry() {
            return Err(self);
        }
        if !flags.is_nowait() {
            // SAFETY: By the type invariants of the context the lock is held. `self` is gone after
            // this, and what was borrowed from it; who called the handler learns by the answer,
            // which can only be `VM_FAULT_RETRY` now.
            unsafe { bindings::release_fault_lock(self.0.vmf.as_ptr()) };
        }
        Ok(Released {
            may_wait: !flags.is_nowait(),
            _brand: PhantomData,
        })
    }
}

/// A fault whose lock is released, to be tried again.
#[must_use = "a fault has to be answered"]
pub struct Released<'a> {
    may_wait: bool,
    _brand: Brand<'a>,
}

impl<'a> Released<'a> {
    /// Whether the handler may wait now. If not, the lock is still held by who called it, who wants
    /// the answer at once (C: `FAULT_FLAG_RETRY_NOWAIT`).
    #[inline]
    pub fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// The fault is to be tried again (C: `VM_FAULT_RETRY`).
    #[inline]
    pub fn retry(self) -> FaultOutcome<'a> {
        FaultOutcome(bindings::vm_fault_reason_VM_FAULT_RETRY, PhantomData)
    }
}

/// A page was accessed that is not mapped, where there is room for a huge page.
#[must_use = "a fault has to be answered"]
pub struct HugeFault<'a, T: VmaOperations>(Context<'a, T>, u32);

/// The answer to a [`HugeFault`].
#[must_use = "the answer to a fault has to be returned"]
pub struct HugeFaultOutcome<'a>(bindings::vm_fault_t, Brand<'a>);

fault!(HugeFault, order: u32; HugeFaultOutcome);

impl<'a, T: VmaOperations> HugeFault<'a, T> {
    /// The size of the huge page, as the binary logarithm of its number of pages.
    #[inline]
    pub fn order(&self) -> u32 {
        self.1
    }

    /// No huge page: the fault comes again as a [`Fault`] (C: `VM_FAULT_FALLBACK`).
    #[inline]
    pub fn fallback(self) -> HugeFaultOutcome<'a> {
        self.answer(bindings::vm_fault_reason_VM_FAULT_FALLBACK)
    }

    /// Maps the huge page of frames around this address, and answers with what came of it
    /// (C: `vmf_insert_pfn_pmd()`).
    ///
    /// `frame` is the frame of the region that belongs to the address of the fault. The entry gets
    /// the protection of the VMA, which has the memory type of the region. It is writable if that
    /// is, whether the access was a write or not; if it is not, as in a VMA with
    /// [`pfn_mkwrite`](VmaOperations::pfn_mkwrite), a write splits the huge page.
    ///
    /// Falls back to small pages if the huge page is not all in the VMA and in the region, if its
    /// frames are not aligned as its addresses, if something is mapped there already, or without
    /// `CONFIG_ARCH_SUPPORTS_PMD_PFNMAP`.
    #[doc(alias = "vmf_insert_pfn_pmd")]
    #[inline]
    pub fn insert_pfn_pmd(self, frame: usize) -> HugeFaultOutcome<'a>
    where
        T::PageKind: OnlyFrames,
        T::Data: PfnBacked,
    {
        #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
        if let Some(pfn) = self.huge_pfn(frame) {
            // Never as a write: for that `insert_pmd()` expects that nothing else has been mapped
            // meanwhile, and warns. `vfio_pci_core` does the same.
            let write = false;

            // SAFETY: By the type invariants of the context `vmf` is valid, and the VMA is
            // `VM_PFNMAP`, not `VM_MIXEDMAP`, and no copy-on-write mapping; its protection has the
            // memory type of the frames. All frames of the huge page are the region's, and in the
            // VMA.
            let code = unsafe { bindings::vmf_insert_pfn_pmd(self.0.vmf.as_ptr(), pfn, write) };
            return self.answer(code);
        }

        let _ = frame;
        self.fallback()
    }

    /// The first frame of the huge page in which `frame` belongs to the address of the fault.
    ///
    /// `None` if there must not be one: see `insert_pfn_pmd()`.
    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    fn huge_pfn(&self, frame: usize) -> Option<usize>
    where
        T::Data: PfnBacked,
    {
        use crate::{
            mm::vma::page_table::Pmd,
            page::PAGE_SHIFT, //
        };

        const PAGES: usize = Pmd::SIZE >> PAGE_SHIFT;
        let vma = self.vma();
        let start = self.address() & !(Pmd::SIZE - 1);
        let end = start.checked_add(Pmd::SIZE)?;
        let before = (self.address() - start) >> PAGE_SHIFT;

        let first = frame.checked_sub(before)?;
        let region = T::Data::region(vma.data());
        region.pfn(first.checked_add(PAGES - 1)?)?;
        let pfn = region.pfn(first)?;

        let fits = start >= vma.start() && end <= vma.end() && pfn % PAGES == 0;
        // `vmf_insert_pfn_pmd()` takes the protection of the VMA as it is.
        let prot = vma.page_prot();
        let fits = fits && region.entry_prot(prot) == prot;
        (fits && self.order() == PAGES.trailing_zeros() && self.is_unmapped()).then_some(pfn)
    }

    /// Whether there is neither a table nor a huge page (C: `pmd_none()`). The order must be that
    /// of a PMD.
    ///
    /// If there is, a write came upon a huge page that cannot be written (`wp_huge_pmd()`), or
    /// another task was faster. Answered by `VM_FAULT_FALLBACK`, the former is split, and what the
    /// latter did is seen. `insert_pmd()` would do nothing, without an end in the former case.
    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    fn is_unmapped(&self) -> bool {
        // SAFETY: By the type invariants of the context `vmf` is valid. `__handle_mm_fault()` has
        // set `vmf->pmd` before a huge fault of this order; the tables above are not freed while
        // the VMA is locked.
        unsafe { bindings::pmd_none(bindings::pmdp_get_lockless((*self.0.vmf.as_ptr()).pmd)) }
    }
}

/// A page that is mapped read-only is going to be written to.
#[must_use = "a fault has to be answered"]
pub struct MkWrite<'a, T: VmaOperations>(Context<'a, T>);

/// The answer to a [`MkWrite`].
#[must_use = "the answer to a fault has to be returned"]
pub struct MkWriteOutcome<'a>(bindings::vm_fault_t, Brand<'a>);

fault!(MkWrite; MkWriteOutcome);

impl<'a, T: VmaOperations> MkWrite<'a, T> {
    /// The page may be written to from now on.
    #[inline]
    pub fn allow(self) -> MkWriteOutcome<'a> {
        // SAFETY: By the type invariants of the context.
        let page = unsafe { (*self.0.vmf.as_ptr()).page };

        // No page: `pfn_mkwrite()`, which has nothing to lock.
        if page.is_null() {
            return self.answer(0);
        }

        // SAFETY: `do_page_mkwrite()` has a reference to the page. It wants it locked, and unlocks
        // it, for such an answer: a page without a file would otherwise be looked for again.
        unsafe { bindings::vma_lock_page(page) };
        self.answer(bindings::vm_fault_reason_VM_FAULT_LOCKED)
    }
}

/// The pages around one that was read, of which those that are there can be mapped.
///
/// Inside of an RCU read-side critical section: nothing here may sleep. So there is no view of the
/// VMA, by which pages could be inserted or unmapped.
pub struct MapPages<'a, T: VmaOperations> {
    context: Context<'a, T>,
    pgoffs: Range<usize>,
    has_mapped_it: bool,
}

impl<T: VmaOperations> MapPages<'_, T> {
    /// # Safety
    ///
    /// As for `Fault::new()`, for `vm_operations_struct::map_pages()`.
    #[inline]
    pub(super) unsafe fn new(vmf: *mut bindings::vm_fault, pgoffs: Range<usize>) -> Self {
        Self {
            // SAFETY: Guaranteed by the caller: `vmf` is valid and its VMA one of `T`'s.
            context: unsafe { Context::new(vmf) },
            pgoffs,
            has_mapped_it: false,
        }
    }

    /// What the VMA owns.
    #[inline]
    pub fn data(&self) -> Borrowed<'_, T> {
        self.context.vma().data()
    }

    /// Which pages of the file can be mapped.
    #[inline]
    pub fn pgoffs(&self) -> Range<usize> {
        self.pgoffs.clone()
    }

    /// Maps a page of the file, read-only or as the VMA permits, if nothing is mapped there (C:
    /// `set_pte_range()`).
    ///
    /// Returns whether it is mapped now. The mapping has a reference to it then.
    #[doc(alias = "set_pte_range")]
    pub fn map(&mut self, pgoff: usize, page: &SharedPage) -> bool
    where
        T::PageKind: MapsPages,
    {
        if !self.pgoffs.contains(&pgoff) {
            return false;
        }
        let Some(addr) = self.context.vma().addr_of(pgoff) else {
            return false;
        };

        // SAFETY: `vmf` is this `MapPages`'s, and the address is that of one of its pages, which
        // are in the VMA.
        let is_mapped = unsafe { map_page_around(self.context.vmf, page, addr) };
        self.has_mapped_it |= is_mapped && addr == self.context.address();
        is_mapped
    }

    #[inline]
    pub(super) fn into_raw(self) -> bindings::vm_fault_t {
        if self.has_mapped_it {
            bindings::vm_fault_reason_VM_FAULT_NOPAGE
        } else {
            0
        }
    }
}

/// Maps a page by `set_pte_range()`, which is not exported: modules reach it through the crate.
///
/// # Safety
///
/// `vmf` must be that of a `MapPages`, and `addr` must be in its VMA and among its pages.
#[inline(never)]
unsafe fn map_page_around(
    vmf: NonNull<bindings::vm_fault>,
    page: &SharedPage,
    addr: usize,
) -> bool {
    // SAFETY: `do_fault_around()` has set `vmf` up for the table of page table entries that all
    // pages of the `MapPages` belong to. The address is among these, as guaranteed by the caller.
    // The page is valid and one to be mapped, by its type invariants.
    unsafe { bindings::vma_map_page_around(vmf.as_ptr(), page.as_raw(), addr) }
}
