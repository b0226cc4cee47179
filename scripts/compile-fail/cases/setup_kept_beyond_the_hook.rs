// SPDX-License-Identifier: GPL-2.0
//! A setup is for the call of the hook: after that the VMA is found by others, and written under
//! locks. So is its end, which takes operations and data away again if it is dropped.

use kernel::mm::vma::driver::{Mapped, Prepared, VmaDesc, VmaSetup};

fn keep_setup<'a>(
    #[cfg(misuse)] device: &mut Option<VmaSetup<'static>>,
    #[cfg(not(misuse))] device: &mut Option<VmaSetup<'a>>,
    setup: VmaSetup<'a>,
) {
    *device = Some(setup); //~ error "assignment requires that `'a` must outlive `'static`"
}

fn keep_desc<'a>(
    #[cfg(misuse)] device: &mut Option<VmaDesc<'static>>,
    #[cfg(not(misuse))] device: &mut Option<VmaDesc<'a>>,
    desc: VmaDesc<'a>,
) {
    *device = Some(desc); //~ error "assignment requires that `'a` must outlive `'static`"
}

fn keep_mapped<'a>(
    #[cfg(misuse)] device: &mut Option<Mapped<'static>>,
    #[cfg(not(misuse))] device: &mut Option<Mapped<'a>>,
    mapped: Mapped<'a>,
) {
    *device = Some(mapped); //~ error "assignment requires that `'a` must outlive `'static`"
}

fn keep_prepared<'a>(
    #[cfg(misuse)] device: &mut Option<Prepared<'static>>,
    #[cfg(not(misuse))] device: &mut Option<Prepared<'a>>,
    prepared: Prepared<'a>,
) {
    *device = Some(prepared); //~ error "assignment requires that `'a` must outlive `'static`"
}
