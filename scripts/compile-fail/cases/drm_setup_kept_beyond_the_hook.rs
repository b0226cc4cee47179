// SPDX-License-Identifier: GPL-2.0
//@needs: CONFIG_DRM
//! The answer of a DRM driver has the VMA in it: it is for the call of the hook, and for the VMA that
//! the hook was called for. `drm_gem_mmap()` is called with that one, whatever the answer has.

use kernel::drm::mmap::FileMapping;
use kernel::mm::vma::driver::VmaSetup;

fn keep<'a>(
    #[cfg(misuse)] device: &mut Option<FileMapping<'static>>,
    #[cfg(not(misuse))] device: &mut Option<FileMapping<'a>>,
    mapping: FileMapping<'a>,
) {
    *device = Some(mapping); //~ error "assignment requires that `'a` must outlive `'static`"
}

fn answer<'a, 'b: 'a>(mine: VmaSetup<'a>, other: VmaSetup<'b>) -> FileMapping<'a> {
    #[cfg(misuse)]
    let (mine, other) = (other, mine);
    drop(other);
    FileMapping::Object(mine) //~ error "lifetime may not live long enough"
}

fn answer_with_another<'a, 'b: 'a>(
    mine: FileMapping<'a>,
    other: FileMapping<'b>,
) -> FileMapping<'a> {
    #[cfg(misuse)]
    let (mine, other) = (other, mine);
    drop(other);
    mine //~ error "lifetime may not live long enough"
}
