// SPDX-License-Identifier: GPL-2.0

//! The C callbacks of a driver's operations. They pass each VMA at the level of the locks that
//! their C callers hold, and count the private data.
//!
//! # VMAs without data
//!
//! A VMA that `.mmap_prepare` described gets the operations of the driver before it gets its data:
//! `mmap_action_complete()` first maps page frames, which can fail. C then calls `do_munmap()`,
//! which can fail as well, so such a VMA can stay, without page frames; some of the pages that were
//! to be mapped can stay, with references of their own. It has a *seed* in place of the data: a
//! tagged pointer to data that is borrowed until `mmap()` is done. Only `mapped()` dereferences it.
//! Copies of the VMA have the seed, too. The driver never sees such a VMA: its faults are answered
//! with a SIGBUS.

use super::{
    super::{
        DriverVma,
        Fault,
        Hook,
        HugeFault,
        MapPages,
        MkWrite, //
    },
    AccessBuffer,
    DataOf,
    MappedRange,
    PrivateData,
    VmaOperations, //
};
use crate::{
    bindings,
    fs::LocalFile,
    mm::vma::{
        Level,
        MmapWrite,
        VmaFlag,
        VmaFlags, //
    },
    prelude::*,
    task::Task,
    types::ForeignOwnable, //
};
use core::{
    marker::PhantomData,
    ops::Range,
    ptr, //
};

/// Between `.mmap_prepare` and `mapped()` a VMA has no data of its own: `vm_private_data` is a
/// pointer to the data that it is going to share, with this bit set.
const NOT_MAPPED_YET: usize = 1;

/// Points to the data that a VMA is going to share.
#[inline]
pub(in super::super) fn seed<D: PrivateData>(data: &D) -> *mut c_void {
    const {
        assert!(
            D::FOREIGN_ALIGN > NOT_MAPPED_YET && align_of::<D>() > NOT_MAPPED_YET,
            "the private data of a VMA that `.mmap_prepare` sets up must be aligned to two bytes"
        );
    }
    ptr::from_ref(data)
        .cast_mut()
        .cast::<c_void>()
        .map_addr(|addr| addr | NOT_MAPPED_YET)
}

/// Returns whether this, the `vm_private_data` of one of `T`'s VMAs, is a seed, and not data that
/// the VMA owns.
#[inline]
pub(in super::super) fn is_seed<T: VmaOperations>(data: *mut c_void) -> bool {
    // The hook is a constant. So is the alignment: without it there are no seeds, see `seed()`.
    T::Hook::HAS_MAPPED
        && T::Data::FOREIGN_ALIGN > NOT_MAPPED_YET
        && data.addr() & NOT_MAPPED_YET != 0
}

/// Returns the VMA of the current task that begins at `start` and has this seed.
///
/// `compat_vma_mmap()` calls `mapped()` for a VMA that is not linked: there is none then.
///
/// # Safety
///
/// The mmap write lock of the current task's address space must be held, by `mmap()`.
#[inline(never)]
unsafe fn linked_vma(start: usize, seed: *mut c_void) -> Option<*mut bindings::vm_area_struct> {
    // SAFETY: Guaranteed by the caller: the task has an address space, whose mmap lock is held.
    unsafe {
        let vma = bindings::find_vma((*Task::current_raw()).mm, start);
        (!vma.is_null()
            && (*vma).__bindgen_anon_1.__bindgen_anon_1.vm_start == start
            && (*vma).vm_private_data == seed)
            .then_some(vma)
    }
}

#[inline]
fn errno(result: Result) -> c_int {
    match result {
        Ok(()) => 0,
        Err(e) => e.to_errno(),
    }
}

/// Returns whether the driver may be asked to read or write, which its C caller does not check.
///
/// As `check_vma_flags()` does for pages, with `FOLL_FORCE`; except that a write is never for a
/// private copy.
#[inline]
fn may_access(flags: VmaFlags, is_write: bool) -> bool {
    if is_write {
        flags.contains(VmaFlag::WRITE) && flags.contains(VmaFlag::SHARED)
    } else {
        flags.contains(VmaFlag::MAYREAD)
    }
}

/// The callbacks, for the table of `T`, in which this is invariant. Only the kernel calls them, for
/// VMAs that have this table.
pub(in super::super) struct Callbacks<T: VmaOperations>(PhantomData<fn(T) -> T>);

impl<T: VmaOperations> Callbacks<T> {
    /// True if the entries of a VMA can have memory types that its protection lacks.
    pub(super) const MAY_DIFFER: bool = <T::Data as DataOf<T::PageKind>>::MAY_DIFFER;

    /// Returns the VMA, unless it has no data.
    ///
    /// # Safety
    ///
    /// `vma` must be a VMA of `T`'s, with the locks of the level `L` held for `'a`.
    #[inline]
    unsafe fn owner<'a, L: Level>(
        vma: *mut bindings::vm_area_struct,
    ) -> Option<&'a DriverVma<T, L>> {
        // SAFETY: Guaranteed by the caller: the VMA is alive. Once the VMA is in the tree, only
        // `call_vma_mapped()` writes the field. It holds the mmap and the VMA write lock, which
        // exclude the locks of `L`.
        let data = unsafe { (*vma).vm_private_data };

        // SAFETY: Guaranteed by the caller: the VMA has the table of `T`, and the locks are held.
        // It has no seed, so it owns its data.
        (!is_seed::<T>(data)).then(|| unsafe { DriverVma::from_raw(vma) })
    }

    /// Returns whether the VMA of a fault has data.
    ///
    /// # Safety
    ///
    /// `vmf` must be that of a fault in a VMA of `T`'s.
    #[inline]
    unsafe fn has_data(vmf: *mut bindings::vm_fault) -> bool {
        // SAFETY: Guaranteed by the caller. As in `owner()`.
        !is_seed::<T>(unsafe { (*(*vmf).__bindgen_anon_1.vma).vm_private_data })
    }

    /// # Safety
    ///
    /// Called by `dup_mmap()`, `__split_vma()` or `copy_vma()`.
    pub(in super::super) unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
        // A copy of a VMA without data has none either.
        // SAFETY: The caller has not shown the VMA to any other task.
        if is_seed::<T>(unsafe { (*vma).vm_private_data }) {
            return;
        }

        // SAFETY: The VMA is a copy of another one of `T`'s, which is not closed before this
        // returns; so the pointer that was copied is that one's, and the data lives. Nobody else
        // can find the new VMA, for which the share is.
        unsafe {
            let data = &mut (*vma).vm_private_data;
            *data = T::Data::share(T::Data::borrow(*data)).into_foreign();
        }

        // SAFETY: The caller holds the mmap write lock of the VMA's mm, see `dup_mmap()` for that
        // of a child, and has shown the VMA to nobody.
        T::open(unsafe { DriverVma::from_raw(vma) });
    }

    /// # Safety
    ///
    /// Called by `vma_close()`.
    pub(in super::super) unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The caller has the VMA.
        let data = unsafe { (*vma).vm_private_data };

        // It could not be mapped: `mmap_action_finish()` unmaps what it has begun.
        if is_seed::<T>(data) {
            return;
        }

        // SAFETY: All callers of `vma_close()` hold the mmap lock, and the VMA is in no tree.
        T::close(unsafe { DriverVma::from_raw(vma) });

        // SAFETY: The VMA's share of the data. Its pages were unmapped by `unmap_region()` before,
        // and it gets other operations after this, so nobody asks for the data again.
        drop(unsafe { T::Data::from_foreign(data) });
    }

    /// # Safety
    ///
    /// Called by `call_vma_mapped()`.
    pub(in super::super) unsafe extern "C" fn mapped(
        start: usize,
        end: usize,
        pgoff: usize,
        file: *const bindings::file,
        private_data: *mut *mut c_void,
    ) -> c_int {
        // SAFETY: `VmaDesc` has put it there.
        let seed = unsafe { *private_data };
        // SAFETY: What it points to is borrowed until `mmap()` is done.
        let data = unsafe {
            let data = seed.map_addr(|addr| addr & !NOT_MAPPED_YET);
            (*data.cast::<T::Data>()).clone()
        };

        if <T::Data as DataOf<T::PageKind>>::MAPS_AT_ONCE {
            // SAFETY: The caller holds the mmap write lock.
            let Some(vma) = (unsafe { linked_vma(start, seed) }) else {
                return ENXIO.to_errno();
            };
            // SAFETY: The VMA is the one that is being mapped: it has the seed of this data, which
            // `VmaDesc` gives together with the operations. They are of the kind.
            if let Err(e) = unsafe { DataOf::<T::PageKind>::map_at_once(&data, vma) } {
                return e.to_errno();
            }
        }

        let range = MappedRange {
            addrs: start..end,
            pgoff,
            // SAFETY: The VMA has a reference to its file. For the file position see `Vma::file()`.
            file: (!file.is_null()).then(|| unsafe { LocalFile::from_raw_file(file) }),
        };

        // Page frames may be mapped already. They are the data's, so from here on nothing fails.
        T::mapped(&data, &range);

        // SAFETY: The caller puts this into the VMA.
        unsafe { *private_data = data.into_foreign() };
        0
    }

    /// # Safety
    ///
    /// Called by `__split_vma()` or `prep_move_vma()`.
    pub(in super::super) unsafe extern "C" fn may_split(
        vma: *mut bindings::vm_area_struct,
        addr: usize,
    ) -> c_int {
        // SAFETY: The caller holds the mmap write lock.
        match unsafe { Self::owner(vma) } {
            Some(vma) => errno(T::may_split(vma, addr)),
            None => 0,
        }
    }

    /// # Safety
    ///
    /// Called by `copy_vma_and_data()`.
    pub(in super::super) unsafe extern "C" fn mremap(vma: *mut bindings::vm_area_struct) -> c_int {
        // SAFETY: The caller holds the mmap write lock. The VMA was write-locked by `vma_link()`,
        // or by `vma_expand()` if it is one that was there.
        match unsafe { Self::owner(vma) } {
            Some(vma) => errno(T::mremap(vma)),
            None => 0,
        }
    }

    /// # Safety
    ///
    /// Called by `do_mprotect_pkey()`.
    pub(in super::super) unsafe extern "C" fn mprotect(
        vma: *mut bindings::vm_area_struct,
        start: usize,
        end: usize,
        newflags: usize,
    ) -> c_int {
        // SAFETY: The caller holds the mmap write lock.
        match unsafe { Self::owner(vma) } {
            Some(vma) => errno(Self::may_mprotect(vma, start..end, newflags)),
            None => 0,
        }
    }

    #[inline]
    fn may_mprotect(vma: &DriverVma<T, MmapWrite>, range: Range<usize>, newflags: usize) -> Result {
        // The entries would get the memory type of the VMA.
        if Self::MAY_DIFFER && <T::Data as DataOf<T::PageKind>>::types_differ(vma.data()) {
            return Err(EACCES);
        }
        if T::HAS_MPROTECT {
            T::mprotect(vma, range, VmaFlags::from_word(newflags))
        } else {
            Ok(())
        }
    }

    /// # Safety
    ///
    /// Called by `__do_fault()`.
    pub(in super::super) unsafe extern "C" fn fault(
        vmf: *mut bindings::vm_fault,
    ) -> bindings::vm_fault_t {
        // SAFETY: The VMA is one of `T`'s.
        if !unsafe { Self::has_data(vmf) } {
            return bindings::vm_fault_reason_VM_FAULT_SIGBUS;
        }

        // SAFETY: The caller holds the mmap lock or the VMA lock, see `assert_fault_locked()`.
        T::fault(unsafe { Fault::new(vmf) }).into_raw()
    }

    /// # Safety
    ///
    /// Called by `create_huge_pmd()` and its like.
    pub(in super::super) unsafe extern "C" fn huge_fault(
        vmf: *mut bindings::vm_fault,
        order: c_uint,
    ) -> bindings::vm_fault_t {
        // SAFETY: The VMA is one of `T`'s.
        if !unsafe { Self::has_data(vmf) } {
            return bindings::vm_fault_reason_VM_FAULT_SIGBUS;
        }

        // SAFETY: As in `fault()`.
        T::huge_fault(unsafe { HugeFault::new(vmf, order) }).into_raw()
    }

    /// # Safety
    ///
    /// Called by `do_fault_around()`.
    pub(in super::super) unsafe extern "C" fn map_pages(
        vmf: *mut bindings::vm_fault,
        first: usize,
        last: usize,
    ) -> bindings::vm_fault_t {
        // SAFETY: The VMA is one of `T`'s.
        if !unsafe { Self::has_data(vmf) } {
            return 0;
        }

        // SAFETY: As in `fault()`. The pages are in the VMA, so `last` is not the largest number.
        let mut around = unsafe { MapPages::new(vmf, first..last + 1) };

        T::map_pages(&mut around);
        around.into_raw()
    }

    /// # Safety
    ///
    /// Called by `do_page_mkwrite()`.
    pub(in super::super) unsafe extern "C" fn page_mkwrite(
        vmf: *mut bindings::vm_fault,
    ) -> bindings::vm_fault_t {
        // SAFETY: The VMA is one of `T`'s.
        if !unsafe { Self::has_data(vmf) } {
            return bindings::vm_fault_reason_VM_FAULT_SIGBUS;
        }

        // SAFETY: As in `fault()`. `vmf->page` is the page.
        T::page_mkwrite(unsafe { MkWrite::new(vmf) }).into_raw()
    }

    /// # Safety
    ///
    /// Called by `wp_pfn_shared()`.
    pub(in super::super) unsafe extern "C" fn pfn_mkwrite(
        vmf: *mut bindings::vm_fault,
    ) -> bindings::vm_fault_t {
        // SAFETY: The VMA is one of `T`'s.
        if !unsafe { Self::has_data(vmf) } {
            return bindings::vm_fault_reason_VM_FAULT_SIGBUS;
        }

        // SAFETY: As in `fault()`. `vmf->page` is NULL, as `do_wp_page()` found no page.
        T::pfn_mkwrite(unsafe { MkWrite::new(vmf) }).into_raw()
    }

    /// # Safety
    ///
    /// Called by `__access_remote_vm()`: `buf` is `len` bytes, and `addr` is in the VMA.
    pub(in super::super) unsafe extern "C" fn access(
        vma: *mut bindings::vm_area_struct,
        addr: usize,
        buf: *mut c_void,
        len: c_int,
        write: c_int,
    ) -> c_int {
        // SAFETY: The caller holds the mmap read lock.
        let Some(vma) = (unsafe { Self::owner(vma) }) else {
            return EFAULT.to_errno();
        };
        let is_write = write != 0;
        if !may_access(vma.flags(), is_write) {
            return EFAULT.to_errno();
        }
        // Memory beyond the VMA does not belong to this driver.
        let len = usize::try_from(len).map_or(0, |len| len.min(vma.end().saturating_sub(addr)));
        let buf = buf.cast::<u8>();

        // SAFETY: The buffer is the caller's own, in kernel memory, and has `len` bytes. Those of
        // a write are initialised: the caller would copy them to a page if there were one.
        let mut buffer = unsafe {
            if is_write {
                AccessBuffer::for_write(buf, len)
            } else {
                AccessBuffer::for_read(buf, len)
            }
        };
        match T::access(vma, addr, &mut buffer) {
            // It fits: `len` was a `c_int`.
            Ok(()) => buffer.done() as c_int,
            Err(e) => e.to_errno(),
        }
    }

    /// # Safety
    ///
    /// Called by `get_vma_name()` or `always_dump_vma()`.
    pub(in super::super) unsafe extern "C" fn name(
        vma: *mut bindings::vm_area_struct,
    ) -> *const c_char {
        // SAFETY: The caller holds the mmap lock or the VMA lock, for as long as it uses the name.
        match unsafe { Self::owner(vma) }.and_then(T::name) {
            Some(name) => name.as_char_ptr(),
            None => ptr::null(),
        }
    }
}
