// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-bar-dma`: coherent DMA memory of the PCI device, one buffer and a ring of
//! several.

use crate::abi::{
    self,
    Word, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::{
        Coherent,
        CoherentBox, //
    },
    fs::File,
    io::{
        io_read,
        io_write, //
    },
    ioctl::_IOWR,
    miscdevice::{
        MiscDevice,
        MiscDeviceRegistration, //
    },
    mm::vma::driver::{
        BoundMemory,
        DmaBuffers,
        DmaMap,
        DmaMemory,
        Prepared,
        ViaMmapPrepare,
        VmaDesc,
        VmaOperations, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc,
    uaccess::UserSlice, //
};
use zerocopy::FromZeros;

const LOAD: u32 = _IOWR::<Word>(abi::IOC_TYPE as u32, abi::LOAD_NR as u32);
const STORE: u32 = _IOWR::<Word>(abi::IOC_TYPE as u32, abi::STORE_NR as u32);

const WORDS: usize = abi::DMA_PAGES * PAGE_SIZE / size_of::<u64>();
const BUFFER_WORDS: usize = abi::BUFFER_PAGES * PAGE_SIZE / size_of::<u64>();

type Memory = Arc<DmaMemory<[u64]>>;
type Ring = Arc<DmaBuffers<[u64]>>;

/// The DMA memory of a device.
pub(crate) struct DeviceDma {
    memory: Memory,
    ring: Ring,
}

pub(crate) static BOUND: BoundMemory<DeviceDma> = BoundMemory::new();

impl DeviceDma {
    /// Allocates the memory of a device.
    pub(crate) fn new(device: &Device<Bound>) -> Result<Arc<Self>> {
        let coherent = CoherentBox::<[u64]>::zeroed_slice(device, WORDS, GFP_KERNEL)?;
        let mut buffers = KVec::with_capacity(abi::RING_BUFFERS, GFP_KERNEL)?;
        for _ in 0..abi::RING_BUFFERS {
            let buffer = Coherent::<u64>::zeroed_slice(device, BUFFER_WORDS, GFP_KERNEL)?;
            buffers.push(buffer, GFP_KERNEL)?;
        }

        let dma = Self {
            memory: DmaMemory::new(device, coherent)?,
            ring: DmaBuffers::new(device, buffers)?,
        };
        Ok(Arc::new(dma, GFP_KERNEL)?)
    }

    /// Has `access` read or write a word, which it is given with the buffer that has it.
    fn word<R>(
        &self,
        index: usize,
        access: impl FnOnce(&Coherent<[u64]>, usize) -> Result<R>,
    ) -> Result<R> {
        // The buffers are there for as long as this holds their guard.
        match index.checked_sub(WORDS) {
            None => access(&*self.memory.try_access().ok_or(ENODEV)?, index),
            Some(index) => {
                let buffers = self.ring.try_access().ok_or(ENODEV)?;
                let buffer = buffers.get(index / BUFFER_WORDS).ok_or(ERANGE)?;
                access(buffer, index % BUFFER_WORDS)
            }
        }
    }
}

/// An open file: the memory of the device that was bound then.
pub(crate) struct DmaFile {
    dma: Arc<DeviceDma>,
}

#[vtable]
impl MiscDevice for DmaFile {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let dma = BOUND.get().ok_or(ENODEV)?;
        Ok(KBox::new(Self { dma }, GFP_KERNEL_ACCOUNT)?.into())
    }

    fn mmap_prepare<'a>(
        me: Pin<&'a Self>,
        _file: &'a File,
        mut desc: VmaDesc<'a>,
    ) -> Result<Prepared<'a>> {
        desc.try_clear_mayexec()?;
        let DeviceDma { memory, ring } = &*me.get_ref().dma;
        let first = desc.pgoff();
        match first.checked_sub(abi::RING_FIRST) {
            None => desc.map_dma::<DmaOps>(memory, first),
            Some(first) => desc.map_dma::<RingOps>(ring, first),
        }
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = || UserSlice::new(UserPtr::from_addr(arg), size_of::<Word>());
        let mut word = Word::new_zeroed();
        arg().reader().read_slice(word.as_mut_bytes())?;
        let index = usize::try_from(word.index).map_err(|_| ERANGE)?;

        match cmd {
            LOAD => {
                word.value = me
                    .dma
                    .word(index, |buffer, index| Ok(io_read!(buffer, [try: index])))?;
                arg().writer().write_slice(word.as_bytes())?;
            }
            STORE => me.dma.word(index, |buffer, index| {
                io_write!(buffer, [try: index], word.value);
                Ok(())
            })?,
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}

struct DmaOps;

kernel::vm_operations!(DmaOps);

// The whole VMA is mapped from the beginning, and when it is no longer there is nothing to map: an
// access without a `fault` is a SIGBUS.
#[vtable]
impl VmaOperations for DmaOps {
    type Data = Memory;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;
}

struct RingOps;

kernel::vm_operations!(RingOps);

#[vtable]
impl VmaOperations for RingOps {
    type Data = Ring;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;
}
