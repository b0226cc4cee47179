// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma-pieces`, memory of several pieces.
//!
//! Each open file has a buffer of scattered blocks ([`PfnPieces`]), which `mmap()` maps as a whole,
//! slots whose memory is added and replaced while it is mapped ([`FrameSlots`]), and pages of
//! memfds ([`Pieces::push_memfd()`]). The structures and ioctl numbers are in `abi.rs`.

use kernel::{
    fs::{
        File,
        LocalFile, //
    },
    ioctl::{
        _IO,
        _IOR,
        _IOW, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    mm::vma::{
        driver::{
            AccessBuffer,
            DeviceMap,
            DriverVma,
            Fault,
            FaultOutcome,
            FrameSlots,
            Frames,
            Mapped,
            PfnMap,
            PfnPieces,
            Pieces,
            ViaMmap,
            VmaOperations,
            VmaSetup, //
        },
        Closing,
        LockOrder,
        MmapRead,
        Opening, //
    },
    new_mutex,
    page::PAGE_SHIFT,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow,
        Mutex, //
    },
    uaccess::UserSlice, //
};
use zerocopy::FromZeros;

mod abi;

const PUT: u32 = _IO(abi::IOC_TYPE as u32, abi::PUT_NR as u32);
const DUMMY: u32 = _IO(abi::IOC_TYPE as u32, abi::DUMMY_NR as u32);
const TAKE: u32 = _IO(abi::IOC_TYPE as u32, abi::TAKE_NR as u32);
const STATS: u32 = _IOR::<abi::Stats>(abi::IOC_TYPE as u32, abi::STATS_NR as u32);

const MEMFD: u32 = _IOW::<abi::Ranges>(abi::IOC_TYPE as u32, abi::MEMFD_NR as u32);

const BLOCKS: usize = abi::BLOCKS as usize;
const DUMMY_PAGES: usize = abi::DUMMY_PAGES as usize;
const BUFFER_PAGES: usize = abi::BUFFER_PAGES as usize;
const SLOTS: usize = abi::SLOTS as usize;
const SLOT_PAGES: usize = abi::SLOT_PAGES as usize;
const MEMFD_FIRST: usize = abi::MEMFD_FIRST as usize;
const MEMFD_PAGES: usize = abi::MEMFD_PAGES as usize;

static REGIONS: Atomic<u64> = Atomic::new(0);
static OPENED: Atomic<u64> = Atomic::new(0);
static CLOSED: Atomic<u64> = Atomic::new(0);
static FAULTS: Atomic<u64> = Atomic::new(0);

module! {
    type: RustVmaPiecesModule,
    name: "rust_vma_pieces",
    description: "Rust VMA sample: memory of several pieces",
    license: "GPL",
}

#[pin_data]
struct RustVmaPiecesModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<PiecesFile>,
}

impl kernel::InPlaceModule for RustVmaPiecesModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions {
            name: c"rust-vma-pieces",
        };

        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(options),
        })
    }
}

/// Counts what exists.
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

type Buffer = Arc<PfnPieces<Live>>;
type Slots = Arc<FrameSlots<Live>>;

/// An open file of the device.
#[pin_data]
struct PiecesFile {
    buffer: Buffer,
    slots: Slots,
    #[pin]
    memfds: Mutex<Option<Buffer>>,
}

impl PiecesFile {
    /// Blocks of one page, two pages, and so on, and a page that swallows the rest.
    fn buffer() -> Result<Buffer> {
        let mut pieces = Pieces::new();
        for pages in 1..=BLOCKS {
            pieces.push(
                Frames::alloc(pages, GFP_KERNEL_ACCOUNT)?,
                GFP_KERNEL_ACCOUNT,
            )?;
        }
        let dummy = Frames::alloc_dummy(DUMMY_PAGES, GFP_KERNEL_ACCOUNT)?;
        pieces.push(dummy, GFP_KERNEL_ACCOUNT)?;

        Arc::pin_init(PfnPieces::new(pieces, Live::new()), GFP_KERNEL_ACCOUNT)
    }

    /// Pins ranges of memfds.
    fn pin_memfds(&self, ranges: &[abi::Range]) -> Result {
        let mut order = LockOrder::new();
        let mut pieces = Pieces::new();
        for range in ranges.iter().filter(|range| range.pages > 0) {
            let pages = range.pages as usize;
            if pages > MEMFD_PAGES - pieces.count() {
                return Err(E2BIG);
            }
            let first = range.first.try_into()?;
            pieces.push_memfd(&mut order, &*LocalFile::fget(range.fd)?, first, pages)?;
        }

        let buffer = PfnPieces::new(pieces, Live::new());
        let buffer = Arc::pin_init(buffer, GFP_KERNEL_ACCOUNT)?;
        // The old ones may be unpinned, which is not for the lock.
        let old = self.memfds.lock().replace(buffer);
        drop(old);
        Ok(())
    }

    /// Replaces what a slot has.
    fn put(&self, slot: usize, frames: Frames) -> Result {
        let frames = KBox::new(frames, GFP_KERNEL_ACCOUNT)?;
        // The old ones are no longer mapped.
        drop(
            self.slots
                .replace(&mut LockOrder::new(), slot, Some(frames))?,
        );
        Ok(())
    }
}

#[vtable]
impl MiscDevice for PiecesFile {
    type Ptr = Arc<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Arc<Self>> {
        let slots = FrameSlots::new(SLOTS, SLOT_PAGES, GFP_KERNEL_ACCOUNT, Live::new());
        let file = try_pin_init!(Self {
            buffer: Self::buffer()?,
            slots: Arc::pin_init(slots, GFP_KERNEL_ACCOUNT)?,
            memfds <- new_mutex!(None),
        });
        Arc::pin_init(file, GFP_KERNEL_ACCOUNT)
    }

    fn mmap_setup<'a>(
        me: ArcBorrow<'a, Self>,
        _file: &'a File,
        mut vma: VmaSetup<'a>,
    ) -> Result<Mapped<'a>> {
        let (start, first) = (vma.start(), vma.pgoff());
        let pages = (vma.end() - start) >> PAGE_SHIFT;
        let end = first.checked_add(pages).ok_or(ENXIO)?;
        let memfds = me.memfds.lock().clone();
        let pinned = memfds.as_ref().map_or(0, |memfds| memfds.pieces().count());
        if end > MEMFD_FIRST + pinned {
            return Err(ENXIO);
        }
        if [BUFFER_PAGES, MEMFD_FIRST]
            .iter()
            .any(|part| (first + 1..end).contains(part))
        {
            return Err(EINVAL);
        }

        vma.require_shared()?;
        vma.try_clear_mayexec()?;
        let mapped = if first < BUFFER_PAGES {
            let buffer = me.buffer.clone();
            vma.pfnmap()?
                .remap_pfn_range::<BufferOps>(buffer, start, first, pages)
        } else if first < MEMFD_FIRST {
            vma.map_device::<SlotsOps>(me.slots.clone())
        } else {
            let memfds = memfds.ok_or(ENXIO)?;
            Ok(vma.pfnmap()?.with_ops::<MemfdOps>(memfds))
        }?;
        OPENED.fetch_add(1, Relaxed);
        Ok(mapped)
    }

    fn ioctl(me: ArcBorrow<'_, Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            PUT => me.put(arg, Frames::alloc(SLOT_PAGES, GFP_KERNEL_ACCOUNT)?)?,
            DUMMY => me.put(arg, Frames::alloc_dummy(SLOT_PAGES, GFP_KERNEL_ACCOUNT)?)?,
            TAKE => drop(me.slots.replace(&mut LockOrder::new(), arg, None)?),
            MEMFD => {
                let mut ranges = abi::Ranges::new_zeroed();
                UserSlice::new(UserPtr::from_addr(arg), size_of::<abi::Ranges>())
                    .reader()
                    .read_slice(ranges.as_mut_bytes())?;
                me.pin_memfds(&ranges.ranges)?;
            }
            STATS => {
                let stats = abi::Stats {
                    regions: REGIONS.load(Relaxed),
                    vmas_opened: OPENED.load(Relaxed),
                    vmas_closed: CLOSED.load(Relaxed),
                    faults: FAULTS.load(Relaxed),
                    reserved: [0; 2],
                };
                UserSlice::new(UserPtr::from_addr(arg), size_of::<abi::Stats>())
                    .writer()
                    .write_slice(stats.as_bytes())?;
            }
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

struct BufferOps;

kernel::vm_operations!(BufferOps);

#[vtable]
impl VmaOperations for BufferOps {
    type Data = Buffer;
    type PageKind = PfnMap;
    type Hook = ViaMmap;

    fn open(_vma: &DriverVma<Self, Opening>) {
        OPENED.fetch_add(1, Relaxed);
    }

    fn close(_vma: &DriverVma<Self, Closing>) {
        CLOSED.fetch_add(1, Relaxed);
    }

    // For debuggers: what is mapped here cannot be pinned.
    fn access(
        vma: &DriverVma<Self, MmapRead>,
        addr: usize,
        buffer: &mut AccessBuffer<'_>,
    ) -> Result {
        let offset = addr - vma.start() + (vma.pgoff() << PAGE_SHIFT);
        vma.data().pieces().access(offset, buffer)
    }
}

struct SlotsOps;

kernel::vm_operations!(SlotsOps);

#[vtable]
impl VmaOperations for SlotsOps {
    type Data = Slots;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn open(_vma: &DriverVma<Self, Opening>) {
        OPENED.fetch_add(1, Relaxed);
    }

    fn close(_vma: &DriverVma<Self, Closing>) {
        CLOSED.fetch_add(1, Relaxed);
    }

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        FAULTS.fetch_add(1, Relaxed);
        match fault.pgoff().checked_sub(BUFFER_PAGES) {
            Some(frame) => fault.insert_pfn(frame),
            None => fault.sigbus(),
        }
    }

    fn access(
        vma: &DriverVma<Self, MmapRead>,
        addr: usize,
        buffer: &mut AccessBuffer<'_>,
    ) -> Result {
        let offset = addr - vma.start() + ((vma.pgoff() - BUFFER_PAGES) << PAGE_SHIFT);
        vma.data().access(offset, buffer)
    }
}

struct MemfdOps;

kernel::vm_operations!(MemfdOps);

#[vtable]
impl VmaOperations for MemfdOps {
    type Data = Buffer;
    type PageKind = PfnMap;
    type Hook = ViaMmap;

    fn open(_vma: &DriverVma<Self, Opening>) {
        OPENED.fetch_add(1, Relaxed);
    }

    fn close(_vma: &DriverVma<Self, Closing>) {
        CLOSED.fetch_add(1, Relaxed);
    }

    // No `access`: the kernel does not read what user space may write at any time.
    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        FAULTS.fetch_add(1, Relaxed);
        match fault.pgoff().checked_sub(MEMFD_FIRST) {
            Some(frame) => fault.insert_pfn(frame),
            None => fault.sigbus(),
        }
    }
}
