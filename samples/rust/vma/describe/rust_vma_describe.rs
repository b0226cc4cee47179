// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma` describes the memory mappings of its caller.
//!
//! - An ioctl describes the VMA at an address, locking it the way that the caller asks for.
//! - `read()` lists all VMAs of the caller. A read at offset 0 creates the list, and later reads
//!   continue in it.
//!
//! The structures and ioctl numbers are in `abi.rs`, the ways to lock and their errors in
//! `describe.rs`.
//!
//! # User memory and VMA locks
//!
//! A copy from or to user memory can fault, and the fault takes the VMA lock or the mmap lock of
//! the same address space that is being described. So the driver copies nothing while it holds one
//! of these locks: it copies the request first, collects the answer in kernel memory, and copies it
//! out after it has dropped the locks.

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
use zerocopy::FromZeros;

mod abi;
mod describe;
mod list;

use abi::Describe;
use list::List;

const DESCRIBE: u32 = _IOWR::<Describe>(abi::IOC_TYPE as u32, abi::DESCRIBE_NR as u32);

module! {
    type: RustVmaDescribeModule,
    name: "rust_vma_describe",
    description: "Rust VMA sample: descriptions of mappings",
    license: "GPL",
}

#[pin_data]
struct RustVmaDescribeModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<RustVmaDescribe>,
}

impl kernel::InPlaceModule for RustVmaDescribeModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions { name: c"rust-vma" };

        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(options),
        })
    }
}

/// An open file of the device.
#[pin_data]
struct RustVmaDescribe {
    #[pin]
    list: Mutex<Option<List>>,
}

#[vtable]
impl MiscDevice for RustVmaDescribe {
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

        // Another process can use the open file, by fork or a Unix socket: it gets its own list.
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
        let mut request = Describe::new_zeroed();
        reader.read_slice(request.as_mut_bytes())?;
        let answer = describe::describe(mm, request)?;
        writer.write_slice(answer.as_bytes())?;

        Ok(0)
    }
}
