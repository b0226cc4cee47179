// SPDX-License-Identifier: GPL-2.0

//! `/dev/vma-bench-upstream`: what of all this the `kernel::mm` that is upstream can do. It has no
//! write locks, no hand-over, no mmap lock that can be interrupted, and no faults.

use crate::{
    abi::place,
    ioctl::{
        self,
        Description, //
    },
    primitives::repeat,
    work::{
        Done,
        Order, //
    }, //
};
use kernel::{
    fs::File,
    miscdevice::{
        MiscDevice,
        MiscDeviceRegistration, //
    },
    mm::{
        virt::{
            flags,
            VmaNew,
            VmaRef, //
        },
        MmWithUser,
        MmapReadGuard, //
    },
    page::{
        Page,
        PAGE_SIZE, //
    },
    prelude::*, //
};

/// The arguments of a primitive that is called without a lock.
struct At<'a> {
    mm: &'a MmWithUser,
    addr: usize,
}

/// The arguments of a primitive that is called under the mmap lock.
struct Under<'a> {
    mmap: MmapReadGuard<'a>,
    addr: usize,
}

/// A VMA, the next page of it, and what to put there.
struct Pages<'a> {
    vma: &'a VmaRef,
    addr: usize,
    page: &'a Page,
}

/// The function of a primitive, by what is locked when it is called.
enum Function {
    Unlocked(fn(&mut At<'_>) -> u64),
    MmapRead(fn(&mut Under<'_>) -> u64),
    VmaRead(fn(&VmaRef) -> u64),
    Empty(fn(&mut Pages<'_>) -> u64),
    Populated(fn(&mut Pages<'_>) -> u64),
}

/// A primitive, as [`crate::primitives::Primitive`].
struct Primitive {
    name: &'static str,
    place: u64,
    function: Function,
}

#[inline(never)]
fn prim_nothing(_at: &mut At<'_>) -> u64 {
    0
}

#[inline(never)]
fn prim_mmap_read(at: &mut At<'_>) -> u64 {
    drop(at.mm.mmap_read_lock());
    0
}

#[inline(never)]
fn prim_mmap_read_trylock(at: &mut At<'_>) -> u64 {
    match at.mm.mmap_read_trylock() {
        Some(mmap) => {
            drop(mmap);
            0
        }
        None => 1,
    }
}

#[inline(never)]
fn prim_mmap_read_lookup(at: &mut At<'_>) -> u64 {
    let mmap = at.mm.mmap_read_lock();
    mmap.vma_lookup(at.addr).map_or(0, |vma| vma.start() as u64)
}

#[inline(never)]
fn prim_lock_vma_under_rcu(at: &mut At<'_>) -> u64 {
    match at.mm.lock_vma_under_rcu(at.addr) {
        Some(vma) => vma.start() as u64,
        None => 0,
    }
}

#[inline(never)]
fn prim_lookup(at: &mut Under<'_>) -> u64 {
    at.mmap
        .vma_lookup(at.addr)
        .map_or(0, |vma| vma.start() as u64)
}

#[inline(never)]
fn prim_read_start(vma: &VmaRef) -> u64 {
    vma.start() as u64
}

#[inline(never)]
fn prim_read_end(vma: &VmaRef) -> u64 {
    vma.end() as u64
}

#[inline(never)]
fn prim_read_mm(vma: &VmaRef) -> u64 {
    vma.mm().as_raw().addr() as u64 % 64
}

#[inline(never)]
fn prim_read_flags(vma: &VmaRef) -> u64 {
    (vma.flags() & flags::WRITE != 0).into()
}

/// There is nothing but the flag to see whose VMA it is.
#[inline(never)]
fn prim_downcast(vma: &VmaRef) -> u64 {
    vma.as_mixedmap_vma().is_some().into()
}

#[inline(never)]
fn prim_insert_page(at: &mut Pages<'_>) -> u64 {
    let addr = at.addr;
    at.addr = addr.wrapping_add(PAGE_SIZE);
    match at.vma.as_mixedmap_vma() {
        Some(vma) => vma.vm_insert_page(addr, at.page).is_ok().into(),
        None => 0,
    }
}

#[inline(never)]
fn prim_zap_page(at: &mut Pages<'_>) -> u64 {
    let addr = at.addr;
    at.addr = addr.wrapping_add(PAGE_SIZE);
    at.vma.zap_vma_range(addr, PAGE_SIZE);
    1
}

macro_rules! primitives {
    ($($name:literal $place:ident $kind:ident $function:ident,)*) => {
        &[$(Primitive {
            name: $name,
            place: place::$place,
            function: Function::$kind($function),
        }),*]
    };
}

static PRIMITIVES: &[Primitive] = primitives! {
    "nothing" ANON Unlocked prim_nothing,
    "mmap-read" ANON Unlocked prim_mmap_read,
    "mmap-read-trylock" ANON Unlocked prim_mmap_read_trylock,
    "mmap-read-lookup" ANON Unlocked prim_mmap_read_lookup,
    "lock-vma-under-rcu" ANON Unlocked prim_lock_vma_under_rcu,
    "lookup" ANON MmapRead prim_lookup,
    "read-start" ANON VmaRead prim_read_start,
    "read-end" ANON VmaRead prim_read_end,
    "read-mm" ANON VmaRead prim_read_mm,
    "read-flags" ANON VmaRead prim_read_flags,
    "downcast" MIXED VmaRead prim_downcast,
    "insert-page" MIXED Empty prim_insert_page,
    "zap-page" MIXED Populated prim_zap_page,
};

impl Primitive {
    fn describe(&self) -> Description {
        Description {
            name: self.name,
            place: self.place,
            is_once_per_page: matches!(self.function, Function::Empty(_) | Function::Populated(_)),
        }
    }

    /// As [`crate::primitives::Primitive::run`].
    fn run(&self, mm: &MmWithUser, page: &Page, order: &Order) -> Result<(u64, Done)> {
        let rounds = order.rounds;
        let addr = order.addr[0];

        match self.function {
            Function::Unlocked(function) => {
                let mut at = At { mm, addr };
                Ok(repeat(rounds, || function(&mut at)))
            }
            Function::MmapRead(function) => {
                let mmap = mm.mmap_read_lock();
                let mut at = Under { mmap, addr };
                Ok(repeat(rounds, || function(&mut at)))
            }
            Function::VmaRead(function) => {
                let vma = mm.lock_vma_under_rcu(addr).ok_or(EAGAIN)?;
                let vma: &VmaRef = &vma;
                Ok(repeat(rounds, || function(vma)))
            }
            Function::Empty(function) => {
                let mmap = mm.mmap_read_lock();
                let vma = mmap.vma_lookup(addr).ok_or(ENOENT)?;
                let mut pages = Pages::of(vma, page);
                Ok(repeat(rounds, || function(&mut pages)))
            }
            Function::Populated(function) => {
                let mmap = mm.mmap_read_lock();
                let vma = mmap.vma_lookup(addr).ok_or(ENOENT)?;
                let mut pages = Pages::of(vma, page);
                for addr in (vma.start()..vma.end()).step_by(PAGE_SIZE) {
                    let vma = vma.as_mixedmap_vma().ok_or(EINVAL)?;
                    vma.vm_insert_page(addr, page)?;
                }
                Ok(repeat(rounds, || function(&mut pages)))
            }
        }
    }
}

impl<'a> Pages<'a> {
    /// From the first page of a VMA on, which has none mapped.
    fn of(vma: &'a VmaRef, page: &'a Page) -> Self {
        vma.zap_vma_range(vma.start(), vma.end().wrapping_sub(vma.start()));
        Self {
            vma,
            addr: vma.start(),
            page,
        }
    }
}

/// An open file of the device.
pub(crate) struct Upstream {
    page: Page,
}

#[vtable]
impl MiscDevice for Upstream {
    type Ptr = KBox<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        let page = Page::alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
        Ok(KBox::new(Self { page }, GFP_KERNEL_ACCOUNT)?)
    }

    fn ioctl(me: &Self, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        match cmd {
            ioctl::NAME => ioctl::name(arg, PRIMITIVES, Primitive::describe),
            ioctl::RUN => ioctl::run(arg, |mm, operation, order| {
                ioctl::primitive(PRIMITIVES, operation)?.run(mm, &me.page, order)
            }),
            _ => Err(ENOTTY),
        }
    }

    fn mmap(_me: &Self, _file: &File, vma: &VmaNew) -> Result {
        vma.set_mixedmap();
        Ok(())
    }
}
