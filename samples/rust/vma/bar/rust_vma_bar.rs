// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma-bar`, the memory of a PCI device.
//!
//! The device is QEMU's `ivshmem-plain`, whose BAR 2 is memory. User space maps it with small and
//! huge pages, until the device is unbound: [`DeviceMemory`] unmaps it before the BAR is released.
//! A second node in `dma.rs` has coherent DMA memory of the device. The structures and ioctl
//! numbers are in `abi.rs`.

use kernel::{
    device::{
        Bound,
        Core, //
    },
    fs::File,
    io::Io,
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
            BoundMemory,
            DeviceMap,
            DeviceMemory,
            Fault,
            FaultOutcome,
            HugeFault,
            HugeFaultOutcome,
            Mapped,
            MemoryType,
            ViaMmap,
            VmaOperations,
            VmaSetup, //
        },
        LockOrder, //
    },
    page::PAGE_SHIFT,
    pci,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        ArcBorrow, //
    },
    uaccess::UserSlice, //
};

mod abi;
mod dma;

const SUSPEND: u32 = _IO(abi::IOC_TYPE as u32, abi::SUSPEND_NR as u32);
const RESUME: u32 = _IO(abi::IOC_TYPE as u32, abi::RESUME_NR as u32);
const STATS: u32 = _IOR::<abi::Stats>(abi::IOC_TYPE as u32, abi::STATS_NR as u32);

/// The BAR that is memory.
const MEMORY_BAR: u32 = 2;

type Memory = Arc<DeviceMemory<pci::DevresBar>>;

static BOUND: BoundMemory<DeviceMemory<pci::DevresBar>> = BoundMemory::new();

static FAULTS: Atomic<u64> = Atomic::new(0);
static HUGE_FAULTS: Atomic<u64> = Atomic::new(0);

kernel::module_pci_driver! {
    type: BarDriver,
    name: "rust_vma_bar",
    description: "Rust VMA sample: memory of a PCI device",
    license: "GPL",
}

struct BarDriver;

kernel::pci_device_table!(
    PCI_TABLE,
    <BarDriver as pci::Driver>::IdInfo,
    [(
        pci::DeviceId::from_id(pci::Vendor::REDHAT_QUMRANET, 0x1110),
        ()
    )]
);

/// The driver's data while it is bound.
#[pin_data(PinnedDrop)]
struct BoundDevice {
    #[pin]
    _miscdev: MiscDeviceRegistration<BarFile>,
    #[pin]
    _dma: MiscDeviceRegistration<dma::DmaFile>,
}

#[pinned_drop]
impl PinnedDrop for BoundDevice {
    fn drop(self: Pin<&mut Self>) {
        // Files that are open, and mappings, still have the memory. The device unmaps it.
        BOUND.set(None);
        dma::BOUND.set(None);
    }
}

impl BarDriver {
    fn memory(pdev: &pci::Device<Bound>) -> Result<Memory> {
        let bar = pdev.iomap_region(MEMORY_BAR, c"rust_vma_bar")?;
        DeviceMemory::new(bar, MemoryType::WriteCombine)
    }
}

impl pci::Driver for BarDriver {
    type IdInfo = ();
    type Data<'bound> = BoundDevice;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound ()>,
    ) -> impl PinInit<BoundDevice, Error> + 'bound {
        pin_init::pin_init_scope(move || {
            pdev.enable_device_mem()?;
            let memory = Self::memory(pdev)?;
            let dma = dma::DeviceDma::new(pdev.as_ref())?;
            let (name, dma_name) = (c"rust-vma-bar", c"rust-vma-bar-dma");

            Ok(try_pin_init!(BoundDevice {
                // Fails if there is another device.
                _miscdev <- MiscDeviceRegistration::register(MiscDeviceOptions { name }),
                _dma <- MiscDeviceRegistration::register(MiscDeviceOptions { name: dma_name }),
                _: {
                    BOUND.set(Some(memory));
                    dma::BOUND.set(Some(dma));
                },
            }))
        })
    }
}

/// An open file of the device.
struct BarFile {
    memory: Memory,
}

#[vtable]
impl MiscDevice for BarFile {
    type Ptr = Arc<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Arc<Self>> {
        let memory = BOUND.get().ok_or(ENODEV)?;
        Ok(Arc::new(Self { memory }, GFP_KERNEL_ACCOUNT)?)
    }

    fn mmap_setup<'a>(
        me: ArcBorrow<'a, Self>,
        _file: &'a File,
        mut vma: VmaSetup<'a>,
    ) -> Result<Mapped<'a>> {
        let pages = (vma.end() - vma.start()) >> PAGE_SHIFT;
        let end = vma.pgoff().checked_add(pages).ok_or(ENXIO)?;
        if end > me.memory.count() {
            return Err(ENXIO);
        }

        vma.require_shared()?;
        vma.try_clear_mayexec()?;
        vma.map_device::<BarOps>(me.memory.clone())
    }

    fn ioctl(me: ArcBorrow<'_, Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            SUSPEND => me.memory.suspend(&mut LockOrder::new()),
            RESUME => me.memory.resume(&mut LockOrder::new()),
            STATS => {
                // The BAR is there for as long as this holds its guard.
                let bar = me.memory.resource().try_access();
                let stats = abi::Stats {
                    pages: me.memory.count() as u64,
                    first_word: bar.map_or(Ok(u64::MAX), |bar| bar.try_read64(0))?,
                    faults: FAULTS.load(Relaxed),
                    huge_faults: HUGE_FAULTS.load(Relaxed),
                };
                let arg = UserSlice::new(UserPtr::from_addr(arg), size_of::<abi::Stats>());
                arg.writer().write_slice(stats.as_bytes())?;
            }
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

struct BarOps;

kernel::vm_operations!(BarOps);

#[vtable]
impl VmaOperations for BarOps {
    type Data = Memory;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        FAULTS.fetch_add(1, Relaxed);
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }

    fn huge_fault<'a>(fault: HugeFault<'a, Self>) -> HugeFaultOutcome<'a> {
        HUGE_FAULTS.fetch_add(1, Relaxed);
        let frame = fault.pgoff();
        fault.insert_pfn_pmd(frame)
    }
}
