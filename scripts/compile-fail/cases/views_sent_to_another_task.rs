// SPDX-License-Identifier: GPL-2.0
//! A value that borrows from a lock or from RCU stays with the task that has it.

use kernel::mm::vma::driver::{BoundGuard, FilePages, MappedRange, NoncoherentGuard};
use kernel::mm::vma::page_table::PteSlot;
use kernel::mm::vma::rmap::{AnonVmas, IMmapVmas};
use kernel::mm::vma::{
    Area, Areas, ForeignCursor, ForeignVma, MmapRead, PinnedPages, Speculation, SpeculativeVma, UnstableVma, Vmas,
    pin::{DmaTable, PinnedPage, Writable},
};

#[cfg(misuse)]
fn another_task<T: Send>(_: &T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: &T) {}

fn pages(pins: PinnedPages<Writable>, page: PinnedPage<'_>, range: MappedRange<'_>) {
    another_task(&pins);
    another_task(&page); //~ E0277 "between threads safely"
    another_task(&range); //~ E0277 "between threads safely"
}

fn table(table: DmaTable<'_>, memory: NoncoherentGuard<'_>, device: BoundGuard<'_>) {
    another_task(&device); //~ E0277 "between threads safely"
    another_task(&table); //~ E0277 "between threads safely"
    another_task(&memory); //~ E0277 "between threads safely"
}

fn views(
    unstable: UnstableVma<'_>,
    speculative: SpeculativeVma<'_>,
    speculation: &Speculation<'_>,
    slot: &mut PteSlot<'_, MmapRead>,
) {
    another_task(&unstable); //~ E0277 "between threads safely"
    another_task(&speculative); //~ E0277 "between threads safely"
    another_task(speculation); //~ E0277 "between threads safely"
    another_task(slot); //~ E0277 "between threads safely"
    //~^ E0277 "a view of a VMA belongs to the task that holds its lock"
}

fn of_others(vma: ForeignVma<'_>, cursor: ForeignCursor<'_>, file: FilePages<'_>) {
    another_task(&vma); //~ E0277 "a view of a VMA belongs to the task that holds its lock"
    another_task(&cursor); //~ E0277 "between threads safely"
    another_task(&file); //~ E0277 "between threads safely"
}

fn iterators(
    vmas: Vmas<'_, MmapRead>,
    area: Area<'_, MmapRead>,
    areas: Areas<'_, MmapRead>,
    files: IMmapVmas<'_>,
    anonymous: AnonVmas<'_>,
) {
    another_task(&vmas); //~ E0277 "between threads safely"
    //~^ E0277 "a view of a VMA belongs to the task that holds its lock"
    another_task(&area); //~ E0277 "a view of a VMA belongs to the task that holds its lock"
    another_task(&areas); //~ E0277 "between threads safely"
    //~^ E0277 "a view of a VMA belongs to the task that holds its lock"
    another_task(&files); //~ E0277 "between threads safely"
    another_task(&anonymous); //~ E0277 "between threads safely"
}
