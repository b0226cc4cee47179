// SPDX-License-Identifier: GPL-2.0
//! The argument of a callback is for this call: its lifetime can be neither shortened nor lengthened.

use kernel::mm::vma::driver::{
    HugeFault, HugeFaultOutcome, MapPages, MkWrite, MkWriteOutcome, Released, VmaOperations,
};

fn huge<'l: 's, 's, T: VmaOperations>(fault: HugeFault<'l, T>, _: &'s ()) -> HugeFaultOutcome<'l> {
    #[cfg(misuse)]
    let fault: HugeFault<'s, T> = fault; //~ error "lifetime may not live long enough"
    fault.fallback()
}

fn write<'l: 's, 's, T: VmaOperations>(fault: MkWrite<'l, T>, _: &'s ()) -> MkWriteOutcome<'l> {
    #[cfg(misuse)]
    let fault: MkWrite<'s, T> = fault; //~ error "lifetime may not live long enough"
    fault.allow()
}

fn around<'l: 's, 's, T: VmaOperations>(around: &mut MapPages<'l, T>, _: &'s ()) {
    #[cfg(misuse)]
    let around: &mut MapPages<'s, T> = around; //~ error "lifetime may not live long enough"
    around.pgoffs();
}

fn answers<'l: 's, 's>(
    huge: HugeFaultOutcome<'l>,
    write: MkWriteOutcome<'l>,
    released: Released<'l>,
    _: &'s (),
) {
    #[cfg(misuse)]
    let (_huge, _write, _released): (HugeFaultOutcome<'s>, MkWriteOutcome<'s>, Released<'s>) = //~ error "lifetime may not live long enough"
        (huge, write, released);
    #[cfg(not(misuse))]
    let (_huge, _write, _released): (HugeFaultOutcome<'l>, MkWriteOutcome<'l>, Released<'l>) =
        (huge, write, released);
}
