// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma-buffer`, memory that a driver and user space share.
//!
//! Each open file is a buffer. Faults allocate its pages on first access, and map them one by one.
//! The structures and ioctl numbers are in `abi.rs`, the pages in `buffer.rs`.
//!
//! Like Rust Binder, the driver remembers where the buffer was mapped last, to insert pages without
//! a fault and to reclaim some. By then something else may be mapped there. So it looks the VMA up
//! under its lock, and checks that it is a VMA of this buffer.

use kernel::{
    fs::{
        File,
        Kiocb, //
    },
    ioctl::{
        _IOR,
        _IOWR, //
    },
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    mm::vma::driver::{
        Mapped,
        VmaSetup, //
    },
    prelude::*,
    sync::Arc,
    uaccess::UserSlice, //
};
use zerocopy::FromZeros;

mod abi;
mod buffer;
mod ops;
mod reclaim;

use abi::{
    Request,
    Stats, //
};
use buffer::Buffer;
use ops::BufferOps;

const fn request(nr: u8) -> u32 {
    _IOWR::<Request>(abi::IOC_TYPE as u32, nr as u32)
}

const SET_SIZE: u32 = request(abi::SET_SIZE_NR);
const POPULATE: u32 = request(abi::POPULATE_NR);
const DISCARD: u32 = request(abi::DISCARD_NR);
const RECLAIM: u32 = request(abi::RECLAIM_NR);
const STATS: u32 = _IOR::<Stats>(abi::IOC_TYPE as u32, abi::STATS_NR as u32);

module! {
    type: RustVmaBufferModule,
    name: "rust_vma_buffer",
    description: "Rust VMA sample: shared memory",
    license: "GPL",
}

#[pin_data]
struct RustVmaBufferModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<RustVmaBuffer>,
}

impl kernel::InPlaceModule for RustVmaBufferModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions {
            name: c"rust-vma-buffer",
        };

        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(options),
        })
    }
}

/// An open file of the device.
struct RustVmaBuffer {
    buffer: Arc<Buffer>,
}

#[vtable]
impl MiscDevice for RustVmaBuffer {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let buffer = Arc::pin_init(Buffer::new(), GFP_KERNEL_ACCOUNT)?;
        Ok(KBox::new(Self { buffer }, GFP_KERNEL_ACCOUNT)?.into())
    }

    fn mmap_setup<'a>(
        me: Pin<&'a Self>,
        _file: &'a File,
        mut vma: VmaSetup<'a>,
    ) -> Result<Mapped<'a>> {
        vma.require_shared()?;
        vma.try_clear_mayexec()?;
        me.buffer.begin_mapping(&vma)?;

        Ok(vma.mixedmap().with_ops::<BufferOps>(me.buffer.clone()))
    }

    fn read_iter(mut kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let me = kiocb.file();
        me.buffer.read_iter(kiocb.ki_pos_mut(), iov)
    }

    fn write_iter(mut kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterSource<'_>) -> Result<usize> {
        let me = kiocb.file();
        me.buffer.write_iter(kiocb.ki_pos_mut(), iov)
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = UserPtr::from_addr(arg);

        if cmd == STATS {
            UserSlice::new(arg, size_of::<Stats>())
                .writer()
                .write_slice(buffer::stats().as_bytes())?;
            return Ok(0);
        }
        if !matches!(cmd, SET_SIZE | POPULATE | DISCARD | RECLAIM) {
            return Err(ENOTTY);
        }

        let (mut reader, mut writer) = UserSlice::new(arg, size_of::<Request>()).reader_writer();
        let mut request = Request::new_zeroed();
        reader.read_slice(request.as_mut_bytes())?;
        let Request {
            first,
            count,
            changed: 0,
            reserved: 0,
        } = request
        else {
            return Err(EINVAL);
        };
        if matches!(cmd, SET_SIZE | RECLAIM) && count != 0 {
            return Err(EINVAL);
        }
        request.changed = match cmd {
            SET_SIZE => me.buffer.set_size(first)?,
            POPULATE => me.buffer.populate(me.buffer.range(first, count)?)?,
            DISCARD => me.buffer.discard(me.buffer.range(first, count)?)?,
            _ => me.buffer.reclaim(first)?,
        };
        writer.write_slice(request.as_bytes())?;

        Ok(0)
    }
}
