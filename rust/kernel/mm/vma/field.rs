// SPDX-License-Identifier: GPL-2.0

//! The fields of a VMA, each read and written at the levels that the tables ask for.
//!
//! The table above each `impl` block is one of "VMA fields" in
//! [`Documentation/mm/process_addrs.rst`](srctree/Documentation/mm/process_addrs.rst). A row names
//! the methods that read and write a field, and the bound `L:` of a method is the capability that
//! the level must have. `make conformance` compares both with the document.
//!
//! - `racy` is a volatile load of a field that may change concurrently, `rcu` a method of
//!   `UnstableVma`, which needs no lock. The method that reads an `atomic` field also writes it.
//! - A field that has no writer is written `once`, before the VMA can be found; it belongs to the
//!   `driver` that owns the VMA; or a writer is `withheld`, because locks are not enough for it:
//!   `withheld.rs` has the compiler's message for an attempt.
//!
//! Addresses and sizes are in bytes unless a method says pages.
//!
//! C header: [`include/linux/mm_types.h`](srctree/include/linux/mm_types.h)

mod anon_name;
mod debug;
mod flags;
mod inode_id;
mod name;
#[cfg(CONFIG_NUMA)]
mod numa;
mod ops;
mod page_prot;
mod refcnt;
mod userfaultfd;

#[cfg(all(CONFIG_NUMA_BALANCING, CONFIG_RUST_VMA_MM))]
pub use self::numa::NumabState;
#[cfg(CONFIG_NUMA)]
pub use self::numa::VmaPolicy;
pub use self::{
    anon_name::AnonVmaName,
    flags::{
        AdviceFlags,
        VmaFlag,
        VmaFlags, //
    },
    inode_id::InodeId,
    ops::VmOps,
    page_prot::PageProt,
    refcnt::VmRefcnt,
    userfaultfd::UserfaultfdCtx,
};

#[cfg(all(CONFIG_NUMA, CONFIG_RUST_VMA_MM))]
use super::level::Read;
use super::{
    level::{
        Level,
        ReadFields,
        ReadLayout,
        Stable,
        WriteMost, //
    },
    lock::{
        LockOrder,
        MayReclaim, //
    },
    mm::MmId,
    rmap::AnonVma,
    Vma, //
};
#[cfg(CONFIG_RUST_VMA_MM)]
use crate::bindings;
#[cfg(all(CONFIG_SWAP, CONFIG_RUST_VMA_MM))]
use crate::sync::atomic::Atomic;
use crate::{
    error::{
        code::EINVAL,
        Result, //
    },
    ffi::c_void,
    fs::LocalFile,
    sync::aref::ARef, //
};
use core::ptr::addr_of;

/// Virtual layout fields
///
/// | Field      | Read    | Write    |
/// | ---------- | ------- | -------- |
/// | `vm_start` | `start` | withheld |
/// | `vm_end`   | `end`   | withheld |
/// | `vm_pgoff` | `pgoff` | withheld |
impl<L: Level> Vma<L> {
    /// Returns the first address of the VMA (C: `vm_start`).
    #[doc(alias = "vm_start")]
    #[inline]
    pub fn start(&self) -> usize
    where
        L: ReadLayout,
    {
        // SAFETY: The VMA is alive, and by `L: ReadLayout` nobody writes this field.
        unsafe { (*self.as_raw()).__bindgen_anon_1.__bindgen_anon_1.vm_start }
    }

    /// Returns the first address after the VMA (C: `vm_end`).
    #[doc(alias = "vm_end")]
    #[inline]
    pub fn end(&self) -> usize
    where
        L: ReadLayout,
    {
        // SAFETY: The VMA is alive, and by `L: ReadLayout` nobody writes this field.
        unsafe { (*self.as_raw()).__bindgen_anon_1.__bindgen_anon_1.vm_end }
    }

    /// Returns the offset of the VMA in its file, in pages (C: `vm_pgoff`).
    ///
    /// For a VMA without a file it is the page number of the address at which the VMA was created.
    #[doc(alias = "vm_pgoff")]
    #[inline]
    pub fn pgoff(&self) -> usize
    where
        L: ReadLayout,
    {
        // SAFETY: The VMA is alive, and by `L: ReadLayout` nobody writes this field.
        unsafe { (*self.as_raw()).vm_pgoff }
    }
}

/// Core fields
///
/// | Field             | Read                               | Write                               |
/// | ----------------- | ---------------------------------- | ----------------------------------- |
/// | `vm_mm`           | rcu `mm_addr`, `mm_id`             | once                                |
/// | `vm_page_prot`    | `page_prot`, racy `page_prot_racy` | `set_page_prot`, `update_page_prot` |
/// | `vm_flags`        | `flags`, racy `flags_racy`         |                                     |
/// | `flags`           |                                    | `set_flags`, `clear_flags`          |
/// | `vm_file`         | `file`                             | once                                |
/// | `vm_ops`          | `ops`                              | once                                |
/// | `vm_private_data` | `private_data`                     | driver                              |
impl<L: Level> Vma<L> {
    /// Returns the identity of the address space of the VMA, to compare (C: `vm_mm`).
    ///
    /// It is written once, before the VMA can be found.
    #[doc(alias = "vm_mm")]
    #[inline]
    pub fn mm_id(&self) -> MmId
    where
        L: Stable,
    {
        // SAFETY: The VMA is alive, so this field is not written.
        MmId::from_raw(unsafe { (*self.as_raw()).vm_mm })
    }

    /// Returns the page protection that new page table entries get (C: `vm_page_prot`).
    #[doc(alias = "vm_page_prot")]
    #[inline]
    pub fn page_prot(&self) -> PageProt
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive, and by `L: ReadFields` nobody writes this field. Some rmap code
        // reads it without a lock, so C writes it with `WRITE_ONCE()`. That does not affect a plain
        // load.
        PageProt::from_raw(unsafe { (*self.as_raw()).vm_page_prot })
    }

    /// Returns a snapshot of the page protection (C: `READ_ONCE(vm_page_prot)`).
    ///
    /// For code that holds an rmap lock only. The value may change concurrently, and may not match
    /// flags that are read before or after.
    #[doc(alias = "vm_page_prot")]
    #[inline]
    pub fn page_prot_racy(&self) -> PageProt
    where
        L: Stable,
    {
        // SAFETY: The VMA is alive. C writes this field with `WRITE_ONCE()` once the VMA can be
        // found; this is a volatile load of an aligned word.
        PageProt::from_raw(unsafe { addr_of!((*self.as_raw()).vm_page_prot).read_volatile() })
    }

    /// Sets the page protection that new page table entries get (C: `vm_page_prot`).
    ///
    /// Existing page table entries keep theirs.
    ///
    /// # Safety
    ///
    /// The locks are not enough. `prot` becomes the protection of every page that is faulted in
    /// from now on, so:
    ///
    /// - it must not permit an access that the VMA's flags do not permit;
    /// - it must not make those pages writable without a fault if the kernel needs that fault to
    ///   keep private or shared pages apart or to track dirty ones (`vma_wants_writenotify()`);
    /// - its memory type must be one that these pages may be mapped with, together with the
    ///   existing mappings.
    #[cfg(CONFIG_RUST_VMA_MM)]
    #[doc(alias = "vm_page_prot")]
    #[inline]
    pub unsafe fn set_page_prot(&self, prot: PageProt)
    where
        L: WriteMost,
    {
        // SAFETY: The VMA is alive, and by `L: WriteMost` this task may write the field. The
        // volatile store is the `WRITE_ONCE()` of `vma_set_page_prot()`, for readers that hold an
        // rmap lock only. Guaranteed by the caller: the value permits only accesses that the flags
        // permit.
        unsafe { (&raw mut (*self.as_raw()).vm_page_prot).write_volatile(prot.into_raw()) };
    }

    /// Sets the page protection that the flags imply (C: `vma_set_page_prot()`).
    ///
    /// Keeps the memory type. Call it after a change of flags that the protection depends on.
    #[cfg(CONFIG_RUST_VMA_MM)]
    #[doc(alias = "vma_set_page_prot")]
    pub fn update_page_prot(&self)
    where
        L: WriteMost,
    {
        // SAFETY: The VMA is alive, and by `L: WriteMost` this task may write the field.
        unsafe { set_page_prot_from_flags(self.as_raw()) };
    }

    /// Returns the flags (C: `vm_flags`, `vma_flags_t flags`).
    ///
    /// Flags are written under the VMA write lock, with one exception that a read lock does not
    /// exclude: [`VmaFlag::MAYBE_GUARD`](super::VmaFlag::MAYBE_GUARD) is set by an atomic bit
    /// operation under a VMA or mmap *read* lock (`vma_set_atomic_flag()`). So this is one volatile
    /// load (`READ_ONCE()`), and that bit can change from one call to the next.
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

    /// Returns a snapshot of the flags (C: `READ_ONCE(vm_flags)`).
    ///
    /// For code that holds an rmap lock only. `mprotect()` and `mlock()` change flags concurrently,
    /// so the value is a hint.
    #[doc(alias = "vm_flags")]
    #[inline]
    pub fn flags_racy(&self) -> VmaFlags
    where
        L: Stable,
    {
        // SAFETY: The VMA is alive. This is a volatile load of an aligned word, which writers in C
        // change by one store.
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
    ///     vma.set_flags(AdviceFlags::DONTDUMP | AdviceFlags::RAND_READ);
    /// }
    /// ```
    #[doc(alias = "vm_flags_set")]
    #[inline]
    pub fn set_flags(&self, flags: AdviceFlags)
    where
        L: WriteMost,
    {
        self.store_flags(self.flags() | VmaFlags::from(flags));
    }

    /// Clears flags (C: `vm_flags_clear()`).
    ///
    /// # Errors
    ///
    /// `EINVAL`, and nothing is changed, where `madvise()` refuses it too, because the mapping's
    /// driver or the kernel relies on the flag: [`DONTDUMP`](AdviceFlags::DONTDUMP) of a VMA with
    /// one of the flags IO, DONTEXPAND, PFNMAP and MIXEDMAP (C: `VM_SPECIAL`), unless it is
    /// HUGETLB, or with DROPPABLE.
    #[doc(alias = "vm_flags_clear")]
    #[inline]
    pub fn clear_flags(&self, flags: AdviceFlags) -> Result
    where
        L: WriteMost,
    {
        if !flags.can_be_cleared_from(self.flags()) {
            return Err(EINVAL);
        }

        self.store_flags(self.flags().without(flags.into()));
        Ok(())
    }

    /// Replaces the word of flags by one store, so a racy reader sees either the old or the new
    /// value.
    #[inline]
    fn store_flags(&self, flags: VmaFlags)
    where
        L: WriteMost,
    {
        // SAFETY: The VMA is alive. By `L: WriteMost` other writers are excluded, those that set a
        // flag atomically among them, and this task has the only view, so no flag that was set
        // since `flags` was read is lost. `flags_racy()`, and `READ_ONCE()` in C, may read at the
        // same time; this is a volatile store of an aligned word.
        unsafe {
            (&raw mut (*self.as_raw()).__bindgen_anon_2.flags.__vma_flags[0])
                .write_volatile(flags.word())
        };
    }

    /// Returns the file that is mapped, if any (C: `vm_file`).
    ///
    /// It is written once, before the VMA can be found. To keep the file for longer than the view,
    /// take a reference: `ARef::from(file)`.
    #[doc(alias = "vm_file")]
    #[inline]
    pub fn file(&self) -> Option<&LocalFile>
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive, so this field is not written.
        let file = unsafe { (*self.as_raw()).vm_file };

        // SAFETY: The VMA has a reference to its file, which is dropped after it was detached; by
        // `L: ReadFields` that is not while `self` is borrowed. As for `LocalFile::fget()`: an
        // `fdget_pos()` that began after the file was mapped has seen that reference and taken
        // `f_pos_lock`; one from before, by a task that shares its descriptors with nobody, is
        // still going on only if it is that task that runs this code. (`pidfd_getfd()` defeats this
        // in C, too; nothing in `LocalFile` reaches the file position.)
        (!file.is_null()).then(|| unsafe { LocalFile::from_raw_file(file) })
    }

    /// Returns the operations of the driver or file system that set the VMA up, if any (C:
    /// `vm_ops`).
    ///
    /// They are written before the VMA can be found, and replaced by empty ones (`vma_close()`)
    /// only after it was detached.
    #[doc(alias = "vm_ops")]
    #[inline]
    pub fn ops(&self) -> Option<&VmOps>
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive and by `L: ReadFields` this field is not written. The table
        // lives as long as the VMA: the VMA's file keeps the module that has it.
        unsafe { VmOps::from_raw((*self.as_raw()).vm_ops) }
    }

    /// Returns the private data of the VMA's driver, as a pointer that only the driver can
    /// interpret (C: `vm_private_data`).
    #[doc(alias = "vm_private_data")]
    #[inline]
    pub fn private_data(&self) -> *mut c_void
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive. The driver writes this field under its own rules; this is a
        // volatile load of an aligned word.
        unsafe { addr_of!((*self.as_raw()).vm_private_data).read_volatile() }
    }
}

/// Config-specific fields
///
/// | Field                 | Option                  | Read                  | Write           |
/// | --------------------- | ----------------------- | --------------------- | --------------- |
/// | `anon_name`           | `CONFIG_ANON_VMA_NAME`  | `anon_name`           | `set_anon_name` |
/// | `swap_readahead_info` | `CONFIG_SWAP`           | `swap_readahead_info` | atomic          |
/// | `vm_policy`           | `CONFIG_NUMA`           | `policy`              | `copy_policy`   |
/// | `numab_state`         | `CONFIG_NUMA_BALANCING` | `numab_state`         | withheld        |
/// | `vm_userfaultfd_ctx`  | `CONFIG_USERFAULTFD`    | `userfaultfd_ctx`     | withheld        |
impl<L: Level> Vma<L> {
    /// Returns the name that userspace gave to the mapping, if any (C: `anon_vma_name()`).
    ///
    /// The name is counted, not borrowed, because a setter may replace it while the view lives.
    /// Returns `None` without `CONFIG_ANON_VMA_NAME`.
    #[doc(alias = "anon_vma_name")]
    #[inline]
    pub fn anon_name(&self) -> Option<ARef<AnonVmaName>>
    where
        L: ReadFields,
    {
        #[cfg(CONFIG_ANON_VMA_NAME)]
        // SAFETY: The VMA is alive, and by `L: ReadFields` nobody writes this field, so the VMA's
        // reference to the name is not dropped meanwhile.
        unsafe {
            AnonVmaName::get((*self.as_raw()).anon_name)
        }
        #[cfg(not(CONFIG_ANON_VMA_NAME))]
        None
    }

    /// Sets the name of the mapping, or removes it (C: `replace_anon_vma_name()`).
    ///
    /// May sleep, for memory: the order says that no reverse-mapping lock is held, for which
    /// reclaim could wait.
    ///
    /// # Errors
    ///
    /// `EBADF` where `prctl(PR_SET_VMA)` refuses it too: if the VMA has a file that is not
    /// anonymous shared memory. `ENOMEM` if the name is in use so often that it has to be copied,
    /// and there is no memory. `EINVAL` without `CONFIG_ANON_VMA_NAME`. The name is unchanged then.
    #[doc(alias = "replace_anon_vma_name")]
    pub fn set_anon_name(
        &self,
        _order: &mut LockOrder<'_, impl MayReclaim>,
        name: Option<&AnonVmaName>,
    ) -> Result
    where
        L: WriteMost,
    {
        #[cfg(CONFIG_ANON_VMA_NAME)]
        // SAFETY: The VMA is alive and by `L: WriteMost` this task may write the field.
        unsafe {
            anon_name::replace(self.as_raw(), name)
        }
        #[cfg(not(CONFIG_ANON_VMA_NAME))]
        {
            let _ = name;
            Err(EINVAL)
        }
    }

    /// Returns the state from which the swap code decides how much to read ahead (C:
    /// `swap_readahead_info`).
    ///
    /// A hint: any value is valid.
    #[cfg(all(CONFIG_SWAP, CONFIG_RUST_VMA_MM))]
    #[inline]
    pub fn swap_readahead_info(&self) -> &Atomic<isize>
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive while `self` is borrowed, the field is an `atomic_long_t`, and
        // all accesses to it are atomic.
        unsafe { Atomic::from_ptr((&raw mut (*self.as_raw()).swap_readahead_info.counter).cast()) }
    }

    /// Returns the NUMA policy of the mapping, if it has its own (C: `vm_policy`).
    ///
    /// The policy is counted, not borrowed, because a setter may replace it while the view lives.
    #[cfg(CONFIG_NUMA)]
    #[doc(alias = "mempolicy")]
    #[inline]
    pub fn policy(&self) -> Option<ARef<VmaPolicy>>
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive, and by `L: ReadFields` nobody writes this field, so the VMA's
        // reference to the policy is not dropped meanwhile.
        unsafe { VmaPolicy::get((*self.as_raw()).vm_policy) }
    }

    /// Sets the policy of the mapping to a copy of another one's, or removes it (C:
    /// `vma_replace_policy()`).
    ///
    /// May sleep, for memory: the order says that no reverse-mapping lock is held, for which
    /// reclaim could wait.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `from` belongs to another address space; `ENOMEM`; or what
    /// `vm_ops->set_policy()` returned. The policy is unchanged then.
    #[cfg(all(CONFIG_NUMA, CONFIG_RUST_VMA_MM))]
    #[doc(alias = "vma_replace_policy")]
    pub fn copy_policy(
        &self,
        _order: &mut LockOrder<'_, impl MayReclaim>,
        from: Option<&Vma<Read>>,
    ) -> Result
    where
        L: WriteMost,
    {
        // `mpol_rebind_mm()` rewrites the node mask of a policy under the mmap write lock of its
        // own mm, which is excluded only for this mm.
        if from.is_some_and(|from| !core::ptr::eq(from.mm(), self.mm())) {
            return Err(EINVAL);
        }

        // SAFETY: The VMA is alive, and by `L: WriteMost` this task may write the field. `from` is
        // alive, too. The mmap write lock of both is held, so neither policy is replaced or
        // rebound.
        unsafe { numa::replace_policy(self.as_raw(), from.map(Vma::as_raw)) }
    }

    /// Returns the state of NUMA balancing of the mapping, if any (C: `numab_state`).
    ///
    /// The state is copied, because NUMA balancing changes it concurrently.
    #[cfg(all(CONFIG_NUMA_BALANCING, CONFIG_RUST_VMA_MM))]
    #[inline]
    pub fn numab_state(&self) -> Option<NumabState>
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive. `task_numa_work()` sets the pointer once, by `cmpxchg()`, and
        // what it points to is freed with the VMA.
        unsafe { NumabState::read(addr_of!((*self.as_raw()).numab_state).read_volatile()) }
    }

    /// Returns the userfaultfd that the mapping is registered with, if any, to compare (C:
    /// `vm_userfaultfd_ctx`).
    ///
    /// `None` without `CONFIG_USERFAULTFD`.
    #[inline]
    pub fn userfaultfd_ctx(&self) -> Option<UserfaultfdCtx>
    where
        L: ReadFields,
    {
        #[cfg(CONFIG_USERFAULTFD)]
        {
            // SAFETY: The VMA is alive, and by `L: ReadFields` nobody writes this field.
            UserfaultfdCtx::from_raw(unsafe { (*self.as_raw()).vm_userfaultfd_ctx.ctx })
        }
        #[cfg(not(CONFIG_USERFAULTFD))]
        None
    }
}

/// Reverse mapping fields
///
/// | Field                    | Read       | Write    |
/// | ------------------------ | ---------- | -------- |
/// | `shared.rb`              |            | withheld |
/// | `shared.rb_subtree_last` |            | withheld |
/// | `anon_vma_chain`         |            | withheld |
/// | `anon_vma`               | `anon_vma` | withheld |
impl<L: Level> Vma<L> {
    /// Returns the anonymous reverse mapping of the VMA's own pages, if it has one (C: `anon_vma`).
    ///
    /// A VMA gets one concurrently, with its first anonymous page, under a read lock. It then keeps
    /// it while `self` is borrowed.
    #[inline]
    pub fn anon_vma(&self) -> Option<&AnonVma>
    where
        L: ReadFields,
    {
        // SAFETY: The VMA is alive. `__anon_vma_prepare()` sets the field from NULL by a release
        // store under a read lock; this volatile load orders what depends on it.
        let anon_vma = unsafe { addr_of!((*self.as_raw()).anon_vma).read_volatile() };

        // SAFETY: It is reset under the mmap and VMA write locks, which `L: ReadFields` excludes or
        // has, and put after that.
        (!anon_vma.is_null()).then(|| unsafe { AnonVma::from_raw(anon_vma) })
    }
}

/// Lock fields
///
/// | Field            | Option                    | Read                        | Write    |
/// | ---------------- | ------------------------- | --------------------------- | -------- |
/// | `vm_lock_seq`    | `CONFIG_PER_VMA_LOCK`     | rcu `lock_seq`              | withheld |
/// | `vm_refcnt`      | `CONFIG_PER_VMA_LOCK`     | rcu `refcnt`, racy `refcnt` | withheld |
/// | `vmlock_dep_map` | `CONFIG_DEBUG_LOCK_ALLOC` |                             | withheld |
///
/// Fields of other code
///
/// | Field                | Write    | Description                                   |
/// | -------------------- | -------- | --------------------------------------------- |
/// | `vm_freeptr`         | withheld | free list of the slab allocator               |
/// | `__vm_anon_pgoff_lo` | withheld | see `vma_start_anon_pgoff()`                  |
/// | `__vm_anon_pgoff_hi` | withheld | see `vma_start_anon_pgoff()`                  |
/// | `vm_region`          | withheld | only in kernels without MMU                   |
/// | `pfnmap_track_ctx`   | withheld | memory type that `remap_pfn_range()` reserved |
impl<L: Level> Vma<L> {
    /// Returns the state of the VMA lock, or `None` without `CONFIG_PER_VMA_LOCK` (C: `vm_refcnt`).
    #[doc(alias = "vm_refcnt")]
    pub fn refcnt(&self) -> Option<VmRefcnt>
    where
        L: Stable,
    {
        #[cfg(CONFIG_PER_VMA_LOCK)]
        {
            let vma = self.as_raw();

            // SAFETY: The VMA is alive, and so is its mm. The three numbers are changed
            // concurrently, atomically or by `WRITE_ONCE()`; these are volatile loads of aligned
            // 32-bit words.
            let (refcnt, vma_seq, mm_seq) = unsafe {
                let mm = (*vma).vm_mm;

                (
                    addr_of!((*vma).vm_refcnt.refs.counter).read_volatile(),
                    addr_of!((*vma).vm_lock_seq).read_volatile(),
                    addr_of!((*mm).__bindgen_anon_1.mm_lock_seq.sequence).read_volatile(),
                )
            };

            Some(VmRefcnt::decode(refcnt, vma_seq == mm_seq))
        }
        #[cfg(not(CONFIG_PER_VMA_LOCK))]
        None
    }
}

/// Calls `vma_set_page_prot()`, which is not exported: modules reach it through the crate.
///
/// # Safety
///
/// `vma` must point to a VMA that is not freed during the call, and the calling task must hold the
/// mmap and VMA write locks of it.
#[cfg(CONFIG_RUST_VMA_MM)]
#[inline(never)]
unsafe fn set_page_prot_from_flags(vma: *mut bindings::vm_area_struct) {
    // SAFETY: Guaranteed by the caller: the VMA is alive, and this task may write the field.
    unsafe { bindings::vma_set_page_prot(vma) };
}
