// SPDX-License-Identifier: GPL-2.0

//! Mappings of the driver's own: faults, pages and page frames that are put in and taken out.
//! `vma_bench_pages.c` does the same in C.

use crate::abi::kind;
use kernel::{
    mm::vma::{
        driver::{
            DeviceMap,
            DriverVma,
            Fault,
            FaultOutcome,
            FrameSlots,
            Frames,
            Mapped,
            MixedMap,
            PfnMap,
            PfnPieces,
            PfnRegion,
            Pieces,
            Plain,
            SharedPage,
            ViaMmap,
            VmaOperations,
            VmaSetup, //
        },
        LockOrder,
        MmapRead,
        Vma,
        VmaRead, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    }, //
};

/// The data of an open file, which all its mappings share.
pub(crate) struct Data {
    shared: Arc<Shared>,
    frames: Arc<PfnRegion<()>>,
    slots: Arc<FrameSlots<()>>,
    pieces: Arc<PfnPieces<()>>,
}

pub(crate) struct Shared {
    page: SharedPage,
    /// The highest bit is set, of which the compiler does not know.
    mark: usize,
}

impl Data {
    pub(crate) fn new() -> Result<Self> {
        let page = SharedPage::new(GFP_KERNEL_ACCOUNT)?;
        let mark = core::hint::black_box(!(usize::MAX >> 1));
        let slots = FrameSlots::new(1, 1, GFP_KERNEL_ACCOUNT, ());
        let slots = Arc::pin_init(slots, GFP_KERNEL_ACCOUNT)?;
        let frame = KBox::new(Frames::alloc(1, GFP_KERNEL_ACCOUNT)?, GFP_KERNEL_ACCOUNT)?;
        slots.replace(&mut LockOrder::new(), 0, Some(frame))?;

        Ok(Self {
            shared: Arc::new(Shared { page, mark }, GFP_KERNEL_ACCOUNT)?,
            frames: Arc::pin_init(
                PfnRegion::alloc(1, GFP_KERNEL_ACCOUNT, ()),
                GFP_KERNEL_ACCOUNT,
            )?,
            slots,
            pieces: pieces()?,
        })
    }

    /// The kind of the mapping goes by its offset.
    pub(crate) fn mmap<'a>(&'a self, vma: VmaSetup<'a>) -> Result<Mapped<'a>> {
        vma.require_shared()?;

        match vma.pgoff() as u64 / kind::PAGES {
            kind::PLAIN => Ok(vma.with_ops::<FaultPage>(self.shared.clone())),
            kind::MIXED => Ok(vma
                .mixedmap()
                .with_ops::<FaultInsertPage>(self.shared.clone())),
            kind::PFN => Ok(vma
                .pfnmap()?
                .with_ops::<FaultInsertPfn>(self.frames.clone())),
            kind::SLOT => vma.map_device::<FaultInsertSlot>(self.slots.clone()),
            kind::PIECES => Ok(vma
                .pfnmap()?
                .with_ops::<FaultInsertPiece>(self.pieces.clone())),
            _ => Err(EINVAL),
        }
    }
}

/// The operations whose fault handler gives a page.
pub(crate) struct FaultPage;

kernel::vm_operations!(FaultPage);

#[vtable]
impl VmaOperations for FaultPage {
    type Data = Arc<Shared>;
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        fault.page_of(|shared| &shared.page)
    }
}

/// The operations whose fault handler inserts a page.
pub(crate) struct FaultInsertPage;

kernel::vm_operations!(FaultInsertPage);

#[vtable]
impl VmaOperations for FaultInsertPage {
    type Data = Arc<Shared>;
    type PageKind = MixedMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let (vma, addr) = (fault.vma(), fault.address());
        let result = vma.insert_page(&mut LockOrder::new(), addr, &fault.data().page);
        fault.inserted(result)
    }
}

/// The operations whose fault handler inserts a page frame.
pub(crate) struct FaultInsertPfn;

kernel::vm_operations!(FaultInsertPfn);

#[vtable]
impl VmaOperations for FaultInsertPfn {
    type Data = Arc<PfnRegion<()>>;
    type PageKind = PfnMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        fault.insert_pfn(0)
    }
}

/// The operations whose fault handler inserts a page frame that could be replaced.
pub(crate) struct FaultInsertSlot;

kernel::vm_operations!(FaultInsertSlot);

#[vtable]
impl VmaOperations for FaultInsertSlot {
    type Data = Arc<FrameSlots<()>>;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        fault.insert_pfn(0)
    }
}

const PIECE_PAGES: usize = 4;

/// Blocks of one page, two pages and one page.
fn pieces() -> Result<Arc<PfnPieces<()>>> {
    let mut pieces = Pieces::new();
    for pages in [1, 2, 1] {
        pieces.push(
            Frames::alloc(pages, GFP_KERNEL_ACCOUNT)?,
            GFP_KERNEL_ACCOUNT,
        )?;
    }
    Arc::pin_init(PfnPieces::new(pieces, ()), GFP_KERNEL_ACCOUNT)
}

/// The operations whose fault handler inserts a page frame of one of several blocks.
pub(crate) struct FaultInsertPiece;

kernel::vm_operations!(FaultInsertPiece);

#[vtable]
impl VmaOperations for FaultInsertPiece {
    type Data = Arc<PfnPieces<()>>;
    type PageKind = PfnMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff() % PIECE_PAGES;
        fault.insert_pfn(frame)
    }
}

/// A VMA of this driver's, and the next page of it.
pub(crate) struct Next<'a, T: VmaOperations> {
    vma: &'a DriverVma<T, MmapRead>,
    addr: usize,
}

impl<T: VmaOperations> Next<'_, T> {
    fn take_addr(&mut self) -> usize {
        let addr = self.addr;
        self.addr = addr.wrapping_add(PAGE_SIZE);
        addr
    }
}

/// Pages of a VMA, all of them the same.
pub(crate) struct Pages<'a> {
    next: Next<'a, FaultInsertPage>,
    shared: ArcBorrow<'a, Shared>,
}

/// Page frames of a VMA.
pub(crate) struct PageFrames<'a> {
    next: Next<'a, FaultInsertPfn>,
}

/// Finds the VMA's operations, and empties it.
fn empty<T>(vma: &Vma<MmapRead>) -> Result<Next<'_, T>>
where
    T: VmaOperations + kernel::mm::vma::driver::OperationsTable,
{
    let vma = vma.downcast::<T>().ok_or(EINVAL)?;

    vma.zap_pages(vma.start()..vma.end())?;
    Ok(Next {
        vma,
        addr: vma.start(),
    })
}

impl<'a> Pages<'a> {
    /// From the first page of a VMA on, which has none mapped.
    pub(crate) fn of(vma: &'a Vma<MmapRead>) -> Result<Self> {
        let next = empty::<FaultInsertPage>(vma)?;

        Ok(Self {
            shared: next.vma.data(),
            next,
        })
    }

    /// The same with all pages mapped.
    pub(crate) fn populated(vma: &'a Vma<MmapRead>) -> Result<Self> {
        let pages = Self::of(vma)?;

        for addr in (vma.start()..vma.end()).step_by(PAGE_SIZE) {
            pages
                .next
                .vma
                .insert_page(&mut LockOrder::new(), addr, &pages.shared.page)?;
        }
        Ok(pages)
    }
}

impl<'a> PageFrames<'a> {
    /// From the first page of a VMA on, which has none mapped.
    pub(crate) fn of(vma: &'a Vma<MmapRead>) -> Result<Self> {
        Ok(Self { next: empty(vma)? })
    }
}

/// Returns true if a VMA is one of this driver's.
#[inline(never)]
pub(crate) fn prim_downcast(vma: &Vma<VmaRead>) -> u64 {
    vma.downcast::<FaultInsertPage>().is_some().into()
}

/// Returns its data, if it is.
#[inline(never)]
pub(crate) fn prim_downcast_data(vma: &Vma<VmaRead>) -> u64 {
    match vma.downcast::<FaultInsertPage>() {
        // A word of the data, as C reads the address of its page.
        Some(vma) => (vma.data().mark >> (usize::BITS - 1)) as u64,
        None => 0,
    }
}

#[inline(never)]
pub(crate) fn prim_insert_page(at: &mut Pages<'_>) -> u64 {
    let addr = at.next.take_addr();
    at.next
        .vma
        .insert_page(&mut LockOrder::new(), addr, &at.shared.page)
        .is_ok()
        .into()
}

#[inline(never)]
pub(crate) fn prim_insert_pfn(at: &mut PageFrames<'_>) -> u64 {
    let addr = at.next.take_addr();
    at.next
        .vma
        .insert_pfn(&mut LockOrder::new(), addr, 0)
        .is_ok()
        .into()
}

#[inline(never)]
pub(crate) fn prim_zap_page(at: &mut Pages<'_>) -> u64 {
    let addr = at.next.take_addr();
    let page = addr..addr.wrapping_add(PAGE_SIZE);
    at.next.vma.zap_pages(page).is_ok().into()
}
