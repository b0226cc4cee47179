// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma-map` shows the memory mappings of any process, as
//! `/proc/PID/maps` does and with its permissions, and a consistent snapshot of several VMAs of
//! the caller.
//!
//! The structures and ioctl numbers are in `abi.rs`; `reader.rs` reads a map, and `snapshot.rs`
//! locks several VMAs at once.

use kernel::{
    fs::{
        File,
        Kiocb, //
    },
    ioctl::{
        _IOR,
        _IOWR, //
    },
    iov::IovIterDest,
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    mm::{
        vma::PtraceMode,
        MmWithUser, //
    },
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
    uaccess::UserSlice, //
};
use zerocopy::FromZeros;

mod abi;
mod line;
mod reader;
mod snapshot;
mod text;

use abi::{
    Histogram,
    Select,
    Snapshot,
    Stats, //
};
use reader::Reader;

const SELECT: u32 = _IOWR::<Select>(abi::IOC_TYPE as u32, abi::SELECT_NR as u32);
const HISTOGRAM: u32 = _IOR::<Histogram>(abi::IOC_TYPE as u32, abi::HISTOGRAM_NR as u32);
const SNAPSHOT: u32 = _IOWR::<Snapshot>(abi::IOC_TYPE as u32, abi::SNAPSHOT_NR as u32);
const STATS: u32 = _IOR::<Stats>(abi::IOC_TYPE as u32, abi::STATS_NR as u32);

static FILES: Atomic<u64> = Atomic::new(0);

module! {
    type: RustVmaMapModule,
    name: "rust_vma_map",
    description: "Rust VMA sample: maps of processes",
    license: "GPL",
}

#[pin_data]
struct RustVmaMapModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<RustVmaMap>,
}

impl kernel::InPlaceModule for RustVmaMapModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions {
            name: c"rust-vma-map",
        };

        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(options),
        })
    }
}

/// An open file of the device.
#[pin_data(PinnedDrop)]
struct RustVmaMap {
    // `None` until a process is chosen.
    #[pin]
    reader: Mutex<Option<Reader>>,
}

#[pinned_drop]
impl PinnedDrop for RustVmaMap {
    fn drop(self: Pin<&mut Self>) {
        FILES.fetch_sub(1, Relaxed);
    }
}

impl RustVmaMap {
    fn select(&self, request: Select) -> Result {
        if request.reserved != 0 {
            return Err(EINVAL);
        }
        // A number out of range is that of no process.
        let pid = i32::try_from(request.pid).map_err(|_| ESRCH)?;

        // The permission is checked here, and not in `read()`, because another process can use the
        // open file.
        let mm = MmWithUser::of_pid(pid, PtraceMode::READ_FSCREDS)?;
        let reader = Reader::new(mm.as_ref())?;
        *self.reader.lock() = Some(reader);
        Ok(())
    }

    fn histogram(&self) -> Result<Histogram> {
        let reader = self.reader.lock();
        Ok(reader.as_ref().ok_or(ENXIO)?.histogram())
    }
}

#[vtable]
impl MiscDevice for RustVmaMap {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let file = KBox::pin_init(
            pin_init!(Self {
                reader <- new_mutex!(None),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        FILES.fetch_add(1, Relaxed);
        Ok(file)
    }

    fn read_iter(mut kiocb: Kiocb<'_, Self::Ptr>, iov: &mut IovIterDest<'_>) -> Result<usize> {
        let me = kiocb.file();
        let mut reader = me.reader.lock();
        let reader: &mut Option<Reader> = &mut reader;

        reader.as_mut().ok_or(ENXIO)?.read(kiocb.ki_pos_mut(), iov)
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = UserPtr::from_addr(arg);

        match cmd {
            SELECT => {
                let mut request = Select::new_zeroed();
                UserSlice::new(arg, size_of::<Select>())
                    .reader()
                    .read_slice(request.as_mut_bytes())?;
                me.select(request)?;
            }
            HISTOGRAM => {
                UserSlice::new(arg, size_of::<Histogram>())
                    .writer()
                    .write_slice(me.histogram()?.as_bytes())?;
            }
            STATS => {
                let stats = Stats {
                    files: FILES.load(Relaxed),
                    readers: reader::count(),
                    reserved: [0; 4],
                };
                UserSlice::new(arg, size_of::<Stats>())
                    .writer()
                    .write_slice(stats.as_bytes())?;
            }
            SNAPSHOT => {
                let current = current!();
                // Kernel threads have no address space.
                let mm = current.mm().ok_or(ESRCH)?;
                let slice = UserSlice::new(arg, size_of::<Snapshot>());
                let (mut reader, mut writer) = slice.reader_writer();

                let mut snapshot = Snapshot::new_zeroed();
                reader.read_slice(snapshot.as_mut_bytes())?;
                let taken = snapshot::take(mm, &mut snapshot);
                // Also on failure: the structure says at which address.
                writer.write_slice(snapshot.as_bytes())?;
                taken?;
            }
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}
