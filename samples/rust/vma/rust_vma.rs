// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma` tells a process about its own memory mappings.
//!
//! - An ioctl describes the VMA at an address, locking it the way that the caller asks for.
//! - `read()` lists all VMAs of the caller. The list is made when reading starts at offset 0, and
//!   later reads go on in it.
//!
//! The numbers and layouts are in `abi.rs`, the ways to lock and their errors in `describe.rs`.
//!
//! # User memory and VMA locks
//!
//! To copy from or to user memory can fault, and the fault takes the VMA lock or the mmap lock of
//! the very address space that is being described. So nothing is copied while one of these locks is
//! held: requests are copied in first, answers are collected in kernel memory and copied out when
//! the locks are gone.

use kernel::{
    fs::{
        File,
        Kiocb, //
    },
    ioctl::_IOWR,
    iov::IovIterDest,
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    new_mutex,
    prelude::*,
    sync::Mutex,
    uaccess::UserSlice, //
};

mod abi;
mod describe;
mod list;

use abi::Describe;
use list::List;

const DESCRIBE: u32 = _IOWR::<Describe>(abi::IOC_TYPE as u32, abi::DESCRIBE_NR as u32);

module! {
    type: RustVmaModule,
    name: "rust_vma",
    description: "Rust VMA sample",
    license: "GPL",
}

#[pin_data]
struct RustVmaModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<RustVma>,
}

impl kernel::InPlaceModule for RustVmaModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions { name: c"rust-vma" };

        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(options),
        })
    }
}

/// An open file of the device.
#[pin_data]
struct RustVma {
    #[pin]
    list: Mutex<Option<List>>,
}

#[vtable]
impl MiscDevice for RustVma {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        KBox::try_pin_init(
            try_pin_init!(Self {
                list <- new_mutex!(None),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    fn read_iter(mut kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let current = current!();
        // Kernel threads have no address space.
        let mm = current.mm().ok_or(ESRCH)?;
        let me = kiocb.file();
        let mut list = me.list.lock();

        // An open file can get into the hands of another process, which is told about itself and
        // not about the one before.
        let list = match &mut *list {
            Some(list) if kiocb.ki_pos() != 0 && list.is_of(mm) => list,
            list => list.insert(List::new(mm)?),
        };

        let read = iov.simple_read_from_buffer(kiocb.ki_pos_mut(), list.as_bytes())?;
        let at_end = usize::try_from(kiocb.ki_pos()).is_ok_and(|pos| pos >= list.as_bytes().len());
        if read == 0 && !at_end && !iov.is_empty() {
            return Err(EFAULT);
        }

        Ok(read)
    }

    fn ioctl(_me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        if cmd != DESCRIBE {
            return Err(ENOTTY);
        }

        let current = current!();
        // Kernel threads have no address space.
        let mm = current.mm().ok_or(ESRCH)?;

        let arg = UserSlice::new(UserPtr::from_addr(arg), size_of::<Describe>());
        let (mut reader, mut writer) = arg.reader_writer();
        let request = reader.read::<Describe>()?;
        let answer = describe::describe(mm, request)?;
        writer.write(&answer)?;

        Ok(0)
    }
}
