// SPDX-License-Identifier: GPL-2.0

//! `/dev/vma-bench-rust`: work on the VMAs of the caller, as it is written in Rust. `vma_bench_c.c`
//! does the same in C.
//!
//! The numbers are in `abi.rs`, the work itself in `work.rs`.

use kernel::{
    fs::File,
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    mm::{
        vma::driver::{
            Mapped,
            VmaSetup, //
        },
        MmWithUser, //
    },
    prelude::*,
    time::{
        Instant,
        Monotonic, //
    },
};

mod abi;
mod fields;
mod ioctl;
mod locks;
mod pages;
mod primitives;
mod upstream;
mod work;

use primitives::{
    Primitive,
    PRIMITIVES, //
};
use upstream::Upstream;
use work::{
    Done,
    Order, //
};

module! {
    type: BenchModule,
    name: "rust_vma_bench",
    description: "Work on VMAs, timed",
    license: "GPL",
}

#[pin_data]
struct BenchModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<Bench>,
    #[pin]
    _upstream: MiscDeviceRegistration<Upstream>,
}

impl kernel::InPlaceModule for BenchModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions {
            name: c"vma-bench-rust",
        };
        let upstream = MiscDeviceOptions {
            name: c"vma-bench-upstream",
        };

        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(options),
            _upstream <- MiscDeviceRegistration::register(upstream),
        })
    }
}

/// An open file of the device.
struct Bench {
    data: pages::Data,
}

/// Does an operation that is no primitive.
fn run_operation(mm: &MmWithUser, operation: u64, order: &Order) -> Result<(u64, Done)> {
    let work = work::find(operation).ok_or(EINVAL)?;

    let start = Instant::<Monotonic>::now();
    primitives::mark_begin();
    let done = work(&mut mm.vma_locks(), order)?;
    primitives::mark_end();
    Ok((start.elapsed().as_nanos() as u64, done))
}

#[vtable]
impl MiscDevice for Bench {
    type Ptr = KBox<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        let data = pages::Data::new()?;
        Ok(KBox::new(Self { data }, GFP_KERNEL)?)
    }

    fn ioctl(_me: &Self, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            ioctl::NAME => ioctl::name(arg, PRIMITIVES, Primitive::describe),
            ioctl::RUN => ioctl::run(arg, |mm, operation, order| match operation {
                abi::operation::PRIMITIVES.. => {
                    ioctl::primitive(PRIMITIVES, operation)?.run(mm, order)
                }
                _ => run_operation(mm, operation, order),
            }),
            _ => Err(ENOTTY),
        }
    }

    fn mmap_setup<'a>(me: &'a Self, _file: &'a File, vma: VmaSetup<'a>) -> Result<Mapped<'a>> {
        me.data.mmap(vma)
    }
}
