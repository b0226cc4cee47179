// SPDX-License-Identifier: GPL-2.0
//! Types that borrow a lock, a guard or an address space are covariant in that lifetime: it can
//! shrink, and never grow.

use kernel::mm::vma::driver::{DriverVma, VmaOperations};
use kernel::mm::vma::pin::PinnedPage;
use kernel::mm::vma::{
    LockedVmas, MmapGuard, MmapRead, MmapWrite, ReadGuard, Vma, VmaRead, VmaGuard,
};

#[cfg(misuse)]
fn mmap_read<'short, 'long: 'short>(from: MmapGuard<'short, MmapRead>) -> MmapGuard<'long, MmapRead> {
    from //~ error "it is returning data with lifetime `'short`"
}
#[cfg(not(misuse))]
fn mmap_read<'short, 'long: 'short>(from: MmapGuard<'long, MmapRead>) -> MmapGuard<'short, MmapRead> {
    from
}

#[cfg(misuse)]
fn mmap_write<'short, 'long: 'short>(from: MmapGuard<'short, MmapWrite>) -> MmapGuard<'long, MmapWrite> {
    from //~ error "it is returning data with lifetime `'short`"
}
#[cfg(not(misuse))]
fn mmap_write<'short, 'long: 'short>(from: MmapGuard<'long, MmapWrite>) -> MmapGuard<'short, MmapWrite> {
    from
}

#[cfg(misuse)]
fn vma_read<'short, 'long: 'short>(from: VmaGuard<'short>) -> VmaGuard<'long> {
    from //~ error "it is returning data with lifetime `'short`"
}
#[cfg(not(misuse))]
fn vma_read<'short, 'long: 'short>(from: VmaGuard<'long>) -> VmaGuard<'short> {
    from
}

#[cfg(misuse)]
fn read<'short, 'long: 'short>(from: ReadGuard<'short>) -> ReadGuard<'long> {
    from //~ error "it is returning data with lifetime `'short`"
}
#[cfg(not(misuse))]
fn read<'short, 'long: 'short>(from: ReadGuard<'long>) -> ReadGuard<'short> {
    from
}

#[cfg(misuse)]
fn several<'short, 'long: 'short>(from: LockedVmas<'short, 2>) -> LockedVmas<'long, 2> {
    from //~ error "it is returning data with lifetime `'short`"
}
#[cfg(not(misuse))]
fn several<'short, 'long: 'short>(from: LockedVmas<'long, 2>) -> LockedVmas<'short, 2> {
    from
}

#[cfg(misuse)]
fn view<'short, 'long: 'short>(from: &'short Vma<VmaRead>) -> &'long Vma<VmaRead> {
    from //~ error "it is returning data with lifetime `'short`"
}
#[cfg(not(misuse))]
fn view<'short, 'long: 'short>(from: &'long Vma<VmaRead>) -> &'short Vma<VmaRead> {
    from
}

#[cfg(misuse)]
fn driver_view<'short, 'long: 'short, T: VmaOperations>(from: &'short DriverVma<T, VmaRead>) -> &'long DriverVma<T, VmaRead> {
    from //~ error "it is returning data with lifetime `'short`"
}
#[cfg(not(misuse))]
fn driver_view<'short, 'long: 'short, T: VmaOperations>(from: &'long DriverVma<T, VmaRead>) -> &'short DriverVma<T, VmaRead> {
    from
}

#[cfg(misuse)]
fn pinned<'short, 'long: 'short>(from: PinnedPage<'short>) -> PinnedPage<'long> {
    from //~ error "it is returning data with lifetime `'short`"
}
#[cfg(not(misuse))]
fn pinned<'short, 'long: 'short>(from: PinnedPage<'long>) -> PinnedPage<'short> {
    from
}
