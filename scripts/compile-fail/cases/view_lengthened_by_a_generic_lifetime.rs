// SPDX-License-Identifier: GPL-2.0
//! A function that is generic over lifetimes cannot say that a view lives as long as the scope.

use kernel::mm::vma::{MmapGuard, MmapRead, Vma, VmaGuard};

trait Find<'s> {
    fn find<'g>(&'g self, addr: usize) -> Option<&'g Vma<MmapRead>>;
}

impl<'s> Find<'s> for MmapGuard<'s, MmapRead> {
    fn find<'g>(&'g self, addr: usize) -> Option<&'g Vma<MmapRead>> {
        self.lookup(addr)
    }
}

#[cfg(misuse)]
fn longer<'s: 'g, 'g>(guard: &'g MmapGuard<'s, MmapRead>, addr: usize) -> Option<&'s Vma<MmapRead>> {
    guard.find(addr) //~ error "lifetime may not live long enough"
}
#[cfg(not(misuse))]
fn longer<'s: 'g, 'g>(guard: &'g MmapGuard<'s, MmapRead>, addr: usize) -> Option<&'g Vma<MmapRead>> {
    guard.find(addr)
}

fn apply<'g, F>(guard: &'g VmaGuard<'_>, look: F) -> usize
where
    F: for<'v> FnOnce(&'v VmaGuard<'_>) -> usize,
{
    let _: &'g VmaGuard<'_> = guard;
    look(guard)
}

fn starts<'s>(guard: MmapGuard<'s, MmapRead>, vma: VmaGuard<'s>, addr: usize) -> usize {
    #[cfg(misuse)]
    let mut kept = None;
    let seen = apply(&vma, |vma| {
        #[cfg(misuse)]
        {
            kept = Some(vma); //~ E0521 "borrowed data escapes outside of closure"
        }
        vma.start()
    });
    #[cfg(not(misuse))]
    let kept = Some(&vma);
    seen + kept.map_or(0, |vma| vma.start()) + longer(&guard, addr).map_or(0, |vma| vma.end())
}
