// SPDX-License-Identifier: GPL-2.0

//! The fields of a VMA, each read and written at the levels that the tables ask for.
//!
//! See "VMA fields" in
//! [`Documentation/mm/process_addrs.rst`](srctree/Documentation/mm/process_addrs.rst). Addresses
//! and sizes are in bytes unless a method says pages.
//!
//! C header: [`include/linux/mm_types.h`](srctree/include/linux/mm_types.h)

use super::{
    flags::{
        AdviceFlags,
        VmaFlags, //
    },
    level::{
        Level,
        ReadFields,
        Stable,
        WriteMost, //
    },
    page_prot::PageProt,
    Vma, //
};
use crate::{
    bindings,
    error::{
        code::EINVAL,
        Result, //
    },
    fs::LocalFile,
    mm::Mm, //
};
use core::ptr::addr_of;

/// Virtual layout fields. They are written with the reverse mapping locked as well, and only
/// together with the trees that are sorted by them, so there is no setter.
impl<L: Level> Vma<L> {
    /// The first address of the VMA (C: `vm_start`).
    #[doc(alias = "vm_start")]
    #[inline]
    pub fn start(&self) -> usize
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive, and by `L: ReadFields` nobody writes this field.
        unsafe { (*self.as_raw()).__bindgen_anon_1.__bindgen_anon_1.vm_start }
    }

    /// The first address after the VMA (C: `vm_end`).
    #[doc(alias = "vm_end")]
    #[inline]
    pub fn end(&self) -> usize
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive, and by `L: ReadFields` nobody writes this field.
        unsafe { (*self.as_raw()).__bindgen_anon_1.__bindgen_anon_1.vm_end }
    }

    /// Where the VMA starts in its file, in pages (C: `vm_pgoff`).
    ///
    /// Of a VMA without a file it is the page number of the address at which it was created.
    #[doc(alias = "vm_pgoff")]
    #[inline]
    pub fn pgoff(&self) -> usize
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive, and by `L: ReadFields` nobody writes this field.
        unsafe { (*self.as_raw()).vm_pgoff }
    }
}

/// Core fields.
impl<L: Level> Vma<L> {
    /// The address space that the VMA belongs to (C: `vm_mm`).
    ///
    /// It is written once, before the VMA is attached. To take locks of it from here would be to
    /// take them in the wrong order, so this is not an [`MmWithUser`](crate::mm::MmWithUser); the
    /// guard has that one.
    #[doc(alias = "vm_mm")]
    #[inline]
    pub fn mm(&self) -> &Mm
    where
        L: Stable,
    {
        // SAFETY: The VMA is alive and attached, so this field is not written. An attached VMA
        // keeps its `mm_struct` allocated: `exit_mmap()` detaches it before that is freed. By `L:
        // Stable` it stays attached while `self` is borrowed.
        unsafe { Mm::from_raw((*self.as_raw()).vm_mm) }
    }

    /// The flags (C: `vm_flags`, `vma_flags_t flags`).
    ///
    /// Flags are written under the VMA write lock, with one exception that a read lock does not
    /// keep out: [`VmaFlag::MAYBE_GUARD`](super::VmaFlag::MAYBE_GUARD) is set by an atomic bit
    /// operation under a VMA or mmap *read* lock (`vma_set_atomic_flag()`). So this is one
    /// volatile load (`READ_ONCE()`), and that bit can change from one call to the next.
    #[doc(alias = "vm_flags")]
    #[inline]
    pub fn flags(&self) -> VmaFlags
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive. By `L: ReadFields` the word is not written plainly at the same
        // time; an atomic bit operation does not tear a volatile load of an aligned word.
        VmaFlags::from_word(unsafe {
            addr_of!((*self.as_raw()).__bindgen_anon_2.vm_flags).read_volatile()
        })
    }

    /// Sets flags (C: `vm_flags_set()`).
    ///
    /// Only flags that userspace could set itself, by `madvise()`, on any mapping. The others
    /// belong to the kernel's own operations or to the driver that set the mapping up.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::vma::{AdviceFlags, Vma, WriteMost};
    ///
    /// fn is_secret<L: WriteMost>(vma: &Vma<L>) {
    ///     vma.set_flags(AdviceFlags::DONTDUMP | AdviceFlags::DONTCOPY);
    /// }
    /// ```
    #[doc(alias = "vm_flags_set")]
    #[inline]
    pub fn set_flags(&self, flags: AdviceFlags)
    where
        L: WriteMost,
    {
        // SAFETY: The VMA is alive. By `L: WriteMost` readers, among them whoever sets a flag
        // atomically, are excluded, and this task has the only view. It is what
        // `madvise_update_vma()` does to any VMA for these flags, under the same locks.
        unsafe { (*self.as_raw()).__bindgen_anon_2.flags.__vma_flags[0] |= flags.word() };
    }

    /// Clears flags (C: `vm_flags_clear()`).
    ///
    /// # Errors
    ///
    /// `EINVAL`, and nothing is changed, where `madvise()` refuses it too, because the mapping's
    /// driver or the kernel relies on the flag: [`DONTCOPY`](AdviceFlags::DONTCOPY) of a VMA with
    /// one of the flags IO, DONTEXPAND, PFNMAP and MIXEDMAP (C: `VM_SPECIAL`), and
    /// [`DONTDUMP`](AdviceFlags::DONTDUMP) of one of these (unless it is HUGETLB) or with
    /// DROPPABLE.
    #[doc(alias = "vm_flags_clear")]
    #[inline]
    pub fn clear_flags(&self, flags: AdviceFlags) -> Result
    where
        L: WriteMost,
    {
        if !flags.can_be_cleared_from(self.flags()) {
            return Err(EINVAL);
        }

        // SAFETY: As in `set_flags()`.
        unsafe { (*self.as_raw()).__bindgen_anon_2.flags.__vma_flags[0] &= !flags.word() };
        Ok(())
    }

    /// The page protection that new page table entries get (C: `vm_page_prot`).
    #[doc(alias = "vm_page_prot")]
    #[inline]
    pub fn page_prot(&self) -> PageProt
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive, and by `L: ReadFields` nobody writes this field. Some rmap
        // code reads it without a lock, so C writes it with `WRITE_ONCE()`; a plain load does not
        // mind.
        PageProt::from_raw(unsafe { (*self.as_raw()).vm_page_prot })
    }

    /// Sets the page protection that new page table entries get (C: `vm_page_prot`).
    ///
    /// Page table entries that exist already keep theirs.
    ///
    /// # Safety
    ///
    /// The locks are not enough. `prot` becomes the protection of every page that is faulted in
    /// from now on, so:
    ///
    /// - it must not permit an access that the VMA's flags do not permit;
    /// - it must not make those pages writable without a fault if the kernel needs that fault to
    ///   keep private or shared pages apart or to track dirty ones (`vma_wants_writenotify()`);
    /// - its memory type must be one that these pages may be mapped with, beside the mappings that
    ///   already exist.
    #[doc(alias = "vm_page_prot")]
    #[inline]
    pub unsafe fn set_page_prot(&self, prot: PageProt)
    where
        L: WriteMost,
    {
        // SAFETY: The VMA is alive, and by `L: WriteMost` this task may write the field. The
        // volatile store is the `WRITE_ONCE()` of `vma_set_page_prot()`, for readers that hold an
        // rmap lock only. The caller answers for the value.
        unsafe { (&raw mut (*self.as_raw()).vm_page_prot).write_volatile(prot.into_raw()) };
    }

    /// Sets the page protection to what the flags ask for (C: `vma_set_page_prot()`).
    ///
    /// The memory type stays as it is. To be called after flags changed that the protection
    /// depends on.
    #[doc(alias = "vma_set_page_prot")]
    pub fn update_page_prot(&self)
    where
        L: WriteMost,
    {
        // SAFETY: The VMA is alive and attached, and by `L: WriteMost` this task may write the
        // field.
        unsafe { bindings::vma_set_page_prot(self.as_raw()) };
    }

    /// The file that is mapped, if any (C: `vm_file`).
    ///
    /// It is written once, before the VMA is attached. To keep the file for longer than the view,
    /// take a reference: `ARef::from(file)`.
    #[doc(alias = "vm_file")]
    #[inline]
    pub fn file(&self) -> Option<&LocalFile>
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive and attached, so this field is not written.
        let file = unsafe { (*self.as_raw()).vm_file };

        // SAFETY: The VMA has a reference to its file, which is dropped after it was detached; by
        // `L: ReadFields` that is not while `self` is borrowed. As for `LocalFile::fget()`: an
        // `fdget_pos()` that began after the file was mapped has seen that reference and taken
        // `f_pos_lock`; one from before, by a task that shares its descriptors with nobody, is
        // still going on only if it is that task that runs this code. (`pidfd_getfd()` defeats
        // this in C, too; nothing in `LocalFile` reaches the file position.)
        (!file.is_null()).then(|| unsafe { LocalFile::from_raw_file(file) })
    }
}
