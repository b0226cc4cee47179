// SPDX-License-Identifier: GPL-2.0

//! Attacks by a driver: on its data, its pages and its hooks.

use super::{
    super::{
        address_space::{
            poke,
            unmap,
            AddressSpace, //
        },
        driver::{
            device::{
                with_hook,
                with_plain,
                Counted,
                Device,
                Hook,
                PlainOps,
                Shared, //
            },
            inserting::{
                with_mixed,
                MixedOps, //
            },
            pinning::{
                is_pinned,
                map_in,
                pinned_vm, //
            }, //
        },
        holds::holds, //
    },
    ADDR,
};
use crate::{
    bindings,
    mm::{
        vma::{
            driver::{
                DriverVma,
                Fault,
                FaultOutcome,
                Plain,
                SharedPage,
                ViaMmap,
                ViaMmapPrepare,
                VmaOperations, //
            },
            pin::{
                PinFor,
                PinnedPages,
                Writable, //
            },
            Closing,
            GrabbedMm,
            Level,
            LockOrder,
            MmId,
            MmapWrite,
            Opening,
            Read,
            Stable,
            Vma, //
        },
        Mm,
        MmWithUser, //
    },
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::Relaxed,
        Arc,
        Mutex, //
    },
    types::ForeignOwnable, //
};
use core::mem::{
    forget,
    take, //
};

/// Tells when it is dropped.
struct Live(Arc<Shared>);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.has_happened();
    }
}

/// Data of a VMA, with a place where the callbacks, or the test, put what they want to keep.
#[pin_data]
struct Keeper {
    _live: Live,
    #[pin]
    kept: Mutex<KVec<Kept>>,
    store: Option<Arc<Store>>,
}

/// A place for what is kept outside of the data.
#[pin_data]
struct Store {
    #[pin]
    kept: Mutex<KVec<Kept>>,
}

/// All of an address space and of a VMA that is not bound to a lifetime.
#[derive(Default)]
struct Kept {
    mm: Option<(MmId, GrabbedMm)>,
    reached: Option<ARef<Mm>>,
    user: Option<ARef<MmWithUser>>,
    data: Option<Arc<Keeper>>,
}

impl Keeper {
    fn new(shared: &Arc<Shared>, store: Option<Arc<Store>>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                _live: Live(shared.clone()),
                kept <- new_mutex!(KVec::new()),
                store,
            }),
            GFP_KERNEL,
        )
    }

    fn keep(&self, kept: Kept) -> Result {
        Ok(self.kept.lock().push(kept, GFP_KERNEL)?)
    }
}

/// Keeps all that a callback can.
fn keep<L: Level + Stable>(vma: &Vma<L>, data: Arc<Keeper>, reached: Option<ARef<Mm>>) {
    if let Some(store) = data.store.clone() {
        let kept = Kept {
            mm: Some((vma.mm_id(), vma.grab_mm())),
            reached,
            user: None,
            data: Some(data),
        };
        // The test counts them.
        let _ = store.kept.lock().push(kept, GFP_KERNEL);
    }
}

struct KeepingOps;

crate::vm_operations!(KeepingOps);

#[vtable]
impl VmaOperations for KeepingOps {
    type Data = Arc<Keeper>;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn open(vma: &DriverVma<Self, Opening>) {
        keep(vma, vma.data().into(), None);
    }

    fn close(vma: &DriverVma<Self, Closing>) {
        keep(vma, vma.data().into(), None);
    }

    fn may_split(vma: &DriverVma<Self, MmapWrite>, _addr: usize) -> Result {
        keep(vma, vma.data().into(), Some(vma.mm().into()));
        Ok(())
    }

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let vma: &DriverVma<Self, Read> = fault.vma();
        keep(vma, vma.data().into(), Some(vma.mm().into()));
        fault.sigbus()
    }
}

/// A device whose VMAs all have `keeper` as their data.
fn keeping(keeper: &Arc<Keeper>) -> Result<KBox<Device<Arc<Keeper>>>> {
    Device::new(
        keeper.clone(),
        Hook::Mmap(|keeper, setup| Ok(setup.with_ops::<KeepingOps>(keeper.clone()))),
    )
}

struct PreparedOps;

crate::vm_operations!(PreparedOps);

#[vtable]
impl VmaOperations for PreparedOps {
    type Data = Counted;
    type PageKind = Plain;
    type Hook = ViaMmapPrepare;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        fault.sigbus()
    }
}

/// How many references a page has (C: `page_ref_count()`).
fn references(page: &SharedPage) -> i32 {
    // SAFETY: The page is alive; this is a volatile load of what others change atomically.
    unsafe { (&raw const (*page.as_raw())._refcount.counter).read_volatile() }
}

fn is_mapped(mm: &AddressSpace, addr: usize) -> bool {
    mm.vma_locks().read().lookup(addr).is_some()
}

/// Returns whether a page is mapped at an address of a VMA.
fn has_page<L: Level + Stable>(vma: &Vma<L>, addr: usize) -> bool {
    vma.with_pte(addr, |entry| entry.get().is_present()) == Ok(true)
}

/// The ways of a hook to fail, each the number of the page that is mapped.
const FAILS: usize = 0;
const FAILS_AFTER_THE_OPERATIONS: usize = 1;
const FAILS_BY_A_SECOND_INSERTION: usize = 2;
const FORGETS_THE_END: usize = 3;

/// Inserts a page, and fails.
fn failing_hook() -> Hook<Counted> {
    Hook::Mmap(|data, setup| {
        let way = setup.pgoff();
        let mut setup = setup.mixedmap();
        let start = setup.start();
        let pages = data.shared().pages.lock();
        let page = &pages[0];

        setup.insert_page(start, page)?;
        holds(references(page) == 2)?;
        match way {
            FAILS_AFTER_THE_OPERATIONS => drop(setup.with_ops::<MixedOps>(data.clone())),
            FAILS_BY_A_SECOND_INSERTION => setup.insert_page(start, page)?,
            FORGETS_THE_END => forget(setup.with_ops::<MixedOps>(data.clone())),
            _ => {}
        }
        Err(ENOTTY)
    })
}

#[kunit_tests(rust_vma_attacks_driver)]
mod tests {
    use super::*;

    const RW: u32 = bindings::PROT_READ | bindings::PROT_WRITE;
    const FIXED: u32 = bindings::MAP_SHARED | bindings::MAP_FIXED;

    #[test]
    fn hook_fails_after_insert_page() -> Result {
        let (mm, shared, _device, file) = with_hook(1, failing_hook())?;
        let map = |way| mm.map_file_as(&file, way, 2, RW, FIXED, ADDR).err();
        let references = || references(&shared.pages.lock()[0]);
        assert_eq!((references(), shared.counts()), (1, (1, 0)));

        // The data of the hook is dropped once, if there is any.
        for (way, error, counts) in [
            (FAILS, ENOTTY, (1, 0)),
            (FAILS_AFTER_THE_OPERATIONS, ENOTTY, (2, 1)),
            (FAILS_BY_A_SECOND_INSERTION, EBUSY, (2, 1)),
        ] {
            assert_eq!(map(way), Some(error));
            assert!(!is_mapped(&mm, ADDR));
            assert_eq!(poke(ADDR, 1), Err(EFAULT));
            assert_eq!((references(), shared.counts()), (1, counts));
        }
        assert_eq!(shared.faults.load(Relaxed), 0);
        Ok(())
    }

    /// The data leaks, and with it what it keeps; the pages do not, and nothing is mapped.
    #[test]
    fn hook_fails_and_forgets_the_data() -> Result {
        let (mm, shared, _device, file) = with_hook(1, failing_hook())?;

        let result = mm.map_file_as(&file, FORGETS_THE_END, 2, RW, FIXED, ADDR);
        assert_eq!(result.err(), Some(ENOTTY));
        assert!(!is_mapped(&mm, ADDR));
        assert_eq!(references(&shared.pages.lock()[0]), 1);
        assert_eq!(shared.counts(), (2, 0));

        // Undoes the leak.
        let data = Counted::new(&shared).into_foreign();
        for _ in 0..2 {
            // SAFETY: This one, and the one that was forgotten: the pointer of both is that of the
            // `Arc`.
            drop(unsafe { Counted::from_foreign(data) });
        }
        assert_eq!(shared.counts(), (3, 2));
        Ok(())
    }

    #[test]
    fn description_fails_after_the_operations() -> Result {
        let (mm, shared, _device, file) = with_hook(
            1,
            Hook::MmapPrepare(|data, desc| {
                let _prepared = desc.with_ops::<PreparedOps>(data);
                Err(ENOTTY)
            }),
        )?;
        let result = mm.map_file_as(&file, 0, 1, RW, FIXED, ADDR);
        assert_eq!(result.err(), Some(ENOTTY));
        assert!(!is_mapped(&mm, ADDR));
        // No VMA got a share.
        assert_eq!(shared.counts(), (1, 0));
        Ok(())
    }

    #[test]
    fn forgotten_shared_page_is_never_freed() -> Result {
        let (mm, _shared, _device, file) = with_mixed(1)?;
        let mapping = mm.map_file_as(&file, 0, 1, RW, bindings::MAP_SHARED, 0)?;
        let page = SharedPage::new(GFP_KERNEL)?;
        // SAFETY: One of the two is forgotten.
        let again = unsafe { core::ptr::read(&page) };
        {
            let mut locks = mm.vma_locks();
            let mut vma = locks.lock_vma(mapping.start).ok_or(ENOENT)?;
            let (vma, mut order) = vma.nest();
            let vma = vma.downcast::<MixedOps>().ok_or(ENXIO)?;
            vma.insert_page(&mut order, mapping.start, &page)?;
        }
        assert_eq!(references(&again), 2);
        forget(page);

        poke(mapping.start, 7)?;
        assert_eq!(references(&again), 2);
        unmap(mapping.start, mapping.len)?;
        assert_eq!(references(&again), 1);
        let mut byte = [0];
        again.read(0, &mut byte)?;
        assert_eq!(byte, [7]);
        Ok(())
    }

    #[test]
    fn forgotten_pins_stay_pinned_and_charged() -> Result {
        let mm = AddressSpace::of_this_case()?;
        let mapping = mm.map(1)?;
        poke(mapping.start, 3)?;
        let pages: PinnedPages<Writable> = mm
            .vma_locks()
            .pin_user_pages_fast(mapping.start..mapping.end(), PinFor::LongTerm)?;
        let raw = pages.iter().next().ok_or(EIO)?.as_raw();
        // SAFETY: One of the two is forgotten.
        let again = unsafe { core::ptr::read(&pages) };
        forget(pages);

        unmap(mapping.start, mapping.len)?;
        // SAFETY: The page is pinned.
        assert!(unsafe { is_pinned(raw) });
        assert_eq!(pinned_vm(&mm), 1);
        let mut byte = [0];
        again.read(0, &mut byte)?;
        assert_eq!(byte, [3]);

        drop(again);
        assert_eq!(pinned_vm(&mm), 0);
        Ok(())
    }

    /// The data is never dropped, but the address space goes, and the `mm_struct` stays for as long
    /// as the data refers to it.
    #[test]
    fn data_in_a_cycle() -> Result {
        let mm = AddressSpace::unused()?;
        let grabbed = GrabbedMm::from(&**mm);
        let shared = Shared::new(0)?;
        let keeper = Keeper::new(&shared, None)?;
        let device = keeping(&keeper)?;
        let file = device.open()?;
        mm.enter(|| mm.map_file(&file, 0, 1))?;
        keeper.keep(Kept {
            mm: Some((mm.id(), GrabbedMm::from(&**mm))),
            data: Some(keeper.clone()),
            ..Kept::default()
        })?;
        let leaked: *const Keeper = &*keeper;
        drop((keeper, device));

        assert!(grabbed.get_user(&mut LockOrder::new()).is_some());
        drop(mm);
        assert!(grabbed.get_user(&mut LockOrder::new()).is_none());
        drop(grabbed);
        assert_eq!(shared.events.load(Relaxed), 0);

        // SAFETY: It keeps itself.
        let kept = take(&mut *unsafe { &*leaked }.kept.lock());
        let (id, grabbed) = kept[0].mm.as_ref().ok_or(ENOENT)?;
        assert!(grabbed.id() == *id);
        assert!(grabbed.get_user(&mut LockOrder::new()).is_none());
        drop(kept);
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    /// An address space whose own VMA is a user of it is not torn down, until that is taken out.
    #[test]
    fn user_of_an_address_space_in_its_own_data() -> Result {
        let mm = AddressSpace::unused()?;
        let grabbed = GrabbedMm::from(&**mm);
        let shared = Shared::new(0)?;
        let keeper = Keeper::new(&shared, None)?;
        let device = keeping(&keeper)?;
        let file = device.open()?;
        mm.enter(|| mm.map_file_as(&file, 0, 1, RW, FIXED, ADDR))?;
        let user: &MmWithUser = &mm;
        keeper.keep(Kept {
            user: Some(user.into()),
            ..Kept::default()
        })?;
        let owned: *const Keeper = &*keeper;
        drop((keeper, device));

        drop(mm);
        let user = grabbed.get_user(&mut LockOrder::new()).ok_or(ESRCH)?;
        assert!(user.vma_locks().read().lookup(ADDR).is_some());
        drop(user);
        assert_eq!(shared.events.load(Relaxed), 0);

        // SAFETY: The VMA, which is there, has it.
        let kept = take(&mut *unsafe { &*owned }.kept.lock());
        assert!(kept[0].user.is_some());
        // The last user, and so the VMA and its data.
        drop(kept);
        assert_eq!(shared.events.load(Relaxed), 1);
        assert!(grabbed.get_user(&mut LockOrder::new()).is_none());
        Ok(())
    }

    #[test]
    fn callback_keeps_what_outlives_its_vma() -> Result {
        let mm = AddressSpace::unused()?;
        let shared = Shared::new(0)?;
        let store = Arc::pin_init(
            pin_init!(Store {
                kept <- new_mutex!(KVec::new()),
            }),
            GFP_KERNEL,
        )?;
        let device = keeping(&Keeper::new(&shared, Some(store.clone()))?)?;
        let file = device.open()?;
        mm.enter(|| -> Result {
            let mapping = mm.map_file_as(&file, 0, 3, RW, FIXED, ADDR)?;
            assert_eq!(poke(mapping.start, 1), Err(EFAULT));
            assert!(!store.kept.lock().is_empty());
            unmap(mapping.start, PAGE_SIZE)?;
            unmap(mapping.start, mapping.len)
        })?;
        drop(device);

        // The VMAs are gone, the address space is not.
        let kept = take(&mut *store.kept.lock());
        // By a fault at least, `may_split`, `open` and `close` twice.
        assert!(kept.len() >= 5);
        assert!(kept.iter().filter(|kept| kept.reached.is_some()).count() >= 2);
        for kept in &kept {
            let (id, grabbed) = kept.mm.as_ref().ok_or(ENOENT)?;
            assert!(*id == mm.id() && grabbed.id() == *id);
            assert!(grabbed.get_user(&mut LockOrder::new()).is_some());
            assert_eq!(kept.data.as_ref().ok_or(ENOENT)?.kept.lock().len(), 0);
        }

        // Now it is gone, too. Its identity is not given to another one as long as it is kept.
        drop(mm);
        let next = AddressSpace::unused()?;
        for kept in &kept {
            let (id, grabbed) = kept.mm.as_ref().ok_or(ENOENT)?;
            assert!(grabbed.get_user(&mut LockOrder::new()).is_none());
            assert!(*id != next.id());
            if let Some(mm) = &kept.reached {
                assert!(mm.id() == *id && mm.mmget_not_zero().is_none());
            }
        }
        assert_eq!(shared.events.load(Relaxed), 0);
        drop(kept);
        assert_eq!(shared.events.load(Relaxed), 1);
        Ok(())
    }

    /// A view of the same address in another address space does to its own VMA what it does.
    #[test]
    fn foreign_view_inserts_in_its_mm() -> Result {
        let (mm, shared, _device, file) = with_mixed(1)?;
        let other = AddressSpace::unused()?;
        mm.map_file_as(&file, 0, 1, RW, FIXED, ADDR)?;
        let elsewhere = mm.map_file_as(&file, 0, 1, RW, bindings::MAP_SHARED, 0)?;
        map_in(&other, move |other| {
            let mapping = other.map_file_as(&file, 0, 1, RW, FIXED, ADDR)?;
            assert_eq!(mapping.start, ADDR);
            Ok(())
        })?;
        let page = SharedPage::new(GFP_KERNEL)?;

        let (mut locks, mut other_locks) = (mm.vma_locks(), other.vma_locks());
        let own = locks.lock_vma(ADDR).ok_or(ENOENT)?;
        let mut foreign = other_locks.lock_vma(ADDR).ok_or(ENOENT)?;
        let (foreign, mut order) = foreign.nest();
        assert!(own.mm_id() != foreign.mm_id());
        let view = foreign.downcast::<MixedOps>().ok_or(ENXIO)?;

        // Where only the other one has a mapping.
        let range = elsewhere.start..elsewhere.end();
        assert_eq!(
            view.insert_page(&mut order, elsewhere.start, &page),
            Err(EFAULT)
        );
        assert_eq!(
            view.insert_pages(&mut order, elsewhere.start, &[&page]),
            (0, Err(EFAULT))
        );
        assert_eq!(view.zap_pages(range), Err(EINVAL));
        assert!(view.with_pte(elsewhere.start, |_| ()).is_err());
        assert_eq!(references(&page), 1);

        // Where both have one.
        view.insert_page(&mut order, ADDR, &page)?;
        assert!(has_page(view, ADDR) && !has_page(own.as_read(), ADDR));
        assert_eq!(references(&page), 2);
        let own = own.downcast::<MixedOps>().ok_or(ENXIO)?;
        own.zap_pages(ADDR..ADDR + PAGE_SIZE)?;
        assert!(has_page(view, ADDR));
        assert_eq!((references(&page), shared.counts()), (2, (4, 0)));
        Ok(())
    }

    /// At the same address, but with the operations of another driver.
    #[test]
    fn view_of_another_address_space_is_not_own() -> Result {
        let (mm, _shared, _device, file) = with_plain::<PlainOps>(1)?;
        let other = AddressSpace::unused()?;
        let shared = Shared::new(1)?;
        let mixed = Device::new(
            Counted::new(&shared),
            Hook::Mmap(|data, setup| Ok(setup.mixedmap().with_ops::<MixedOps>(data.clone()))),
        )?;
        let mixed_file = mixed.open()?;
        mm.map_file_as(&file, 0, 1, RW, FIXED, ADDR)?;
        map_in(&other, move |other| {
            other
                .map_file_as(&mixed_file, 0, 1, RW, FIXED, ADDR)
                .map(drop)
        })?;

        let (mut locks, mut other_locks) = (mm.vma_locks(), other.vma_locks());
        let own = locks.lock_vma(ADDR).ok_or(ENOENT)?;
        let foreign = other_locks.lock_vma(ADDR).ok_or(ENOENT)?;
        assert!(own.downcast::<PlainOps>().is_some() && own.downcast::<MixedOps>().is_none());
        assert!(foreign.downcast::<PlainOps>().is_none());
        assert!(foreign.downcast::<MixedOps>().is_some());
        Ok(())
    }
}
