// SPDX-License-Identifier: GPL-2.0

//! `/dev/vma-bench-rust`: work on the VMAs of the caller, as it is written in Rust. `vma_bench_c.c`
//! does the same in C.
//!
//! The numbers are in `abi.rs`, the work itself in `work.rs`.

use kernel::{
    fs::File,
    ioctl::_IOWR,
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    prelude::*,
    time::{
        Instant,
        Monotonic, //
    },
    uaccess::UserSlice, //
};

mod abi;
mod work;

use abi::Run;

const RUN: u32 = _IOWR::<Run>(abi::IOC_TYPE as u32, abi::RUN_NR as u32);

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
}

impl kernel::InPlaceModule for BenchModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions {
            name: c"vma-bench-rust",
        };

        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(options),
        })
    }
}

struct Bench;

#[vtable]
impl MiscDevice for Bench {
    type Ptr = KBox<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        Ok(KBox::new(Self, GFP_KERNEL)?)
    }

    fn ioctl(_me: &Self, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        if cmd != RUN {
            return Err(ENOTTY);
        }

        let current = current!();
        // Kernel threads have no address space.
        let mm = current.mm().ok_or(ESRCH)?;

        let arg = UserSlice::new(UserPtr::from_addr(arg), size_of::<Run>());
        let (mut reader, mut writer) = arg.reader_writer();
        let mut run = reader.read::<Run>()?;
        let [operation, rounds, first, second, hold_us, ..] = run;
        let work = work::find(operation).ok_or(EINVAL)?;
        if !(1..=abi::MAX_ROUNDS).contains(&rounds) || hold_us > abi::MAX_HOLD {
            return Err(EINVAL);
        }
        let order = work::Order {
            rounds,
            addr: [first as usize, second as usize],
            hold_us: hold_us as i64,
        };

        let start = Instant::<Monotonic>::now();
        let done = work(&mut mm.vma_locks(), &order)?;
        let ticks = start.elapsed().as_nanos();

        run[5..].copy_from_slice(&[ticks as u64, done.operations, done.sum]);
        writer.write(&run)?;
        Ok(0)
    }
}
