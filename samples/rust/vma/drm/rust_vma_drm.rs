// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: DRM devices without hardware, whose objects user space maps.
//!
//! - `shmem` has shmem objects, with write-combined pages. C sets up their VMAs.
//! - `pages` has objects with pages of its own, and the typed mmap hook of GEM objects.
//! - `frames` has objects with page frames, which are replaced while they are mapped.
//!
//! `/dev/rust-vma-drm` makes the devices: a file of it owns one. The structures and ioctl numbers
//! are in `abi.rs`.

use kernel::{
    drm::{
        self,
        faux::FauxRegistration, //
    },
    fs::File,
    ioctl::{
        _IO,
        _IOR,
        _IOWR, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
    uaccess::UserSlice, //
};

mod abi;
mod frames;
mod pages;
mod shmem;

use self::{
    frames::FramesDriver,
    pages::PagesDriver,
    shmem::ShmemDriver, //
};

const PLUG: u32 = _IOWR::<abi::Plug>(abi::IOC_TYPE as u32, abi::PLUG_NR as u32);
const UNPLUG: u32 = _IO(abi::IOC_TYPE as u32, abi::UNPLUG_NR as u32);
const STATS: u32 = _IOR::<abi::Stats>(abi::IOC_TYPE as u32, abi::STATS_NR as u32);

/// The numbers of the DRM ioctls, under the names that `declare_drm_ioctls!` looks for.
mod ioctls {
    use super::abi;
    use kernel::{
        drm::ioctl::IOWR,
        uapi::DRM_COMMAND_BASE, //
    };

    const fn number(nr: u8) -> u32 {
        IOWR::<abi::Create>(DRM_COMMAND_BASE + nr as u32)
    }

    pub(crate) const DRM_IOCTL_RUST_VMA_CREATE: u32 = number(abi::DRM_CREATE);
    pub(crate) const DRM_IOCTL_RUST_VMA_UNMAP: u32 = number(abi::DRM_UNMAP);
    pub(crate) const DRM_IOCTL_RUST_VMA_GET_ID: u32 = number(abi::DRM_GET_ID);
    pub(crate) const DRM_IOCTL_RUST_VMA_DISCARD: u32 = number(abi::DRM_DISCARD);
}

static OBJECTS: Atomic<u64> = Atomic::new(0);
static PAGES: Atomic<u64> = Atomic::new(0);
static MADE: Atomic<u64> = Atomic::new(0);
static DROPPED: Atomic<u64> = Atomic::new(0);
static DEVICES: Atomic<u64> = Atomic::new(0);
static FAULTS: Atomic<u64> = Atomic::new(0);

/// The number of the last device.
static LAST: Atomic<u64> = Atomic::new(0);

const INFO: drm::DriverInfo = drm::DriverInfo {
    major: 0,
    minor: 0,
    patchlevel: 0,
    name: c"rust_vma_drm",
    desc: c"Rust VMA sample: GEM objects",
};

module! {
    type: DrmModule,
    name: "rust_vma_drm",
    description: "Rust VMA sample: GEM objects",
    license: "GPL",
}

#[pin_data]
struct DrmModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<Control>,
}

impl kernel::InPlaceModule for DrmModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let name = c"rust-vma-drm";
        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(MiscDeviceOptions { name }),
        })
    }
}

/// A DRM device in an ioctl of it.
type Device<T> = drm::Device<T, drm::Registered>;

/// The driver's data of a DRM device.
struct Number {
    id: u64,
}

/// Something that one of the numbers above counts as long as it exists.
struct Counted(&'static Atomic<u64>);

impl Counted {
    fn new(count: &'static Atomic<u64>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Returns the size of an object of this many pages, in bytes.
fn size(pages: u32) -> Result<usize> {
    if !(1..=abi::MAX_PAGES).contains(&pages) {
        return Err(EINVAL);
    }
    Ok(pages as usize * PAGE_SIZE)
}

/// A DRM device that is plugged in.
struct Plugged {
    _registration: Registration,
    _counted: Counted,
}

#[expect(dead_code, reason = "it is there to be dropped")]
enum Registration {
    Shmem(FauxRegistration<ShmemDriver>),
    Pages(FauxRegistration<PagesDriver>),
    Frames(FauxRegistration<FramesDriver>),
}

impl Plugged {
    fn new(kind: u64, id: u64) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("rust-vma-drm-{id}"))?;
        let data = Ok(Number { id });
        let registration = match kind {
            abi::KIND_SHMEM => Registration::Shmem(FauxRegistration::new(&name, data, (), 0)?),
            abi::KIND_PAGES => Registration::Pages(FauxRegistration::new(&name, data, (), 0)?),
            abi::KIND_FRAMES => Registration::Frames(FauxRegistration::new(&name, data, (), 0)?),
            _ => return Err(EINVAL),
        };

        Ok(Self {
            _registration: registration,
            _counted: Counted::new(&DEVICES),
        })
    }
}

/// An open file of `/dev/rust-vma-drm`.
#[pin_data]
struct Control {
    #[pin]
    plugged: Mutex<Option<Plugged>>,
}

#[vtable]
impl MiscDevice for Control {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        KBox::try_pin_init(
            try_pin_init!(Self {
                plugged <- new_mutex!(None),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = UserPtr::from_addr(arg);
        match cmd {
            PLUG => {
                let (mut reader, mut writer) =
                    UserSlice::new(arg, size_of::<abi::Plug>()).reader_writer();
                let mut plug = abi::Plug { kind: 0, id: 0 };
                reader.read_slice(plug.as_mut_bytes())?;
                plug.id = me.plug(plug.kind)?;
                writer.write_slice(plug.as_bytes())?;
            }
            UNPLUG => {
                let plugged = me.plugged.lock().take();
                drop(plugged.ok_or(ENODEV)?);
            }
            STATS => {
                let stats = abi::Stats {
                    objects: OBJECTS.load(Relaxed),
                    pages: PAGES.load(Relaxed),
                    made: MADE.load(Relaxed),
                    dropped: DROPPED.load(Relaxed),
                    devices: DEVICES.load(Relaxed),
                    faults: FAULTS.load(Relaxed),
                };
                UserSlice::new(arg, size_of::<abi::Stats>())
                    .writer()
                    .write_slice(stats.as_bytes())?;
            }
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

impl Control {
    fn plug(&self, kind: u64) -> Result<u64> {
        let mut plugged = self.plugged.lock();
        if plugged.is_some() {
            return Err(EBUSY);
        }
        let id = LAST.fetch_add(1, Relaxed) + 1;
        *plugged = Some(Plugged::new(kind, id)?);
        Ok(id)
    }
}
