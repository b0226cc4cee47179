// SPDX-License-Identifier: GPL-2.0
//! Operations of which one type is a subtype of the other are two drivers, with data of two types.

use core::marker::PhantomData;
use kernel::mm::vma::driver::{
    Fault, HugeFault, MapPages, MkWrite, Plain, ViaMmap, VmOpsTable, VmaOperations,
};
use kernel::mm::vma::{DriverVma, Read};
use kernel::prelude::*;

include!("support/module.rs");

struct Ops<F>(PhantomData<F>);

#[vtable]
impl<F: 'static> VmaOperations for Ops<F> {
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmap;
}

type General = Ops<for<'a> fn(&'a u8)>;
#[cfg(misuse)]
type Special = Ops<fn(&'static u8)>;
#[cfg(not(misuse))]
type Special = General;

fn view(vma: &DriverVma<General, Read>) -> &DriverVma<Special, Read> {
    vma //~ E0308 "mismatched types"
}

fn fault<'a>(fault: Fault<'a, General>) -> Fault<'a, Special> {
    fault //~ E0308 "mismatched types"
}

fn huge_fault<'a>(fault: HugeFault<'a, General>) -> HugeFault<'a, Special> {
    fault //~ E0308 "mismatched types"
}

fn mkwrite<'a>(fault: MkWrite<'a, General>) -> MkWrite<'a, Special> {
    fault //~ E0308 "mismatched types"
}

fn map_pages<'a>(around: MapPages<'a, General>) -> MapPages<'a, Special> {
    around //~ E0308 "mismatched types"
}

fn table(table: &VmOpsTable<General>) -> &VmOpsTable<Special> {
    table //~ E0308 "mismatched types"
}
