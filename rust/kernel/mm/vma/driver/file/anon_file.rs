// SPDX-License-Identifier: GPL-2.0

//! Files without a name, one for each object of a driver: a queue, a buffer, a virtual processor.

use super::{
    super::{
        Mapped,
        Prepared,
        VmaDesc,
        VmaSetup, //
    },
    with_mmap_hooks,
    MmapHooks, //
};
use crate::{
    bindings,
    error::{
        from_err_ptr,
        VTABLE_DEFAULT_ERROR, //
    },
    fs::{
        File,
        LocalFile, //
    },
    module::this_module,
    prelude::*,
    sync::aref::ARef,
    types::ForeignOwnable, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// The operations of an anonymous file.
///
/// The file keeps the module that implements this. It has its own inode, so
/// [`FilePages`](super::super::FilePages) of it are those of its mappings alone.
#[vtable]
pub trait AnonFile: Sized + 'static {
    /// The private data of the file, dropped when it is released.
    type Data: ForeignOwnable + Send + Sync;

    /// Sets up a new VMA (C: `file_operations::mmap()`).
    fn mmap_setup<'a>(
        _data: <Self::Data as ForeignOwnable>::Borrowed<'a>,
        _file: &'a File,
        _vma: VmaSetup<'a>,
    ) -> Result<Mapped<'a>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Describes a VMA before it exists (C: `file_operations::mmap_prepare()`).
    ///
    /// In place of [`mmap_setup()`](Self::mmap_setup).
    fn mmap_prepare<'a>(
        _data: <Self::Data as ForeignOwnable>::Borrowed<'a>,
        _file: &'a File,
        _desc: VmaDesc<'a>,
    ) -> Result<Prepared<'a>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Serves an ioctl of a 64-bit process, and of a 32-bit one (C: `unlocked_ioctl`,
    /// `compat_ptr_ioctl()`).
    fn ioctl(
        _data: <Self::Data as ForeignOwnable>::Borrowed<'_>,
        _file: &File,
        _cmd: u32,
        _arg: usize,
    ) -> Result<isize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// Makes an anonymous file with the operations `T`, open for reading and writing (C:
/// `anon_inode_create_getfile()`).
///
/// `name` is what `/proc/self/fd` shows. User space gets the file by a
/// [`FileDescriptorReservation`](crate::fs::file::FileDescriptorReservation). May sleep.
///
/// # Errors
///
/// `ENOMEM`, `ENFILE`; that of a security module. `data` is dropped then.
///
/// # Examples
///
/// ```
/// use kernel::{
///     fs::File,
///     mm::vma::driver::{
///         anon_inode_create_getfile, AnonFile, Fault, FaultOutcome, Mapped, Plain, SharedPage,
///         ViaMmap, VmaOperations, VmaSetup, //
///     },
///     prelude::*,
///     sync::{aref::ARef, Arc, ArcBorrow}, //
/// };
///
/// struct QueueOps;
///
/// kernel::vm_operations!(QueueOps);
///
/// #[vtable]
/// impl VmaOperations for QueueOps {
///     type Data = Arc<SharedPage>;
///     type PageKind = Plain;
///     type Hook = ViaMmap;
///
///     fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
///         let page: Arc<SharedPage> = fault.data().into();
///         fault.page(&page)
///     }
/// }
///
/// struct QueueFile;
///
/// #[vtable]
/// impl AnonFile for QueueFile {
///     type Data = Arc<SharedPage>;
///
///     fn mmap_setup<'a>(
///         data: ArcBorrow<'a, SharedPage>,
///         _file: &'a File,
///         vma: VmaSetup<'a>,
///     ) -> Result<Mapped<'a>> {
///         Ok(vma.with_ops::<QueueOps>(data.into()))
///     }
/// }
///
/// fn new_queue() -> Result<ARef<File>> {
///     let ring = Arc::new(SharedPage::new(GFP_KERNEL)?, GFP_KERNEL)?;
///     anon_inode_create_getfile::<QueueFile>(c"[queue]", ring)
/// }
/// # new_queue().map(drop)?;
/// # Ok::<(), Error>(())
/// ```
pub fn anon_inode_create_getfile<T: AnonFile>(name: &CStr, data: T::Data) -> Result<ARef<File>> {
    let fops = const { &Fops::<T>::OPS };
    let data = data.into_foreign();

    // SAFETY: The operations are those of files with such data.
    unsafe { create_getfile(name, fops, data) }.inspect_err(|_| {
        // SAFETY: It was made of the data above, and no file has it.
        drop(unsafe { T::Data::from_foreign(data) });
    })
}

/// Makes a file, which owns `data` if this succeeds.
///
/// # Safety
///
/// `fops` must be for files that have `data`.
// Not inlined: a module reaches `anon_inode_create_getfile()` through the crate.
#[inline(never)]
unsafe fn create_getfile(
    name: &CStr,
    fops: &'static bindings::file_operations,
    data: *mut c_void,
) -> Result<ARef<File>> {
    // SAFETY: The name is a string, which is copied, and the operations are static, and for files
    // with this data. The file takes a reference to their owner.
    let file = from_err_ptr(unsafe {
        bindings::anon_inode_create_getfile(
            name.as_char_ptr(),
            fops,
            data,
            bindings::O_RDWR as c_int,
            core::ptr::null(),
        )
    })?;

    let file = NonNull::new(file).ok_or(ENOMEM)?.cast::<LocalFile>();
    // SAFETY: The reference is given to this, and no task has a descriptor of the file.
    Ok(unsafe { LocalFile::assume_no_fdget_pos(ARef::from_raw(file)) })
}

struct Fops<T>(PhantomData<T>);

// SAFETY: `anon_inode_create_getfile()` puts the data into the file, and `release()` alone takes
// it. The kernel calls `mmap()` outside of `fdget_pos()` sections.
unsafe impl<T: AnonFile> MmapHooks for Fops<T> {
    type Ptr = T::Data;

    const HAS_MMAP_SETUP: bool = T::HAS_MMAP_SETUP;
    const HAS_MMAP_PREPARE: bool = T::HAS_MMAP_PREPARE;

    fn mmap_setup<'a>(
        data: <T::Data as ForeignOwnable>::Borrowed<'a>,
        file: &'a File,
        vma: VmaSetup<'a>,
    ) -> Result<Mapped<'a>> {
        T::mmap_setup(data, file, vma)
    }

    fn mmap_prepare<'a>(
        data: <T::Data as ForeignOwnable>::Borrowed<'a>,
        file: &'a File,
        desc: VmaDesc<'a>,
    ) -> Result<Prepared<'a>> {
        T::mmap_prepare(data, file, desc)
    }
}

impl<T: AnonFile> Fops<T> {
    const OPS: bindings::file_operations = with_mmap_hooks::<Self>(bindings::file_operations {
        owner: this_module::<T::OwnerModule>().as_ptr(),
        release: Some(Self::release),
        unlocked_ioctl: if T::HAS_IOCTL {
            Some(Self::ioctl)
        } else {
            None
        },
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: if T::HAS_IOCTL {
            Some(bindings::compat_ptr_ioctl)
        } else {
            None
        },
        ..pin_init::zeroed()
    });

    /// # Safety
    ///
    /// Called by `__fput()`.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: It was put there when the file was made. Nothing else uses the file.
        drop(unsafe { T::Data::from_foreign((*file).private_data) });
        0
    }

    /// # Safety
    ///
    /// Called by `vfs_ioctl()`.
    unsafe extern "C" fn ioctl(file: *mut bindings::file, cmd: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: The file is open during the call, so it has its data. There is no `fdget_pos()`
        // section on it.
        let (data, file) = unsafe {
            (
                <T::Data as ForeignOwnable>::borrow((*file).private_data),
                File::from_raw_file(file),
            )
        };

        match T::ioctl(data, file, cmd, arg) {
            Ok(value) => value as c_long,
            Err(e) => e.to_errno() as c_long,
        }
    }
}
