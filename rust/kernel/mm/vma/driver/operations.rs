// SPDX-License-Identifier: GPL-2.0

//! What a driver does with its VMAs.

use super::{
    AccessBuffer,
    DataOf,
    DriverVma,
    Fault,
    FaultOutcome,
    Hook,
    HugeFault,
    HugeFaultOutcome,
    MapPages,
    MkWrite,
    MkWriteOutcome, //
    PageKind,
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
    /// What each VMA owns (C: `vm_private_data`).
    ///
    /// For the kind [`PfnMap`](super::PfnMap) it has the page frames, see
    /// [`PfnBacked`](super::PfnBacked).
    type Data: DataOf<Self::PageKind>;

    /// What pages the VMAs have.
    type PageKind: PageKind;

    /// By which hook the VMAs are set up.
    type Hook: Hook;

    /// There is a new VMA: a copy of another one, by fork, split or `mremap()`.
    ///
    /// It has a share of the other one's data already. Not called for the first mapping, which the
    /// mmap hook has made.
    ///
    /// Held is the mmap write lock of the VMA's address space, which in a fork is not the caller's.
    /// Nobody else can find the VMA: `dup_mmap()`, `__split_vma()`, `copy_vma()`.
    fn open(_vma: &DriverVma<Self, Opening>) {}

    /// The VMA goes away. Its pages are unmapped, its data is dropped after this.
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
    /// Held is the mmap lock: for writing, or, after `munmap()` has downgraded it, for reading. The
    /// VMA is not in the address space any more. At the exit of a process the address space has no
    /// users left, so it can be had as an [`Mm`](crate::mm::Mm) only.
    fn close(_vma: &DriverVma<Self, Closing>) {}

    /// The VMA that `.mmap_prepare` has described is mapped.
    ///
    /// Not called for [`ViaMmap`](super::ViaMmap), nor if the mapping was merged with its
    /// neighbour. `data` is what the VMA is going to own.
    ///
    /// It cannot fail: the VMA may have page frames already, and the kernel does not always succeed
    /// in unmapping it again. What can fail belongs in the hook.
    ///
    /// Held are the mmap write lock and the VMA write lock: `mmap_action_finish()`.
    fn mapped(_data: &Self::Data, _range: &MappedRange<'_>) {}

    /// The VMA is going to be split at `addr`.
    ///
    /// Held is the mmap write lock: `__split_vma()`, `prep_move_vma()`.
    ///
    /// # Errors
    ///
    /// What wanted to split fails with this error.
    fn may_split(_vma: &DriverVma<Self, MmapWrite>, _addr: usize) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// The pages of another VMA were moved into this one by `mremap()`.
    ///
    /// [`open`](Self::open) was called for it before, unless it is an older VMA that was enlarged.
    ///
    /// Held are the mmap write lock and the VMA write lock: `copy_vma_and_data()`.
    ///
    /// # Errors
    ///
    /// The pages are moved back, and `mremap()` fails with this error.
    fn mremap(_vma: &DriverVma<Self, VmaWrite>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `mprotect()` is going to give `range`, which lies in the VMA, the flags `new`.
    ///
    /// Held is the mmap write lock: `do_mprotect_pkey()`.
    ///
    /// # Errors
    ///
    /// `mprotect()` fails with this error.
    fn mprotect(_vma: &DriverVma<Self, MmapWrite>, _range: Range<usize>, _new: VmaFlags) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// A page that is not mapped was accessed.
    ///
    /// Held is the mmap lock or the VMA lock, for reading: `__do_fault()`. It is the VMA lock only
    /// if there is a [`map_pages`](Self::map_pages), see `vmf_can_call_fault()`.
    fn fault<'a>(_fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Like [`fault`](Self::fault), where a huge page could be mapped.
    ///
    /// Only called with `CONFIG_TRANSPARENT_HUGEPAGE`, and if the VMA has room for a huge page
    /// around the address.
    fn huge_fault<'a>(_fault: HugeFault<'a, Self>) -> HugeFaultOutcome<'a> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// A page was read that is not mapped; this maps those around it that are there already.
    ///
    /// Runs in an RCU read-side critical section (`do_fault_around()`) and must not sleep. What is
    /// not mapped here comes as a [`fault`](Self::fault).
    fn map_pages(_around: &mut MapPages<'_, Self>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// A page that is mapped read-only is going to be written to, in a shared mapping.
    ///
    /// Held is the mmap lock or the VMA lock, for reading: `do_page_mkwrite()`.
    fn page_mkwrite<'a>(_fault: MkWrite<'a, Self>) -> MkWriteOutcome<'a> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Like [`page_mkwrite`](Self::page_mkwrite), for a page frame: `wp_pfn_shared()`.
    fn pfn_mkwrite<'a>(_fault: MkWrite<'a, Self>) -> MkWriteOutcome<'a> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Reads or writes memory for another process, a debugger perhaps.
    ///
    /// Called for memory that cannot be pinned: all of a VMA with [`IO`] or of the kind
    /// [`PfnMap`](super::PfnMap), and what could not be faulted in. `addr` is in the VMA, and the
    /// buffer not longer than the rest of it. C is told how many bytes were appended to the buffer,
    /// or taken from it; it comes again for the rest. Only where `CONFIG_HAVE_IOREMAP_PROT` is set.
    ///
    /// C does not check permissions before it calls (`__access_remote_vm()`), and does not say
    /// whether the access is forced (`FOLL_FORCE`), as those of ptrace() are. So this is called:
    ///
    /// - for a write if the VMA is shared and `VM_WRITE`. Elsewhere a forced write goes to a
    ///   private copy of the page (`check_vma_flags()`), which a driver cannot make.
    /// - for a read if the VMA is `VM_MAYREAD`, as for a forced read of a page.
    ///
    /// Held is the mmap read lock: `__access_remote_vm()`.
    ///
    /// # Errors
    ///
    /// The access ends with what was read or written before. Nothing of the buffer is used.
    ///
    /// [`IO`]: super::SetupFlags::IO
    fn access(
        _vma: &DriverVma<Self, MmapRead>,
        _addr: usize,
        _buffer: &mut AccessBuffer<'_>,
    ) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// What `/proc/PID/maps` shows in the place of a path. A VMA with a name is always part of core
    /// dumps.
    ///
    /// Held is the mmap lock or the VMA lock: `get_vma_name()`, `always_dump_vma()`.
    fn name(_vma: &DriverVma<Self, Read>) -> Option<&CStr> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// Where a VMA was mapped.
pub struct MappedRange<'a> {
    /// Its addresses.
    pub addrs: Range<usize>,
    /// Where it starts in the file, in pages.
    pub pgoff: usize,
    /// The file.
    pub file: Option<&'a LocalFile>,
}

/// What a VMA owns, borrowed.
pub(super) type Borrowed<'a, T> = <<T as VmaOperations>::Data as ForeignOwnable>::Borrowed<'a>;
