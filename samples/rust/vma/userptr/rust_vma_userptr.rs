// SPDX-License-Identifier: GPL-2.0

//! Rust VMA sample: `/dev/rust-vma-userptr` works on memory of its callers, by pinning its pages.
//!
//! The structures and ioctl numbers are in `abi.rs`; `mirror.rs` has memory that is not pinned.
//! Memory that is pinned for a long time belongs to the open file, and is unpinned at the latest
//! when the file is closed.

use core::ops::Range;
use kernel::{
    fs::File,
    ioctl::{
        _IOR,
        _IOWR, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    mm::{
        vma::{
            pin::{
                PinAccess,
                PinFor,
                PinWriteAccess,
                PinnedPages,
                ReadOnly,
                Writable, //
            },
            VmaFlag, //
        },
        MmWithUser, //
    },
    new_mutex,
    page::PAGE_SIZE,
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
mod mirror;

use abi::{
    how,
    Request,
    Stats, //
};
use mirror::Mirrored;

const fn request(nr: u8) -> u32 {
    _IOWR::<Request>(abi::IOC_TYPE as u32, nr as u32)
}

const SUM: u32 = request(abi::SUM_NR);
const FILL: u32 = request(abi::FILL_NR);
const REGISTER: u32 = request(abi::REGISTER_NR);
const UNREGISTER: u32 = request(abi::UNREGISTER_NR);
const SUM_REGISTERED: u32 = request(abi::SUM_REGISTERED_NR);
const FILL_REGISTERED: u32 = request(abi::FILL_REGISTERED_NR);
const MIRROR: u32 = request(abi::MIRROR_NR);
const UNMIRROR: u32 = request(abi::UNMIRROR_NR);
const SUM_MIRRORED: u32 = request(abi::SUM_MIRRORED_NR);
const KNOWN: u32 = request(abi::KNOWN_NR);
const STATS: u32 = _IOR::<Stats>(abi::IOC_TYPE as u32, abi::STATS_NR as u32);

static FILES: Atomic<u64> = Atomic::new(0);
static PINNED: Atomic<u64> = Atomic::new(0);
static UNPINNED: Atomic<u64> = Atomic::new(0);

module! {
    type: RustVmaUserptrModule,
    name: "rust_vma_userptr",
    description: "Rust VMA sample: user memory",
    license: "GPL",
}

#[pin_data]
struct RustVmaUserptrModule {
    #[pin]
    _miscdev: MiscDeviceRegistration<RustVmaUserptr>,
}

impl kernel::InPlaceModule for RustVmaUserptrModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let options = MiscDeviceOptions {
            name: c"rust-vma-userptr",
        };

        try_pin_init!(Self {
            _miscdev <- MiscDeviceRegistration::register(options),
        })
    }
}

/// Pinned memory that is counted.
struct Memory<A: PinAccess>(PinnedPages<A>);

impl<A: PinAccess> Memory<A> {
    /// Pins memory of the current task.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an unknown way, `EFAULT` if not all of it is mapped and accessible.
    fn pin(mm: &MmWithUser, range: Range<usize>, way: u64, needs: VmaFlag) -> Result<Self> {
        let mut locks = mm.vma_locks();

        let pages = match way {
            how::FAST => locks.pin_user_pages_fast(range, PinFor::Short)?,
            how::LONG_TERM => locks.pin_user_pages_fast(range, PinFor::LongTerm)?,
            how::LOCKED => {
                let mut mmap = locks.read_killable()?;
                let vma = mmap.lookup(range.start).ok_or(EFAULT)?;
                if range.end > vma.end() || !vma.flags().contains(needs) {
                    return Err(EFAULT);
                }
                // The mmap lock was not dropped, so the VMA is still as it was checked.
                mmap.pin_user_pages(range, PinFor::Short)?
            }
            _ => return Err(EINVAL),
        };

        PINNED.fetch_add(pages.page_count() as u64, Relaxed);
        Ok(Self(pages))
    }

    fn sum(&self) -> Result<u64> {
        let mut bytes = KVec::from_elem(0u8, PAGE_SIZE, GFP_KERNEL)?;
        let mut sum = 0;

        for page in self.0.iter() {
            let bytes = &mut bytes[..page.len()];
            page.read(0, bytes)?;
            sum += bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }
        Ok(sum)
    }

    fn fill(&mut self, byte: u8) -> Result
    where
        A: PinWriteAccess,
    {
        let bytes = KVec::from_elem(byte, PAGE_SIZE, GFP_KERNEL)?;
        let mut done = 0;

        while done < self.0.len() {
            let len = PAGE_SIZE.min(self.0.len() - done);
            self.0.write(done, &bytes[..len])?;
            done += len;
        }
        Ok(())
    }
}

impl<A: PinAccess> Drop for Memory<A> {
    fn drop(&mut self) {
        UNPINNED.fetch_add(self.0.page_count() as u64, Relaxed);
    }
}

/// An open file of the device.
#[pin_data(PinnedDrop)]
struct RustVmaUserptr {
    #[pin]
    registered: Mutex<Option<Memory<Writable>>>,
    // Held while the memory is looked at, which takes the mmap lock: the file cannot be mapped, so
    // nothing takes it under that.
    #[pin]
    mirrored: Mutex<Option<Mirrored>>,
}

#[pinned_drop]
impl PinnedDrop for RustVmaUserptr {
    fn drop(self: Pin<&mut Self>) {
        FILES.fetch_sub(1, Relaxed);
    }
}

/// Returns the addresses that a user names.
fn range(addr: u64, len: u64) -> Result<Range<usize>> {
    if !(1..=abi::MAX_LEN).contains(&len) {
        return Err(EINVAL);
    }
    let end = addr.checked_add(len).ok_or(EINVAL)?;
    Ok(usize::try_from(addr)?..usize::try_from(end)?)
}

impl RustVmaUserptr {
    fn answer(&self, mm: &MmWithUser, cmd: u32, request: Request) -> Result<u64> {
        let Request {
            addr,
            len,
            how: way,
            byte,
            sum: 0,
            reserved: 0,
        } = request
        else {
            return Err(EINVAL);
        };
        let byte = u8::try_from(byte)?;

        match cmd {
            SUM => Memory::<ReadOnly>::pin(mm, range(addr, len)?, way, VmaFlag::READ)?.sum(),
            FILL => {
                Memory::<Writable>::pin(mm, range(addr, len)?, way, VmaFlag::WRITE)?.fill(byte)?;
                Ok(0)
            }
            REGISTER => {
                // Pinning may fault, so the mutex is taken after it.
                let memory = Memory::pin(mm, range(addr, len)?, how::LONG_TERM, VmaFlag::WRITE)?;
                let mut registered = self.registered.lock();
                if registered.is_some() {
                    return Err(EBUSY);
                }
                *registered = Some(memory);
                Ok(0)
            }
            MIRROR => {
                let memory = Mirrored::new(mm, range(addr, len)?)?;
                let mut mirrored = self.mirrored.lock();
                if mirrored.is_some() {
                    // The other one is dropped after the lock is released.
                    return Err(EBUSY);
                }
                *mirrored = Some(memory);
                Ok(0)
            }
            UNMIRROR | SUM_MIRRORED | KNOWN => {
                self.mirrored(mm, cmd, [addr, len, way, byte.into()])
            }
            _ => self.registered(cmd, [addr, len, way], byte),
        }
    }

    fn mirrored(&self, mm: &MmWithUser, cmd: u32, unused: [u64; 4]) -> Result<u64> {
        if unused != [0; 4] {
            return Err(EINVAL);
        }

        let mut mirrored = self.mirrored.lock();
        match cmd {
            UNMIRROR => mirrored.take().map(|_| 0).ok_or(ENXIO),
            SUM_MIRRORED => {
                let memory: &mut Option<Mirrored> = &mut mirrored;
                memory.as_mut().ok_or(ENXIO)?.sum(mm)
            }
            _ => Ok(mirrored.as_ref().ok_or(ENXIO)?.known()),
        }
    }

    fn registered(&self, cmd: u32, unused: [u64; 3], byte: u8) -> Result<u64> {
        if unused != [0; 3] || (cmd != FILL_REGISTERED && byte != 0) {
            return Err(EINVAL);
        }

        let mut registered = self.registered.lock();
        match cmd {
            UNREGISTER => registered.take().map(|_| 0).ok_or(ENXIO),
            SUM_REGISTERED => registered.as_ref().ok_or(ENXIO)?.sum(),
            _ => {
                let memory: &mut Option<Memory<Writable>> = &mut registered;
                memory.as_mut().ok_or(ENXIO)?.fill(byte)?;
                Ok(0)
            }
        }
    }
}

#[vtable]
impl MiscDevice for RustVmaUserptr {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let file = KBox::pin_init(
            pin_init!(Self {
                registered <- new_mutex!(None),
                mirrored <- new_mutex!(None),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        FILES.fetch_add(1, Relaxed);
        Ok(file)
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let arg = UserPtr::from_addr(arg);

        match cmd {
            STATS => {
                let (pinned, unpinned) = (PINNED.load(Relaxed), UNPINNED.load(Relaxed));
                let now = pinned.wrapping_sub(unpinned);
                let stats = Stats {
                    files: FILES.load(Relaxed),
                    pinned_now: now,
                    pinned,
                    unpinned,
                    reserved: [0; 2],
                };
                UserSlice::new(arg, size_of::<Stats>())
                    .writer()
                    .write_slice(stats.as_bytes())?;
            }
            SUM | FILL | REGISTER | UNREGISTER | SUM_REGISTERED | FILL_REGISTERED | MIRROR
            | UNMIRROR | SUM_MIRRORED | KNOWN => {
                let current = current!();
                // Kernel threads have no address space.
                let mm = current.mm().ok_or(ESRCH)?;
                let slice = UserSlice::new(arg, size_of::<Request>());
                let (mut reader, mut writer) = slice.reader_writer();

                let mut request = Request::new_zeroed();
                reader.read_slice(request.as_mut_bytes())?;
                request.sum = me.answer(mm, cmd, request)?;
                writer.write_slice(request.as_bytes())?;
            }
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}
