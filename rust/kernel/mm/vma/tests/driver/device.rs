// SPDX-License-Identifier: GPL-2.0

//! The device: files whose mmap hook is a function of the test's, and private data that counts.

use super::super::address_space::AddressSpace;
use crate::{
    bindings,
    error::from_err_ptr,
    fs::{
        File,
        LocalFile, //
    },
    mm::vma::driver::{
        Fault,
        FaultOutcome,
        Mapped,
        OperationsTable,
        Plain,
        Prepared,
        PrivateData,
        SharedPage,
        ViaMmap,
        VmaDesc,
        VmaOperations,
        VmaSetup, //
    },
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow,
        Mutex, //
    },
    types::ForeignOwnable, //
};
use core::ptr::NonNull;

/// The data that the VMAs of a test share.
#[pin_data]
pub(in super::super) struct Shared {
    /// How many pieces of private data were made.
    made: Atomic<i32>,
    /// How many were dropped.
    dropped: Atomic<i32>,
    /// How many faults there were.
    pub(in super::super) faults: Atomic<i32>,
    /// How often whatever else the test counts happened.
    pub(in super::super) events: Atomic<i32>,
    #[pin]
    pub(in super::super) pages: Mutex<KVec<SharedPage>>,
}

impl Shared {
    /// With this many pages; each begins with its number and 100.
    pub(in super::super) fn new(pages: u8) -> Result<Arc<Self>> {
        let mut all = KVec::new();
        for number in 0..pages {
            let page = SharedPage::new(GFP_KERNEL)?;
            page.write(0, &[100 + number])?;
            all.push(page, GFP_KERNEL)?;
        }

        Arc::pin_init(
            pin_init!(Self {
                made: Atomic::new(0),
                dropped: Atomic::new(0),
                faults: Atomic::new(0),
                events: Atomic::new(0),
                pages <- new_mutex!(all),
            }),
            GFP_KERNEL,
        )
    }

    /// How many pieces of private data were made, and how many of these were dropped.
    pub(in super::super) fn counts(&self) -> (i32, i32) {
        (self.made.load(Relaxed), self.dropped.load(Relaxed))
    }

    pub(in super::super) fn has_happened(&self) {
        self.events.fetch_add(1, Relaxed);
    }
}

/// Private data that counts how often it is made and dropped.
pub(in super::super) struct Counted(Arc<Shared>);

impl Counted {
    pub(in super::super) fn new(shared: &Arc<Shared>) -> Self {
        shared.made.fetch_add(1, Relaxed);
        Self(shared.clone())
    }

    pub(in super::super) fn shared(&self) -> &Shared {
        &self.0
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Relaxed);
    }
}

// SAFETY: The pointer is that of the `Arc`. To give a `Counted` away does not drop it.
unsafe impl ForeignOwnable for Counted {
    const FOREIGN_ALIGN: usize = <Arc<Shared> as ForeignOwnable>::FOREIGN_ALIGN;

    type Borrowed<'a> = ArcBorrow<'a, Shared>;
    type BorrowedMut<'a> = ArcBorrow<'a, Shared>;

    fn into_foreign(self) -> *mut c_void {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: It is moved out of what is not dropped.
        unsafe { core::ptr::read(&this.0) }.into_foreign()
    }

    unsafe fn from_foreign(ptr: *mut c_void) -> Self {
        // SAFETY: By the contract of this function.
        Self(unsafe { Arc::from_foreign(ptr) })
    }

    unsafe fn borrow<'a>(ptr: *mut c_void) -> ArcBorrow<'a, Shared> {
        // SAFETY: By the contract of this function.
        unsafe { <Arc<Shared> as ForeignOwnable>::borrow(ptr) }
    }

    unsafe fn borrow_mut<'a>(ptr: *mut c_void) -> ArcBorrow<'a, Shared> {
        // SAFETY: By the contract of this function.
        unsafe { <Arc<Shared> as ForeignOwnable>::borrow(ptr) }
    }
}

impl PrivateData for Counted {
    fn share(data: ArcBorrow<'_, Shared>) -> Self {
        Self::new(&data.into())
    }
}

/// Operations without any specials: a fault gives the page, beyond the last one a SIGBUS.
pub(in super::super) struct PlainOps;

crate::vm_operations!(PlainOps);

#[vtable]
impl VmaOperations for PlainOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        give_page(fault)
    }
}

/// Answers a fault with the page, if there is one.
pub(in super::super) fn give_page<'a, T>(fault: Fault<'a, T>) -> FaultOutcome<'a>
where
    T: VmaOperations<Data = Counted>,
    T::PageKind: crate::mm::vma::driver::MapsPages,
{
    let shared: Arc<Shared> = fault.data().into();
    shared.faults.fetch_add(1, Relaxed);

    let pages = shared.pages.lock();
    match pages.get(fault.pgoff()) {
        Some(page) => fault.page(page),
        None => fault.sigbus(),
    }
}

/// How the files of a device are mapped.
pub(in super::super) enum Hook<D> {
    Mmap(for<'a> fn(&'a D, VmaSetup<'a>) -> Result<Mapped<'a>>),
    MmapPrepare(for<'a> fn(&'a D, VmaDesc<'a>) -> Result<Prepared<'a>>),
}

/// A device, to which its files refer, so it is not moved.
pub(in super::super) struct Device<D: 'static> {
    hook: Hook<D>,
    pub(in super::super) data: D,
}

impl<D> Device<D> {
    pub(in super::super) fn new(data: D, hook: Hook<D>) -> Result<KBox<Self>> {
        Ok(KBox::new(Self { hook, data }, GFP_KERNEL)?)
    }
}

/// The hook that only gives the operations `T`.
fn plain_hook<T>() -> Hook<Counted>
where
    T: OperationsTable + VmaOperations<Data = Counted, PageKind = Plain, Hook = ViaMmap>,
{
    Hook::Mmap(|data, setup| Ok(setup.with_ops::<T>(data.clone())))
}

impl Device<Counted> {
    /// One whose VMAs have the operations `T` and no flags.
    pub(in super::super) fn plain<T>(shared: &Arc<Shared>) -> Result<KBox<Self>>
    where
        T: OperationsTable + VmaOperations<Data = Counted, PageKind = Plain, Hook = ViaMmap>,
    {
        Self::new(Counted::new(shared), plain_hook::<T>())
    }
}

/// The operations of a file of `Device<D>`.
struct Fops<D>(core::marker::PhantomData<D>);

impl<D: 'static> Fops<D> {
    const MMAP: bindings::file_operations = bindings::file_operations {
        mmap: Some(Self::mmap),
        ..pin_init::zeroed()
    };

    const MMAP_PREPARE: bindings::file_operations = bindings::file_operations {
        mmap_prepare: Some(Self::mmap_prepare),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// Called by `vfs_mmap()`.
    unsafe extern "C" fn mmap(
        file: *mut bindings::file,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        // SAFETY: A test that maps a file of a device still has the device.
        let device = unsafe { &*(*file).private_data.cast::<Device<D>>() };

        match device.hook {
            // SAFETY: This is the hook.
            Hook::Mmap(hook) => unsafe {
                VmaSetup::run_hook(vma, |setup| hook(&device.data, setup))
            },
            Hook::MmapPrepare(_) => EINVAL.to_errno(),
        }
    }

    /// # Safety
    ///
    /// Called by `vfs_mmap_prepare()`.
    unsafe extern "C" fn mmap_prepare(desc: *mut bindings::vm_area_desc) -> c_int {
        // SAFETY: A test that maps a file of a device still has the device.
        let device = unsafe { &*(*(*desc).file).private_data.cast::<Device<D>>() };

        match device.hook {
            // SAFETY: This is the hook. The device lives until `mmap()` is done.
            Hook::MmapPrepare(hook) => unsafe {
                VmaDesc::run_hook(desc, |desc| hook(&device.data, desc))
            },
            Hook::Mmap(_) => EINVAL.to_errno(),
        }
    }
}

impl<D: 'static> Device<D> {
    /// Opens a file of the device, which must be mapped only while the device is there.
    pub(in super::super) fn open(&self) -> Result<ARef<File>> {
        let fops: &'static bindings::file_operations = match self.hook {
            Hook::Mmap(_) => const { &Fops::<D>::MMAP },
            Hook::MmapPrepare(_) => const { &Fops::<D>::MMAP_PREPARE },
        };

        // SAFETY: The name is a string, the operations are static.
        let file = from_err_ptr(unsafe {
            bindings::anon_inode_getfile(
                c"vma-driver".as_char_ptr(),
                fops,
                core::ptr::from_ref(self).cast_mut().cast(),
                bindings::O_RDWR as c_int,
            )
        })?;

        let file = NonNull::new(file).ok_or(ENOMEM)?.cast::<LocalFile>();
        // SAFETY: The reference from `anon_inode_getfile()` is given to the `ARef`, and no task has
        // a descriptor of the file.
        Ok(unsafe { LocalFile::assume_no_fdget_pos(ARef::from_raw(file)) })
    }
}

/// The address space of the current case, what its VMAs have in common, and a device with a file of
/// it.
pub(in super::super) type Bench = (AddressSpace, Arc<Shared>, KBox<Device<Counted>>, ARef<File>);

/// One of some pages, whose files are mapped by `hook`.
pub(in super::super) fn with_hook(pages: u8, hook: Hook<Counted>) -> Result<Bench> {
    let mm = AddressSpace::of_this_case()?;
    let shared = Shared::new(pages)?;
    let device = Device::new(Counted::new(&shared), hook)?;
    let file = device.open()?;
    Ok((mm, shared, device, file))
}

/// One of some pages, whose VMAs have the operations `T` and no flags.
pub(in super::super) fn with_plain<T>(pages: u8) -> Result<Bench>
where
    T: OperationsTable + VmaOperations<Data = Counted, PageKind = Plain, Hook = ViaMmap>,
{
    with_hook(pages, plain_hook::<T>())
}
