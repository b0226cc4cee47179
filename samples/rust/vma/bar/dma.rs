// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-bar-dma`: coherent DMA memory of the PCI device.

use crate::abi::{
    self,
    Word, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::CoherentBox,
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

type Memory = Arc<DmaMemory<[u64]>>;

pub(crate) static BOUND: BoundMemory<DmaMemory<[u64]>> = BoundMemory::new();

/// Allocates the memory of a device.
pub(crate) fn memory(device: &Device<Bound>) -> Result<Memory> {
    let coherent = CoherentBox::<[u64]>::zeroed_slice(device, WORDS, GFP_KERNEL)?;
    DmaMemory::new(device, coherent)
}

/// An open file: the memory of the device that was bound then.
pub(crate) struct DmaFile {
    memory: Memory,
}

impl DmaFile {
    fn load(&self, index: usize) -> Result<u64> {
        // The memory is there for as long as this holds its guard.
        let coherent = self.memory.try_access().ok_or(ENODEV)?;
        Ok(io_read!(coherent, [try: index]))
    }

    fn store(&self, index: usize, value: u64) -> Result {
        let coherent = self.memory.try_access().ok_or(ENODEV)?;
        io_write!(coherent, [try: index], value);
        Ok(())
    }
}

#[vtable]
impl MiscDevice for DmaFile {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let memory = BOUND.get().ok_or(ENODEV)?;
        Ok(KBox::new(Self { memory }, GFP_KERNEL_ACCOUNT)?.into())
    }

    fn mmap_prepare<'a>(
        me: Pin<&'a Self>,
        _file: &'a File,
        mut desc: VmaDesc<'a>,
    ) -> Result<Prepared<'a>> {
        desc.try_clear_mayexec()?;
        let first = desc.pgoff();
        desc.map_dma::<DmaOps>(&me.get_ref().memory, first)
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = || UserSlice::new(UserPtr::from_addr(arg), size_of::<Word>());
        let mut word = Word::new_zeroed();
        arg().reader().read_slice(word.as_mut_bytes())?;
        let index = usize::try_from(word.index).map_err(|_| ERANGE)?;

        match cmd {
            LOAD => {
                word.value = me.load(index)?;
                arg().writer().write_slice(word.as_bytes())?;
            }
            STORE => me.store(index, word.value)?,
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
