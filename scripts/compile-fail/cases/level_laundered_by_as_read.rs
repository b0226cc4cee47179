// SPDX-License-Identifier: GPL-2.0
//! `as_read()` gives a view that permits to install page table entries, so a view that does not
//! permit it is not turned into one: in `close` what is inserted stays when the frames are freed, in
//! `open` the original's pages come next.

use kernel::mm::vma::driver::{DriverVma, OperationsTable, PfnBacked, PfnMap};
#[cfg(not(misuse))]
use kernel::mm::vma::{
    MmapRead as InClose, MmapWrite as InOpen, ReadHeld as Needed, VmaWrite as InHook,
};
#[cfg(misuse)]
use kernel::mm::vma::{
    Closing as InClose, Opening as InOpen, ReadFields as Needed, Setup as InHook,
};
use kernel::mm::vma::{Read, Vma};
use kernel::mm::vma::LockOrder;
use kernel::prelude::*;

fn close<T>(vma: &DriverVma<T, InClose>) -> Result
where
    T: OperationsTable<PageKind = PfnMap>,
    T::Data: PfnBacked,
{
    let vma = vma.as_read(); //~ E0277 "a view at lock level `Closing` cannot be read as one at the level `Read`"
    vma.downcast::<T>().ok_or(ENXIO)?.insert_pfn(&mut LockOrder::new(), vma.start(), 0)
}

fn open<T>(vma: &DriverVma<T, InOpen>) -> Result
where
    T: OperationsTable<PageKind = PfnMap>,
    T::Data: PfnBacked,
{
    let vma = vma.as_read(); //~ E0277 "a view at lock level `Opening` cannot be read as one at the level `Read`"
    vma.downcast::<T>().ok_or(ENXIO)?.insert_pfn(&mut LockOrder::new(), vma.start(), 0)
}

fn hook(vma: &Vma<InHook>) -> &Vma<Read> {
    vma.as_read() //~ E0277 "a view at lock level `Setup` cannot be read as one at the level `Read`"
}

fn anywhere<L: Needed>(vma: &Vma<L>) -> &Vma<Read> {
    vma.as_read() //~ E0277 "a view at lock level `L` cannot be read as one at the level `Read`"
}
