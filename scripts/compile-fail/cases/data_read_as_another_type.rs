// SPDX-License-Identifier: GPL-2.0
//! Operations of a type that is a subtype of another are operations of their own, with data of their
//! own: neither a view nor a fault of theirs is one of the other's.
#![allow(coherence_leak_check)]

use kernel::mm::vma::driver::{
    DriverVma, Fault, HugeFault, MapPages, MkWrite, Plain, ViaMmap, VmOpsTable, VmaOperations,
};
use kernel::mm::vma::{Level, Read};
use kernel::{prelude::*, sync::Arc};

include!("support/module.rs");

struct State;
struct Ops<F>(F);

type OfAny = Ops<for<'a> fn(&'a State)>;
type OfStatic = Ops<fn(&'static State)>;

kernel::vm_operations!(OfAny);
kernel::vm_operations!(OfStatic);

#[vtable]
impl VmaOperations for OfAny {
    type Data = Arc<usize>;
    type PageKind = Plain;
    type Hook = ViaMmap;
}

#[vtable]
impl VmaOperations for OfStatic {
    type Data = Arc<&'static str>;
    type PageKind = Plain;
    type Hook = ViaMmap;
}

#[cfg(misuse)]
type Same = OfStatic;
#[cfg(not(misuse))]
type Same = OfAny;

fn view<L: Level>(vma: &DriverVma<OfAny, L>) -> &DriverVma<Same, L> {
    vma //~ E0308 "one type is more general than the other"
}

fn fault<'a>(fault: Fault<'a, OfAny>) -> Fault<'a, Same> {
    fault //~ E0308 "one type is more general than the other"
}

fn huge_fault<'a>(fault: HugeFault<'a, OfAny>) -> HugeFault<'a, Same> {
    fault //~ E0308 "one type is more general than the other"
}

fn mkwrite<'a>(fault: MkWrite<'a, OfAny>) -> MkWrite<'a, Same> {
    fault //~ E0308 "one type is more general than the other"
}

fn map_pages<'a>(around: MapPages<'a, OfAny>) -> MapPages<'a, Same> {
    around //~ E0308 "one type is more general than the other"
}

fn table(table: VmOpsTable<OfAny>) -> VmOpsTable<Same> {
    table //~ E0308 "one type is more general than the other"
}

#[cfg(misuse)]
fn read(vma: &DriverVma<OfAny, Read>) -> usize {
    let vma: &DriverVma<OfStatic, Read> = vma; //~ E0308 "one type is more general than the other"
    vma.data().len()
}
#[cfg(not(misuse))]
fn read(vma: &DriverVma<OfAny, Read>) -> usize {
    *vma.data()
}
