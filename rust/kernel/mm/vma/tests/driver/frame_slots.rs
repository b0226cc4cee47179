// SPDX-License-Identifier: GPL-2.0

//! Frames that are added and replaced while they are mapped.

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
        second_task::{
            wait_until,
            SecondTask, //
        }, //
    },
    device::{
        Device,
        Hook, //
    },
};
use crate::{
    bindings,
    mm::vma::{
        driver::{
            DeviceMap,
            Fault,
            FaultOutcome,
            FrameSlots,
            Frames,
            HasFrames,
            ViaMmap,
            VmaOperations, //
        },
        LockOrder, //
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

type Slots = Arc<FrameSlots<()>>;

const SLOTS: usize = 3;
/// Of each slot.
const PAGES: usize = 2;

struct Ops;

crate::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Slots;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}

/// Slots, and files that map them.
struct Bench {
    mm: AddressSpace,
    files: KBox<Device<Slots>>,
}

/// Frames for a slot; the first page begins with this.
fn block(byte: u8) -> Result<KBox<Frames>> {
    let frames = Frames::alloc(PAGES, GFP_KERNEL)?;
    frames.write(0, &[byte])?;
    Ok(KBox::new(frames, GFP_KERNEL)?)
}

/// A dummy page in place of them.
fn dummy(byte: u8) -> Result<KBox<Frames>> {
    let frames = Frames::alloc_dummy(PAGES, GFP_KERNEL)?;
    frames.write(0, &[byte])?;
    Ok(KBox::new(frames, GFP_KERNEL)?)
}

impl Bench {
    /// All slots are empty.
    fn new() -> Result<Self> {
        let slots = Arc::pin_init(FrameSlots::new(SLOTS, PAGES, GFP_KERNEL, ()), GFP_KERNEL)?;
        Ok(Self {
            mm: AddressSpace::of_this_case()?,
            files: Device::new(
                slots,
                Hook::Mmap(|slots, setup| setup.map_device::<Ops>(slots.clone())),
            )?,
        })
    }

    fn slots(&self) -> &Slots {
        &self.files.data
    }

    fn put(&self, slot: usize, frames: KBox<Frames>) -> Result<Option<KBox<Frames>>> {
        self.slots()
            .replace(&mut LockOrder::new(), slot, Some(frames))
    }

    fn take(&self, slot: usize) -> Result<Option<KBox<Frames>>> {
        self.slots().replace(&mut LockOrder::new(), slot, None)
    }

    /// All of it, by a file of its own.
    fn map(&self) -> Result<Mapping> {
        let rw = bindings::PROT_READ | bindings::PROT_WRITE;
        let file = self.files.open()?;
        let pages = SLOTS * PAGES;
        self.mm
            .map_file_as(&file, 0, pages, rw, bindings::MAP_SHARED, 0)
    }
}

/// The address of a slot in a mapping.
fn at(mapping: Mapping, slot: usize) -> usize {
    mapping.start + slot * PAGES * PAGE_SIZE
}

#[kunit_tests(rust_vma_frame_slots)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_added_and_replaced_while_mapped() -> Result {
        let bench = Bench::new()?;
        let (one, two) = (bench.map()?, bench.map()?);
        assert_eq!(peek(at(one, 0)), Err(EFAULT));

        assert!(bench.put(0, block(70)?)?.is_none());
        assert!(bench.put(2, block(72)?)?.is_none());
        assert_eq!((peek(at(one, 0))?, peek(at(two, 0))?), (70, 70));
        assert_eq!((peek(at(one, 2))?, peek(at(two, 1))), (72, Err(EFAULT)));
        poke(at(one, 0), 1)?;

        // A dummy page takes their place, and they come back as they were.
        let block = bench.put(0, dummy(90)?)?.ok_or(EIO)?;
        for mapping in [one, two] {
            assert_eq!(peek_if_mapped(at(mapping, 0)), None);
            assert_eq!(peek(at(mapping, 0))?, 90);
            assert_eq!(peek(at(mapping, 0) + PAGE_SIZE)?, 90);
        }
        poke(at(two, 0), 2)?;
        let mut byte = [0];
        block.read(0, &mut byte)?;
        assert_eq!(byte, [1]);
        assert!(bench.put(0, block)?.is_some());
        assert_eq!((peek(at(one, 0))?, peek(at(two, 0))?), (1, 1));

        assert!(bench.take(0)?.is_some() && bench.take(0)?.is_none());
        assert_eq!((peek(at(one, 0)), peek(at(two, 2))), (Err(EFAULT), Ok(72)));
        Ok(())
    }

    #[test]
    fn mappings_keep_the_slots() -> Result {
        let bench = Bench::new()?;
        bench.put(1, block(71)?)?;
        let mapping = bench.map()?;
        assert_eq!(peek(at(mapping, 1))?, 71);
        drop(bench.files);
        unmap(mapping.start, PAGES * PAGE_SIZE)?;
        assert_eq!(peek(at(mapping, 1))?, 71);
        unmap(at(mapping, 1), mapping.len - PAGES * PAGE_SIZE)
    }

    #[test]
    fn frames_that_do_not_fit_are_refused() -> Result {
        let bench = Bench::new()?;
        for slot in [SLOTS, usize::MAX] {
            assert_eq!(bench.put(slot, block(1)?).err(), Some(EINVAL));
            assert_eq!(bench.take(slot).err(), Some(EINVAL));
        }
        for pages in [PAGES - 1, PAGES + 1] {
            let frames = KBox::new(Frames::alloc_dummy(pages, GFP_KERNEL)?, GFP_KERNEL)?;
            assert_eq!(bench.put(0, frames).err(), Some(EINVAL));
        }
        assert_eq!(bench.slots().count(), SLOTS * PAGES);

        let new = |slots, pages| -> Result<Slots> {
            Arc::pin_init(FrameSlots::new(slots, pages, GFP_KERNEL, ()), GFP_KERNEL)
        };
        assert_eq!(new(1, 0).err(), Some(EINVAL));
        assert_eq!(new(2, usize::MAX).err(), Some(EINVAL));
        assert_eq!(new(1 << (usize::BITS - 3), 1).err(), Some(ENOMEM));
        // Too many for the page allocator, which would warn of it.
        assert_eq!(new(1 << 27, 1).err(), Some(ENOMEM));
        assert_eq!(new(0, 1)?.count(), 0);
        Ok(())
    }

    #[test]
    fn beyond_the_slots_nothing_is_mapped() -> Result {
        let bench = Bench::new()?;
        for slot in 0..SLOTS {
            bench.put(slot, block(70)?)?;
        }
        let file = bench.files.open()?;
        let mapping = bench.mm.map_file(&file, SLOTS * PAGES - 1, 2)?;
        assert_eq!(peek(mapping.start)?, 0);
        assert_eq!(peek(mapping.start + PAGE_SIZE), Err(EFAULT));

        let mut locks = bench.mm.vma_locks();
        let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
        let (vma, mut order) = vma.nest();
        let vma = vma.downcast::<Ops>().ok_or(ENXIO)?;
        for frame in [SLOTS * PAGES, usize::MAX] {
            let at = mapping.start + PAGE_SIZE;
            assert_eq!(vma.insert_pfn(&mut order, at, frame), Err(EINVAL));
        }
        Ok(())
    }

    #[test]
    fn the_kernel_reads_what_a_slot_has() -> Result {
        let bench = Bench::new()?;
        let mapping = bench.map()?;
        bench.put(1, block(71)?)?;
        poke(at(mapping, 1) + 5, 8)?;

        let mut bytes = [0; 6];
        let read = |slot, bytes: &mut [u8]| {
            bench
                .slots()
                .with(slot, |frames| frames.map(|frames| frames.read(0, bytes)))
        };
        assert_eq!(read(1, &mut bytes), Some(Ok(())));
        assert_eq!((bytes[0], bytes[5]), (71, 8));
        assert!(read(0, &mut bytes).is_none() && read(SLOTS, &mut bytes).is_none());
        Ok(())
    }

    /// As a fault that has begun, and has not mapped its page yet.
    #[test]
    fn replace_waits_for_faults_under_way() -> Result {
        let bench = Bench::new()?;
        bench.put(0, block(70)?)?;
        let lent = <Slots as HasFrames>::find(bench.slots().as_arc_borrow(), 0);
        assert!(lent.is_ok());

        let slots = bench.slots().clone();
        let second = SecondTask::spawn(move || {
            let old = slots.replace(&mut LockOrder::new(), 0, None);
            old.is_ok_and(|old| old.is_some())
        })?;
        let is_gone =
            || <Slots as HasFrames>::find(bench.slots().as_arc_borrow(), 0).err() == Some(ENXIO);
        assert!(wait_until(is_gone));
        assert!(second.stays_blocked());

        drop(lent);
        assert!(second.join()?);
        Ok(())
    }

    /// A second task faults all the time. Frames that were given back are never seen again.
    #[test]
    fn frames_given_back_are_not_mapped() -> Result {
        const ROUNDS: usize = 200;
        const MINE: u8 = 66;

        let bench = Bench::new()?;
        let mapping = bench.map()?;
        let (mm, addr) = (bench.mm.clone(), at(mapping, 0));
        let stop = Arc::new(Atomic::new(false), GFP_KERNEL)?;
        let seen = Arc::new(Atomic::new(0usize), GFP_KERNEL)?;
        bench.put(0, block(70)?)?;

        let (stopped, counted) = (stop.clone(), seen.clone());
        let reader = SecondTask::spawn(move || {
            mm.enter(|| {
                let mut wrong = 0;
                while !stopped.load(Relaxed) {
                    match peek(addr) {
                        Ok(70 | 71) => drop(counted.fetch_add(1, Relaxed)),
                        _ => wrong += 1,
                    }
                    // SAFETY: Nothing is held.
                    unsafe { bindings::schedule() };
                }
                wrong
            })
        })?;

        let mut next = dummy(71)?;
        for _ in 0..ROUNDS {
            let before = seen.load(Relaxed);
            assert!(wait_until(|| seen.load(Relaxed) != before));
            let mine = bench.put(0, next)?.ok_or(EIO)?;

            let mut byte = [0];
            mine.read(0, &mut byte)?;
            mine.write(0, &[MINE])?;
            let before = seen.load(Relaxed);
            assert!(wait_until(|| seen.load(Relaxed) != before));
            mine.write(0, &byte)?;
            next = mine;
        }
        stop.store(true, Relaxed);
        assert_eq!(reader.join()?, 0);
        Ok(())
    }

    #[cfg(not(CONFIG_UML))]
    #[test]
    fn moved_mappings_are_found() -> Result {
        use super::super::syscalls::{
            mprotect,
            mremap_to, //
        };

        let bench = Bench::new()?;
        bench.put(1, block(71)?)?;
        let mapping = bench.map()?;
        assert_eq!(peek(at(mapping, 1))?, 71);
        let room = bench.mm.map(PAGES)?;
        unmap(room.start, room.len)?;
        let moved = mremap_to(
            Mapping {
                start: at(mapping, 1),
                len: PAGES * PAGE_SIZE,
            },
            room.start,
        )?;
        assert_eq!(peek_if_mapped(moved.start), Some(71));

        let read = bindings::PROT_READ;
        assert_eq!(mprotect(moved.start, PAGE_SIZE, read), Err(EACCES));
        assert!(bench.take(1)?.is_some());
        assert_eq!(peek_if_mapped(moved.start), None);
        assert_eq!(peek(moved.start), Err(EFAULT));
        Ok(())
    }

    #[cfg(not(CONFIG_UML))]
    #[test]
    fn each_piece_has_its_memory_type() -> Result {
        use super::super::nowhere;
        use crate::mm::vma::driver::MemoryType;

        let bench = Bench::new()?;
        let mapping = bench.map()?;
        let cached = || -> Result<bool> {
            peek(mapping.start)?;
            let mut locks = bench.mm.vma_locks();
            let vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            assert_ne!(vma.page_prot(), vma.page_prot().noncached());
            let pte = vma
                .with_pte(mapping.start, |slot| slot.get())
                .map_err(|_| ENOENT)?;
            let (prot, bits) = (vma.page_prot().bits(), nowhere::pte_bits(pte));
            Ok(nowhere::type_of(bits) == nowhere::type_of(prot))
        };
        let first = nowhere::first()?;
        // SAFETY: There is nothing, or memory that nobody else has.
        let io = unsafe { Frames::from_io_frames(first, PAGES, MemoryType::Noncached) };

        bench.put(0, KBox::new(io, GFP_KERNEL)?)?;
        assert!(!cached()?);
        let io = bench.put(0, dummy(90)?)?.ok_or(EIO)?;
        assert!(cached()?);
        bench.put(0, io)?;
        assert!(!cached()?);
        bench.take(0).map(drop)
    }
}
