// SPDX-License-Identifier: GPL-2.0

//! A VMA in the driver's `.mmap` hook, before any other task can find it.
//!
//! The setup goes one way: the hook clears permissions, then chooses the [kind](super::kind) of
//! pages, then ends with the operations and their data. Each step consumes the setup, so none can
//! be done twice or in another order.
//!
//! C callers: `__mmap_new_file_vma()` by `vfs_mmap()`

mod by_c;
mod by_file;
mod desc;
mod device;
mod dma;
mod flags;
mod hook;
mod kernel_pages;
mod remap_from_pgoff;
mod steps;

use self::steps::setup_steps;
pub use self::{
    desc::{
        Prepared,
        VmaDesc, //
    },
    flags::SetupFlags,
    hook::{
        EndsDesc,
        EndsSetup,
        Hook,
        ViaMmap,
        ViaMmapPrepare, //
    },
};

use super::{
    brand::Brand,
    kind::{
        InsertsPages,
        MixedMap,
        OnlyFrames,
        PageKind,
        PfnMap,
        Plain,
        SamePageKind,
        Undecided, //
    },
    memory::Remap,
    DataOf,
    OperationsTable,
    PfnBacked,
    SharedPage,
    VmaOperations, //
};
use crate::{
    bindings,
    error::to_result,
    mm::vma::{
        page_table::walk,
        PageProt,
        Setup,
        Vma,
        VmaFlags, //
    },
    prelude::*,
    types::{
        ForeignOwnable,
        NotThreadSafe, //
    }, //
};
use core::{
    marker::PhantomData,
    ops::Deref, //
};

/// A VMA in its driver's `.mmap` hook, with pages of the kind `K`.
///
/// It derefs to a [`Vma<Setup>`](Vma), which can be read.
///
/// # Invariants
///
/// The VMA is being set up by `mmap_region()`, and this is the only means by which it is written.
/// It has the flags of `K`, no entries in its page tables unless `K` inserts pages, and no
/// operations.
#[must_use = "a setup does nothing until it ends with the operations of the VMA"]
pub struct VmaSetup<'a, K: PageKind = Plain> {
    vma: &'a Vma<Setup>,
    _brand: Brand<'a>,
    // Covariant, which says nothing: kinds have no subtypes.
    _kind: PhantomData<K>,
}

/// A VMA that is set up, which a `.mmap` hook returns.
///
/// If the hook fails after all and drops it, the pages are unmapped and the data is dropped.
///
/// # Invariants
///
/// `vma` is valid and in the hook that sets it up, and `discard` is that of its operations.
#[must_use = "the hook has to return it"]
pub struct Mapped<'a> {
    vma: *mut bindings::vm_area_struct,
    discard: unsafe fn(*mut bindings::vm_area_struct),
    _brand: Brand<'a>,
    _nts: NotThreadSafe,
}

impl<'a> VmaSetup<'a> {
    /// Runs a `.mmap` hook, for the file operations of a subsystem, and returns its C result.
    ///
    /// # Safety
    ///
    /// Must be called once in `file_operations::mmap()`, with the VMA that it got, and its result
    /// must be returned. The lifetime `'a` may be as long as the file and the VMA.
    #[inline]
    pub unsafe fn run_hook(
        vma: *mut bindings::vm_area_struct,
        hook: impl FnOnce(VmaSetup<'a>) -> Result<Mapped<'a>>,
    ) -> c_int {
        // INVARIANT: The VMA is new; `vm_area_alloc()` has given it empty operations.
        let setup = VmaSetup {
            // SAFETY: `mmap_region()` holds the mmap write lock, and has shown the VMA to nobody.
            vma: unsafe { Vma::from_raw(vma) },
            _brand: PhantomData,
            _kind: PhantomData,
        };

        match hook(setup) {
            Ok(mapped) => {
                // The VMA has the data now, and drops it by `close()`.
                core::mem::forget(mapped);
                0
            }
            Err(e) => e.to_errno(),
        }
    }
}

setup_steps!(VmaSetup);

impl<'a, K: PageKind> VmaSetup<'a, K> {
    #[inline]
    fn into_kind<N: PageKind>(self) -> VmaSetup<'a, N>
    where
        K: Undecided,
    {
        self.write_flags(self.flags() | N::FLAGS);

        // INVARIANT: The flags were just set; there were no entries, as there are for no `Plain`
        // VMA.
        VmaSetup {
            vma: self.vma,
            _brand: PhantomData,
            _kind: PhantomData,
        }
    }

    #[inline]
    fn write_flags(&self, flags: VmaFlags) {
        // SAFETY: By the type invariants this is the only means by which the VMA is written. All
        // callers leave the flags of the kind as they are.
        unsafe { (*self.vma.as_raw()).__bindgen_anon_2.flags.__vma_flags[0] = flags.word() };
    }

    #[inline]
    fn prot(&self) -> PageProt {
        self.page_prot()
    }

    #[inline]
    fn write_prot(&self, prot: PageProt) {
        // SAFETY: By the type invariants this is the only means by which the VMA is written.
        unsafe { (*self.vma.as_raw()).vm_page_prot = prot.into_raw() };
    }

    #[inline]
    fn write_pgoff(&self, pgoff: usize) {
        // SAFETY: By the type invariants this is the only means by which the VMA is written. It is
        // in no reverse mapping yet, whose order would depend on the offset.
        unsafe { (*self.vma.as_raw()).vm_pgoff = pgoff };
    }

    /// Maps a page now (C: `vm_insert_page()`).
    ///
    /// As [`DriverVma::insert_page()`](super::DriverVma::insert_page). May sleep, for memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `addr` is not the address of a page, `EFAULT` if `addr` is not in the VMA,
    /// `EBUSY` if something is mapped there, `ENOMEM`. If the hook fails the kernel unmaps the
    /// pages.
    #[doc(alias = "vm_insert_page")]
    #[inline]
    pub fn insert_page(&mut self, addr: usize, page: &SharedPage) -> Result
    where
        K: InsertsPages,
    {
        if addr & (crate::page::PAGE_SIZE - 1) != 0 {
            return Err(EINVAL);
        }

        // SAFETY: The mmap lock is held for writing, and by the type invariants the VMA is
        // `VM_MIXEDMAP`. The function checks the address.
        to_result(unsafe { bindings::vm_insert_page(self.vma.as_raw(), addr, page.as_raw()) })
    }

    /// Ends the setup: the VMA gets its operations, and `data`.
    ///
    /// If it is a [`PfnMap`], it also gets the memory type of the frames that `data` has (C:
    /// `vma->vm_page_prot`).
    #[doc(alias = "vm_ops")]
    #[doc(alias = "vm_page_prot")]
    #[inline]
    pub fn with_ops<T>(self, data: T::Data) -> Mapped<'a>
    where
        T: OperationsTable,
        T::PageKind: SamePageKind<K>,
        T::Hook: EndsSetup,
    {
        let vma = self.vma.as_raw();
        let prot = DataOf::<T::PageKind>::vma_prot(&data, self.page_prot());

        // SAFETY: By the type invariants this is the only means by which the VMA is written. The
        // table is that of the data's type, and is static. The protection has the permissions that
        // it had, and the memory type of all frames that the VMA will map. `__mmap_complete()`
        // keeps that, by `vma_pgprot_modify()`.
        unsafe {
            (*vma).vm_page_prot = prot.into_raw();
            (*vma).vm_ops = T::table().as_raw();
            (*vma).vm_private_data = data.into_foreign();
        }
        Mapped {
            vma,
            discard: discard::<T>,
            _brand: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// Ends the setup, and maps `pages` frames from `frame` on at `addr` (C: `remap_pfn_range()`;
    /// `io_remap_pfn_range()` if they are those of a device).
    ///
    /// Faults map the rest of the VMA, if any. Also sets IO, DONTEXPAND and DONTDUMP. The memory
    /// type is set as by [`with_ops()`](Self::with_ops). May sleep, for memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero, if the range is not one of whole pages in the VMA, or if the
    /// region has no such frames; `ENOMEM`. Nothing is mapped then, and `data` is dropped.
    #[doc(alias = "io_remap_pfn_range")]
    pub fn remap_pfn_range<T>(
        self,
        data: T::Data,
        addr: usize,
        frame: usize,
        pages: usize,
    ) -> Result<Mapped<'a>>
    where
        K: OnlyFrames,
        T: OperationsTable,
        T::PageKind: SamePageKind<K>,
        T::Hook: EndsSetup,
        T::Data: PfnBacked,
    {
        let frames = data.clone();
        let vma_addrs = self.start()..self.end();
        let mut remap = Remap::new(&frames, vma_addrs, addr, frame, pages)?;

        let vma = self.vma.as_raw();
        // From here on the VMA has a share of the frames; an error takes both away again, and what
        // was mapped before.
        let mapped = self.with_ops::<T>(data);
        // SAFETY: The VMA is being set up, by this alone.
        let prot = PageProt::from_raw(unsafe { (*vma).vm_page_prot });

        while let Some(run) = remap.next(prot)? {
            let (addr, prot) = (run.addr, run.prot.into_raw());

            // SAFETY: The mmap lock is held for writing. The range is not empty, in the VMA, and
            // has no entries, by the type invariants and because runs do not overlap, nor huge
            // pages: the VMA is in no tree, so there were no faults. The frames are those of the
            // data, of which the VMA has a share, and `prot` has their memory type.
            to_result(unsafe {
                if run.is_decrypted {
                    bindings::io_remap_pfn_range(vma, addr, run.pfn, run.len, prot)
                } else {
                    bindings::remap_pfn_range(vma, addr, run.pfn, run.len, prot)
                }
            })?;
        }
        Ok(mapped)
    }
}

impl<K: PageKind> Deref for VmaSetup<'_, K> {
    type Target = Vma<Setup>;

    #[inline]
    fn deref(&self) -> &Vma<Setup> {
        self.vma
    }
}

impl Drop for Mapped<'_> {
    fn drop(&mut self) {
        // SAFETY: It was put here for this VMA, which is still being set up: the token is not sent
        // to another task, and its lifetime is that of the hook's call.
        unsafe { (self.discard)(self.vma) };
    }
}

/// Takes operations and data from a VMA that could not be set up.
///
/// # Safety
///
/// The VMA must be in the hook that set it up with the operations `T`.
unsafe fn discard<T: VmaOperations>(vma: *mut bindings::vm_area_struct) {
    // SAFETY: The VMA is stable, as at the level `Setup`. The page tables of the process have what
    // was mapped, which other threads can access: it must go before the data does.
    let data = unsafe {
        let view = Vma::<Setup>::from_raw(vma);
        // It is the whole VMA, so it lies in the VMA.
        let _ = walk::zap(view, view.start()..view.end());
        take_operations(vma)
    };

    // SAFETY: It was put there by `with_ops()`, and was taken away just now.
    drop(unsafe { T::Data::from_foreign(data) });
}

/// Takes operations and data from a VMA, and returns the data. The table that replaces them is not
/// exported, so modules reach it through the crate.
///
/// # Safety
///
/// The VMA must be in the hook that set it up.
#[inline(never)]
unsafe fn take_operations(vma: *mut bindings::vm_area_struct) -> *mut c_void {
    // SAFETY: The VMA is stable, as at the level `Setup`, and nobody else can find it.
    unsafe {
        let data = (*vma).vm_private_data;
        (*vma).vm_ops = &raw const bindings::vma_dummy_vm_ops;
        (*vma).vm_private_data = core::ptr::null_mut();
        data
    }
}
