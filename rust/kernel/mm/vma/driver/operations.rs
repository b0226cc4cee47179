// SPDX-License-Identifier: GPL-2.0

//! The operations of a driver's VMAs.

mod access_buffer;
pub(super) mod callbacks;
mod data_of;
mod private_data;
mod table;

pub use self::{
    access_buffer::{
        AccessBuffer,
        AccessBytes,
        AccessReply, //
    },
    data_of::DataOf,
    private_data::PrivateData,
    table::{
        OperationsTable,
        VmOpsTable, //
    },
};

use super::{
    DriverVma,
    Fault,
    FaultOutcome,
    Hook,
    HugeFault,
    HugeFaultOutcome,
    MapPages,
    MkWrite,
    MkWriteOutcome,
    PageKind, //
};
use crate::{
    error::VTABLE_DEFAULT_ERROR,
    fs::LocalFile,
    mm::vma::{
        Closing,
        MmapRead,
        MmapWrite,
        Opening,
        Read,
        VmaFlags,
        VmaWrite, //
    },
    prelude::*,
    types::ForeignOwnable, //
};
use core::ops::Range;

/// The operations of a driver on its VMAs (C: `struct vm_operations_struct`).
///
/// Callbacks that are not implemented are NULL in C, except `open` and `close`, in which the
/// private data is counted, and `mapped` of [`ViaMmapPrepare`](super::ViaMmapPrepare), in which the
/// VMA gets it.
///
/// The `impl` needs the attribute [`#[vtable]`](macro@vtable), which tells the callbacks that are
/// implemented from the others. Where it is forgotten rustc says that `USE_VTABLE_ATTR` and
/// `OwnerModule` are missing (E0046): do not implement these, add `#[vtable]`.
///
/// All callbacks run in process context and may sleep, but for [`map_pages`](Self::map_pages).
///
/// # Examples
///
/// Pages that are made when they are first accessed, and shared by all mappings of the file:
///
/// ```
/// use kernel::{
///     mm::vma::{
///         driver::{Fault, FaultOutcome, Plain, SharedPage, ViaMmap, VmaOperations},
///         DriverVma, //
///     },
///     new_mutex,
///     prelude::*,
///     sync::{Arc, Mutex}, //
/// };
///
/// #[pin_data]
/// struct Buffer {
///     #[pin]
///     pages: Mutex<KVec<Option<SharedPage>>>,
/// }
///
/// struct BufferOps;
/// kernel::vm_operations!(BufferOps);
///
/// #[vtable]
/// impl VmaOperations for BufferOps {
///     type Data = Arc<Buffer>;
///     type PageKind = Plain;
///     type Hook = ViaMmap;
///
///     fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
///         let buffer = Arc::from(fault.vma().data());
///         let mut pages = buffer.pages.lock();
///
///         let Some(slot) = pages.get_mut(fault.pgoff()) else {
///             return fault.sigbus();
///         };
///         if slot.is_none() {
///             match SharedPage::new(GFP_KERNEL_ACCOUNT) {
///                 Ok(page) => *slot = Some(page),
///                 Err(e) => return fault.error(e.into()),
///             }
///         }
///         match slot {
///             Some(page) => fault.page(page),
///             None => fault.sigbus(),
///         }
///     }
/// }
/// # let _ = Arc::pin_init(
/// #     pin_init!(Buffer { pages <- new_mutex!(KVec::new()) }),
/// #     GFP_KERNEL,
/// # )?;
/// # Ok::<(), Error>(())
/// ```
#[vtable]
pub trait VmaOperations: Sized + 'static {
    /// The private data of each VMA (C: `vm_private_data`).
    ///
    /// For the kind [`PfnMap`](super::PfnMap) it has the page frames, see
    /// [`PfnBacked`](super::PfnBacked).
    type Data: DataOf<Self::PageKind>;

    /// The kind of pages of the VMAs.
    type PageKind: PageKind;

    /// The hook that sets the VMAs up.
    type Hook: Hook;

    /// Called when a VMA is duplicated by fork, split or `mremap()`.
    ///
    /// The new VMA already has its share of the data. Not called for the first mapping, which the
    /// mmap hook made.
    ///
    /// Context: the mmap write lock of the new VMA's mm (on fork, not of current's). No other task
    /// can find the VMA: `dup_mmap()`, `__split_vma()`, `copy_vma()`.
    fn open(_vma: &DriverVma<Self, Opening>) {}

    /// Called when the VMA goes away. Its pages are unmapped, and its data is dropped afterwards.
    ///
    /// Needs an [`open`](Self::open), which a `const` assertion of the table asks for: the VMAs
    /// that `open` announces are closed, too. A driver that counts its VMAs counts one in the mmap
    /// hook or in [`mapped`](Self::mapped), one in each `open`, and takes one away in each `close`:
    ///
    /// - fork, split and `mremap()` call `open` for the new VMA, and `close` if they fail after
    ///   that (`dup_mmap()`, `__split_vma()`, `copy_vma()`).
    /// - A merge takes no VMA of a driver away, because C keeps those that have a `close`
    ///   (`can_merge_remove_vma()`). One that is enlarged, see [`kind`](super::kind), is still one.
    /// - If `mmap()` fails after the hook has succeeded C calls `close`. If the hook itself fails
    ///   it does not: the hook takes back what it counted.
    ///
    /// Context: the mmap lock, for writing, or for reading after `munmap()` has downgraded it. The
    /// VMA is detached. At the exit of a process the address space has no users, so it is only
    /// available as an [`Mm`](crate::mm::Mm).
    fn close(_vma: &DriverVma<Self, Closing>) {}

    /// Called when the VMA that `.mmap_prepare` described is mapped.
    ///
    /// Not called for [`ViaMmap`](super::ViaMmap), nor if the mapping was merged with its
    /// neighbour. `data` will be the private data of the VMA.
    ///
    /// It cannot fail, because the VMA may already have page frames, which the kernel cannot always
    /// unmap again. Code that can fail belongs in the hook.
    ///
    /// Context: the mmap write lock and the VMA write lock: `mmap_action_finish()`.
    fn mapped(_data: &Self::Data, _range: &MappedRange<'_>) {}

    /// Called before the VMA is split at `addr`.
    ///
    /// Context: the mmap write lock: `__split_vma()`, `prep_move_vma()`.
    ///
    /// # Errors
    ///
    /// Returning an error makes the split fail with it.
    fn may_split(_vma: &DriverVma<Self, MmapWrite>, _addr: usize) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called when `mremap()` has moved the pages of another VMA into this one.
    ///
    /// [`open`](Self::open) was called for it before, unless it is an older VMA that was enlarged.
    ///
    /// Context: the mmap write lock and the VMA write lock: `copy_vma_and_data()`.
    ///
    /// # Errors
    ///
    /// Returning an error moves the pages back, and makes `mremap()` fail with it.
    fn mremap(_vma: &DriverVma<Self, VmaWrite>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called before `mprotect()` gives `range`, which lies in the VMA, the flags `new`.
    ///
    /// Not called if the entries of the VMA have several memory types: `mprotect()` is `EACCES`
    /// then, see [`Pieces`](super::Pieces).
    ///
    /// Context: the mmap write lock: `do_mprotect_pkey()`.
    ///
    /// # Errors
    ///
    /// Returning an error makes `mprotect()` fail with it.
    fn mprotect(_vma: &DriverVma<Self, MmapWrite>, _range: Range<usize>, _new: VmaFlags) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called when a page that is not mapped is accessed.
    ///
    /// Context: the mmap lock or the VMA lock, for reading: `__do_fault()`. It is the VMA lock only
    /// if there is a [`map_pages`](Self::map_pages), see `vmf_can_call_fault()`.
    fn fault<'a>(_fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Like [`fault`](Self::fault), where a huge page could be mapped.
    ///
    /// Called only with `CONFIG_TRANSPARENT_HUGEPAGE`, and if a huge page around the address fits
    /// in the VMA.
    fn huge_fault<'a>(_fault: HugeFault<'a, Self>) -> HugeFaultOutcome<'a> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called when a page that is not mapped is read, to map existing pages around it.
    ///
    /// Runs in an RCU read-side critical section (`do_fault_around()`) and must not sleep. Pages
    /// that it does not map are left to [`fault`](Self::fault).
    fn map_pages(_around: &mut MapPages<'_, Self>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called before a page that is mapped read-only is written to, in a shared mapping.
    ///
    /// Context: the mmap lock or the VMA lock, for reading: `do_page_mkwrite()`.
    fn page_mkwrite<'a>(_fault: MkWrite<'a, Self>) -> MkWriteOutcome<'a> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Like [`page_mkwrite`](Self::page_mkwrite), for a page frame: `wp_pfn_shared()`.
    fn pfn_mkwrite<'a>(_fault: MkWrite<'a, Self>) -> MkWriteOutcome<'a> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Reads or writes memory for another process, such as a debugger.
    ///
    /// Called for memory that cannot be pinned: all of a VMA with [`IO`] or of the kind
    /// [`PfnMap`](super::PfnMap), and what could not be faulted in. `addr` is in the VMA, and the
    /// buffer not longer than the rest of it. C gets the number of bytes that were appended to the
    /// buffer or taken from it, and calls again for the rest. Called only with
    /// `CONFIG_HAVE_IOREMAP_PROT`.
    ///
    /// C does not check permissions before it calls (`__access_remote_vm()`), and does not say
    /// whether the access is forced (`FOLL_FORCE`), as those of ptrace() are. So this is called:
    ///
    /// - for a write if the VMA is shared and `VM_WRITE`. Elsewhere a forced write goes to a
    ///   private copy of the page (`check_vma_flags()`), which a driver cannot make.
    /// - for a read if the VMA is `VM_MAYREAD`, as for a forced read of a page.
    ///
    /// Context: the mmap read lock: `__access_remote_vm()`.
    ///
    /// # Errors
    ///
    /// Returning an error ends the access with the bytes of earlier calls. The buffer is not used.
    ///
    /// [`IO`]: super::SetupFlags::IO
    fn access(
        _vma: &DriverVma<Self, MmapRead>,
        _addr: usize,
        _buffer: &mut AccessBuffer<'_>,
    ) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Returns the name that `/proc/PID/maps` shows in place of a path. A VMA with a name is always
    /// part of core dumps.
    ///
    /// Context: the mmap lock or the VMA lock: `get_vma_name()`, `always_dump_vma()`.
    fn name(_vma: &DriverVma<Self, Read>) -> Option<&CStr> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// The range at which a VMA was mapped.
pub struct MappedRange<'a> {
    /// The addresses of the VMA.
    pub addrs: Range<usize>,
    /// The offset of the VMA in the file, in pages.
    pub pgoff: usize,
    /// The file.
    pub file: Option<&'a LocalFile>,
}

/// The private data of a VMA, borrowed.
pub(super) type Borrowed<'a, T> = <<T as VmaOperations>::Data as ForeignOwnable>::Borrowed<'a>;
