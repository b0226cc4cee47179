// SPDX-License-Identifier: GPL-2.0

//! Memory of a device that goes away, or sleeps, while it is mapped.
//!
//! The device is a faux device, and its memory the kernel's own.

use super::{
    super::{
        address_space::{
            peek,
            peek_if_mapped,
            poke,
            unmap,
            AddressSpace,
            Mapping, //
        },
        order::file_of,
        second_task::{
            wait_until,
            SecondTask, //
        }, //
    },
    bound::{
        bind,
        bound_device, //
    },
    device::{
        Device,
        Hook, //
    },
};
use crate::{
    bindings,
    device::{
        Bound,
        Device as AnyDevice, //
    },
    devres::Devres,
    faux::Registration,
    mm::vma::{
        driver::{
            BoundMemory,
            DeviceMap,
            DeviceMemory,
            DeviceResource,
            Fault,
            FaultOutcome,
            HasFrames,
            MemoryType,
            PfnRegion,
            ViaMmap,
            ViaMmapPrepare,
            VmaOperations, //
        },
        LockOrder,
        VmaFlag, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

const PAGES: usize = 4;

/// Looks, when the memory is released, whether it is still mapped somewhere.
pub(super) struct Probe {
    addr: Atomic<usize>,
    released: Atomic<bool>,
    was_mapped: Atomic<bool>,
}

/// Tells the probe when the memory is released.
pub(super) struct Live(Arc<Probe>);

impl Drop for Live {
    fn drop(&mut self) {
        let is_mapped = peek_if_mapped(self.0.addr.load(Relaxed)).is_some();
        self.0.was_mapped.store(is_mapped, Relaxed);
        self.0.released.store(true, Relaxed);
    }
}

/// Pages of the kernel's, in place of the memory of a device.
struct Pages<'a> {
    device: &'a AnyDevice<Bound>,
    pages: Arc<PfnRegion<Live>>,
}

// SAFETY: The frames are those of the region, which is released with the `Devres`.
unsafe impl<'a> DeviceResource<'a> for Pages<'a> {
    type Managed = Devres<Arc<PfnRegion<Live>>>;

    fn device(&self) -> &'a AnyDevice<Bound> {
        self.device
    }

    fn frames(&self) -> Result<(usize, usize)> {
        Ok((self.pages.frames().pfn(0).ok_or(EINVAL)?, PAGES))
    }

    fn into_devres(self) -> Result<Self::Managed> {
        Devres::new(self.device, Ok::<_, Error>(self.pages))
    }
}

pub(super) type Memory = Arc<DeviceMemory<Devres<Arc<PfnRegion<Live>>>>>;

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Memory;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}

/// The same for the other hook.
struct PreparedOps;

crate::vm_operations!(PreparedOps);

#[vtable]
impl VmaOperations for PreparedOps {
    type Data = Memory;
    type PageKind = DeviceMap;
    type Hook = ViaMmapPrepare;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}

const BY_MMAP: Hook<Memory> = Hook::Mmap(|memory, setup| setup.map_device::<Ops>(memory.clone()));

/// A device that is bound, its memory, and files that map it.
pub(super) struct Bench {
    mm: AddressSpace,
    probe: Arc<Probe>,
    bound: Registration,
    files: KBox<Device<Memory>>,
}

impl Bench {
    pub(super) fn new() -> Result<Self> {
        Self::with(BY_MMAP, |pages| {
            DeviceMemory::new(pages, MemoryType::Cached)
        })
    }

    fn with_stand_in() -> Result<Self> {
        Self::with(BY_MMAP, |pages| {
            DeviceMemory::with_stand_in(pages, MemoryType::Cached)
        })
    }

    fn with(hook: Hook<Memory>, make: impl FnOnce(Pages<'_>) -> Result<Memory>) -> Result<Self> {
        let mm = AddressSpace::of_this_case()?;
        let probe = Arc::new(
            Probe {
                addr: Atomic::new(0),
                released: Atomic::new(false),
                was_mapped: Atomic::new(false),
            },
            GFP_KERNEL,
        )?;
        let live = Live(probe.clone());
        let pages = Arc::pin_init(PfnRegion::alloc(PAGES, GFP_KERNEL, live), GFP_KERNEL)?;
        for page in 0..PAGES {
            pages.frames().write(page * PAGE_SIZE, &[70 + page as u8])?;
        }

        let bound = bind()?;
        let device = bound_device(&bound);
        let memory = make(Pages { device, pages })?;
        let files = Device::new(memory, hook)?;
        Ok(Self {
            mm,
            probe,
            bound,
            files,
        })
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.files.data
    }

    fn map_as(&self, flags: u32) -> Result<Mapping> {
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let file = self.files.open()?;
        let mapping = self.mm.map_file_as(&file, 0, PAGES, rw, flags, 0)?;
        self.probe.addr.store(mapping.start, Relaxed);
        Ok(mapping)
    }

    pub(super) fn map(&self) -> Result<Mapping> {
        self.map_as(bindings::MAP_SHARED)
    }

    /// Has the probe look at an address when the memory is released.
    #[cfg(CONFIG_DRM = "y")]
    pub(super) fn watch(&self, addr: usize) {
        self.probe.addr.store(addr, Relaxed);
    }

    /// Unbinds the device. Returns whether that released its memory, which was not mapped then.
    #[cfg(CONFIG_DRM = "y")]
    pub(super) fn unbind_unmapped(self) -> bool {
        drop(self.bound);
        self.probe.released.load(Relaxed) && !self.probe.was_mapped.load(Relaxed)
    }
}

#[kunit_tests(rust_vma_device_memory)]
mod tests {
    use super::*;

    #[test]
    fn unbound_device_takes_its_mappings_away() -> Result {
        let Bench {
            mm: _mm,
            probe,
            bound,
            files,
        } = Bench::new()?;
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        // Two files, so no reverse mapping of a device node finds both.
        let (file, other) = (files.open()?, files.open()?);
        let mapping = _mm.map_file_as(&file, 0, PAGES, rw, bindings::MAP_SHARED, 0)?;
        let second = _mm.map_file_as(&other, 0, PAGES, rw, bindings::MAP_SHARED, 0)?;
        probe.addr.store(second.start, Relaxed);
        assert_eq!((peek(mapping.start)?, peek(second.start)?), (70, 70));

        drop(bound);
        assert!(probe.released.load(Relaxed) && !probe.was_mapped.load(Relaxed));
        for addr in [mapping.start, second.start] {
            assert_eq!(peek_if_mapped(addr), None);
            assert_eq!(peek(addr), Err(EFAULT));
            assert_eq!(poke(addr, 1), Err(EFAULT));
        }
        assert!(!files.data.is_present());
        assert!(files.data.resource().try_access().is_none());
        Ok(())
    }

    #[test]
    fn memory_is_mapped_by_a_description() -> Result {
        let hook = Hook::MmapPrepare(|memory, desc| desc.map_device::<PreparedOps>(memory));
        let bench = Bench::with(hook, |pages| DeviceMemory::new(pages, MemoryType::Cached))?;
        assert_eq!(bench.map_as(bindings::MAP_PRIVATE).err(), Some(EINVAL));
        let (mapping, second) = (bench.map()?, bench.map()?);
        poke(mapping.start + 1, 9)?;
        assert_eq!((peek(second.start)?, peek(second.start + 1)?), (70, 9));

        let mut locks = bench.mm.vma_locks();
        let vma = locks.lock_vma(second.start).ok_or(ENOENT)?;
        let flags = vma.flags();
        assert!(flags.contains_all(VmaFlag::IO | VmaFlag::DONTEXPAND | VmaFlag::DONTDUMP));
        assert!(vma.downcast::<PreparedOps>().is_some());
        drop(vma);

        bench.memory().suspend(&mut LockOrder::new());
        assert_eq!(peek(mapping.start), Err(EFAULT));
        bench.memory().resume(&mut LockOrder::new());
        assert_eq!(peek(mapping.start)?, 70);

        let file = bench.files.open()?;
        drop(bench.bound);
        assert!(bench.probe.released.load(Relaxed) && !bench.probe.was_mapped.load(Relaxed));
        for addr in [mapping.start, second.start] {
            assert_eq!(peek_if_mapped(addr), None);
            assert_eq!(peek(addr), Err(EFAULT));
        }
        assert_eq!(bench.mm.map_file(&file, 0, 1).err(), Some(ENODEV));
        Ok(())
    }

    /// Below another file, whose `.mmap` calls C, and that the `.mmap_prepare` of this one (C:
    /// `compat_vma_mmap()`). C takes a reference to the new file beside the one that it is given,
    /// and nothing tells the hook that it is called so. That reference is lost, and no more.
    #[test]
    fn mapping_of_a_stacked_file_is_taken_away() -> Result {
        let hook = Hook::MmapPrepare(|memory, desc| desc.map_device::<PreparedOps>(memory));
        let bench = Bench::with(hook, |pages| DeviceMemory::new(pages, MemoryType::Cached))?;
        let upper = Device::new(
            bench.files.open()?,
            Hook::Mmap(|file, mut setup| {
                let raw = file.as_ptr();
                // SAFETY: As `backing_file_mmap()` does it. The operations are in the kernel, the
                // file is anonymous, and the device outlives the VMA.
                unsafe {
                    setup.set_file(file);
                    setup.finish_in_c(|vma| bindings::vma_vfs_mmap(raw, vma))
                }
            }),
        )?;
        let mapping = bench.mm.map_file(&*upper.open()?, 0, PAGES)?;
        bench.probe.addr.store(mapping.start, Relaxed);
        assert_eq!(peek(mapping.start)?, 70);

        let file = file_of(&bench.mm, mapping)?;
        // SAFETY: The file is open.
        let references = || unsafe { bindings::vma_kunit_file_count(file.as_ptr()) };
        // This one, that of the VMA, and the one that is lost.
        assert_eq!(references(), 3);
        drop(bench.bound);
        assert!(bench.probe.released.load(Relaxed) && !bench.probe.was_mapped.load(Relaxed));
        assert_eq!(peek(mapping.start), Err(EFAULT));

        unmap(mapping.start, mapping.len)?;
        assert_eq!(references(), 2);
        // SAFETY: It is the one that is lost.
        unsafe { bindings::fput(file.as_ptr()) };
        Ok(())
    }

    #[test]
    fn gone_memory_is_not_mapped() -> Result {
        let bench = Bench::new()?;
        let (mm, files) = (bench.mm.clone(), bench.files);
        drop(bench.bound);

        let file = files.open()?;
        assert_eq!(mm.map_file(&file, 0, 1).err(), Some(ENODEV));
        // It does not come back.
        files.data.suspend(&mut LockOrder::new());
        files.data.resume(&mut LockOrder::new());
        assert!(!files.data.is_present());
        Ok(())
    }

    #[test]
    fn memory_is_released_with_the_device_only() -> Result {
        let bench = Bench::new()?;
        let mapping = bench.map()?;
        assert_eq!(peek(mapping.start)?, 70);
        unmap(mapping.start, mapping.len)?;

        // Neither mappings nor the driver have it now, but the device does.
        drop(bench.files);
        assert!(!bench.probe.released.load(Relaxed));
        drop(bench.bound);
        assert!(bench.probe.released.load(Relaxed));
        Ok(())
    }

    #[test]
    fn bound_memory_is_given_until_it_is_replaced() -> Result {
        let bench = Bench::new()?;
        let memory = bench.memory().clone();
        let slot = BoundMemory::new();
        assert!(slot.get().is_none());

        slot.set(Some(memory.clone()));
        assert!(slot.get().is_some_and(|given| Arc::ptr_eq(&given, &memory)));
        slot.set(None);
        assert!(slot.get().is_none());

        // It has given back what it had, also when it is dropped.
        slot.set(Some(memory.clone()));
        drop((slot, bench.files, bench.bound));
        assert!(Arc::into_unique_or_drop(memory).is_some());
        Ok(())
    }

    #[test]
    fn suspended_memory_faults_until_it_is_resumed() -> Result {
        let bench = Bench::new()?;
        let mapping = bench.map()?;
        poke(mapping.start, 9)?;

        bench.memory().suspend(&mut LockOrder::new());
        assert_eq!(peek_if_mapped(mapping.start), None);
        assert_eq!(peek(mapping.start), Err(EFAULT));
        // It can be mapped, for later.
        let second = bench.map()?;
        assert_eq!(peek(second.start), Err(EFAULT));

        bench.memory().resume(&mut LockOrder::new());
        assert_eq!((peek(mapping.start)?, peek(second.start)?), (9, 9));
        Ok(())
    }

    #[test]
    fn insertion_under_a_lock_fails_while_suspended() -> Result {
        let bench = Bench::new()?;
        let mapping = bench.map()?;
        let insert = || -> Result {
            let mut locks = bench.mm.vma_locks();
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma = vma.downcast::<Ops>().ok_or(ENXIO)?;
            vma.insert_pfn(&mut order, mapping.start, 1)
        };

        bench.memory().suspend(&mut LockOrder::new());
        assert_eq!(insert(), Err(ENXIO));
        assert_eq!(peek_if_mapped(mapping.start), None);
        bench.memory().resume(&mut LockOrder::new());
        insert()?;
        assert_eq!(peek_if_mapped(mapping.start), Some(71));
        Ok(())
    }

    #[test]
    fn private_writable_mapping_is_refused() -> Result {
        let bench = Bench::new()?;
        assert_eq!(bench.map_as(bindings::MAP_PRIVATE).err(), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn mapping_has_a_file_of_its_own() -> Result {
        let bench = Bench::new()?;
        let file = bench.files.open()?;
        let mapping = bench.mm.map_file(&file, 0, 1)?;
        let mut locks = bench.mm.vma_locks();
        let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;

        assert!(vma.file().is_some_and(|own| own.as_ptr() != file.as_ptr()));
        assert!(vma.flags().contains(VmaFlag::IO));
        Ok(())
    }

    #[test]
    fn stand_in_page_is_there_while_suspended() -> Result {
        let bench = Bench::with_stand_in()?;
        let (mapping, second) = (bench.map()?, bench.map()?);
        assert_eq!((peek(mapping.start)?, peek(second.start)?), (70, 70));

        for written in [0, 5] {
            bench.memory().suspend(&mut LockOrder::new());
            assert_eq!(peek_if_mapped(mapping.start), None);
            // One page for all, which keeps what was written.
            assert_eq!(peek(second.start + PAGE_SIZE)?, written);
            poke(mapping.start, 5)?;
            assert_eq!(peek(second.start + 3 * PAGE_SIZE)?, 5);
            // There is no more of it than of the device.
            let file = bench.files.open()?;
            let beyond = bench.mm.map_file(&file, PAGES - 1, 2)?;
            assert_eq!(peek(beyond.start)?, 5);
            assert_eq!(peek(beyond.start + PAGE_SIZE), Err(EFAULT));
            unmap(beyond.start, beyond.len)?;

            bench.memory().resume(&mut LockOrder::new());
            assert_eq!(peek_if_mapped(second.start + PAGE_SIZE), None);
            assert_eq!((peek(mapping.start)?, peek(second.start)?), (70, 70));
            assert_eq!(peek(second.start + PAGE_SIZE)?, 71);
        }
        Ok(())
    }

    #[test]
    fn stand_in_page_stays_when_the_device_goes() -> Result {
        let Bench {
            mm,
            probe,
            bound,
            files,
        } = Bench::with_stand_in()?;
        let file = files.open()?;
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let mapping = mm.map_file_as(&file, 0, PAGES, rw, bindings::MAP_SHARED, 0)?;
        probe.addr.store(mapping.start, Relaxed);
        assert_eq!(peek(mapping.start)?, 70);

        drop(bound);
        assert!(probe.released.load(Relaxed) && !probe.was_mapped.load(Relaxed));
        assert_eq!(peek(mapping.start)?, 0);
        poke(mapping.start, 3)?;
        files.data.resume(&mut LockOrder::new());
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 3);
        assert_eq!(mm.map_file(&file, 0, 1).err(), Some(ENODEV));
        // The page is the mapping's, which is the last to have it.
        drop((file, files));
        assert_eq!(peek(mapping.start + PAGE_SIZE)?, 3);
        unmap(mapping.start, mapping.len)
    }

    #[cfg(not(CONFIG_UML))]
    #[test]
    fn mprotect_is_refused_with_a_stand_in_page() -> Result {
        use super::super::syscalls::mprotect;

        for (bench, result) in [
            (Bench::new()?, Ok(())),
            (Bench::with_stand_in()?, Err(EACCES)),
        ] {
            let mapping = bench.map()?;
            let read = bindings::PROT_READ;
            assert_eq!(mprotect(mapping.start, PAGE_SIZE, read), result);
            unmap(mapping.start, mapping.len)?;
        }
        Ok(())
    }

    /// As a fault that has begun, and has not mapped its page yet.
    #[test]
    fn suspend_waits_for_faults_under_way() -> Result {
        let bench = Bench::new()?;
        let lent = <Memory as HasFrames>::find(bench.memory().as_arc_borrow(), 0);
        assert!(lent.is_ok());

        let memory = bench.memory().clone();
        let second = SecondTask::spawn(move || memory.suspend(&mut LockOrder::new()))?;
        assert!(wait_until(|| !bench.memory().is_present()));
        assert!(second.stays_blocked());
        let later = <Memory as HasFrames>::find(bench.memory().as_arc_borrow(), 0);
        assert_eq!(later.err(), Some(ENXIO));

        drop(lent);
        second.join()
    }

    /// A second task faults all the time. When `suspend()` returns, nothing is mapped.
    #[test]
    fn nothing_is_mapped_after_suspend() -> Result {
        const ROUNDS: usize = 200;
        let bench = Bench::new()?;
        let mapping = bench.map()?;
        let (mm, addr) = (bench.mm.clone(), mapping.start);
        let stop = Arc::new(Atomic::new(false), GFP_KERNEL)?;
        let seen = Arc::new(Atomic::new(0usize), GFP_KERNEL)?;

        let (stopped, counted) = (stop.clone(), seen.clone());
        let reader = SecondTask::spawn(move || {
            mm.enter(|| {
                let mut wrong = 0;
                while !stopped.load(Relaxed) {
                    match peek(addr) {
                        Ok(70) => drop(counted.fetch_add(1, Relaxed)),
                        Err(EFAULT) => {}
                        _ => wrong += 1,
                    }
                    // SAFETY: Nothing is held.
                    unsafe { bindings::schedule() };
                }
                wrong
            })
        })?;

        let mut late = 0;
        for _ in 0..ROUNDS {
            let before = seen.load(Relaxed);
            assert!(wait_until(|| seen.load(Relaxed) != before));
            bench.memory().suspend(&mut LockOrder::new());
            late += usize::from(peek_if_mapped(addr).is_some());
            bench.memory().resume(&mut LockOrder::new());
        }
        stop.store(true, Relaxed);
        assert_eq!((reader.join()?, late), (0, 0));
        Ok(())
    }
}
