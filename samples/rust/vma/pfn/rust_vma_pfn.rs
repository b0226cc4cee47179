// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma-pfn`, memory that is mapped by page frame number.
//!
//! Each open file has a region, like device memory: a read-only status part, which `mmap()` maps as
//! a whole, and the rest, which faults map on access. The structures and ioctl numbers are in
//! `abi.rs`.
//!
//! The page frames are not reference counted. They belong to a [`PfnRegion`]. Each VMA holds a
//! reference to the region, so the frames outlive the file while something maps them.

use kernel::{
    fs::File,
    ioctl::{
        _IO,
        _IOR, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    mm::vma::{
        driver::{
            AccessBuffer,
            DriverVma,
            Fault,
            FaultOutcome,
            FilePages,
            MappedRange,
            PfnMap,
            PfnRegion,
            Prepared,
            ViaMmapPrepare,
            VmaDesc,
            VmaOperations, //
        },
        Closing,
        LockOrder,
        MmapRead,
        Opening,
        Read, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    uaccess::UserSlice, //
};

mod abi;

use abi::Stats;

const REVOKE: u32 = _IO(abi::IOC_TYPE as u32, abi::REVOKE_NR as u32);
const STATS: u32 = _IOR::<Stats>(abi::IOC_TYPE as u32, abi::STATS_NR as u32);

const PAGES: usize = abi::PAGES as usize;
const STATUS_PAGES: usize = abi::STATUS_PAGES as usize;

/// The number of bytes that a debugger reads at a time.
const WINDOW: usize = 256;

static REGIONS: Atomic<u64> = Atomic::new(0);
static OPENED: Atomic<u64> = Atomic::new(0);
static CLOSED: Atomic<u64> = Atomic::new(0);
static FAULTS: Atomic<u64> = Atomic::new(0);

module! {
    type: RustVmaPfnModule,
    name: "rust_vma_pfn",
    description: "Rust VMA sample: page frames",
    license: "GPL",
}

#[pin_data]
struct RustVmaPfnModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<RustVmaPfn>,
}

impl kernel::InPlaceModule for RustVmaPfnModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions {
            name: c"rust-vma-pfn",
        };

        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(options),
        })
    }
}

/// Counts the existing regions.
struct Live(());

impl Live {
    fn new() -> Self {
        REGIONS.fetch_add(1, Relaxed);
        Self(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        REGIONS.fetch_sub(1, Relaxed);
    }
}

/// An open file of the device.
struct RustVmaPfn {
    memory: Arc<PfnRegion<Live>>,
}

impl RustVmaPfn {
    /// Writes its position into each word.
    fn write_pattern(memory: &PfnRegion<Live>) -> Result {
        for page in 0..PAGES {
            for word in 0..PAGE_SIZE / size_of::<u64>() {
                let value = (page as u64) << 32 | word as u64;
                let offset = (page << PAGE_SHIFT) + word * size_of::<u64>();
                memory.frames().write(offset, &value.to_ne_bytes())?;
            }
        }
        Ok(())
    }
}

#[vtable]
impl MiscDevice for RustVmaPfn {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let memory = Arc::pin_init(
            PfnRegion::alloc(PAGES, GFP_KERNEL_ACCOUNT, Live::new()),
            GFP_KERNEL_ACCOUNT,
        )?;
        Self::write_pattern(&memory)?;
        Ok(KBox::new(Self { memory }, GFP_KERNEL_ACCOUNT)?.into())
    }

    fn mmap_prepare<'a>(
        me: Pin<&'a Self>,
        _file: &'a File,
        mut desc: VmaDesc<'a>,
    ) -> Result<Prepared<'a>> {
        let memory = &me.get_ref().memory;
        let pages = desc.pgoffs().map_err(|_| ENXIO)?;
        if pages.end > PAGES {
            return Err(ENXIO);
        }
        let is_status = pages.end <= STATUS_PAGES;
        if !is_status && pages.start < STATUS_PAGES {
            return Err(EINVAL);
        }

        desc.try_clear_mayexec()?;
        if !is_status {
            return Ok(desc.pfnmap()?.with_ops::<PfnOps>(memory));
        }
        desc.try_clear_maywrite()?;
        let start = desc.start();
        desc.pfnmap()?
            .remap_pfn_range::<PfnOps>(memory, start, pages.start, pages.len())
    }

    fn ioctl(_me: Pin<&Self>, file: &File, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            REVOKE => {
                let all = 0..(PAGES << PAGE_SHIFT) as u64;
                FilePages::of(file).unmap(&mut LockOrder::new(), all)?;
            }
            STATS => {
                let regions = REGIONS.load(Relaxed);
                let stats = Stats {
                    regions,
                    pages: regions * abi::PAGES,
                    vmas_opened: OPENED.load(Relaxed),
                    vmas_closed: CLOSED.load(Relaxed),
                    faults: FAULTS.load(Relaxed),
                    reserved: 0,
                };
                UserSlice::new(UserPtr::from_addr(arg), size_of::<Stats>())
                    .writer()
                    .write_slice(stats.as_bytes())?;
            }
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

struct PfnOps;

kernel::vm_operations!(PfnOps);

#[vtable]
impl VmaOperations for PfnOps {
    type Data = Arc<PfnRegion<Live>>;
    type PageKind = PfnMap;
    type Hook = ViaMmapPrepare;

    fn mapped(_memory: &Arc<PfnRegion<Live>>, _range: &MappedRange<'_>) {
        OPENED.fetch_add(1, Relaxed);
    }

    fn open(_vma: &DriverVma<Self, Opening>) {
        OPENED.fetch_add(1, Relaxed);
    }

    fn close(_vma: &DriverVma<Self, Closing>) {
        CLOSED.fetch_add(1, Relaxed);
    }

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        FAULTS.fetch_add(1, Relaxed);
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }

    // For debuggers: what is mapped here cannot be pinned.
    fn access(
        vma: &DriverVma<Self, MmapRead>,
        addr: usize,
        buffer: &mut AccessBuffer<'_>,
    ) -> Result {
        let offset = addr - vma.start() + (vma.pgoff() << PAGE_SHIFT);
        let memory = vma.data();
        let frames = memory.frames();
        match buffer {
            // As from a device with a small window: the kernel asks for the rest.
            AccessBuffer::Read(reply) if reply.room() > WINDOW => {
                let mut bytes = [0; WINDOW];
                frames.read(offset, &mut bytes)?;
                reply.append(&bytes)
            }
            _ => frames.access(offset, buffer),
        }
    }

    fn name(_vma: &DriverVma<Self, Read>) -> Option<&CStr> {
        Some(c"[rust-vma-pfn]")
    }
}
