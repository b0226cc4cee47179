// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma-first`, a few pages that the driver shares with user space.

use kernel::{
    fs::File,
    ioctl::_IOR,
    miscdevice::{MiscDevice, MiscDeviceOptions, MiscDeviceRegistration},
    mm::vma::driver::{Fault, FaultOutcome, Mapped, Plain, SharedPage},
    mm::vma::driver::{ViaMmap, VmaOperations, VmaSetup},
    prelude::*,
    sync::atomic::{Atomic, Relaxed},
    sync::{Arc, ArcBorrow},
    uaccess::UserSlice,
};

mod abi;

const STATS: u32 = _IOR::<abi::Stats>(abi::IOC_TYPE as u32, abi::STATS_NR as u32);

module! {
    type: FirstModule,
    name: "rust_vma_first",
    description: "Rust VMA sample: pages shared with user space",
    license: "GPL",
}

#[pin_data]
struct FirstModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<Memory>,
}

impl kernel::InPlaceModule for FirstModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let name = c"rust-vma-first";
        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(MiscDeviceOptions { name }),
        })
    }
}

/// The memory of an open file. The file and each VMA that maps it hold a reference.
struct Memory {
    pages: [SharedPage; 4],
    faults: Atomic<u64>,
}

impl Memory {
    fn new() -> Result<Self> {
        let page = || SharedPage::new(GFP_KERNEL_ACCOUNT);
        Ok(Self {
            pages: [page()?, page()?, page()?, page()?],
            faults: Atomic::new(0),
        })
    }
}

#[vtable]
impl MiscDevice for Memory {
    type Ptr = Arc<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Arc<Self>> {
        Ok(Arc::new(Self::new()?, GFP_KERNEL_ACCOUNT)?)
    }

    fn mmap_setup<'a>(
        me: ArcBorrow<'a, Self>,
        _file: &'a File,
        vma: VmaSetup<'a>,
    ) -> Result<Mapped<'a>> {
        vma.require_shared()?;
        Ok(vma.with_ops::<MemoryOps>(me.into()))
    }

    fn ioctl(me: ArcBorrow<'_, Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        if cmd != STATS {
            return Err(ENOTTY);
        }
        let stats = abi::Stats {
            pages: me.pages.len() as u64,
            faults: me.faults.load(Relaxed),
        };
        let arg = UserSlice::new(UserPtr::from_addr(arg), size_of::<abi::Stats>());
        arg.writer().write_slice(stats.as_bytes())?;
        Ok(0)
    }
}

struct MemoryOps;

kernel::vm_operations!(MemoryOps);

#[vtable]
impl VmaOperations for MemoryOps {
    type Data = Arc<Memory>;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let memory: Arc<Memory> = fault.data().into();
        memory.faults.fetch_add(1, Relaxed);
        match memory.pages.get(fault.pgoff()) {
            Some(page) => fault.page(page),
            None => fault.sigbus(),
        }
    }
}

#[kunit_tests(rust_vma_first)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_its_pages() -> Result {
        let memory = Memory::new()?;
        assert_eq!(memory.pages.len(), 4);
        assert_eq!(memory.faults.load(Relaxed), 0);
        Ok(())
    }
}
