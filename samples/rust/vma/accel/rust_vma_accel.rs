// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma-accel`, a PCI device that works on memory of its callers.
//!
//! The device is QEMU's `edu`, which copies to and from a memory of its own. Jobs are in a queue of
//! coherent memory, which user space maps, and which the device writes to, too. The other memory is
//! pinned (`buffer.rs`), until the process changes it. The ABI is in `abi.rs`.

use kernel::{
    device::{
        Bound,
        Core,
        Device, //
    },
    dma::{
        Coherent,
        CoherentBox,
        DmaAddress, //
    },
    fs::File,
    io::{
        io_read,
        io_write, //
    },
    ioctl::{
        _IO,
        _IOW, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    mm::vma::{
        driver::{
            BoundGate,
            BoundGateRegistration,
            BoundMemory,
            DeviceMap,
            DeviceMemory,
            DmaMap,
            DmaMemory,
            Fault,
            FaultOutcome,
            MemoryType,
            Prepared,
            ViaMmapPrepare,
            VmaDesc,
            VmaOperations, //
        },
        pin::{
            FromDevice,
            ToDevice, //
        }, //
    },
    new_mutex,
    page::PAGE_SIZE,
    pci,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    uaccess::UserSlice, //
};
use zerocopy::FromZeros;

mod abi;
mod buffer;
mod engine;

use abi::Memory;
use buffer::Buffer;
use engine::{
    Engine,
    Registers, //
};

const REGISTER: u32 = _IOW::<Memory>(abi::IOC_TYPE as u32, abi::REGISTER_NR as u32);
const UNREGISTER: u32 = _IO(abi::IOC_TYPE as u32, abi::UNREGISTER_NR as u32);
const RUN: u32 = _IO(abi::IOC_TYPE as u32, abi::RUN_NR as u32);

kernel::module_pci_driver! {
    type: AccelDriver,
    name: "rust_vma_accel",
    description: "Rust VMA sample: a device that works on user memory",
    license: "GPL",
}

struct AccelDriver;

// Its vendor is none of those that have a name.
kernel::pci_device_table!(
    PCI_TABLE,
    <AccelDriver as pci::Driver>::IdInfo,
    [(pci::DeviceId::from_class(0x00ff00, 0xffff00), ())]
);

static BOUND: BoundMemory<Accel> = BoundMemory::new();

/// A device, as long as it is bound.
#[pin_data]
struct Accel {
    gate: Arc<BoundGate>,
    #[pin]
    engine: Engine,
}

/// The driver's data while it is bound.
#[pin_data(PinnedDrop)]
struct BoundDevice {
    #[pin]
    _miscdev: MiscDeviceRegistration<AccelFile>,
    _gate: BoundGateRegistration,
}

#[pinned_drop]
impl PinnedDrop for BoundDevice {
    fn drop(self: Pin<&mut Self>) {
        BOUND.set(None);
    }
}

impl pci::Driver for AccelDriver {
    type IdInfo = ();
    type Data<'bound> = BoundDevice;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound ()>,
    ) -> impl PinInit<BoundDevice, Error> + 'bound {
        pin_init::pin_init_scope(move || {
            if (pdev.vendor_id().as_raw(), pdev.device_id()) != (0x1234, 0x11e8) {
                return Err(ENODEV);
            }
            pdev.enable_device_mem()?;
            pdev.set_master();
            let bar = pdev.iomap_region_sized::<{ engine::END }>(0, c"rust_vma_accel")?;
            let registers = DeviceMemory::new(bar, MemoryType::Noncached)?;
            let registration = BoundGateRegistration::new(pdev.as_ref())?;
            let gate = registration.gate();
            let accel = pin_init!(Accel {
                gate,
                engine <- Engine::new(registers),
            });
            let accel = Arc::pin_init(accel, GFP_KERNEL)?;
            let name = c"rust-vma-accel";

            Ok(try_pin_init!(BoundDevice {
                _miscdev <- MiscDeviceRegistration::register(MiscDeviceOptions { name }),
                _gate: registration,
                _: { BOUND.set(Some(accel)) },
            }))
        })
    }
}

type Queue = Arc<DmaMemory<[u64]>>;

/// An open file.
#[pin_data]
struct AccelFile {
    accel: Arc<Accel>,
    queue: Queue,
    #[pin]
    state: Mutex<State>,
}

struct State {
    next_slot: usize,
    buffer: Option<Buffer>,
}

impl AccelFile {
    fn new(accel: Arc<Accel>) -> Result<impl PinInit<Self>> {
        let device = accel.gate.enter().ok_or(ENODEV)?;
        let words = PAGE_SIZE / size_of::<u64>();
        let queue = CoherentBox::<[u64]>::zeroed_slice(&device, words, GFP_KERNEL_ACCOUNT)?;
        let queue = DmaMemory::new(&device, queue)?;
        drop(device);

        Ok(pin_init!(Self {
            accel,
            queue,
            state <- new_mutex!(State { next_slot: 0, buffer: None }),
        }))
    }

    fn register(&self, memory: &Memory) -> Result {
        let end = memory.addr.checked_add(memory.len).ok_or(EINVAL)?;
        let range = usize::try_from(memory.addr)?..usize::try_from(end)?;
        let current = current!();
        let buffer = Buffer::new(current.mm().ok_or(ESRCH)?, range)?;

        let mut state = self.state.lock();
        if state.buffer.as_ref().is_some_and(Buffer::is_valid) {
            return Err(EBUSY);
        }
        state.buffer = Some(buffer);
        Ok(())
    }

    fn unregister(&self) -> Result {
        let buffer = self.state.lock().buffer.take();
        buffer.map(drop).ok_or(ENXIO)
    }

    /// Does jobs. The device can be unbound, and the caller be killed, between two of them.
    fn run(&self, count: usize) -> Result<usize> {
        if count > abi::SLOTS {
            return Err(EINVAL);
        }
        let mut state = self.state.lock();
        for done in 0..count {
            if done > 0 && current!().signal_pending() {
                return Ok(done);
            }
            self.run_next(&mut state)?;
        }
        Ok(count)
    }

    fn run_next(&self, state: &mut State) -> Result {
        let device = self.accel.gate.enter().ok_or(ENODEV)?;
        let engine = &self.accel.engine;
        let queue = self.queue.access(&device)?;
        let slot = state.next_slot * abi::SLOT_WORDS;
        state.next_slot = (state.next_slot + 1) % abi::SLOTS;

        // Once: user space may change it meanwhile.
        let word =
            |word: usize| -> Result<usize> { Ok(io_read!(queue, [try: slot + word]) as usize) };
        let job = Job {
            op: word(abi::OP)? as u64,
            offset: word(abi::OFFSET)?,
            at: word(abi::AT)?,
            len: word(abi::LEN)?,
        };
        let done = match job.op {
            abi::FETCH => job.fetch(engine, &device, queue),
            _ => job.copy(engine, &device, &mut state.buffer),
        };
        let status = done.map_or_else(|e| i64::from(e.to_errno()) as u64, |()| abi::DONE);
        io_write!(queue, [try: slot + abi::STATUS], status);
        Ok(())
    }
}

/// A job, as it was in the queue.
struct Job {
    op: u64,
    offset: usize,
    at: usize,
    len: usize,
}

impl Job {
    /// Has the device write to the results in the queue.
    fn fetch(&self, engine: &Engine, device: &Device<Bound>, queue: &Coherent<[u64]>) -> Result {
        let end = self.offset.checked_add(self.len).ok_or(ERANGE)?;
        if end > abi::RESULT_BYTES {
            return Err(ERANGE);
        }
        let results = queue.dma_address() + abi::RESULTS as DmaAddress;
        let to = results + self.offset as DmaAddress;
        engine.copy(device, to, self.at, self.len, true)
    }

    /// Has it read or write memory.
    fn copy(&self, engine: &Engine, device: &Device<Bound>, buffer: &mut Option<Buffer>) -> Result {
        let end = self.offset.checked_add(self.len).ok_or(EFAULT)?;
        let range = self.offset..end;
        let buffer = buffer.as_mut().ok_or(ENXIO)?;
        let copy = |ram, done, len, from_device| {
            let at = self.at.checked_add(done).ok_or(ERANGE)?;
            engine.copy(device, ram, at, len, from_device)
        };

        match self.op {
            abi::LOAD => buffer.with_mapped::<ToDevice>(device, range, |ram, done, len| {
                copy(ram, done, len, false)
            }),
            abi::STORE => buffer.with_mapped::<FromDevice>(device, range, |ram, done, len| {
                copy(ram, done, len, true)
            }),
            _ => Err(EINVAL),
        }
    }
}

#[vtable]
impl MiscDevice for AccelFile {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let accel = BOUND.get().ok_or(ENODEV)?;
        KBox::pin_init(Self::new(accel)?, GFP_KERNEL_ACCOUNT)
    }

    fn mmap_prepare<'a>(
        me: Pin<&'a Self>,
        _file: &'a File,
        mut desc: VmaDesc<'a>,
    ) -> Result<Prepared<'a>> {
        let me = me.get_ref();
        desc.try_clear_mayexec()?;
        let first = desc.pgoff();
        if let Some(first) = first.checked_sub(abi::QUEUE_FIRST) {
            return desc.map_dma::<QueueOps>(&me.queue, first);
        }
        if desc.page_count() != 1 {
            return Err(ENXIO);
        }
        // By its registers the device can be made to write to any memory.
        desc.try_clear_maywrite()?;
        desc.map_device::<RegisterOps>(&me.accel.engine.registers)
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            RUN => return Ok(me.run(arg)? as isize),
            REGISTER => {
                let mut memory = Memory::new_zeroed();
                let arg = UserSlice::new(UserPtr::from_addr(arg), size_of::<Memory>());
                arg.reader().read_slice(memory.as_mut_bytes())?;
                me.register(&memory)?;
            }
            UNREGISTER => me.unregister()?,
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

struct RegisterOps;

kernel::vm_operations!(RegisterOps);

#[vtable]
impl VmaOperations for RegisterOps {
    type Data = Registers;
    type PageKind = DeviceMap;
    type Hook = ViaMmapPrepare;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}

struct QueueOps;

kernel::vm_operations!(QueueOps);

// The queue is mapped from the beginning.
#[vtable]
impl VmaOperations for QueueOps {
    type Data = Queue;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;
}
